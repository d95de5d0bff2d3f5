//! Routine checkpoints that wait to be folded: appended to one table, and summed up here per task.
//!
//! A checkpoint that changes nothing must cost the same whether there are a thousand tasks or a million. So it doesn't touch its
//! task's row or any index: it is appended to `beat`, and what a reader needs of it (how many, when the last was) is kept in memory.
//! A start reads it back from the table, another process of the same node reads what is new there.

use std::collections::BTreeMap;

use candor_core::{ids::TaskId, time::Timestamp};
use candor_path::BeatFold;
use rusqlite::params;
use sha2::{Digest as _, Sha256};

use super::db::Db;
use crate::{StoreError, beat::BeatDigest};

/// The waiting beats of one task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) count: i64,
    /// When the last one was, and its place in the table.
    pub(super) last: i64,
    pub(super) seq: i64,
    /// Hash of the last one's event id.
    pub(super) hash: i64,
}

/// The waiting beats of every task that has some.
#[derive(Debug, Default)]
pub(super) struct Beats {
    pub(super) by_task: BTreeMap<i64, Waiting>,
    /// Up to where the table is summed up here, and the fold after which it was.
    synced: i64,
    folds: i64,
}

/// One row.
struct Row {
    seq: i64,
    at: i64,
    id: String,
    prev: Option<i64>,
}

/// The first 8 bytes of SHA-256 over an event id. A collision would cost one count of a checkpoint.
pub(super) fn id_hash(id: &str) -> i64 {
    first_eight(&Sha256::digest(id))
}

/// The first 8 bytes of a hash as a number.
pub(super) fn first_eight(hash: &[u8]) -> i64 {
    i64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

impl Beats {
    /// Takes in what other processes appended or folded since.
    pub(super) fn sync(&mut self, db: &Db, last: i64, folds: i64) -> Result<(), StoreError> {
        if folds != self.folds {
            *self = Self { folds, ..Self::default() };
        }
        let rows = db.many("SELECT seq, task, at, id FROM beat WHERE seq > ?1 ORDER BY seq", [self.synced], |row| {
            let id = row.get_ref(3)?.as_str()?;
            Ok((row.get(1)?, Waiting { count: 1, last: row.get(2)?, seq: row.get(0)?, hash: id_hash(id) }))
        })?;
        for (task, one) in rows {
            self.add(task, one);
        }
        self.ours(last, folds);
        Ok(())
    }

    /// Notes that what this process did up to here is summed up already.
    pub(super) fn ours(&mut self, last: i64, folds: i64) {
        (self.synced, self.folds) = (last, folds);
    }

    pub(super) fn add(&mut self, task: i64, one: Waiting) {
        let waiting = self.by_task.entry(task).or_insert(Waiting { count: 0, ..one });
        *waiting = Waiting { count: waiting.count + 1, ..one };
    }
}

/// A task's waiting beats that `take` accepts, newest first, until it refuses one.
fn chain(db: &Db, from: i64, mut take: impl FnMut(Row) -> bool) -> Result<(), StoreError> {
    let mut next = Some(from);
    while let Some(seq) = next {
        let row = db.one("SELECT at, id, prev FROM beat WHERE seq = ?1", [seq], |row| {
            Ok(Row { seq, at: row.get(0)?, id: row.get(1)?, prev: row.get(2)? })
        })?;
        let row = row.ok_or_else(|| db.damaged(format!("checkpoint {seq} is gone")))?;
        next = row.prev;
        if !take(row) {
            break;
        }
    }
    Ok(())
}

/// What waits of one task.
pub(super) fn fold_of(db: &Db, task: TaskId, waiting: Waiting) -> Result<BeatFold, StoreError> {
    let mut rows = Vec::new();
    chain(db, waiting.seq, |row| {
        rows.push(row);
        true
    })?;
    let mut digest = BeatDigest::default();
    rows.iter().rev().for_each(|row| digest.push(&row.id, Timestamp::from_micros(row.at)));
    Ok(BeatFold {
        task,
        count: u64::try_from(rows.len()).unwrap_or(u64::MAX),
        first: Timestamp::from_micros(rows.last().map_or(waiting.last, |row| row.at)),
        last: Timestamp::from_micros(waiting.last),
        digest: digest.finish(),
        up_to: u64::try_from(waiting.seq).unwrap_or_default(),
    })
}

/// Takes the beats up to a mark out of the table. Says how many went, and what still waits.
pub(super) fn remove(db: &Db, waiting: Waiting, up_to: i64) -> Result<(i64, Option<Waiting>), StoreError> {
    let (mut gone, mut later) = (Vec::new(), None);
    chain(db, waiting.seq, |row| {
        if row.seq > up_to {
            later = Some(row.seq)
        } else {
            gone.push(row.seq)
        }
        true
    })?;
    for seq in &gone {
        db.run("DELETE FROM beat WHERE seq = ?1", [seq])?;
    }
    let went = i64::try_from(gone.len()).unwrap_or(i64::MAX);
    if let Some(first) = later {
        db.run("UPDATE beat SET prev = NULL WHERE seq = ?1", [first])?;
    }
    Ok((went, later.map(|_| Waiting { count: waiting.count - went, ..waiting })))
}

/// Appends one.
pub(super) fn append(db: &Db, seq: i64, task: i64, prev: Option<i64>, at: i64, id: &str) -> Result<(), StoreError> {
    db.run("INSERT INTO beat(seq, task, prev, at, id) VALUES(?1, ?2, ?3, ?4, ?5)", params![seq, task, prev, at, id])?;
    Ok(())
}
