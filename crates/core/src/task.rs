//! Tasks: units of long work, how often they must report, and the signals that are watched beside their reports.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    decision::words,
    ids::{AgentId, CorrelationId, DecisionNo, IncidentNo, NoticeNo, RuntimeName, TaskId},
    time::{Timestamp, duration_text},
};

words! {
    /// Where a task stands.
    TaskState {
        /// It works, and must report.
        Running = "running",
        /// It waits for a person; its silence is not a fault.
        Waiting = "waiting",
        /// It can't go on without help.
        Blocked = "blocked",
        /// It ended well, as far as policy lets that stand.
        Completed = "completed",
        /// It ended badly.
        Failed = "failed",
    }
}

impl TaskState {
    /// Whether it has ended.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// How often a task must report: silence longer than `period + grace` is a missed checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cadence {
    /// The longest time between two reports.
    #[serde(with = "duration_text")]
    pub period: Duration,
    /// What is allowed beyond it.
    #[serde(with = "duration_text")]
    pub grace: Duration,
}

impl Cadence {
    /// Period and grace together.
    #[must_use]
    pub fn limit(self) -> Duration {
        self.period.saturating_add(self.grace)
    }
}

/// Something that shows life without the agent's help.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case", deny_unknown_fields)]
pub enum Signal {
    /// A transcript or log file that grows.
    File {
        /// Its path.
        path: String,
    },
    /// A process that uses CPU time, it and its children.
    Process {
        /// Its process id.
        pid: u32,
        /// When it started, in clock ticks since boot, so that a reused process id is recognised. Filled in when the task starts.
        started_ticks: Option<u64>,
    },
}

/// What was seen of a signal when it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Whether the thing is there at all.
    pub exists: bool,
    /// What grows: bytes of a file, CPU milliseconds of a process.
    pub amount: u64,
    /// When it last changed by its own account, where it has one (a file's modification time).
    pub changed_at: Option<Timestamp>,
    /// When it was read.
    pub read_at: Timestamp,
}

/// A signal with its last reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedSignal {
    /// The signal.
    pub signal: Signal,
    /// The last reading, once there is one.
    pub last: Option<Reading>,
}

/// A tool call in flight: a reason for silence that has an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The call's id, given by the runtime.
    pub call: String,
    /// The tool.
    pub tool: String,
    /// When it began.
    pub since: Timestamp,
    /// Until when it excuses silence: its declared timeout, capped by [`crate::limits::TOOL_CALL_MAX`].
    pub until: Timestamp,
}

/// One unit of long work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// A person's name for it.
    pub name: Option<String>,
    /// The agent that owns it: whoever started it.
    pub owner: Option<AgentId>,
    /// Where it runs.
    pub runtime: RuntimeName,
    /// The task that it is part of.
    pub parent: Option<TaskId>,
    /// Where it stands.
    pub state: TaskState,
    /// What it waits for or is blocked on, or how it ended.
    pub because: Option<String>,
    /// How often it must report.
    pub cadence: Cadence,
    /// How long it is expected to take, if said.
    #[serde(with = "duration_text::option")]
    pub expected: Option<Duration>,
    /// Whether it was already told that the task is slow.
    pub told_slow: bool,
    /// Signals beside its reports.
    pub signals: Vec<WatchedSignal>,
    /// Tool calls in flight.
    pub in_flight: Vec<ToolCall>,
    /// When this run started.
    pub started_at: Timestamp,
    /// When it last showed life, by report or by signal.
    pub seen_at: Timestamp,
    /// When it last said that files or code changed, for the freshness of evidence.
    pub changed_at: Option<Timestamp>,
    /// Since when it stands in its state.
    pub since: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether its completion stands unproved: policy downgraded it.
    pub unproved: bool,
    /// When the watchdog must look next. None: not watched.
    pub due_at: Option<Timestamp>,
    /// The open incident, if one is.
    pub incident: Option<IncidentNo>,
    /// The correlation id of this run.
    pub correlation: CorrelationId,
    /// Checkpoints received in this run.
    pub checkpoints: u64,
    /// The last checkpoint's note.
    pub note: Option<String>,
}

words! {
    /// What an incident is about.
    IncidentKind {
        /// Silence beyond period and grace.
        Missed = "missed",
        /// It needs help.
        Blocked = "blocked",
    }
}

/// One silence, or one block: what escalates, and what notices are folded into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Its number.
    pub no: IncidentNo,
    /// The task.
    pub task: TaskId,
    /// What it is about.
    pub kind: IncidentKind,
    /// The level that was told last; 0 before the first notice.
    pub level: u8,
    /// Carried by everything that follows.
    pub correlation: CorrelationId,
    /// The decision that opened it.
    pub decision: Option<DecisionNo>,
    /// The notice of the current level.
    pub notice: Option<NoticeNo>,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When the next level is due, unless somebody takes it on.
    pub escalate_at: Option<Timestamp>,
    /// Who took it on: stops escalation. Not a delivery state.
    pub acknowledged_by: Option<String>,
    /// When that was.
    pub acknowledged_at: Option<Timestamp>,
    /// When it ended.
    pub resolved_at: Option<Timestamp>,
    /// How it ended, in plain words.
    pub resolution: Option<String>,
}
