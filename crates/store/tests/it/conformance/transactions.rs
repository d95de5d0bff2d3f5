//! All of a plan or nothing of it.

use candor_core::ids::{EventNo, NoticeNo};
use candor_path::{Plan, View as _};
use candor_store::{Listing as _, NoticeFilter, Store, StoreError, Txn};

use super::{read, seen_at, suite};
use crate::fixtures::*;

suite! {
    a_dropped_transaction_leaves_nothing
    a_failed_apply_spends_the_transaction
    steps_of_one_transaction_see_each_other
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
