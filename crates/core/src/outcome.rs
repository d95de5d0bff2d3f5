//! How a task ended, with what was claimed and how that stands: what scores, learning and trust are made of.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    claim::ClaimKind,
    evidence::Strength,
    ids::{AgentId, ClaimNo, RuntimeName, TaskId},
    task::TaskState,
    time::Timestamp,
};

/// How a claim stands when its task's result is captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimStanding {
    /// Fresh evidence that is at least `observed` supports it, and none contradicts it.
    Supported,
    /// Fresh evidence contradicts it.
    Contradicted,
    /// Neither.
    Unproven,
}

/// A claim of a task, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimOutcome {
    /// The claim.
    pub claim: ClaimNo,
    /// What it claims.
    pub kind: ClaimKind,
    /// How it stands.
    pub standing: ClaimStanding,
    /// The best fresh support; none where there is none.
    pub strength: Option<Strength>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskResult {
    /// The task.
    pub task: TaskId,
    /// Whose it was; none where nobody owned it.
    pub agent: Option<AgentId>,
    /// In which runtime.
    pub runtime: RuntimeName,
    /// Its state.
    pub state: TaskState,
    /// Whether it ended without proof.
    pub unproved: bool,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended; none while it runs.
    pub ended_at: Option<Timestamp>,
    /// Its claims.
    pub claims: Vec<ClaimOutcome>,
    /// The rules that spoke to it, `pack/rule`.
    pub rules: BTreeSet<String>,
}
