//! Signs of life: cheap to write, counted once, folded later.

use candor_path::{BeatFold, View as _, Write};
use candor_store::{Listing as _, Store, TaskFilter, Txn};
use sha2::{Digest as _, Sha256};

use super::{read, seen_at, suite};
use crate::fixtures::*;

suite! {
    a_beat_is_a_sign_of_life
    a_repeated_beat_counts_once
    a_fold_covers_its_beats_and_no_later_one
    a_fold_that_is_dropped_is_undone
    a_task_started_again_starts_counting_again
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
