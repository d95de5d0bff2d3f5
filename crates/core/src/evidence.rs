//! Evidence: records that support or contradict a claim, and how strong each is.
//!
//! Strength is computed from how the record was obtained ([`Method`] and [`Origin`]), never read from input.

use serde::{Deserialize, Serialize};

use crate::{
    claim::ClaimKind,
    ids::{EventNo, EvidenceNo, NoticeNo, TaskId},
    time::Timestamp,
};

/// How much a record weighs, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Only the agent says so.
    Asserted,
    /// Candor took the artifact's digest; its content wasn't checked.
    Recorded,
    /// A runtime's own machinery reported it to an adapter.
    Observed,
    /// Candor checked it itself.
    Verified,
    /// Someone else's signature over it verifies.
    Attested,
}

/// Every strength, weakest first.
pub const STRENGTHS: [Strength; 5] =
    [Strength::Asserted, Strength::Recorded, Strength::Observed, Strength::Verified, Strength::Attested];

impl Strength {
    /// The strength's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asserted => "asserted",
            Self::Recorded => "recorded",
            Self::Observed => "observed",
            Self::Verified => "verified",
            Self::Attested => "attested",
        }
    }

    /// Its rank, 1 for `asserted` to 5 for `attested`. Zero stands for no evidence at all.
    #[must_use]
    pub fn rank(self) -> i64 {
        self as i64 + 1
    }
}

/// Whose credential a report came with. It decides what the report may say, and how strong it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// An agent, or anyone without a credential: an untrusted reporter.
    Agent,
    /// Candor's own adapter that watches a runtime from outside, such as `candor exec`.
    Adapter,
    /// The operator.
    Operator,
    /// Candor itself.
    Candor,
}

/// How a record was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// It was told, and nothing was looked at.
    Told,
    /// The artifact's bytes were hashed, its content not checked.
    Digested,
    /// A runtime's machinery reported the result.
    Reported,
    /// Candor checked it: re-ran a recipe, parsed a report that matches commit and time, resolved a commit, re-hashed a file.
    Checked,
    /// A signature by someone else verifies.
    SignatureVerified,
}

/// The strength that a record has by how it was obtained. The only way from a method to a strength.
#[must_use]
pub fn strength(method: Method, origin: Origin) -> Strength {
    match (method, origin) {
        (Method::Told, _) | (Method::Reported, Origin::Agent) => Strength::Asserted,
        (Method::Digested, _) => Strength::Recorded,
        (Method::Reported, _) => Strength::Observed,
        (Method::Checked, _) => Strength::Verified,
        (Method::SignatureVerified, _) => Strength::Attested,
    }
}

/// What kind of thing a record is about, and where Candor finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    /// A file below an allow-listed root.
    File {
        /// Its path, absolute or relative to the first root.
        path: String,
    },
    /// A commit in a repository below an allow-listed root.
    Git {
        /// The repository's folder.
        repo: String,
        /// A full or abbreviated commit id, or a ref name.
        commit: String,
    },
    /// A command: an operator's recipe that Candor re-runs, or a run that a runtime reported.
    Command {
        /// The recipe's name, when there is one.
        recipe: Option<String>,
        /// What was run, as told, shortened.
        command: Option<String>,
        /// Its exit code, as told.
        exit_code: Option<i32>,
        /// SHA-256 of its output in hex, as told.
        output_sha256: Option<String>,
    },
    /// A test report below an allow-listed root.
    TestReport {
        /// Its path.
        path: String,
    },
    /// A receipt of this Candor: proof that a notice was delivered.
    Receipt {
        /// The notice.
        notice: NoticeNo,
    },
    /// A person's statement.
    Human {
        /// What they said.
        statement: String,
    },
    /// Something else that is only told.
    Note {
        /// What is told.
        statement: String,
    },
}

impl Subject {
    /// The evidence kind's word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Git { .. } => "git",
            Self::Command { .. } => "command",
            Self::TestReport { .. } => "test_report",
            Self::Receipt { .. } => "receipt",
            Self::Human { .. } => "human",
            Self::Note { .. } => "note",
        }
    }

    /// Whether a collector can look at it.
    #[must_use]
    pub fn is_collectable(&self) -> bool {
        match self {
            Self::File { .. } | Self::Git { .. } | Self::TestReport { .. } => true,
            Self::Command { recipe, .. } => recipe.is_some(),
            Self::Receipt { .. } | Self::Human { .. } | Self::Note { .. } => false,
        }
    }
}

/// What a record says about the claims that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Bearing {
    /// It supports them.
    Supports,
    /// It contradicts them: a failed test run, a missing file.
    Contradicts,
    /// It says nothing either way: an unknown runner, an unreadable report.
    Inconclusive,
}

/// Test counts of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TestCounts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed or errored.
    pub failed: u64,
    /// Tests that were skipped or ignored.
    pub skipped: u64,
}

/// What a collector found: the outcome of looking at a [`Subject`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// How it was obtained.
    pub method: Method,
    /// What it says about the claims it names.
    pub bearing: Bearing,
    /// In plain words: what was looked at and what was seen. Never a secret.
    pub summary: String,
    /// SHA-256 in hex of the bytes looked at, where there are some.
    pub sha256: Option<String>,
    /// When the thing itself was made: a file's change time, a commit's date, a report's time stamp.
    pub subject_at: Option<Timestamp>,
    /// When what the subject speaks about last changed, where the collector can tell (the newest source file, the work tree).
    pub changed_at: Option<Timestamp>,
    /// Exit code of a re-run.
    pub exit_code: Option<i32>,
    /// Counts of a test report.
    pub tests: Option<TestCounts>,
    /// When the collector looked.
    pub looked_at: Timestamp,
}

/// An evidence record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Its number.
    pub no: EvidenceNo,
    /// The event that brought it.
    pub event: EventNo,
    /// The task that it belongs to.
    pub task: TaskId,
    /// The claim kinds that it speaks to. It never speaks to another.
    pub supports: Vec<ClaimKind>,
    /// What it is about.
    pub subject: Subject,
    /// Whose credential brought it.
    pub origin: Origin,
    /// What the last look found.
    pub finding: Finding,
    /// Computed by [`strength`].
    pub strength: Strength,
    /// When it was brought.
    pub added_at: Timestamp,
}

/// Whether a record still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// It counts.
    Fresh,
    /// What it speaks about changed after it.
    Stale,
    /// It is older than policy allows.
    Expired,
    /// It speaks of a time before the task began, so of other work.
    Predates,
}

/// How far before its task's start what a record speaks of may lie and still be of the task, in seconds. Commits and test reports carry
/// whole seconds, and a start is reported a moment after it happened.
pub const PREDATES_SLACK: std::time::Duration = std::time::Duration::from_secs(2);

impl Evidence {
    /// Whether the record still counts at `now`, given when the task began, when its work last changed, and how long policy lets a
    /// record live.
    #[must_use]
    pub fn freshness(
        &self,
        now: Timestamp,
        started_at: Option<Timestamp>,
        changed_at: Option<Timestamp>,
        lives_for: std::time::Duration,
    ) -> Freshness {
        let speaks_of = self.finding.subject_at.unwrap_or(self.finding.looked_at);
        let changed = changed_at.max(self.finding.changed_at);
        if started_at.is_some_and(|started| speaks_of < started.before(PREDATES_SLACK)) {
            Freshness::Predates
        } else if changed.is_some_and(|changed| changed > speaks_of) {
            Freshness::Stale
        } else if now.since(speaks_of) > lives_for {
            Freshness::Expired
        } else {
            Freshness::Fresh
        }
    }
}
