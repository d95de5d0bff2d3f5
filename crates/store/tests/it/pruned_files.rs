//! What only SQL and files can do to a log that may be pruned.

use candor_audit::kind::Kind;
use candor_core::task::{Task, TaskState};
use candor_store::{Listing as _, Store as _, sqlite::Sqlite};
use rusqlite::Connection;

use crate::{
    conformance::prune::{begin, pruning, step},
    fixtures::*,
};

fn filled(store: &mut Sqlite, count: u64) {
    let ended = Task { state: TaskState::Completed, ended_at: Some(at(9)), due_at: None, ..bare_task("a") };
    write(store, vec![put_task(ended)]);
    for no in 0..count {
        commit(store, record(vec![event_of("a", no)]));
    }
}

/// The exception is narrow: an open pruning, the same place and number of artifacts, less text. And prunings stay as they ended.
#[test]
fn a_segment_changes_under_an_open_pruning_alone_and_only_loses() {
    let place = Place::new();
    let mut store = place.open();
    filled(&mut store, 4);
    let conn = Connection::open(place.path()).unwrap();
    let refused = |sql: &str| conn.execute(sql, []).unwrap_err().to_string();
    let shrink = "UPDATE segment SET size = size - 1, pruning = 7 WHERE first = 0";
    assert!(refused(shrink).contains("append-only"), "no pruning is open");
    begin(&mut store, pruning(7, &[(0, 4)]));
    for forbidden in [
        "UPDATE segment SET size = size - 1 WHERE first = 0",
        "UPDATE segment SET size = size - 1, pruning = 8 WHERE first = 0",
        "UPDATE segment SET pruning = 7 WHERE first = 0",
        "UPDATE segment SET size = size + 1, pruning = 7 WHERE first = 0",
        "UPDATE segment SET size = size - 1, count = 0, pruning = 7 WHERE first = 0",
        "UPDATE segment SET size = size - 1, first = 99, pruning = 7 WHERE first = 3",
        "UPDATE segment SET size = size - 1, nonces = x'', pruning = 7 WHERE first = 0",
        "DELETE FROM segment WHERE first = 3",
        "DELETE FROM pruning",
        "UPDATE pruning SET no = 9",
        "INSERT INTO pruning(no, done, body) VALUES(8, 0, '{}')",
    ] {
        assert!(conn.execute(forbidden, []).is_err(), "{forbidden}");
    }
    assert!(step(&mut store, 99).done);
    assert!(refused(shrink).contains("append-only"), "it has ended");
    assert!(refused("UPDATE pruning SET done = 0").contains("stays as it is"));
}

/// What goes is written over, in the database and in its journal, and a store whose last record was pruned opens.
#[test]
fn a_pruned_secret_stands_nowhere_in_the_files() {
    let place = Place::new();
    let mut store = place.open();
    // Not compressible, so that its bytes stand in the file as they are.
    let secret = candor_audit::hex(&[0xC5; 24]);
    filled(&mut store, 3);
    let noise: String = (0..40_u32).map(|each| format!("{:08x}", each.wrapping_mul(2_654_435_761))).collect();
    let mut event = event_of("a", 77);
    event.body = serde_json::json!({ "secret": secret, "noise": noise });
    commit(&mut store, record(vec![event]));
    let nonce = store.reads().log(3, 1).unwrap()[0].nonce.0;
    let has = |bytes: &[u8]| {
        ["", "-wal"].iter().any(|end| {
            let path = place.path().with_file_name(format!("candor.db{end}"));
            std::fs::read(path).unwrap_or_default().windows(bytes.len()).any(|window| window == bytes)
        })
    };
    assert!(has(&nonce));
    begin(&mut store, pruning(1, &[(0, 4)]));
    assert!(step(&mut store, 99).done);
    store.empty_journal().unwrap();
    assert!(!has(&nonce), "the nonce is left behind");
    drop(store);
    let store = place.open();
    let last = store.reads().log(3, 1).unwrap().pop().unwrap();
    assert!(last.is_pruned());
}

/// A store of an older layout: whoever opens it brings it up to date, a reader too, and what the layout before didn't keep is found.
#[test]
fn a_store_of_layout_1_is_brought_up_to_date() {
    let place = Place::new();
    let mut store = place.open();
    let pack = |no: u64| {
        artifact(candor_path::ArtifactKind::Pack, &format!("q-{no}"), None, None, serde_json::json!({ "no": no }))
    };
    commit(&mut store, record(vec![pack(1)]));
    filled(&mut store, 300);
    commit(&mut store, record(vec![pack(2)]));
    let root = store.reads().subtree(8, 0).unwrap();
    drop(store);
    let conn = Connection::open(place.path()).unwrap();
    conn.execute_batch(
        "DROP TRIGGER segment_stays; DROP TABLE pruning; DROP TABLE kind_at; DROP TABLE tree; DROP TABLE uncovered;
         ALTER TABLE segment DROP COLUMN pruning;
         CREATE TRIGGER segment_stays BEFORE UPDATE ON segment BEGIN SELECT raise(ABORT, 'the log is append-only'); END;
         DROP TABLE approval; DROP TABLE package; DROP TABLE request; DROP TABLE effect; DROP TABLE work; DROP TABLE document;
         ALTER TABLE notice DROP COLUMN failure_of;
         PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(conn);
    let found = |reads: &candor_store::sqlite::Reader| {
        let packs: Vec<String> = reads.of_kind(Kind::Pack, 9).unwrap().into_iter().map(|of| of.id).collect();
        assert_eq!(packs, ["q-2", "q-1"]);
        assert_eq!(reads.subtree(8, 0).unwrap(), root);
        assert_eq!(reads.open_pruning().unwrap(), None);
    };
    found(&candor_store::sqlite::Reader::open(&place.path()).unwrap());
    let store = place.open();
    found(store.reads());
    drop(store);
    let conn = Connection::open(place.path()).unwrap();
    let rows = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((rows("SELECT count(*) FROM kind_at"), rows("SELECT count(*) FROM uncovered")), (2, 0));
    assert!(rows("SELECT count(*) FROM tree") > 0);
}
