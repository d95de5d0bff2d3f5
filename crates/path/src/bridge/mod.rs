//! Bridge: an attempt is opened. Only after the commit that opens it may the provider be called.

use candor_core::{
    decision::Severity,
    gate::{Grant, Scope},
    ids::{Fence, NoticeNo, OpeningNo, OwnerNo, TargetName},
    limits::{DIGEST_MEMBERS_MAX, TEXT_BYTES_MAX},
    notice::{Delivery, DeliveryState, Lease, Message, Notice, PendingReason},
    settings::Target,
};
use serde_json::json;

use crate::{
    gate::{self, Passing},
    machine::{Step, StepError},
    plan::{ArtifactKind, Effect, Sending, Write},
    receipt, watch,
};

/// The idempotency key: one per node, notice and target, the same for every attempt.
pub(crate) fn key(step: &Step<'_>, notice: NoticeNo, target: &TargetName) -> String {
    key_of(&step.settings().node, notice, target)
}

/// The idempotency key of a notice toward a target, on the node of that id.
#[must_use]
pub fn key_of(node: &str, notice: NoticeNo, target: &TargetName) -> String {
    format!("candor-{node}-{notice}-{target}")
}

/// Takes up a hand-over of another process.
pub(crate) fn take_up(step: &mut Step<'_>, no: NoticeNo, target: &TargetName, owner: OwnerNo) -> Result<(), StepError> {
    let (Some(notice), Some(mut delivery)) = (step.view.notice(no)?, step.view.delivery(no, target)?) else {
        return Ok(());
    };
    let DeliveryState::Dispatched { .. } = delivery.state else {
        watch::nothing(step);
        return Ok(());
    };
    // The channel may have asked for a pause since the hand-over.
    if let Some(until) = step.view.parked_until(target)?.filter(|until| *until > step.now) {
        delivery.state = DeliveryState::Queued { due_at: until };
        delivery.since = step.now;
        receipt::without_attempt(step, &notice, &delivery, Some("the channel asked for a pause".to_owned()));
        step.put_delivery(delivery);
        return Ok(());
    }
    let fence = step.plan.numbers.take_fence();
    let lease = Lease { owner, fence, taken_by: step.now.after(step.settings().handover) };
    let body = json!({
        "notice": no,
        "target": target,
        "lease": lease,
        "attempt": delivery.attempts.saturating_add(1),
        "key": key(step, no, target),
    });
    step.record_for(ArtifactKind::Attempt, format!("a-{}", fence.0), &notice, body);
    open(step, notice, delivery, lease)
}

/// Opens an attempt, if its gate is open; otherwise the delivery is held, and says so.
pub(crate) fn open(step: &mut Step<'_>, notice: Notice, delivery: Delivery, lease: Lease) -> Result<(), StepError> {
    let Some(target) = step.settings().target(&delivery.target).cloned() else {
        receipt::hold(step, &notice, delivery, PendingReason::NoSender);
        return Ok(());
    };
    let passing = Passing {
        scope: Scope::channel(&target.name),
        task: notice.task.as_ref(),
        what: format!("send {} to `{}`, attempt {}", notice.no, target.name, delivery.attempts.saturating_add(1)),
        of: format!("a-{}", lease.fence.0),
    };
    let grants = match gate::pass(step, gate::of_notice(&target, &notice), &passing)? {
        Ok(grants) => grants,
        Err(closed) => {
            receipt::hold_for_gate(step, &notice, delivery, &closed);
            return Ok(());
        }
    };
    let members = members(step, &notice, &delivery, &target)?;
    if step.view.parked_until(&target.name)?.is_some() {
        step.write(Write::Parked { target: target.name.clone(), until: None });
    }
    send(step, notice, delivery, lease, &target, grants, members);
    Ok(())
}

/// What waits for a target that was parked: told in one digest, but for what is critical. A possible repeat leads no digest: a
/// receiver that knows its key again drops it whole, and the members with it.
fn members(
    step: &Step<'_>,
    lead: &Notice,
    led: &Delivery,
    target: &Target,
) -> Result<Vec<(Notice, Delivery)>, StepError> {
    if step.view.parked_until(&target.name)?.is_none() || lead.severity == Severity::Critical || led.maybe_repeat {
        return Ok(Vec::new());
    }
    let mut members = Vec::new();
    for delivery in step.view.due_for(&target.name, step.now, DIGEST_MEMBERS_MAX)? {
        let waits = matches!(delivery.state, DeliveryState::Queued { .. } | DeliveryState::Pending { .. });
        if delivery.notice == lead.no || !waits || delivery.maybe_repeat {
            continue;
        }
        if let Some(notice) = step.view.notice(delivery.notice)?
            && notice.severity != Severity::Critical
        {
            members.push((notice, delivery));
        }
    }
    Ok(members)
}

fn send(
    step: &mut Step<'_>,
    notice: Notice,
    mut delivery: Delivery,
    lease: Lease,
    target: &Target,
    grants: Vec<Grant>,
    members: Vec<(Notice, Delivery)>,
) {
    let passed = grants.iter().find(|grant| Some(grant.opening.gate) == target.gate).map(|grant| grant.opening.no);
    begin(step, &mut delivery, lease, passed);
    let message = message(&notice, &delivery, &members, lease.fence, key(step, notice.no, &target.name));
    step.put_delivery(delivery);
    for (_, mut member) in members {
        begin(step, &mut member, lease, passed);
        member.digest_of = Some(notice.no);
        step.put_delivery(member);
    }
    step.effect(Effect::Send(Box::new(Sending { message, gate: target.gate, grants })));
}

/// The message by which an attempt tells a notice, and the further ones that it covers.
#[must_use]
pub fn message(
    notice: &Notice,
    delivery: &Delivery,
    members: &[(Notice, Delivery)],
    fence: Fence,
    key: String,
) -> Message {
    Message {
        notice: notice.no,
        target: delivery.target.clone(),
        attempt: delivery.attempts,
        fence,
        key,
        failure_of: notice.failure_of,
        severity: notice.severity,
        title: title(notice, delivery, members.len()),
        text: text(notice, members),
        task: notice.task.clone(),
        correlation: notice.correlation.clone(),
        at: notice.at,
        covers: members.iter().map(|(member, _)| member.no).collect(),
        maybe_repeat: delivery.maybe_repeat,
    }
}

fn begin(step: &Step<'_>, delivery: &mut Delivery, lease: Lease, opening: Option<OpeningNo>) {
    delivery.attempts = delivery.attempts.saturating_add(1);
    delivery.tries = delivery.tries.saturating_add(1);
    delivery.state = DeliveryState::Sending { lease, opened_at: step.now, opening };
    delivery.since = step.now;
}

/// The title says so when the message may repeat an earlier one: a reader must not count one event twice.
fn title(notice: &Notice, delivery: &Delivery, members: usize) -> String {
    let mut title = notice.title.clone();
    if members > 0 {
        title = format!("{title} (and {members} more)");
    }
    if delivery.maybe_repeat {
        title = format!("[possible repeat of {}] {title}", notice.no);
    }
    title
}

fn text(notice: &Notice, members: &[(Notice, Delivery)]) -> String {
    let mut text = notice.text.clone();
    if !members.is_empty() {
        text.push_str("\n\nAlso waiting while this channel asked for a pause:");
    }
    for (member, _) in members {
        let line = format!("\n- {}: {}", member.no, member.title);
        if text.len() + line.len() > TEXT_BYTES_MAX {
            text.push_str("\n- …");
            break;
        }
        text.push_str(&line);
    }
    text
}
