//! Events: canonical input. A CloudEvents 1.0 JSON event whose `type` is `reporting-governance.<noun>.<verb>` and whose `subject`
//! is a task id, with the extensions `taskid`, `correlationid`, `agentid` and `runtime`.

mod parse;
mod report;
mod types;

pub use parse::EventError;
pub use report::{
    ApprovalRequested, Blocked, Checkpoint, ClaimMade, Completed, EvidenceAdded, Failed, NoticeRequested, Recovered,
    Report, SignalSpec, Silence, Started, StatusClaimed, ToolFinished, ToolStarted, Unblocked, Waiting,
};
pub use types::{EVENT_TYPES, EventType, TYPE_PREFIX};

use crate::{
    ids::{AgentId, CorrelationId, RuntimeName, TaskId},
    time::Timestamp,
};

/// An event that was read and checked, and not yet accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The sender's id for it, unique within `source`. The pair makes acceptance idempotent.
    pub id: String,
    /// Who made it, as a URI reference.
    pub source: String,
    /// When it happened, by its maker's clock; none when it didn't say.
    pub time: Option<Timestamp>,
    /// The task.
    pub task: Option<TaskId>,
    /// The incident or firing that it belongs to, if its maker knows one.
    pub correlation: Option<CorrelationId>,
    /// The agent.
    pub agent: Option<AgentId>,
    /// The runtime.
    pub runtime: Option<RuntimeName>,
    /// What is reported.
    pub report: Report,
    /// The event as it came, complete.
    pub raw: serde_json::Value,
}

impl Event {
    /// Its type.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        self.report.event_type()
    }

    /// Reads one event.
    ///
    /// # Errors
    /// [`EventError`] with the place in the event, what is wrong and what to do.
    pub fn parse(raw: serde_json::Value, now: Timestamp) -> Result<Self, EventError> {
        parse::parse(raw, now)
    }
}
