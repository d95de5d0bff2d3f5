//! Truths that never bend, as far as evaluation carries them.

use std::collections::{BTreeMap, BTreeSet};

use candor_core::{
    capability::{CAPABILITIES, Capabilities, Capability},
    decision::{CapabilityGap, Obligation, Verdict},
    facts::Facts,
    pack::{Direction, PackSet, Stricter, core_sources, effective},
};

use super::arbitrary::CORE;

#[test]
fn truth_4_a_profile_tunes_within_bounds() {
    for tunable in CORE.packs().iter().flat_map(|pack| &pack.tunables) {
        let weaker_end = match tunable.stricter {
            Stricter::Higher => *tunable.bounds().start(),
            Stricter::Lower => *tunable.bounds().end(),
        };
        if tunable.direction == Direction::StrengthenOnly {
            assert_eq!(weaker_end, tunable.default, "{} can be weakened", tunable.name);
        }
        for (value, fits) in [
            (tunable.bounds().start() - 1, false),
            (*tunable.bounds().start(), true),
            (*tunable.bounds().end(), true),
            (tunable.bounds().end() + 1, false),
        ] {
            let tuned = BTreeMap::from([(tunable.name.clone(), value)]);
            let loaded = CORE.with_tuning(&tuned);
            assert_eq!(loaded.is_ok(), fits, "{} = {value}", tunable.name);
            if let Err(errors) = loaded {
                let told = errors.to_string();
                let bounds = tunable.bounds();
                assert!(told.contains(&format!("`{}`", tunable.name)), "{told}");
                assert!(told.contains(&format!("{} to {}", bounds.start(), bounds.end())), "{told}");
                assert_eq!(PackSet::load(&core_sources(), &tuned).unwrap_err().to_string(), told);
            }
        }
    }
    let tuned = BTreeMap::from([("completion_min_strenght".to_owned(), 4)]);
    let told = CORE.with_tuning(&tuned).unwrap_err().to_string();
    assert_eq!(
        told,
        "`completion_min_strenght` is tuned, but no loaded pack has such a tunable; did you mean `completion_min_strength`?"
    );
}

#[test]
fn truth_4_facts_can_not_bring_a_weaker_threshold() {
    let mut facts = Facts::default();
    facts.threshold.insert("completion_block_below".to_owned(), 0);
    facts.threshold.insert("completion_min_strength".to_owned(), 0);
    assert_eq!(CORE.evaluate("task.completed", &facts, Verdict::Allow).requested, Verdict::BlockCompletion);
}

#[test]
fn truth_9_a_decision_records_what_took_effect() {
    let fallbacks = [
        (Verdict::BlockCompletion, Capability::InlineCompletionBlock, Verdict::DowngradeStatus),
        (Verdict::BlockDispatch, Capability::InlineDispatchBlock, Verdict::ForceReviewNotice),
        (Verdict::ForceCheckpoint, Capability::ForcedCheckpoint, Verdict::ForceReviewNotice),
    ];
    for verdict in Verdict::ALL.iter().copied() {
        let all = Capabilities(CAPABILITIES.into_iter().collect());
        assert_eq!(effective(verdict, &all), (verdict, None));
        let fallback = fallbacks.iter().find(|(asked, ..)| *asked == verdict);
        let expected = match fallback {
            Some(&(asked, missing, instead)) => (instead, Some(CapabilityGap { asked, missing, instead })),
            None => (verdict, None),
        };
        assert_eq!(effective(verdict, &Capabilities::default()), expected);
        if let Some((_, missing, _)) = fallback {
            let mut but_one = all;
            but_one.0.remove(missing);
            assert_eq!(effective(verdict, &but_one), expected, "only `{}` matters", missing.as_str());
        }
    }
    let evaluation = CORE.evaluate("task.completed", &Facts::default(), Verdict::Allow);
    let settled = evaluation.settle(&Capabilities::default());
    assert_eq!((evaluation.requested, settled.effective), (Verdict::BlockCompletion, Verdict::DowngradeStatus));
    assert_eq!(settled.gap.map(|gap| gap.missing), Some(Capability::InlineCompletionBlock));
    assert_eq!(
        settled.obligations,
        BTreeSet::from([Obligation::NotifyOperator, Obligation::AttachCapabilityGap]),
        "a block that can't be done is told"
    );
}
