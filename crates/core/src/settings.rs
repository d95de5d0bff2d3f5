//! Settings that the path reads: cadences, targets, retry rules, and what policy defaults to. Values, never secrets.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    capability::Capabilities,
    decision::{Severity, Verdict, words},
    gate::Gate,
    ids::{AgentId, PlanId, RuntimeName, TargetName},
    notice::ProofLevel,
    profile::KeepFor,
    task::Cadence,
    time::duration_text,
};

/// What to do when an attempt's outcome is unknown and the sender can't repeat safely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Keep it pending and show it; an operator settles it.
    #[default]
    Hold,
    /// Send again, with a mark that it may be a repeat.
    ResendPossibleDuplicate,
}

/// How a target's failed attempts are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Most attempts before the delivery is blocked.
    pub attempts_max: u32,
    /// Wait before the second attempt; it doubles from there, with jitter.
    #[serde(with = "duration_text")]
    pub first: Duration,
    /// Longest wait between two attempts of Candor's own choosing. A channel's Retry-After may be longer and is kept.
    #[serde(with = "duration_text")]
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts_max: 10, first: Duration::from_secs(2), longest: Duration::from_secs(15 * 60) }
    }
}

/// What the path knows about a target. What it takes to reach it lives in the sender's binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name.
    pub name: TargetName,
    /// The sender's name and version, `webhook@0.1.0`.
    pub sender: String,
    /// Whether the sender exists here.
    pub available: bool,
    /// The gate that each attempt passes; none where the sender only pretends.
    pub gate: Option<Gate>,
    /// Whether its sender reads secrets, and each attempt passes `secret_read` too.
    #[serde(default)]
    pub reads_secrets: bool,
    /// Whether a repeat under the same key has no second effect.
    pub idempotent: bool,
    /// What to do when an outcome is unknown and it isn't idempotent.
    pub on_unknown: OnUnknown,
    /// The proof below which a delivery stays pending.
    pub needs: ProofLevel,
    /// How failed attempts are repeated.
    pub retry: Retry,
    /// Lowest escalation level that goes here.
    pub from_level: u8,
    /// Lowest severity that goes here.
    pub from_severity: Severity,
}

words! {
    /// What Candor does by itself after a task ended, as far as its gates are open.
    FollowUp {
        /// Capture the task's outcome, with its claims and how they stand.
        Results = "results",
        /// Write the agent's score.
        Scores = "scores",
        /// Write which rules caught which agent.
        Learning = "learning",
        /// Write the trust of packs.
        Trust = "trust",
        /// Put decisions that ask for a person into the reviewers' queue.
        Reviews = "reviews",
        /// Make a work item of a completion that is contradicted afterwards.
        Rollbacks = "rollbacks",
    }
}

/// Everything that the path reads beside its view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The profile's name, kept in artifacts.
    pub profile: String,
    /// This node's id: part of every idempotency key.
    pub node: String,
    /// Cadence of a task that names none.
    pub cadence: Cadence,
    /// When the levels after the first are due, each counted from the one before.
    pub escalate_after: Vec<Duration>,
    /// Where notices go.
    pub targets: Vec<Target>,
    /// What holds when no rule matches.
    pub default_verdict: Verdict,
    /// How long evidence lives.
    #[serde(with = "duration_text")]
    pub evidence_lives_for: Duration,
    /// What each runtime can do. A runtime that isn't listed can do nothing.
    pub capabilities: BTreeMap<RuntimeName, Capabilities>,
    /// What this deployment can do whatever the runtime: send, prove, escalate, watch.
    pub deployment: Capabilities,
    /// How long an owner's leases outlive its last heartbeat.
    #[serde(with = "duration_text")]
    pub lease: Duration,
    /// How long a hand-over waits to be taken up.
    #[serde(with = "duration_text")]
    pub handover: Duration,
    /// How often routine checkpoints are folded into an artifact.
    #[serde(with = "duration_text")]
    pub fold_every: Duration,
    /// How long contents are kept before they may be pruned.
    #[serde(default)]
    pub keep_for: KeepFor,
    /// Where signed heads of the log go beside targets; a gate may be opened for one of them.
    #[serde(default)]
    pub places: Vec<TargetName>,
    /// Who approves, and what.
    #[serde(default)]
    pub approvals: Approvals,
}

impl Target {
    /// The gates that each attempt passes.
    pub fn gates(&self) -> impl Iterator<Item = Gate> {
        self.gate.into_iter().chain(self.reads_secrets.then_some(Gate::SecretRead))
    }
}

/// Who approves, and what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Approvals {
    /// Who may sign approvals: the text of an OpenSSH `allowed_signers` file. Nobody where it is empty.
    pub allowed_signers: String,
    /// The agents whose credentials belong to an owner, by principal: what they ask for, another owner approves.
    pub owner_agents: BTreeMap<String, Vec<AgentId>>,
    /// Gates that two owners open together.
    pub two_owners: BTreeSet<Gate>,
    /// The Telegram target that is told when a notice failed on another channel.
    pub failure_receipts: Option<TargetName>,
    /// What is wanted by itself.
    pub follow_up: BTreeSet<FollowUp>,
    /// Recipes that write: each run of one passes `production_write`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub writing_recipes: BTreeSet<String>,
    /// Targets that can be asked what became of a notice.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub asked: BTreeSet<TargetName>,
    /// The readback plans, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub plans: BTreeMap<PlanId, PlanTerms>,
}

/// What a run of a readback plan is held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTerms {
    /// SHA-256 in hex over the catalogue's name, the plan in it, and whom it would ask by what: a dry run of anything else was of another
    /// plan.
    pub sha256: String,
    /// Whether somebody is asked with a secret: then each run passes `secret_read` too.
    pub reads_secrets: bool,
}

impl Settings {
    /// The target of that name.
    #[must_use]
    pub fn target(&self, name: &TargetName) -> Option<&Target> {
        self.targets.iter().find(|target| &target.name == name)
    }

    /// What a runtime can do here.
    #[must_use]
    pub fn capabilities(&self, runtime: Option<&RuntimeName>) -> Capabilities {
        let mut able = self.deployment.clone();
        if let Some(of) = runtime.and_then(|runtime| self.capabilities.get(runtime)) {
            able.0.extend(of.0.iter().copied());
        }
        able
    }
}
