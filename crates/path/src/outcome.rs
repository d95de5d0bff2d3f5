//! Results, scores, learning and trust: made from what is on record, and kept only behind their gates.

use std::collections::BTreeSet;

use candor_core::{
    claim::{Claim, ClaimKind},
    event::{ClaimMade, Report},
    evidence::{Origin, STRENGTHS, Strength},
    honesty,
    ids::{AgentId, TaskId},
    outcome::{ClaimOutcome, ClaimStanding, TaskResult},
    task::Task,
    work::{Document, DocumentKind},
};

use crate::{
    evaluate::{self, Subject},
    event,
    machine::{Step, StepError, json},
    plan::ArtifactKind,
    work::content,
};

/// Most kept results that a score, what is learned, or trust is made from: the newest.
const RESULTS_MAX: usize = 1_000;
/// Most claims of a task that go into its result: the newest.
const CLAIMS_MAX: usize = 200;

/// Keeps how a task stands, with its claims.
pub(crate) fn capture(step: &mut Step<'_>, id: &TaskId) -> Result<Document, StepError> {
    let task = step.task(id)?;
    let claims = step.view.claims(id)?;
    let newest = claims.iter().skip(claims.len().saturating_sub(CLAIMS_MAX));
    let claims = newest.map(|claim| outcome(step, &task, claim)).collect::<Result<_, _>>()?;
    let result = TaskResult {
        task: id.clone(),
        agent: task.owner.clone(),
        runtime: task.runtime.clone(),
        state: task.state,
        unproved: task.unproved,
        started_at: task.started_at,
        ended_at: task.ended_at,
        claims,
        rules: step.view.rules_of(id)?.into_iter().collect::<BTreeSet<_>>(),
    };
    Ok(event::kept(step, ArtifactKind::Work, DocumentKind::Result, id.to_string(), task.owner, json(&result)))
}

/// How a claim stands now, by the same facts that the rules read.
fn outcome(step: &Step<'_>, task: &Task, claim: &Claim) -> Result<ClaimOutcome, StepError> {
    let report = Report::ClaimMade(ClaimMade { claim: claim.kind.clone(), statement: None, notice: claim.notice });
    let about = Subject {
        task: Some(task),
        incident: None,
        claim: Some(claim),
        fresh: None,
        origin: Origin::Candor,
        report: &report,
    };
    let facts = evaluate::facts(step, &about)?;
    let told = claim.kind == ClaimKind::OperatorNotified && facts.delivery.acked;
    let strength = STRENGTHS.iter().rev().find(|strength| strength.rank() <= facts.claim.strength).copied();
    let standing = if facts.claim.contradicted {
        ClaimStanding::Contradicted
    } else if told || strength >= Some(Strength::Observed) {
        ClaimStanding::Supported
    } else {
        ClaimStanding::Unproven
    };
    Ok(ClaimOutcome { claim: claim.no, kind: claim.kind.clone(), standing, strength })
}

fn results(step: &Step<'_>, agent: &AgentId) -> Result<Vec<TaskResult>, StepError> {
    let kept = step.view.documents_of(DocumentKind::Result, agent, RESULTS_MAX)?;
    Ok(kept.into_iter().filter_map(content).collect())
}

/// Keeps an agent's honesty score.
pub(crate) fn score(step: &mut Step<'_>, agent: &AgentId) -> Result<Document, StepError> {
    let score = honesty::score(agent, &results(step, agent)?);
    Ok(event::kept(step, ArtifactKind::Work, DocumentKind::Score, agent.to_string(), Some(agent.clone()), json(&score)))
}

/// Keeps what is to be learned of an agent's reports.
pub(crate) fn learn(step: &mut Step<'_>, agent: &AgentId) -> Result<Document, StepError> {
    let learning = honesty::learning(agent, &results(step, agent)?);
    Ok(event::kept(
        step,
        ArtifactKind::Work,
        DocumentKind::Learning,
        agent.to_string(),
        Some(agent.clone()),
        json(&learning),
    ))
}

/// Keeps the trust in an agent by pack.
pub(crate) fn trust(step: &mut Step<'_>, agent: &AgentId) -> Result<Document, StepError> {
    let trust = honesty::trust(agent, &results(step, agent)?);
    Ok(event::kept(step, ArtifactKind::Work, DocumentKind::Trust, agent.to_string(), Some(agent.clone()), json(&trust)))
}
