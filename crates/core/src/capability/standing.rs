//! What counts as supported: what a descriptor declares and every probe that it names has shown, a short while ago.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Ability, Declaration, Descriptor, ProbeKind};
use crate::{limits::PROBE_COUNTS_FOR, time::Timestamp};

/// What one probe came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeReport {
    /// What it looked at.
    pub kind: ProbeKind,
    /// Whether it showed it.
    pub shown: bool,
    /// When.
    pub at: Timestamp,
    /// How, in words.
    pub method: String,
    /// What came of it; never a secret.
    pub output: String,
}

/// What the probes of one descriptor showed on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeRecord {
    /// The descriptor, `id@version`.
    pub descriptor: String,
    /// Reports by the probe's name.
    pub reports: BTreeMap<String, ProbeReport>,
}

/// How an ability stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Declared, and every probe that it names showed it.
    Supported,
    /// Not declared.
    Undeclared,
    /// Declared, and nothing has shown it: no probe is named, or none has run, or long ago.
    Unprobed,
    /// Declared, and a probe showed that it isn't so.
    Refuted,
}

impl Counts {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Undeclared => "unsupported: not declared",
            Self::Unprobed => "unsupported: declared, not probed",
            Self::Refuted => "unsupported: a probe failed",
        }
    }
}

/// How an ability stands, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Which.
    pub ability: Ability,
    /// How.
    pub counts: Counts,
    /// Whether it is declared.
    pub declared: bool,
    /// The probes that would show it.
    pub shown_by: Vec<String>,
    /// What the descriptor says of it.
    pub note: String,
}

/// How every ability of a descriptor stands. A record of another descriptor or version says nothing, nor does one that is too old.
#[must_use]
pub fn standing(descriptor: &Descriptor, record: Option<&ProbeRecord>, now: Timestamp) -> Vec<Standing> {
    let record = record.filter(|record| record.descriptor == descriptor.metadata.name());
    descriptor
        .spec
        .capabilities
        .iter()
        .map(|(ability, declaration)| Standing {
            ability: *ability,
            counts: counts(descriptor, declaration, record, now),
            declared: declaration.declared,
            shown_by: declaration.shown_by.clone(),
            note: declaration.note.clone(),
        })
        .collect()
}

fn counts(descriptor: &Descriptor, declaration: &Declaration, record: Option<&ProbeRecord>, now: Timestamp) -> Counts {
    if !declaration.declared {
        return Counts::Undeclared;
    }
    let reports: Vec<Option<&ProbeReport>> = declaration
        .shown_by
        .iter()
        .map(|name| {
            let kind = descriptor.spec.probes.get(name)?.kind;
            record?.reports.get(name).filter(|report| report.kind == kind && now.since(report.at) <= PROBE_COUNTS_FOR)
        })
        .collect();
    if reports.iter().flatten().any(|report| !report.shown) {
        return Counts::Refuted;
    }
    if reports.is_empty() || reports.iter().any(Option::is_none) {
        return Counts::Unprobed;
    }
    Counts::Supported
}

/// The abilities that count as supported.
#[must_use]
pub fn supported(standing: &[Standing]) -> BTreeSet<Ability> {
    standing.iter().filter(|one| one.counts == Counts::Supported).map(|one| one.ability).collect()
}
