//! What a check of a bundle came to, in plain words. It says no more than it shows.

use serde::Serialize;

use super::manifest::Derived;
use crate::{at, sign::rotation::Rotation};

/// What is wrong with a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It is not the archive that the exporter wrote.
    Damaged,
    /// It isn't signed by the key that was given.
    Signature,
    /// Something has other content than was recorded.
    Changed,
    /// Something that should be there isn't.
    Missing,
    /// Something is there twice, or was added to the log's records.
    Inserted,
    /// Records stand in another order than in the log.
    Reordered,
    /// The log is shorter than a head of it that was seen before.
    Truncated,
    /// Something is there that doesn't belong to the bundle.
    Foreign,
    /// The log isn't a continuation of a head of it that was seen before.
    Forked,
}

impl Class {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Damaged => "damaged",
            Class::Signature => "not signed",
            Class::Changed => "changed",
            Class::Missing => "missing",
            Class::Inserted => "inserted",
            Class::Reordered => "reordered",
            Class::Truncated => "truncated",
            Class::Foreign => "foreign",
            Class::Forked => "forked",
        }
    }
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort of thing.
    pub class: Class,
    /// Which file of the bundle, or which artifact.
    pub place: String,
    /// What is wrong, and what it may mean.
    pub words: String,
}

impl Finding {
    /// A finding.
    pub fn new(class: Class, place: impl Into<String>, words: impl Into<String>) -> Self {
        Finding { class, place: place.into(), words: words.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: `{}`: {}", self.class.as_str(), self.place, self.words)
    }
}

/// How far "nothing was left out" is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Complete {
    /// Every header from the first chosen record to the log's end is shown, so each chosen one is known.
    Range {
        /// Place of the first shown header.
        from: u64,
        /// How many artifacts the log has.
        to: u64,
    },
    /// The headers of the chosen records alone are shown.
    UpToLastShown {
        /// Place of the last shown header; that none came after it rests on the signer.
        last: Option<u64>,
    },
}

/// What was known before of the log, and fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Anchor {
    /// Nothing but the signer's word says that this log is the only one.
    SignerOnly,
    /// The log continues a head that the reader brought.
    KnownHead {
        /// How many artifacts that head has.
        size: u64,
    },
}

/// A change of the signing key that the check followed, signed by both keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    /// The key until then.
    pub from: String,
    /// The key from then on.
    pub to: String,
    /// When it was signed.
    pub at: String,
}

impl From<&Rotation> for KeyChange {
    fn from(rotation: &Rotation) -> Self {
        KeyChange { from: rotation.old.to_string(), to: rotation.new.to_string(), at: at::text(rotation.at_us) }
    }
}

/// What an intact bundle shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The key that signed it.
    pub signed_by: String,
    /// How the reader's key leads to that one; empty where it is the same.
    pub key_changes: Vec<KeyChange>,
    /// The log.
    pub origin: String,
    /// How many artifacts the log has.
    pub tree_size: u64,
    /// When its head was signed.
    pub head_at: String,
    /// What the bundle is about.
    pub about: String,
    /// How many artifacts are in it.
    pub artifacts: u64,
    /// How many headers it shows.
    pub headers: u64,
    /// How far nothing was left out.
    pub complete: Complete,
    /// How many values were removed.
    pub redacted: u64,
    /// How many chosen records are withheld.
    pub withheld: u64,
    /// How many records say that something was lost.
    pub gaps: u64,
    /// What ties the log to what was known before.
    pub anchored: Anchor,
    /// Of what it is a copy with values taken out, and who made it, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derived>,
    /// What it doesn't prove.
    pub not_proved: Vec<String>,
}

/// What even an intact bundle leaves open.
pub(super) fn not_proved(verdict: &Verdict, by_task: bool, brought: bool) -> Vec<String> {
    let mut open = vec![
        "that what was reported is true: a record shows what was observed, decided and attempted, and when".to_owned(),
        format!("anything after the log's head of {}", verdict.head_at),
    ];
    if verdict.anchored == Anchor::SignerOnly {
        open.push(
            "that the signer showed others the same log: bring a head that you got earlier, with `--known`".to_owned(),
        );
    }
    if verdict.anchored == Anchor::SignerOnly && brought {
        open.push("that the log continues the head that you brought: the bundle doesn't show that place; ask for one made with `--since-head`".to_owned());
    }
    if !verdict.key_changes.is_empty() {
        open.push("that the key that you brought was in its owner's hands when it gave up to the next".to_owned());
    }
    if let Complete::UpToLastShown { .. } = verdict.complete {
        open.push("that no chosen record came after the last shown one: that rests on the signer".to_owned());
    }
    if let Complete::Range { from: from @ 1.., .. } = verdict.complete
        && !by_task
    {
        open.push(format!(
            "that no chosen record came before record {from}: a task's records are numbered, these aren't"
        ));
    }
    if let Some(copy) = &verdict.derived {
        open.push(format!(
            "what the manifest says beside the records: it is the word of who made this copy, `{}`",
            copy.by
        ));
    }
    if verdict.redacted > 0 {
        open.push(format!("what the {} removed values were", verdict.redacted));
    }
    if verdict.withheld > 0 {
        open.push(format!("what the {} withheld records say", verdict.withheld));
    }
    if verdict.gaps > 0 {
        open.push(format!("what happened in the {} gaps that are on record", verdict.gaps));
    }
    open
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something is wrong with the bundle.
    #[error("{0}")]
    Found(Finding),
    /// A head that the reader brought is newer than the bundle, so that the one says nothing of the other.
    #[error("nothing is said of the bundle: {0}")]
    Incomparable(String),
    /// It could not be read to the end.
    #[error("the bundle can't be read: {0}")]
    Unreadable(std::io::Error),
}

impl Failure {
    /// What a failed read means: bytes that are no archive are the bundle's own fault, all else is the machine's.
    #[must_use]
    pub fn io(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::InvalidData => Finding::new(Class::Damaged, "the archive", error.to_string()).into(),
            _ => Failure::Unreadable(error),
        }
    }
}

impl From<Finding> for Failure {
    fn from(finding: Finding) -> Self {
        Failure::Found(finding)
    }
}
