//! Routine checkpoints: what both stores share of them.

use candor_core::{ids::TaskId, time::Timestamp};
use sha2::{Digest as _, Sha256};

use crate::StoreError;

/// Most tasks with checkpoints that wait to be folded, before a fold is asked for whatever the time. Bounds what is kept in memory.
pub(crate) const WAITING_TASKS_MAX: usize = 65_536;

/// The digest of a fold: SHA-256 over one line `<event id> <time>` per checkpoint in order of arrival, each ended by a newline, the
/// time as in JSON. Whoever kept the events can recompute it with `sha256sum`.
#[derive(Debug, Default)]
pub(crate) struct BeatDigest(Sha256);

impl BeatDigest {
    pub(crate) fn push(&mut self, event_id: &str, at: Timestamp) {
        self.0.update(format!("{event_id} {at}\n"));
    }

    pub(crate) fn finish(self) -> String {
        candor_audit::hex(&self.0.finalize())
    }
}

/// A checkpoint of a task that was never started.
pub(crate) fn no_task(task: &TaskId) -> StoreError {
    StoreError::Unfit { what: format!("a checkpoint of task `{task}`"), why: "the task isn't there".to_owned() }
}
