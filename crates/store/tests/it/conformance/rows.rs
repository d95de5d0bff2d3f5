//! What is written comes back, whole and by its keys.

use candor_core::{
    gate::Gate,
    ids::{ClaimNo, DecisionNo, EventNo, EvidenceNo, IncidentNo, NoticeNo, OwnerNo},
    notice::{BlockReason, DeliveryState, PendingReason},
    task::TaskState,
};
use candor_path::{ClockReading, Plan, Seen, View as _, Write};
use candor_store::{Listing as _, Store, Txn};

use super::{read, suite};
use crate::fixtures::*;

suite! {
    everything_comes_back_as_written
    a_second_write_replaces_the_first
    numbers_are_kept
    the_clocks_are_kept
    seen_is_by_source_and_id
    children_are_counted
}

fn everything_comes_back_as_written<S: Store>(store: &mut S) {
    let states = [
        DeliveryState::Prepared,
        queued(7),
        DeliveryState::Dispatched { lease: lease(3, 8) },
        sending(3),
        pending(PendingReason::OutcomeUnknown, None),
        pending(PendingReason::RetryScheduled, Some(70)),
        acked(),
        DeliveryState::Blocked { reason: BlockReason::NoSuchDestination },
    ];
    let mut child = task("b/child:1");
    child.parent = Some(task_id("never-started"));
    child.ended_at = Some(at(9));
    child.incident = Some(IncidentNo(2));
    let deliveries: Vec<_> = (0..).zip(&states).map(|(no, state)| delivery(no, "ops", state.clone())).collect();
    let mut writes = vec![
        put_task(task("a")),
        put_task(bare_task("bare")),
        put_task(child.clone()),
        Write::Incident(Box::new(incident(2, "a"))),
        Write::Claim(Box::new(claim(3, "a"))),
        Write::Claim(Box::new(claim(1, "a"))),
        Write::Evidence(Box::new(evidence(4, "a"))),
        put_notice(notice(1, Some("a"))),
        put_notice(notice(2, None)),
        Write::Parked { target: target("ops"), until: Some(at(30)) },
        Write::Opening(Box::new(opening(5, Gate::BotApiCall))),
        Write::Owner(owner(6, 1)),
    ];
    writes.extend(deliveries.iter().cloned().map(put_delivery));
    write(store, writes);
    read(store, |view| {
        assert_eq!(view.task(&task_id("a")), Ok(Some(task("a"))));
        assert_eq!(view.task(&task_id("bare")), Ok(Some(bare_task("bare"))));
        assert_eq!(view.task(&task_id("b/child:1")), Ok(Some(child.clone())));
        assert_eq!(view.task(&task_id("never-started")), Ok(None));
        assert_eq!(view.incident(IncidentNo(2)), Ok(Some(incident(2, "a"))));
        assert_eq!(view.claims(&task_id("a")), Ok(vec![claim(1, "a"), claim(3, "a")]));
        assert_eq!(view.claim(ClaimNo(3)), Ok(Some(claim(3, "a"))));
        assert_eq!(view.evidence_of(&task_id("a")), Ok(vec![evidence(4, "a")]));
        assert_eq!(view.evidence(EvidenceNo(4)), Ok(Some(evidence(4, "a"))));
        assert_eq!(view.notice(NoticeNo(2)), Ok(Some(notice(2, None))));
        assert_eq!(view.notices_of(&task_id("a"), 9), Ok(vec![notice(1, Some("a"))]));
        assert_eq!(view.parked_until(&target("ops")), Ok(Some(at(30))));
        assert_eq!(view.owner(OwnerNo(6)), Ok(Some(owner(6, 1))));
        for one in &deliveries {
            assert_eq!(view.delivery(one.notice, &one.target), Ok(Some(one.clone())));
            assert_eq!(view.deliveries(one.notice), Ok(vec![one.clone()]));
        }
        assert_eq!(view.notice(NoticeNo(9)), Ok(None));
        assert_eq!(view.incident(IncidentNo(9)), Ok(None));
    });
    let reads = store.reads();
    assert_eq!(reads.incidents(true, 9), Ok(vec![incident(2, "a")]));
    assert_eq!(reads.claims_of(&task_id("a"), 1), Ok(vec![claim(1, "a")]));
    assert_eq!(reads.evidence_for(&task_id("a"), 9), Ok(vec![evidence(4, "a")]));
    assert_eq!(reads.evidence_by_no(EvidenceNo(4)), Ok(Some(evidence(4, "a"))));
    assert_eq!(reads.task_by_id(&task_id("a")), Ok(Some(task("a"))));
    assert_eq!(reads.task_by_id(&task_id("never-started")), Ok(None));
    assert_eq!(reads.parked().unwrap()[0].until, at(30));
    assert_eq!(reads.owners(9).unwrap()[0].no, OwnerNo(6));
}

fn a_second_write_replaces_the_first<S: Store>(store: &mut S) {
    let mut resolved = incident(1, "a");
    resolved.resolved_at = Some(at(90));
    let ended = Write::Owner(candor_path::OwnerRow { ended: true, ..owner(1, 5) });
    write(
        store,
        vec![
            put_task(task("a")),
            Write::Incident(Box::new(incident(1, "a"))),
            put_delivery(delivery(1, "ops", queued(7))),
        ],
    );
    write(
        store,
        vec![
            Write::Owner(owner(1, 1)),
            Write::Owner(owner(2, 1)),
            Write::Parked { target: target("ops"), until: Some(at(9)) },
        ],
    );
    write(
        store,
        vec![
            put_task(bare_task("a")),
            Write::Incident(Box::new(resolved.clone())),
            put_delivery(delivery(1, "ops", acked())),
        ],
    );
    write(store, vec![ended, Write::Parked { target: target("ops"), until: None }]);
    read(store, |view| {
        assert_eq!(view.task(&task_id("a")), Ok(Some(bare_task("a"))));
        assert_eq!(view.incident(IncidentNo(1)), Ok(Some(resolved.clone())));
        assert_eq!(view.delivery(NoticeNo(1), &target("ops")), Ok(Some(delivery(1, "ops", acked()))));
        assert_eq!(view.next_due_at(), Ok(None), "nothing of the first versions is left in an index");
        assert_eq!(view.parked_until(&target("ops")), Ok(None));
    });
    assert_eq!(store.reads().incidents(true, 9), Ok(vec![]));
    write(store, vec![Write::OthersEnded(OwnerNo(1))]);
    let ended: Vec<_> = store.reads().owners(9).unwrap().into_iter().map(|owner| (owner.no.0, owner.ended)).collect();
    assert_eq!(ended, [(2, true), (1, true)]);
}

fn numbers_are_kept<S: Store>(store: &mut S) {
    let mut txn = store.begin().unwrap();
    let mut numbers = txn.numbers().unwrap();
    numbers.take_receipt();
    numbers.take_fence();
    txn.apply(&Plan { numbers, ..plan(vec![]) }, at(0)).unwrap();
    txn.commit().unwrap();
    assert_eq!(read(store, |view| view.numbers()), Ok(numbers));
}

fn the_clocks_are_kept<S: Store>(store: &mut S) {
    let reading = |offset| ClockReading { steady: "boot-1".to_owned(), offset };
    read(store, |view| assert_eq!((view.clock(), view.last_at()), (Ok(None), Ok(None))));
    write(store, vec![Write::Clock(reading(7))]);
    write(store, vec![Write::Clock(reading(-8))]);
    read(store, |view| assert_eq!(view.clock(), Ok(Some(reading(-8)))));
    let mut txn = store.begin().unwrap();
    let plan = Plan { writes: vec![Write::Clock(reading(9))], ..Plan::new(txn.numbers().unwrap()) };
    txn.apply(&plan, at(40)).unwrap();
    assert_eq!((txn.clock(), txn.last_at()), (Ok(Some(reading(9))), Ok(Some(at(40)))));
    drop(txn);
    read(store, |view| assert_eq!(view.clock(), Ok(Some(reading(-8)))));
}

fn seen_is_by_source_and_id<S: Store>(store: &mut S) {
    let seen = |source: &str, id: &str, no| Write::Seen {
        source: source.to_owned(),
        id: id.to_owned(),
        event: EventNo(no),
        decision: Some(DecisionNo(no)).filter(|_| no > 1),
    };
    write(store, vec![seen("a", "1", 1), seen("b", "1", 2)]);
    read(store, |view| {
        assert_eq!(view.seen("a", "1"), Ok(Some(Seen { event: EventNo(1), decision: None })));
        assert_eq!(view.seen("b", "1"), Ok(Some(Seen { event: EventNo(2), decision: Some(DecisionNo(2)) })));
        assert_eq!(view.seen("a", "2"), Ok(None));
        assert_eq!(view.seen("a1", ""), Ok(None));
    });
}

fn children_are_counted<S: Store>(store: &mut S) {
    let child = |id: &str, state, unproved| {
        put_task(candor_core::task::Task { parent: Some(task_id("p")), state, unproved, ..bare_task(id) })
    };
    write(
        store,
        vec![
            put_task(bare_task("p")),
            child("1", TaskState::Running, false),
            child("2", TaskState::Waiting, false),
            child("3", TaskState::Blocked, true),
            child("4", TaskState::Completed, false),
            child("5", TaskState::Completed, true),
            child("6", TaskState::Failed, false),
        ],
    );
    assert_eq!(read(store, |view| view.children(&task_id("p"))), Ok((3, 1)));
    assert_eq!(read(store, |view| view.children(&task_id("1"))), Ok((0, 0)));
}
