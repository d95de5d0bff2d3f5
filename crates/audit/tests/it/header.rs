use std::collections::BTreeSet;

use candor_audit::canonical;
use candor_audit::commit::Nonce;
use candor_audit::header::{Header, HeaderError, MAX_HEADER_BYTES, TaskLink};
use candor_audit::kind::{Kind, MAX_ID_BYTES, artifact_ref};
use candor_audit::merkle::{Hash, log_leaf};
use candor_audit::seal::{SealError, SealInput, seal};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::arbitrary;

const LINE: &str = concat!(
    r#"{"at":"2026-11-23T09:02:58.123456Z","commit":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","#,
    r#""correlation_id":"corr-1","index":53,"kind":"event","ref":"state/long-task-watchdog-events/e-12.json","#,
    r#""task_id":"task-123","task_prev":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=","task_seq":2,"v":1}"#,
);

fn changed(from: &str, to: &str) -> Result<Header, HeaderError> {
    assert!(LINE.contains(from), "{from}");
    Header::parse(LINE.replacen(from, to, 1).as_bytes())
}

static BODY: Value = Value::Null;
static NONCE: Nonce = Nonce([0; 32]);

fn seal_with<'a>(change: impl FnOnce(&mut SealInput<'a>)) -> Result<Vec<u8>, SealError> {
    let mut input = SealInput {
        index: 0,
        at_us: 0,
        kind: Kind::Event,
        id: "e-1",
        task: None,
        correlation_id: None,
        body: &BODY,
        nonce: &NONCE,
    };
    change(&mut input);
    seal(input).map(|sealed| sealed.header_line)
}

#[test]
fn a_line_reads_back_with_all_of_its_fields() {
    let header = Header::parse(LINE.as_bytes()).unwrap();
    assert_eq!((header.index, header.at_us, header.kind), (53, 1_795_424_578_123_456, Kind::Event));
    assert_eq!(header.artifact_ref(), "state/long-task-watchdog-events/e-12.json");
    assert_eq!(header.task, Some(TaskLink { task_id: "task-123".into(), seq: 2, prev: Some([1; 32]) }));
    assert_eq!(header.correlation_id.as_deref(), Some("corr-1"));
    assert_eq!(header.commit.0, [0; 32]);
    assert_eq!(header.line(), LINE.as_bytes());
    assert_eq!(header.leaf_hash(), log_leaf(LINE.as_bytes()));
}

#[test]
fn fields_that_hold_something_else_are_refused() {
    for (from, to, field) in [
        ("\"v\":1", "\"v\":2", "v"),
        ("\"event\"", "\"evemt\"", "kind"),
        ("\"event\"", "\"receipt\"", "ref"),
        (".json", ".jsonl", "ref"),
        ("2026-11-23T", "2026-11-31T", "at"),
        ("AAA=", "AAB=", "commit"),
        ("AAA=", "AA==", "commit"),
        ("QE=", "Q", "task_prev"),
        ("\"task_id\":\"task-123\"", "\"task_id\":null", "task_seq"),
        ("\"task_seq\":2", "\"task_seq\":null", "task_seq"),
    ] {
        assert_eq!(changed(from, to), Err(HeaderError::Field(field)), "{from} -> {to}");
    }
}

#[test]
fn a_ref_cannot_lead_out_of_its_folder() {
    for id in ["..", "../x", "a/b", "/etc/passwd", "", "-rf", "a.b", "A", "é", "a b", "a\0", "a\\b", &"a".repeat(65)] {
        assert!(artifact_ref(Kind::Event, id).is_err(), "{id:?}");
        assert!(seal_with(|input| input.id = id).is_err(), "{id:?}");
    }
    assert!(matches!(changed("e-12", "../../e"), Err(HeaderError::Id(_))));
    assert!(artifact_ref(Kind::Event, &"a".repeat(MAX_ID_BYTES)).is_ok());
    assert_eq!(artifact_ref(Kind::Receipt, "r-9").unwrap(), "state/operator-notify-bridge-receipts/r-9.json");
}

#[test]
fn a_task_chain_begins_at_one_without_predecessor_and_goes_on_with_one() {
    let seq =
        |seq, prev: Option<Hash>| seal_with(|input| input.task = Some(TaskLink { task_id: "t".into(), seq, prev }));
    assert!(seq(1, None).is_ok());
    assert!(seq(2, Some([0; 32])).is_ok());
    for (number, prev) in [(0, None), (0, Some([0; 32])), (1, Some([0; 32])), (2, None)] {
        assert!(matches!(seq(number, prev), Err(SealError::Header(HeaderError::Link { .. }))), "{number}");
    }
    assert!(matches!(changed("\"task_seq\":2", "\"task_seq\":1"), Err(HeaderError::Link { .. })));
}

#[test]
fn only_the_canonical_spelling_is_a_header() {
    for (from, to) in [
        ("{\"at\"", "{ \"at\""),
        ("\"corr-1\"", "\"corr\\u002d1\""),
        ("\"v\":1}", "\"v\":1}\n"),
        ("\"index\":53", "\"index\":53 "),
        (r#","task_seq":2,"v":1"#, r#","v":1,"task_seq":2"#),
        (r#""correlation_id":"corr-1","#, ""),
    ] {
        assert_eq!(changed(from, to), Err(HeaderError::NotCanonical), "{from} -> {to}");
    }
}

#[test]
fn what_is_no_object_of_the_fields_is_refused() {
    for (from, to) in [
        ("\"v\":1", "\"v\":1,\"w\":1"),
        ("\"v\":1", "\"v\":1,\"v\":1"),
        ("\"v\":1", "\"v\":-1"),
        ("\"index\":53", "\"index\":53.0"),
        ("\"index\":53,", ""),
        ("}", "}x"),
        ("{", "["),
    ] {
        assert!(matches!(changed(from, to), Err(HeaderError::Shape(_))), "{from} -> {to}");
    }
}

#[test]
fn what_cannot_be_written_is_refused_before_it_is_sealed() {
    let error = |change: fn(&mut SealInput<'_>)| match seal_with(change) {
        Err(SealError::Header(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(error(|input| input.index = (1 << 53) + 1), HeaderError::NumberTooLarge("index", _)));
    assert!(matches!(error(|input| input.at_us = i64::MAX), HeaderError::Time(i64::MAX)));
    assert!(matches!(error(|input| input.at_us = i64::MIN), HeaderError::Time(i64::MIN)));
    let long = |input: &mut SealInput<'_>| input.correlation_id = Some("c".repeat(MAX_HEADER_BYTES));
    assert!(matches!(error(long), HeaderError::TooLong(_)));
    assert!(matches!(Header::parse(&[b' '; MAX_HEADER_BYTES + 1]), Err(HeaderError::TooLong(_))));
}

#[test]
fn every_kind_has_a_name_and_a_folder_of_its_own() {
    let names: BTreeSet<&str> = Kind::ALL.map(Kind::as_str).into();
    let folders: BTreeSet<&str> = Kind::ALL.map(Kind::folder).into();
    assert_eq!((names.len(), folders.len()), (Kind::ALL.len(), Kind::ALL.len()));
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        assert!(folders.iter().all(|other| !other.starts_with(&format!("{}/", kind.folder()))));
        assert!(kind.folder().starts_with("state/") && !kind.folder().contains(['"', '\\', '.']));
    }
    assert_eq!(Kind::parse("Event"), None);
}

/// The folders that the deployment model names.
#[test]
fn the_reference_chain_lies_where_the_deployment_model_has_it() {
    for (name, folder) in [
        ("watch", "state/long-task-watchdog"),
        ("event", "state/long-task-watchdog-events"),
        ("queue", "state/operator-notify-queue"),
        ("spool", "state/operator-notify-dispatch-spool"),
        ("receipt", "state/operator-notify-bridge-receipts"),
    ] {
        assert_eq!(Kind::parse(name).unwrap().folder(), folder);
    }
}

proptest! {
    #[test]
    fn any_header_reads_back_and_is_canonical(
        index in 0..=1_u64 << 53,
        at_us in candor_audit::at::MIN_AT_US..=candor_audit::at::MAX_AT_US,
        kind in proptest::sample::select(&Kind::ALL[..]),
        id in "[a-z0-9][a-z0-9-]{0,30}",
        task in proptest::option::of((arbitrary::text(), proptest::option::of((2..=1_u64 << 53, any::<Hash>())))),
        correlation_id in proptest::option::of(arbitrary::text()),
    ) {
        let task = task.map(|(task_id, later)| match later {
            Some((seq, prev)) => TaskLink { task_id, seq, prev: Some(prev) },
            None => TaskLink { task_id, seq: 1, prev: None },
        });
        let sealed = seal(SealInput {
            index, at_us, kind, id: &id, task: task.clone(), correlation_id: correlation_id.clone(),
            body: &json!({"a": 1}), nonce: &Nonce([3; 32]),
        }).unwrap();
        let header = Header::parse(&sealed.header_line).unwrap();
        prop_assert_eq!(header.leaf_hash(), sealed.leaf_hash);
        prop_assert_eq!(header.artifact_ref(), artifact_ref(kind, &id).unwrap());
        prop_assert_eq!((header.index, header.at_us, header.kind), (index, at_us, kind));
        prop_assert_eq!((header.task, header.correlation_id), (task, correlation_id));
        let value: Value = serde_json::from_slice(&sealed.header_line).unwrap();
        prop_assert_eq!(canonical::to_bytes(&value), sealed.header_line);
        prop_assert_eq!(value.as_object().unwrap().len(), 10);
    }

    #[test]
    fn any_bytes_are_a_header_or_refused_and_never_panic(bytes: Vec<u8>, at in 0..LINE.len(), byte: u8) {
        let _ = Header::parse(&bytes);
        let mut line = LINE.as_bytes().to_vec();
        line[at] = byte;
        if let Ok(header) = Header::parse(&line) {
            prop_assert_eq!(header.line(), line);
        }
    }
}
