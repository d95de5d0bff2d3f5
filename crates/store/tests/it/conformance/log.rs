//! The append-only record.

use candor_audit::{
    kind::Kind,
    merkle::{log_leaf, log_root},
    seal,
};
use candor_core::ids::{DecisionNo, EventNo, NoticeNo};
use candor_path::ArtifactKind;
use candor_store::{Artifacts, Listing as _, Store, StoreError, Txn};
use serde_json::json;

use super::suite;
use crate::fixtures::*;

suite! {
    every_artifact_verifies_and_the_chain_links
    artifacts_are_found
    an_artifact_that_cannot_be_sealed_is_refused
    receipts_are_found_by_notice
}

fn every_artifact_verifies_and_the_chain_links<S: Store>(store: &mut S) {
    commit(store, record(vec![event_of("a", 1), event_of("b", 2), event_of("a", 3)]));
    commit(store, record(vec![artifact(ArtifactKind::Gap, "x-1", None, None, json!({})), event_of("a", 4)]));
    let many = (5..400).map(|no| event_of(if no % 2 == 0 { "a" } else { "b" }, no)).collect();
    let mut large = event_of("a", 400);
    large.body = json!({ "text": "much ".repeat(60_000) });
    commit(store, record(many));
    commit(store, record(vec![large, event_of("a", 401)]));
    let log = store.reads().log(0, 1000).unwrap();
    assert_eq!(log.len(), 402);
    let mut tasks: std::collections::BTreeMap<String, (u64, [u8; 32])> = Default::default();
    for (index, entry) in (0..).zip(&log) {
        let leaf = log_leaf(&entry.header_line);
        let header = seal::check(&entry.header_line, &leaf, &entry.nonce, &entry.body).unwrap();
        assert_eq!(header.index, index);
        if let Some(link) = header.task {
            let before = tasks.insert(link.task_id.clone(), (link.seq, leaf));
            assert_eq!((link.seq, link.prev), (before.map_or(1, |(seq, _)| seq + 1), before.map(|(_, leaf)| leaf)));
        }
    }
    let leaves: Vec<_> = log.iter().map(|entry| log_leaf(&entry.header_line)).collect();
    let head = store.reads().head().unwrap();
    let hex = |hash: [u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(head.length, 402);
    assert_eq!((head.leaf, head.root), (leaves.last().map(|leaf| hex(*leaf)), hex(log_root(leaves))));
    let nonces: std::collections::BTreeSet<_> = log.iter().map(|entry| entry.nonce.0).collect();
    assert_eq!(nonces.len(), log.len());
    assert_eq!(store.reads().log(400, 9).unwrap(), log[400..]);
}

fn artifacts_are_found<S: Store>(store: &mut S) {
    commit(store, record(vec![event_of("a", 1), event_of("b", 2)]));
    let decided = artifact(ArtifactKind::Decision, "d-1", Some("a"), Some("incident-1"), json!({ "verdict": "allow" }));
    let gate = artifact(ArtifactKind::Gate, "g-1", None, None, json!({ "gate": "bot_api_call" }));
    commit(store, record(vec![decided, gate, event_of("a", 3)]));
    let reads = store.reads();
    let found = reads.decision(DecisionNo(1)).unwrap().unwrap();
    assert_eq!((found.index, found.kind, found.at), (2, Kind::Decision, at(0)));
    assert_eq!((found.task, found.correlation), (Some(task_id("a")), Some("incident-1".parse().unwrap())));
    assert_eq!(found.body, json!({ "verdict": "allow" }));
    assert_eq!(reads.event(EventNo(3)).unwrap().unwrap().index, 4);
    assert_eq!((reads.event(EventNo(4)), reads.decision(DecisionNo(2))), (Ok(None), Ok(None)));
    let ids = |which: Artifacts<'_>, limit| -> Vec<String> {
        reads.artifacts(which, limit).unwrap().into_iter().map(|of| of.id).collect()
    };
    assert_eq!(ids(Artifacts::OfTask(&task_id("a")), 9), ["e-3", "d-1", "e-1"]);
    assert_eq!(ids(Artifacts::OfTask(&task_id("a")), 2), ["e-3", "d-1"]);
    assert_eq!(ids(Artifacts::OfCorrelation(&"run-a".parse().unwrap()), 9), ["e-3", "e-1"]);
    assert_eq!(ids(Artifacts::OfCorrelation(&"incident-1".parse().unwrap()), 9), ["d-1"]);
    assert!(ids(Artifacts::OfTask(&task_id("nobody")), 9).is_empty());
    assert!(ids(Artifacts::OfCorrelation(&"nothing".parse().unwrap()), 9).is_empty());
}

fn an_artifact_that_cannot_be_sealed_is_refused<S: Store>(store: &mut S) {
    commit(store, record(vec![event_of("a", 1)]));
    for bad in [
        artifact(ArtifactKind::Event, "e-2", None, None, json!({ "huge": u64::MAX })),
        artifact(ArtifactKind::Event, "../e-2", None, None, json!({})),
    ] {
        let mut txn = store.begin().unwrap();
        let refused = txn.apply(&record(vec![event_of("a", 2), bad]), at(0));
        assert!(matches!(refused, Err(StoreError::Unfit { .. })), "{refused:?}");
        assert_eq!(txn.commit(), Err(StoreError::Spent));
    }
    commit(store, record(vec![event_of("a", 3)]));
    let indexes: Vec<_> = store.reads().log(0, 9).unwrap().iter().map(|entry| entry.record().unwrap().index).collect();
    assert_eq!(indexes, [0, 1]);
}

fn receipts_are_found_by_notice<S: Store>(store: &mut S) {
    let receipt = |no: u64, body| artifact(ArtifactKind::Receipt, &format!("r-{no}"), None, None, body);
    let queue = artifact(ArtifactKind::Queue, "n-1", None, None, json!({ "notice": "n-1" }));
    commit(
        store,
        record(vec![
            queue,
            receipt(1, json!({ "notice": "n-1", "state": "acked" })),
            receipt(2, json!({ "notice": "n-2" })),
        ]),
    );
    commit(store, record(vec![receipt(3, json!({ "late": { "notice": "n-1" } }))]));
    let ids = |no, limit| {
        store.reads().receipts(NoticeNo(no), limit).unwrap().into_iter().map(|of| of.id).collect::<Vec<_>>()
    };
    assert_eq!(
        (ids(1, 9), ids(1, 1), ids(2, 9)),
        (vec!["r-1".into(), "r-3".into()], vec!["r-1".into()], vec!["r-2".to_owned()])
    );
    assert!(ids(3, 9).is_empty());
}
