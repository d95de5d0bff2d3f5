//! Claims: what an agent asserts about its work.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    ids::{AgentId, ClaimNo, EventNo, IdError, NoticeNo, TaskId},
    time::Timestamp,
};

/// What kind of thing is claimed. Evidence supports a kind, never claims in general.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// The task is done.
    Completion,
    /// The tests pass.
    TestsPassed,
    /// The build succeeds.
    BuildSucceeded,
    /// It was deployed.
    Deployed,
    /// The operator was told.
    OperatorNotified,
    /// A file was written.
    FileWritten,
    /// A defect was fixed.
    Fixed,
    /// It was reviewed.
    Reviewed,
    /// Something else, by name.
    Other(String),
}

/// The claim kinds that have a name of their own, in order.
pub const CLAIM_KINDS: [&str; 8] = [
    "completion",
    "tests_passed",
    "build_succeeded",
    "deployed",
    "operator_notified",
    "file_written",
    "fixed",
    "reviewed",
];

impl ClaimKind {
    /// The kind's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Completion => "completion",
            Self::TestsPassed => "tests_passed",
            Self::BuildSucceeded => "build_succeeded",
            Self::Deployed => "deployed",
            Self::OperatorNotified => "operator_notified",
            Self::FileWritten => "file_written",
            Self::Fixed => "fixed",
            Self::Reviewed => "reviewed",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for ClaimKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ClaimKind {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Ok(match text {
            "completion" => Self::Completion,
            "tests_passed" => Self::TestsPassed,
            "build_succeeded" => Self::BuildSucceeded,
            "deployed" => Self::Deployed,
            "operator_notified" => Self::OperatorNotified,
            "file_written" => Self::FileWritten,
            "fixed" => Self::Fixed,
            "reviewed" => Self::Reviewed,
            other
                if other.len() <= 64
                    && other.starts_with(|c: char| c.is_ascii_lowercase())
                    && other.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') =>
            {
                Self::Other(other.to_owned())
            }
            other => {
                return Err(IdError::Name { what: "claim kind", text: other.chars().take(64).collect() });
            }
        })
    }
}

impl Serialize for ClaimKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ClaimKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A claim on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Its number.
    pub no: ClaimNo,
    /// The event that made it.
    pub event: EventNo,
    /// The task that it speaks about.
    pub task: TaskId,
    /// Who claims it.
    pub agent: Option<AgentId>,
    /// What is claimed.
    pub kind: ClaimKind,
    /// The agent's words.
    pub statement: String,
    /// The notice that an `operator_notified` claim speaks about, when it names one.
    pub notice: Option<NoticeNo>,
    /// When it was made.
    pub at: Timestamp,
}
