//! What Rust's own test harness writes: the text of `cargo test`, and JSON lines (`--format json`, and nextest's
//! `--message-format libtest-json`).
//!
//! The text ends each test binary with `test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in
//! 0.00s` (library/test/src/formatters/pretty.rs); the JSON has a line per test and a `suite` line at its
//! begin and end (formatters/json.rs). One output holds as many as there were binaries, and their counts are added up.

use candor_core::evidence::TestCounts;
use serde::Deserialize;

use super::report::{ParseError, Report, Why, add};

/// Reads the output of libtest, text or JSON lines. Total: any bytes give a report or an error. Lines of other programs between
/// are passed over, since `cargo test` mixes compiler messages and what tests print into it.
///
/// # Errors
/// A [`ParseError`] with line and column: no test result in it, or one begun and not ended.
pub fn parse(bytes: &[u8]) -> Result<Report, ParseError> {
    let mut run = Run::default();
    let mut offset = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        run.line(&String::from_utf8_lossy(line), offset);
        offset += line.len();
    }
    run.end().map_err(|(why, offset)| why.at(bytes, offset))
}

/// How cargo tells that a test binary failed (cargo, src/cargo/ops/cargo_test.rs).
const CARGO_FAILED: [&str; 2] = ["error: test failed, to rerun pass", "error: doctest failed, to rerun pass"];

#[derive(Default)]
struct Run {
    report: Report,
    /// How many test binaries began and haven't given their result.
    open: u64,
    /// Where the first of those began.
    open_at: usize,
    /// Whether cargo said that a test binary failed, which it also says of one that crashed and gave no result.
    target_failed: bool,
    /// Tests listed one by one in JSON.
    listed: TestCounts,
    /// Failed tests as the suites in JSON count them.
    suites_failed: u64,
    /// Whether any result was seen.
    any: bool,
}

impl Run {
    fn line(&mut self, line: &str, offset: usize) {
        let line = line.trim();
        if line.starts_with('{') {
            // A line that isn't one of libtest's is a test's own output.
            if let Ok(event) = serde_json::from_str(line) {
                self.event(&event, offset);
            }
        } else if let Some(counts) = line.strip_prefix("test result: ").and_then(counts) {
            self.ended(counts);
        } else if is_running(line) {
            self.began(offset);
        } else if CARGO_FAILED.iter().any(|said| line.starts_with(said)) {
            self.target_failed = true;
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.report.note_failed(name);
        }
    }

    fn event(&mut self, event: &JsonLine, offset: usize) {
        match (event.kind.as_str(), event.event.as_str()) {
            ("suite", "started") => self.began(offset),
            ("suite", "ok" | "failed") => self.suite_ended(event),
            ("test", "ok") => add(&mut self.listed.passed, 1),
            ("test", "ignored") => add(&mut self.listed.skipped, 1),
            ("test", "failed") => {
                add(&mut self.listed.failed, 1);
                self.report.note_failed(event.name.as_deref().unwrap_or_default());
            }
            // A `timeout` says that a test takes long, not that it failed.
            _ => {}
        }
    }

    /// What a suite counts isn't added up: nextest ends and begins a suite again whenever its tests alternate with another's, and
    /// counts its ignored tests each time. Its tests are listed once. A suite that failed has a failure, listed or not.
    fn suite_ended(&mut self, event: &JsonLine) {
        let failed = event.failed.unwrap_or(0).max(u64::from(event.event == "failed"));
        add(&mut self.suites_failed, failed);
        self.open = self.open.saturating_sub(1);
        self.any = true;
    }

    fn began(&mut self, offset: usize) {
        if self.open == 0 {
            self.open_at = offset;
        }
        add(&mut self.open, 1);
    }

    fn ended(&mut self, counts: TestCounts) {
        self.add(counts);
        self.open = self.open.saturating_sub(1);
        self.any = true;
    }

    fn add(&mut self, counts: TestCounts) {
        add(&mut self.report.counts.passed, counts.passed);
        add(&mut self.report.counts.failed, counts.failed);
        add(&mut self.report.counts.skipped, counts.skipped);
    }

    fn end(mut self) -> Result<Report, (Why, usize)> {
        self.add(TestCounts { failed: self.listed.failed.max(self.suites_failed), ..self.listed });
        if self.target_failed {
            self.report.counts.failed = self.report.counts.failed.max(1);
        } else if self.open > 0 {
            return Err((Why::Truncated, self.open_at));
        } else if !self.any {
            return Err((Why::UnknownFormat, 0));
        }
        Ok(self.report)
    }
}

/// `running 12 tests`.
fn is_running(line: &str) -> bool {
    let count =
        line.strip_prefix("running ").and_then(|rest| rest.strip_suffix(" tests").or(rest.strip_suffix(" test")));
    count.is_some_and(|count| count.parse::<u64>().is_ok())
}

/// The counts after `test result: `, where the line is whole.
pub(super) fn counts(text: &str) -> Option<TestCounts> {
    let (word, rest) = text.split_once(". ")?;
    let mut counts = TestCounts::default();
    let (mut passed, mut failed) = (None, None);
    for part in rest.split(';') {
        match part.trim().split_once(' ') {
            Some((count, "passed")) => passed = count.parse().ok(),
            Some((count, "failed")) => failed = count.parse().ok(),
            Some((count, "ignored")) => counts.skipped = count.parse().ok()?,
            _ => {}
        }
    }
    (counts.passed, counts.failed) = (passed?, failed?);
    match word {
        "ok" => Some(counts),
        "FAILED" => Some(TestCounts { failed: counts.failed.max(1), ..counts }),
        _ => None,
    }
}

/// One line of libtest's JSON. It grows fields over time, so unknown ones are let be.
#[derive(Deserialize)]
struct JsonLine {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    name: Option<String>,
    failed: Option<u64>,
}
