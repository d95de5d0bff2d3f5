//! What a collector is, the list of them, and how what one saw becomes a finding.

use candor_approval::{Permit, kinds::ProductionWrite};
use candor_core::{
    claim::ClaimKind,
    evidence::{Bearing, Finding, Method, Subject, TestCounts},
    limits::TEXT_BYTES_MAX,
    time::Timestamp,
};

use super::{CollectorConfig, command::Command, file::File, git::Git, test_report::TestReport};

/// Every collector.
pub static COLLECTORS: [&dyn Collector; 4] = [&File, &Git, &Command, &TestReport];

/// Looks at one kind of subject.
pub trait Collector: Sync {
    /// The subject kind that it looks at, as [`Subject::kind`] says it.
    fn kind(&self) -> &'static str;

    /// Whether a look at `subject` is a check of `claim`: whether what the collector sees could be otherwise if the claim were
    /// false. A test report checks `tests_passed` and says nothing of `deployed`.
    fn checks(&self, subject: &Subject, claim: &ClaimKind, config: &CollectorConfig) -> bool;

    /// Looks. It may read files and run the operator's recipes, so call it where blocking is allowed.
    fn look(&self, subject: &Subject, look: Look<'_>) -> Seen;
}

/// What a look is given.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// What the operator allows.
    pub config: &'a CollectorConfig,
    /// The claims that the evidence is offered for.
    pub claims: &'a [ClaimKind],
    /// The clock.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Leave to run a recipe that writes; without it none is run.
    pub(super) may_write: Option<&'a Permit<ProductionWrite>>,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saw {
    /// The thing is there and good.
    Good,
    /// The thing is missing or bad.
    Bad,
    /// It was looked at, and nothing follows from it either way.
    Unclear,
    /// It wasn't looked at: not allowed, not possible.
    Nothing,
}

/// What a collector saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it came to.
    pub saw: Saw,
    /// The same in plain words.
    pub summary: String,
    /// SHA-256 in hex of the bytes looked at.
    pub sha256: Option<String>,
    /// When the thing itself was made.
    pub subject_at: Option<Timestamp>,
    /// When what it speaks about last changed.
    pub changed_at: Option<Timestamp>,
    /// Exit code of a run.
    pub exit_code: Option<i32>,
    /// Test counts.
    pub tests: Option<TestCounts>,
}

impl Seen {
    /// Something seen, with its summary and no details yet.
    #[must_use]
    pub fn new(saw: Saw, summary: impl Into<String>) -> Self {
        Self {
            saw,
            summary: summary.into(),
            sha256: None,
            subject_at: None,
            changed_at: None,
            exit_code: None,
            tests: None,
        }
    }
}

/// Looks at a subject for the claims that it is offered for, and weighs what was seen.
///
/// A finding is [`Method::Checked`] only when it supports and the look checks **every** claim, or when it contradicts and the
/// look checks at least **one** of them: adding a claim to a piece of evidence can't raise the others, and can't hide a
/// failure. A look that checks none of the claims took a digest and no more, so it supports as [`Method::Digested`] and never contradicts.
/// An inconclusive finding is never called checked.
///
/// A recipe that writes isn't run: that takes [`collect_by`].
pub fn collect(
    subject: &Subject,
    claims: &[ClaimKind],
    config: &CollectorConfig,
    now: impl Fn() -> Timestamp,
) -> Finding {
    weighed(subject, Look { config, claims, now: &now, may_write: None })
}

/// The same by a recipe that writes, under leave for it.
pub fn collect_by(
    permit: Permit<ProductionWrite>,
    subject: &Subject,
    claims: &[ClaimKind],
    config: &CollectorConfig,
    now: impl Fn() -> Timestamp,
) -> Finding {
    weighed(subject, Look { config, claims, now: &now, may_write: Some(&permit) })
}

fn weighed(subject: &Subject, look: Look<'_>) -> Finding {
    let Look { config, claims, now, .. } = look;
    let seen = match of(subject) {
        Some(collector) => collector.look(subject, look),
        None => Seen::new(
            Saw::Nothing,
            format!("evidence of kind `{}` isn't something that can be looked at", subject.kind()),
        ),
    };
    let checked = |claim: &ClaimKind| checks(subject, claim, config);
    let (any, all) = (claims.iter().any(checked), !claims.is_empty() && claims.iter().all(checked));
    let (method, bearing) = weigh(seen.saw, seen.sha256.is_some(), any, all);
    Finding {
        method,
        bearing,
        summary: shortened(seen.summary),
        sha256: seen.sha256,
        subject_at: seen.subject_at,
        changed_at: seen.changed_at,
        exit_code: seen.exit_code,
        tests: seen.tests,
        looked_at: now(),
    }
}

/// Whether a look at `subject` is a check of `claim`.
#[must_use]
pub fn checks(subject: &Subject, claim: &ClaimKind, config: &CollectorConfig) -> bool {
    of(subject).is_some_and(|collector| collector.checks(subject, claim, config))
}

fn of(subject: &Subject) -> Option<&'static dyn Collector> {
    COLLECTORS.into_iter().find(|collector| collector.kind() == subject.kind())
}

fn weigh(saw: Saw, has_digest: bool, checks_any: bool, checks_all: bool) -> (Method, Bearing) {
    match saw {
        Saw::Good if checks_all => (Method::Checked, Bearing::Supports),
        Saw::Good => (Method::Digested, Bearing::Supports),
        Saw::Bad if checks_any => (Method::Checked, Bearing::Contradicts),
        Saw::Bad | Saw::Unclear if has_digest => (Method::Digested, Bearing::Inconclusive),
        Saw::Bad | Saw::Unclear | Saw::Nothing => (Method::Told, Bearing::Inconclusive),
    }
}

/// Cuts a summary to the longest text that a record holds, and takes out control characters, which could play with a terminal.
fn shortened(summary: String) -> String {
    let mut plain: String = summary.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut end = TEXT_BYTES_MAX.min(plain.len());
    while !plain.is_char_boundary(end) {
        end -= 1;
    }
    plain.truncate(end);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_checked_is_called_checked() {
        let bools = [false, true];
        for saw in [Saw::Good, Saw::Bad, Saw::Unclear, Saw::Nothing] {
            for (digest, any, all) in
                bools.into_iter().flat_map(|d| [(d, false, false), (d, true, false), (d, true, true)])
            {
                let (method, bearing) = weigh(saw, digest, any, all);
                let checked = match bearing {
                    Bearing::Supports => saw == Saw::Good && all,
                    Bearing::Contradicts => saw == Saw::Bad && any,
                    Bearing::Inconclusive => false,
                };
                assert_eq!(method == Method::Checked, checked, "{saw:?} {digest} {any} {all}");
                assert_eq!(bearing == Bearing::Supports, saw == Saw::Good);
            }
        }
    }

    #[test]
    fn every_collectable_kind_has_one_collector() {
        let kinds: Vec<_> = COLLECTORS.into_iter().map(Collector::kind).collect();
        assert_eq!(kinds, ["file", "git", "command", "test_report"]);
    }

    #[test]
    fn a_summary_is_bounded_and_plain() {
        let long = shortened(format!("\u{1b}[2J{}", "ä".repeat(TEXT_BYTES_MAX)));
        assert!(long.len() <= TEXT_BYTES_MAX && long.starts_with(" [2Jä"), "{} bytes", long.len());
    }
}
