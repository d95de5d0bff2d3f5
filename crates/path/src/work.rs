//! Work that a gate stands before. With the gate closed it waits, with the gate's name; with the gate open one use is taken in the commit
//! that does it, or that hands it to the world.

use candor_approval::drill;
use candor_core::{
    decision::{Decision, Verdict},
    evidence::Subject,
    gate::{Gate, Grant},
    ids::{NoticeNo, PlanId, TargetName, TaskId, WorkNo},
    limits::WORK_PENDING_MAX,
    notice::{DeliveryState, Notice, PendingReason},
    settings::{FollowUp, Settings},
    task::{Task, TaskState},
    work::{Allowed, Document, DocumentKind, Wanted, Work, WorkState},
};
use serde_json::{Value, json};

use crate::{
    event,
    gate::{self, Passing},
    input::{Answered, Performed},
    machine::{Step, StepError, json},
    outcome,
    plan::{ArtifactKind, Effect, Refusal, Reply, Write},
    receipt,
};

/// Most pieces of work that a crash can leave started.
const STARTED_MAX: usize = 1_000;

/// Has work done, or has it wait. What is wanted again while it waits is the same work.
pub(crate) fn want(step: &mut Step<'_>, wanted: Wanted) -> Result<(), StepError> {
    makes_sense(step, &wanted)?;
    if let Some(work) = step.view.open_work(&wanted.key())? {
        return match work.state {
            WorkState::Pending => attempt(step, work, false),
            _ => {
                step.reply(Reply::Work(Box::new(work)));
                Ok(())
            }
        };
    }
    if step.view.work_count()? >= WORK_PENDING_MAX {
        return Err(Refusal::WorkFull { max: WORK_PENDING_MAX }.into());
    }
    let work = new(step, wanted);
    attempt(step, work, true)
}

/// Has it done at once where its gate is open, and else wait. Beyond the limit it is left out, which is on record.
pub(crate) fn want_by_itself(step: &mut Step<'_>, wanted: Wanted) -> Result<(), StepError> {
    match may_wait(step, &wanted)? {
        true => {
            let work = new(step, wanted);
            tried(step, work, true).map(drop)
        }
        false => Ok(()),
    }
}

/// Has it wait, to be done by itself when its gate is open. Beyond the limit it is left out, which is on record.
fn want_later(step: &mut Step<'_>, wanted: Wanted) -> Result<(), StepError> {
    if may_wait(step, &wanted)? {
        let work = new(step, wanted);
        put(step, work, true);
    }
    Ok(())
}

/// Whether there is room for it, and it doesn't wait already.
fn may_wait(step: &mut Step<'_>, wanted: &Wanted) -> Result<bool, StepError> {
    if step.view.open_work(&wanted.key())?.is_some() {
        return Ok(false);
    }
    if step.view.work_count()? >= WORK_PENDING_MAX {
        let no = step.plan.numbers.take_record();
        let body = json!({ "gap": "work_left_out", "wanted": json(wanted), "max": WORK_PENDING_MAX });
        step.record(ArtifactKind::Gap, format!("x-{no}"), None, None, body);
        return Ok(false);
    }
    Ok(true)
}

/// The recipe that looking at this evidence runs, where it is one that writes.
pub(crate) fn writing_recipe(step: &Step<'_>, subject: &Subject) -> Option<String> {
    match subject {
        Subject::Command { recipe: Some(name), .. } if step.settings().approvals.writing_recipes.contains(name) => {
            Some(name.clone())
        }
        _ => None,
    }
}

fn new(step: &mut Step<'_>, wanted: Wanted) -> Work {
    let no = step.plan.numbers.take_work();
    Work { no, gate: wanted.gate(), wanted, at: step.now, state: WorkState::Pending }
}

/// Tries what waits. What makes no sense any more ends, and takes no use.
pub(crate) fn again(step: &mut Step<'_>, no: WorkNo) -> Result<(), StepError> {
    let Some(mut work) = step.view.work(no)?.filter(|work| work.state == WorkState::Pending) else { return Ok(()) };
    match makes_sense(step, &work.wanted) {
        Ok(()) => attempt(step, work, false),
        Err(StepError::Refused(refusal)) => {
            work.state = WorkState::Failed { at: step.now, why: refusal.to_string() };
            put(step, work, false);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Takes back what waits.
pub(crate) fn withdraw(step: &mut Step<'_>, no: WorkNo) -> Result<(), StepError> {
    let mut work = step.view.work(no)?.filter(|of| of.state == WorkState::Pending).ok_or(Refusal::NoWork(no))?;
    work.state = WorkState::Failed { at: step.now, why: "withdrawn by the operator".to_owned() };
    let work = put(step, work, false);
    step.reply(Reply::Work(Box::new(work)));
    Ok(())
}

/// Closes an item that a person has dealt with.
pub(crate) fn close_item(step: &mut Step<'_>, kind: DocumentKind, key: &str, note: &str) -> Result<(), StepError> {
    let (words, command) = match kind {
        DocumentKind::ReviewItem => ("review", "review"),
        DocumentKind::RollbackItem => ("rollback", "rollback"),
        other => return Err(Refusal::Unwanted(format!("a {} is nothing that is closed", other.as_str())).into()),
    };
    event::says("key", key)?;
    event::says("note", note)?;
    let none = || Refusal::NoItem { kind: words, key: key.chars().take(128).collect(), command };
    let item = open_item(step, kind, key)?.ok_or_else(none)?;
    let mut body = item.body;
    if let Value::Object(fields) = &mut body {
        fields.insert("state".to_owned(), json!("done"));
        fields.insert("note".to_owned(), json!(note));
        fields.insert("done_at".to_owned(), json(&step.now));
    }
    let closed = event::kept(step, ArtifactKind::Work, kind, item.key, item.agent, body);
    step.reply(Reply::Document(Box::new(closed)));
    Ok(())
}

/// The item of a queue for people that nobody has dealt with yet.
fn open_item(step: &Step<'_>, kind: DocumentKind, key: &str) -> Result<Option<Document>, StepError> {
    Ok(step.view.document(kind, key)?.filter(|of| of.body.get("state") == Some(&json!("open"))))
}

/// Whether what is wanted is there.
fn makes_sense(step: &Step<'_>, wanted: &Wanted) -> Result<(), StepError> {
    match wanted {
        Wanted::ReadBack { notice, target } => {
            let row = step.view.delivery(*notice, target)?;
            let delivery = row.ok_or_else(|| Refusal::UnknownDelivery { notice: *notice, target: target.clone() })?;
            if !step.settings().approvals.asked.contains(target) {
                let why =
                    format!("`{target}` can't be asked what became of a notice; look there, and settle it yourself");
                return Err(Refusal::Unwanted(why).into());
            }
            if !receipt::can_be_read_back(&delivery.state) {
                let why =
                    format!("{notice} for `{target}` isn't in doubt; only an unknown outcome, or a relay's word, is");
                return Err(Refusal::Unwanted(why).into());
            }
            Ok(())
        }
        Wanted::CaptureResult { task } => step.task(task).map(drop),
        Wanted::Review { task, why } | Wanted::RollBack { task, why } => {
            event::says("why", why)?;
            step.task(task).map(drop)
        }
        Wanted::MendLane { lane, why } => {
            event::says("why", why)?;
            drill::lane(lane).map(drop).ok_or_else(|| Refusal::Unwanted("no lane has that id".to_owned()).into())
        }
        Wanted::RemovePackage { package } => Ok(event::says("package", package)?),
        Wanted::RunRecipe { evidence, recipe } => {
            event::says("recipe", recipe)?;
            step.view.evidence(*evidence)?.map(drop).ok_or_else(|| Refusal::UnknownEvidence(*evidence).into())
        }
        Wanted::RunPlan { plan } => rehearsed(step, plan),
        _ => Ok(()),
    }
}

/// Whether somebody looked at what this run would ask: its dry run is on record, and was of the same plan.
fn rehearsed(step: &Step<'_>, plan: &PlanId) -> Result<(), StepError> {
    let unwanted = |why: String| StepError::from(Refusal::Unwanted(why));
    let terms = step.settings().approvals.plans.get(plan);
    let terms = terms.ok_or_else(|| unwanted(format!("the catalogue in use has no plan `{plan}` that can be run")))?;
    let dry = step.view.document(DocumentKind::DryRun, plan.as_str())?;
    let of = dry.as_ref().and_then(|dry| dry.body.get("sha256")?.as_str());
    let look = format!("`candor readback run {plan} --dry-run` shows what it asks");
    match of {
        Some(of) if of == terms.sha256 => Ok(()),
        Some(_) => Err(unwanted(format!(
            "the plan, or whom it asks, isn't what its dry run showed; {look}, and a daemon goes by a change after `candor config reload`"
        ))),
        None => Err(unwanted(format!("a plan is run after a dry run of it; {look}"))),
    }
}

/// The gates that it passes.
#[must_use]
pub fn gates(settings: &Settings, wanted: &Wanted) -> Vec<Gate> {
    let mut gates = vec![wanted.gate()];
    let secrets = match wanted {
        Wanted::ReadBack { target, .. } => settings.target(target).is_some_and(|target| target.reads_secrets),
        // What a plan reads is kept: without leave for both, nothing is read.
        Wanted::RunPlan { plan } => {
            gates.push(Gate::RuntimeResultCaptureWrite);
            settings.approvals.plans.get(plan).is_some_and(|plan| plan.reads_secrets)
        }
        _ => false,
    };
    gates.extend(secrets.then_some(Gate::SecretRead));
    gates
}

fn attempt(step: &mut Step<'_>, work: Work, is_new: bool) -> Result<(), StepError> {
    let work = tried(step, work, is_new)?;
    step.reply(Reply::Work(Box::new(work)));
    Ok(())
}

/// Takes its uses and starts it, or has it wait for the gate that is closed.
fn tried(step: &mut Step<'_>, mut work: Work, is_new: bool) -> Result<Work, StepError> {
    let passing = Passing { scope: work.wanted.scope(), task: None, what: work.wanted.says(), of: work.no.to_string() };
    match gate::pass(step, gates(step.settings(), &work.wanted), &passing)? {
        Err(closed) => {
            let moved = work.gate != closed.gate;
            work.gate = closed.gate;
            Ok(if is_new || moved { put(step, work, is_new) } else { work })
        }
        Ok(grants) => start(step, work, grants),
    }
}

/// Puts work on record and beside it.
fn put(step: &mut Step<'_>, work: Work, is_new: bool) -> Work {
    let id = if is_new && work.state == WorkState::Pending {
        work.no.to_string()
    } else {
        format!("{}-r{}", work.no, step.plan.numbers.take_record())
    };
    step.record(ArtifactKind::Work, id, None, None, json(&work));
    step.write(Write::Work(Box::new(work.clone())));
    work
}

/// Its uses are taken: what Candor does by itself is done in this commit, the rest is handed to the world.
fn start(step: &mut Step<'_>, mut work: Work, grants: Vec<Grant>) -> Result<Work, StepError> {
    match here(step, &work.wanted)? {
        Some(outcome) => work.state = WorkState::Done { at: step.now, outcome },
        None => {
            work.state = WorkState::Started { at: step.now };
            step.effect(Effect::Perform(Box::new(Allowed { work: work.clone(), grants })));
        }
    }
    Ok(put(step, work, false))
}

/// Does what needs nothing but the store; what came of it, in words. None for what the world does.
fn here(step: &mut Step<'_>, wanted: &Wanted) -> Result<Option<String>, StepError> {
    let kept = |document: Document| Some(format!("kept as {} of `{}`", document.kind.as_str(), document.key));
    Ok(match wanted {
        Wanted::CaptureResult { task } => kept(outcome::capture(step, task)?),
        Wanted::Score { agent } => kept(outcome::score(step, agent)?),
        Wanted::Learn { agent } => kept(outcome::learn(step, agent)?),
        Wanted::Trust { agent } => kept(outcome::trust(step, agent)?),
        Wanted::Review { task, why } => kept(of_task(step, DocumentKind::ReviewItem, task, why)?),
        Wanted::RollBack { task, why } => kept(of_task(step, DocumentKind::RollbackItem, task, why)?),
        Wanted::MendLane { lane, why } => {
            let body = json!({ "lane": lane, "why": why, "state": "open" });
            kept(event::kept(step, ArtifactKind::Work, DocumentKind::RollbackItem, lane_key(lane), None, body))
        }
        Wanted::ReadBack { .. }
        | Wanted::RunPlan { .. }
        | Wanted::RunRecipe { .. }
        | Wanted::RemovePackage { .. }
        | Wanted::Prune => None,
    })
}

/// Puts an item about a task into a queue for people.
fn of_task(step: &mut Step<'_>, kind: DocumentKind, id: &TaskId, why: &str) -> Result<Document, StepError> {
    let task = step.task(id)?;
    let body = json!({ "task": id, "why": why, "state": "open" });
    Ok(event::kept(step, ArtifactKind::Work, kind, id.to_string(), task.owner, body))
}

/// The key of an item about a lane: no task's, for those have no space.
fn lane_key(lane: &str) -> String {
    format!("lane {lane}")
}

/// Books what came of work that the world did.
pub(crate) fn performed(step: &mut Step<'_>, no: WorkNo, outcome: Performed) -> Result<(), StepError> {
    let Some(mut work) = step.view.work(no)?.filter(|work| matches!(work.state, WorkState::Started { .. })) else {
        return Ok(());
    };
    let now = step.now;
    let done = |outcome: String| WorkState::Done { at: now, outcome };
    work.state = match (outcome, &work.wanted) {
        (Performed::ReadBack(answer), Wanted::ReadBack { notice, target }) => {
            let id = format!("rb-{}", step.plan.numbers.take_record());
            let body = json!({ "work": no, "notice": notice, "target": target, "answer": json(&answer) });
            step.record(ArtifactKind::Readback, id, None, None, body);
            done(receipt::read_back(step, *notice, target, &answer)?)
        }
        (Performed::Reading { reading, sha256, answers }, Wanted::RunPlan { plan }) => {
            match keep_reading(step, no, plan, reading, &sha256, &answers)? {
                Ok(outcome) => done(outcome),
                Err(why) => WorkState::Failed { at: now, why },
            }
        }
        (Performed::Ran { finding }, Wanted::RunRecipe { evidence, .. }) => {
            let summary = finding.summary.clone();
            event::collected(step, *evidence, *finding)?;
            done(summary)
        }
        (Performed::Did { outcome }, _) => done(outcome),
        (Performed::Failed { why }, _) => WorkState::Failed { at: now, why },
        (other, _) => {
            WorkState::Failed { at: now, why: format!("it was answered by something else: {}", name(&other)) }
        }
    };
    let work = put(step, work, false);
    step.reply(Reply::Work(Box::new(work)));
    Ok(())
}

/// Keeps what a plan read, and moves the notices on that it is about; or says why nothing of it is kept.
fn keep_reading(
    step: &mut Step<'_>,
    no: WorkNo,
    plan: &PlanId,
    reading: Value,
    sha256: &str,
    answers: &[(NoticeNo, TargetName, Answered)],
) -> Result<Result<String, String>, StepError> {
    let body = json!({ "plan": plan, "reading": reading, "sha256": sha256, "work": no });
    if let Some(what) = event::disclosed_in(&body) {
        return Ok(Err(format!("nothing was kept: what was read holds what looks like {what}")));
    }
    event::kept(step, ArtifactKind::Readback, DocumentKind::Readback, plan.to_string(), None, body);
    let mut came = vec![format!("read and kept, SHA-256 of what was read {sha256}")];
    for (notice, target, answer) in answers {
        came.push(format!("{notice} at `{target}`: {}", receipt::read_back(step, *notice, target, answer)?));
    }
    Ok(Ok(came.join("; ")))
}

fn name(of: &Performed) -> &'static str {
    match of {
        Performed::ReadBack(Answered::Found { .. }) => "a message that is there",
        Performed::ReadBack(_) => "a read-back",
        Performed::Reading { .. } => "a reading",
        Performed::Ran { .. } => "a run",
        Performed::Did { .. } => "a deed",
        Performed::Failed { .. } => "a failure",
    }
}

/// Whoever was at work has ended: what they were at isn't known to have been done, and is not done again by itself.
pub(crate) fn left_behind(step: &mut Step<'_>) -> Result<(), StepError> {
    for mut work in step.view.started_work(STARTED_MAX)? {
        let why = "the process that did it ended before it said what came of it; want it again where it is safe";
        work.state = WorkState::Failed { at: step.now, why: why.to_owned() };
        put(step, work, false);
    }
    Ok(())
}

fn follows(step: &Step<'_>, what: FollowUp) -> bool {
    step.settings().approvals.follow_up.contains(&what)
}

/// What follows the end of a task, where the deployment wants that; and again when a claim of it stands otherwise than what was kept says.
pub(crate) fn ended(step: &mut Step<'_>, task: &Task) -> Result<(), StepError> {
    if follows(step, FollowUp::Results) {
        want_later(step, Wanted::CaptureResult { task: task.id.clone() })?;
    }
    let Some(agent) = task.owner.clone() else { return Ok(()) };
    let of_agent = [
        (FollowUp::Scores, Wanted::Score { agent: agent.clone() }),
        (FollowUp::Learning, Wanted::Learn { agent: agent.clone() }),
        (FollowUp::Trust, Wanted::Trust { agent }),
    ];
    for (what, wanted) in of_agent {
        if follows(step, what) {
            want_later(step, wanted)?;
        }
    }
    Ok(())
}

/// What follows a decision, where the deployment wants that: a reviewer's look, or a person's at what was done on a claim that is
/// contradicted now.
pub(crate) fn decided(
    step: &mut Step<'_>,
    task: &Task,
    decision: &Decision,
    contradicted: bool,
) -> Result<(), StepError> {
    let why = || decision.rules.first().map_or_else(|| "a rule asks for it".to_owned(), |hit| hit.message.clone());
    // What lies before a person already isn't put there again.
    let lies = |step: &Step<'_>, kind| Ok::<_, StepError>(open_item(step, kind, task.id.as_str())?.is_some());
    let reviewed = contradicted || decision.requested >= Verdict::ForceReviewNotice;
    if reviewed && follows(step, FollowUp::Reviews) && !lies(step, DocumentKind::ReviewItem)? {
        want_later(step, Wanted::Review { task: task.id.clone(), why: why() })?;
    }
    let undone = contradicted && task.state == TaskState::Completed;
    if undone {
        ended(step, task)?;
    }
    if undone && follows(step, FollowUp::Rollbacks) && !lies(step, DocumentKind::RollbackItem)? {
        want_later(step, Wanted::RollBack { task: task.id.clone(), why: why() })?;
    }
    Ok(())
}

/// What follows a drill: a way back that failed is put before a person; one that is good again needs nobody.
pub(crate) fn drilled(step: &mut Step<'_>, lane: &str, drill: &Value) -> Result<(), StepError> {
    let wanted = |why: &str| Wanted::MendLane { lane: lane.to_owned(), why: why.to_owned() };
    if drill.get("good") == Some(&json!(true)) {
        let waits = step.view.open_work(&wanted("").key())?.filter(|work| work.state == WorkState::Pending);
        if let Some(mut work) = waits {
            let why = "a later drill of the lane is good".to_owned();
            work.state = WorkState::Failed { at: step.now, why };
            put(step, work, false);
        }
        return Ok(());
    }
    if open_item(step, DocumentKind::RollbackItem, &lane_key(lane))?.is_none() {
        let missing = drill.get("steps").and_then(Value::as_array).into_iter().flatten();
        let missing = missing.filter(|of| of.get("done") == Some(&json!(false)));
        let found = missing.filter_map(|of| of.get("found").and_then(Value::as_str)).next();
        want_later(step, wanted(found.unwrap_or("its drill failed")))?;
    }
    Ok(())
}

/// A delivery failed for good on its own channel, or nobody knows: the operator is told by Telegram, where that is configured.
pub(crate) fn failed(
    step: &mut Step<'_>,
    notice: &Notice,
    target: &TargetName,
    state: &DeliveryState,
) -> Result<(), StepError> {
    let Some(by) = step.settings().approvals.failure_receipts.clone() else { return Ok(()) };
    let failed = match state {
        DeliveryState::Blocked { .. } => true,
        DeliveryState::Pending { reason, next_at: None } => *reason == PendingReason::OutcomeUnknown,
        _ => false,
    };
    if !failed || notice.failure_of.is_some() || &by == target || step.settings().target(&by).is_none() {
        return Ok(());
    }
    let reason = state.reason().unwrap_or_default();
    let title = format!("{} didn't reach `{target}`: {reason}", notice.no);
    let text = format!(
        "Notice {} for `{target}` stands at `{}` ({reason}). It said: {}",
        notice.no,
        state.name().as_str(),
        notice.title
    );
    event::failure_receipt(step, notice, &by, title, text);
    Ok(())
}

/// The content of a document as a value of its own type.
pub(crate) fn content<T: serde::de::DeserializeOwned>(document: Document) -> Option<T> {
    let body: Value = document.body;
    serde_json::from_value(body).ok()
}
