//! What is found without reading the log: artifacts of rare kinds, and the roots of complete subtrees.
//!
//! Both are written with the artifacts. A log that was begun under layout 1 is gone through once, by the first writer that opens it.

use candor_audit::{
    kind::Kind,
    merkle::{Frontier, Hash, Log, log_leaf},
};

use super::{
    codes::Coded as _,
    db::Db,
    reader::Reader,
    rows::{int, nat},
};
use crate::StoreError;

/// The kinds that are found by [`super::super::Listing::of_kind`].
const RARE: [Kind; 5] = [Kind::Profile, Kind::Capability, Kind::Pack, Kind::Key, Kind::Approval];
/// The lowest level whose subtree roots are kept: below it, at most 63 headers are read instead, which keeps rows few.
pub(super) const LEVEL_MIN: u32 = 6;

/// Notes where an artifact of a rare kind lies.
pub(super) fn kind(db: &Db, kind: Kind, at: i64) -> Result<(), StoreError> {
    if RARE.contains(&kind) {
        db.run("INSERT OR REPLACE INTO kind_at(kind, at) VALUES(?1, ?2)", [kind.code(), at])?;
    }
    Ok(())
}

/// Keeps the roots of subtrees that became complete.
pub(super) fn subtrees(db: &Db, complete: &[(u32, u64, Hash)]) -> Result<(), StoreError> {
    for (level, no, root) in complete.iter().filter(|(level, ..)| *level >= LEVEL_MIN) {
        db.run("INSERT OR REPLACE INTO tree(level, no, root) VALUES(?1, ?2, ?3)", (level, int(*no), root))?;
    }
    Ok(())
}

/// How much of the log isn't covered, from its beginning on.
pub(super) fn uncovered(db: &Db) -> Result<u64, StoreError> {
    // Under layout 1 there is no such table, and nothing is covered.
    if db.one("SELECT 1 FROM sqlite_schema WHERE name = 'uncovered'", [], |_| Ok(()))?.is_none() {
        return Ok(u64::MAX);
    }
    Ok(db.one("SELECT upto FROM uncovered", [], |row| nat(row, 0))?.unwrap_or(0))
}

/// Covers what layout 1 left, in one commit.
pub(super) fn rest(reads: &Reader) -> Result<(), StoreError> {
    let db = &reads.db;
    if uncovered(db)? == 0 {
        return Ok(());
    }
    db.run("BEGIN IMMEDIATE", [])?;
    let covered = cover(reads);
    let ended = db.run(if covered.is_ok() { "COMMIT" } else { "ROLLBACK" }, []);
    covered.and_then(|()| ended.map(drop))
}

fn cover(reads: &Reader) -> Result<(), StoreError> {
    let db = &reads.db;
    // Another process may have done it while this one waited.
    let upto = uncovered(db)?;
    let mut tree = Frontier::<Log>::new();
    for index in 0..upto {
        let kept = reads.kept(index)?.ok_or_else(|| db.damaged(format!("artifact {index} is gone")))?;
        let header = kept.entry.header().map_err(|why| db.damaged(format!("artifact {index}: {why}")))?;
        kind(db, header.kind, int(index))?;
        let mut complete = Vec::new();
        tree.push_noting(log_leaf(&kept.entry.header_line), |level, no, root| complete.push((level, no, root)));
        subtrees(db, &complete)?;
    }
    db.run("DELETE FROM uncovered", []).map(drop)
}

/// Where artifacts of a rare kind lie, newest first.
pub(super) fn places(reads: &Reader, kind: Kind, limit: usize) -> Result<Vec<u64>, StoreError> {
    let db = &reads.db;
    let upto = uncovered(db)?;
    if upto > 0 || !RARE.contains(&kind) {
        return by_reading(reads, kind, limit);
    }
    let sql = "SELECT at FROM kind_at WHERE kind = ?1 ORDER BY at DESC LIMIT ?2";
    db.many(sql, [kind.code(), super::rows::most(limit)], |row| nat(row, 0))
}

fn by_reading(reads: &Reader, kind: Kind, limit: usize) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    for index in 0.. {
        let Some(kept) = reads.kept(index)? else { break };
        if kept.entry.header().is_ok_and(|header| header.kind == kind) {
            found.push(index);
        }
    }
    found.reverse();
    found.truncate(limit);
    Ok(found)
}

/// The root of a complete subtree; from its headers where it isn't kept.
pub(super) fn subtree(reads: &Reader, level: u32, no: u64, length: u64) -> Result<Option<Hash>, StoreError> {
    let Some((from, to)) = span(level, no).filter(|(_, to)| *to <= length) else { return Ok(None) };
    if level >= LEVEL_MIN {
        let sql = "SELECT root FROM tree WHERE level = ?1 AND no = ?2";
        if uncovered(&reads.db)? == 0 {
            return reads.db.one(sql, (level, int(no)), |row| row.get(0));
        }
    }
    let mut tree = Frontier::<Log>::new();
    for index in from..to {
        let Some(kept) = reads.kept(index)? else { return Ok(None) };
        tree.push(log_leaf(&kept.entry.header_line));
    }
    Ok(Some(tree.root()))
}

/// The places that a subtree is over.
pub(crate) fn span(level: u32, no: u64) -> Option<(u64, u64)> {
    let leaves = 1_u64.checked_shl(level)?;
    let from = no.checked_mul(leaves)?;
    Some((from, from.checked_add(leaves)?))
}
