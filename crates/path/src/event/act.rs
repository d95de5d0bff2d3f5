//! What an operator does. Every act is recorded; none of them makes `acked`.

use std::time::Duration;

use candor_core::{
    decision::Severity,
    evidence::Origin,
    gate::{Gate, Opening},
    ids::{NoticeNo, TargetName},
    limits::{GATE_OPEN_MAX, LINE_BYTES_MAX},
    notice::{Delivery, DeliveryState, Notice, PendingReason},
    time::format_duration,
};
use serde_json::json;

use super::record;
use crate::{
    input::Act,
    machine::{Step, StepError, json},
    plan::{ArtifactKind, Effect, Refusal, Reply, Write},
    queue, receipt, watch,
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
            step.effect(Effect::Collect { evidence, subject: record.subject, supports: record.supports });
            Ok(())
        }
        Act::OpenGate { gate, target, reason, lasts } => open_gate(step, gate, target, reason, lasts),
        Act::CloseGate { gate } => close_gate(step, gate),
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
        Act::Prune { stretches, archive } => record::prune(step, stretches, archive.as_deref()),
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
    };
    queue::enqueue(step, notice, target);
    step.reply(Reply::Notice(no));
    Ok(())
}

fn open_gate(
    step: &mut Step<'_>,
    gate: Gate,
    target: Option<TargetName>,
    reason: String,
    lasts: Duration,
) -> Result<(), StepError> {
    line("reason", &reason)?;
    if lasts > GATE_OPEN_MAX || lasts.is_zero() {
        return Err(Refusal::OpenTooLong { max: format_duration(GATE_OPEN_MAX) }.into());
    }
    if let Some(target) = &target
        && step.settings().target(target).is_none()
        && !step.settings().places.contains(target)
    {
        return Err(Refusal::UnknownTarget(target.clone()).into());
    }
    let no = step.plan.numbers.take_opening();
    let expires_at = step.now.after(lasts);
    let opening = Opening { no, gate, target, reason, opened_at: step.now, expires_at, closed_at: None };
    step.record(ArtifactKind::Gate, no, None, None, json(&opening));
    step.write(Write::Opening(Box::new(opening.clone())));
    step.reply(Reply::Opening(Box::new(opening)));
    Ok(())
}

fn close_gate(step: &mut Step<'_>, gate: Gate) -> Result<(), StepError> {
    let now = step.now;
    let mut last = None;
    for mut opening in step.view.openings(gate)? {
        if opening.closed_at.is_some() || opening.expires_at <= now {
            continue;
        }
        opening.closed_at = Some(now);
        let body = json!({ "closed": opening });
        step.record(ArtifactKind::Gate, format!("{}-r2", opening.no), None, None, body);
        step.write(Write::Opening(Box::new(opening.clone())));
        last = Some(opening);
    }
    match last {
        Some(opening) => step.reply(Reply::Opening(Box::new(opening))),
        None => return Err(Refusal::GateNotOpen(gate.as_str().to_owned()).into()),
    }
    Ok(())
}
