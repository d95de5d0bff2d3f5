//! A run of named steps: each is announced, timed and counted, and a closing summary lists them all.

use std::time::{Duration, Instant};

use crate::shell::TaskError;

/// What one step found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Checks or tests that passed.
    pub(crate) passed: u64,
    /// Checks or tests that failed.
    pub(crate) failed: u64,
    /// What the runner said at its end, as it said it.
    pub(crate) closing: Vec<String>,
}

impl Found {
    /// A step that is one check.
    pub(crate) fn check(passed: bool) -> Self {
        Self { passed: u64::from(passed), failed: u64::from(!passed), closing: Vec::new() }
    }
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps(Vec<(&'static str, Duration, Found)>);

impl Steps {
    /// Runs one step. A later step runs even where an earlier one failed, so that one run shows all that is wrong.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<Found, TaskError>) {
        println!("\n==> {name}");
        let started = Instant::now();
        let found = step().unwrap_or_else(|error| {
            eprintln!("error: {error}");
            Found::check(false)
        });
        let took = started.elapsed();
        println!("<== {name}: {} ({:.1} s)", if found.failed == 0 { "ok" } else { "FAILED" }, took.as_secs_f64());
        self.0.push((name, took, found));
    }

    /// Prints the summary, whose last line is `N passed, N failed`, and says whether all is well.
    pub(crate) fn close(self) -> bool {
        println!("\n==> summary");
        for (name, took, found) in &self.0 {
            let verdict = if found.failed == 0 { "ok    " } else { "FAILED" };
            println!("{verdict} {name:<24} {:>8.1} s", took.as_secs_f64());
            for line in &found.closing {
                println!("       {}", line.trim());
            }
        }
        let passed: u64 = self.0.iter().map(|(_, _, found)| found.passed).sum();
        let failed: u64 = self.0.iter().map(|(_, _, found)| found.failed).sum();
        println!("{passed} passed, {failed} failed");
        failed == 0
    }
}
