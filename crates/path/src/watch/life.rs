//! Signs of life, and when to look for them next.

use candor_core::{
    task::{Incident, IncidentKind, Reading, Signal, Task, TaskState, WatchedSignal},
    time::Timestamp,
};

/// Whether a reading shows life, and since when, with words on what was looked at. Life that can't be dated counts as now: the
/// doubt goes to the agent, since a false alarm costs trust and the next look comes soon.
#[must_use]
pub fn sign_of_life(watched: &WatchedSignal, reading: Reading, now: Timestamp) -> (Option<Timestamp>, String) {
    let before = watched.last;
    match &watched.signal {
        Signal::File { path } => {
            if !reading.exists {
                return (None, format!("file `{path}` isn't there"));
            }
            let grew =
                before.is_some_and(|before| reading.amount != before.amount || reading.changed_at > before.changed_at);
            let at = reading.changed_at.map(|at| at.min(now)).or(grew.then_some(now));
            let words = match at {
                Some(at) => format!("file `{path}` last changed at {at}"),
                None => format!("file `{path}` didn't change"),
            };
            (at, words)
        }
        Signal::Process { pid, .. } => match (reading.exists, before) {
            (false, _) => (None, format!("process {pid} is gone")),
            // The first reading was lost, as in a crash: whether it worked can't be told, so the next look decides.
            (true, None) => (Some(now), format!("process {pid} is there, with no earlier reading to compare")),
            (true, Some(before)) if reading.amount > before.amount => {
                (Some(now), format!("process {pid} used {} ms of CPU time", reading.amount - before.amount))
            }
            (true, Some(_)) => (None, format!("process {pid} is there and used no CPU time")),
        },
    }
}

/// Until when tool calls in flight excuse silence.
pub(crate) fn excused_until(task: &Task) -> Option<Timestamp> {
    task.in_flight.iter().map(|call| call.until).max()
}

/// When the watchdog must look at a task next. None when nothing could come of it.
pub(crate) fn next_look(task: &Task, incident: Option<&Incident>, now: Timestamp) -> Option<Timestamp> {
    if task.state.is_ended() {
        return None;
    }
    let escalation =
        incident.filter(|incident| incident.acknowledged_by.is_none()).and_then(|incident| incident.escalate_at);
    let silence = match (task.state, incident.map(|incident| incident.kind)) {
        (TaskState::Running, Some(IncidentKind::Missed)) => {
            // Only a signal can end the silence without a report, so only then is it worth looking.
            (!task.signals.is_empty()).then(|| now.after(task.cadence.limit()))
        }
        (TaskState::Running, _) => {
            let at = task.seen_at.after(task.cadence.limit());
            Some(excused_until(task).map_or(at, |until| at.max(until)))
        }
        _ => None,
    };
    let slow = task
        .expected
        .filter(|_| !task.told_slow && task.state == TaskState::Running)
        .map(|expected| task.started_at.after(expected));
    [escalation, silence, slow].into_iter().flatten().min()
}
