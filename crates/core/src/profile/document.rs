//! A profile as it is written: the seven sections of the deployment model, typed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::KeepFor;
use crate::{
    capability::{Ability, Identity},
    decision::{Verdict, words},
    gate::Gate,
    notice::ProofLevel,
    time::DurationText,
};

/// A deployment profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `reporting-governance/v1alpha1`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// `DeploymentProfile`.
    pub kind: String,
    /// Who it is.
    pub metadata: Identity,
    /// What it sets.
    pub spec: Spec,
}

/// What a profile sets. Every section is written, if only as `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The package that it was written for.
    pub package: Package,
    /// Packs, thresholds, and what holds when no rule matches.
    pub policies: Policies,
    /// The runtime's descriptor, and the surfaces that this deployment counts on.
    pub adapters: Adapters,
    /// How notices may leave, what proof they need, and when they go higher.
    pub notifications: Notifications,
    /// What is kept, and what an export holds.
    pub audit: Audit,
    /// What the runtime must or should be able to do.
    pub capability_expectations: Expectations,
}

/// The package that a profile was written for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its version, `0.1.0` or `0.1.0-mainline`. An older package of the same line is refused, and so is another line.
    #[serde(rename = "pluginVersion")]
    pub plugin_version: String,
}

/// Packs and how they are tuned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Policies {
    /// Core packs by id; all of them when absent.
    pub packs: Option<BTreeSet<String>>,
    /// Thresholds by name, inside their bounds.
    pub thresholds: BTreeMap<String, i64>,
    /// What holds when no rule matches.
    pub default_verdict: Option<Verdict>,
    /// How old a record may be and still count.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub evidence_lives_for: Option<DurationText>,
    /// The gates that two different owners must open; each layer adds to the ones before.
    pub two_owners: BTreeSet<Gate>,
}

words! {
    /// An adapter surface of the reference chain.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    Surface {
        /// Hooks of the runtime.
        Hook = "hook",
        /// The watchdog.
        Watchdog = "watchdog",
        /// The durable queue of notices.
        Queue = "queue",
        /// The hand-over.
        Dispatcher = "dispatcher",
        /// The boundary to the sender.
        Bridge = "bridge",
        /// The sender itself.
        SenderBinding = "sender_binding",
        /// One entry point for all of it.
        Orchestrator = "orchestrator",
    }
}

impl Surface {
    /// What a deployment that counts on this surface must be able to do.
    #[must_use]
    pub fn needs(self) -> Option<Ability> {
        match self {
            Self::Hook => Some(Ability::PreSendHook),
            Self::Watchdog => Some(Ability::ScheduledWatchdog),
            Self::Queue => Some(Ability::QueueNotice),
            Self::Bridge => Some(Ability::PrivilegedBridge),
            Self::SenderBinding => Some(Ability::DirectSend),
            Self::Dispatcher | Self::Orchestrator => None,
        }
    }
}

/// The runtime's descriptor, and the surfaces that this deployment counts on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Adapters {
    /// The capability descriptor, by id.
    pub descriptor: String,
    /// Hooks of the runtime.
    #[serde(default)]
    pub hook: Option<Switch>,
    /// The watchdog, and how long a task that names no cadence may be silent.
    #[serde(default)]
    pub watchdog: Option<Watchdog>,
    /// The durable queue of notices; it can't be switched off.
    #[serde(default)]
    pub queue: Option<Switch>,
    /// The hand-over.
    #[serde(default)]
    pub dispatcher: Option<Switch>,
    /// The boundary to the sender. Without it, targets only pretend.
    #[serde(default)]
    pub bridge: Option<Switch>,
    /// The sender itself. Without it, targets only pretend.
    #[serde(default)]
    pub sender_binding: Option<Switch>,
    /// One entry point for all of it.
    #[serde(default)]
    pub orchestrator: Option<Switch>,
}

impl Adapters {
    /// What is said of each surface.
    #[must_use]
    pub fn surfaces(&self) -> BTreeMap<Surface, bool> {
        let on = |of: &Option<Switch>| of.as_ref().map(|of| of.enabled);
        [
            (Surface::Hook, on(&self.hook)),
            (Surface::Watchdog, self.watchdog.as_ref().map(|of| of.enabled)),
            (Surface::Queue, on(&self.queue)),
            (Surface::Dispatcher, on(&self.dispatcher)),
            (Surface::Bridge, on(&self.bridge)),
            (Surface::SenderBinding, on(&self.sender_binding)),
            (Surface::Orchestrator, on(&self.orchestrator)),
        ]
        .into_iter()
        .filter_map(|(surface, enabled)| Some((surface, enabled?)))
        .collect()
    }
}

/// Whether a surface is counted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// Whether it is.
    pub enabled: bool,
}

/// Whether a watchdog is counted on, and the cadence of a task that names none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Watchdog {
    /// Whether it is.
    pub enabled: bool,
    /// Longest time between two signs of life.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub period: Option<DurationText>,
    /// What is allowed beyond it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub grace: Option<DurationText>,
}

/// How a notice may leave this machine, from the least effect to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SenderMode {
    /// Nothing leaves; the receipt says so.
    DryRun,
    /// A script stands in for a channel.
    Shim,
    /// A program of the operator's.
    Command,
    /// OpenClaw's own command line.
    OpenclawCli,
    /// A POST with a signature.
    Webhook,
    /// A Telegram bot.
    Telegram,
}

impl SenderMode {
    /// Every mode.
    pub const ALL: [Self; 6] =
        [Self::DryRun, Self::Shim, Self::Command, Self::OpenclawCli, Self::Webhook, Self::Telegram];

    /// Its word, which is the sender's name in a target.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DryRun => "dry-run",
            Self::Shim => "shim",
            Self::Command => "command",
            Self::OpenclawCli => "openclaw-cli",
            Self::Webhook => "webhook",
            Self::Telegram => "telegram",
        }
    }

    /// The mode of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }

    /// Whether it only pretends: no effect outside this machine.
    #[must_use]
    pub fn pretends(self) -> bool {
        matches!(self, Self::DryRun | Self::Shim)
    }
}

/// How notices may leave, what proof they need, and when they go higher.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Notifications {
    /// The senders that targets may use.
    pub sender_modes: Option<BTreeSet<SenderMode>>,
    /// The proof below which a delivery stays pending, for every target.
    pub needs: Option<ProofLevel>,
    /// When level 2, 3, … are due, each counted from the one before.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<String>>"))]
    pub escalate_after: Option<Vec<DurationText>>,
}

words! {
    /// A class of artifacts that an export can hold.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    ArtifactClass {
        /// Canonical events.
        Events = "events",
        /// Evidence records.
        Evidence = "evidence",
        /// Decision records.
        Decisions = "decisions",
        /// Queue items.
        Queue = "queue",
        /// Spool artifacts: the hand-over.
        Spool = "spool",
        /// Receipts of the bridge.
        Receipts = "receipts",
        /// What senders answered, attempt by attempt.
        Attempts = "attempts",
        /// The profile.
        Profile = "profile",
        /// The capability descriptor.
        Capabilities = "capabilities",
    }
}

/// What is kept, and what an export holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// How often routine checkpoints are folded into one artifact.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub fold_every: Option<DurationText>,
    /// How long contents are kept at least: one window for all, or one per class and one for `other`. What is older may be pruned.
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::keep::KeepForText>"))]
    pub keep_for: Option<KeepFor>,
    /// What an export holds; all classes when absent.
    pub export: Option<BTreeSet<ArtifactClass>>,
}

/// What the runtime must or should be able to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Expectations {
    /// Without one of these the deployment is less than the profile promises, and `doctor` calls it a problem.
    pub required: BTreeSet<Ability>,
    /// Without one of these its fallback holds.
    pub optional: BTreeSet<Ability>,
}

/// Values that an adapter sets where the profile sets none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AdapterDefaults {
    /// Longest time between two signs of life.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub period: Option<DurationText>,
    /// What is allowed beyond it.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub grace: Option<DurationText>,
    /// The senders that make sense there.
    pub sender_modes: Option<BTreeSet<SenderMode>>,
}
