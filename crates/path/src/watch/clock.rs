//! Clocks and owners: what must hold when time jumps, and when a process ends or comes back.

use std::time::Duration;

use candor_core::{ids::OwnerNo, time::Timestamp};

use crate::{
    input::InForce,
    machine::{Step, StepError},
    plan::{ArtifactKind, Reply, Write},
    view::{ClockReading, OwnerRow},
};

/// The wall clock may move this far against the steady one before it counts as a jump. Slewing moves both alike.
pub const JUMP_MIN: Duration = Duration::from_secs(2);

/// Owners that are kept after they ended, in number: enough to see when each role was last there.
pub const OWNERS_KEPT_MAX: u64 = 30;

/// Both clocks were read. The reading that every process compares with lies in the store, so that one jump is seen once, by whoever
/// looks first, and also when it happened while nothing ran.
pub(crate) fn clock_read(step: &mut Step<'_>, reading: ClockReading) -> Result<(), StepError> {
    let jumped = match step.view.clock()? {
        Some(before) if before.steady == reading.steady => reading.offset.saturating_sub(before.offset),
        // Another start of the machine: nothing to compare with, but a record that lies ahead shows that the clock went back.
        _ => {
            step.write(Write::Clock(reading.clone()));
            let ahead = step.view.last_at()?.filter(|last| *last > step.now);
            ahead.map_or(0, |last| step.now.as_micros().saturating_sub(last.as_micros()))
        }
    };
    if u128::from(jumped.unsigned_abs()) >= JUMP_MIN.as_micros() {
        step.write(Write::Clock(reading));
        jump(step, jumped);
    }
    Ok(())
}

/// Everything that waits or measures moves with the clock, so that nobody is late or early by the jump.
fn jump(step: &mut Step<'_>, micros: i64) {
    let record = step.plan.numbers.take_record();
    let body = serde_json::json!({ "gap": "clock_jumped", "microseconds": micros });
    step.record(ArtifactKind::Gap, format!("x-{record}"), None, None, body);
    step.write(Write::Shift { micros });
}

/// What is decided by from now on, on record before anything is decided by it.
pub(crate) fn in_force(step: &mut Step<'_>, of: InForce) -> Result<(), StepError> {
    if step.view.in_force()?.as_ref() == Some(&of.digest) {
        return Ok(());
    }
    let parts = [
        (ArtifactKind::Profile, "p", of.profile),
        (ArtifactKind::Capability, "k", of.capability),
        (ArtifactKind::Pack, "q", of.packs),
    ];
    let record = step.plan.numbers.take_record();
    for (kind, prefix, body) in parts {
        step.record(kind, format!("{prefix}-{record}"), None, None, body);
    }
    step.write(Write::InForce(of.digest));
    Ok(())
}

/// A process that leases work starts. Alone on the store, it proves that every other owner has ended.
pub(crate) fn owner_started(step: &mut Step<'_>, role: String, alone: bool, away_since: Option<Timestamp>) {
    let no = step.plan.numbers.take_owner();
    step.write(Write::Owner(OwnerRow { no, role, started_at: step.now, beat_at: step.now, ended: false }));
    if alone {
        step.write(Write::OthersEnded(no));
    }
    step.write(Write::ForgetOwners(OwnerNo(no.0.saturating_sub(OWNERS_KEPT_MAX))));
    if let Some(since) = away_since {
        let record = step.plan.numbers.take_record();
        let body = serde_json::json!({ "gap": "not_running", "since": since, "until": step.now });
        step.record(ArtifactKind::Gap, format!("x-{record}"), None, None, body);
        step.write(Write::Reprieve { until: step.now.after(step.settings().cadence.grace) });
    }
    step.reply(Reply::Owner(no));
}

/// Whether somebody watches: a process that lives, or one that comes by in passes.
pub(crate) fn is_watched(step: &Step<'_>) -> Result<bool, StepError> {
    let alive_since = step.now.before(step.settings().lease);
    let watches = |owner: &OwnerRow| OwnerRow::WATCHING.contains(&owner.role.as_str());
    let owners = step.view.owners()?;
    Ok(owners
        .iter()
        .filter(|owner| watches(owner))
        .any(|owner| owner.is_alive(alive_since) || owner.comes_by(step.now)))
}

/// An owner lives, or ends in order.
pub(crate) fn owner_beat(step: &mut Step<'_>, owner: OwnerNo, ended: bool) -> Result<(), StepError> {
    let row = super::owner_must_exist(step, owner)?;
    step.write(Write::Owner(OwnerRow { beat_at: step.now, ended, ..row }));
    Ok(())
}
