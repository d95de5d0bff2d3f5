//! Asking a channel, afterwards, what became of a message.
//!
//! A read-back settles what an attempt left open, on the channel's own words alone. It never makes more of them than they say: what a
//! channel doesn't mention isn't absent, and what it can't be asked isn't known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    notice::{Message, Proof},
    time::Timestamp,
};

/// What is asked: about which message, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The message, as its last attempt sent it.
    pub message: Message,
    /// The id that the provider gave it, where an answer had one.
    pub provider_id: Option<String>,
    /// When its first attempt was opened: what the channel has from before that isn't it.
    pub sent_at: Timestamp,
}

/// What the channel said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "read_back", rename_all = "snake_case", deny_unknown_fields)]
pub enum ReadBack {
    /// The destination has it.
    Found {
        /// What its answer proves: `stored` or `read_back`.
        proof: Proof,
        /// What the answer says of the message, by name: redacted, each in a line.
        fields: BTreeMap<String, String>,
    },
    /// The destination's answer says that it isn't there.
    Absent {
        /// In plain words.
        why: String,
    },
    /// It answered nothing usable, or not at all.
    Unknown {
        /// In plain words.
        why: String,
    },
    /// It can't be asked.
    Unable {
        /// In plain words.
        why: String,
    },
}

impl ReadBack {
    /// Its word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Found { .. } => "found",
            Self::Absent { .. } => "absent",
            Self::Unknown { .. } => "unknown",
            Self::Unable { .. } => "unable",
        }
    }

    /// The same in plain words.
    #[must_use]
    pub fn says(&self) -> String {
        match self {
            Self::Found { proof, .. } => {
                let id = proof.provider_id.as_ref().map(|id| format!(" as `{id}`")).unwrap_or_default();
                format!("the destination has it{id}, proved as `{}`", proof.level.as_str())
            }
            Self::Absent { why } => format!("it isn't there: {why}"),
            Self::Unknown { why } => format!("not known: {why}"),
            Self::Unable { why } => format!("it can't be asked: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::ProofLevel;

    #[test]
    fn what_was_read_back_is_said_in_words_and_kept_as_json() {
        let proof = Proof { level: ProofLevel::ReadBack, provider_id: Some("7".to_owned()) };
        let found = ReadBack::Found { proof, fields: BTreeMap::from([("id".to_owned(), "7".to_owned())]) };
        assert_eq!(found.says(), "the destination has it as `7`, proved as `read_back`");
        let kept = serde_json::to_string(&found).unwrap_or_default();
        assert_eq!(
            kept,
            r#"{"read_back":"found","proof":{"level":"read_back","provider_id":"7"},"fields":{"id":"7"}}"#
        );
        assert!(serde_json::from_str::<ReadBack>(&kept).is_ok_and(|again| again == found));
        let absent = ReadBack::Absent { why: "no such id".to_owned() };
        assert_eq!((absent.as_str(), absent.says().as_str()), ("absent", "it isn't there: no such id"));
    }
}
