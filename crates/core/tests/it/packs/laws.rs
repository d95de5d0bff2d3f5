//! The laws of evaluation, on generated facts.

use std::{collections::BTreeMap, sync::LazyLock};

use candor_core::{
    decision::{Decision, Severity, Verdict},
    evidence::{Bearing, Freshness, STRENGTHS},
    facts::{ClaimFacts, Facts},
    ids::{DecisionNo, EventNo},
    pack::{Evaluation, PackSet, PackSource, Stricter, Subject, core_sources},
    time::Timestamp,
};
use proptest::{prelude::*, sample::select};

use super::arbitrary::{CORE, event_type, facts, records, tuning, verdict};

/// The core packs loaded in other orders, and with packs given twice.
static SHUFFLED: LazyLock<Vec<PackSet>> = LazyLock::new(|| {
    let sources = core_sources();
    let mut reversed = sources.clone();
    reversed.reverse();
    let doubled = [&sources[3..], &sources[..], &sources[..5]].concat();
    [reversed, doubled].iter().map(|sources| PackSet::load(sources, &BTreeMap::new()).unwrap()).collect()
});

/// A pack whose one rule overflows for a silence of two seconds or more.
static OVERFLOWING: LazyLock<PackSet> = LazyLock::new(|| {
    let manifest = "id: overflowing\nversion: 1.0.0\ntitle: Overflowing\nsummary: Overflows.\n";
    let rules = r#"
@id("overflows") @verdict("block_dispatch") @severity("critical") @obligations("escalate")
@message("It overflows.") @change("Be quick.")
permit (principal, action == Action::"task.missed", resource)
when { context.task.silent_s * 9223372036854775807 < 0 };
@id("plain") @verdict("allow_with_label") @severity("info") @message("Plain.") @change("Nothing.")
permit (principal, action == Action::"task.missed", resource);
"#;
    let source = PackSource::new("overflowing", [("pack.yaml", manifest), ("rules.cedar", rules)]);
    PackSet::load(&[source], &BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors}"))
});

proptest! {
    #[test]
    fn law_strongest_wins(on in event_type(), facts in facts(), default in verdict()) {
        let evaluation = CORE.evaluate(on, &facts, default);
        for hit in &evaluation.rules {
            prop_assert!(hit.verdict <= evaluation.requested);
            prop_assert!(hit.severity <= evaluation.severity);
            prop_assert!(hit.obligations.is_subset(&evaluation.obligations));
        }
        if let Some(first) = evaluation.rules.first() {
            prop_assert_eq!(first.verdict, evaluation.requested);
        }
        prop_assert!(evaluation.rules.windows(2).all(|pair| pair[0].verdict >= pair[1].verdict));
    }

    /// From the record alone, and by packs that were loaded anew from their text.
    #[test]
    fn truth_8_a_recorded_decision_is_made_again_the_same(
        on in event_type(), facts in facts(), default in verdict(), tuned in tuning(), other in tuning(),
    ) {
        let packs = CORE.with_tuning(&tuned).unwrap();
        let facts = Facts { threshold: packs.tuned(), ..facts };
        let about = Subject {
            no: DecisionNo(7),
            event: EventNo(9),
            event_type: on.to_owned(),
            task: Some("nightly".parse().unwrap()),
            claim: None,
            correlation: "e-9".parse().unwrap(),
            at: Timestamp::default(),
        };
        let made = packs.decide(about, &facts, default);
        let recorded: Decision = serde_json::from_value(serde_json::to_value(&made).unwrap()).unwrap();
        let anew = PackSet::load(&core_sources(), &tuned).unwrap();
        prop_assert_eq!(&anew.decide_again(&recorded, default).unwrap(), &made);
        // The tuning is that of the packs, whatever the record says.
        let forged = Decision { facts: Facts { threshold: other.clone(), ..facts }.to_value(), ..recorded };
        let again = anew.decide_again(&forged, default).unwrap();
        prop_assert_eq!(&again, &made);
    }

    #[test]
    fn law_order_and_duplicates_do_not_matter(
        on in event_type(), facts in facts(), default in verdict(), turn in 0..20_usize,
    ) {
        let evaluation = CORE.evaluate(on, &facts, default);
        for packs in SHUFFLED.iter() {
            prop_assert_eq!(&packs.evaluate(on, &facts, default), &evaluation);
        }
        let mut hits = [evaluation.rules.clone(), evaluation.rules.clone()].concat();
        let turn = turn.min(hits.len());
        hits.rotate_left(turn);
        prop_assert_eq!(Evaluation::of(hits, default), evaluation);
    }

    #[test]
    fn law_no_match_is_the_default(on in event_type(), facts in facts(), default in verdict()) {
        let evaluation = CORE.evaluate(on, &facts, default);
        prop_assert_eq!(evaluation.matched, !evaluation.rules.is_empty());
        if !evaluation.matched {
            prop_assert_eq!(evaluation.requested, default);
            prop_assert_eq!(evaluation.severity, Severity::Info);
            prop_assert!(evaluation.obligations.is_empty());
        }
        for unruled in ["tool.started", "no.such.event"] {
            prop_assert_eq!(CORE.evaluate(unruled, &facts, default).requested, default);
        }
    }

    #[test]
    fn law_evaluation_is_deterministic(on in event_type(), facts in facts(), tuning in tuning()) {
        let bytes = |packs: &PackSet, facts: &Facts| {
            serde_json::to_string(&packs.evaluate(on, facts, Verdict::Allow).rules).unwrap()
        };
        let first = CORE.with_tuning(&tuning).unwrap();
        // A decision is replayed from what it recorded: the facts, and in them the tuning.
        let recorded = Facts { threshold: first.tuned(), ..facts.clone() }.to_value();
        let replayed = Facts::from_value(&recorded).unwrap();
        let again = SHUFFLED[0].with_tuning(&replayed.threshold).unwrap();
        prop_assert_eq!(bytes(&first, &facts), bytes(&again, &replayed));
    }

    #[test]
    fn law_more_support_is_never_stricter(
        on in event_type(), facts in facts(), records in records(), strength in select(&STRENGTHS[..]), tuning in tuning(),
    ) {
        let packs = CORE.with_tuning(&tuning).unwrap();
        let with = |records: &[_]| Facts {
            claim: ClaimFacts { ..facts.claim.clone() }.weighed(records.iter().copied()),
            ..facts.clone()
        };
        let more = [&records[..], &[(Bearing::Supports, strength, Freshness::Fresh)]].concat();
        let before = packs.evaluate(on, &with(&records), Verdict::Allow);
        let after = packs.evaluate(on, &with(&more), Verdict::Allow);
        prop_assert!(after.requested <= before.requested, "{:?} then {:?}", before, after);
        prop_assert!(after.severity <= before.severity);
        prop_assert!(after.obligations.is_subset(&before.obligations));
    }

    #[test]
    fn law_a_stricter_threshold_is_never_weaker(on in event_type(), facts in facts(), tuning in tuning(), which in 0..16_usize) {
        let tunables: Vec<_> = CORE.packs().iter().flat_map(|pack| &pack.tunables).collect();
        let tunable = tunables[which % tunables.len()];
        let mut stricter = tuning.clone();
        let end = match tunable.stricter {
            Stricter::Higher => *tunable.bounds().end(),
            Stricter::Lower => *tunable.bounds().start(),
        };
        stricter.insert(tunable.name.clone(), end);
        let before = CORE.with_tuning(&tuning).unwrap().evaluate(on, &facts, Verdict::Allow);
        let after = CORE.with_tuning(&stricter).unwrap().evaluate(on, &facts, Verdict::Allow);
        prop_assert!(after.requested >= before.requested, "{}: {:?} then {:?}", tunable.name, before, after);
    }

    #[test]
    fn law_errors_fail_closed(silent_s in any::<i64>(), default in verdict()) {
        let mut facts = Facts::default();
        facts.task.silent_s = silent_s;
        let evaluation = OVERFLOWING.evaluate("task.missed", &facts, default);
        let overflows = evaluation.rules.iter().find(|hit| hit.rule == "overflowing/overflows");
        if silent_s.checked_mul(i64::MAX).is_some() {
            prop_assert_eq!(overflows.is_some(), silent_s < 0);
        } else {
            let hit = overflows.expect("a rule that can't be evaluated applies");
            prop_assert!(hit.error.as_ref().is_some_and(|error| error.contains("overflow")), "{:?}", hit.error);
            prop_assert_eq!(evaluation.requested, Verdict::BlockDispatch);
            prop_assert_eq!(evaluation.rules.len(), 2);
        }
    }
}
