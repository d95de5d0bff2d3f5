//! The configuration file's fields.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use candor_core::{
    decision::Verdict,
    ids::{AgentId, RuntimeName},
    limits::{ESCALATION_LEVELS_MAX, PERIOD_MAX, PERIOD_MIN},
    profile::{Overlay, SAFE_DEFAULT},
    time::{DurationText, format_duration},
};
use candor_world::{
    collectors::CollectorConfig,
    runtimes::ReaderConfig,
    secrets::{SECRET_FORM, SecretRef},
    senders::TargetConfig,
};
use serde::Deserialize;

use super::{ApprovalsSection, AuditSection};
use crate::exit::{Exit, Failure};

/// A file to start from: every section with its default, and targets to uncomment.
pub const EXAMPLE: &str = include_str!("example.yaml");

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// The deployment profile, by id; decisions and receipts carry its name.
    pub profile: String,
    /// The runtime's capability descriptor, by id; the profile's when absent.
    pub adapter: Option<String>,
    /// Where the API listens: a loopback address.
    pub listen: SocketAddr,
    /// Cadence and escalation.
    pub watch: Watch,
    /// Where notices go. None: one dry-run target.
    pub targets: Vec<TargetConfig>,
    /// How runtimes are asked what they have on record.
    pub runtimes: BTreeMap<RuntimeName, ReaderConfig>,
    /// What collectors may look at, and how long evidence counts.
    pub evidence: EvidenceSection,
    /// Which packs, and how they are tuned.
    pub packs: Packs,
    /// What holds when no rule matches.
    pub default_verdict: Option<Verdict>,
    /// Credentials of agents.
    pub agents: Agents,
    /// Heads of the log, windows and archives.
    pub audit: AuditSection,
    /// Who may approve, and what follows.
    pub approvals: ApprovalsSection,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            profile: SAFE_DEFAULT.to_owned(),
            adapter: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7717)),
            watch: Watch::default(),
            targets: Vec::new(),
            runtimes: BTreeMap::new(),
            evidence: EvidenceSection::default(),
            packs: Packs::default(),
            default_verdict: None,
            agents: Agents::default(),
            audit: AuditSection::default(),
            approvals: ApprovalsSection::default(),
        }
    }
}

/// Cadence and escalation. What is left out, the profile or the package says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// Longest time between two reports, for a task that names none.
    period: Option<DurationText>,
    /// What is allowed beyond it.
    grace: Option<DurationText>,
    /// When each level after the first is due, counted from the one before.
    escalate_after: Option<Vec<DurationText>>,
    /// How often routine checkpoints are folded into one artifact.
    fold_every: Option<DurationText>,
}

/// What collectors may look at, and how long evidence counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceSection {
    /// How long a record counts.
    lives_for: Option<DurationText>,
    /// Roots, recipes and bounds. Nothing is allowed by default.
    pub collectors: CollectorConfig,
}

/// Which packs, and how they are tuned.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Packs {
    /// Core packs by id; all of them when absent.
    pub enable: Option<Vec<String>>,
    /// Further packs, as folders relative to the state folder.
    pub folders: Vec<PathBuf>,
    /// Thresholds by name, inside their bounds.
    pub tune: BTreeMap<String, i64>,
}

/// Credentials of agents.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agents {
    /// Whether an agent without a credential is turned away.
    pub require_token: bool,
    /// One per agent.
    pub tokens: Vec<AgentToken>,
}

/// An agent's credential.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentToken {
    /// Whose.
    pub agent: AgentId,
    /// Where it lies.
    pub token: SecretRef,
}

impl ConfigFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let wrong = |message: String| {
            Failure::new(Exit::Config, format!("{}: {message}", path.display()))
                .hint("docs/configuration.md has every field; `candor config example` prints a file to start from")
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let file: Self = serde_saphyr::from_str(text).map_err(|error: serde_saphyr::Error| {
            // The lines around it would show the secret that somebody wrote there.
            let bare = error.to_string().contains(SECRET_FORM);
            wrong(if bare { error.without_snippet().to_string() } else { error.to_string() })
        })?;
        let watch = &file.watch;
        let time = |of: Option<DurationText>, otherwise| of.map_or(otherwise, |of| of.0);
        let (period, grace) = (time(watch.period, PERIOD_MIN), time(watch.grace, PERIOD_MIN));
        if period < PERIOD_MIN || period > PERIOD_MAX || grace > PERIOD_MAX {
            return Err(wrong(format!(
                "`watch.period` and `watch.grace` must lie between {} and {}",
                format_duration(PERIOD_MIN),
                format_duration(PERIOD_MAX)
            )));
        }
        if watch.escalate_after.as_ref().is_some_and(|levels| levels.len() >= ESCALATION_LEVELS_MAX) {
            return Err(wrong(format!("`watch.escalate_after` names at most {} levels", ESCALATION_LEVELS_MAX - 1)));
        }
        Ok(file)
    }

    /// What this file sets of what profiles set too: the fourth layer.
    #[must_use]
    pub fn overlay(&self) -> Overlay {
        let time = |of: Option<DurationText>| of.map(|of| of.0);
        Overlay {
            packs: self.packs.enable.as_ref().map(|ids| ids.iter().cloned().collect()),
            thresholds: self.packs.tune.clone(),
            default_verdict: self.default_verdict,
            evidence_lives_for: time(self.evidence.lives_for),
            period: time(self.watch.period),
            grace: time(self.watch.grace),
            escalate_after: self.watch.escalate_after.as_ref().map(|levels| levels.iter().map(|of| of.0).collect()),
            fold_every: time(self.watch.fold_every),
            keep_for: self.audit.keep_for.clone(),
            two_owners: self.approvals.two_owners.clone(),
            ..Overlay::default()
        }
    }

    /// The targets; without any, one that only pretends, so that every notice has somewhere to go and nothing leaves.
    #[must_use]
    pub fn targets(&self) -> Vec<TargetConfig> {
        if !self.targets.is_empty() {
            return self.targets.clone();
        }
        serde_saphyr::from_str("- {name: dry-run, sender: dry-run}").unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use candor_core::{
        pack::{core_sources, manifests},
        profile::{Packs, Resolved, resolve},
    };

    use super::*;

    #[test]
    fn the_example_is_read_and_equals_the_defaults() {
        let file = ConfigFile::parse(EXAMPLE, Path::new("example.yaml")).unwrap();
        assert_eq!(file.listen, ConfigFile::default().listen);
        assert_eq!(file.profile, ConfigFile::default().profile);
        assert_eq!(file.overlay(), Overlay::default());
        assert_eq!(file.targets().len(), 1);
    }

    /// What the example shows commented out are the package's defaults.
    #[test]
    fn what_the_example_shows_is_what_holds() {
        let shown = EXAMPLE.replace("# watch:", "watch:").replace("#   period", "  period");
        let shown = shown.replace("#   grace", "  grace").replace("#   escalate_after", "  escalate_after");
        let shown = shown.replace("#   fold_every", "  fold_every").replace("  # lives_for", "  lives_for");
        let shown = shown.replace("# default_verdict", "default_verdict");
        let local = ConfigFile::parse(&shown, Path::new("example.yaml")).unwrap().overlay();
        assert!(local.period.is_some() && local.default_verdict.is_some() && local.evidence_lives_for.is_some());
        let packs = manifests(&core_sources()).unwrap();
        let nothing = Overlay::default();
        let under = |local| resolve(Packs { core: &packs, local: &[] }, &nothing, &nothing, local).unwrap();
        let values = |of: Resolved| of.lines().into_iter().map(|line| (line.key, line.value)).collect::<Vec<_>>();
        assert_eq!(values(under(&local)), values(under(&nothing)));
    }

    #[test]
    fn a_typo_is_refused_with_its_place() {
        let error = ConfigFile::parse("watch:\n  perido: 5m\n", Path::new("c.yaml")).unwrap_err();
        assert!(error.message.contains("perido") && error.message.contains('2'), "{}", error.message);
    }
}
