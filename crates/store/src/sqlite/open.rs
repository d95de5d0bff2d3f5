//! Opening: whose file it is, which layout it has, whether it is whole.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};

use super::db::{Db, fault};
use crate::StoreError;

/// Marks a database as ours: "CNDR".
const APPLICATION_ID: i64 = 0x434E_4452;
/// The layouts, each from the one before. To change the layout, add a file; never change one that was released.
const LAYOUTS: &[&str] = &[include_str!("schema.sql"), include_str!("layout-2.sql"), include_str!("layout-3.sql")];
/// Largest database that is checked page by page at each start, in bytes: about a tenth of a second. Of a larger one only the end
/// is checked; [`super::Reader::check`] checks all of it.
const CHECKED_BYTES_MAX: u64 = 32 << 20;
/// How long a writer waits for another process's commit, in milliseconds.
const BUSY_MS: u64 = 5_000;
/// Statements kept ready, in number: all that the writer uses.
const STATEMENTS: usize = 96;
/// Pages that a connection keeps, in KiB. The rest is the system's cache, which idle processes don't pay for.
const CACHE_KIB: i64 = 2 * 1024;
/// Pages that the writer keeps, in KiB: what a thousand busy tasks among a million lie on. A small store doesn't fill it.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// The first bytes of every SQLite database.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// A connection that writes. Makes the database or brings its layout up to date.
pub(super) fn writer(path: &Path) -> Result<Db, StoreError> {
    refuse_other_files(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = connect(path, flags)?;
    let known = identify(&db)?;
    if db.conn.is_readonly("main").map_err(|error| db.fault(error))? {
        return Err(StoreError::ReadOnly { path: path.to_owned(), why: "the file may only be read".to_owned() });
    }
    // FULL: a commit that was answered for survives power loss. The journal is bounded, and what it was for a moment is given back.
    let settings = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000;
        PRAGMA journal_size_limit=4194304; PRAGMA foreign_keys=OFF;";
    db.conn.execute_batch(settings).map_err(|error| db.fault(error))?;
    db.conn.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(|error| db.fault(error))?;
    migrate(&mut db, known)?;
    check(&db)?;
    Ok(db)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Db, StoreError> {
    if !path.exists() {
        return Err(StoreError::Absent { path: path.to_owned() });
    }
    refuse_other_files(path)?;
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    match identify(&db)? {
        0 => Err(StoreError::Absent { path: path.to_owned() }),
        layout if layout < newest() => {
            // What isn't there yet can't be read. Nobody's store is changed under them: whoever holds it alone keeps this one out.
            drop(db);
            drop(super::Sqlite::open(path, super::Hold::Shared, "upgrade")?);
            reader(path)
        }
        _ => Ok(db),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Db, StoreError> {
    let failed = |error: rusqlite::Error| fault(path, &error);
    let conn = Connection::open_with_flags(path, flags).map_err(failed)?;
    conn.busy_timeout(std::time::Duration::from_millis(BUSY_MS)).map_err(failed)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans never depend on bound values, so that a prepared statement is never planned anew.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB).map_err(failed)?;
    conn.execute_batch("PRAGMA temp_store=MEMORY;").map_err(failed)?;
    Ok(Db { conn, path: path.to_owned() })
}

/// SQLite would take an empty or a short file for a new database, and write over it.
fn refuse_other_files(path: &Path) -> Result<(), StoreError> {
    use std::io::Read as _;
    let Ok(file) = std::fs::File::open(path) else { return Ok(()) };
    let mut start = Vec::new();
    let read = file.take(16).read_to_end(&mut start);
    if read.is_ok() && !start.is_empty() && start != MAGIC {
        return Err(StoreError::NotOurs { path: path.to_owned(), why: "it is no SQLite database".to_owned() });
    }
    Ok(())
}

/// The layout of the database; 0 for one that is still empty.
fn identify(db: &Db) -> Result<i64, StoreError> {
    let pragma = |name: &str| db.conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (id, layout) =
        pragma("application_id").and_then(|id| Ok((id, pragma("user_version")?))).map_err(|error| db.fault(error))?;
    let tables = db.one("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?.unwrap_or_default();
    let newest = newest();
    match (id, layout) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION_ID, layout) if layout > newest => {
            Err(StoreError::Newer { path: db.path.clone(), found: layout, known: newest })
        }
        (APPLICATION_ID, layout) if layout > 0 => Ok(layout),
        _ => {
            Err(StoreError::NotOurs { path: db.path.clone(), why: "it is the database of another program".to_owned() })
        }
    }
}

fn newest() -> i64 {
    i64::try_from(LAYOUTS.len()).unwrap_or(i64::MAX)
}

/// Brings the layout up to date, each step in a transaction of its own.
fn migrate(db: &mut Db, known: i64) -> Result<(), StoreError> {
    let path = db.path.clone();
    let failed = |error: rusqlite::Error| fault(&path, &error);
    for (layout, change) in (1..).zip(LAYOUTS).filter(|(layout, _)| *layout > known) {
        let txn = db.conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Another process may have done it while this one waited.
        let now: i64 = txn.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        if now < layout {
            txn.execute_batch(change).map_err(failed)?;
            txn.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
            txn.pragma_update(None, "user_version", layout).map_err(failed)?;
        }
        txn.commit().map_err(failed)?;
    }
    Ok(())
}

fn check(db: &Db) -> Result<(), StoreError> {
    let bytes = std::fs::metadata(&db.path).map_or(0, |file| file.len());
    if bytes <= CHECKED_BYTES_MAX { quick_check(db) } else { Ok(()) }
}

/// Checks every page.
pub(super) fn quick_check(db: &Db) -> Result<(), StoreError> {
    let found = db.one("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))?;
    match found.as_deref() {
        Some("ok") | None => Ok(()),
        Some(why) => Err(db.damaged(why)),
    }
}
