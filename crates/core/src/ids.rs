//! Identifiers: names that people give (tasks, agents, targets) and numbers that the store gives.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use smol_str::SmolStr;
use thiserror::Error;

use crate::limits::ID_BYTES_MAX;

/// Why a text is not an identifier.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum IdError {
    /// Empty, too long, or with a character outside the allowed set.
    #[error(
        "`{text}` is not a {what}: use 1 to {ID_BYTES_MAX} letters, digits or `._:/@+-`, starting with a letter or digit"
    )]
    Name {
        /// What was expected.
        what: &'static str,
        /// What was given, shortened.
        text: String,
    },
    /// Not of the form `prefix-number`.
    #[error("`{text}` is not a {what}: write it as `{prefix}-12`")]
    Number {
        /// What was expected.
        what: &'static str,
        /// Its prefix.
        prefix: &'static str,
        /// What was given, shortened.
        text: String,
    },
}

fn is_name(text: &str) -> bool {
    text.len() <= ID_BYTES_MAX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/@+-".contains(&b))
}

// A plan copies names into every row and artifact that it makes; up to 23 bytes, and clones of longer ones, cost no allocation.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(SmolStr);

        impl $name {
            /// The text of it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError::Name { what: $what, text: text.chars().take(64).collect() })
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

names! {
    /// A task's id, chosen by whoever starts it.
    TaskId, "task id";
    /// The agent that owns a task or made a report.
    AgentId, "agent id";
    /// Everything that follows from one incident or one firing carries the same correlation id.
    CorrelationId, "correlation id";
    /// The name of a target in the configuration: a place that a notice goes to.
    TargetName, "target name";
    /// The runtime that an agent works in, such as `cli`, `exec` or `openclaw`.
    RuntimeName, "runtime name";
    /// The name of a canonical readback plan.
    PlanId, "plan id";
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// What stands before the number.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "-{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "-"))
                    .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                    .and_then(|digits| digits.parse().ok())
                    .map(Self)
                    .ok_or_else(|| IdError::Number {
                        what: $what,
                        prefix: $prefix,
                        text: text.chars().take(64).collect(),
                    })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

numbers! {
    /// An accepted event.
    EventNo, "e", "event";
    /// A decision.
    DecisionNo, "d", "decision";
    /// A claim.
    ClaimNo, "c", "claim";
    /// An evidence record.
    EvidenceNo, "v", "evidence record";
    /// An incident: one silence, one block, one failure.
    IncidentNo, "i", "incident";
    /// A notice to an operator.
    NoticeNo, "n", "notice";
    /// A receipt: what is known about a delivery after an attempt or a resolution.
    ReceiptNo, "r", "receipt";
    /// A gate opening: what an owner's approval opens of one gate.
    OpeningNo, "g", "gate opening";
    /// An approval: what an owner signed.
    ApprovalNo, "ap", "approval";
    /// An entry of the effect ledger: one use of one gate.
    EffectNo, "l", "ledger entry";
    /// Work that a gate stands before.
    WorkNo, "w", "piece of work";
    /// An agent's request that a gate be opened.
    RequestNo, "q", "approval request";
}

/// Fencing token: grows with every lease of the store, so a late answer under an older lease is recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fence(pub u64);

/// One life of one process that leases work. A new start is a new owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnerNo(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_what_would_escape_a_path_or_a_log_line() {
        for bad in ["", "-x", "../x", "a b", "a\nb", "é"] {
            assert!(bad.parse::<TaskId>().is_err(), "{bad:?}");
        }
        assert!("nightly/build:42".parse::<TaskId>().is_ok());
    }

    #[test]
    fn numbers_round_trip() {
        assert_eq!("n-42".parse(), Ok(NoticeNo(42)));
        for bad in ["n-", "n-+1", "e-1", "42", "n--1"] {
            assert!(bad.parse::<NoticeNo>().is_err(), "{bad}");
        }
    }
}
