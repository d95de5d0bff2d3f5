//! Where there is no `/proc`, nothing can be said of a process.

use candor_core::{task::Reading, time::Timestamp};

use crate::signals::gone;

/// A table of no processes.
#[derive(Debug, Default)]
pub struct Table;

impl Table {
    /// Reads as not there.
    pub fn read(&mut self, _pid: u32, _started_ticks: Option<u64>, now: Timestamp) -> Reading {
        gone(now)
    }
}

/// Always none: the process can't be identified here.
#[must_use]
pub fn identify(_pid: u32) -> Option<u64> {
    None
}
