//! What people list and count.

use candor_core::{
    ids::{IncidentNo, NoticeNo},
    notice::{BlockReason, DeliveryState, PendingReason, StateName},
    task::TaskState,
};
use candor_path::Write;
use candor_store::{Listing as _, NoticeFilter, Store, TaskFilter};

use super::suite;
use crate::fixtures::*;

suite! {
    tasks_are_listed
    notices_are_listed
    deliveries_are_counted
    stranded_deliveries_are_found
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
