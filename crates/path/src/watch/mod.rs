//! Watch: a deadline has passed. Silence is concluded only when every signal that the task has is silent.

mod clock;
mod life;

use std::time::Duration;

use candor_core::{
    event::{EventType, Recovered, Report, Silence},
    ids::{OwnerNo, TaskId},
    task::{Incident, IncidentKind, Reading, Task, TaskState},
    time::{Timestamp, format_duration},
};
pub use clock::{JUMP_MIN, OWNERS_KEPT_MAX};
pub(crate) use clock::{clock_read, in_force, is_watched, owner_beat, owner_started};
pub use life::sign_of_life;
pub(crate) use life::{excused_until, next_look};

use crate::{
    event,
    machine::{Step, StepError, json},
    plan::{ArtifactKind, Effect, Refusal, Reply, Write},
    view::BeatFold,
};

/// How long a probe may take before the task is due again: a lost probe must not lose the task.
const PROBE_MAX: Duration = Duration::from_secs(10);

/// Looks at a task that is due.
pub(crate) fn look(step: &mut Step<'_>, id: &TaskId, readings: Option<Vec<Reading>>) -> Result<(), StepError> {
    let Some(mut task) = step.view.task(id)? else { return Ok(()) };
    if task.state.is_ended() {
        task.due_at = None;
        step.put_task(task);
        return Ok(());
    }
    let Some(readings) = readings.or_else(|| task.signals.is_empty().then(Vec::new)) else {
        let signals = task.signals.iter().map(|watched| watched.signal.clone()).collect();
        step.effect(Effect::Probe { task: id.clone(), signals });
        task.due_at = Some(step.now.after(PROBE_MAX));
        step.put_task(task);
        return Ok(());
    };
    let mut looked_at = vec![format!("last report or sign of life at {}", task.seen_at)];
    for (watched, reading) in task.signals.iter_mut().zip(readings) {
        let (life, words) = sign_of_life(watched, reading, step.now);
        looked_at.push(words);
        watched.last = Some(reading);
        if let Some(at) = life {
            task.seen_at = task.seen_at.max(at);
        }
    }
    let incident = task.incident.map(|no| step.view.incident(no)).transpose()?.flatten();
    let silent_until =
        task.seen_at.after(task.cadence.limit()).max(excused_until(&task).unwrap_or(Timestamp::from_micros(i64::MIN)));
    let silent = task.state == TaskState::Running && step.now >= silent_until;
    match incident {
        Some(incident) if incident.kind == IncidentKind::Missed && !silent => {
            recover(step, &mut task, incident, "a signal shows life again")?;
        }
        Some(incident)
            if incident.escalate_at.is_some_and(|at| at <= step.now) && incident.acknowledged_by.is_none() =>
        {
            escalate(step, &mut task, incident, looked_at)?;
        }
        None if silent => miss(step, &mut task, looked_at)?,
        _ => {}
    }
    slow(step, &mut task)?;
    rearm(step, task)
}

/// Sets when the watchdog must look next, and writes the task.
pub(crate) fn rearm(step: &mut Step<'_>, mut task: Task) -> Result<(), StepError> {
    let pending = step.plan.writes.iter().rev().find_map(|write| match write {
        Write::Incident(incident) if Some(incident.no) == task.incident => Some((**incident).clone()),
        _ => None,
    });
    let incident = match (pending, task.incident) {
        (Some(incident), _) => Some(incident),
        (None, Some(no)) => step.view.incident(no)?,
        (None, None) => None,
    };
    task.due_at = next_look(&task, incident.as_ref(), step.now);
    step.put_task(task);
    Ok(())
}

fn miss(step: &mut Step<'_>, task: &mut Task, looked_at: Vec<String>) -> Result<(), StepError> {
    let incident = open(step, task, IncidentKind::Missed);
    let silence = Silence { incident: Some(incident.no), level: 1, seen_at: task.seen_at, looked_at };
    event::conclude(step, task, Report::TaskMissed(silence), Some(incident))
}

fn escalate(
    step: &mut Step<'_>,
    task: &mut Task,
    mut incident: Incident,
    looked_at: Vec<String>,
) -> Result<(), StepError> {
    incident.level = incident.level.saturating_add(1);
    incident.escalate_at = escalation(step, incident.level);
    incident.notice = None;
    record_incident(step, &incident);
    step.write(Write::Incident(Box::new(incident.clone())));
    let silence = Silence { incident: Some(incident.no), level: incident.level, seen_at: task.seen_at, looked_at };
    event::conclude(step, task, Report::TaskEscalated(silence), Some(incident))
}

fn slow(step: &mut Step<'_>, task: &mut Task) -> Result<(), StepError> {
    let Some(expected) = task.expected else { return Ok(()) };
    if task.told_slow || task.state != TaskState::Running || step.now < task.started_at.after(expected) {
        return Ok(());
    }
    task.told_slow = true;
    let looked_at = vec![format!(
        "it was expected to take {} and has run for {}",
        format_duration(expected),
        format_duration(step.now.since(task.started_at))
    )];
    let silence = Silence { incident: None, level: 1, seen_at: task.seen_at, looked_at };
    event::conclude(step, task, Report::TaskSlow(silence), None)
}

/// Opens an incident for a task, at level 1.
pub(crate) fn open(step: &mut Step<'_>, task: &mut Task, kind: IncidentKind) -> Incident {
    let no = step.plan.numbers.take_incident();
    let correlation = no.to_string().parse().unwrap_or_else(|_| task.correlation.clone());
    let incident = Incident {
        no,
        task: task.id.clone(),
        kind,
        level: 1,
        correlation,
        decision: None,
        notice: None,
        opened_at: step.now,
        escalate_at: escalation(step, 1),
        acknowledged_by: None,
        acknowledged_at: None,
        resolved_at: None,
        resolution: None,
    };
    task.incident = Some(no);
    record_incident(step, &incident);
    step.write(Write::Incident(Box::new(incident.clone())));
    incident
}

/// When the level after `level` is due.
fn escalation(step: &Step<'_>, level: u8) -> Option<Timestamp> {
    let after = step.settings().escalate_after.get(usize::from(level).saturating_sub(1))?;
    Some(step.now.after(*after))
}

/// Ends an incident and tells that the task is back.
pub(crate) fn recover(step: &mut Step<'_>, task: &mut Task, incident: Incident, by: &str) -> Result<(), StepError> {
    let silent_for = step.now.since(incident.opened_at).saturating_add(match incident.kind {
        IncidentKind::Missed => task.cadence.limit(),
        IncidentKind::Blocked => Duration::ZERO,
    });
    let told = Report::TaskRecovered(Recovered { incident: incident.no, silent_for, by: by.to_owned() });
    let ended = close(step, task, incident, by);
    event::conclude(step, task, told, Some(ended))
}

/// Ends an incident without telling of it: what ended it is told by itself.
pub(crate) fn close(step: &mut Step<'_>, task: &mut Task, mut incident: Incident, by: &str) -> Incident {
    incident.resolved_at = Some(step.now);
    incident.resolution = Some(by.to_owned());
    incident.escalate_at = None;
    task.incident = None;
    record_incident(step, &incident);
    step.write(Write::Incident(Box::new(incident.clone())));
    incident
}

/// Records an incident as it now is. Its opening has revision 1, each later change one more.
pub(crate) fn record_incident(step: &mut Step<'_>, incident: &Incident) {
    let revision = u64::from(incident.level)
        + u64::from(incident.acknowledged_by.is_some())
        + u64::from(incident.resolved_at.is_some());
    let id = if revision <= 1 { incident.no.to_string() } else { format!("{}-r{revision}", incident.no) };
    step.record(ArtifactKind::Incident, id, Some(&incident.task), Some(&incident.correlation), json(incident));
}

/// Folds routine checkpoints into one artifact.
pub(crate) fn fold(step: &mut Step<'_>, fold: BeatFold) -> Result<(), StepError> {
    let Some(task) = step.view.task(&fold.task)? else { return Ok(()) };
    let record = step.plan.numbers.take_record();
    let body = serde_json::json!({
        "task": fold.task, "count": fold.count, "first": fold.first, "last": fold.last, "sha256": fold.digest,
    });
    step.record(ArtifactKind::HeartbeatFold, format!("f-{record}"), Some(&task.id), Some(&task.correlation), body);
    step.write(Write::Folded { task: fold.task, up_to: fold.up_to, last: fold.last });
    Ok(())
}

/// Refuses an owner that doesn't exist.
fn owner_must_exist(step: &Step<'_>, owner: OwnerNo) -> Result<crate::view::OwnerRow, StepError> {
    step.view.owner(owner)?.ok_or(StepError::Refused(Refusal::OperatorOnly))
}

/// What a task's report shows: whether it is a sign of life that ends a silence.
pub(crate) fn ends_silence(event_type: EventType) -> bool {
    !event_type.is_reserved() && !matches!(event_type, EventType::NoticeRequested | EventType::EvidenceAdded)
}

/// Marks a step that had nothing to do.
pub(crate) fn nothing(step: &mut Step<'_>) {
    step.reply(Reply::Done);
}
