//! Dispatch: a delivery is handed over under a lease; and what becomes of a lease whose holder is gone.

use candor_core::{
    ids::{NoticeNo, OwnerNo, TargetName},
    notice::{Answer, Delivery, DeliveryState, Lease, Notice, Outcome, PendingReason},
    time::Timestamp,
};
use serde_json::json;

use crate::{
    bridge,
    machine::{Step, StepError},
    plan::ArtifactKind,
    receipt, watch,
};

/// Hands a due delivery over. With `open`, the same process is the bridge, and the attempt is opened in the same commit.
pub(crate) fn dispatch(
    step: &mut Step<'_>,
    no: NoticeNo,
    target: &TargetName,
    owner: OwnerNo,
    open: bool,
) -> Result<(), StepError> {
    let (Some(notice), Some(mut delivery)) = (step.view.notice(no)?, step.view.delivery(no, target)?) else {
        return Ok(());
    };
    let due = match delivery.state {
        DeliveryState::Prepared => true,
        DeliveryState::Queued { due_at } => due_at <= step.now,
        DeliveryState::Pending { next_at: Some(at), .. } => at <= step.now,
        _ => false,
    };
    if !due {
        watch::nothing(step);
        return Ok(());
    }
    if !step.settings().target(target).is_some_and(|target| target.available) {
        receipt::hold(step, &notice, delivery, PendingReason::NoSender);
        return Ok(());
    }
    if let Some(until) = step.view.parked_until(target)?
        && until > step.now
    {
        delivery.state = match delivery.state {
            DeliveryState::Pending { reason, .. } => DeliveryState::Pending { reason, next_at: Some(until) },
            _ => DeliveryState::Queued { due_at: until },
        };
        step.put_delivery(delivery);
        return Ok(());
    }
    let fence = step.plan.numbers.take_fence();
    let lease = Lease { owner, fence, taken_by: step.now.after(step.settings().handover) };
    spool(step, &notice, &delivery, lease, open);
    delivery.digest_of = None;
    if open {
        return bridge::open(step, notice, delivery, lease);
    }
    delivery.state = DeliveryState::Dispatched { lease };
    delivery.since = step.now;
    step.put_delivery(delivery);
    Ok(())
}

/// Records the hand-over: it proves dispatch, and nothing of delivery.
fn spool(step: &mut Step<'_>, notice: &Notice, delivery: &Delivery, lease: Lease, open: bool) {
    let body = json!({
        "notice": notice.no,
        "target": delivery.target,
        "lease": lease,
        "attempt": open.then_some(delivery.attempts.saturating_add(1)),
        "key": bridge::key(step, notice.no, &delivery.target),
    });
    step.record_for(ArtifactKind::Spool, format!("s-{}", lease.fence.0), notice, body);
}

/// Takes a delivery back: a hand-over that nobody took up in time is queued again (it outlives the process that handed over), and an
/// attempt whose process is gone has an unknown outcome.
pub(crate) fn rescue(
    step: &mut Step<'_>,
    no: NoticeNo,
    target: &TargetName,
    alive_since: Timestamp,
) -> Result<(), StepError> {
    let (Some(notice), Some(mut delivery)) = (step.view.notice(no)?, step.view.delivery(no, target)?) else {
        return Ok(());
    };
    let gone = |step: &Step<'_>, lease: &Lease| -> Result<bool, StepError> {
        Ok(step.view.owner(lease.owner)?.is_none_or(|owner| owner.ended || owner.beat_at < alive_since))
    };
    match delivery.state {
        DeliveryState::Dispatched { lease } if lease.taken_by <= step.now => {
            delivery.state = DeliveryState::Queued { due_at: step.now };
            delivery.since = step.now;
            receipt::without_attempt(step, &notice, &delivery, Some("nobody took the hand-over up in time".to_owned()));
            step.put_delivery(delivery);
        }
        DeliveryState::Sending { lease, opened_at, .. } if gone(step, &lease)? => {
            let why = "the process that sent it ended before the answer was recorded".to_owned();
            let answer = Answer {
                outcome: Outcome::Unknown { why },
                status: None,
                raw: None,
                simulated: false,
                called_at: opened_at,
                answered_at: step.now,
            };
            receipt::settle(step, &notice, delivery, lease.fence, &answer, None, receipt::Cause::OwnerGone)?;
        }
        _ => watch::nothing(step),
    }
    Ok(())
}
