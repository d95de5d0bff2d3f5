//! Work that a gate stands before: what is wanted, and what became of it.
//!
//! With its gate closed the work is kept, with the gate's name; once the gate is open it is done, once.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    gate::{Gate, Grant, Scope},
    ids::{AgentId, EvidenceNo, NoticeNo, PlanId, TargetName, TaskId, WorkNo},
    time::Timestamp,
};

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "want", rename_all = "snake_case", deny_unknown_fields)]
pub enum Wanted {
    /// Ask a channel what became of a notice whose outcome is unknown.
    ReadBack {
        /// The notice.
        notice: NoticeNo,
        /// The target.
        target: TargetName,
    },
    /// Run a canonical readback plan.
    RunPlan {
        /// Which.
        plan: PlanId,
    },
    /// Keep how a task ended, with its claims and how they stand.
    CaptureResult {
        /// The task.
        task: TaskId,
    },
    /// Keep an agent's honesty score.
    Score {
        /// The agent.
        agent: AgentId,
    },
    /// Keep what is to be learned of an agent's reports.
    Learn {
        /// The agent.
        agent: AgentId,
    },
    /// Keep how far a pack's word on an agent is to be trusted.
    Trust {
        /// The agent.
        agent: AgentId,
    },
    /// Put a task before a reviewer.
    Review {
        /// The task.
        task: TaskId,
        /// Why.
        why: String,
    },
    /// Ask a person to take back what a task did.
    RollBack {
        /// The task.
        task: TaskId,
        /// Why.
        why: String,
    },
    /// Ask a person to mend a way back: its drill failed.
    MendLane {
        /// The lane.
        lane: String,
        /// What was missing.
        why: String,
    },
    /// Run a recipe that writes.
    RunRecipe {
        /// The evidence record that names it.
        evidence: EvidenceNo,
        /// The recipe.
        recipe: String,
    },
    /// Take an installed package away.
    RemovePackage {
        /// `name@version`.
        package: String,
    },
    /// Take contents that are past their time out of the log.
    Prune,
}

impl Wanted {
    /// The gate that it passes.
    #[must_use]
    pub fn gate(&self) -> Gate {
        match self {
            Self::ReadBack { .. } | Self::RunPlan { .. } => Gate::CanonicalRuntimeReadback,
            Self::CaptureResult { .. } => Gate::RuntimeResultCaptureWrite,
            Self::Score { .. } => Gate::RuntimeScoreWrite,
            Self::Learn { .. } => Gate::RuntimeLearningWrite,
            Self::Trust { .. } => Gate::PlaybookTrustWrite,
            Self::Review { .. } => Gate::ReviewerQueueWrite,
            Self::RollBack { .. } | Self::MendLane { .. } => Gate::RollbackWorkItemWrite,
            Self::RunRecipe { .. } => Gate::ProductionWrite,
            Self::RemovePackage { .. } | Self::Prune => Gate::DestructiveOperation,
        }
    }

    /// What it is about, as far as approvals are narrowed by it.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match self {
            Self::ReadBack { target, .. } => Scope::channel(target),
            Self::RunPlan { plan } => Scope { plan: Some(plan.clone()), ..Scope::default() },
            _ => Scope::default(),
        }
    }

    /// One of these waits at a time: what is wanted again meanwhile is the same work.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::ReadBack { notice, target } => format!("read_back {notice} {target}"),
            Self::RunPlan { plan } => format!("run_plan {plan}"),
            Self::CaptureResult { task } => format!("capture_result {task}"),
            Self::Score { agent } => format!("score {agent}"),
            Self::Learn { agent } => format!("learn {agent}"),
            Self::Trust { agent } => format!("trust {agent}"),
            Self::Review { task, .. } => format!("review {task}"),
            Self::RollBack { task, .. } => format!("roll_back {task}"),
            Self::MendLane { lane, .. } => format!("mend_lane {lane}"),
            Self::RunRecipe { evidence, .. } => format!("run_recipe {evidence}"),
            Self::RemovePackage { package } => format!("remove_package {package}"),
            Self::Prune => "prune".to_owned(),
        }
    }

    /// In words, for people.
    #[must_use]
    pub fn says(&self) -> String {
        match self {
            Self::ReadBack { notice, target } => format!("ask `{target}` what became of {notice}"),
            Self::RunPlan { plan } => format!("run the readback plan `{plan}`"),
            Self::CaptureResult { task } => format!("keep the result of task `{task}`"),
            Self::Score { agent } => format!("score the honesty of agent `{agent}`"),
            Self::Learn { agent } => format!("keep what was learned of agent `{agent}`"),
            Self::Trust { agent } => format!("keep the trust in agent `{agent}` by pack"),
            Self::Review { task, .. } => format!("put task `{task}` before a reviewer"),
            Self::RollBack { task, .. } => format!("ask a person to take back task `{task}`"),
            Self::MendLane { lane, .. } => format!("ask a person to mend the way back `{lane}`"),
            Self::RunRecipe { recipe, evidence } => format!("run the recipe `{recipe}` for {evidence}"),
            Self::RemovePackage { package } => format!("remove the package `{package}`"),
            Self::Prune => "prune what is past its time".to_owned(),
        }
    }
}

/// How work stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum WorkState {
    /// Its gate is closed.
    Pending,
    /// A use was taken, and the world is at it. A crash now leaves its outcome unknown.
    Started {
        /// When.
        at: Timestamp,
    },
    /// It was done, once.
    Done {
        /// When.
        at: Timestamp,
        /// What came of it, in words.
        outcome: String,
    },
    /// It couldn't be done, or isn't known to have been.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
}

impl WorkState {
    /// Whether nothing more becomes of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. })
    }
}

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Its number.
    pub no: WorkNo,
    /// The gate that it passes.
    pub gate: Gate,
    /// What is wanted.
    pub wanted: Wanted,
    /// When it was wanted.
    pub at: Timestamp,
    /// How it stands.
    pub state: WorkState,
}

impl Work {
    /// Whether the world is at it.
    #[must_use]
    pub fn is_started(&self) -> bool {
        matches!(self.state, WorkState::Started { .. })
    }
}

/// Work that may be done now: its use of the gate is committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowed {
    /// The work.
    pub work: Work,
    /// The uses that were taken for it.
    pub grants: Vec<Grant>,
}

/// What is kept beside the record for people to look up, under a kind and a key: the newest of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// Of what: an agent, a task, a lane.
    pub key: String,
    /// The agent that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// The number of its record.
    pub no: u64,
    /// When.
    pub at: Timestamp,
    /// Its content.
    pub body: Value,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $prefix:literal;)+) => {
        /// What is kept.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum DocumentKind { $($(#[$doc])* $variant,)+ }

        impl DocumentKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What its records' ids begin with.
            #[must_use]
            pub fn prefix(self) -> &'static str {
                match self { $(Self::$variant => $prefix,)+ }
            }
        }
    };
}

kinds! {
    /// The stage before a package: what could be read back and promoted.
    Readiness = "readiness", "rd";
    /// The outcome of a rollback drill, by lane.
    Drill = "drill", "dr";
    /// What an operator did when they looked at a package, by action.
    Review = "review", "rv";
    /// What a run of a readback plan would ask, by plan.
    DryRun = "dry_run", "dy";
    /// What a readback plan read, by plan.
    Readback = "readback", "rp";
    /// How a task ended, by task.
    Result = "result", "rs";
    /// An agent's honesty score.
    Score = "score", "sc";
    /// What was learned of an agent's reports.
    Learning = "learning", "le";
    /// Trust per pack, by agent.
    Trust = "trust", "tr";
    /// A task before a reviewer.
    ReviewItem = "review_item", "ri";
    /// A task that a person is asked to take back, or a way back that they are asked to mend.
    RollbackItem = "rollback_item", "rk";
}
