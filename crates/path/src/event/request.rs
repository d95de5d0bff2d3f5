//! An agent asks that a gate be opened for its own task. Asking opens nothing: it stands before the owners, who are told.

use candor_core::{
    approval::Request,
    decision::Severity,
    event::{ApprovalRequested, Event},
    gate::Scope,
    ids::AgentId,
    limits::REQUESTS_OPEN_MAX,
    notice::Notice,
    task::Task,
};

use super::{act::says, intake::Taken};
use crate::{
    machine::{Step, StepError, json},
    plan::{ArtifactKind, Refusal, Write},
    queue,
};

/// Takes a request in. What an agent asks for again while it waits is the same request.
pub(super) fn ask(
    step: &mut Step<'_>,
    event: &Event,
    task: &Task,
    asked: &ApprovalRequested,
    taken: &mut Taken,
) -> Result<(), StepError> {
    says("reason", &asked.reason)?;
    let agent = owner(event, task)?;
    let (channel, runtime, plan) = (asked.channel.clone(), asked.runtime.clone(), asked.plan.clone());
    if let Some(channel) =
        channel.as_ref().filter(|of| step.settings().target(of).is_none() && !step.settings().places.contains(*of))
    {
        return Err(Refusal::UnknownTarget(channel.clone()).into());
    }
    let scope = Scope { runtime, channel, plan };
    let open = step.view.open_requests()?;
    let same = |of: &&Request| (&of.agent, &of.task, of.gate, &of.scope) == (&agent, &task.id, asked.gate, &scope);
    if let Some(before) = open.iter().find(same) {
        taken.request = Some(before.no);
        return Ok(());
    }
    if open.len() >= REQUESTS_OPEN_MAX {
        return Err(Refusal::RequestsFull { max: REQUESTS_OPEN_MAX }.into());
    }
    let no = step.plan.numbers.take_request();
    let reason = asked.reason.clone();
    let request =
        Request { no, agent, task: task.id.clone(), gate: asked.gate, scope, reason, at: step.now, answered_by: None };
    step.record(ArtifactKind::Approval, no, Some(&task.id), Some(&taken.correlation), json(&request));
    tell(step, &request, taken);
    step.write(Write::Request(Box::new(request)));
    taken.request = Some(no);
    Ok(())
}

/// The agent that asks: the one whose task it is.
fn owner(event: &Event, task: &Task) -> Result<AgentId, Refusal> {
    match (&event.agent, &task.owner) {
        (Some(agent), Some(owner)) if agent == owner => Ok(agent.clone()),
        (_, Some(owner)) => Err(Refusal::NotOwner { task: task.id.clone(), owner: owner.to_string() }),
        (_, None) => {
            let why = format!("task `{}` is nobody's; an agent asks for its own task", task.id);
            Err(Refusal::Unwanted(why))
        }
    }
}

/// A scope as a command line narrows an approval to it.
fn flags(of: &Scope) -> String {
    let flag = |name: &str, value: Option<String>| value.map(|value| format!(" --{name} {value}")).unwrap_or_default();
    let channel = flag("target", of.channel.as_ref().map(ToString::to_string));
    let runtime = flag("runtime", of.runtime.as_ref().map(ToString::to_string));
    channel + &runtime + &flag("plan", of.plan.as_ref().map(ToString::to_string))
}

/// Tells the operator that somebody waits for an owner's word.
fn tell(step: &mut Step<'_>, request: &Request, taken: &Taken) {
    let no = step.plan.numbers.take_notice();
    let gate = request.gate.as_str();
    let notice = Notice {
        no,
        decision: None,
        incident: None,
        level: 1,
        task: Some(request.task.clone()),
        correlation: taken.correlation.clone(),
        severity: Severity::Warning,
        title: format!("Agent {} asks for gate `{gate}` ({})", request.agent, request.no),
        text: format!(
            "For task {}, for {}. In its words: {}\nAn owner opens it with `candor gate open {gate}{} --request {} --reason \"...\" --expires 1h`.",
            request.task,
            request.scope,
            request.reason,
            flags(&request.scope),
            request.no
        ),
        at: step.now,
        folded: 0,
        failure_of: None,
    };
    queue::enqueue(step, notice, None);
}
