//! What can only be shown from inside: a full disk, and what SQLite plans for the queries that must not cost by what exists.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use candor_core::{ids::TaskId, time::Timestamp};
use candor_path::{Artifact, ArtifactKind, Numbers, OwnerRow, Plan, View as _, Write};
use serde_json::json;

use super::{Hold, Sqlite, listing, rows::select, view, write};
use crate::{Counted, Listing as _, Store as _, StoreError, Txn as _};

fn store(folder: &tempfile::TempDir) -> Sqlite {
    Sqlite::open_with(&folder.path().join("candor.db"), Hold::Alone, "test", Box::new(Counted::default())).unwrap()
}

/// A plan whose artifact doesn't compress and whose row goes with it.
fn noise(no: u64, numbers: Numbers) -> Plan {
    let noise: String = (0..64_u64)
        .map(|part| {
            format!(
                "{:016x}",
                write::seen_key(&format!("{no}"), &format!("{part}"))
                    .iter()
                    .fold(0_u64, |sum, byte| (sum << 8) ^ u64::from(*byte))
            )
        })
        .collect();
    let task: Option<TaskId> = "noisy".parse().ok();
    let body = json!({ "no": no, "noise": noise });
    let artifact = Artifact { kind: ArtifactKind::Gap, id: format!("x-{no}"), task, correlation: None, body };
    let at = Timestamp::from_micros(i64::try_from(no).unwrap());
    let owner = OwnerRow {
        no: candor_core::ids::OwnerNo(no),
        role: "test".to_owned(),
        started_at: at,
        beat_at: at,
        ended: false,
    };
    Plan { writes: vec![Write::Owner(owner)], artifacts: vec![artifact], ..Plan::new(numbers) }
}

fn try_commit(store: &mut Sqlite, no: u64) -> Result<(), StoreError> {
    let mut txn = store.begin()?;
    let plan = noise(no, txn.numbers().unwrap());
    txn.apply(&plan, Timestamp::from_micros(1))?;
    txn.commit()
}

/// SQLite reports the limit as it reports a full disk.
#[test]
fn a_full_disk_refuses_new_work_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder);
    let pages: i64 = store.reads.db.conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let limit = |store: &Sqlite, pages: i64| store.reads.db.conn.pragma_update(None, "max_page_count", pages).unwrap();
    limit(&store, pages + 30);
    let (mut kept, mut refused) = (0, Ok(()));
    while refused.is_ok() {
        refused = try_commit(&mut store, kept);
        kept += u64::from(refused.is_ok());
        assert!(kept < 1_000, "the limit holds");
    }
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
    assert!(refused.to_string().contains("nothing that was accepted is lost"), "{refused}");
    assert!(kept > 10, "{kept}");
    for _ in 0..3 {
        assert!(matches!(try_commit(&mut store, kept), Err(StoreError::Full { .. })), "it stays refused");
    }
    let held =
        |store: &Sqlite| (store.reads().head().unwrap().length, store.reads().owners(9_999).unwrap().len() as u64);
    assert_eq!(held(&store), (kept, kept));
    limit(&store, 1 << 30);
    try_commit(&mut store, kept).unwrap();
    drop(store);
    let store = self::store(&folder);
    assert_eq!(held(&store), (kept + 1, kept + 1));
    let log = store.reads().log(0, 9_999).unwrap();
    assert!((0..).zip(&log).all(|(index, entry)| entry.record().unwrap().index == index));
}

fn planned(store: &Sqlite, sql: &str) -> String {
    let db = &store.reads.db;
    let mut query = db.conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = query.query_map(rusqlite::params_from_iter(std::iter::repeat_n(1, query.parameter_count())), |row| {
        row.get::<_, String>(3)
    });
    steps.unwrap().collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

/// Each of these reads what it answers with, whatever else there is.
#[test]
fn what_is_due_is_found_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    for (sql, index) in [
        (view::DUE_TASKS, "task_due"),
        (view::DUE_DELIVERIES, "delivery_due"),
        (view::NEXT_DUE, "task_due"),
        (view::NEXT_DUE, "delivery_due"),
        (view::DUE_FOR, "delivery_due"),
        (view::HELD, "delivery_state"),
        (view::HANDED_OVER, "delivery_state"),
        (view::ORPHANS, "delivery_state"),
        (view::COVERED_BY, "delivery_digest"),
        (view::CHILDREN, "task_parent"),
        (view::NOTICES_OF, "notice_task"),
        (listing::STRANDED, "delivery_state"),
        (write::REPRIEVE, "task_due"),
    ] {
        let plan = planned(&store, sql);
        assert!(plan.contains(index), "{sql}: {plan}");
        let scans = plan.lines().filter(|step| {
            step.starts_with("SCAN")
                && !step.contains("INDEX")
                && !step.contains("CONSTANT")
                && !step.contains("subquery")
        });
        assert_eq!(scans.collect::<Vec<_>>(), Vec::<&str>::new(), "{sql}: {plan}");
    }
    for sql in [view::DUE_TASKS, view::NOTICES_OF, view::HELD, select!(task, "WHERE t.no > ?1 ORDER BY t.no LIMIT ?2")]
    {
        assert!(!planned(&store, sql).contains("TEMP B-TREE"), "{sql} sorts");
    }
}
