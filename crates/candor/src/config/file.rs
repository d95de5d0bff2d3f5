//! The configuration file's fields.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use candor_core::{
    decision::Verdict,
    ids::AgentId,
    limits::{ESCALATION_LEVELS_MAX, PERIOD_MAX, PERIOD_MIN},
    task::Cadence,
    time::{duration_text, format_duration, parse_duration},
};
use candor_world::{collectors::CollectorConfig, secrets::SecretRef, senders::TargetConfig};
use serde::Deserialize;

use crate::exit::{Exit, Failure};

/// A file to start from: every section with its default, and targets to uncomment.
pub const EXAMPLE: &str = include_str!("example.yaml");

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// A name that decisions and receipts carry.
    pub profile: String,
    /// Where the API listens: a loopback address.
    pub listen: SocketAddr,
    /// Cadence and escalation.
    pub watch: Watch,
    /// Where notices go. None: one dry-run target.
    pub targets: Vec<TargetConfig>,
    /// What collectors may look at, and how long evidence counts.
    pub evidence: EvidenceSection,
    /// Which packs, and how they are tuned.
    pub packs: Packs,
    /// What holds when no rule matches.
    pub default_verdict: Verdict,
    /// Credentials of agents.
    pub agents: Agents,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            profile: "dry-run".to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7717)),
            watch: Watch::default(),
            targets: Vec::new(),
            evidence: EvidenceSection::default(),
            packs: Packs::default(),
            default_verdict: Verdict::Allow,
            agents: Agents::default(),
        }
    }
}

/// Cadence and escalation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// Longest time between two reports, for a task that names none.
    #[serde(with = "duration_text")]
    period: Duration,
    /// What is allowed beyond it.
    #[serde(with = "duration_text")]
    grace: Duration,
    /// When each level after the first is due, counted from the one before.
    escalate_after: Vec<DurationText>,
    /// How often routine checkpoints are folded into one artifact.
    #[serde(with = "duration_text")]
    pub fold_every: Duration,
}

/// A duration in a list.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct DurationText(pub Duration);

impl TryFrom<String> for DurationText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_duration(&text).map(Self).map_err(|error| error.to_string())
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            period: Duration::from_secs(300),
            grace: Duration::from_secs(60),
            escalate_after: vec![
                DurationText(Duration::from_secs(30 * 60)),
                DurationText(Duration::from_secs(2 * 3600)),
            ],
            fold_every: Duration::from_secs(600),
        }
    }
}

impl Watch {
    /// Period and grace.
    #[must_use]
    pub fn cadence(&self) -> Cadence {
        Cadence { period: self.period, grace: self.grace }
    }

    /// The levels after the first.
    #[must_use]
    pub fn escalate_after(&self) -> Vec<Duration> {
        self.escalate_after.iter().map(|text| text.0).collect()
    }
}

/// What collectors may look at, and how long evidence counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceSection {
    /// How long a record counts.
    #[serde(with = "duration_text")]
    pub lives_for: Duration,
    /// Roots, recipes and bounds. Nothing is allowed by default.
    pub collectors: CollectorConfig,
}

impl Default for EvidenceSection {
    fn default() -> Self {
        Self { lives_for: Duration::from_secs(24 * 3600), collectors: CollectorConfig::default() }
    }
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
        let file: Self = serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let watch = &file.watch;
        if watch.period < PERIOD_MIN || watch.period > PERIOD_MAX || watch.grace > PERIOD_MAX {
            return Err(wrong(format!(
                "`watch.period` and `watch.grace` must lie between {} and {}",
                format_duration(PERIOD_MIN),
                format_duration(PERIOD_MAX)
            )));
        }
        if watch.escalate_after.len() >= ESCALATION_LEVELS_MAX {
            return Err(wrong(format!("`watch.escalate_after` names at most {} levels", ESCALATION_LEVELS_MAX - 1)));
        }
        Ok(file)
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
    use super::*;

    #[test]
    fn the_example_is_read_and_equals_the_defaults() {
        let file = ConfigFile::parse(EXAMPLE, Path::new("example.yaml")).unwrap();
        assert_eq!(file.listen, ConfigFile::default().listen);
        assert_eq!(file.watch.cadence(), ConfigFile::default().watch.cadence());
        assert_eq!(file.watch.escalate_after(), ConfigFile::default().watch.escalate_after());
        assert_eq!(file.targets().len(), 1);
    }

    #[test]
    fn a_typo_is_refused_with_its_place() {
        let error = ConfigFile::parse("watch:\n  perido: 5m\n", Path::new("c.yaml")).unwrap_err();
        assert!(error.message.contains("perido") && error.message.contains('2'), "{}", error.message);
    }
}
