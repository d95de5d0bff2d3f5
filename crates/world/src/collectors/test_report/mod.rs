//! The test report collector: reads JUnit XML and libtest output, and holds them against the time that the source last changed.
//!
//! A failed test contradicts at once. No tests at all, a report that breaks off, counts that don't fit each other and a runner
//! that Candor doesn't know are inconclusive: they are no proof, and no accusation.
//!
//! It checks `tests_passed`, and the claims that rest on passing tests, `completion` and `fixed`. The finding's `subject_at` is the
//! start of the run where the report says it with an offset, else when its file was written; `changed_at` is the newest change of a source
//! file beside it. So a report goes stale when a file is edited after the run.

pub mod junit;
pub mod libtest;
mod report;
mod sources;
pub mod summary;

use std::time::Duration;

use candor_core::{
    claim::ClaimKind,
    evidence::{Subject, TestCounts},
    time::Timestamp,
};
use sha2::{Digest, Sha256};

pub use report::{ParseError, Position, Report, Why};

use super::{
    Collector, CollectorConfig, Look, Saw, Seen,
    paths::{self, Refusal},
};
use crate::signals::file::modified_at;

/// How far a report's time may lie ahead of the time that its file was written, or that ahead of the clock, before it isn't believed.
pub const SKEW_MAX: Duration = Duration::from_secs(120);

/// Looks at test reports.
pub struct TestReport;

impl Collector for TestReport {
    fn kind(&self) -> &'static str {
        "test_report"
    }

    fn checks(&self, _: &Subject, claim: &ClaimKind, _: &CollectorConfig) -> bool {
        matches!(claim, ClaimKind::TestsPassed | ClaimKind::Completion | ClaimKind::Fixed)
    }

    fn look(&self, subject: &Subject, look: Look<'_>) -> Seen {
        let Subject::TestReport { path } = subject else {
            return Seen::new(Saw::Nothing, "not a test report");
        };
        look_at(path, look).unwrap_or_else(|refusal| Seen::new(Saw::Nothing, refusal.to_string()))
    }
}

/// Reads a report in whichever known format it has: XML is JUnit's, anything else libtest's.
///
/// # Errors
/// A [`ParseError`] with line and column.
pub fn parse(bytes: &[u8]) -> Result<Report, ParseError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if text.trim_ascii_start().starts_with(b"<") { junit::parse(bytes) } else { libtest::parse(bytes) }
}

fn look_at(given: &str, look: Look<'_>) -> Result<Seen, Refusal> {
    let found = paths::resolve(given, &look.config.roots)?;
    let (file, metadata) = paths::open(&found, given)?;
    let bytes = paths::read(file, given, look.config.limits.report_bytes)?;
    let written_at = modified_at(&metadata);
    let mut seen = match parse(&bytes) {
        Ok(report) => {
            let trouble = doubtful_times(&report, written_at, (look.now)());
            let (saw, summary) = judge(given, &report, trouble);
            let mut seen = Seen::new(saw, summary);
            seen.tests = Some(report.counts);
            seen.subject_at = earlier(report.started_at, written_at);
            seen
        }
        Err(error) => {
            let mut seen = Seen::new(Saw::Unclear, format!("`{given}`: {error}"));
            seen.subject_at = written_at;
            seen
        }
    };
    seen.sha256 = Some(paths::hex(&Sha256::digest(&bytes)));
    if matches!(seen.saw, Saw::Good | Saw::Bad) {
        let newest = sources::newest_change(&found, look.config);
        seen.changed_at = newest.at;
        if newest.cut {
            let files = look.config.limits.files_walked;
            seen.summary.push_str(&format!("; only {files} files were searched for later changes"));
        }
    }
    Ok(seen)
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// What of the times can't be: a run that starts after its report was written, a file written in the future.
fn doubtful_times(report: &Report, written_at: Option<Timestamp>, now: Timestamp) -> Option<&'static str> {
    let written_at = written_at?;
    if written_at.since(now) > SKEW_MAX {
        Some("its file's time lies in the future")
    } else if report.started_at.is_some_and(|at| at.since(written_at) > SKEW_MAX) {
        Some("it says that its run started after the file was written")
    } else {
        None
    }
}

fn judge(given: &str, report: &Report, trouble: Option<&'static str>) -> (Saw, String) {
    let told = format!("`{given}`: {}", in_words(report.counts));
    if report.counts.failed > 0 {
        let first = report.first_failed.as_ref().map_or_else(String::new, |name| format!(", first `{name}`"));
        (Saw::Bad, format!("{told}{first}"))
    } else if report.ran() == 0 {
        (Saw::Unclear, format!("{told}: no test ran, which shows nothing"))
    } else if let Some(declared) = report.declared {
        (Saw::Unclear, format!("{told}, but the report says that it has {declared} tests"))
    } else if let Some(trouble) = trouble {
        (Saw::Unclear, format!("{told}, but {trouble}"))
    } else {
        (Saw::Good, told)
    }
}

/// Counts as a person says them.
pub(crate) fn in_words(counts: TestCounts) -> String {
    format!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped)
}
