//! Approvals, the effect ledger, gated work and documents.

use candor_core::{
    approval::Standing,
    gate::{Closing, Gate, Opening},
    ids::{ApprovalNo, EffectNo, OpeningNo},
    work::DocumentKind,
};
use candor_path::Write;
use candor_store::{Listing, Store, WorkFilter};

use super::{read, suite};
use crate::fixtures::*;

suite! {
    an_approval_is_found_by_number_and_by_id
    the_newest_package_is_the_one_that_was_recorded_last
    requests_are_open_until_they_are_answered
    the_ledger_counts_what_came_after_a_time
    the_last_gate_to_close_is_the_latest_end_that_has_come
    work_waits_by_gate_and_one_of_a_key_is_open
    the_newest_document_of_a_key_counts
}

fn an_approval_is_found_by_number_and_by_id<S: Store>(store: &mut S) {
    let revoked = Standing::Revoked { at: at(9), by: "owner-1@example.org".to_owned(), reason: "over".to_owned() };
    let after = candor_core::approval::Approval { standing: revoked, ..approval(1) };
    write(store, vec![Write::Approval(Box::new(approval(1))), Write::Approval(Box::new(approval(2)))]);
    write(store, vec![Write::Approval(Box::new(after.clone()))]);
    assert_eq!(read(store, |view| view.approval(ApprovalNo(1))), Ok(Some(after.clone())));
    assert_eq!(read(store, |view| view.approval_by_id("id-1")), Ok(Some(after)));
    assert_eq!(read(store, |view| view.approval_by_id("id-9")), Ok(None));
    let newest: Vec<_> = store.reads().approvals(9).unwrap().iter().map(|of| of.no).collect();
    assert_eq!(newest, [ApprovalNo(2), ApprovalNo(1)]);
}

fn the_newest_package_is_the_one_that_was_recorded_last<S: Store>(store: &mut S) {
    assert_eq!(read(store, |view| view.newest_package()), Ok(None));
    write(store, vec![Write::Package(Box::new(package(3))), Write::Package(Box::new(package(7)))]);
    assert_eq!(read(store, |view| view.newest_package()), Ok(Some(package(7))));
    assert_eq!(read(store, |view| view.has_package(&sha256(3))), Ok(true));
    assert_eq!(read(store, |view| view.has_package(&sha256(4))), Ok(false));
}

fn requests_are_open_until_they_are_answered<S: Store>(store: &mut S) {
    write(store, vec![Write::Request(Box::new(request(1, false))), Write::Request(Box::new(request(2, false)))]);
    write(store, vec![Write::Request(Box::new(request(2, true)))]);
    assert_eq!(read(store, |view| view.open_requests()), Ok(vec![request(1, false)]));
    assert_eq!(store.reads().requests(9).unwrap(), [request(1, false), request(2, true)], "what waits comes first");
    assert_eq!(store.reads().requests(1).unwrap(), [request(1, false)]);
}

fn the_ledger_counts_what_came_after_a_time<S: Store>(store: &mut S) {
    let entries =
        [(1, 10, Gate::BotApiCall), (2, 20, Gate::SecretRead), (3, 20, Gate::BotApiCall), (4, 30, Gate::BotApiCall)];
    let put = |(no, seconds, gate)| Write::Ledger(Box::new(entry(no, seconds, gate)));
    write(store, entries.into_iter().map(put).collect());
    let after = |store: &mut S, seconds| {
        let found = read(store, |view| view.ledger_after(Some(at(seconds)), 9)).unwrap();
        found.iter().map(|entry| entry.no).collect::<Vec<_>>()
    };
    assert_eq!(after(store, 10), [EffectNo(2), EffectNo(3), EffectNo(4)], "what came at that very time is over");
    assert_eq!(after(store, 30), []);
    assert_eq!(read(store, |view| view.ledger_after(None, 2)).unwrap().len(), 2);
    let counts = store.reads().ledger_counts(Some(at(10))).unwrap();
    assert_eq!((counts.get(&Gate::BotApiCall), counts.get(&Gate::SecretRead)), (Some(&2), Some(&1)));
    assert_eq!(store.reads().ledger_counts(Some(at(30))).unwrap().len(), 0);
    let newest: Vec<_> = store.reads().ledger(2).unwrap().iter().map(|entry| entry.no).collect();
    assert_eq!(newest, [EffectNo(4), EffectNo(3)]);
}

fn the_last_gate_to_close_is_the_latest_end_that_has_come<S: Store>(store: &mut S) {
    assert_eq!(read(store, |view| view.last_closed_at(at(9_999))), Ok(None));
    let mut spent = opening(1, Gate::BotApiCall);
    spent.close(at(50), Closing::Spent);
    let later = Opening { expires_at: at(500), ..opening(2, Gate::SecretRead) };
    write(store, vec![Write::Opening(Box::new(spent)), Write::Opening(Box::new(later))]);
    assert_eq!(read(store, |view| view.last_closed_at(at(49))), Ok(None));
    assert_eq!(read(store, |view| view.last_closed_at(at(50))), Ok(Some(at(50))));
    assert_eq!(read(store, |view| view.last_closed_at(at(499))), Ok(Some(at(50))), "it will expire, and hasn't");
    assert_eq!(store.reads().last_closed_at(at(500)).unwrap(), Some(at(500)));
    assert_eq!(store.reads().opening_by_no(OpeningNo(1)).unwrap().unwrap().closed_by, Some(Closing::Spent));
}

fn work_waits_by_gate_and_one_of_a_key_is_open<S: Store>(store: &mut S) {
    let put = |work| Write::Work(Box::new(work));
    write(store, vec![put(work(1, 1, true)), put(work(2, 1, true)), put(work(3, 1, false)), put(work(4, 2, true))]);
    let gate = Gate::RuntimeScoreWrite;
    assert_eq!(read(store, |view| view.waiting_work(gate, 9)), Ok(vec![work(1, 1, true), work(2, 1, true)]));
    assert_eq!(read(store, |view| view.waiting_work(Gate::BotApiCall, 9)), Ok(Vec::new()));
    assert_eq!(read(store, |view| view.started_work(9)), Ok(vec![work(3, 1, false)]));
    assert_eq!(read(store, |view| view.work_count()), Ok(2));
    assert_eq!(read(store, |view| view.open_work("score agent-3")), Ok(Some(work(3, 1, false))));
    assert_eq!(read(store, |view| view.open_work("score agent-4")), Ok(None), "it is over");
    write(store, vec![put(work(1, 2, true))]);
    let open: Vec<_> = store.reads().all_work(WorkFilter::Open, 9).unwrap().iter().map(|work| work.no.0).collect();
    assert_eq!(open, [3, 2]);
    assert_eq!(store.reads().all_work(WorkFilter::All, 9).unwrap().len(), 4);
}

fn the_newest_document_of_a_key_counts<S: Store>(store: &mut S) {
    let newer = candor_core::work::Document { no: 9, key: "key-1".to_owned(), ..document(1, true) };
    let put = |document| Write::Document(Box::new(document));
    write(store, vec![put(document(1, true)), put(document(2, false)), put(newer.clone())]);
    assert_eq!(read(store, |view| view.document(DocumentKind::Score, "key-1")), Ok(Some(newer.clone())));
    assert_eq!(read(store, |view| view.document(DocumentKind::Trust, "key-1")), Ok(None));
    let agent = "nightly".parse().unwrap();
    assert_eq!(read(store, |view| view.documents_of(DocumentKind::Score, &agent, 9)), Ok(vec![newer.clone()]));
    assert_eq!(store.reads().documents(DocumentKind::Score, 9).unwrap(), [newer, document(2, false)]);
}
