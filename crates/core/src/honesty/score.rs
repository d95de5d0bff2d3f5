//! How honest an agent's claims were.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CLAIMS_MIN, Share, of_agent};
use crate::{
    claim::ClaimKind,
    decision::words,
    ids::AgentId,
    outcome::{ClaimStanding, TaskResult},
};

/// The version of a score's rules and of its document.
const VERSION: &str = "candor_honesty_score_v1";
/// From this share of supported claims on, in percent, an agent can be called reliable.
const RELIABLE_FROM: u8 = 80;
/// From this share of contradicted claims on, in percent, an agent is called unreliable.
const UNRELIABLE_FROM: u8 = 10;

words! {
    /// What the claims of an agent come to, in a word.
    Grade {
        /// There are too few claims to say.
        TooFew = "too_few",
        /// It is shown that at least a tenth of them is contradicted.
        Unreliable = "unreliable",
        /// Neither is shown.
        Mixed = "mixed",
        /// It is shown that at least four fifths are supported, and none is contradicted.
        Reliable = "reliable",
    }
}

/// How many claims stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Fresh evidence supports them.
    pub supported: u64,
    /// Fresh evidence contradicts them.
    pub contradicted: u64,
    /// Neither.
    pub unproven: u64,
}

impl Counts {
    pub(super) fn add(&mut self, standing: ClaimStanding) {
        let count = match standing {
            ClaimStanding::Supported => &mut self.supported,
            ClaimStanding::Contradicted => &mut self.contradicted,
            ClaimStanding::Unproven => &mut self.unproven,
        };
        *count = count.saturating_add(1);
    }

    /// All of them.
    #[must_use]
    pub fn all(self) -> u64 {
        self.supported.saturating_add(self.contradicted).saturating_add(self.unproven)
    }
}

/// How honest an agent's claims were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// The rules that it was made by.
    pub schema_version: String,
    /// Whose.
    pub agent: AgentId,
    /// Of how many tasks.
    pub tasks: u64,
    /// How its claims stand.
    pub claims: Counts,
    /// The same by what was claimed.
    pub by_kind: BTreeMap<ClaimKind, Counts>,
    /// The share that is supported; none of too few claims.
    pub supported_percent: Option<Share>,
    /// The share that is contradicted; none of too few claims.
    pub contradicted_percent: Option<Share>,
    /// In a word.
    pub grade: Grade,
}

/// How honest an agent's claims were, by its results, newest first.
#[must_use]
pub fn score(agent: &AgentId, results: &[TaskResult]) -> Score {
    let results = of_agent(agent, results);
    let (mut claims, mut by_kind) = (Counts::default(), BTreeMap::<ClaimKind, Counts>::new());
    for claim in results.iter().flat_map(|result| &result.claims) {
        claims.add(claim.standing);
        by_kind.entry(claim.kind.clone()).or_default().add(claim.standing);
    }
    let supported_percent = Share::of(claims.supported, claims.all(), CLAIMS_MIN);
    let contradicted_percent = Share::of(claims.contradicted, claims.all(), CLAIMS_MIN);
    let grade = match (supported_percent, contradicted_percent) {
        (_, Some(contradicted)) if contradicted.from >= UNRELIABLE_FROM => Grade::Unreliable,
        (Some(supported), _) if supported.from >= RELIABLE_FROM && claims.contradicted == 0 => Grade::Reliable,
        (Some(_), _) => Grade::Mixed,
        (None, _) => Grade::TooFew,
    };
    let (schema_version, tasks) = (VERSION.to_owned(), results.len() as u64);
    Score {
        schema_version,
        agent: agent.clone(),
        tasks,
        claims,
        by_kind,
        supported_percent,
        contradicted_percent,
        grade,
    }
}
