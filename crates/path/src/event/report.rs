//! What each report does to its task.

use candor_core::{
    claim::{Claim, ClaimKind},
    decision::{Decision, Verdict},
    event::{ClaimMade, Event, EvidenceAdded, Report, SignalSpec, Started},
    evidence::{Bearing, Evidence, Finding, Method, Origin, Subject, strength},
    ids::TaskId,
    limits::{EVIDENCE_PER_TASK_MAX, TOOL_CALL_MAX},
    notice::DeliveryState,
    task::{Cadence, IncidentKind, Signal, Task, TaskState, ToolCall, WatchedSignal},
    work::Wanted,
};

use super::intake::{Taken, claim_no};
use crate::{
    machine::{Step, StepError, json},
    plan::{ArtifactKind, Effect, Refusal, Write},
    watch, work,
};

/// Most claims kept per task, so that one task can't grow without bound.
const CLAIMS_PER_TASK_MAX: usize = 1_000;
/// Most tool calls in flight per task.
const IN_FLIGHT_MAX: usize = 64;

/// Applies a report to its task. `None` where the report names no task.
pub(super) fn apply(
    step: &mut Step<'_>,
    event: &Event,
    task: Option<Task>,
    taken: &mut Taken,
) -> Result<Option<Task>, StepError> {
    if let Report::TaskStarted(started) = &event.report {
        let Some(id) = &event.task else { return Ok(None) };
        return start(step, event, id, started, task, taken).map(Some);
    }
    let Some(mut task) = task else { return Ok(None) };
    let ends = matches!(event.report, Report::EvidenceAdded(_) | Report::ClaimMade(_) | Report::NoticeRequested(_));
    if task.state.is_ended() && !ends {
        return Err(Refusal::Ended(task.id).into());
    }
    alive(step, &mut task, event)?;
    match &event.report {
        Report::TaskCheckpointed(checkpoint) => {
            task.checkpoints = task.checkpoints.saturating_add(1);
            if let Some(note) = &checkpoint.note {
                task.note = Some(note.clone());
            }
            if checkpoint.changed {
                task.changed_at = Some(step.now);
            }
            if task.state == TaskState::Waiting {
                enter(step, &mut task, TaskState::Running, None);
                // It was blocked before it waited, and works again.
                if let Some(incident) = task.incident.map(|no| step.view.incident(no)).transpose()?.flatten() {
                    watch::recover(step, &mut task, incident, "it works again")?;
                }
            }
        }
        Report::TaskWaiting(waiting) => enter(step, &mut task, TaskState::Waiting, Some(waiting.on.clone())),
        Report::TaskBlocked(blocked) => {
            enter(step, &mut task, TaskState::Blocked, Some(blocked.reason.clone()));
            if task.incident.is_none() {
                taken.incident = Some(watch::open(step, &mut task, IncidentKind::Blocked));
            }
        }
        Report::TaskUnblocked(unblocked) => {
            enter(step, &mut task, TaskState::Running, unblocked.note.clone());
            if let Some(incident) = task.incident.map(|no| step.view.incident(no)).transpose()?.flatten() {
                watch::recover(step, &mut task, incident, "the task was unblocked")?;
            }
        }
        Report::TaskCompleted(completed) => {
            let statement = completed.summary.clone().unwrap_or_default();
            taken.claim = Some(claim(step, event, &task, ClaimKind::Completion, statement, None, taken)?);
        }
        Report::TaskFailed(failed) => {
            end(step, &mut task, TaskState::Failed, Some(failed.reason.clone()))?;
        }
        Report::ToolStarted(tool) => {
            task.in_flight.retain(|call| call.until > step.now && call.call != tool.call);
            if task.in_flight.len() >= IN_FLIGHT_MAX {
                return Err(Refusal::TooMany { task: task.id, what: "tool calls in flight", max: IN_FLIGHT_MAX }.into());
            }
            let until = step.now.after(tool.timeout.min(TOOL_CALL_MAX));
            task.in_flight.push(ToolCall { call: tool.call.clone(), tool: tool.tool.clone(), since: step.now, until });
        }
        Report::ToolFinished(tool) => {
            task.in_flight.retain(|call| call.call != tool.call);
            if tool.changed {
                task.changed_at = Some(step.now);
            }
        }
        Report::ClaimMade(ClaimMade { claim: kind, statement, notice }) => {
            let statement = statement.clone().unwrap_or_default();
            taken.claim = Some(claim(step, event, &task, kind.clone(), statement, *notice, taken)?);
        }
        Report::ApprovalRequested(asked) => super::request::ask(step, event, &task, asked, taken)?,
        Report::EvidenceAdded(added) => bring(step, &task, added, taken)?,
        _ => {}
    }
    Ok(Some(task))
}

/// A report is a sign of life: it ends a silence, and says so.
fn alive(step: &mut Step<'_>, task: &mut Task, event: &Event) -> Result<(), StepError> {
    if !watch::ends_silence(event.event_type()) || task.state.is_ended() {
        return Ok(());
    }
    let Some(incident) = task.incident.map(|no| step.view.incident(no)).transpose()?.flatten() else {
        task.seen_at = task.seen_at.max(step.now);
        return Ok(());
    };
    if incident.kind == IncidentKind::Missed {
        watch::recover(step, task, incident, &format!("it reported `{}`", event.event_type().as_str()))?;
    }
    task.seen_at = task.seen_at.max(step.now);
    Ok(())
}

fn enter(step: &Step<'_>, task: &mut Task, state: TaskState, because: Option<String>) {
    if task.state != state {
        task.since = step.now;
    }
    task.state = state;
    task.because = because;
}

fn end(step: &mut Step<'_>, task: &mut Task, state: TaskState, because: Option<String>) -> Result<(), StepError> {
    if let Some(incident) = task.incident.map(|no| step.view.incident(no)).transpose()?.flatten() {
        watch::close(step, task, incident, &format!("the task {}", state.as_str()));
    }
    enter(step, task, state, because);
    task.ended_at = Some(step.now);
    task.in_flight.clear();
    work::ended(step, task)
}

/// Lets a completion take effect, as far as the decision allows.
pub(super) fn complete(step: &mut Step<'_>, task: &mut Task, decision: &Decision) -> Result<(), StepError> {
    if decision.effective == Verdict::BlockCompletion {
        return Ok(());
    }
    task.unproved = decision.effective >= Verdict::DowngradeStatus;
    let because = task.unproved.then(|| "completion is claimed and not proved".to_owned());
    end(step, task, TaskState::Completed, because)
}

fn start(
    step: &mut Step<'_>,
    event: &Event,
    id: &TaskId,
    started: &Started,
    before: Option<Task>,
    taken: &mut Taken,
) -> Result<Task, StepError> {
    if let Some(parent) = &started.parent
        && step.view.task(parent)?.is_none()
    {
        return Err(Refusal::UnknownParent(parent.clone()).into());
    }
    if let Some(mut before) = before
        && let Some(incident) = before.incident.map(|no| step.view.incident(no)).transpose()?.flatten()
    {
        watch::recover(step, &mut before, incident, "it was started again")?;
    }
    let defaults = step.settings().cadence;
    let runtime = match &event.runtime {
        Some(runtime) => runtime.clone(),
        None => "generic".parse().map_err(|_| Refusal::OperatorOnly)?,
    };
    let signals: Vec<WatchedSignal> =
        started.signals.iter().map(|spec| WatchedSignal { signal: signal(spec), last: None }).collect();
    if !signals.is_empty() {
        let signals = signals.iter().map(|watched| watched.signal.clone()).collect();
        step.effect(Effect::Probe { task: id.clone(), signals });
    }
    Ok(Task {
        id: id.clone(),
        name: started.name.clone(),
        owner: event.agent.clone(),
        runtime,
        parent: started.parent.clone(),
        state: TaskState::Running,
        because: None,
        cadence: Cadence {
            period: started.period.unwrap_or(defaults.period),
            grace: started.grace.unwrap_or(defaults.grace),
        },
        expected: started.expected,
        told_slow: false,
        signals,
        in_flight: Vec::new(),
        started_at: step.now,
        seen_at: step.now,
        changed_at: None,
        since: step.now,
        ended_at: None,
        unproved: false,
        due_at: None,
        incident: None,
        correlation: taken.correlation.clone(),
        checkpoints: 0,
        note: None,
    })
}

fn signal(spec: &SignalSpec) -> Signal {
    match spec {
        SignalSpec::File { path } => Signal::File { path: path.clone() },
        SignalSpec::Process { pid, started_ticks } => Signal::Process { pid: *pid, started_ticks: *started_ticks },
    }
}

fn claim(
    step: &mut Step<'_>,
    event: &Event,
    task: &Task,
    kind: ClaimKind,
    statement: String,
    notice: Option<candor_core::ids::NoticeNo>,
    taken: &Taken,
) -> Result<Claim, StepError> {
    if step.view.claims(&task.id)?.len() >= CLAIMS_PER_TASK_MAX {
        return Err(Refusal::TooMany { task: task.id.clone(), what: "claims", max: CLAIMS_PER_TASK_MAX }.into());
    }
    let claim = Claim {
        no: claim_no(&mut step.plan),
        event: taken.no,
        task: task.id.clone(),
        agent: event.agent.clone(),
        kind,
        statement,
        notice,
        at: step.now,
    };
    step.record(ArtifactKind::Claim, claim.no, Some(&task.id), Some(&taken.correlation), json(&claim));
    step.write(Write::Claim(Box::new(claim.clone())));
    Ok(claim)
}

fn bring(step: &mut Step<'_>, task: &Task, added: &EvidenceAdded, taken: &mut Taken) -> Result<(), StepError> {
    if step.view.evidence_of(&task.id)?.len() >= EVIDENCE_PER_TASK_MAX {
        return Err(
            Refusal::TooMany { task: task.id.clone(), what: "evidence records", max: EVIDENCE_PER_TASK_MAX }.into()
        );
    }
    if let (Subject::Receipt { .. }, Some(other)) =
        (&added.evidence, added.supports.iter().find(|kind| **kind != ClaimKind::OperatorNotified))
    {
        return Err(Refusal::ReceiptSupports(other.to_string()).into());
    }
    let no = step.plan.numbers.take_evidence();
    let finding = first_look(step, task, &added.evidence, taken.origin)?;
    let evidence = Evidence {
        no,
        event: taken.no,
        task: task.id.clone(),
        supports: added.supports.clone(),
        subject: added.evidence.clone(),
        origin: taken.origin,
        strength: strength(finding.method, taken.origin),
        finding,
        added_at: step.now,
    };
    step.record(ArtifactKind::Evidence, no, Some(&task.id), Some(&taken.correlation), json(&evidence));
    let writes = work::writing_recipe(step, &added.evidence);
    if writes.is_none() && added.evidence.is_collectable() {
        let (subject, supports) = (added.evidence.clone(), added.supports.clone());
        step.effect(Effect::Collect { evidence: no, subject, supports });
    }
    step.write(Write::Evidence(Box::new(evidence)));
    if let Some(recipe) = writes {
        work::want_by_itself(step, Wanted::RunRecipe { evidence: no, recipe })?;
    }
    taken.evidence = Some(no);
    Ok(())
}

/// What is known of a record before any collector has looked.
fn first_look(step: &Step<'_>, task: &Task, subject: &Subject, origin: Origin) -> Result<Finding, StepError> {
    let told = |bearing, summary: String| Finding {
        method: Method::Told,
        bearing,
        summary,
        sha256: None,
        subject_at: None,
        changed_at: None,
        exit_code: None,
        tests: None,
        looked_at: step.now,
    };
    Ok(match subject {
        Subject::Command { recipe: None, command, exit_code: Some(code), output_sha256 } => {
            let what = command.as_deref().unwrap_or("a command");
            let bearing = if *code == 0 { Bearing::Supports } else { Bearing::Contradicts };
            Finding {
                method: Method::Reported,
                sha256: output_sha256.clone(),
                exit_code: Some(*code),
                ..told(bearing, format!("`{what}` was reported to end with exit code {code}"))
            }
        }
        Subject::Receipt { notice } => receipt_finding(step, task, *notice, told)?,
        Subject::Human { statement } => {
            let method = if origin == Origin::Operator { Method::Reported } else { Method::Told };
            Finding { method, ..told(Bearing::Supports, statement.clone()) }
        }
        Subject::Note { statement } => told(Bearing::Supports, statement.clone()),
        Subject::Command { recipe: None, command, exit_code: None, .. } => told(
            Bearing::Inconclusive,
            format!("`{}` was told without its exit code", command.as_deref().unwrap_or("a command")),
        ),
        Subject::File { .. }
        | Subject::Git { .. }
        | Subject::TestReport { .. }
        | Subject::Command { recipe: Some(_), .. } => {
            told(Bearing::Inconclusive, format!("named as {}, not looked at yet", subject.kind()))
        }
    })
}

fn receipt_finding(
    step: &Step<'_>,
    task: &Task,
    notice: candor_core::ids::NoticeNo,
    told: impl Fn(Bearing, String) -> Finding,
) -> Result<Finding, StepError> {
    let about = step.view.notice(notice)?.ok_or(Refusal::UnknownNotice(notice))?;
    if about.task.as_ref() != Some(&task.id) {
        let summary = format!("notice {notice} is about another task");
        return Ok(Finding { method: Method::Checked, ..told(Bearing::Inconclusive, summary) });
    }
    let acked = step.view.deliveries(notice)?.iter().any(|d| matches!(d.state, DeliveryState::Acked { .. }));
    let (bearing, summary) = if acked {
        (Bearing::Supports, format!("notice {notice} is acked"))
    } else {
        (Bearing::Inconclusive, format!("notice {notice} has no proof of delivery"))
    };
    Ok(Finding { method: Method::Checked, ..told(bearing, summary) })
}
