//! Signals: what shows life without the agent's help. Reading is cheap and bounded, and concludes nothing; `candor-path`
//! concludes from two readings.
//!
//! One folder per kind of signal, and one arm in [`read_all`]. How to add one: `docs/adding-a-watch-signal.md`.

pub mod file;
pub mod process;

use candor_core::{
    task::{Reading, Signal},
    time::Timestamp,
};

/// Looks at one signal. For several at once use [`read_all`], which reads the table of processes once.
#[must_use]
pub fn read(signal: &Signal, now: Timestamp) -> Reading {
    look(signal, now, &mut process::Table::default())
}

/// Looks at several signals at the same moment, in order. All process signals share one look at the table of processes.
#[must_use]
pub fn read_all<'a>(signals: impl IntoIterator<Item = &'a Signal>, now: Timestamp) -> Vec<Reading> {
    let mut processes = process::Table::default();
    signals.into_iter().map(|signal| look(signal, now, &mut processes)).collect()
}

fn look(signal: &Signal, now: Timestamp, processes: &mut process::Table) -> Reading {
    match signal {
        Signal::File { path } => file::read(path.as_ref(), now),
        Signal::Process { pid, started_ticks } => processes.read(*pid, *started_ticks, now),
    }
}

/// The reading of a thing that isn't there.
fn gone(now: Timestamp) -> Reading {
    Reading { exists: false, amount: 0, changed_at: None, read_at: now }
}
