//! What is due, for whom, and what a jump of the clock moves.

use candor_core::{
    gate::Gate,
    ids::{IncidentNo, NoticeNo, OpeningNo, OwnerNo},
    notice::{DeliveryState, PendingReason},
    task::TaskState,
};
use candor_path::{Due, View, Write};
use candor_store::{Listing as _, Store};

use super::{read, seen_at, suite};
use crate::fixtures::*;

suite! {
    what_is_due_comes_in_order_and_within_its_limit
    next_due_is_the_earliest_of_all
    due_for_a_target_comes_oldest_notice_first
    held_and_handed_over_and_covered
    orphans_are_those_of_dead_owners
    owners_that_ended_long_ago_are_forgotten
    openings_that_are_closed_are_history
    a_jump_moves_what_waits_and_nothing_else
    a_jump_leaves_the_record_of_beats
    a_reprieve_moves_only_what_is_earlier
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
