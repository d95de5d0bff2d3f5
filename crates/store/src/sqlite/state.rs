//! What changes with every commit and is kept in memory between them: numbers, the log's end, marks.

use std::collections::BTreeMap;

use candor_audit::merkle::{Frontier, Hash};
use candor_core::time::Timestamp;
use candor_path::{ClockReading, Numbers};
use rusqlite::types::Value;

use super::db::Db;
use crate::{
    StoreError,
    log::{Chain, Tip},
};

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) numbers: Numbers,
    pub(super) tip: Tip,
    pub(super) last_at: Option<Timestamp>,
    pub(super) clock: Option<ClockReading>,
    pub(super) in_force: Option<String>,
    /// The last beat's place, and how many commits have folded some.
    pub(super) beat_last: i64,
    pub(super) folds: i64,
    /// The last beat's place as `meta` has it. A commit of nothing but beats leaves `meta` alone: the last row of `beat` tells the rest.
    beat_saved: i64,
}

impl State {
    pub(super) fn load(db: &Db) -> Result<Self, StoreError> {
        let mut state = Self::default();
        for (key, value) in
            db.many("SELECT key, value FROM meta", [], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?
        {
            state.take(&key, value).ok_or_else(|| db.damaged(format!("`{key}` holds what it can't")))?;
        }
        let last =
            db.one("SELECT seq, at FROM beat ORDER BY seq DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if let Some((seq, at)) = last.filter(|(seq, _)| *seq > state.beat_saved) {
            (state.beat_last, state.last_at) = (seq, Some(Timestamp::from_micros(at)));
        }
        Ok(state)
    }

    fn take(&mut self, key: &str, value: Value) -> Option<()> {
        match (key, value) {
            ("numbers", Value::Text(text)) => {
                let pairs: BTreeMap<String, u64> = serde_json::from_str(&text).ok()?;
                pairs.iter().for_each(|(name, value)| self.numbers.set(name, *value));
            }
            ("log", Value::Blob(bytes)) => self.tip = unpack(&bytes)?,
            ("last_at", Value::Integer(at)) => self.last_at = Some(Timestamp::from_micros(at)),
            ("clock", Value::Text(text)) => {
                let (steady, offset) = serde_json::from_str(&text).ok()?;
                self.clock = Some(ClockReading { steady, offset });
            }
            ("in_force", Value::Text(digest)) => self.in_force = Some(digest),
            ("beat_last", Value::Integer(last)) => (self.beat_last, self.beat_saved) = (last, last),
            ("folds", Value::Integer(folds)) => self.folds = folds,
            _ => return None,
        }
        Some(())
    }

    /// Whether nothing but beats came in since what was committed, the last one at the last time.
    fn only_beats_since(&self, committed: &Self, last_beat: Option<Timestamp>) -> bool {
        let rest = |of: &Self| (of.numbers, of.folds);
        last_beat.is_some()
            && self.last_at == last_beat
            && rest(self) == rest(committed)
            && self.tip == committed.tip
            && self.clock == committed.clock
            && self.in_force == committed.in_force
    }

    /// Writes what differs from what was committed. `last_beat` is when the last beat of the transaction came in.
    pub(super) fn save(&mut self, db: &Db, committed: &Self, last_beat: Option<Timestamp>) -> Result<(), StoreError> {
        if self.only_beats_since(committed, last_beat) {
            return Ok(());
        }
        let put = |key: &str, value: Value| {
            db.run("INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)", (key, value)).map(|_| ())
        };
        if self.numbers != committed.numbers {
            let pairs: BTreeMap<_, _> = self.numbers.to_pairs().into_iter().collect();
            put("numbers", Value::Text(serde_json::to_string(&pairs).unwrap_or_default()))?;
        }
        if self.tip != committed.tip {
            put("log", Value::Blob(pack(&self.tip)))?;
        }
        let told_by_beats = self.beat_last != self.beat_saved;
        if let Some(at) = self.last_at.filter(|_| told_by_beats || self.last_at != committed.last_at) {
            put("last_at", Value::Integer(at.as_micros()))?;
        }
        if let Some(ClockReading { steady, offset }) = self.clock.as_ref().filter(|_| self.clock != committed.clock) {
            put("clock", Value::Text(serde_json::to_string(&(steady, offset)).unwrap_or_default()))?;
        }
        if let Some(digest) = self.in_force.as_ref().filter(|_| self.in_force != committed.in_force) {
            put("in_force", Value::Text(digest.clone()))?;
        }
        if self.folds != committed.folds {
            put("folds", Value::Integer(self.folds))?;
        }
        if told_by_beats {
            put("beat_last", Value::Integer(self.beat_last))?;
            self.beat_saved = self.beat_last;
        }
        Ok(())
    }
}

/// The log's end: its length in 8 bytes, the last leaf, the tree's subtree roots.
fn pack(tip: &Tip) -> Vec<u8> {
    let mut bytes = tip.tree.size().to_be_bytes().to_vec();
    bytes.extend_from_slice(&tip.leaf.unwrap_or_default());
    tip.tree.peaks().iter().for_each(|peak| bytes.extend_from_slice(peak));
    bytes
}

fn unpack(bytes: &[u8]) -> Option<Tip> {
    let (size, hashes) = bytes.split_first_chunk::<8>()?;
    let (hashes, left) = hashes.as_chunks::<32>();
    let (leaf, peaks) = hashes.split_first()?;
    let size = u64::from_be_bytes(*size);
    let peaks: Vec<Hash> = peaks.to_vec();
    if !left.is_empty() {
        return None;
    }
    Some(Tip { tree: Frontier::resume(size, peaks).ok()?, leaf: (size > 0).then_some(*leaf) })
}

/// The end of a task's chain of artifacts.
pub(super) fn chain_of(db: &Db, task: i64) -> Result<Chain, StoreError> {
    let found = db.one("SELECT seq, last, leaf FROM name WHERE no = ?1", [task], |row| {
        let (seq, last): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        Ok(Chain {
            seq: u64::try_from(seq).unwrap_or_default(),
            last: last.and_then(|last| u64::try_from(last).ok()),
            leaf: row.get(2)?,
        })
    })?;
    Ok(found.unwrap_or_default())
}
