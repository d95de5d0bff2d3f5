//! What an operator does. Every act is recorded; none of them makes `acked`.

use super::{approval, record};
use crate::{
    input::Act,
    machine::{Step, StepError},
    plan::{Effect, Refusal, Reply, Write},
    queue, receipt, watch, work,
};
use candor_core::{
    decision::Severity,
    evidence::Origin,
    ids::{NoticeNo, TargetName},
    limits::LINE_BYTES_MAX,
    notice::{Delivery, DeliveryState, Notice, PendingReason},
    work::Wanted,
};

pub(crate) fn act(step: &mut Step<'_>, act: Act, origin: Origin) -> Result<(), StepError> {
    if origin != Origin::Operator {
        return Err(Refusal::OperatorOnly.into());
    }
    match act {
        Act::Retry { notice, target } => retry(step, notice, target.as_ref()),
        Act::Resolve { notice, target, note } => resolve(step, notice, target.as_ref(), &note),
        Act::Acknowledge { notice, by } => acknowledge(step, notice, by),
        Act::Test { target } => test(step, target.as_ref()),
        Act::Verify { evidence } => {
            let record = step.view.evidence(evidence)?.ok_or(Refusal::UnknownEvidence(evidence))?;
            if !record.subject.is_collectable() {
                return Err(Refusal::NotCollectable(evidence).into());
            }
            match work::writing_recipe(step, &record.subject) {
                Some(recipe) => work::want(step, Wanted::RunRecipe { evidence, recipe }),
                None => {
                    step.effect(Effect::Collect { evidence, subject: record.subject, supports: record.supports });
                    Ok(())
                }
            }
        }
        Act::RecordPackage { package, evidence } => approval::record_package(step, package, evidence),
        Act::Approve { signed } => approval::approve(step, signed),
        Act::Revoke { signed } => approval::revoke(step, &signed),
        Act::Keep { kind, key, body } => approval::keep(step, kind, key, body),
        Act::Want { wanted } => work::want(step, wanted),
        Act::Withdraw { work } => work::withdraw(step, work),
        Act::CloseItem { kind, key, note } => work::close_item(step, kind, &key, &note),
        Act::TakeUse { gates, scope, what } => approval::take_use(step, gates, scope, what),
        Act::CloseGate { gate, under } => approval::close_gate(step, gate, under),
        Act::Exported { bundle, about, records, tree_size } => {
            record::exported(step, &bundle, &about, records, tree_size)
        }
        Act::BundleRead { bundle, about, how } => record::read(step, &bundle, &about, &how),
        Act::Package { change, package, manifest_sha256, key, before } => {
            record::package(step, change, &package, &manifest_sha256, &key, before.as_deref())
        }
        Act::Deployed(deployed) => record::deployed(step, &deployed),
        Act::RotateKey { rotation } => record::rotate_key(step, &rotation),
        Act::TellHead { target, head } => record::tell_head(step, &target, &head),
        Act::Prune { work, grants, stretches, archive } => {
            record::prune(step, work, grants, stretches, archive.as_deref())
        }
    }
}

/// Whether a line that is shown to others reads, and holds nothing that is never displayed.
pub(crate) fn says(field: &'static str, text: &str) -> Result<(), Refusal> {
    line(field, text)?;
    match approval::disclosed(text) {
        Some(what) => Err(Refusal::Unwanted(format!("`{field}` holds what looks like {what}; say it in other words"))),
        None => Ok(()),
    }
}

pub(super) fn line(field: &'static str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() || text.len() > LINE_BYTES_MAX || text.contains(['\n', '\r', '\0']) {
        return Err(Refusal::Text { field, max: LINE_BYTES_MAX });
    }
    Ok(())
}

fn deliveries(
    step: &Step<'_>,
    notice: NoticeNo,
    target: Option<&TargetName>,
) -> Result<(Notice, Vec<Delivery>), StepError> {
    let about = step.view.notice(notice)?.ok_or(Refusal::UnknownNotice(notice))?;
    let mut all = step.view.deliveries(notice)?;
    if let Some(target) = target {
        all.retain(|delivery| &delivery.target == target);
        if all.is_empty() {
            return Err(Refusal::UnknownDelivery { notice, target: target.clone() }.into());
        }
    }
    Ok((about, all))
}

fn retry(step: &mut Step<'_>, no: NoticeNo, target: Option<&TargetName>) -> Result<(), StepError> {
    let (notice, all) = deliveries(step, no, target)?;
    if all.iter().all(|delivery| matches!(delivery.state, DeliveryState::Acked { .. })) {
        return Err(Refusal::AlreadyAcked(no).into());
    }
    let mut moved = 0;
    for mut delivery in all {
        match delivery.state {
            DeliveryState::Acked { .. } => continue,
            DeliveryState::Sending { .. } | DeliveryState::Dispatched { .. } => {
                return Err(Refusal::BeingSent(no).into());
            }
            _ => {}
        }
        delivery.tries = 0;
        delivery.state = DeliveryState::Queued { due_at: step.now };
        delivery.since = step.now;
        receipt::without_attempt(step, &notice, &delivery, Some("requeued by the operator".to_owned()));
        step.put_delivery(delivery);
        moved += 1;
    }
    step.reply(Reply::Moved(moved));
    Ok(())
}

fn resolve(step: &mut Step<'_>, no: NoticeNo, target: Option<&TargetName>, note: &str) -> Result<(), StepError> {
    line("note", note)?;
    let (notice, all) = deliveries(step, no, target)?;
    if all.iter().all(|delivery| matches!(delivery.state, DeliveryState::Acked { .. })) {
        return Err(Refusal::AlreadyAcked(no).into());
    }
    let mut moved = 0;
    for mut delivery in all {
        match delivery.state {
            DeliveryState::Acked { .. } => continue,
            DeliveryState::Sending { .. } => return Err(Refusal::BeingSent(no).into()),
            _ => {}
        }
        delivery.state = DeliveryState::Pending { reason: PendingReason::ResolvedByOperator, next_at: None };
        delivery.since = step.now;
        receipt::without_attempt(step, &notice, &delivery, Some(note.to_owned()));
        step.put_delivery(delivery);
        moved += 1;
    }
    step.reply(Reply::Moved(moved));
    Ok(())
}

fn acknowledge(step: &mut Step<'_>, no: NoticeNo, by: String) -> Result<(), StepError> {
    line("by", &by)?;
    let notice = step.view.notice(no)?.ok_or(Refusal::UnknownNotice(no))?;
    let incident = notice.incident.map(|no| step.view.incident(no)).transpose()?.flatten();
    let Some(mut incident) = incident.filter(|incident| incident.resolved_at.is_none()) else {
        return Err(Refusal::NoIncident(no).into());
    };
    if incident.acknowledged_by.is_none() {
        incident.acknowledged_by = Some(by);
        incident.acknowledged_at = Some(step.now);
        incident.escalate_at = None;
        watch::record_incident(step, &incident);
        step.write(Write::Incident(Box::new(incident.clone())));
        let task = step.task(&incident.task)?;
        watch::rearm(step, task)?;
    }
    step.reply(Reply::Incident(Box::new(incident)));
    Ok(())
}

fn test(step: &mut Step<'_>, target: Option<&TargetName>) -> Result<(), StepError> {
    let text = "An operator asked for this test. It took the same queue, sender and gate as any other notice.";
    tell(step, target, |no| format!("Test notice {no}"), text)
}

/// A notice of the operator's own, about no task: through the queue, the gate and the sender, with a receipt.
pub(super) fn tell(
    step: &mut Step<'_>,
    target: Option<&TargetName>,
    title: impl FnOnce(NoticeNo) -> String,
    text: &str,
) -> Result<(), StepError> {
    if let Some(target) = target.filter(|target| step.settings().target(target).is_none()) {
        return Err(Refusal::UnknownTarget(target.clone()).into());
    }
    let no = step.plan.numbers.take_notice();
    let notice = Notice {
        no,
        decision: None,
        incident: None,
        level: 1,
        task: None,
        correlation: no.to_string().parse().map_err(|_| Refusal::UnknownNotice(no))?,
        severity: Severity::Info,
        title: title(no),
        text: text.to_owned(),
        at: step.now,
        folded: 0,
        failure_of: None,
    };
    queue::enqueue(step, notice, target);
    step.reply(Reply::Notice(no));
    Ok(())
}

/// Tells the operator, by the target that is named for that, what became of a notice on its own channel.
pub(crate) fn failure_receipt(step: &mut Step<'_>, of: &Notice, by: &TargetName, title: String, text: String) {
    let no = step.plan.numbers.take_notice();
    let notice = Notice {
        no,
        decision: None,
        incident: of.incident,
        level: of.level,
        task: of.task.clone(),
        correlation: of.correlation.clone(),
        severity: of.severity.max(Severity::Warning),
        title: title.chars().take(LINE_BYTES_MAX / 4).collect(),
        text,
        at: step.now,
        folded: 0,
        failure_of: Some(of.no),
    };
    queue::enqueue(step, notice, Some(by));
}
