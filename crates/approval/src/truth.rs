//! What is so in a deployment, as plain data: whoever builds a package or the stage before it reads it from the store and the configuration.

use std::collections::{BTreeMap, BTreeSet};

use candor_core::{
    gate::{Gate, LedgerEntry, Opening},
    ids::{ApprovalNo, TargetName},
    time::Timestamp,
    work::DocumentKind,
};
use serde_json::{Value, json};

use crate::drill::{LANES, LaneStanding};

/// The sender that calls the Bot API.
const TELEGRAM: &str = "telegram";

/// What is so.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// When it was looked.
    pub now: Timestamp,
    /// The node.
    pub node: String,
    /// Since when effects count: when the last gate closed. Everything, where none ever did.
    pub since: Option<Timestamp>,
    /// Openings that aren't over: those that begin later, too.
    pub open: Vec<Opening>,
    /// The first effects since then, oldest first.
    pub ledger: Vec<LedgerEntry>,
    /// How many uses each gate had since then.
    pub uses: BTreeMap<Gate, u64>,
    /// Approvals that were given since then, or wait for another owner.
    pub approvals: Vec<ApprovalNo>,
    /// Approvals of the last 24 hours under which nothing was done.
    pub approved_without_execution_24h: u64,
    /// Effects of the last 24 hours that were approved and failed.
    pub execution_failed_24h: u64,
    /// Pieces of work that wait for each gate.
    pub pending: BTreeMap<Gate, u64>,
    /// Documents that are kept, by kind.
    pub kept: BTreeMap<DocumentKind, u64>,
    /// Deliveries whose outcome is unknown.
    pub outcome_unknown: u64,
    /// Tasks that ended without proof.
    pub unproved: u64,
    /// Incidents that are open.
    pub incidents: u64,
    /// Tasks that failed.
    pub failed: u64,
    /// How each lane stands.
    pub lanes: BTreeMap<String, LaneStanding>,
    /// The owners whose signatures count, by principal.
    pub owners: BTreeSet<String>,
    /// Gates that two owners open together.
    pub two_owners: BTreeSet<Gate>,
    /// Where notices go.
    pub targets: Vec<TargetTruth>,
    /// The target that is told of failures on others.
    pub failure_receipts: Option<TargetName>,
    /// Recipes that write, by name.
    pub writing_recipes: Vec<String>,
    /// Who can be asked, by readback plan: targets and runtimes, by name. A plan that isn't in it has nobody.
    pub askable: BTreeMap<String, Vec<String>>,
    /// The newest document of the stage before.
    pub readiness: Option<RecordedReadiness>,
}

/// What is known of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetTruth {
    /// Its name.
    pub name: TargetName,
    /// Its sender, without the version.
    pub sender: String,
    /// The gates that each attempt passes.
    pub gates: BTreeSet<Gate>,
    /// Whether the sender is there.
    pub available: bool,
    /// Whether the secrets that it needs are there. They aren't read.
    pub secrets_present: bool,
    /// Whether a delivery through it can be proved.
    pub proves: bool,
}

/// A document of the stage before, as it is on record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedReadiness {
    /// Its artifact: `rd-5`.
    pub id: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// The document.
    pub body: Value,
}

impl Truth {
    /// Whether nothing passes the gate now, and nothing will under what was signed.
    #[must_use]
    pub fn is_closed(&self, gate: Gate) -> bool {
        !self.open.iter().any(|opening| opening.gate == gate)
    }

    /// How often the gate was used since the last one closed.
    #[must_use]
    pub fn used(&self, gate: Gate) -> u64 {
        self.uses.get(&gate).copied().unwrap_or(0)
    }

    /// How a lane stands. One that nobody knows was never drilled.
    #[must_use]
    pub fn lane(&self, id: &str) -> LaneStanding {
        self.lanes.get(id).cloned().unwrap_or(LaneStanding::Never)
    }

    /// The targets that reach something beside this machine.
    pub fn live_targets(&self) -> impl Iterator<Item = &TargetTruth> {
        self.targets.iter().filter(|target| target.available && !target.gates.is_empty())
    }

    /// The targets of the Bot API.
    pub fn telegram(&self) -> impl Iterator<Item = &TargetTruth> {
        self.live_targets().filter(|target| target.sender == TELEGRAM)
    }

    /// What stands behind a gate in this deployment; why nothing does.
    ///
    /// # Errors
    /// The reason, in words.
    pub fn behind(&self, gate: Gate) -> Result<String, String> {
        let through = |gate: Gate| -> Vec<&str> {
            self.live_targets()
                .filter(|target| target.gates.contains(&gate))
                .map(|target| target.name.as_str())
                .collect()
        };
        let named = |names: Vec<&str>, none: &str| {
            if names.is_empty() { Err(none.to_owned()) } else { Ok(format!("targets {}", names.join(", "))) }
        };
        match gate {
            Gate::BotApiCall => named(through(gate), "no Telegram target is bound here"),
            Gate::GatewayQueueWrite => named(through(gate), "no target hands notices to a gateway here"),
            Gate::SecretRead => named(through(gate), "no target reads a secret here"),
            Gate::TelegramFailureReceiptSend => match &self.failure_receipts {
                Some(target) => Ok(format!("target {target}")),
                None => Err("`approvals.failure_receipts` names no target here".to_owned()),
            },
            Gate::ProductionWrite => {
                let mut names = through(gate);
                names.extend(self.writing_recipes.iter().map(String::as_str));
                named(names, "no target calls a webhook or a command here, and no recipe writes")
            }
            Gate::CanonicalRuntimeReadback => {
                let names: BTreeSet<&str> = self.askable.values().flatten().map(String::as_str).collect();
                if names.is_empty() {
                    return Err("no target or runtime can be asked anything here".to_owned());
                }
                Ok(names.into_iter().collect::<Vec<_>>().join(", "))
            }
            _ => Ok("Candor's own record".to_owned()),
        }
    }

    /// How a gate stands, as evidence.
    #[must_use]
    pub fn gate_evidence(&self, gate: Gate) -> Value {
        let behind = self.behind(gate);
        json!({
            "gate": gate.as_str(), "closed": self.is_closed(gate), "uses": self.used(gate),
            "pending": self.pending.get(&gate).copied().unwrap_or(0),
            "behind": behind.as_ref().unwrap_or_else(|why| why), "has_effect": behind.is_ok(),
            "two_owners": self.two_owners.contains(&gate),
        })
    }

    /// How a lane stands, as evidence.
    #[must_use]
    pub fn lane_evidence(&self, id: &str) -> Value {
        let standing = self.lane(id);
        json!({ "lane": id, "good": standing.is_good(), "standing": lane_words(id, &standing) })
    }
}

/// How a lane stands, in words.
#[must_use]
pub fn lane_words(id: &str, standing: &LaneStanding) -> String {
    LANES
        .iter()
        .find(|lane| lane.id == id)
        .map_or_else(|| format!("this program has no lane `{id}`"), |lane| standing.words(lane))
}
