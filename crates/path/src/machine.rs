//! The one entry: an input becomes a plan.

use candor_core::{
    ids::{CorrelationId, TaskId},
    notice::{Delivery, Notice},
    pack::PackSet,
    settings::Settings,
    task::Task,
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::{
    bridge, dispatch, event,
    gate::Vouched,
    input::Input,
    plan::{Artifact, ArtifactKind, Effect, Plan, Refusal, Reply, Write},
    queue, receipt,
    view::{Unreadable, View},
    watch, work,
};

/// Why a step made no plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StepError {
    /// The input was refused; the message says why and what to do.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store couldn't be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Settings and packs: what decides beside the view.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Cadences, targets, retry rules.
    pub settings: Settings,
    /// The loaded policy.
    pub packs: PackSet,
    /// What was found of openings lately. Whoever changes the settings in place begins with none.
    pub vouched: Vouched,
}

impl Machine {
    /// What is to be done about an input. Reads only from `view`, and knows no time but `now`.
    ///
    /// # Errors
    /// [`StepError::Refused`] for an input that can't be taken, [`StepError::Unreadable`] when the view can't be read.
    pub fn step(&self, view: &dyn View, now: Timestamp, input: Input) -> Result<Plan, StepError> {
        let mut step = Step { machine: self, view, now, plan: Plan::new(view.numbers()?) };
        match input {
            Input::Report { event, origin } => event::take_in(&mut step, *event, origin)?,
            Input::Collected { evidence, finding } => event::collected(&mut step, evidence, *finding)?,
            Input::Look { task, readings } => watch::look(&mut step, &task, readings)?,
            Input::Dispatch { notice, target, owner, open } => {
                dispatch::dispatch(&mut step, notice, &target, owner, open)?
            }
            Input::Open { notice, target, owner } => bridge::take_up(&mut step, notice, &target, owner)?,
            Input::Answered { notice, target, fence, answer, payload_sha256 } => {
                receipt::answered(&mut step, notice, &target, fence, *answer, payload_sha256)?;
            }
            Input::Rescue { notice, target, alive_since } => dispatch::rescue(&mut step, notice, &target, alive_since)?,
            Input::ReleaseHeld => queue::release_held(&mut step)?,
            Input::DoWork { work } => work::again(&mut step, work)?,
            Input::Performed { work, outcome } => work::performed(&mut step, work, *outcome)?,
            Input::Fold(fold) => watch::fold(&mut step, fold)?,
            Input::Operator { act, origin } => event::act(&mut step, act, origin)?,
            Input::OwnerStarted { role, alone, away_since } => watch::owner_started(&mut step, role, alone, away_since),
            Input::LeftBehind => work::left_behind(&mut step)?,
            Input::OwnerBeat { owner } => watch::owner_beat(&mut step, owner, false)?,
            Input::OwnerEnded { owner } => watch::owner_beat(&mut step, owner, true)?,
            Input::InForce(of) => watch::in_force(&mut step, *of)?,
            Input::ClockRead(reading) => watch::clock_read(&mut step, reading)?,
        }
        Ok(step.plan)
    }
}

/// One step in the making. Reads see the view as it was; what the step itself changes it carries along by value.
pub(crate) struct Step<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) view: &'a dyn View,
    pub(crate) now: Timestamp,
    pub(crate) plan: Plan,
}

impl Step<'_> {
    pub(crate) fn settings(&self) -> &Settings {
        &self.machine.settings
    }

    pub(crate) fn write(&mut self, write: Write) {
        self.plan.writes.push(write);
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.plan.effects.push(effect);
    }

    pub(crate) fn reply(&mut self, reply: Reply) {
        self.plan.reply = reply;
    }

    pub(crate) fn task(&self, id: &TaskId) -> Result<Task, StepError> {
        self.view.task(id)?.ok_or_else(|| Refusal::UnknownTask(id.clone()).into())
    }

    pub(crate) fn put_task(&mut self, task: Task) {
        self.write(Write::Task(Box::new(task)));
    }

    pub(crate) fn put_delivery(&mut self, delivery: Delivery) {
        self.write(Write::Delivery(Box::new(delivery)));
    }

    /// Adds a record to the log, in the same commit as whatever else the step writes.
    pub(crate) fn record(
        &mut self,
        kind: ArtifactKind,
        id: impl ToString,
        task: Option<&TaskId>,
        correlation: Option<&CorrelationId>,
        body: Value,
    ) {
        self.plan.artifacts.push(Artifact {
            kind,
            id: id.to_string(),
            task: task.cloned(),
            correlation: correlation.cloned(),
            body,
        });
    }

    /// As [`Step::record`], for what belongs to a notice.
    pub(crate) fn record_for(&mut self, kind: ArtifactKind, id: impl ToString, notice: &Notice, body: Value) {
        self.record(kind, id, notice.task.as_ref(), Some(&notice.correlation), body);
    }
}

/// The JSON of a value of our own. Such values have string keys and finite numbers, so this can't fail; null would show if it did.
pub(crate) fn json(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or(Value::Null)
}
