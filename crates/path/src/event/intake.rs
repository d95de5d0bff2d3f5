//! Taking in: a report from outside, a conclusion of Candor's own, and what a collector found.

use super::report;
use crate::{
    decide,
    evaluate::{self, Subject},
    machine::{Step, StepError, json},
    plan::{Accepted, ArtifactKind, Beat, Plan, Refusal, Reply, Write},
    watch,
};
use candor_core::{
    artifact::EventRecord,
    claim::Claim,
    event::{Event, Report},
    evidence::{Bearing, Finding, Origin, strength},
    ids::{ClaimNo, CorrelationId, EventNo, EvidenceNo, RequestNo},
    task::{Incident, Task, TaskState},
};

/// What a report led to, while it is being worked out.
pub(super) struct Taken {
    pub(super) no: EventNo,
    pub(super) origin: Origin,
    pub(super) correlation: CorrelationId,
    pub(super) claim: Option<Claim>,
    pub(super) evidence: Option<EvidenceNo>,
    pub(super) incident: Option<Incident>,
    pub(super) request: Option<RequestNo>,
}

/// Takes in a report.
pub(crate) fn take_in(step: &mut Step<'_>, mut event: Event, origin: Origin) -> Result<(), StepError> {
    let event_type = event.event_type();
    if event_type.is_reserved() {
        return Err(Refusal::Reserved(event_type.as_str()).into());
    }
    let task = task_of(step, &event, origin)?;
    if let (Some(task), Report::TaskCheckpointed(checkpoint)) = (&task, &event.report)
        && task.state == TaskState::Running
        && task.incident.is_none()
        && checkpoint.is_routine()
    {
        step.reply(accepted(&event, None));
        step.write(Write::Beat(Beat { task: task.id.clone(), at: step.now, event_id: event.id }));
        return Ok(());
    }
    if let Some(seen) = step.view.seen(&event.source, &event.id)? {
        let Reply::Accepted(mut before) = accepted(&event, Some(seen.event)) else { return Ok(()) };
        before.duplicate = true;
        before.decision_no = seen.decision;
        step.reply(Reply::Accepted(before));
        return Ok(());
    }
    let no = step.plan.numbers.take_event();
    let correlation = evaluate::correlation_of(&event, task.as_ref())
        .or_else(|| no.to_string().parse().ok())
        .ok_or(Refusal::OperatorOnly)?;
    let body = EventRecord { no, origin, event: std::mem::take(&mut event.raw) };
    step.record(ArtifactKind::Event, no, event.task.as_ref(), Some(&correlation), json(&body));
    let mut taken = Taken { no, origin, correlation, claim: None, evidence: None, incident: None, request: None };
    let before = task.clone();
    let mut task = report::apply(step, &event, task, &mut taken)?;
    let decision = decide_on(step, &event.report, before.as_ref(), task.as_mut(), &taken)?;
    step.write(Write::Seen {
        source: event.source.clone(),
        id: event.id.clone(),
        event: no,
        decision: Some(decision.no),
    });
    if let Some(task) = task {
        watch::rearm(step, task)?;
    }
    let notice = decide::notice_of(&step.plan, decision.no);
    if let Reply::Accepted(mut reply) = accepted(&event, Some(no)) {
        reply.decision_no = Some(decision.no);
        reply.decision = Some(decision);
        reply.claim = taken.claim.map(|claim| claim.no);
        reply.evidence = taken.evidence;
        reply.request = taken.request;
        reply.notice = notice;
        step.reply(Reply::Accepted(reply));
    }
    Ok(())
}

fn accepted(event: &Event, no: Option<EventNo>) -> Reply {
    Reply::Accepted(Box::new(Accepted {
        event_type: event.event_type(),
        event: no,
        decision: None,
        decision_no: None,
        claim: None,
        evidence: None,
        request: None,
        notice: None,
        duplicate: false,
    }))
}

/// The task that a report speaks about, if the reporter may speak about it.
fn task_of(step: &Step<'_>, event: &Event, origin: Origin) -> Result<Option<Task>, StepError> {
    let Some(id) = &event.task else { return Ok(None) };
    let Some(task) = step.view.task(id)? else {
        return match event.report {
            Report::TaskStarted(_) => Ok(None),
            _ => Err(Refusal::UnknownTask(id.clone()).into()),
        };
    };
    if let Some(owner) = &task.owner
        && origin == Origin::Agent
        && event.agent.as_ref() != Some(owner)
    {
        return Err(Refusal::NotOwner { task: id.clone(), owner: owner.to_string() }.into());
    }
    Ok(Some(task))
}

/// Evaluates, decides, and lets the decision take effect on the task.
fn decide_on(
    step: &mut Step<'_>,
    told: &Report,
    before: Option<&Task>,
    mut after: Option<&mut Task>,
    taken: &Taken,
) -> Result<candor_core::decision::Decision, StepError> {
    let current = after.as_deref_mut().map(|task| task.clone());
    let open = current.as_ref().and_then(|task| task.incident);
    let stored = match (&taken.incident, open) {
        (None, Some(no)) => step.view.incident(no)?,
        _ => None,
    };
    let incident = taken.incident.as_ref().or(stored.as_ref());
    let subject_task = before.or(current.as_ref());
    let about = Subject {
        task: subject_task,
        incident,
        claim: taken.claim.as_ref(),
        fresh: None,
        origin: taken.origin,
        report: told,
    };
    let facts = evaluate::facts(step, &about)?;
    let case = decide::Case {
        event: taken.no,
        report: told,
        task: subject_task,
        incident,
        claim: taken.claim.as_ref(),
        correlation: &taken.correlation,
        facts: &facts,
    };
    let decision = decide::decide(step, &case);
    if let (Report::TaskCompleted(_), Some(task)) = (told, after) {
        report::complete(step, task, &decision)?;
    }
    decide::tell(step, &case, &decision)?;
    Ok(decision)
}

/// Records and evaluates what Candor itself concluded. The task is written by the caller.
pub(crate) fn conclude(
    step: &mut Step<'_>,
    task: &mut Task,
    told: Report,
    incident: Option<Incident>,
) -> Result<(), StepError> {
    let no = step.plan.numbers.take_event();
    let correlation =
        incident.as_ref().map_or_else(|| task.correlation.clone(), |incident| incident.correlation.clone());
    let event = own_event(step, no, task, &correlation, &told);
    let body = json(&EventRecord { no, origin: Origin::Candor, event });
    step.record(ArtifactKind::Event, no, Some(&task.id), Some(&correlation), body);
    let about = Subject {
        task: Some(task),
        incident: incident.as_ref(),
        claim: None,
        fresh: None,
        origin: Origin::Candor,
        report: &told,
    };
    let facts = evaluate::facts(step, &about)?;
    let case = decide::Case {
        event: no,
        report: &told,
        task: Some(task),
        incident: incident.as_ref(),
        claim: None,
        correlation: &correlation,
        facts: &facts,
    };
    let decision = decide::decide(step, &case);
    decide::tell(step, &case, &decision)
}

/// A conclusion of Candor's own in the same canonical form as a report from outside.
fn own_event(
    step: &Step<'_>,
    no: EventNo,
    task: &Task,
    correlation: &CorrelationId,
    told: &Report,
) -> serde_json::Value {
    let data = match told {
        Report::TaskMissed(silence) | Report::TaskSlow(silence) | Report::TaskEscalated(silence) => json(silence),
        Report::TaskRecovered(recovered) => json(recovered),
        _ => serde_json::Value::Null,
    };
    serde_json::json!({
        "specversion": "1.0",
        "id": no,
        "source": format!("/candor/{}", step.settings().node),
        "type": format!("{}{}", candor_core::event::TYPE_PREFIX, told.event_type().as_str()),
        "subject": task.id,
        "time": step.now,
        "correlationid": correlation,
        "runtime": task.runtime,
        "data": data,
    })
}

/// Records what a collector found, and re-evaluates the claims that it speaks to.
pub(crate) fn collected(step: &mut Step<'_>, no: EvidenceNo, finding: Finding) -> Result<(), StepError> {
    let mut evidence = step.view.evidence(no)?.ok_or(Refusal::UnknownEvidence(no))?;
    evidence.strength = strength(finding.method, evidence.origin);
    evidence.finding = finding;
    let task = step.task(&evidence.task)?;
    let record = step.plan.numbers.take_record();
    step.record(
        ArtifactKind::Evidence,
        format!("{no}-r{record}"),
        Some(&task.id),
        Some(&task.correlation),
        json(&evidence),
    );
    step.write(Write::Evidence(Box::new(evidence.clone())));
    if evidence.finding.bearing == Bearing::Contradicts
        && let Some(claim) = contradicted(step, &evidence)?
    {
        let told = Report::EvidenceAdded(candor_core::event::EvidenceAdded {
            supports: evidence.supports.clone(),
            evidence: evidence.subject.clone(),
        });
        let about = Subject {
            task: Some(&task),
            incident: None,
            claim: Some(&claim),
            fresh: Some(&evidence),
            origin: evidence.origin,
            report: &told,
        };
        let facts = evaluate::facts(step, &about)?;
        let case = decide::Case {
            event: evidence.event,
            report: &told,
            task: Some(&task),
            incident: None,
            claim: Some(&claim),
            correlation: &task.correlation,
            facts: &facts,
        };
        let decision = decide::decide(step, &case);
        decide::tell(step, &case, &decision)?;
    }
    step.reply(Reply::Evidence(Box::new(evidence)));
    Ok(())
}

/// The latest claim on record that a contradicting record speaks to.
fn contradicted(step: &Step<'_>, evidence: &candor_core::evidence::Evidence) -> Result<Option<Claim>, StepError> {
    let claims = step.view.claims(&evidence.task)?;
    Ok(claims.into_iter().rev().find(|claim| evidence.supports.contains(&claim.kind)))
}

/// The number of the claim that a report makes, taken from the plan.
pub(super) fn claim_no(plan: &mut Plan) -> ClaimNo {
    plan.numbers.take_claim()
}
