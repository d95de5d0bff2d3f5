//! What goes on record of a notice's way, where that is more than one of the domain's own types: the bodies of artifacts.
//!
//! Evidence, decisions and most receipts go on record as they are.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    evidence::Origin,
    ids::{DecisionNo, EventNo, Fence, NoticeNo, TargetName},
    notice::{Answer, Notice, Receipt, StateName},
};

/// An event on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EventRecord {
    /// Its number here.
    pub no: EventNo,
    /// Whose credential it came with.
    pub origin: Origin,
    /// The event, complete and as it came.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::CloudEvent"))]
    pub event: Value,
}

/// A notice on record: as it enters the queue, and with each report that is folded into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, deny_unknown_fields)]
pub enum NoticeRecord {
    /// It enters the queue.
    Queued {
        /// The notice.
        notice: Box<Notice>,
        /// Where it goes.
        targets: Vec<TargetName>,
        /// The states that it passes with this record.
        states: Vec<StateName>,
    },
    /// A further report of the same incident is folded into it.
    Folded {
        /// The notice.
        notice: NoticeNo,
        /// How many are folded into it by now.
        folded: u32,
        /// What was decided about that report.
        decision: DecisionNo,
    },
}

/// A receipt on record: one of the delivery, or of an answer that came too late to count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ReceiptRecord {
    /// What is known about a delivery.
    Known(Box<Receipt>),
    /// An answer under an older lease, which changes nothing.
    Late(Box<LateReceipt>),
}

/// An answer under an older lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LateReceipt {
    /// The answer, and which attempt it is of.
    pub late: LateAnswer,
    /// The state in which the delivery stays.
    pub state: StateName,
}

/// The answer to an attempt that counts as ended already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LateAnswer {
    /// The notice.
    pub notice: NoticeNo,
    /// The target.
    pub target: TargetName,
    /// The fencing token of that attempt.
    pub fence: Fence,
    /// What came.
    pub answer: Answer,
}
