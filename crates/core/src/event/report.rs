//! What each event type carries in `data`. Unknown fields are refused: a typo must not change meaning.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::types::EventType;
use crate::{
    claim::ClaimKind,
    decision::Severity,
    evidence::Subject,
    gate::Gate,
    ids::{IncidentNo, NoticeNo, PlanId, RuntimeName, TargetName, TaskId},
    time::{Timestamp, duration_text},
};

/// A signal as a reporter declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "signal", rename_all = "snake_case", deny_unknown_fields)]
pub enum SignalSpec {
    /// A file that grows.
    File {
        /// Its path.
        path: String,
    },
    /// A process that uses CPU time.
    Process {
        /// Its process id.
        pid: u32,
        /// Its start in clock ticks since boot, if known.
        #[serde(default)]
        started_ticks: Option<u64>,
    },
}

/// `task.started`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Started {
    /// A person's name for the task.
    pub name: Option<String>,
    /// Longest time between two reports.
    #[serde(with = "duration_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub period: Option<Duration>,
    /// What is allowed beyond it.
    #[serde(with = "duration_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub grace: Option<Duration>,
    /// How long it should take.
    #[serde(with = "duration_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub expected: Option<Duration>,
    /// The task that it is part of.
    pub parent: Option<TaskId>,
    /// Signals beside its reports.
    pub signals: Vec<SignalSpec>,
}

/// The status that a checkpoint claims in so many words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StatusClaimed {
    /// It says nothing of it.
    #[default]
    None,
    /// At work.
    Running,
    /// Waiting for a person.
    Waiting,
    /// In need of help.
    Blocked,
    /// Done.
    Done,
    /// Failed.
    Failed,
}

impl StatusClaimed {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// `task.checkpointed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoint {
    /// What is going on.
    pub note: Option<String>,
    /// How far it is, in percent.
    pub percent: Option<u8>,
    /// The status that it claims.
    pub status: StatusClaimed,
    /// Whether files or code changed since the last report: older evidence goes stale.
    pub changed: bool,
}

impl Checkpoint {
    /// Whether it changes nothing but the time of the last sign of life.
    #[must_use]
    pub fn is_routine(&self) -> bool {
        self.note.is_none() && self.percent.is_none() && self.status == StatusClaimed::None && !self.changed
    }
}

/// `task.waiting`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// For what, or for whom.
    pub on: String,
}

/// `task.blocked`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Blocked {
    /// What stands in the way.
    pub reason: String,
    /// What would help.
    #[serde(default)]
    pub needs: Option<String>,
}

/// `task.unblocked`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Unblocked {
    /// What happened.
    pub note: Option<String>,
}

/// `task.completed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Completed {
    /// What was done, in the agent's words.
    pub summary: Option<String>,
}

/// `task.failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// What went wrong.
    pub reason: String,
    /// The exit code, where there was a process.
    #[serde(default)]
    pub exit_code: Option<i32>,
}

/// `tool.started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ToolStarted {
    /// The call's id.
    pub call: String,
    /// The tool.
    pub tool: String,
    /// How long it may take.
    #[serde(with = "duration_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub timeout: Duration,
}

/// `tool.finished`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ToolFinished {
    /// The call's id.
    pub call: String,
    /// Whether the call may have changed files or code.
    #[serde(default)]
    pub changed: bool,
}

/// `claim.made`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimMade {
    /// What is claimed.
    pub claim: ClaimKind,
    /// In the agent's words.
    #[serde(default)]
    pub statement: Option<String>,
    /// The notice that an `operator_notified` claim speaks about.
    #[serde(default)]
    pub notice: Option<NoticeNo>,
}

/// `evidence.added`. It names no strength: that is computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceAdded {
    /// The claim kinds that it speaks to.
    pub supports: Vec<ClaimKind>,
    /// What it is about.
    pub evidence: Subject,
}

/// `approval.requested`: an agent asks that a gate be opened for its task. An owner decides; asking opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequested {
    /// The gate.
    pub gate: Gate,
    /// Only for this target or place.
    #[serde(default)]
    pub channel: Option<TargetName>,
    /// Only for tasks of this runtime.
    #[serde(default)]
    pub runtime: Option<RuntimeName>,
    /// Only for this readback plan.
    #[serde(default)]
    pub plan: Option<PlanId>,
    /// Why, in one line.
    pub reason: String,
}

/// `notice.requested`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NoticeRequested {
    /// One line.
    pub title: String,
    /// The text.
    #[serde(default)]
    pub text: Option<String>,
    /// How much it matters.
    #[serde(default = "default_severity")]
    pub severity: Severity,
}

fn default_severity() -> Severity {
    Severity::Info
}

/// `task.missed`, `task.slow` and `task.escalated`: what Candor concluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// The incident, where there is one.
    pub incident: Option<IncidentNo>,
    /// Its level.
    pub level: u8,
    /// When the task last showed life.
    pub seen_at: Timestamp,
    /// What was looked at and what it showed, in plain words.
    pub looked_at: Vec<String>,
}

/// `task.recovered`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recovered {
    /// The incident that ended.
    pub incident: IncidentNo,
    /// How long it was silent or blocked.
    #[serde(with = "duration_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub silent_for: Duration,
    /// What ended it, in plain words.
    pub by: String,
}

/// What an event reports, by type.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is named after its event type and documented on its data")]
pub enum Report {
    TaskStarted(Started),
    TaskCheckpointed(Checkpoint),
    TaskWaiting(Waiting),
    TaskBlocked(Blocked),
    TaskUnblocked(Unblocked),
    TaskCompleted(Completed),
    TaskFailed(Failed),
    ToolStarted(ToolStarted),
    ToolFinished(ToolFinished),
    ClaimMade(ClaimMade),
    EvidenceAdded(EvidenceAdded),
    ApprovalRequested(ApprovalRequested),
    NoticeRequested(NoticeRequested),
    TaskMissed(Silence),
    TaskSlow(Silence),
    TaskEscalated(Silence),
    TaskRecovered(Recovered),
}

impl Report {
    /// Its type.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        match self {
            Self::TaskStarted(_) => EventType::TaskStarted,
            Self::TaskCheckpointed(_) => EventType::TaskCheckpointed,
            Self::TaskWaiting(_) => EventType::TaskWaiting,
            Self::TaskBlocked(_) => EventType::TaskBlocked,
            Self::TaskUnblocked(_) => EventType::TaskUnblocked,
            Self::TaskCompleted(_) => EventType::TaskCompleted,
            Self::TaskFailed(_) => EventType::TaskFailed,
            Self::ToolStarted(_) => EventType::ToolStarted,
            Self::ToolFinished(_) => EventType::ToolFinished,
            Self::ClaimMade(_) => EventType::ClaimMade,
            Self::EvidenceAdded(_) => EventType::EvidenceAdded,
            Self::ApprovalRequested(_) => EventType::ApprovalRequested,
            Self::NoticeRequested(_) => EventType::NoticeRequested,
            Self::TaskMissed(_) => EventType::TaskMissed,
            Self::TaskSlow(_) => EventType::TaskSlow,
            Self::TaskEscalated(_) => EventType::TaskEscalated,
            Self::TaskRecovered(_) => EventType::TaskRecovered,
        }
    }
}
