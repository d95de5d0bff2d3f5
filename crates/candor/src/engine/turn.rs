//! One turn: everything that happens inside one transaction of the writer.

use std::time::{Duration, Instant};

use candor_core::{ids::OwnerNo, time::Timestamp};
use candor_path::{Due, Effect, Input, Machine, Plan, Reply, StepError, View};
use candor_store::{Store, StoreError, Txn};

use super::{
    Answers, Clock, Job, Roles, SubmitError, crash,
    writer::{BEAT_EVERY, IN_FLIGHT_MAX, unreadable},
};

/// Most due work looked up at once.
const DUE_MAX: usize = 256;
/// Most tasks whose routine checkpoints are folded in one commit.
const FOLD_MAX: usize = 256;
/// How often leases of other owners are looked at.
const ORPHANS_EVERY: Duration = Duration::from_secs(1);

/// What is done by the clock, and when next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chores {
    beat_at: Instant,
    fold_at: Instant,
    orphans_at: Instant,
    /// Whether held deliveries must be looked at: at the start, when a gate opens, and with each beat (a gate that was opened by
    /// another process).
    release: bool,
}

impl Chores {
    pub(super) fn at_start() -> Self {
        let now = Instant::now();
        Self { beat_at: now + BEAT_EVERY, fold_at: now + BEAT_EVERY, orphans_at: now, release: true }
    }

    /// When something is to be done next. Orphans are looked at with the beat, unless there is work anyway.
    pub(super) fn next(&self) -> Instant {
        if self.release { Instant::now() } else { self.beat_at.min(self.fold_at) }
    }
}

/// What a turn knows before it begins.
pub(super) struct Turn<'a> {
    pub(super) machine: &'a Machine,
    pub(super) roles: Roles,
    pub(super) owner: OwnerNo,
    pub(super) clock: &'a Clock,
    pub(super) in_flight: usize,
    pub(super) chores: Chores,
}

/// What a turn did, to be told and performed after its commit.
pub(super) struct Done {
    /// One list per job, in order.
    pub(super) answers: Vec<Answers>,
    pub(super) effects: Vec<Effect>,
    pub(super) chores: Chores,
    /// When something is due next.
    pub(super) next_due: Option<Timestamp>,
    /// Whether anything was written.
    pub(super) wrote: bool,
    /// Attempts whose answers were booked.
    pub(super) booked: usize,
    /// Looks whose findings were taken in.
    pub(super) looked: usize,
}

/// A turn under way.
struct Steps<'a, T: Txn> {
    machine: &'a Machine,
    txn: T,
    now: Timestamp,
    effects: Vec<Effect>,
    sends: usize,
    wrote: bool,
    booked: usize,
    looked: usize,
}

impl<T: Txn> Steps<'_, T> {
    fn step(&mut self, input: Input) -> Result<Result<Reply, SubmitError>, StoreError> {
        match self.machine.step(&self.txn, self.now, input) {
            Ok(plan) => self.apply(plan).map(Ok),
            Err(StepError::Refused(refusal)) => Ok(Err(refusal.into())),
            Err(StepError::Unreadable(error)) => Err(unreadable(error)),
        }
    }

    fn apply(&mut self, plan: Plan) -> Result<Reply, StoreError> {
        if !plan.is_empty() {
            self.txn.apply(&plan, self.now)?;
            self.wrote = true;
        }
        self.sends += plan.effects.iter().filter(|effect| matches!(effect, Effect::Send(_))).count();
        self.effects.extend(plan.effects);
        Ok(plan.reply)
    }

    /// Steps an input of the engine's own: a refusal is a defect that must not stop the rest.
    fn own(&mut self, input: Input) -> Result<(), StoreError> {
        if let Err(error) = self.step(input)? {
            tracing::warn!(%error, "own input refused");
        }
        Ok(())
    }

    /// Steps what the hands report, and counts what it settles.
    fn report(&mut self, input: &Input) -> Result<Result<Reply, SubmitError>, StoreError> {
        match input {
            Input::Answered { .. } => self.booked += 1,
            Input::Collected { .. } | Input::Look { .. } => self.looked += 1,
            _ => {}
        }
        self.step(input.clone())
    }
}

impl Turn<'_> {
    /// Runs the turn. On an error nothing was written, and the transaction is gone.
    pub(super) fn run(mut self, store: &mut impl Store, unsaved: &[Input], jobs: &[Job]) -> Result<Done, StoreError> {
        let txn = store.begin()?;
        // Read within the transaction: a reading from before another process's commit would take its jump back.
        let (now, reading) = self.clock.read();
        let mut steps = Steps {
            machine: self.machine,
            txn,
            now,
            effects: Vec::new(),
            sends: 0,
            wrote: false,
            booked: 0,
            looked: 0,
        };
        steps.own(Input::ClockRead(reading))?;
        for input in unsaved {
            let _ = steps.report(input)?;
        }
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            answers.push(self.job(&mut steps, job)?);
        }
        if self.roles != Roles::NONE {
            self.chores(&mut steps)?;
            self.due(&mut steps)?;
        }
        let next_due = if self.roles == Roles::NONE { None } else { steps.txn.next_due_at().map_err(unreadable)? };
        let Steps { txn, effects, wrote, booked, looked, .. } = steps;
        if wrote {
            crash::point(if booked > 0 { "receipt.before_commit" } else { "commit.before" });
            txn.commit()?;
            crash::point(if booked > 0 { "receipt.after_commit" } else { "commit.after" });
        }
        Ok(Done { answers, effects, chores: self.chores, next_due, wrote, booked, looked })
    }

    fn job(&mut self, steps: &mut Steps<'_, impl Txn>, job: &Job) -> Result<Answers, StoreError> {
        let mut answers = Vec::with_capacity(job.inputs.len());
        for input in &job.inputs {
            let reply = if job.answer.is_none() { steps.report(input)? } else { steps.step(input.clone())? };
            self.chores.release |= matches!(reply, Ok(Reply::Opening(_)));
            answers.push(reply);
        }
        Ok(answers)
    }

    /// What is done by the clock.
    fn chores(&mut self, steps: &mut Steps<'_, impl Txn>) -> Result<(), StoreError> {
        let now = Instant::now();
        if now >= self.chores.beat_at {
            steps.own(Input::OwnerBeat { owner: self.owner })?;
            self.chores.beat_at = now + BEAT_EVERY;
            self.chores.release = true;
        }
        if self.chores.release {
            if self.roles.dispatcher || self.roles.bridge {
                steps.own(Input::ReleaseHeld)?;
            }
            self.chores.release = false;
        }
        if now >= self.chores.fold_at && self.roles.watchdog {
            let folds = steps.txn.beats(FOLD_MAX).map_err(unreadable)?;
            let all = folds.len() < FOLD_MAX;
            for fold in folds {
                steps.own(Input::Fold(fold))?;
            }
            let every = if all { self.machine.settings.fold_every } else { Duration::from_secs(1) };
            self.chores.fold_at = now + every;
        }
        if now >= self.chores.orphans_at && (self.roles.dispatcher || self.roles.bridge) {
            let alive_since = steps.now.before(self.machine.settings.lease);
            let orphans = steps.txn.orphans(self.owner, alive_since, DUE_MAX).map_err(unreadable)?;
            let all = orphans.len() < DUE_MAX;
            for (notice, target) in orphans {
                steps.own(Input::Rescue { notice, target, alive_since })?;
            }
            self.chores.orphans_at = if all { now + ORPHANS_EVERY } else { now };
        }
        Ok(())
    }

    /// What is due by its own time, as far as this process's roles take it and slots are free.
    fn due(&self, steps: &mut Steps<'_, impl Txn>) -> Result<(), StoreError> {
        let slots = |steps: &Steps<'_, _>| self.in_flight + steps.sends < IN_FLIGHT_MAX;
        if self.roles.bridge && !self.roles.dispatcher {
            for (notice, target) in steps.txn.handed_over(DUE_MAX).map_err(unreadable)? {
                if slots(steps) {
                    steps.own(Input::Open { notice, target, owner: self.owner })?;
                }
            }
        }
        if !self.roles.watchdog && !self.roles.dispatcher {
            return Ok(());
        }
        let alive_since = steps.now.before(self.machine.settings.lease);
        for due in steps.txn.due(steps.now, DUE_MAX).map_err(unreadable)? {
            match due {
                Due::Look(task) if self.roles.watchdog => steps.own(Input::Look { task, readings: None })?,
                Due::Rescue(notice, target) if self.roles.dispatcher => {
                    steps.own(Input::Rescue { notice, target, alive_since })?;
                }
                Due::Dispatch(notice, target) if self.roles.dispatcher && (!self.roles.bridge || slots(steps)) => {
                    steps.own(Input::Dispatch { notice, target, owner: self.owner, open: self.roles.bridge })?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
