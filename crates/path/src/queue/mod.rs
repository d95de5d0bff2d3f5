//! Queue: the notice waits for its time, one delivery per target.

use candor_core::{
    ids::TargetName,
    limits::TARGETS_MAX,
    notice::{Delivery, DeliveryState, Notice, PendingReason, StateName},
};
use serde_json::json;

use crate::{
    machine::{Step, StepError, json as to_json},
    plan::{ArtifactKind, Reply, Write},
    receipt,
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
    let body = json!({
        "notice": to_json(&notice),
        "targets": targets,
        "states": [StateName::Prepared.as_str(), StateName::Queued.as_str()],
    });
    step.record_for(ArtifactKind::Queue, notice.no, &notice, body);
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

/// Queues deliveries again that were held for a gate that is open now, or for a sender that is there now.
pub(crate) fn release_held(step: &mut Step<'_>) -> Result<(), StepError> {
    let mut released = 0;
    for reason in [PendingReason::GateClosed, PendingReason::NoSender] {
        for mut delivery in step.view.held(reason, RELEASE_MAX)? {
            let Some(target) = step.settings().target(&delivery.target) else { continue };
            let gate = target.gate.filter(|_| reason == PendingReason::GateClosed);
            let ready = match (reason, gate) {
                (PendingReason::NoSender, _) => target.available,
                (_, Some(gate)) => {
                    let openings = step.view.openings(gate)?;
                    openings.iter().any(|opening| opening.allows(gate, Some(&delivery.target), step.now))
                }
                (_, None) => true,
            };
            let Some(notice) = step.view.notice(delivery.notice)?.filter(|_| ready) else { continue };
            delivery.state = DeliveryState::Queued { due_at: step.now };
            delivery.since = step.now;
            let note = format!("no longer held for `{}`", reason.as_str());
            receipt::without_attempt(step, &notice, &delivery, Some(note));
            step.put_delivery(delivery);
            released += 1;
        }
    }
    step.reply(Reply::Moved(released));
    Ok(())
}
