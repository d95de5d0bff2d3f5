//! The catalogue of approvals: what owners can be asked for, as the plugin package ships it. Nothing in it says how anything stands.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    decision::words,
    disclosure,
    gate::{GATES, Gate},
    limits::{CATALOGUE_BYTES_MAX, CATALOGUE_LIST_MAX, LINE_BYTES_MAX},
    pack::{Position, is_name, is_version},
    profile::API_VERSION,
    yaml,
};

/// The catalogue that comes with Candor.
pub const CORE_CATALOGUE: &str = include_str!("../../../approvals/catalogue.yaml");
/// Where it lies in a package.
pub const CATALOGUE_FILE: &str = "approvals/catalogue.yaml";
/// The `kind:` of a catalogue.
const KIND: &str = "ApprovalCatalogue";
/// The field that every approval fills in.
const REASON: &str = "reason";

words! {
    /// An agent that looks after an item.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    OwnerAgent {
        /// OpenClaw.
        Openclaw = "openclaw",
        /// Hermes Agent.
        Hermes = "hermes",
        /// Nemotron.
        Nemotron = "nemotron",
    }
}

words! {
    /// How bad it is when what a packet allows goes wrong.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    RiskTier {
        /// It can be taken back.
        Medium = "medium",
        /// It reaches others.
        High = "high",
        /// It may be beyond recall.
        Critical = "critical",
    }
}

words! {
    /// What an operator does with a package.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    ActionType {
        /// Reads it.
        ReviewApprovalPackage = "review_approval_package",
        /// Checks a readback plan.
        ValidateCanonicalPlan = "validate_canonical_plan",
        /// Looks at the drills.
        ReviewRollbackDrill = "review_rollback_drill",
        /// Looks at the failure-receipt gates.
        ReviewFailureReceiptGate = "review_failure_receipt_gate",
        /// Decides.
        RejectOrPromote = "reject_or_promote",
    }
}

words! {
    /// What is looked at for a Telegram failure-receipt gate.
    TelegramCheck {
        /// A Telegram target is bound here.
        TargetBound = "target_bound",
        /// Its secrets are there.
        TokenReadable = "token_readable",
        /// A probe showed that the channel proves what it took.
        ChannelProves = "channel_proves",
        /// It is told of failures on other channels, and there are others.
        FailureSeen = "failure_seen",
    }
}

/// A catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// `reporting-governance/v1alpha1`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// `ApprovalCatalogue`.
    pub kind: String,
    /// Which it is.
    pub metadata: CatalogueId,
    /// What can be approved.
    pub packets: Vec<PacketEntry>,
    /// How to ask what really happened.
    pub plans: Vec<PlanEntry>,
    /// The ways back.
    pub lanes: Vec<LaneEntry>,
    /// What must hold before a failure is told by Telegram.
    pub telegram_gates: Vec<TelegramGateEntry>,
    /// What an operator does with a package.
    pub operator_actions: Vec<ActionEntry>,
}

/// Which catalogue it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueId {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketEntry {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Who looks after it.
    pub owner_agent: OwnerAgent,
    /// How bad it is when it goes wrong.
    pub risk_tier: RiskTier,
    /// The gates that an approval of it may open.
    pub gates: Vec<Gate>,
    /// What an approval must fill in; `reason` among it.
    pub required_fields: Vec<String>,
    /// The lanes that must have been drilled.
    pub lanes: Vec<String>,
    /// What to look at before signing.
    pub guidance: String,
}

/// A readback plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanEntry {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Who looks after it.
    pub owner_agent: OwnerAgent,
    /// The packet that allows it.
    pub packet: String,
    /// The sender that a target must have for it to have something to ask.
    #[serde(default)]
    pub sender: Option<String>,
    /// What is asked about.
    pub query_scope: String,
    /// What an answer must have.
    pub required_fields: Vec<String>,
    /// What is looked for before anything of it is kept.
    pub redaction_checks: Vec<disclosure::Kind>,
}

/// A drill lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneEntry {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Who looks after it.
    pub owner_agent: OwnerAgent,
    /// Who goes the way back.
    pub rollback_owner: String,
    /// Its steps, in order.
    pub steps: Vec<String>,
    /// What follows when one is missing.
    pub failure_if_missing: String,
}

/// A Telegram failure-receipt gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelegramGateEntry {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Who looks after it.
    pub owner_agent: OwnerAgent,
    /// What is looked at.
    pub check: TelegramCheck,
    /// What its evidence must have.
    pub required_evidence: Vec<String>,
    /// What follows when it doesn't hold.
    pub failure_if_missing: String,
}

/// An operator's action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionEntry {
    /// Its id.
    pub id: String,
    /// What is done.
    pub action_type: ActionType,
    /// Its name for people.
    pub name: String,
    /// Who looks after it.
    pub owner_agent: OwnerAgent,
    /// How.
    pub instruction: String,
}

/// Why a catalogue isn't taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct CatalogueError {
    /// The file.
    pub file: String,
    /// Where, when that is known.
    pub at: Option<Position>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(at) => write!(f, "{}:{}:{}: {}", self.file, at.line, at.column, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// Reads a catalogue strictly; `file` is what errors name.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_catalogue(file: &str, text: &str) -> Result<Catalogue, CatalogueError> {
    let wrong = |at, message| CatalogueError { file: file.to_owned(), at, message };
    if text.len() > CATALOGUE_BYTES_MAX {
        return Err(wrong(None, format!("it has {} bytes; at most {CATALOGUE_BYTES_MAX} are read", text.len())));
    }
    let catalogue: Catalogue = yaml::read_plain(text).map_err(|error| wrong(error.at, error.message))?;
    catalogue.check().map_err(|message| wrong(None, message))?;
    Ok(catalogue)
}

impl Catalogue {
    /// `id@version`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}@{}", self.metadata.id, self.metadata.version)
    }

    fn check(&self) -> Result<(), String> {
        if self.api_version != API_VERSION || self.kind != KIND {
            return Err(format!("`apiVersion` is `{API_VERSION}` and `kind` is `{KIND}` in a catalogue"));
        }
        if !is_version(&self.metadata.version) {
            return Err(format!("`{}` is not a version; write three numbers", self.metadata.version));
        }
        let ids = |of: &mut dyn Iterator<Item = &String>, what: &str| distinct(of, what);
        ids(&mut self.packets.iter().map(|of| &of.id), "packets")?;
        ids(&mut self.plans.iter().map(|of| &of.id), "plans")?;
        ids(&mut self.lanes.iter().map(|of| &of.id), "lanes")?;
        ids(&mut self.telegram_gates.iter().map(|of| &of.id), "telegram_gates")?;
        ids(&mut self.operator_actions.iter().map(|of| &of.id), "operator_actions")?;
        self.refers()?;
        self.texts().try_for_each(|text| line(text))
    }

    /// What is named elsewhere in it is there, and every gate can be asked for.
    fn refers(&self) -> Result<(), String> {
        for packet in &self.packets {
            if packet.gates.is_empty() || packet.gates.iter().collect::<BTreeSet<_>>().len() != packet.gates.len() {
                return Err(format!("the packet `{}` names no gate, or one twice", packet.id));
            }
            if !packet.required_fields.iter().any(|field| field == REASON) {
                return Err(format!("the packet `{}` doesn't ask for `{REASON}`; every approval says why", packet.id));
            }
            if packet.lanes.is_empty() {
                return Err(format!("the packet `{}` names no lane; name the way back", packet.id));
            }
            if let Some(lane) = packet.lanes.iter().find(|id| !self.lanes.iter().any(|lane| lane.id == **id)) {
                return Err(format!("the packet `{}` depends on the lane `{lane}`, which isn't in it", packet.id));
            }
        }
        if let Some(gate) = GATES.iter().find(|gate| !self.packets.iter().any(|packet| packet.gates.contains(gate))) {
            return Err(format!("no packet asks for the gate `{}`", gate.as_str()));
        }
        for plan in &self.plans {
            if !self.packets.iter().any(|packet| packet.id == plan.packet) {
                return Err(format!(
                    "the plan `{}` depends on the packet `{}`, which isn't in it",
                    plan.id, plan.packet
                ));
            }
        }
        let lists = self.plans.iter().map(|of| of.redaction_checks.len());
        if lists.into_iter().any(|length| length == 0) {
            return Err("a plan names no redaction check".to_owned());
        }
        self.lists().try_for_each(|list| match list.len() {
            1..=CATALOGUE_LIST_MAX => Ok(()),
            length => Err(format!("a list has {length} texts; from 1 to {CATALOGUE_LIST_MAX}")),
        })
    }

    fn lists(&self) -> impl Iterator<Item = &Vec<String>> {
        let packets = self.packets.iter().map(|of| &of.required_fields);
        let plans = self.plans.iter().map(|of| &of.required_fields);
        let lanes = self.lanes.iter().map(|of| &of.steps);
        packets.chain(plans).chain(lanes).chain(self.telegram_gates.iter().map(|of| &of.required_evidence))
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        let packets = self.packets.iter().flat_map(|of| [&of.name, &of.guidance]);
        let plans = self.plans.iter().flat_map(|of| [&of.name, &of.query_scope]);
        let lanes = self.lanes.iter().flat_map(|of| [&of.name, &of.rollback_owner, &of.failure_if_missing]);
        let gates = self.telegram_gates.iter().flat_map(|of| [&of.name, &of.failure_if_missing]);
        let actions = self.operator_actions.iter().flat_map(|of| [&of.name, &of.instruction]);
        packets.chain(plans).chain(lanes).chain(gates).chain(actions).chain(self.lists().flatten())
    }
}

fn distinct(ids: &mut dyn Iterator<Item = &String>, what: &str) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !is_name(id, b'-') {
            return Err(format!("`{id}` in `{what}` is no id; use lower case words joined by `-`"));
        }
        if !seen.insert(id) {
            return Err(format!("`{id}` stands twice in `{what}`"));
        }
    }
    if seen.is_empty() || seen.len() > CATALOGUE_LIST_MAX {
        return Err(format!("`{what}` has {} items; from 1 to {CATALOGUE_LIST_MAX}", seen.len()));
    }
    Ok(())
}

/// A text that is displayed: one line, and nothing in it that never is.
fn line(text: &str) -> Result<(), String> {
    let start: String = text.chars().take(40).collect();
    if text.is_empty() || text.len() > LINE_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("the text `{start}` is empty, no single line, or longer than {LINE_BYTES_MAX} bytes"));
    }
    let scanner = disclosure::every().map_err(|error| error.to_string())?;
    match scanner.find(text).first() {
        Some(found) => {
            Err(format!("a text has what looks like {} (`{}`); take it out", found.kind.words(), found.rule))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::unwrap_used, reason = "a test")]
    fn the_catalogue_that_comes_with_candor_reads() {
        let catalogue = parse_catalogue(CATALOGUE_FILE, CORE_CATALOGUE).unwrap();
        assert_eq!(catalogue.name(), "catalogue@1.0.0");
        let counts = [
            catalogue.packets.len(),
            catalogue.plans.len(),
            catalogue.lanes.len(),
            catalogue.telegram_gates.len(),
            catalogue.operator_actions.len(),
        ];
        assert_eq!(counts, [5, 4, 4, 4, 5]);
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        for (from, to, why) in [
            ("id: decide", "id: read-package", "`read-package` stands twice in `operator_actions`"),
            ("lanes: [close-gates, channel-fallback]", "lanes: [channel]", "depends on the lane `channel`"),
            (
                "required_fields: [reason, rollback_plan, reviewed_by]",
                "required_fields: [plan]",
                "doesn't ask for `reason`",
            ),
            (
                "secret_read, destructive_operation]",
                "secret_read]",
                "no packet asks for the gate `destructive_operation`",
            ),
            ("packet: canonical-readback", "packet: other", "depends on the packet `other`"),
            ("name: Read the package", "name: \"password: hunter2-example\"", "looks like a credential"),
            ("name: Read the package", "name: \"\"", "is empty"),
            ("risk_tier: critical", "risk_tier: grave", "catalogue.yaml:"),
            ("kind: ApprovalCatalogue", "kind: Catalogue", "`kind` is"),
            ("version: 1.0.0", "version: new", "not a version"),
            ("check: target_bound", "check: target_bound\n    surprise: 1", "surprise"),
            ("steps: [owners-read, revocation-closes, end-closes]", "steps: []", "0 texts"),
        ] {
            let text = CORE_CATALOGUE.replacen(from, to, 1);
            assert_ne!(text, CORE_CATALOGUE, "{from}");
            let refused = parse_catalogue("catalogue.yaml", &text).map(|_| ()).map_err(|error| error.to_string());
            assert!(refused.as_ref().is_err_and(|error| error.contains(why)), "{why}: {refused:?}");
        }
    }
}
