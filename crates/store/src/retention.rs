//! What a pruning takes and what it leaves, record by record, alike in every store.

use std::collections::{BTreeMap, BTreeSet};

use candor_audit::header::Header;
use candor_core::{ids::TaskId, time::Timestamp};
use candor_path::retention::{Cutoffs, PRUNABLE, PRUNE_RECORDS_MAX, PRUNE_STRETCHES_MAX};
use serde::Serialize;

use crate::{LogEntry, StoreError};

/// After so many records in a row that are too young, no older one is looked for: a clock that was set back doesn't hide more than these.
pub(crate) const YOUNG_IN_A_ROW_MAX: u64 = 10_000;

/// What becomes of a record's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It goes.
    Goes,
    /// It has gone.
    Gone,
    /// Its time isn't over.
    Young,
    /// Its kind is kept for ever, or has no window.
    KeptForEver,
    /// Its task hasn't ended.
    OpenTask,
    /// A delivery or an incident of its correlation id isn't settled.
    Unsettled,
}

/// What is still needed: asked of a store once, and kept for a while.
pub(crate) struct Needs<'a> {
    /// Correlation ids of unsettled deliveries and open incidents.
    pub(crate) correlations: BTreeSet<String>,
    /// Whether a task has not ended.
    pub(crate) is_open: &'a dyn Fn(&TaskId) -> Result<bool, StoreError>,
    open: BTreeMap<String, bool>,
}

impl<'a> Needs<'a> {
    pub(crate) fn new(
        correlations: BTreeSet<String>,
        is_open: &'a dyn Fn(&TaskId) -> Result<bool, StoreError>,
    ) -> Self {
        Self { correlations, is_open, open: BTreeMap::new() }
    }

    /// What becomes of an entry of the log.
    pub(crate) fn judge(&mut self, cutoffs: &Cutoffs, header: &Header, entry: &LogEntry) -> Result<Fate, StoreError> {
        if entry.is_pruned() {
            return Ok(Fate::Gone);
        }
        if !PRUNABLE.contains(&header.kind) || !cutoffs.0.contains_key(header.kind.as_str()) {
            return Ok(Fate::KeptForEver);
        }
        if !cutoffs.is_past(header.kind, Timestamp::from_micros(header.at_us)) {
            return Ok(Fate::Young);
        }
        if header.correlation_id.as_ref().is_some_and(|id| self.correlations.contains(id)) {
            return Ok(Fate::Unsettled);
        }
        match &header.task {
            Some(link) if self.task_is_open(&link.task_id)? => Ok(Fate::OpenTask),
            _ => Ok(Fate::Goes),
        }
    }

    fn task_is_open(&mut self, id: &str) -> Result<bool, StoreError> {
        if let Some(open) = self.open.get(id) {
            return Ok(*open);
        }
        // What has no id that a task can have belongs to none.
        let open = id.parse::<TaskId>().ok().map(|id| (self.is_open)(&id)).transpose()?.unwrap_or(false);
        self.open.insert(id.to_owned(), open);
        Ok(open)
    }
}

/// What may be pruned now: as much as one pruning takes, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Prunable {
    /// The stretches of the log, `[from, to)`, in order.
    pub stretches: Vec<(u64, u64)>,
    /// How many contents they have.
    pub records: u64,
    /// What these take, in bytes before compression.
    pub bytes: u64,
    /// When the first and the last of them were recorded.
    pub times: Option<(Timestamp, Timestamp)>,
    /// How many records were looked at, by what becomes of them.
    pub fates: BTreeMap<Fate, u64>,
    /// Whether there may be more than one pruning takes.
    pub more: bool,
}

impl Prunable {
    /// Takes the next record into account; whether to go on.
    pub(crate) fn take(&mut self, header: &Header, entry: &LogEntry, fate: Fate, young: &mut u64) -> bool {
        *self.fates.entry(fate).or_default() += 1;
        *young = if fate == Fate::Young { *young + 1 } else { 0 };
        if *young >= YOUNG_IN_A_ROW_MAX {
            return false;
        }
        if fate != Fate::Goes {
            return true;
        }
        let (index, at) = (header.index, Timestamp::from_micros(header.at_us));
        let stretches = self.stretches.len();
        match self.stretches.last_mut() {
            Some((_, to)) if *to == index => *to += 1,
            _ if stretches >= PRUNE_STRETCHES_MAX => {
                self.more = true;
                return false;
            }
            _ => self.stretches.push((index, index + 1)),
        }
        self.records += 1;
        self.bytes += entry.body.len() as u64;
        self.times = Some(self.times.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        self.more = self.records >= PRUNE_RECORDS_MAX;
        !self.more
    }
}

/// What one step of a pruning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PruneStep {
    /// How many contents it took.
    pub taken: u64,
    /// Whether nothing is left to do; also where no pruning is open.
    pub done: bool,
}
