//! How far a look through many records has come, for who waits at a terminal.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

/// What takes no longer needs no telling.
const QUIET: Duration = Duration::from_secs(1);
/// How often the count is told, in records.
const EVERY: u64 = 1_024;

/// A count of records on standard error, once it has taken a while; none where that is no terminal.
pub(super) struct Progress {
    what: &'static str,
    begun: Instant,
    count: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, begun: Instant::now(), count: 0, bar: None }
    }

    /// One more record.
    pub(super) fn tick(&mut self) {
        self.count += 1;
        if self.count.is_multiple_of(EVERY) && self.begun.elapsed() >= QUIET {
            let bar = self.bar.get_or_insert_with(ProgressBar::new_spinner);
            bar.set_message(format!("{}: {} records", self.what, self.count));
            bar.tick();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
