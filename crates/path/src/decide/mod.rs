//! Decide: policy's verdict, what of it takes effect here, and what the operator must be told.

mod words;

use candor_core::{
    artifact::NoticeRecord,
    claim::Claim,
    decision::{Decision, Obligation},
    event::{EventType, Report},
    facts::Facts,
    ids::{CorrelationId, DecisionNo, EventNo, NoticeNo},
    notice::Notice,
    pack::Subject,
    task::{Incident, Task},
};

use crate::{
    machine::{Step, StepError, json},
    plan::{ArtifactKind, Plan, Write},
    queue, work,
};

/// What is decided about.
pub(crate) struct Case<'a> {
    pub(crate) event: EventNo,
    pub(crate) report: &'a Report,
    pub(crate) task: Option<&'a Task>,
    pub(crate) incident: Option<&'a Incident>,
    pub(crate) claim: Option<&'a Claim>,
    pub(crate) correlation: &'a CorrelationId,
    pub(crate) facts: &'a Facts,
}

/// Evaluates the rules and records what they ask for beside what takes effect.
pub(crate) fn decide(step: &mut Step<'_>, case: &Case<'_>) -> Decision {
    let about = Subject {
        no: step.plan.numbers.take_decision(),
        event: case.event,
        event_type: case.report.event_type().as_str().to_owned(),
        task: case.task.map(|task| task.id.clone()),
        claim: case.claim.map(|claim| claim.no),
        correlation: case.correlation.clone(),
        at: step.now,
    };
    let decision = step.machine.packs.decide(about, case.facts, step.settings().default_verdict);
    let task = case.task.map(|task| &task.id);
    step.record(ArtifactKind::Decision, decision.no, task, Some(case.correlation), json(&decision));
    decision
}

/// Tells the operator, if the decision obliges to it. Further reports of one incident at one level fold into its notice; what else is
/// reported while the incident is open is told by itself.
pub(crate) fn tell(step: &mut Step<'_>, case: &Case<'_>, decision: &Decision) -> Result<(), StepError> {
    if let Some(task) = case.task {
        work::decided(step, task, decision, case.facts.claim.contradicted)?;
    }
    let obliged = [Obligation::NotifyOperator, Obligation::Escalate].iter().any(|o| decision.obligations.contains(o));
    if !obliged {
        return Ok(());
    }
    let of_incident =
        matches!(case.report.event_type(), EventType::TaskMissed | EventType::TaskEscalated | EventType::TaskBlocked);
    let told = case.incident.filter(|_| of_incident);
    if let Some(no) = told.and_then(|incident| incident.notice)
        && let Some(mut notice) = step.view.notice(no)?
    {
        notice.folded = notice.folded.saturating_add(1);
        let revision = u64::from(notice.folded).saturating_add(1);
        let body = NoticeRecord::Folded { notice: no, folded: notice.folded, decision: decision.no };
        step.record_for(ArtifactKind::Queue, format!("{no}-r{revision}"), &notice, json(&body));
        step.write(Write::Notice(Box::new(notice)));
        return Ok(());
    }
    let no = step.plan.numbers.take_notice();
    let (title, text) = words::notice(case, decision);
    let notice = Notice {
        no,
        decision: Some(decision.no),
        incident: case.incident.map(|incident| incident.no),
        level: case.incident.map_or(1, |incident| incident.level.max(1)),
        task: case.task.map(|task| task.id.clone()),
        correlation: case.correlation.clone(),
        severity: decision.severity,
        title,
        text,
        at: step.now,
        folded: 0,
        failure_of: None,
    };
    if let Some(incident) = told {
        let mut incident = incident.clone();
        incident.notice = Some(no);
        incident.decision = incident.decision.or(Some(decision.no));
        step.write(Write::Incident(Box::new(incident)));
    }
    queue::enqueue(step, notice, None);
    Ok(())
}

/// The notice that a decision created, if it created one.
pub(crate) fn notice_of(plan: &Plan, decision: DecisionNo) -> Option<NoticeNo> {
    plan.writes.iter().find_map(|write| match write {
        Write::Notice(notice) if notice.decision == Some(decision) => Some(notice.no),
        _ => None,
    })
}
