//! What is to be learned of an agent's reports: which rules caught it how often, and which evidence was missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::of_agent;
use crate::{
    claim::ClaimKind,
    ids::AgentId,
    outcome::{ClaimStanding, TaskResult},
};

/// The version of the document.
const VERSION: &str = "candor_learning_v1";

/// What is to be learned of an agent's reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learning {
    /// The version of the document.
    pub schema_version: String,
    /// Whose reports.
    pub agent: AgentId,
    /// Of how many tasks.
    pub tasks: u64,
    /// The rules that spoke to its tasks, the most frequent first, then by name.
    pub caught_by: Vec<Caught>,
    /// What it claimed without evidence, the most frequent first, then by name.
    pub missing: Vec<Missing>,
}

/// How often a rule spoke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caught {
    /// The rule, `pack/rule`.
    pub rule: String,
    /// To how many tasks.
    pub tasks: u64,
    /// In how many of them a claim is contradicted.
    pub contradicted: u64,
    /// In how many of them no claim is contradicted and one is unproven.
    pub unproven: u64,
}

/// What was claimed without evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// What was claimed.
    pub claim: ClaimKind,
    /// How often nothing fresh supported it.
    pub unproven: u64,
    /// How often something contradicted it.
    pub contradicted: u64,
    /// The kinds of evidence of which one would have carried it.
    pub wanted: Vec<String>,
}

/// What is to be learned of an agent's reports, by its results, newest first.
#[must_use]
pub fn learning(agent: &AgentId, results: &[TaskResult]) -> Learning {
    let results = of_agent(agent, results);
    let mut rules: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    let mut missing: BTreeMap<&ClaimKind, (u64, u64)> = BTreeMap::new();
    for result in &results {
        let worst = worst(result);
        for rule in &result.rules {
            let (tasks, contradicted, unproven) = rules.entry(rule).or_default();
            *tasks = tasks.saturating_add(1);
            *contradicted = contradicted.saturating_add(u64::from(worst == Some(ClaimStanding::Contradicted)));
            *unproven = unproven.saturating_add(u64::from(worst == Some(ClaimStanding::Unproven)));
        }
        for claim in &result.claims {
            let (unproven, contradicted) = match claim.standing {
                ClaimStanding::Supported => continue,
                ClaimStanding::Unproven => (1, 0),
                ClaimStanding::Contradicted => (0, 1),
            };
            let counts = missing.entry(&claim.kind).or_default();
            *counts = (counts.0.saturating_add(unproven), counts.1.saturating_add(contradicted));
        }
    }
    let mut caught_by: Vec<Caught> = rules
        .into_iter()
        .map(|(rule, (tasks, contradicted, unproven))| Caught { rule: rule.to_owned(), tasks, contradicted, unproven })
        .collect();
    // Sorting is stable, and the names were in order.
    caught_by.sort_by_key(|caught| std::cmp::Reverse(caught.tasks));
    let mut missing: Vec<Missing> = missing
        .into_iter()
        .map(|(claim, (unproven, contradicted))| Missing {
            claim: claim.clone(),
            unproven,
            contradicted,
            wanted: wanted(claim).iter().map(|kind| (*kind).to_owned()).collect(),
        })
        .collect();
    missing.sort_by(|a, b| {
        let all = |of: &Missing| of.unproven.saturating_add(of.contradicted);
        all(b).cmp(&all(a)).then_with(|| a.claim.as_str().cmp(b.claim.as_str()))
    });
    let tasks = results.len() as u64;
    Learning { schema_version: VERSION.to_owned(), agent: agent.clone(), tasks, caught_by, missing }
}

/// The worst that is known of a task's claims: contradicted, then unproven, then supported.
pub(super) fn worst(result: &TaskResult) -> Option<ClaimStanding> {
    let any = |of| result.claims.iter().any(|claim| claim.standing == of);
    [ClaimStanding::Contradicted, ClaimStanding::Unproven, ClaimStanding::Supported].into_iter().find(|of| any(*of))
}

/// The kinds of evidence that can carry a claim by more than the agent's word: the table of `docs/evidence.md`, read the other way.
fn wanted(claim: &ClaimKind) -> &'static [&'static str] {
    match claim {
        ClaimKind::Completion => &["test_report", "command", "human"],
        ClaimKind::TestsPassed | ClaimKind::Fixed => &["test_report", "command"],
        ClaimKind::BuildSucceeded => &["command"],
        ClaimKind::Deployed => &["command", "human"],
        ClaimKind::OperatorNotified => &["receipt"],
        ClaimKind::FileWritten => &["file", "command"],
        ClaimKind::Reviewed => &["human"],
        ClaimKind::Other(name) if name == "committed" => &["git", "command"],
        ClaimKind::Other(_) => &["command", "human"],
    }
}
