//! What a daemon costs that has nothing to do.

use std::time::Duration;

use super::{Bench, Row, daemon::Daemon};
use crate::shell::TaskError;

/// How long it is left alone before it is measured, and for how long it is measured.
const SETTLE: Duration = Duration::from_secs(6);
const WATCHED: Duration = Duration::from_secs(60);

/// Measures a daemon that was just started and does nothing.
pub(crate) fn measure(bench: &mut Bench) -> Result<(), TaskError> {
    bench.progress("idle");
    let daemon = Daemon::start("idle", None)?;
    std::thread::sleep(SETTLE);
    let watched = if bench.quick { WATCHED / 6 } else { WATCHED };
    let before = daemon.cpu_secs();
    std::thread::sleep(watched);
    let share = (daemon.cpu_secs() - before) / watched.as_secs_f64() * 100.0;
    bench.row(Row::most("idle memory (PSS)", daemon.pss_mib(), "MiB", 15.0));
    bench.row(Row::most("idle CPU, of one core", share, "%", 0.2));
    Ok(())
}
