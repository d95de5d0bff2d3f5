//! Contents that leave the log.

use std::collections::BTreeMap;

use candor_approval::{Permit, fixtures, kinds::DestructiveOperation};
use candor_audit::{
    kind::Kind,
    merkle::{log_leaf, log_root},
    seal,
};
use candor_core::{
    gate::Gate,
    ids::EventNo,
    notice::PendingReason,
    task::{Task, TaskState},
};
use candor_path::{
    Artifact, ArtifactKind, Write,
    retention::{Cutoffs, Pruning},
};
use candor_store::{Fate, Listing as _, LogEntry, PruneStep, Store, Txn};
use serde_json::json;

use super::suite;
use crate::fixtures::*;

suite! {
    contents_go_and_the_log_adds_up
    what_is_needed_stays
    a_step_that_is_dropped_leaves_nothing_behind
    a_pruning_touches_its_stretches_alone
    without_an_open_pruning_nothing_goes
    rare_kinds_are_found_newest_first
    subtree_roots_are_those_of_the_headers
}

pub fn permit() -> Permit<DestructiveOperation> {
    fixtures::keeper(&[Gate::DestructiveOperation]).permit(None, at(1)).unwrap()
}

/// Everything that can go is past its time at 100 s.
pub fn cutoffs() -> Cutoffs {
    let kinds = [Kind::Event, Kind::Decision, Kind::Receipt, Kind::Queue];
    Cutoffs(kinds.into_iter().map(|kind| (kind.as_str().to_owned(), at(100))).collect())
}

pub fn pruning(no: u64, stretches: &[(u64, u64)]) -> Pruning {
    Pruning {
        no,
        cutoffs: cutoffs(),
        stretches: stretches.to_vec(),
        next: 0,
        taken: 0,
        done: false,
        grants: Vec::new(),
    }
}

pub fn begin<S: Store>(store: &mut S, pruning: Pruning) {
    write(store, vec![Write::Pruning(Box::new(pruning))]);
}

pub fn step<S: Store>(store: &mut S, most: u64) -> PruneStep {
    let mut txn = store.begin().unwrap();
    let step = txn.prune(permit(), most).unwrap();
    txn.commit().unwrap();
    step
}

fn finish<S: Store>(store: &mut S) -> u64 {
    let mut taken = 0;
    loop {
        let step = step(store, 3);
        taken += step.taken;
        if step.done {
            return taken;
        }
    }
}

fn ended(id: &str) -> Write {
    put_task(Task { state: TaskState::Completed, ended_at: Some(at(9)), due_at: None, ..bare_task(id) })
}

fn log<S: Store>(store: &S) -> Vec<LogEntry> {
    store.reads().log(0, 9_999).unwrap()
}

fn gone<S: Store>(store: &S) -> Vec<usize> {
    log(store).iter().enumerate().filter(|(_, entry)| entry.is_pruned()).map(|(at, _)| at).collect()
}

fn contents_go_and_the_log_adds_up<S: Store>(store: &mut S) {
    write(store, vec![ended("a")]);
    for no in 0..20 {
        commit(store, record(vec![event_of("a", no)]));
    }
    let (before, head) = (log(store), store.reads().head().unwrap());
    let found = store.reads().prunable(&cutoffs()).unwrap();
    assert_eq!((found.stretches.clone(), found.records, found.more), (vec![(0, 20)], 20, false));
    assert_eq!(found.times, Some((at(0), at(0))));
    begin(store, pruning(1, &found.stretches));
    assert_eq!(store.reads().open_pruning().unwrap().unwrap().no, 1);
    assert_eq!(finish(store), 20);
    assert_eq!(store.reads().open_pruning().unwrap(), None);
    let after = log(store);
    assert!(after.iter().all(|entry| entry.is_pruned() && entry.nonce.0 == [0; 32]));
    let lines = |of: &[LogEntry]| of.iter().map(|entry| entry.header_line.clone()).collect::<Vec<_>>();
    assert_eq!(lines(&before), lines(&after));
    let leaves: Vec<_> = after.iter().map(|entry| log_leaf(&entry.header_line)).collect();
    assert!(after.iter().zip(&leaves).all(|(entry, leaf)| seal::check_header(&entry.header_line, leaf).is_ok()));
    assert_eq!(store.reads().head().unwrap().root, head.root);
    assert_eq!(candor_audit::hex(&log_root(leaves)), head.root);
    // What people see says so, and the log and its chains go on.
    assert_eq!(store.reads().event(EventNo(3)).unwrap().unwrap().body, json!({ "pruned": true }));
    commit(store, record(vec![event_of("a", 21)]));
    let last = log(store).pop().unwrap();
    assert_eq!(last.header().unwrap().task.unwrap().seq, 21);
    assert_eq!(store.reads().prunable(&cutoffs()).unwrap().fates[&Fate::Gone], 20);
}

fn what_is_needed_stays<S: Store>(store: &mut S) {
    write(store, vec![ended("over"), put_task(task("open"))]);
    write(store, vec![put_notice(notice(1, None)), put_notice(notice(2, Some("over"))), put_notice(notice(3, None))]);
    write(
        store,
        vec![
            put_delivery(delivery(1, "ops", pending(PendingReason::OutcomeUnknown, None))),
            put_delivery(delivery(2, "ops", acked())),
        ],
    );
    write(store, vec![Write::Incident(Box::new(incident(7, "over")))]);
    let of = |kind, id: &str, task, correlation| artifact(kind, id, task, correlation, json!({ "secret": id }));
    let kinds: Vec<(Artifact, Fate)> = vec![
        (of(ArtifactKind::Event, "e-1", Some("over"), Some("run-over")), Fate::Goes),
        (of(ArtifactKind::Event, "e-2", Some("open"), Some("run-open")), Fate::OpenTask),
        // Of a notice without a task, whose outcome isn't known.
        (of(ArtifactKind::Receipt, "r-1", None, Some("run-none")), Fate::Unsettled),
        (of(ArtifactKind::Decision, "d-1", Some("over"), Some("incident-7")), Fate::Unsettled),
        (of(ArtifactKind::Gap, "x-1", None, None), Fate::KeptForEver),
        (of(ArtifactKind::Pack, "q-1", None, None), Fate::KeptForEver),
        (of(ArtifactKind::Key, "y-1", None, None), Fate::KeptForEver),
        (of(ArtifactKind::OperatorAct, "o-1", None, None), Fate::KeptForEver),
        (of(ArtifactKind::Gate, "g-1", None, None), Fate::KeptForEver),
        // Its kind has no window.
        (of(ArtifactKind::Claim, "c-1", Some("over"), None), Fate::KeptForEver),
        (of(ArtifactKind::Queue, "n-2", Some("over"), Some("settled")), Fate::Goes),
    ];
    let expected: BTreeMap<Fate, u64> = kinds.iter().fold(BTreeMap::new(), |mut counts, (_, fate)| {
        *counts.entry(*fate).or_default() += 1;
        counts
    });
    let goes: Vec<usize> = (0..).zip(&kinds).filter(|(_, (_, fate))| *fate == Fate::Goes).map(|(at, _)| at).collect();
    let count = kinds.len() as u64;
    commit(store, record(kinds.into_iter().map(|(artifact, _)| artifact).collect()));
    let mut txn = store.begin().unwrap();
    let young = record(vec![event_of("over", 99)]);
    txn.apply(&candor_path::Plan { numbers: candor_path::View::numbers(&txn).unwrap(), ..young }, at(100)).unwrap();
    txn.commit().unwrap();
    let found = store.reads().prunable(&cutoffs()).unwrap();
    let mut with_young = expected;
    with_young.insert(Fate::Young, 1);
    assert_eq!((found.fates, found.stretches.clone()), (with_young, vec![(0, 1), (count - 1, count)]));
    // Whatever a pruning is told to touch: what is needed when it comes to it stays.
    begin(store, pruning(1, &[(0, count + 1)]));
    assert_eq!(finish(store), 2);
    assert_eq!(gone(store), goes);
}

fn a_step_that_is_dropped_leaves_nothing_behind<S: Store>(store: &mut S) {
    write(store, vec![ended("a")]);
    for no in 0..6 {
        commit(store, record(vec![event_of("a", no)]));
    }
    begin(store, pruning(1, &[(0, 6)]));
    let before = (log(store), store.reads().open_pruning().unwrap());
    let mut txn = store.begin().unwrap();
    assert_eq!(txn.prune(permit(), 3).unwrap().taken, 3);
    drop(txn);
    assert_eq!((log(store), store.reads().open_pruning().unwrap()), before);
    assert_eq!(step(store, 3), PruneStep { taken: 3, done: false });
    assert_eq!(gone(store), [0, 1, 2]);
    assert_eq!(store.reads().open_pruning().unwrap().unwrap().taken, 3);
    assert_eq!(finish(store), 3);
    assert_eq!(gone(store).len(), 6);
}

fn a_pruning_touches_its_stretches_alone<S: Store>(store: &mut S) {
    write(store, vec![ended("a")]);
    commit(store, record((0..9).map(|no| event_of("a", no)).collect()));
    begin(store, pruning(1, &[(1, 3), (7, 8)]));
    assert_eq!(finish(store), 3);
    assert_eq!(gone(store), [1, 2, 7]);
    begin(store, pruning(2, &[(0, 9)]));
    assert_eq!(finish(store), 6);
}

fn without_an_open_pruning_nothing_goes<S: Store>(store: &mut S) {
    write(store, vec![ended("a")]);
    commit(store, record(vec![event_of("a", 1)]));
    assert_eq!(step(store, 9), PruneStep { taken: 0, done: true });
    assert_eq!(store.reads().prunable(&Cutoffs::default()).unwrap().records, 0);
    assert!(gone(store).is_empty());
}

fn rare_kinds_are_found_newest_first<S: Store>(store: &mut S) {
    let pack = |no: u64| artifact(ArtifactKind::Pack, &format!("q-{no}"), None, None, json!({ "no": no }));
    commit(store, record(vec![pack(1), event_of("a", 1), pack(2)]));
    commit(store, record(vec![event_of("a", 2), pack(3)]));
    let ids = |limit| -> Vec<String> {
        store.reads().of_kind(Kind::Pack, limit).unwrap().into_iter().map(|record| record.id).collect()
    };
    assert_eq!(
        (ids(9), ids(2)),
        (vec!["q-3".into(), "q-2".into(), "q-1".into()], vec!["q-3".into(), "q-2".to_owned()])
    );
    assert!(store.reads().of_kind(Kind::Key, 9).unwrap().is_empty());
}

fn subtree_roots_are_those_of_the_headers<S: Store>(store: &mut S) {
    for no in 0..6 {
        commit(store, record((0..100).map(|each| event_of("a", no * 100 + each)).collect()));
    }
    let leaves: Vec<_> = log(store).iter().map(|entry| log_leaf(&entry.header_line)).collect();
    for (level, no) in [(0, 0), (0, 599), (3, 5), (7, 3), (8, 0), (8, 1), (9, 0)] {
        let (from, to) = ((no as usize) << level, (no as usize + 1) << level);
        let root = log_root(leaves[from..to].iter().copied());
        assert_eq!(store.reads().subtree(level, no).unwrap(), Some(root), "{level} {no}");
    }
    for (level, no) in [(0, 600), (8, 2), (9, 1), (10, 0), (63, 1), (64, 0)] {
        assert_eq!(store.reads().subtree(level, no).unwrap(), None, "{level} {no}");
    }
}
