//! What an agent's record says of its reports: how honest its claims were, what is to be learned of them, and whose word on it proved right.
//!
//! All of it is computed from captured results alone, and says no more than they show: shares are given as ranges in whole percent, and
//! below [`TASKS_MIN`] or [`CLAIMS_MIN`] not at all. `docs/scores.md` has the rules in words.

mod learning;
mod score;
mod share;
mod trust;

pub use learning::{Caught, Learning, Missing, learning};
pub use score::{Counts, Grade, Score, score};
pub use share::Share;
pub use trust::{PackTrust, Trust, TrustLevel, trust};

use std::collections::BTreeSet;

use crate::{ids::AgentId, outcome::TaskResult};

/// Below so many claims an agent has no grade, and no share is told.
pub const CLAIMS_MIN: u64 = 5;
/// Below so many tasks that a pack spoke to, nothing is said of its word.
pub const TASKS_MIN: u64 = 5;

/// The newest result of each of an agent's tasks. What was captured twice counts once.
///
/// `results` are newest first; those of other agents and of nobody are left out.
fn of_agent<'a>(agent: &AgentId, results: &'a [TaskResult]) -> Vec<&'a TaskResult> {
    let mut seen = BTreeSet::new();
    results.iter().filter(|result| result.agent.as_ref() == Some(agent) && seen.insert(&result.task)).collect()
}

#[cfg(test)]
mod tests;
