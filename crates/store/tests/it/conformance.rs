//! What every store does. A new store adds one line to `suite!`.

use candor_audit::{
    kind::Kind,
    merkle::{log_leaf, log_root},
    seal,
};
use candor_core::{
    gate::Gate,
    ids::{ClaimNo, DecisionNo, EventNo, EvidenceNo, IncidentNo, NoticeNo, OpeningNo, OwnerNo},
    notice::{BlockReason, DeliveryState, PendingReason, StateName},
    task::TaskState,
};
use candor_path::{ArtifactKind, BeatFold, ClockReading, Due, Plan, Seen, View, Write};
use candor_store::{Artifacts, Listing, NoticeFilter, Store, StoreError, TaskFilter, Txn, memory::Memory};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::fixtures::*;

macro_rules! suite {
    ($($name:ident)+) => {
        mod memory {
            use super::*;
            $(#[test] fn $name() { super::$name(&mut Memory::new(7)); })+
        }
        mod sqlite {
            use super::*;
            $(#[test] fn $name() { let place = Place::new(); super::$name(&mut place.open()); })+
        }
    };
}

suite! {
    everything_comes_back_as_written
    a_second_write_replaces_the_first
    a_dropped_transaction_leaves_nothing
    a_failed_apply_spends_the_transaction
    steps_of_one_transaction_see_each_other
    numbers_are_kept
    the_clocks_are_kept
    seen_is_by_source_and_id
    children_are_counted
    what_is_due_comes_in_order_and_within_its_limit
    next_due_is_the_earliest_of_all
    due_for_a_target_comes_oldest_notice_first
    held_and_handed_over_and_covered
    orphans_are_those_of_dead_owners
    owners_that_ended_long_ago_are_forgotten
    openings_that_are_closed_are_history
    a_beat_is_a_sign_of_life
    a_repeated_beat_counts_once
    a_fold_covers_its_beats_and_no_later_one
    a_fold_that_is_dropped_is_undone
    a_task_started_again_starts_counting_again
    a_jump_moves_what_waits_and_nothing_else
    a_jump_leaves_the_record_of_beats
    a_reprieve_moves_only_what_is_earlier
    every_artifact_verifies_and_the_chain_links
    artifacts_are_found
    an_artifact_that_cannot_be_sealed_is_refused
    receipts_are_found_by_notice
    tasks_are_listed
    notices_are_listed
    deliveries_are_counted
    stranded_deliveries_are_found
}

fn read<S: Store, T>(store: &mut S, read: impl FnOnce(&dyn View) -> T) -> T {
    read(&store.begin().unwrap())
}

fn seen_at<S: Store>(store: &mut S, task: &str) -> (candor_core::time::Timestamp, u64) {
    let task = read(store, |view| view.task(&task_id(task)).unwrap().unwrap());
    (task.seen_at, task.checkpoints)
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

fn a_dropped_transaction_leaves_nothing<S: Store>(store: &mut S) {
    commit(store, Plan { artifacts: vec![event_of("a", 1)], ..plan(vec![put_task(task("a")), beat("a", 5, "one")]) });
    let before = (store.reads().head().unwrap(), seen_at(store, "a"));
    let mut txn = store.begin().unwrap();
    let mut numbers = txn.numbers().unwrap();
    numbers.take_event();
    let writes =
        vec![put_task(bare_task("b")), beat("a", 9, "two"), put_notice(notice(1, None)), put_task(bare_task("a"))];
    txn.apply(&Plan { artifacts: vec![event_of("a", 2), event_of("c", 3)], numbers, ..plan(writes) }, at(50)).unwrap();
    drop(txn);
    assert_eq!((store.reads().head().unwrap(), seen_at(store, "a")), before);
    assert_eq!(store.reads().event(EventNo(2)), Ok(None));
    read(store, |view| {
        assert_eq!(view.task(&task_id("b")), Ok(None));
        assert_eq!(view.task(&task_id("a")).unwrap().unwrap().note, task("a").note);
        assert_eq!(view.notice(NoticeNo(1)), Ok(None));
        assert_eq!(view.numbers().unwrap().event, 1);
        assert_eq!(view.beats(9).unwrap()[0].count, 1);
    });
    commit(store, record(vec![event_of("a", 2)]));
    assert_eq!(store.reads().head().unwrap().length, 2);
}

fn a_failed_apply_spends_the_transaction<S: Store>(store: &mut S) {
    write(store, vec![put_task(task("a"))]);
    let mut txn = store.begin().unwrap();
    let bad = plan(vec![put_task(task("b")), beat("nobody", 1, "x")]);
    assert!(matches!(txn.apply(&bad, at(0)), Err(StoreError::Unfit { .. })));
    assert_eq!(txn.apply(&plan(vec![put_task(task("c"))]), at(0)), Err(StoreError::Spent));
    assert_eq!(txn.commit(), Err(StoreError::Spent));
    read(store, |view| {
        assert_eq!(view.task(&task_id("b")), Ok(None));
        assert_eq!(view.task(&task_id("a")), Ok(Some(task("a"))));
    });
}

fn steps_of_one_transaction_see_each_other<S: Store>(store: &mut S) {
    let mut txn = store.begin().unwrap();
    for no in 1..=3 {
        let mut numbers = txn.numbers().unwrap();
        assert_eq!(numbers.take_notice(), NoticeNo(no));
        let writes = vec![put_notice(notice(no, Some("a"))), put_delivery(delivery(no, "ops", queued(1)))];
        txn.apply(&Plan { numbers, ..plan(writes) }, at(0)).unwrap();
        assert_eq!(txn.notices_of(&task_id("a"), 9).unwrap().len() as u64, no);
    }
    assert_eq!(txn.due(at(1), 9).unwrap().len(), 3);
    txn.commit().unwrap();
    assert_eq!(store.reads().notices(&NoticeFilter::default(), 9).unwrap().len(), 3);
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

fn what_is_due_comes_in_order_and_within_its_limit<S: Store>(store: &mut S) {
    let due = |id: &str, seconds| put_task(candor_core::task::Task { due_at: Some(at(seconds)), ..bare_task(id) });
    write(
        store,
        vec![
            due("late", 30),
            due("second", 10),
            due("also-second", 10),
            put_delivery(delivery(4, "ops", queued(10))),
            put_delivery(delivery(3, "web", queued(10))),
            put_delivery(delivery(3, "ops", pending(PendingReason::RetryScheduled, Some(5)))),
            put_delivery(delivery(2, "ops", DeliveryState::Dispatched { lease: lease(1, 1) })),
            put_delivery(delivery(1, "ops", sending(1))),
            put_delivery(delivery(5, "ops", pending(PendingReason::DryRun, None))),
        ],
    );
    let dispatch = |no, to| Due::Dispatch(NoticeNo(no), target(to));
    let all = vec![
        dispatch(3, "ops"),
        Due::Look(task_id("second")),
        Due::Look(task_id("also-second")),
        dispatch(3, "web"),
        dispatch(4, "ops"),
        Due::Look(task_id("late")),
        Due::Rescue(NoticeNo(2), target("ops")),
    ];
    read(store, |view| {
        assert_eq!(view.due(at(4), 9), Ok(vec![]));
        assert_eq!(view.due(at(10), 9), Ok(all[..5].to_vec()));
        assert_eq!(view.due(at(10), 2), Ok(all[..2].to_vec()));
        assert_eq!(view.due(at(100), 99), Ok(all.clone()));
    });
}

fn next_due_is_the_earliest_of_all<S: Store>(store: &mut S) {
    assert_eq!(read(store, |view| view.next_due_at()), Ok(None));
    write(store, vec![put_delivery(delivery(1, "ops", queued(50)))]);
    assert_eq!(read(store, |view| view.next_due_at()), Ok(Some(at(50))));
    write(store, vec![put_task(candor_core::task::Task { due_at: Some(at(40)), ..task("a") })]);
    assert_eq!(read(store, |view| view.next_due_at()), Ok(Some(at(40))));
    write(store, vec![put_delivery(delivery(1, "ops", acked())), put_task(bare_task("a"))]);
    assert_eq!(read(store, |view| view.next_due_at()), Ok(None));
}

fn due_for_a_target_comes_oldest_notice_first<S: Store>(store: &mut S) {
    write(
        store,
        vec![
            put_delivery(delivery(5, "ops", queued(1))),
            put_delivery(delivery(4, "ops", queued(2))),
            put_delivery(delivery(3, "ops", queued(99))),
            put_delivery(delivery(2, "web", queued(1))),
            put_delivery(delivery(6, "ops", pending(PendingReason::RetryScheduled, Some(1)))),
            put_delivery(delivery(1, "ops", DeliveryState::Dispatched { lease: lease(1, 1) })),
        ],
    );
    let due = |view: &dyn View, limit| {
        view.due_for(&target("ops"), at(50), limit).unwrap().iter().map(|of| of.notice.0).collect::<Vec<_>>()
    };
    assert_eq!(read(store, |view| due(view, 9)), [4, 5, 6]);
    assert_eq!(read(store, |view| due(view, 2)), [4, 5]);
}

fn held_and_handed_over_and_covered<S: Store>(store: &mut S) {
    let covered =
        |no, lead| candor_core::notice::Delivery { digest_of: Some(NoticeNo(lead)), ..delivery(no, "ops", sending(1)) };
    write(
        store,
        vec![
            put_delivery(delivery(3, "ops", pending(PendingReason::GateClosed, None))),
            put_delivery(delivery(1, "ops", pending(PendingReason::GateClosed, None))),
            put_delivery(delivery(2, "ops", pending(PendingReason::GateClosed, Some(9)))),
            put_delivery(delivery(4, "ops", pending(PendingReason::DryRun, None))),
            put_delivery(delivery(5, "web", pending(PendingReason::GateClosed, None))),
            put_delivery(delivery(6, "ops", DeliveryState::Dispatched { lease: lease(1, 2) })),
            put_delivery(delivery(0, "web", DeliveryState::Dispatched { lease: lease(1, 1) })),
            put_delivery(covered(8, 6)),
            put_delivery(covered(7, 6)),
            put_delivery(covered(9, 5)),
        ],
    );
    read(store, |view| {
        let held = |to: &str, limit| {
            view.held(PendingReason::GateClosed, &target(to), limit)
                .unwrap()
                .iter()
                .map(|of| of.notice.0)
                .collect::<Vec<_>>()
        };
        assert_eq!((held("ops", 9), held("ops", 1), held("web", 9)), (vec![1, 3], vec![1], vec![5]));
        assert_eq!(view.handed_over(9), Ok(vec![(NoticeNo(0), target("web")), (NoticeNo(6), target("ops"))]));
        assert_eq!(view.handed_over(1), Ok(vec![(NoticeNo(0), target("web"))]));
        let covered = |lead, to| {
            view.covered_by(NoticeNo(lead), &target(to)).unwrap().iter().map(|of| of.notice.0).collect::<Vec<_>>()
        };
        assert_eq!((covered(6, "ops"), covered(6, "web"), covered(1, "ops")), (vec![7, 8], vec![], vec![]));
    });
}

fn orphans_are_those_of_dead_owners<S: Store>(store: &mut S) {
    write(
        store,
        vec![
            Write::Owner(owner(1, 100)),
            Write::Owner(owner(2, 50)),
            Write::Owner(candor_path::OwnerRow { ended: true, ..owner(3, 100) }),
            Write::Owner(owner(4, 10)),
            put_delivery(delivery(1, "ops", sending(1))),
            put_delivery(delivery(2, "ops", sending(2))),
            put_delivery(delivery(3, "ops", DeliveryState::Dispatched { lease: lease(3, 1) })),
            put_delivery(delivery(4, "ops", sending(4))),
            put_delivery(delivery(5, "ops", sending(9))),
            put_delivery(delivery(6, "ops", queued(1))),
        ],
    );
    let orphans = |view: &dyn View, limit| {
        view.orphans(OwnerNo(4), at(60), limit).unwrap().into_iter().map(|(no, _)| no.0).collect::<Vec<_>>()
    };
    assert_eq!(read(store, |view| orphans(view, 9)), [2, 3, 5]);
    assert_eq!(read(store, |view| orphans(view, 1)), [2]);
}

fn owners_that_ended_long_ago_are_forgotten<S: Store>(store: &mut S) {
    let ended = |no| Write::Owner(candor_path::OwnerRow { ended: true, ..owner(no, 1) });
    write(store, vec![ended(1), Write::Owner(owner(2, 1)), ended(3), ended(4)]);
    write(store, vec![Write::ForgetOwners(OwnerNo(4))]);
    let kept = |owners: Vec<candor_path::OwnerRow>| owners.iter().map(|owner| owner.no.0).collect::<Vec<_>>();
    assert_eq!(read(store, |view| kept(view.owners().unwrap())), [4, 2], "whoever lives is kept, however old");
    assert_eq!(kept(store.reads().owners(9).unwrap()), [4, 2]);
}

fn openings_that_are_closed_are_history<S: Store>(store: &mut S) {
    let closed = candor_core::gate::Opening { closed_at: Some(at(9)), ..opening(2, Gate::BotApiCall) };
    write(
        store,
        vec![
            Write::Opening(Box::new(opening(1, Gate::BotApiCall))),
            Write::Opening(Box::new(opening(2, Gate::BotApiCall))),
            Write::Opening(Box::new(opening(3, Gate::BotApiCall))),
            Write::Opening(Box::new(opening(4, Gate::ProductionWrite))),
            Write::Opening(Box::new(closed.clone())),
        ],
    );
    let open = vec![opening(3, Gate::BotApiCall), opening(1, Gate::BotApiCall)];
    assert_eq!(read(store, |view| view.openings(Gate::BotApiCall)), Ok(open));
    let history = store.reads().all_openings(3).unwrap();
    assert_eq!(history.iter().map(|of| of.no).collect::<Vec<_>>(), [OpeningNo(4), OpeningNo(3), OpeningNo(2)]);
    assert_eq!(history[2], closed);
}

fn a_beat_is_a_sign_of_life<S: Store>(store: &mut S) {
    write(store, vec![put_task(task("a")), put_task(task("b"))]);
    write(store, vec![beat("a", 10, "one"), beat("a", 20, "two")]);
    assert_eq!((seen_at(store, "a"), seen_at(store, "b")), ((at(20), 2), (at(0), 0)));
    assert_eq!(store.reads().tasks(&TaskFilter::default(), 1).unwrap()[0].seen_at, at(20));
    let mut changed = read(store, |view| view.task(&task_id("a")).unwrap().unwrap());
    changed.note = Some("after".to_owned());
    changed.checkpoints += 1;
    write(store, vec![put_task(changed.clone())]);
    assert_eq!(read(store, |view| view.task(&task_id("a"))), Ok(Some(changed)));
    assert_eq!(read(store, |view| view.beats(9).unwrap().len()), 1);
}

fn a_repeated_beat_counts_once<S: Store>(store: &mut S) {
    write(store, vec![put_task(task("a")), beat("a", 10, "one"), beat("a", 11, "one")]);
    write(store, vec![beat("a", 12, "one"), beat("a", 13, "two"), beat("a", 14, "one")]);
    assert_eq!(seen_at(store, "a"), (at(14), 3));
    let fold = read(store, |view| view.beats(9).unwrap().remove(0));
    write(store, vec![Write::Folded { task: task_id("a"), up_to: fold.up_to, last: fold.last }]);
    write(store, vec![beat("a", 15, "one")]);
    assert_eq!(seen_at(store, "a"), (at(14), 3), "also when the one before was folded meanwhile");
    write(store, vec![put_task(bare_task("a"))]);
    write(store, vec![beat("a", 16, "one")]);
    assert_eq!(seen_at(store, "a"), (at(0), 0), "and when the task was written meanwhile");
}

fn a_fold_covers_its_beats_and_no_later_one<S: Store>(store: &mut S) {
    write(store, vec![put_task(task("a")), put_task(task("b"))]);
    write(store, vec![beat("a", 10, "one"), beat("b", 11, "other"), beat("a", 12, "two")]);
    let (of_a, of_b) = read(store, |view| {
        assert_eq!(view.beats(1).unwrap().len(), 1);
        let mut folds = view.beats(9).unwrap();
        folds.sort_by(|left, right| left.task.cmp(&right.task));
        assert_eq!(folds.len(), 2);
        (folds.remove(0), folds.remove(0))
    });
    let digest = Sha256::digest("one 2023-11-14T22:13:30.000000Z\ntwo 2023-11-14T22:13:32.000000Z\n");
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = BeatFold { task: task_id("a"), count: 2, first: at(10), last: at(12), digest, up_to: of_a.up_to };
    assert_eq!(of_a, expected);
    assert_eq!((of_b.count, of_b.first, of_b.last), (1, at(11), at(11)));
    write(store, vec![beat("a", 13, "three"), beat("a", 14, "four")]);
    write(store, vec![Write::Folded { task: of_a.task, up_to: of_a.up_to, last: of_a.last }]);
    assert_eq!(seen_at(store, "a"), (at(14), 4));
    let rest = read(store, |view| view.beats(9).unwrap().into_iter().find(|fold| fold.task == task_id("a")).unwrap());
    assert_eq!((rest.count, rest.first, rest.last), (2, at(13), at(14)));
    write(store, vec![Write::Folded { task: rest.task, up_to: rest.up_to, last: rest.last }]);
    assert_eq!(seen_at(store, "a"), (at(14), 4));
    assert_eq!(read(store, |view| view.beats(9)).unwrap(), [of_b]);
    write(store, vec![beat("a", 15, "five")]);
    assert_eq!(seen_at(store, "a"), (at(15), 5));
    assert!(!store.wants_fold());
}

fn a_fold_that_is_dropped_is_undone<S: Store>(store: &mut S) {
    write(store, vec![put_task(task("a")), beat("a", 10, "one"), beat("a", 12, "two")]);
    let before = read(store, |view| view.beats(9).unwrap());
    let mut txn = store.begin().unwrap();
    let fold = Write::Folded { task: task_id("a"), up_to: before[0].up_to, last: before[0].last };
    txn.apply(&plan(vec![fold, beat("a", 13, "three")]), at(0)).unwrap();
    assert_eq!(txn.beats(9).unwrap()[0].count, 1);
    drop(txn);
    assert_eq!(read(store, |view| view.beats(9).unwrap()), before);
    assert_eq!(seen_at(store, "a"), (at(12), 2));
}

fn a_task_started_again_starts_counting_again<S: Store>(store: &mut S) {
    write(store, vec![put_task(task("a")), beat("a", 10, "one"), beat("a", 12, "two")]);
    let again = candor_core::task::Task { seen_at: at(20), checkpoints: 0, ..task("a") };
    write(store, vec![put_task(again)]);
    assert_eq!(seen_at(store, "a"), (at(20), 0));
    write(store, vec![beat("a", 21, "three")]);
    assert_eq!(seen_at(store, "a"), (at(21), 1));
    let fold = read(store, |view| view.beats(9).unwrap().remove(0));
    write(store, vec![Write::Folded { task: fold.task, up_to: fold.up_to, last: fold.last }]);
    assert_eq!(seen_at(store, "a"), (at(21), 1));
}

fn a_jump_moves_what_waits_and_nothing_else<S: Store>(store: &mut S) {
    let ended = candor_core::task::Task { state: TaskState::Completed, due_at: None, ..task("done") };
    let resolved = candor_core::task::Incident { resolved_at: Some(at(70)), ..incident(2, "a") };
    write(
        store,
        vec![
            put_task(task("a")),
            put_task(ended.clone()),
            Write::Incident(Box::new(incident(1, "a"))),
            Write::Incident(Box::new(resolved.clone())),
            Write::Opening(Box::new(opening(1, Gate::BotApiCall))),
            Write::Owner(owner(1, 5)),
            Write::Owner(candor_path::OwnerRow { ended: true, ..owner(2, 5) }),
            Write::Parked { target: target("ops"), until: Some(at(30)) },
            put_notice(notice(1, Some("a"))),
            put_delivery(delivery(1, "ops", queued(10))),
            put_delivery(delivery(2, "ops", DeliveryState::Dispatched { lease: lease(1, 1) })),
            put_delivery(delivery(3, "ops", sending(1))),
            put_delivery(delivery(4, "ops", pending(PendingReason::RetryScheduled, Some(10)))),
        ],
    );
    write(store, vec![Write::Shift { micros: 3_600_000_000 }]);
    read(store, |view| {
        let moved = view.task(&task_id("a")).unwrap().unwrap();
        let mut expected = task("a");
        expected.seen_at = at(3600);
        expected.due_at = Some(at(3661));
        expected.in_flight[0].until = at(3690);
        assert_eq!(moved, expected);
        let done = view.task(&task_id("done")).unwrap().unwrap();
        assert_eq!((done.seen_at, done.due_at, done.ended_at), (ended.seen_at, None, ended.ended_at));
        assert_eq!(view.incident(IncidentNo(1)).unwrap().unwrap().escalate_at, Some(at(3900)));
        assert_eq!(view.incident(IncidentNo(2)).unwrap().unwrap(), resolved);
        assert_eq!(
            view.openings(Gate::BotApiCall).unwrap(),
            [opening(1, Gate::BotApiCall)],
            "an operator's word stays"
        );
        assert_eq!(view.owner(OwnerNo(1)).unwrap().unwrap().beat_at, at(3605));
        assert_eq!(view.owner(OwnerNo(2)).unwrap().unwrap().beat_at, at(5));
        assert_eq!(view.parked_until(&target("ops")).unwrap(), Some(at(3630)));
        assert_eq!(view.notice(NoticeNo(1)).unwrap().unwrap(), notice(1, Some("a")));
        let state = |no| view.delivery(NoticeNo(no), &target("ops")).unwrap().unwrap().state;
        assert_eq!(state(1), queued(3610));
        assert_eq!(state(2).due_at(), Some(at(3700)));
        assert_eq!(state(3), sending(1));
        assert_eq!(state(4), pending(PendingReason::RetryScheduled, Some(3610)));
        assert_eq!(view.due(at(3600), 9), Ok(vec![]));
    });
}

fn a_jump_leaves_the_record_of_beats<S: Store>(store: &mut S) {
    write(store, vec![put_task(task("a")), put_task(task("b")), beat("a", 10, "one"), beat("b", 10, "of b")]);
    let before = read(store, |view| view.beats(9).unwrap());
    write(store, vec![Write::Shift { micros: -3_600_000_000 }]);
    assert_eq!(seen_at(store, "a"), (at(-3590), 1));
    assert_eq!(read(store, |view| view.beats(9).unwrap()), before, "when they came in is on record");
    write(store, vec![beat("a", -3580, "two")]);
    assert_eq!(seen_at(store, "a"), (at(-3580), 2));
    for fold in read(store, |view| view.beats(9).unwrap()) {
        write(store, vec![Write::Folded { task: fold.task, up_to: fold.up_to, last: fold.last }]);
    }
    assert_eq!((seen_at(store, "a"), seen_at(store, "b")), ((at(-3580), 2), (at(-3590), 1)));
}

fn a_reprieve_moves_only_what_is_earlier<S: Store>(store: &mut S) {
    let due = |id: &str, due_at| put_task(candor_core::task::Task { due_at, ..bare_task(id) });
    write(store, vec![due("early", Some(at(10))), due("late", Some(at(99))), due("never", None)]);
    write(store, vec![put_delivery(delivery(1, "ops", queued(10))), Write::Reprieve { until: at(50) }]);
    read(store, |view| {
        let due_at = |id| view.task(&task_id(id)).unwrap().unwrap().due_at;
        assert_eq!((due_at("early"), due_at("late"), due_at("never")), (Some(at(50)), Some(at(99)), None));
        assert_eq!(view.next_due_at(), Ok(Some(at(10))), "deliveries wait for nobody's report");
    });
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

fn tasks_are_listed<S: Store>(store: &mut S) {
    let with = |id: &str, state, incident| put_task(candor_core::task::Task { state, incident, ..bare_task(id) });
    write(
        store,
        vec![
            with("z", TaskState::Running, None),
            with("a", TaskState::Failed, None),
            with("m", TaskState::Running, Some(IncidentNo(1))),
            with("b", TaskState::Blocked, Some(IncidentNo(2))),
        ],
    );
    let ids = |filter: TaskFilter, limit| {
        store.reads().tasks(&filter, limit).unwrap().into_iter().map(|of| of.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(TaskFilter::default(), 9), ["z", "a", "m", "b"]);
    assert_eq!(ids(TaskFilter { after: Some(task_id("a")), ..TaskFilter::default() }, 1), ["m"]);
    assert_eq!(ids(TaskFilter { state: Some(TaskState::Running), ..TaskFilter::default() }, 9), ["z", "m"]);
    assert_eq!(ids(TaskFilter { with_incident: true, ..TaskFilter::default() }, 9), ["m", "b"]);
    assert_eq!(
        ids(TaskFilter { with_incident: true, state: Some(TaskState::Blocked), after: Some(task_id("z")) }, 9),
        ["b"]
    );
    let counts: Vec<_> = store.reads().task_counts().unwrap().into_iter().collect();
    assert_eq!(counts, [(TaskState::Running, 2), (TaskState::Blocked, 1), (TaskState::Failed, 1)]);
}

fn notices_are_listed<S: Store>(store: &mut S) {
    write(
        store,
        vec![
            put_notice(notice(1, Some("a"))),
            put_notice(notice(2, Some("b"))),
            put_notice(notice(3, Some("a"))),
            put_notice(notice(4, None)),
            put_delivery(delivery(1, "ops", acked())),
            put_delivery(delivery(1, "web", acked())),
            put_delivery(delivery(2, "ops", acked())),
            put_delivery(delivery(3, "ops", sending(1))),
            put_delivery(delivery(4, "ops", pending(PendingReason::DryRun, None))),
        ],
    );
    let nos = |state, task: Option<&str>, limit| {
        let filter = NoticeFilter { state, task: task.map(task_id) };
        store.reads().notices(&filter, limit).unwrap().into_iter().map(|row| row.notice.no.0).collect::<Vec<_>>()
    };
    assert_eq!((nos(None, None, 9), nos(None, None, 2)), (vec![4, 3, 2, 1], vec![4, 3]));
    assert_eq!((nos(Some(StateName::Acked), None, 9), nos(Some(StateName::Acked), None, 1)), (vec![2, 1], vec![2]));
    assert_eq!(nos(Some(StateName::PendingExternalSend), None, 9), [4, 3]);
    assert_eq!((nos(None, Some("a"), 9), nos(Some(StateName::Acked), Some("a"), 9)), (vec![3, 1], vec![1]));
    assert!(nos(None, Some("nobody"), 9).is_empty());
    let row = store.reads().notice_row(NoticeNo(1)).unwrap().unwrap();
    assert_eq!(row.notice, notice(1, Some("a")));
    assert_eq!(row.deliveries, [delivery(1, "ops", acked()), delivery(1, "web", acked())]);
    assert_eq!(store.reads().notice_row(NoticeNo(9)), Ok(None));
}

fn deliveries_are_counted<S: Store>(store: &mut S) {
    write(
        store,
        vec![
            put_delivery(delivery(3, "ops", pending(PendingReason::DryRun, None))),
            put_delivery(delivery(2, "ops", pending(PendingReason::DryRun, None))),
            put_delivery(delivery(4, "ops", sending(1))),
            put_delivery(delivery(5, "ops", DeliveryState::Blocked { reason: BlockReason::SenderMissing })),
            put_delivery(delivery(6, "ops", acked())),
        ],
    );
    let counts = store.reads().delivery_counts().unwrap();
    let rows: Vec<_> = counts.iter().map(|of| (of.state, of.reason.as_deref(), of.count, of.oldest)).collect();
    assert_eq!(
        rows,
        [
            (StateName::PendingExternalSend, Some("attempt_open"), 1, at(4)),
            (StateName::PendingExternalSend, Some("dry_run"), 2, at(2)),
            (StateName::Acked, None, 1, at(6)),
            (StateName::Blocked, Some("sender_missing"), 1, at(5)),
        ]
    );
}

fn stranded_deliveries_are_found<S: Store>(store: &mut S) {
    let rows = vec![
        Write::Owner(owner(1, 100)),
        Write::Owner(owner(2, 10)),
        put_delivery(delivery(1, "ops", DeliveryState::Prepared)),
        put_delivery(delivery(2, "ops", queued(999))),
        put_delivery(delivery(3, "ops", sending(1))),
        put_delivery(delivery(4, "ops", sending(2))),
        put_delivery(delivery(5, "ops", pending(PendingReason::RetryScheduled, None))),
        put_delivery(delivery(6, "ops", pending(PendingReason::RetryScheduled, Some(5)))),
        put_delivery(delivery(7, "ops", pending(PendingReason::GateClosed, None))),
        put_delivery(delivery(8, "ops", DeliveryState::Dispatched { lease: lease(9, 1) })),
        put_delivery(delivery(9, "ops", acked())),
    ];
    write(store, rows);
    let stranded =
        |limit| store.reads().stranded(at(50), limit).unwrap().into_iter().map(|of| of.notice.0).collect::<Vec<_>>();
    assert_eq!((stranded(9), stranded(2)), (vec![1, 4, 5], vec![1, 4]));
}
