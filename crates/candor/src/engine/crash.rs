//! Named crash points, for the tests that kill this process where it hurts. Without the `crash-points` feature they are nothing.

/// Every crash point, in the order in which a notice passes them, then those of a package and a deployment, and one per role.
#[cfg_attr(not(feature = "crash-points"), expect(dead_code, reason = "listed for the harness"))]
pub const POINTS: &[&str] = &[
    "start.before_recover",
    "start.after_recover",
    "commit.before",
    "commit.after",
    "send.before_call",
    "send.after_call",
    "receipt.before_commit",
    "receipt.after_commit",
    "stop.before_end",
    "package.staged",
    "package.placed",
    "package.recorded",
    "package.selected",
    "package.leaving",
    "deploy.after_journal",
    "deploy.after_piece",
    "deploy.after_record",
    "export.before_keep",
    "run.watchdog",
    "run.dispatcher",
    "run.bridge",
    "run.all",
    "rotate.after_key",
    "rotate.after_record",
    "prune.before_commit",
    "prune.after_commit",
    "archive.after_write",
    "work.before_deed",
    "work.after_deed",
];

/// Kills this process, as `kill -9` would, when `CANDOR_CRASH_AT=<point>:<n>` names this point and this is its n-th passing.
#[cfg(feature = "crash-points")]
pub fn point(name: &'static str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    debug_assert!(POINTS.contains(&name), "{name}");
    let Ok(wanted) = std::env::var("CANDOR_CRASH_AT") else { return };
    let (point, nth) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if point != name {
        return;
    }
    if PASSED.fetch_add(1, Ordering::Relaxed) + 1 == nth.parse().unwrap_or(1) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// See the other one: here it is nothing.
#[cfg(not(feature = "crash-points"))]
pub fn point(_: &'static str) {}
