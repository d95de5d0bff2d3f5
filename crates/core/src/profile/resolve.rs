//! Four layers become one set of values: package defaults, adapter defaults, the profile, the local binding. A pure function; for each
//! value it is kept who set it and what limits it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    ArtifactClass, KeepFor, Layer, Overlay, ProfileError, ProfileErrors, Rule, SenderMode, Set, Surface,
    layer::{Laid, Relax},
};
use crate::{
    decision::Verdict,
    gate::Gate,
    limits::{ESCALATION_LEVELS_MAX, KEEP_FOR_MIN, PERIOD_MAX, PERIOD_MIN},
    notice::ProofLevel,
    pack::{Direction, Pack, Stricter, Tunable, nearest},
    time::format_duration,
};

/// The values that hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Core packs by id.
    pub packs: Set<BTreeSet<String>>,
    /// Thresholds by name.
    pub thresholds: BTreeMap<String, Set<i64>>,
    /// What holds when no rule matches.
    pub default_verdict: Set<Verdict>,
    /// How old a record may be and still count.
    pub evidence_lives_for: Set<Duration>,
    /// Longest time between two signs of life.
    pub period: Set<Duration>,
    /// What is allowed beyond it.
    pub grace: Set<Duration>,
    /// When each level after the first is due.
    pub escalate_after: Set<Vec<Duration>>,
    /// The senders that targets may use.
    pub sender_modes: Set<BTreeSet<SenderMode>>,
    /// The proof below which a delivery stays pending.
    pub needs: Set<ProofLevel>,
    /// The surfaces that are counted on.
    pub surfaces: BTreeMap<Surface, Set<bool>>,
    /// How often routine checkpoints are folded.
    pub fold_every: Set<Duration>,
    /// How long contents are kept at least.
    pub keep_for: Set<KeepFor>,
    /// What an export holds.
    pub export: Set<BTreeSet<ArtifactClass>>,
    /// The gates that two different owners must open, each with the first layer that asked for it.
    pub two_owners: BTreeMap<Gate, Layer>,
}

/// The packs that can be enabled.
#[derive(Clone, Copy, Debug)]
pub struct Packs<'a> {
    /// Those of the package, which a profile selects from.
    pub core: &'a [Pack],
    /// Further ones of the local binding, which are always on.
    pub local: &'a [Pack],
}

/// Resolves the layers.
///
/// # Errors
/// Every value that a layer may not set, with the layer, the rule and the bound.
pub fn resolve(
    packs: Packs<'_>,
    adapter: &Overlay,
    profile: &Overlay,
    local: &Overlay,
) -> Result<Resolved, ProfileErrors> {
    let layers = [(Layer::Adapter, adapter), (Layer::Profile, profile), (Layer::Local, local)];
    let mut values = Resolved::package(packs.core);
    let mut errors = Vec::new();
    for (layer, overlay) in layers {
        errors.extend(values.lay(layer, overlay));
        check_names(layer, overlay, packs.core, &mut errors);
    }
    values.tune(packs, &layers, &mut errors);
    if errors.is_empty() { Ok(values) } else { Err(ProfileErrors(errors)) }
}

impl Resolved {
    /// What holds when no layer says anything.
    fn package(core: &[Pack]) -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        let between = |least: Duration, note: &str| {
            format!("{} to {}; {note}", format_duration(least), format_duration(PERIOD_MAX))
        };
        let note = "a binding may only shorten what the profile set";
        Self {
            packs: Set::package(
                core.iter().map(|pack| pack.id.clone()).collect(),
                "core packs; a binding may only add to what the profile set",
            ),
            thresholds: BTreeMap::new(),
            default_verdict: Set::package(Verdict::Allow, "only stricter than the layer before"),
            evidence_lives_for: Set::package(minutes(24 * 60), between(PERIOD_MIN, note)),
            period: Set::package(minutes(5), between(PERIOD_MIN, note)),
            grace: Set::package(minutes(1), between(Duration::ZERO, note)),
            escalate_after: Set::package(
                vec![minutes(30), minutes(120)],
                format!("at most {} levels; a binding may only add levels or shorten", ESCALATION_LEVELS_MAX - 1),
            ),
            sender_modes: Set::package(SenderMode::ALL.into(), "the senders of this package"),
            needs: Set::package(ProofLevel::Stored, "only more than the layer before, never less than `stored`"),
            surfaces: Surface::ALL
                .iter()
                .map(|surface| (*surface, Set::package(true, surface_bound(*surface))))
                .collect(),
            fold_every: Set::package(minutes(10), between(PERIOD_MIN, "no strictness in it")),
            keep_for: Set::package(
                KeepFor::default(),
                format!("{} or more; a binding may only lengthen what the profile set", format_duration(KEEP_FOR_MIN)),
            ),
            export: Set::package(ArtifactClass::ALL.iter().copied().collect(), "classes of the model"),
            two_owners: BTreeMap::new(),
        }
    }

    /// Lays a layer on what holds, but for thresholds.
    fn lay(&mut self, layer: Layer, of: &Overlay) -> Vec<ProfileError> {
        let mut errors = self.lay_choices(layer, of);
        errors.extend(self.lay_times(layer, of));
        for (surface, on) in &of.surfaces {
            if let Some(current) = self.surfaces.get_mut(surface) {
                current.take(layer, *on);
            }
        }
        if let Some(export) = &of.export {
            self.export.take(layer, export.clone());
        }
        for gate in &of.two_owners {
            self.two_owners.entry(*gate).or_insert(layer);
        }
        errors
    }

    fn lay_choices(&mut self, layer: Layer, of: &Overlay) -> Vec<ProfileError> {
        let packs = Laid { key: "packs", layer, relax: Relax::NotBelowProfile };
        let verdict = Laid { key: "default_verdict", layer, relax: Relax::Never };
        let needs = Laid { key: "needs", layer, relax: Relax::Never };
        let senders = Laid { key: "sender_modes", layer, relax: Relax::NotBelowProfile };
        [
            packs.lay(&mut self.packs, of.packs.as_ref(), |next, was| !next.is_superset(was), joined),
            verdict.lay(
                &mut self.default_verdict,
                of.default_verdict.as_ref(),
                |next, was| next < was,
                |of| of.as_str().to_owned(),
            ),
            needs.lay(&mut self.needs, of.needs.as_ref(), |next, was| next < was, |of| of.as_str().to_owned()),
            senders.lay(&mut self.sender_modes, of.sender_modes.as_ref(), |next, was| !next.is_subset(was), modes),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn lay_times(&mut self, layer: Layer, of: &Overlay) -> Vec<ProfileError> {
        let mut errors = Vec::new();
        for (key, current, next, least, relax) in [
            (
                "evidence_lives_for",
                &mut self.evidence_lives_for,
                of.evidence_lives_for,
                PERIOD_MIN,
                Relax::NotBelowProfile,
            ),
            ("period", &mut self.period, of.period, PERIOD_MIN, Relax::NotBelowProfile),
            ("grace", &mut self.grace, of.grace, Duration::ZERO, Relax::NotBelowProfile),
            ("fold_every", &mut self.fold_every, of.fold_every, PERIOD_MIN, Relax::InBounds),
        ] {
            errors.extend(next.and_then(|next| outside(layer, key, next, least)));
            let longer = |next: &Duration, was: &Duration| next > was;
            errors.extend(Laid { key, layer, relax }.lay(current, next.as_ref(), longer, |of| format_duration(*of)));
        }
        let escalation = Laid { key: "escalate_after", layer, relax: Relax::NotBelowProfile };
        let next = of.escalate_after.as_ref();
        errors.extend(escalation.lay(&mut self.escalate_after, next, |next, was| later(next, was), |of| times(of)));
        let keep = Laid { key: "keep_for", layer, relax: Relax::NotBelowProfile };
        errors.extend(keep.lay(&mut self.keep_for, of.keep_for.as_ref(), KeepFor::is_shorter, KeepFor::words));
        errors
    }

    /// The thresholds of the packs that are enabled now.
    fn tune(&mut self, packs: Packs<'_>, layers: &[(Layer, &Overlay)], errors: &mut Vec<ProfileError>) {
        let enabled = packs.core.iter().filter(|pack| self.packs.value.contains(&pack.id)).chain(packs.local);
        let tunables: BTreeMap<&str, &Tunable> =
            enabled.flat_map(|pack| &pack.tunables).map(|tunable| (tunable.name.as_str(), tunable)).collect();
        for (name, tunable) in &tunables {
            let mut current = Set::package(tunable.default, bound(tunable));
            let relax = match tunable.direction {
                Direction::StrengthenOnly => Relax::Never,
                Direction::Range => Relax::InBounds,
            };
            let key = format!("thresholds.{name}");
            for (layer, overlay) in layers {
                let Some(next) = overlay.thresholds.get(*name) else { continue };
                if !tunable.bounds().contains(next) {
                    let bounds = tunable.bounds();
                    let message = format!(
                        "the {} layer sets `{key}` to {next}, outside {} to {} {}",
                        layer.as_str(),
                        bounds.start(),
                        bounds.end(),
                        tunable.unit
                    );
                    let error = ProfileError::new(layer.as_str(), Rule::WithinBounds, &key, message);
                    errors.push(error.hint(bound(tunable)));
                    continue;
                }
                let weaker = |next: &i64, was: &i64| match tunable.stricter {
                    Stricter::Higher => next < was,
                    Stricter::Lower => next > was,
                };
                let laid = Laid { key: &key, layer: *layer, relax };
                errors.extend(laid.lay(&mut current, Some(next), weaker, i64::to_string));
            }
            self.thresholds.insert((*name).to_owned(), current);
        }
        for (layer, overlay) in layers {
            for name in overlay.thresholds.keys().filter(|name| !tunables.contains_key(name.as_str())) {
                let message =
                    format!("the {} layer tunes `{name}`, but no enabled pack has such a tunable", layer.as_str());
                let error = ProfileError::new(layer.as_str(), Rule::KnownNames, name, message);
                errors.push(match nearest(name, tunables.keys().copied()) {
                    Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                    None => error.hint("`candor pack show PACK` lists a pack's tunables"),
                });
            }
        }
    }

    /// Whether a target may use this sender.
    #[must_use]
    pub fn lets_out(&self, mode: SenderMode) -> bool {
        let on = |surface| self.surfaces.get(&surface).is_none_or(|set| set.value);
        mode == SenderMode::DryRun
            || (self.sender_modes.value.contains(&mode)
                && (mode.pretends() || (on(Surface::Bridge) && on(Surface::SenderBinding))))
    }

    /// The thresholds, as packs take them.
    #[must_use]
    pub fn tuned(&self) -> BTreeMap<String, i64> {
        self.thresholds.iter().map(|(name, set)| (name.clone(), set.value)).collect()
    }
}

/// Packs that don't exist.
fn check_names(layer: Layer, overlay: &Overlay, core: &[Pack], errors: &mut Vec<ProfileError>) {
    for id in overlay.packs.iter().flatten().filter(|id| !core.iter().any(|pack| &pack.id == *id)) {
        let known: Vec<&str> = core.iter().map(|pack| pack.id.as_str()).collect();
        let error = ProfileError::new(layer.as_str(), Rule::KnownNames, id, format!("no core pack `{id}`"));
        errors.push(match nearest(id, known.iter().copied()) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!("the core packs are {}", known.join(", "))),
        });
    }
}

fn outside(layer: Layer, key: &str, next: Duration, least: Duration) -> Option<ProfileError> {
    (next < least || next > PERIOD_MAX).then(|| {
        let message = format!("the {} layer sets `{key}` to {}", layer.as_str(), format_duration(next));
        ProfileError::new(layer.as_str(), Rule::WithinBounds, key, message).hint(format!(
            "it must lie between {} and {}",
            format_duration(least),
            format_duration(PERIOD_MAX)
        ))
    })
}

/// What limits a threshold, in words.
fn bound(tunable: &Tunable) -> String {
    let bounds = tunable.bounds();
    let stricter = match tunable.stricter {
        Stricter::Higher => "higher",
        Stricter::Lower => "lower",
    };
    let how = match tunable.direction {
        Direction::StrengthenOnly => format!("only {stricter} than the layer before"),
        Direction::Range => format!("{stricter} is stricter"),
    };
    format!("{} to {} {}; {how}", bounds.start(), bounds.end(), tunable.unit)
}

fn surface_bound(surface: Surface) -> &'static str {
    match surface {
        Surface::Queue => "always on",
        Surface::Bridge | Surface::SenderBinding => "without it targets only pretend",
        Surface::Hook | Surface::Watchdog | Surface::Dispatcher | Surface::Orchestrator => "what is counted on here",
    }
}

/// Whether an escalation tells anyone later, or fewer levels.
fn later(next: &[Duration], was: &[Duration]) -> bool {
    next.len() < was.len() || next.iter().zip(was).any(|(next, was)| next > was)
}

pub(super) fn times(of: &[Duration]) -> String {
    format!("[{}]", of.iter().map(|time| format_duration(*time)).collect::<Vec<_>>().join(", "))
}

pub(super) fn modes(of: &BTreeSet<SenderMode>) -> String {
    of.iter().map(|mode| mode.as_str()).collect::<Vec<_>>().join(", ")
}

pub(super) fn joined(of: &BTreeSet<String>) -> String {
    of.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
