//! How far a pack's word on an agent is to be trusted: how often it spoke, and was right.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Grade, Share, TASKS_MIN, learning::worst, of_agent, score};
use crate::{
    decision::words,
    ids::AgentId,
    outcome::{ClaimStanding, TaskResult},
};

/// The version of the rules and of the document.
const VERSION: &str = "candor_playbook_trust_v1";
/// From this share of right words on, in percent, a pack's word is trusted.
const HIGH_FROM: u8 = 80;
/// Below this share at the most, in percent, it isn't.
const LOW_BELOW: u8 = 50;

words! {
    /// How far a pack's word on an agent is to be trusted.
    TrustLevel {
        /// It spoke too rarely to say.
        Unknown = "unknown",
        /// It is shown that less than half of what it said was right.
        Low = "low",
        /// Neither is shown.
        Some = "some",
        /// It is shown that at least four fifths of what it said was right.
        High = "high",
    }
}

/// How far packs' words on an agent are to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The rules that it was made by.
    pub schema_version: String,
    /// Whose reports they spoke to.
    pub agent: AgentId,
    /// Of how many tasks.
    pub tasks: u64,
    /// The agent's own grade over the same tasks.
    pub grade: Grade,
    /// Every pack that spoke, by id.
    pub packs: BTreeMap<String, PackTrust>,
}

/// How far one pack's word is to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackTrust {
    /// To how many tasks it spoke.
    pub spoke: u64,
    /// In how many of them it was right: a claim of the task isn't supported.
    pub right: u64,
    /// In how many tasks it said nothing although a claim is contradicted.
    pub silent: u64,
    /// The share in which it was right; none where it spoke too rarely.
    pub right_percent: Option<Share>,
    /// In a word.
    pub level: TrustLevel,
}

/// How far packs' words on an agent are to be trusted, by its results, newest first.
#[must_use]
pub fn trust(agent: &AgentId, results: &[TaskResult]) -> Trust {
    let grade = score(agent, results).grade;
    let results = of_agent(agent, results);
    let mut packs: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for result in &results {
        let right = matches!(worst(result), Some(ClaimStanding::Contradicted | ClaimStanding::Unproven));
        for pack in packs_of(result) {
            let (spoke, was_right) = packs.entry(pack).or_default();
            *spoke = spoke.saturating_add(1);
            *was_right = was_right.saturating_add(u64::from(right));
        }
    }
    let silent = |pack: &str| {
        let contradicted = results.iter().filter(|result| worst(result) == Some(ClaimStanding::Contradicted));
        contradicted.filter(|result| !packs_of(result).contains(&pack)).count() as u64
    };
    let packs = packs
        .into_iter()
        .map(|(pack, (spoke, right))| {
            let right_percent = Share::of(right, spoke, TASKS_MIN);
            let level = match right_percent {
                None => TrustLevel::Unknown,
                Some(share) if share.from >= HIGH_FROM => TrustLevel::High,
                Some(share) if share.to < LOW_BELOW => TrustLevel::Low,
                Some(_) => TrustLevel::Some,
            };
            (pack.to_owned(), PackTrust { spoke, right, silent: silent(pack), right_percent, level })
        })
        .collect();
    Trust { schema_version: VERSION.to_owned(), agent: agent.clone(), tasks: results.len() as u64, grade, packs }
}

/// The packs whose rules spoke to a task, each once: rules are in order, so those of one pack stand together.
fn packs_of(result: &TaskResult) -> Vec<&str> {
    let mut packs: Vec<&str> =
        result.rules.iter().map(|rule| rule.split_once('/').map_or(&**rule, |(pack, _)| pack)).collect();
    packs.sort_unstable();
    packs.dedup();
    packs
}
