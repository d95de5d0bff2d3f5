//! Queue: the notice waits for its time, one delivery per target.

use crate::{
    gate,
    machine::{Step, StepError, json},
    plan::{ArtifactKind, Reply, Write},
    receipt,
};
use candor_core::{
    artifact::NoticeRecord,
    gate::{Opening, Scope},
    ids::TargetName,
    limits::TARGETS_MAX,
    notice::{Delivery, DeliveryState, Notice, PendingReason, StateName},
    settings::Target,
};

/// Most held deliveries that one step releases.
const RELEASE_MAX: usize = 200;

/// Puts a prepared notice into the queue for every target that takes it, or for `only` one.
pub(crate) fn enqueue(step: &mut Step<'_>, notice: Notice, only: Option<&TargetName>) {
    let targets: Vec<TargetName> = step
        .settings()
        .targets
        .iter()
        .filter(|target| match only {
            Some(only) => &target.name == only,
            None => {
                notice.decision.is_none()
                    || (target.from_level <= notice.level && target.from_severity <= notice.severity)
            }
        })
        .take(TARGETS_MAX)
        .map(|target| target.name.clone())
        .collect();
    let states = vec![StateName::Prepared, StateName::Queued];
    let body = NoticeRecord::Queued { notice: Box::new(notice.clone()), targets: targets.clone(), states };
    step.record_for(ArtifactKind::Queue, notice.no, &notice, json(&body));
    let no = notice.no;
    step.write(Write::Notice(Box::new(notice)));
    for target in targets {
        step.put_delivery(Delivery {
            notice: no,
            target,
            state: DeliveryState::Queued { due_at: step.now },
            attempts: 0,
            tries: 0,
            maybe_repeat: false,
            digest_of: None,
            since: step.now,
        });
    }
}

/// Queues deliveries again that were held for a gate that is open now, or for a sender that is there now. Target by target, so
/// that what waits for one that stays shut never stands before what another could take.
pub(crate) fn release_held(step: &mut Step<'_>) -> Result<(), StepError> {
    let mut released = 0;
    for target in step.settings().targets.clone() {
        for reason in [PendingReason::GateClosed, PendingReason::NoSender] {
            let room = RELEASE_MAX.saturating_sub(released).min(room(step, &target, reason)?);
            if room == 0 {
                continue;
            }
            for delivery in step.view.held(reason, &target.name, room)? {
                released += usize::from(release(step, delivery, reason)?);
            }
        }
    }
    step.reply(Reply::Moved(u64::try_from(released).unwrap_or(u64::MAX)));
    Ok(())
}

/// How many of what a target holds for a reason could go on now: no more than its gate has uses left, so that what would only be held
/// again stays where it is.
fn room(step: &Step<'_>, target: &Target, reason: PendingReason) -> Result<usize, StepError> {
    let (PendingReason::GateClosed, Some(gate)) = (reason, target.gate) else {
        return Ok(if reason == PendingReason::GateClosed || target.available { usize::MAX } else { 0 });
    };
    let mine = |opening: &Opening| opening.scope.channel.as_ref().is_none_or(|only| only == &target.name);
    let mut left: u64 = 0;
    for opening in step.view.openings(gate)? {
        if opening.is_open(step.now) && mine(&opening) && gate::why_void(step, &opening)?.is_none() {
            left = left.saturating_add(opening.max_uses.saturating_sub(opening.used));
        }
    }
    Ok(usize::try_from(left).unwrap_or(usize::MAX))
}

fn release(step: &mut Step<'_>, mut delivery: Delivery, reason: PendingReason) -> Result<bool, StepError> {
    let Some(notice) = step.view.notice(delivery.notice)? else { return Ok(false) };
    if reason == PendingReason::GateClosed {
        let gates = step.settings().target(&delivery.target).map(|target| gate::of_notice(target, &notice));
        let scope = Scope::channel(&delivery.target);
        if !gate::would_pass(step, gates.unwrap_or_default(), &scope, notice.task.as_ref())? {
            return Ok(false);
        }
    }
    delivery.state = DeliveryState::Queued { due_at: step.now };
    delivery.since = step.now;
    let note = format!("no longer held for `{}`", reason.as_str());
    receipt::without_attempt(step, &notice, &delivery, Some(note));
    step.put_delivery(delivery);
    Ok(true)
}
