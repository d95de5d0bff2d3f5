#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    claim::ClaimKind,
    ids::ClaimNo,
    outcome::{ClaimOutcome, ClaimStanding},
    task::TaskState,
    time::Timestamp,
};

const STANDINGS: [ClaimStanding; 3] = [ClaimStanding::Supported, ClaimStanding::Contradicted, ClaimStanding::Unproven];

fn agent() -> AgentId {
    "nightly".parse().unwrap()
}

fn result(task: usize, claims: &[(ClaimKind, ClaimStanding)], rules: &[&str]) -> TaskResult {
    let claim = |(kind, standing): &(ClaimKind, ClaimStanding)| ClaimOutcome {
        claim: ClaimNo(1),
        kind: kind.clone(),
        standing: *standing,
        strength: None,
    };
    TaskResult {
        task: format!("t{task}").parse().unwrap(),
        agent: Some(agent()),
        runtime: "cli".parse().unwrap(),
        state: TaskState::Completed,
        unproved: false,
        started_at: Timestamp::from_micros(0),
        ended_at: None,
        claims: claims.iter().map(claim).collect(),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
    }
}

fn completions(standings: &[ClaimStanding]) -> Vec<TaskResult> {
    standings.iter().enumerate().map(|(n, of)| result(n, &[(ClaimKind::Completion, *of)], &[])).collect()
}

fn graded(supported: usize, contradicted: usize, unproven: usize) -> Score {
    let of = |standing, count| vec![standing; count];
    let all = [
        of(ClaimStanding::Supported, supported),
        of(ClaimStanding::Contradicted, contradicted),
        of(ClaimStanding::Unproven, unproven),
    ];
    score(&agent(), &completions(&all.concat()))
}

/// Against the published values of Wilson's interval.
#[test]
fn a_share_is_wilsons_interval_rounded_outward() {
    for (some, all, from, to) in [
        (0, 10, 0, 28),
        (10, 10, 72, 100),
        (5, 10, 23, 77),
        (81, 263, 25, 37),
        (15, 148, 6, 17),
        (0, 20, 0, 17),
        (1, 29, 0, 18),
        (16, 16, 80, 100),
        (1, 1, 20, 100),
    ] {
        assert_eq!(Share::of(some, all, 1), Some(Share { from, to }), "{some} of {all}");
    }
    assert_eq!((Share::of(4, 4, 5), Share::of(0, 0, 0), Share::of(2, 1, 1)), (None, None, None));
}

#[test]
fn few_claims_have_no_grade_and_a_good_one_takes_sixteen() {
    for (supported, contradicted, unproven, grade) in [
        (0, 0, 0, Grade::TooFew),
        (4, 0, 0, Grade::TooFew),
        (0, 4, 0, Grade::TooFew),
        (5, 0, 0, Grade::Mixed),
        (15, 0, 0, Grade::Mixed),
        (16, 0, 0, Grade::Reliable),
        (16, 1, 0, Grade::Mixed),
        (100, 1, 0, Grade::Mixed),
        (100, 0, 10, Grade::Reliable),
        (0, 0, 100, Grade::Mixed),
        (10, 10, 0, Grade::Unreliable),
        (3, 2, 0, Grade::Unreliable),
        (4, 1, 0, Grade::Mixed),
    ] {
        let told = graded(supported, contradicted, unproven);
        assert_eq!(told.grade, grade, "{supported} {contradicted} {unproven}: {told:?}");
        let counted = usize::try_from(told.claims.all()).unwrap();
        assert_eq!(counted, supported + contradicted + unproven);
        assert_eq!(told.supported_percent.is_some(), counted >= 5);
    }
}

#[test]
fn what_others_did_and_older_captures_of_a_task_do_not_count() {
    let mut others = result(1, &[(ClaimKind::Completion, ClaimStanding::Contradicted)], &["a/b"]);
    others.agent = Some("other".parse().unwrap());
    let nobodys = TaskResult { agent: None, ..others.clone() };
    let newest = result(2, &[(ClaimKind::Completion, ClaimStanding::Supported)], &[]);
    let older = result(2, &[(ClaimKind::Completion, ClaimStanding::Unproven)], &["a/b"]);
    let all = [others, nobodys, newest, older];
    let told = score(&agent(), &all);
    assert_eq!((told.tasks, told.claims.supported, told.claims.all()), (1, 1, 1));
    assert!(learning(&agent(), &all).caught_by.is_empty() && trust(&agent(), &all).packs.is_empty());
}

#[test]
fn learning_names_rules_and_the_evidence_that_was_missing() {
    use ClaimKind::{Completion, FileWritten, TestsPassed};
    let results = [
        result(1, &[(Completion, ClaimStanding::Unproven)], &["completion-integrity/completion_unproven"]),
        result(
            2,
            &[(Completion, ClaimStanding::Unproven), (TestsPassed, ClaimStanding::Contradicted)],
            &["completion-integrity/completion_unproven", "evidence-freshness/stale"],
        ),
        result(3, &[(Completion, ClaimStanding::Supported), (FileWritten, ClaimStanding::Supported)], &["a/quiet"]),
    ];
    let told = learning(&agent(), &results);
    let rules: Vec<_> =
        told.caught_by.iter().map(|of| (of.rule.as_str(), of.tasks, of.contradicted, of.unproven)).collect();
    assert_eq!(
        rules,
        [
            ("completion-integrity/completion_unproven", 2, 1, 1),
            ("a/quiet", 1, 0, 0),
            ("evidence-freshness/stale", 1, 1, 0)
        ]
    );
    let missing: Vec<_> = told.missing.iter().map(|of| (of.claim.as_str(), of.unproven, of.contradicted)).collect();
    assert_eq!(missing, [("completion", 2, 0), ("tests_passed", 0, 1)]);
    assert_eq!(told.missing[1].wanted, ["test_report", "command"]);
}

#[test]
fn a_packs_word_is_trusted_as_far_as_it_proved_right() {
    let spoke = |count: usize, from: usize, standing| {
        (from..from + count).map(move |n| result(n, &[(ClaimKind::Completion, standing)], &["strict/a", "strict/b"]))
    };
    let level = |right: usize, wrong: usize| {
        let results: Vec<_> =
            spoke(right, 0, ClaimStanding::Unproven).chain(spoke(wrong, right, ClaimStanding::Supported)).collect();
        let told = trust(&agent(), &results);
        assert_eq!((told.packs["strict"].spoke, told.packs["strict"].right), ((right + wrong) as u64, right as u64));
        told.packs["strict"].level
    };
    assert_eq!(level(4, 0), TrustLevel::Unknown);
    assert_eq!(level(5, 0), TrustLevel::Some);
    assert_eq!(level(16, 0), TrustLevel::High);
    assert_eq!(level(0, 5), TrustLevel::Low);
    assert_eq!(level(5, 5), TrustLevel::Some);
    // What it let pass is told too.
    let missed = result(9, &[(ClaimKind::Completion, ClaimStanding::Contradicted)], &["other/rule"]);
    let told = trust(&agent(), &spoke(1, 0, ClaimStanding::Unproven).chain([missed]).collect::<Vec<_>>());
    assert_eq!((told.packs["strict"].silent, told.packs["other"].silent), (1, 0));
}

#[test]
fn what_is_kept_reads_back() {
    let results = [result(1, &[(ClaimKind::Other("tidied".to_owned()), ClaimStanding::Unproven)], &["a/b"])];
    let (score, learning, trust) = (score(&agent(), &results), learning(&agent(), &results), trust(&agent(), &results));
    assert_eq!(serde_json::from_str::<Score>(&serde_json::to_string(&score).unwrap()).unwrap(), score);
    assert_eq!(serde_json::from_str::<Learning>(&serde_json::to_string(&learning).unwrap()).unwrap(), learning);
    assert_eq!(serde_json::from_str::<Trust>(&serde_json::to_string(&trust).unwrap()).unwrap(), trust);
}

fn standings() -> impl Strategy<Value = Vec<ClaimStanding>> {
    prop::collection::vec(prop::sample::select(STANDINGS.to_vec()), 0..60)
}

fn some_results() -> impl Strategy<Value = Vec<TaskResult>> {
    let rules = prop::collection::btree_set(prop::sample::select(vec!["a/x", "a/y", "b/x", "c/z"]), 0..4);
    let one = (prop::collection::vec(prop::sample::select(STANDINGS.to_vec()), 0..4), rules);
    prop::collection::vec(one, 0..20).prop_map(|all| {
        let results = all.into_iter().enumerate().map(|(n, (standings, rules))| {
            let claims: Vec<_> = standings.into_iter().map(|of| (ClaimKind::Completion, of)).collect();
            result(n, &claims, &rules.into_iter().collect::<Vec<_>>())
        });
        results.collect()
    })
}

proptest! {
    /// The order of tasks says nothing, and a result that is there twice says nothing more.
    #[test]
    fn order_and_repeats_do_not_matter(results in some_results()) {
        let mut other: Vec<_> = results.iter().rev().cloned().collect();
        other.extend(results.iter().cloned());
        prop_assert_eq!(score(&agent(), &results), score(&agent(), &other));
        prop_assert_eq!(learning(&agent(), &results), learning(&agent(), &other));
        prop_assert_eq!(trust(&agent(), &results), trust(&agent(), &other));
    }

    /// One more supported claim makes no score worse, and one more contradicted claim none better.
    #[test]
    fn more_evidence_moves_a_score_its_way(of in standings()) {
        let with = |more: ClaimStanding| score(&agent(), &completions(&[of.clone(), vec![more]].concat()));
        let before = score(&agent(), &completions(&of));
        let (better, worse) = (with(ClaimStanding::Supported), with(ClaimStanding::Contradicted));
        if let (Some(was), Some(better), Some(worse)) = (before.supported_percent, better.supported_percent, worse.supported_percent) {
            prop_assert!(better.from >= was.from && worse.from <= was.from);
        }
        if before.grade != Grade::TooFew {
            prop_assert!(better.grade >= before.grade && worse.grade <= before.grade, "{:?} {:?} {:?}", before, better, worse);
        }
    }

    /// A share lies where it says, within 0 and 100, and more of as many says more.
    #[test]
    fn a_share_holds_what_it_is_of((some, all) in (1_u64..100_000).prop_flat_map(|all| (0..=all, Just(all)))) {
        let share = Share::of(some, all, 1).unwrap();
        let exact = some * 100;
        prop_assert!(u64::from(share.from) * all <= exact && exact <= u64::from(share.to) * all);
        prop_assert!(share.to <= 100);
        if some < all {
            let next = Share::of(some + 1, all, 1).unwrap();
            prop_assert!(next.from >= share.from && next.to >= share.to);
        }
        let more = Share::of(some * 10, all * 10, 1).unwrap();
        prop_assert!(more.from >= share.from && more.to <= share.to);
    }

    /// Every rule and every unsupported claim is counted once.
    #[test]
    fn nothing_is_lost_or_counted_twice(results in some_results()) {
        let told = learning(&agent(), &results);
        let rules: u64 = told.caught_by.iter().map(|of| of.tasks).sum();
        prop_assert_eq!(rules, results.iter().map(|of| of.rules.len() as u64).sum::<u64>());
        let missing: u64 = told.missing.iter().map(|of| of.unproven + of.contradicted).sum();
        let score = score(&agent(), &results);
        prop_assert_eq!(missing, score.claims.unproven + score.claims.contradicted);
        let packs: BTreeSet<_> = results.iter().flat_map(|of| &of.rules).filter_map(|rule| rule.split('/').next()).collect();
        prop_assert_eq!(trust(&agent(), &results).packs.len(), packs.len());
    }
}
