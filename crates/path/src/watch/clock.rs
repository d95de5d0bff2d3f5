//! Clocks and owners: what must hold when time jumps, and when a process ends or comes back.

use candor_core::{ids::OwnerNo, time::Timestamp};

use crate::{
    machine::{Step, StepError},
    plan::{ArtifactKind, Reply, Write},
    view::OwnerRow,
};

/// The wall clock jumped. Everything that waits or measures moves with it, so that nobody is late or early by the jump.
pub(crate) fn clock_jumped(step: &mut Step<'_>, micros: i64) {
    let record = step.plan.numbers.take_record();
    let body = serde_json::json!({ "gap": "clock_jumped", "microseconds": micros });
    step.record(ArtifactKind::Gap, format!("x-{record}"), None, None, body);
    step.write(Write::Shift { micros });
}

/// A process that leases work starts. Alone on the store, it proves that every other owner has ended.
pub(crate) fn owner_started(step: &mut Step<'_>, role: String, alone: bool, away_since: Option<Timestamp>) {
    let no = step.plan.numbers.take_owner();
    step.write(Write::Owner(OwnerRow { no, role, started_at: step.now, beat_at: step.now, ended: false }));
    if alone {
        step.write(Write::OthersEnded(no));
    }
    if let Some(since) = away_since {
        let record = step.plan.numbers.take_record();
        let body = serde_json::json!({ "gap": "not_running", "since": since, "until": step.now });
        step.record(ArtifactKind::Gap, format!("x-{record}"), None, None, body);
        step.write(Write::Reprieve { until: step.now.after(step.settings().cadence.grace) });
    }
    step.reply(Reply::Owner(no));
}

/// An owner lives, or ends in order.
pub(crate) fn owner_beat(step: &mut Step<'_>, owner: OwnerNo, ended: bool) -> Result<(), StepError> {
    let row = super::owner_must_exist(step, owner)?;
    step.write(Write::Owner(OwnerRow { beat_at: step.now, ended, ..row }));
    Ok(())
}
