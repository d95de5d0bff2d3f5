//! The one vocabulary: the ten words of a report's way.

use serde::{Deserialize, Serialize};

/// A stage of a report's way. Folders of the path, metric labels and artifact names all use these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Deadlines and signals are looked at.
    Watch,
    /// A report is taken in.
    Event,
    /// Facts are computed and policy is evaluated.
    Evaluate,
    /// A decision with its obligations is recorded.
    Decide,
    /// A notice waits for its time.
    Queue,
    /// A notice is handed over under a lease.
    Dispatch,
    /// An attempt is opened.
    Bridge,
    /// The provider is called.
    Send,
    /// What the provider answered is recorded.
    Receipt,
    /// The record can be checked by a stranger.
    Audit,
}

/// All stages, in the order in which a report passes them.
pub const STAGES: [Stage; 10] = [
    Stage::Watch,
    Stage::Event,
    Stage::Evaluate,
    Stage::Decide,
    Stage::Queue,
    Stage::Dispatch,
    Stage::Bridge,
    Stage::Send,
    Stage::Receipt,
    Stage::Audit,
];

impl Stage {
    /// The stage's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Event => "event",
            Self::Evaluate => "evaluate",
            Self::Decide => "decide",
            Self::Queue => "queue",
            Self::Dispatch => "dispatch",
            Self::Bridge => "bridge",
            Self::Send => "send",
            Self::Receipt => "receipt",
            Self::Audit => "audit",
        }
    }
}
