//! The four layers, and how one lies on the one before.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;

use super::{AdapterDefaults, ArtifactClass, KeepFor, Profile, ProfileError, Rule, SenderMode, Surface};
use crate::{
    decision::{Verdict, words},
    gate::Gate,
    notice::ProofLevel,
    time::DurationText,
};

words! {
    /// Who set a value; a later layer lies on the ones before.
    Layer {
        /// The package's default.
        Package = "package",
        /// The adapter's default: its capability descriptor.
        Adapter = "adapter",
        /// The selected profile.
        Profile = "profile",
        /// This machine's own configuration.
        Local = "local",
    }
}

/// What one layer sets; what it leaves out, the layers before it say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// Core packs by id.
    pub packs: Option<BTreeSet<String>>,
    /// Thresholds by name.
    pub thresholds: BTreeMap<String, i64>,
    /// What holds when no rule matches.
    pub default_verdict: Option<Verdict>,
    /// How old a record may be and still count.
    pub evidence_lives_for: Option<Duration>,
    /// Longest time between two signs of life.
    pub period: Option<Duration>,
    /// What is allowed beyond it.
    pub grace: Option<Duration>,
    /// When each level after the first is due.
    pub escalate_after: Option<Vec<Duration>>,
    /// The senders that targets may use.
    pub sender_modes: Option<BTreeSet<SenderMode>>,
    /// The proof below which a delivery stays pending.
    pub needs: Option<ProofLevel>,
    /// The surfaces that are counted on.
    pub surfaces: BTreeMap<Surface, bool>,
    /// How often routine checkpoints are folded.
    pub fold_every: Option<Duration>,
    /// How long contents are kept at least.
    pub keep_for: Option<KeepFor>,
    /// What an export holds.
    pub export: Option<BTreeSet<ArtifactClass>>,
    /// The gates that two different owners must open, beside those of the layers before.
    pub two_owners: BTreeSet<Gate>,
}

fn plain(of: Option<DurationText>) -> Option<Duration> {
    of.map(|text| text.0)
}

impl From<&Profile> for Overlay {
    fn from(profile: &Profile) -> Self {
        let spec = &profile.spec;
        let watchdog = spec.adapters.watchdog.as_ref();
        Self {
            packs: spec.policies.packs.clone(),
            thresholds: spec.policies.thresholds.clone(),
            default_verdict: spec.policies.default_verdict,
            evidence_lives_for: plain(spec.policies.evidence_lives_for),
            period: watchdog.and_then(|of| plain(of.period)),
            grace: watchdog.and_then(|of| plain(of.grace)),
            escalate_after: spec
                .notifications
                .escalate_after
                .as_ref()
                .map(|levels| levels.iter().map(|text| text.0).collect()),
            sender_modes: spec.notifications.sender_modes.clone(),
            needs: spec.notifications.needs,
            surfaces: spec.adapters.surfaces(),
            fold_every: plain(spec.audit.fold_every),
            keep_for: spec.audit.keep_for.clone(),
            export: spec.audit.export.clone(),
            two_owners: spec.policies.two_owners.clone(),
        }
    }
}

impl From<&AdapterDefaults> for Overlay {
    fn from(defaults: &AdapterDefaults) -> Self {
        Self {
            period: plain(defaults.period),
            grace: plain(defaults.grace),
            sender_modes: defaults.sender_modes.clone(),
            ..Self::default()
        }
    }
}

/// A value, who set it, and what limits it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Set<T> {
    /// The value.
    pub value: T,
    /// Who set it.
    pub layer: Layer,
    /// What limits it, in words.
    pub bound: String,
}

impl<T> Set<T> {
    pub(super) fn package(value: T, bound: impl Into<String>) -> Self {
        Self { value, layer: Layer::Package, bound: bound.into() }
    }

    pub(super) fn take(&mut self, layer: Layer, value: T) {
        self.value = value;
        self.layer = layer;
    }
}

/// When a later layer may set something weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relax {
    /// Never.
    Never,
    /// Inside the bounds, but a local binding can't weaken what the profile set.
    NotBelowProfile,
    /// Anywhere inside the bounds.
    InBounds,
}

/// What a layer says of one value, to be laid on what holds so far.
#[derive(Clone, Copy)]
pub(super) struct Laid<'a> {
    pub(super) key: &'a str,
    pub(super) layer: Layer,
    pub(super) relax: Relax,
}

impl Laid<'_> {
    /// Lays it; what is wrong with it, if anything.
    pub(super) fn lay<T: Clone>(
        self,
        current: &mut Set<T>,
        next: Option<&T>,
        weaker: impl Fn(&T, &T) -> bool,
        shown: impl Fn(&T) -> String,
    ) -> Option<ProfileError> {
        let (key, layer, next) = (self.key, self.layer.as_str(), next?);
        let kept = match self.relax {
            Relax::Never => true,
            Relax::NotBelowProfile => self.layer == Layer::Local && current.layer == Layer::Profile,
            Relax::InBounds => false,
        };
        if kept && weaker(next, &current.value) {
            let (next, was, by) = (shown(next), shown(&current.value), current.layer.as_str());
            let message =
                format!("the {layer} layer sets `{key}` to {next}, which is weaker than {was}, set by the {by} layer");
            let error = ProfileError::new(layer, Rule::RelaxOnlyWhereDeclared, key, message);
            return Some(error.hint("set it as strict as that or stricter, or leave it out"));
        }
        current.take(self.layer, next.clone());
        None
    }
}
