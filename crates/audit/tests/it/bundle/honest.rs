use candor_audit::bundle::{
    manifest::{Headers, Selection},
    verdict::{Anchor, Complete},
};
use proptest::prelude::*;

use super::log::{Plan, bundle, checked, made, task};

#[test]
fn an_honest_bundle_is_intact_and_says_what_it_leaves_open() {
    let made = made(20);
    let verdict = checked(&bundle(&made, &Plan::of(task(Headers::Range))), &[]).unwrap();
    assert_eq!(verdict.complete, Complete::Range { from: 1, to: 20 });
    assert_eq!((verdict.artifacts, verdict.headers, verdict.gaps), (7, 19, 1));
    assert_eq!(verdict.anchored, Anchor::SignerOnly);
    assert!(verdict.not_proved.iter().any(|open| open.contains("--known")), "{:?}", verdict.not_proved);
}

#[test]
fn selected_headers_leave_the_last_record_to_the_signer() {
    let verdict = checked(&bundle(&made(20), &Plan::of(task(Headers::Selected))), &[]).unwrap();
    assert_eq!(verdict.complete, Complete::UpToLastShown { last: Some(19) });
    assert!(verdict.not_proved.iter().any(|open| open.contains("rests on the signer")));
}

#[test]
fn a_known_head_inside_the_shown_records_anchors_the_log() {
    let made = made(20);
    let bytes = bundle(&made, &Plan::of(task(Headers::Range)));
    let verdict = checked(&bytes, &[made.head(9)]).unwrap();
    assert_eq!(verdict.anchored, Anchor::KnownHead { size: 9 });
}

#[test]
fn a_known_head_before_the_shown_records_is_met_where_the_exporter_was_asked_for_it() {
    let made = made(20);
    let window = |headers| Selection::Window {
        from: "2026-11-23T09:03:13.123456Z".into(),
        to: "2026-11-23T09:03:15.123456Z".into(),
        headers,
    };
    for headers in [Headers::Range, Headers::Selected] {
        let without = checked(&bundle(&made, &Plan::of(window(headers))), &[made.head(5)]).unwrap();
        assert_eq!(without.anchored, Anchor::SignerOnly);
        assert!(without.not_proved.iter().any(|open| open.contains("--since-head")), "{:?}", without.not_proved);
        let plan = Plan { split_at: Some(5), ..Plan::of(window(headers)) };
        let with = checked(&bundle(&made, &plan), &[made.head(5)]).unwrap();
        assert_eq!(with.anchored, Anchor::KnownHead { size: 5 });
    }
}

#[test]
fn where_records_are_not_numbered_what_came_before_the_first_stays_open() {
    let open = |selection| checked(&bundle(&made(20), &Plan::of(selection)), &[]).unwrap().not_proved;
    let before = |open: &[String]| open.iter().any(|words| words.contains("came before record"));
    assert!(before(&open(Selection::Correlation { correlation_id: "c-1".into(), headers: Headers::Range })));
    assert!(!before(&open(Selection::Correlation { correlation_id: "c-0".into(), headers: Headers::Range })));
    assert!(!before(&open(task(Headers::Range))));
}

#[test]
fn a_withheld_record_is_counted_and_named_as_open() {
    let plan = Plan { withhold: Some(7), ..Plan::of(task(Headers::Range)) };
    let verdict = checked(&bundle(&made(20), &plan), &[]).unwrap();
    assert_eq!((verdict.artifacts, verdict.withheld), (6, 1));
}

#[test]
fn a_redacted_bundle_holds_and_does_not_have_the_values() {
    let plan = Plan { redact: &["/secret"], ..Plan::of(task(Headers::Range)) };
    let bytes = bundle(&made(20), &plan);
    let verdict = checked(&bytes, &[]).unwrap();
    assert_eq!(verdict.redacted, 7);
    assert!(!bytes.windows(4).any(|window| window == b"pin-"));
}

#[test]
fn a_bundle_of_nothing_is_intact_and_says_so() {
    let selection = Selection::Task { task_id: "nobody".into(), headers: Headers::Range };
    let verdict = checked(&bundle(&made(9), &Plan::of(selection)), &[]).unwrap();
    assert_eq!((verdict.artifacts, verdict.headers), (0, 0));
    assert_eq!(verdict.complete, Complete::UpToLastShown { last: None });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_honest_bundle_is_refused(
        count in 1_u64..40, range: bool, by in 0..3_usize, split: Option<u64>, known in 0_usize..40, redacted: bool, withhold: bool,
    ) {
        let made = made(count);
        let headers = if range { Headers::Range } else { Headers::Selected };
        let selection = match by {
            0 => task(headers),
            1 => Selection::Correlation { correlation_id: "c-1".into(), headers },
            _ => Selection::Window { from: "2026-11-23T09:03:03.123456Z".into(), to: "2026-11-23T09:03:20.123456Z".into(), headers },
        };
        let picked = made.records.iter().find(|record| super::log::chosen(&selection, &record.header));
        let plan = Plan {
            redact: if redacted { &["/secret", "/list/0"] } else { &[] },
            split_at: split.map(|at| at % (count + 1)),
            withhold: picked.filter(|_| withhold).map(|record| record.header.index),
            selection,
        };
        let known = made.head(known.min(count as usize));
        prop_assert!(checked(&bundle(&made, &plan), &[known]).is_ok());
    }
}

/// Bundles as files: each later release verifies them, and writes the same bytes. `CANDOR_UPDATE_GOLDEN=1` after a change of the format
/// that is meant, with a new version.
#[test]
fn bundles_of_this_version_stay_as_they_are() {
    let made = made(8);
    let redacted = Plan { redact: &["/secret"], ..Plan::of(task(Headers::Selected)) };
    for (name, plan) in [("whole", Plan::of(task(Headers::Range))), ("redacted", redacted)] {
        let path = format!("{}/tests/golden/bundles/{name}-v1.tar", env!("CARGO_MANIFEST_DIR"));
        let bytes = bundle(&made, &plan);
        if std::env::var_os("CANDOR_UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let kept = std::fs::read(&path).unwrap();
        assert!(checked(&kept, &[]).is_ok(), "{name}");
        assert!(kept == bytes, "{name} is written in other bytes than before");
    }
}
