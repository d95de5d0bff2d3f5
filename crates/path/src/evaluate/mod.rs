//! Evaluate: facts are computed from what is on record. Nothing in an event sets a fact but what the event itself says.

mod wording;

use candor_core::{
    capability::Capability,
    claim::{Claim, ClaimKind},
    event::{Event, Report, StatusClaimed},
    evidence::{Evidence, Origin},
    facts::{ClaimFacts, DeliveryFacts, EventFacts, Facts, TaskFacts},
    notice::{Delivery, DeliveryState},
    task::{Incident, Task, TaskState},
    time::Timestamp,
};
pub use wording::{admits_unverified, is_placeholder};

use crate::{
    machine::{Step, StepError},
    watch,
};

/// How many of a task's notices are searched for one that a claim could mean.
const NOTICES_SEARCHED_MAX: usize = 32;

/// What the rules may read about an event.
pub(crate) struct Subject<'a> {
    /// The task as it stood before the event.
    pub(crate) task: Option<&'a Task>,
    /// Its open incident, or the one that the event opened, changed or ended.
    pub(crate) incident: Option<&'a Incident>,
    /// The claim that the event makes, or that the evidence speaks to.
    pub(crate) claim: Option<&'a Claim>,
    /// A record that isn't in the view yet.
    pub(crate) fresh: Option<&'a Evidence>,
    /// Whose credential.
    pub(crate) origin: Origin,
    /// What is reported.
    pub(crate) report: &'a Report,
}

pub(crate) fn facts(step: &Step<'_>, about: &Subject<'_>) -> Result<Facts, StepError> {
    let mut facts = step.machine.packs.facts();
    facts.capability = step.settings().capabilities(about.task.map(|task| &task.runtime));
    if let Some(task) = about.task {
        if watch::is_watched(step)? {
            facts.capability.0.insert(Capability::ScheduledWatchdog);
        }
        facts.task = task_facts(step, task, about.incident)?;
    }
    facts.event = event_facts(about.report, about.origin);
    if let Some(claim) = about.claim {
        facts.claim = claim_facts(step, claim, about)?;
        if claim.kind == ClaimKind::OperatorNotified {
            facts.delivery = delivery_facts(step, claim)?;
        }
    }
    Ok(facts)
}

fn secs(from: Timestamp, to: Timestamp) -> i64 {
    i64::try_from(to.since(from).as_secs()).unwrap_or(i64::MAX)
}

fn task_facts(step: &Step<'_>, task: &Task, incident: Option<&Incident>) -> Result<TaskFacts, StepError> {
    let (open_children, unproven_children) = step.view.children(&task.id)?;
    let limit_us = task.cadence.limit().as_micros().max(1);
    let silent = step.now.since(task.seen_at);
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let incident = incident.filter(|incident| incident.resolved_at.is_none());
    Ok(TaskFacts {
        known: true,
        state: task.state.as_str().to_owned(),
        is_subagent: task.parent.is_some(),
        open_children: count(open_children),
        unproven_children: count(unproven_children),
        silent_s: secs(task.seen_at, step.now),
        period_s: count(task.cadence.period.as_secs()),
        grace_s: count(task.cadence.grace.as_secs()),
        overdue_percent: i64::try_from(silent.as_micros().saturating_mul(100) / limit_us).unwrap_or(i64::MAX),
        running_s: secs(task.started_at, step.now),
        expected_s: task.expected.map_or(0, |expected| count(expected.as_secs())),
        blocked_s: if task.state == TaskState::Blocked { secs(task.since, step.now) } else { 0 },
        incident_open: incident.is_some(),
        incident_level: incident.map_or(0, |incident| i64::from(incident.level)),
        incident_acknowledged: incident.is_some_and(|incident| incident.acknowledged_by.is_some()),
    })
}

fn event_facts(report: &Report, origin: Origin) -> EventFacts {
    let mut facts = EventFacts {
        origin: match origin {
            Origin::Agent => "agent",
            Origin::Adapter => "adapter",
            Origin::Operator => "operator",
            Origin::Candor => "candor",
        }
        .to_owned(),
        ..EventFacts::default()
    };
    let text = match report {
        Report::TaskCheckpointed(checkpoint) => {
            facts.status_claimed = checkpoint.status.as_str().to_owned();
            checkpoint.note.as_deref()
        }
        Report::TaskCompleted(completed) => {
            facts.status_claimed = StatusClaimed::Done.as_str().to_owned();
            completed.summary.as_deref()
        }
        Report::TaskFailed(failed) => {
            facts.status_claimed = StatusClaimed::Failed.as_str().to_owned();
            facts.exit_code_nonzero = failed.exit_code.is_some_and(|code| code != 0);
            Some(failed.reason.as_str())
        }
        Report::ClaimMade(claim) => claim.statement.as_deref(),
        Report::TaskBlocked(blocked) => Some(blocked.reason.as_str()),
        Report::TaskWaiting(waiting) => Some(waiting.on.as_str()),
        Report::TaskUnblocked(unblocked) => unblocked.note.as_deref(),
        Report::NoticeRequested(notice) => {
            facts.severity = notice.severity.as_str().to_owned();
            notice.text.as_deref().or(Some(&notice.title))
        }
        _ => None,
    };
    facts.placeholder = text.is_some_and(is_placeholder);
    facts
}

fn claim_facts(step: &Step<'_>, claim: &Claim, about: &Subject<'_>) -> Result<ClaimFacts, StepError> {
    let lives_for = step.settings().evidence_lives_for;
    let changed_at = about.task.and_then(|task| task.changed_at);
    let started_at = about.task.map(|task| task.started_at);
    let mut records = step.view.evidence_of(&claim.task)?;
    if let Some(fresh) = about.fresh {
        records.retain(|record| record.no != fresh.no);
        records.push(fresh.clone());
    }
    let weighed = records.iter().filter(|record| record.supports.contains(&claim.kind)).map(|record| {
        let freshness = record.freshness(step.now, started_at, changed_at, lives_for);
        (record.finding.bearing, record.strength, freshness)
    });
    let facts = ClaimFacts {
        present: true,
        kind: claim.kind.as_str().to_owned(),
        placeholder: is_placeholder(&claim.statement),
        admits_unverified: admits_unverified(&claim.statement),
        ..ClaimFacts::default()
    };
    Ok(facts.weighed(weighed))
}

/// The best that is known about the notice that the claim names, or about any notice of the task when it names none.
fn delivery_facts(step: &Step<'_>, claim: &Claim) -> Result<DeliveryFacts, StepError> {
    let mut deliveries = Vec::new();
    for notice in step.view.notices_of(&claim.task, NOTICES_SEARCHED_MAX)? {
        if claim.notice.is_none_or(|named| named == notice.no) {
            deliveries.extend(step.view.deliveries(notice.no)?);
        }
    }
    let rank = |delivery: &Delivery| match &delivery.state {
        DeliveryState::Acked { proof } => 1 + proof.level as i64,
        _ => 0,
    };
    Ok(match deliveries.iter().max_by_key(|delivery| rank(delivery)) {
        None => DeliveryFacts::default(),
        Some(best) => DeliveryFacts {
            known: true,
            acked: rank(best) > 0,
            state: best.state.name().as_str().to_owned(),
            proof: rank(best),
            simulated: best.state.reason() == Some("dry_run"),
        },
    })
}

/// The event's own correlation id, or the task's open incident's, or the run's.
pub(crate) fn correlation_of(event: &Event, task: Option<&Task>) -> Option<candor_core::ids::CorrelationId> {
    event.correlation.clone().or_else(|| task.map(|task| task.correlation.clone()))
}
