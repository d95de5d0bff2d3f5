//! One turn: everything that happens inside one transaction of the writer.

use std::time::{Duration, Instant};

use candor_core::{gate::GATES, ids::OwnerNo, time::Timestamp};
use candor_path::{Due, Effect, Input, Machine, Plan, Reply, StepError, View, Write};
use candor_store::{Store, StoreError, Txn};

use super::{
    Answers, Clock, Job, Roles, SubmitError, crash,
    writer::{BATCH_MAX, BEAT_EVERY, IN_FLIGHT_MAX, unreadable},
};

/// Most due work looked up at once.
const DUE_MAX: usize = 256;
/// Most tasks whose routine checkpoints are folded in one commit: few, since each may have thousands, and others wait meanwhile.
const FOLD_MAX: usize = 16;
/// Most work that waits for one gate and is tried in one turn.
const WORK_MAX: usize = 64;
/// How long the next of them wait.
const FOLD_PAUSE: Duration = Duration::from_millis(50);
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
    /// Whether work was left for gates: what of it can go on does so in the next turn.
    wants: bool,
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
        self.wants |= plan.writes.iter().any(|write| matches!(write, Write::Work(_)));
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

    /// Tries the work that waits for gates which are open now, each in a step of its own: what one leaves, the next may use.
    fn waiting_work(&mut self) -> Result<(), StoreError> {
        for gate in GATES {
            let openings = self.txn.openings(*gate).map_err(unreadable)?;
            if !openings.iter().any(|opening| opening.is_open(self.now)) {
                continue;
            }
            for work in self.txn.waiting_work(*gate, WORK_MAX).map_err(unreadable)? {
                self.own(Input::DoWork { work: work.no })?;
            }
        }
        Ok(())
    }

    /// Steps what the hands report, and counts what it settles.
    fn report(&mut self, input: &Input) -> Result<Result<Reply, SubmitError>, StoreError> {
        match input {
            Input::Answered { .. } => self.booked += 1,
            Input::Collected { .. } | Input::Look { .. } | Input::Performed { .. } => self.looked += 1,
            _ => {}
        }
        self.step(input.clone())
    }
}

impl Turn<'_> {
    /// Runs the turn. On an error nothing was written, and the transaction is gone.
    pub(super) fn run(mut self, store: &mut impl Store, unsaved: &[Input], jobs: &[Job]) -> Result<Done, StoreError> {
        let crowded = store.wants_fold();
        let txn = store.begin()?;
        // Read within the transaction: a reading from before another process's commit would take its jump back.
        let (now, reading) = self.clock.read();
        let mut steps = Steps {
            machine: self.machine,
            txn,
            now,
            effects: Vec::new(),
            sends: 0,
            wants: false,
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
            self.chores(&mut steps, crowded)?;
            self.due(&mut steps)?;
            // What was left for a gate that is open goes on at once, not at the next beat.
            self.chores.release |= steps.wants && (self.roles.dispatcher || self.roles.bridge);
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
            self.chores.release |= matches!(reply, Ok(Reply::Opening(_) | Reply::Approval(_)));
            answers.push(reply);
        }
        Ok(answers)
    }

    /// What is done by the clock; folding also when the store is `crowded` with checkpoints that wait for it.
    fn chores(&mut self, steps: &mut Steps<'_, impl Txn>, crowded: bool) -> Result<(), StoreError> {
        let now = Instant::now();
        if now >= self.chores.beat_at {
            steps.own(Input::OwnerBeat { owner: self.owner })?;
            self.chores.beat_at = now + BEAT_EVERY;
            self.chores.release = true;
        }
        if self.chores.release {
            if self.roles.dispatcher || self.roles.bridge {
                steps.own(Input::ReleaseHeld)?;
                steps.waiting_work()?;
            }
            self.chores.release = false;
        }
        let fold_is_due = now >= self.chores.fold_at;
        let mut all = true;
        if self.roles.watchdog && (fold_is_due || crowded) {
            // A crowd grows by less than two batches in a commit, and must not grow further.
            let most = if crowded { 2 * BATCH_MAX } else { FOLD_MAX };
            let folds = steps.txn.beats(most).map_err(unreadable)?;
            all = folds.len() < most;
            for fold in folds {
                steps.own(Input::Fold(fold))?;
            }
        }
        // Moved on whoever this is: a time that has passed would be waited for without end. What a crowd needs is no round of its own.
        if fold_is_due {
            self.chores.fold_at = now + if all { self.machine.settings.fold_every } else { FOLD_PAUSE };
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
        // Also beside a dispatcher of its own, which opens at once: a dispatcher that ran before may have left some.
        if self.roles.bridge {
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use candor_core::{event::Event, evidence::Origin};
    use candor_store::memory::{Memory, MemoryTxn};
    use serde_json::json;

    use super::*;
    use crate::{config::Config, home::Home};

    /// A store that says that it is crowded, however little waits.
    struct Crowded(Memory);

    impl Store for Crowded {
        type Txn<'a> = MemoryTxn<'a>;
        type Reads = Memory;

        fn begin(&mut self) -> Result<MemoryTxn<'_>, StoreError> {
            self.0.begin()
        }

        fn reads(&self) -> &Memory {
            self.0.reads()
        }

        fn wants_fold(&self) -> bool {
            true
        }
    }

    fn report(kind: &str, now: Timestamp) -> Job {
        let event = json!({"specversion": "1.0", "id": kind, "source": "/t", "subject": "t", "data": {},
            "type": format!("reporting-governance.task.{kind}")});
        let event = Box::new(Event::parse(event, now).unwrap());
        // Without anyone to answer, a job is what the hands report, and a refusal would be lost.
        let (answer, _) = tokio::sync::oneshot::channel();
        Job { inputs: vec![Input::Report { event, origin: Origin::Agent }], answer: Some(answer) }
    }

    fn machine() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let home = Home { state: folder.path().to_owned(), config: folder.path().join("candor.yaml") };
        Config::load(&home).unwrap().machine
    }

    fn turn(store: &mut impl Store, roles: Roles, chores: Chores, jobs: &[Job]) -> Done {
        let (machine, clock) = (machine(), Clock::default());
        let turn = Turn { machine: &machine, roles, owner: OwnerNo(0), clock: &clock, in_flight: 0, chores };
        turn.run(store, &[], jobs).unwrap()
    }

    /// Tasks with a checkpoint that waits, before and after a turn whose time to fold hasn't come.
    fn waiting<S: Store>(store: &mut S) -> [usize; 2] {
        let now = Clock::default().now();
        let jobs = [report("started", now), report("checkpointed", now)];
        let done = turn(store, Roles::NONE, Chores::at_start(), &jobs);
        assert!(done.answers.iter().flatten().all(Result::is_ok));
        let count = |store: &mut S| store.begin().unwrap().beats(FOLD_MAX).unwrap().len();
        let before = count(store);
        turn(store, Roles::ALL, Chores::at_start(), &[]);
        [before, count(store)]
    }

    #[test]
    fn a_crowded_store_folds_before_its_time() {
        assert_eq!(waiting(&mut Memory::new(1)), [1, 1]);
        assert_eq!(waiting(&mut Crowded(Memory::new(1))), [1, 0]);
    }

    /// A dispatcher that ran alone took a whole core from its fifth second on.
    #[test]
    fn every_role_waits_when_its_chores_are_done() {
        for (watchdog, dispatcher, bridge) in [(true, false, false), (false, true, false), (false, false, true)] {
            let start = Instant::now();
            let due = Chores { beat_at: start, fold_at: start, orphans_at: start, release: true };
            let done = turn(&mut Memory::new(1), Roles { watchdog, dispatcher, bridge }, due, &[]);
            assert!(done.chores.next() >= start + BEAT_EVERY);
        }
    }
}
