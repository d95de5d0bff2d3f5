//! Several processes on one store. `flock` holds per open file, so that two stores of one process are as good as two processes.

use candor_path::View as _;
use candor_store::{
    Listing as _, Store as _, StoreError, Txn as _,
    sqlite::{Hold, Reader, Sqlite},
};

use crate::fixtures::*;

fn shared(place: &Place) -> Sqlite {
    Sqlite::open(&place.path(), Hold::Shared, "bridge").unwrap()
}

#[test]
fn whoever_holds_it_alone_is_named() {
    let place = Place::new();
    let alone = Sqlite::open(&place.path(), Hold::Alone, "up").unwrap();
    assert!(alone.was_alone());
    for hold in [Hold::Alone, Hold::Shared] {
        let refused = Sqlite::open(&place.path(), hold, "run").unwrap_err();
        let by = format!("`up` (process {})", std::process::id());
        assert_eq!(refused, StoreError::Held { path: place.path(), by });
    }
    drop(alone);
    assert!(Sqlite::open(&place.path(), Hold::Alone, "up").unwrap().was_alone());
}

#[test]
fn the_first_of_several_was_alone() {
    let place = Place::new();
    let first = shared(&place);
    let second = shared(&place);
    assert_eq!((first.was_alone(), second.was_alone()), (true, false));
    let refused = Sqlite::open(&place.path(), Hold::Alone, "up").unwrap_err();
    assert_eq!(refused, StoreError::Held { path: place.path(), by: "other processes of Candor".to_owned() });
    drop((first, second));
    assert!(shared(&place).was_alone());
}

#[test]
fn each_sees_what_the_other_committed() {
    let place = Place::new();
    let (mut one, mut other) = (shared(&place), shared(&place));
    commit(&mut one, record(vec![event_of("a", 1)]));
    write(&mut one, vec![put_task(task("a")), beat("a", 10, "one")]);
    commit(&mut other, record(vec![event_of("a", 2), event_of("b", 3)]));
    write(&mut other, vec![beat("a", 11, "one"), beat("a", 12, "two")]);
    let seen = |store: &mut Sqlite| {
        let txn = store.begin().unwrap();
        let task = txn.task(&task_id("a")).unwrap().unwrap();
        (task.seen_at, task.checkpoints, txn.beats(9).unwrap())
    };
    let now = seen(&mut one);
    assert_eq!((now.0, now.1, now.2[0].count), (at(12), 2, 2));
    assert_eq!(seen(&mut other), now);
    let fold = candor_path::Write::Folded { task: task_id("a"), up_to: now.2[0].up_to, last: at(12) };
    write(&mut one, vec![fold, beat("a", 13, "three")]);
    let now = seen(&mut other);
    assert_eq!((now.0, now.1, now.2[0].count), (at(13), 3, 1));
    commit(&mut one, record(vec![event_of("a", 4)]));
    let log = other.reads().log(0, 99).unwrap();
    let links: Vec<_> = log.iter().map(|entry| entry.record().unwrap().id).collect();
    assert_eq!(links, ["e-1", "e-2", "e-3", "e-4"]);
}

/// A writer keeps rows that it read lately: not beyond what another process changed, nor beyond a transaction that was given up.
#[test]
fn a_kept_row_is_never_older_than_the_database() {
    let place = Place::new();
    let (mut one, mut other) = (shared(&place), shared(&place));
    let named = |name: &str| put_task(candor_core::task::Task { name: Some(name.to_owned()), ..task("a") });
    let seen =
        |store: &mut Sqlite| store.begin().unwrap().task(&task_id("a")).unwrap().and_then(|task| task.name).unwrap();
    write(&mut one, vec![named("first")]);
    assert_eq!(seen(&mut one), "first");
    write(&mut other, vec![named("second")]);
    assert_eq!(seen(&mut one), "second");
    let mut txn = one.begin().unwrap();
    txn.apply(&plan(vec![named("given up")]), at(1)).unwrap();
    assert_eq!(txn.task(&task_id("a")).unwrap().unwrap().name.as_deref(), Some("given up"));
    drop(txn);
    assert_eq!(seen(&mut one), "second");
}

#[test]
fn a_reader_is_never_in_the_writers_way() {
    let place = Place::new();
    let mut store = place.open();
    write(&mut store, vec![put_task(task("a")), beat("a", 1, "one")]);
    let reader = Reader::open(&place.path()).unwrap();
    let seen = |reader: &Reader| reader.task_by_id(&task_id("a")).unwrap().map(|task| (task.seen_at, task.checkpoints));
    assert_eq!(seen(&reader), Some((at(1), 1)));
    let txn = store.begin().unwrap();
    assert_eq!(seen(&reader), Some((at(1), 1)), "also while a transaction is open");
    drop(txn);
    write(&mut store, vec![beat("a", 2, "two")]);
    assert_eq!(seen(&reader), Some((at(2), 2)));
    let fold = { store.begin().unwrap().beats(1).unwrap().remove(0) };
    write(&mut store, vec![candor_path::Write::Folded { task: fold.task, up_to: fold.up_to, last: fold.last }]);
    assert_eq!(seen(&reader), Some((at(2), 2)));
}

#[test]
fn a_writer_waits_for_the_other_to_finish() {
    let place = Place::new();
    let (mut one, mut other) = (shared(&place), shared(&place));
    write(&mut one, vec![put_task(task("a"))]);
    let txn = one.begin().unwrap();
    std::thread::scope(|scope| {
        let waits = scope.spawn(move || write(&mut other, vec![put_task(task("b"))]));
        drop(txn);
        waits.join().unwrap();
    });
    assert!(one.reads().task_by_id(&task_id("b")).unwrap().is_some());
}
