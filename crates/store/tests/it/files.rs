//! What files do to the store: none there, someone else's, damaged, read only, full, cut off in the middle.

use std::{fs, os::unix::fs::FileExt as _, path::Path};

use candor_path::{Plan, View as _, Write};
use candor_store::{
    Listing as _, Store as _, StoreError, Txn as _,
    sqlite::{Hold, Reader, Sqlite},
};
use rusqlite::Connection;

use crate::fixtures::*;

fn open(path: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(path, Hold::Alone, "test")
}

/// A bare connection to a closed store, for what only SQL can do.
fn sql(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

fn filled(place: &Place) -> u64 {
    let mut store = place.open();
    for no in 0..40 {
        let writes = vec![put_task(task(&format!("t{no}"))), beat(&format!("t{no}"), 5, "one")];
        commit(&mut store, Plan { artifacts: vec![event_of(&format!("t{no}"), no)], ..plan(writes) });
    }
    store.reads().head().unwrap().length
}

#[test]
fn everything_is_there_after_reopening() {
    let place = Place::new();
    filled(&place);
    let mut store = place.open();
    assert_eq!(store.reads().head().unwrap().length, 40);
    let txn = store.begin().unwrap();
    let task = txn.task(&task_id("t7")).unwrap().unwrap();
    assert_eq!((task.seen_at, task.checkpoints), (at(5), 1));
    assert_eq!(txn.beats(99).unwrap().len(), 40);
}

/// A commit of nothing but checkpoints writes only their rows; the last of them tells the time of the commit.
#[test]
fn the_last_time_is_known_after_checkpoints_alone() {
    let place = Place::new();
    let times = |store: &Sqlite| store.reads().head().unwrap().last_at;
    let put = |store: &mut Sqlite, seconds: i64, write: Write| {
        let mut txn = store.begin().unwrap();
        txn.apply(&plan(vec![write]), at(seconds)).unwrap();
        txn.commit().unwrap();
    };
    let mut store = place.open();
    put(&mut store, 1, put_task(task("a")));
    put(&mut store, 5, beat("a", 5, "one"));
    assert_eq!(times(&store), Some(at(5)));
    drop(store);
    let mut store = place.open();
    assert_eq!(times(&store), Some(at(5)), "from the row");
    // Something else at the same time, and then a clock that went back.
    put(&mut store, 5, Write::Owner(owner(1, 5)));
    drop(store);
    let mut store = place.open();
    assert_eq!(times(&store), Some(at(5)), "also when it is older than what else was written");
    put(&mut store, 3, Write::Owner(owner(1, 3)));
    put(&mut store, 4, beat("a", 4, "two"));
    drop(store);
    let mut store = place.open();
    assert_eq!(times(&store), Some(at(4)));
    let txn = store.begin().unwrap();
    let fold = txn.beats(1).unwrap().remove(0);
    drop(txn);
    assert_eq!(fold.count, 2);
    put(&mut store, 6, Write::Folded { task: fold.task, up_to: fold.up_to, last: fold.last });
    put(&mut store, 7, beat("a", 7, "three"));
    drop(store);
    let mut store = place.open();
    assert_eq!(times(&store), Some(at(7)));
    assert_eq!(store.begin().unwrap().beats(1).unwrap()[0].up_to, 3, "places aren't given twice");
}

#[test]
fn a_rest_brings_a_long_journal_into_the_database() {
    let place = Place::new();
    let mut store = place.open();
    let bytes = || fs::metadata(place.path()).unwrap().len();
    let mut grown_by = |commits: std::ops::Range<u64>| {
        for no in commits {
            let writes = vec![put_task(task(&format!("t{no}")))];
            commit(&mut store, Plan { artifacts: vec![event_of(&format!("t{no}"), no)], ..plan(writes) });
        }
        let before = bytes();
        store.rest().unwrap();
        bytes() - before
    };
    assert_eq!(grown_by(0..10), 0, "a short one is left");
    assert_ne!(grown_by(10..90), 0);
    assert_eq!(grown_by(90..100), 0, "it is counted anew");
}

#[test]
fn a_reader_finds_no_store_where_there_is_none() {
    let place = Place::new();
    let absent = Err(StoreError::Absent { path: place.path() });
    assert_eq!(Reader::open(&place.path()).map(drop), absent);
    fs::write(place.path(), "").unwrap();
    assert_eq!(Reader::open(&place.path()).map(drop), absent);
}

#[test]
fn an_empty_file_is_made_a_store() {
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    assert_eq!(filled(&place), 40);
}

#[test]
fn someone_elses_file_is_left_alone() {
    let place = Place::new();
    for content in ["short", "a text file that is long enough to have been a database\n"] {
        fs::write(place.path(), content).unwrap();
        assert!(matches!(open(&place.path()), Err(StoreError::NotOurs { .. })));
        assert!(matches!(Reader::open(&place.path()), Err(StoreError::NotOurs { .. })));
        assert_eq!(fs::read_to_string(place.path()).unwrap(), content);
    }
}

#[test]
fn another_programs_database_is_left_alone() {
    let place = Place::new();
    sql(&place.path()).execute_batch("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1);").unwrap();
    let before = fs::read(place.path()).unwrap();
    assert!(matches!(open(&place.path()), Err(StoreError::NotOurs { .. })));
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_newer_layout_is_refused() {
    let place = Place::new();
    filled(&place);
    sql(&place.path()).pragma_update(None, "user_version", 99).unwrap();
    let refused = open(&place.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "{refused}");
    assert!(matches!(Reader::open(&place.path()), Err(StoreError::Newer { .. })));
}

#[test]
fn a_truncated_database_is_damaged() {
    let place = Place::new();
    filled(&place);
    let length = fs::metadata(place.path()).unwrap().len();
    fs::OpenOptions::new().write(true).open(place.path()).unwrap().set_len(length / 2).unwrap();
    let refused = open(&place.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
}

#[test]
fn a_page_of_noise_is_damage() {
    let place = Place::new();
    filled(&place);
    let file = fs::OpenOptions::new().write(true).open(place.path()).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    for page in 2..pages {
        file.write_all_at(&[0x5A; 512], page * 4096).unwrap();
    }
    let refused = open(&place.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    assert!(refused.to_string().contains("last good copy"), "{refused}");
}

/// One flipped bit in the log's last segment is seen when the store is opened, unless it is one that means nothing.
#[test]
fn a_flipped_bit_at_the_end_of_the_log_is_damage() {
    let place = Place::new();
    filled(&place);
    let conn = sql(&place.path());
    let (first, body): (i64, Vec<u8>) = conn
        .query_row("SELECT first, body FROM segment ORDER BY first DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    conn.execute_batch("DROP TRIGGER segment_stays").unwrap();
    let last = || open(&place.path()).map(|store| store.reads().log(39, 1).unwrap());
    let (whole, mut meaningless) = (last().unwrap(), 0);
    for byte in 0..body.len() {
        let mut flipped = body.clone();
        flipped[byte] ^= 1 << (byte % 8);
        conn.execute("UPDATE segment SET body = ?2 WHERE first = ?1", (first, flipped)).unwrap();
        match last() {
            Err(refused) => assert!(matches!(refused, StoreError::Damaged { .. }), "byte {byte}: {refused}"),
            Ok(same) => {
                assert_eq!(same, whole, "byte {byte}");
                meaningless += 1;
            }
        }
    }
    assert!(meaningless < 8, "{meaningless} of {}", body.len());
    conn.execute("UPDATE segment SET body = ?2 WHERE first = ?1", (first, body)).unwrap();
    assert_eq!(last(), Ok(whole));
}

#[test]
fn a_log_that_lost_its_end_is_damage() {
    let place = Place::new();
    filled(&place);
    sql(&place.path())
        .execute_batch(
            "DROP TRIGGER segment_is_kept; DELETE FROM segment WHERE first = (SELECT max(first) FROM segment)",
        )
        .unwrap();
    assert!(matches!(open(&place.path()), Err(StoreError::Damaged { .. })));
}

/// Damage in a row is an error of the read that meets it, not a panic and not a made-up value.
#[test]
fn a_row_that_cannot_be_is_damage() {
    let place = Place::new();
    filled(&place);
    sql(&place.path()).execute_batch("UPDATE task SET state = 77; UPDATE name SET id = '../' || id").unwrap();
    let mut store = place.open();
    let found = store.reads().task_by_id(&task_id("t1"));
    assert_eq!(found, Ok(None));
    let listed = store.reads().tasks(&Default::default(), 9).unwrap_err();
    assert!(matches!(listed, StoreError::Damaged { .. }), "{listed}");
    assert!(store.begin().unwrap().beats(1).unwrap_err().0.contains("is damaged"));
}

#[test]
fn the_log_cannot_be_changed() {
    let place = Place::new();
    filled(&place);
    let conn = sql(&place.path());
    for forbidden in [
        "UPDATE segment SET count = 1 WHERE first = 0",
        "DELETE FROM segment WHERE first = 39",
        "INSERT INTO segment(first, count, size, nonces, body) VALUES(41, 1, 1, x'00', x'00')",
        "INSERT OR REPLACE INTO segment(first, count, size, nonces, body) VALUES(39, 1, 1, x'00', x'00')",
    ] {
        let refused = conn.execute(forbidden, []).unwrap_err().to_string();
        assert!(refused.contains("append-only") || refused.contains("no gaps"), "{forbidden}: {refused}");
    }
}

/// Nobody makes files in `/sys`, not even root, as whom tests often run.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_said_to_be_so() {
    let refused = open(Path::new("/sys/candor.db")).unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
    assert!(refused.to_string().contains("write access"), "{refused}");
}

/// What a crash leaves is what lies on the disk: the files as they are at any moment, also in the middle of a transaction.
#[test]
fn a_crash_leaves_whole_commits() {
    let place = Place::new();
    let mut store = place.open();
    for no in 0..60 {
        let writes = vec![put_task(task("a")), put_notice(notice(no, Some("a"))), beat("a", 9, &format!("b{no}"))];
        let artifacts = vec![event_of("a", no), event_of("b", no)];
        let mut txn = store.begin().unwrap();
        let step = Plan { artifacts, numbers: txn.numbers().unwrap(), ..plan(writes) };
        txn.apply(&step, at(0)).unwrap();
        assert_left(&place, no);
        txn.commit().unwrap();
        assert_left(&place, no + 1);
    }
}

fn assert_left(place: &Place, commits: u64) {
    let after = Place::new();
    for name in ["candor.db", "candor.db-wal"] {
        if place.folder.path().join(name).exists() {
            fs::copy(place.folder.path().join(name), after.folder.path().join(name)).unwrap();
        }
    }
    let mut store = after.open();
    assert_eq!(store.reads().head().unwrap().length, commits * 2);
    let txn = store.begin().unwrap();
    assert_eq!(txn.notices_of(&task_id("a"), 99).unwrap().len() as u64, commits);
    assert_eq!(txn.task(&task_id("a")).unwrap().map_or(0, |task| task.checkpoints), u64::from(commits > 0));
}
