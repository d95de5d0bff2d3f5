//! Receipt: what the provider answered becomes a state and a record. `acked` is made here and nowhere else, from the
//! destination's own proof.

mod question;

use std::time::Duration;

pub use self::question::{Covered, question, sent_as};
use crate::{
    bridge,
    gate::Closed,
    input::Answered,
    machine::{Step, StepError, json},
    plan::{ArtifactKind, Write},
    work,
};
use backon::{BackoffBuilder, ExponentialBuilder};
use candor_core::{
    artifact::{LateAnswer, LateReceipt, ReceiptRecord},
    gate::Gate,
    ids::{Fence, NoticeNo, TargetName},
    notice::{Answer, BlockReason, Delivery, DeliveryState, Notice, Outcome, PendingReason, Proof, Receipt},
    settings::{OnUnknown, Target},
    time::Timestamp,
};

/// Books an answer on the attempt that it belongs to, and on every notice that the same message covered.
pub(crate) fn answered(
    step: &mut Step<'_>,
    no: NoticeNo,
    target: &TargetName,
    fence: Fence,
    answer: Answer,
    payload_sha256: Option<String>,
) -> Result<(), StepError> {
    let (Some(notice), Some(delivery)) = (step.view.notice(no)?, step.view.delivery(no, target)?) else {
        return Ok(());
    };
    let holds = matches!(&delivery.state, DeliveryState::Sending { lease, .. } if lease.fence == fence);
    if !holds {
        late(step, &notice, &delivery, fence, &answer);
        return Ok(());
    }
    for member in step.view.covered_by(no, target)? {
        let same = matches!(&member.state, DeliveryState::Sending { lease, .. } if lease.fence == fence);
        if let (true, Some(notice)) = (same, step.view.notice(member.notice)?) {
            settle(step, &notice, member, fence, &answer, payload_sha256.clone(), Cause::Answer)?;
        }
    }
    settle(step, &notice, delivery, fence, &answer, payload_sha256, Cause::Answer)
}

/// An answer under an older lease is kept for the record and changes nothing.
fn late(step: &mut Step<'_>, notice: &Notice, delivery: &Delivery, fence: Fence, answer: &Answer) {
    let record = step.plan.numbers.take_receipt();
    let late = LateAnswer { notice: notice.no, target: delivery.target.clone(), fence, answer: answer.clone() };
    let body = ReceiptRecord::Late(Box::new(LateReceipt { late, state: delivery.state.name() }));
    step.record_for(ArtifactKind::Receipt, record, notice, json(&body));
}

/// Why an attempt is being settled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its sender answered, or gave up on an answer.
    Answer,
    /// Its process ended: the channel is not to blame, so a repeat that is safe needs no wait.
    OwnerGone,
}

/// What an outcome makes of a delivery.
struct Verdict {
    state: DeliveryState,
    proof: Option<Proof>,
    /// Whether the attempt counts against the limit.
    counts: bool,
    park: Option<Timestamp>,
}

/// Moves a delivery on by an attempt's answer, and writes the receipt.
pub(crate) fn settle(
    step: &mut Step<'_>,
    notice: &Notice,
    mut delivery: Delivery,
    fence: Fence,
    answer: &Answer,
    payload_sha256: Option<String>,
    cause: Cause,
) -> Result<(), StepError> {
    let (opened_at, opening) = match delivery.state {
        DeliveryState::Sending { opened_at, opening, .. } => (Some(opened_at), opening),
        _ => (None, None),
    };
    let target = step.settings().target(&delivery.target).cloned();
    let repeated = delivery.maybe_repeat;
    delivery.maybe_repeat |= matches!(answer.outcome, Outcome::Unknown { .. });
    let verdict = verdict(step.now, target.as_ref(), &delivery, answer, cause);
    // What a relay took, or what was proved below the level asked for, may be there: whoever sends it again repeats it.
    delivery.maybe_repeat |= !answer.simulated
        && matches!(answer.outcome, Outcome::Relayed { .. } | Outcome::Proved { .. })
        && !matches!(verdict.state, DeliveryState::Acked { .. });
    if !verdict.counts {
        delivery.tries = delivery.tries.saturating_sub(1);
    }
    if let Some(until) = verdict.park {
        // A floor that was asked for before stands, though a later answer asks for less.
        let until = step.view.parked_until(&delivery.target)?.map_or(until, |before| before.max(until));
        step.write(Write::Parked { target: delivery.target.clone(), until: Some(until) });
    }
    let covered_by = delivery.digest_of;
    delivery.state = verdict.state;
    delivery.since = step.now;
    let receipt = Receipt {
        fence,
        key: bridge::key(step, covered_by.unwrap_or(notice.no), &delivery.target),
        payload_sha256,
        gate: opening.and(target.as_ref().and_then(|target| target.gate)),
        answer: Some(answer.clone()),
        proof: verdict.proof,
        simulated: answer.simulated,
        maybe_repeat: repeated,
        covered_by,
        opened_at,
        opening,
        ..blank(step, notice, &delivery)
    };
    write(step, notice, receipt);
    if !answer.simulated {
        work::failed(step, notice, &delivery.target, &delivery.state)?;
    }
    step.put_delivery(delivery);
    Ok(())
}

/// Whether a channel may be asked what became of it.
pub(crate) fn can_be_read_back(state: &DeliveryState) -> bool {
    let doubt = [PendingReason::OutcomeUnknown, PendingReason::AcceptedByRelay];
    matches!(state, DeliveryState::Pending { reason, .. } if doubt.contains(reason))
}

/// Moves a delivery on by what its channel says when it is asked, and by nothing else; what came of it, in words.
pub(crate) fn read_back(
    step: &mut Step<'_>,
    no: NoticeNo,
    target: &TargetName,
    answered: &Answered,
) -> Result<String, StepError> {
    let (Some(notice), Some(mut delivery)) = (step.view.notice(no)?, step.view.delivery(no, target)?) else {
        return Ok("the notice is gone".to_owned());
    };
    if !can_be_read_back(&delivery.state) {
        return Ok(format!("it stands at `{}` meanwhile, and stays there", delivery.state.name().as_str()));
    }
    let needs = step.settings().target(target).map(|target| target.needs);
    let (note, found) = match answered {
        Answered::Found { proof, .. } => {
            let enough = needs.is_some_and(|needs| proof.level >= needs);
            delivery.state = if enough {
                DeliveryState::Acked { proof: proof.clone() }
            } else {
                DeliveryState::Pending { reason: PendingReason::AcceptedByRelay, next_at: None }
            };
            ("read back: it is there".to_owned(), Some(proof.clone()))
        }
        // It is proved not to be there, so sending it again repeats nothing.
        Answered::Absent { why } => {
            delivery.state = DeliveryState::Queued { due_at: step.now };
            delivery.maybe_repeat = false;
            (format!("read back: it isn't there ({why})"), None)
        }
        Answered::Unknown { why } => return Ok(format!("still unknown: {why}")),
    };
    delivery.since = step.now;
    let receipt = Receipt {
        gate: Some(Gate::CanonicalRuntimeReadback),
        proof: found,
        note: Some(note.clone()),
        // Of one attempt there is no repeat, whatever became of it.
        maybe_repeat: delivery.maybe_repeat && delivery.attempts > 1,
        ..blank(step, &notice, &delivery)
    };
    write(step, &notice, receipt);
    let outcome = format!("{note}; now `{}`", delivery.state.name().as_str());
    step.put_delivery(delivery);
    Ok(outcome)
}

fn verdict(now: Timestamp, target: Option<&Target>, delivery: &Delivery, answer: &Answer, cause: Cause) -> Verdict {
    let plain = |state| Verdict { state, proof: None, counts: true, park: None };
    let pending = |reason, next_at| DeliveryState::Pending { reason, next_at };
    let Some(target) = target else { return without_target(answer) };
    let spent = delivery.tries >= target.retry.attempts_max;
    let next = |floor_ms: Option<u64>| now.after(wait(target, delivery, floor_ms));
    match &answer.outcome {
        // A stand-in's proof proves nothing, whatever it says.
        Outcome::Proved { .. } | Outcome::Relayed { .. } if answer.simulated => {
            plain(pending(PendingReason::DryRun, None))
        }
        Outcome::Simulated => plain(pending(PendingReason::DryRun, None)),
        Outcome::Proved { proof } => {
            let state = if proof.level >= target.needs {
                DeliveryState::Acked { proof: proof.clone() }
            } else {
                pending(PendingReason::AcceptedByRelay, None)
            };
            Verdict { proof: Some(proof.clone()), ..plain(state) }
        }
        Outcome::Relayed { .. } => plain(pending(PendingReason::AcceptedByRelay, None)),
        // If an earlier attempt may have arrived, running out of attempts doesn't make it surely undelivered.
        Outcome::Failed { .. } if spent && delivery.maybe_repeat => plain(pending(PendingReason::OutcomeUnknown, None)),
        Outcome::Failed { .. } if spent => plain(DeliveryState::Blocked { reason: BlockReason::AttemptsExhausted }),
        Outcome::Failed { retry_after_ms, .. } => {
            plain(pending(PendingReason::RetryScheduled, Some(next(*retry_after_ms))))
        }
        Outcome::RateLimited { retry_after_ms } => {
            let at = next(*retry_after_ms);
            Verdict { counts: false, park: Some(at), ..plain(pending(PendingReason::RetryScheduled, Some(at))) }
        }
        Outcome::Refused { .. } if delivery.maybe_repeat => plain(pending(PendingReason::OutcomeUnknown, None)),
        Outcome::Refused { reason, .. } => plain(DeliveryState::Blocked { reason: *reason }),
        Outcome::Unknown { .. } => {
            let again = !spent && (target.idempotent || target.on_unknown == OnUnknown::ResendPossibleDuplicate);
            plain(pending(
                PendingReason::OutcomeUnknown,
                again.then(|| if cause == Cause::OwnerGone { now } else { next(None) }),
            ))
        }
        Outcome::GateClosed { .. } => Verdict { counts: false, ..plain(pending(PendingReason::GateClosed, None)) },
    }
}

/// The target left the configuration while the attempt was open. What surely had no effect waits for it to come back; what may have
/// arrived isn't sent again by that alone, and its proof is kept.
fn without_target(answer: &Answer) -> Verdict {
    let (reason, proof) = match &answer.outcome {
        Outcome::Simulated => (PendingReason::DryRun, None),
        Outcome::Proved { .. } | Outcome::Relayed { .. } if answer.simulated => (PendingReason::DryRun, None),
        Outcome::Proved { proof } => (PendingReason::AcceptedByRelay, Some(proof.clone())),
        Outcome::Relayed { .. } => (PendingReason::AcceptedByRelay, None),
        Outcome::Unknown { .. } => (PendingReason::OutcomeUnknown, None),
        _ => (PendingReason::NoSender, None),
    };
    Verdict { state: DeliveryState::Pending { reason, next_at: None }, proof, counts: true, park: None }
}

/// How long to wait before the next try: doubling with jitter up to the target's longest, and never less than the channel asks.
fn wait(target: &Target, delivery: &Delivery, floor_ms: Option<u64>) -> Duration {
    let seed = delivery.notice.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(delivery.attempts);
    let tries = usize::try_from(delivery.tries.saturating_sub(1)).unwrap_or(usize::MAX).min(64);
    let own = ExponentialBuilder::new()
        .with_factor(2.0)
        .with_min_delay(target.retry.first)
        .with_max_delay(target.retry.longest)
        .with_max_times(tries.saturating_add(1))
        .with_jitter()
        .with_jitter_seed(seed)
        .build()
        .nth(tries)
        .unwrap_or(target.retry.longest);
    own.max(Duration::from_millis(floor_ms.unwrap_or(0)))
}

/// Holds a delivery that can't be attempted now, and says why.
pub(crate) fn hold(step: &mut Step<'_>, notice: &Notice, mut delivery: Delivery, reason: PendingReason) {
    delivery.state = DeliveryState::Pending { reason, next_at: None };
    delivery.since = step.now;
    without_attempt(step, notice, &delivery, None);
    step.put_delivery(delivery);
}

/// Holds a delivery for a gate that is closed, and names it.
pub(crate) fn hold_for_gate(step: &mut Step<'_>, notice: &Notice, mut delivery: Delivery, closed: &Closed) {
    delivery.state = DeliveryState::Pending { reason: PendingReason::GateClosed, next_at: None };
    delivery.since = step.now;
    without_attempt(step, notice, &delivery, Some(closed.says()));
    step.put_delivery(delivery);
}

/// A receipt for a change that no attempt made: a hold, a requeue, a resolution.
pub(crate) fn without_attempt(step: &mut Step<'_>, notice: &Notice, delivery: &Delivery, note: Option<String>) {
    let receipt = Receipt { note, ..blank(step, notice, delivery) };
    write(step, notice, receipt);
}

fn blank(step: &mut Step<'_>, notice: &Notice, delivery: &Delivery) -> Receipt {
    Receipt {
        no: step.plan.numbers.take_receipt(),
        notice: notice.no,
        target: delivery.target.clone(),
        sender: step
            .settings()
            .target(&delivery.target)
            .map_or_else(|| "none".to_owned(), |target| target.sender.clone()),
        attempt: delivery.attempts,
        fence: Fence(0),
        key: bridge::key(step, notice.no, &delivery.target),
        payload_sha256: None,
        gate: None,
        opening: None,
        answer: None,
        state: delivery.state.name(),
        reason: delivery.state.reason().map(str::to_owned),
        proof: None,
        simulated: false,
        maybe_repeat: delivery.maybe_repeat,
        covered_by: None,
        note: None,
        opened_at: None,
        at: step.now,
    }
}

fn write(step: &mut Step<'_>, notice: &Notice, receipt: Receipt) {
    step.record_for(ArtifactKind::Receipt, receipt.no, notice, json(&receipt));
}
