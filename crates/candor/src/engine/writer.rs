//! The writer: the one thread that changes the store. It takes what waits, steps the machine for each input in one transaction,
//! adds the due work, commits once, and only then answers and lets the hands act.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use candor_core::{ids::OwnerNo, time::Timestamp};
use candor_path::{Effect, InForce, Input, Machine, Reply, StepError, Unreadable, Vouched};
use candor_store::{Listing, Store, StoreError, Txn, sqlite::Sqlite};

use super::{
    Answers, Job, Roles, Setup, SubmitError, ToWriter, crash,
    hands::Hands,
    owners::OwnersFile,
    prune,
    turn::{Chores, Turn},
};
use crate::{
    config::in_force,
    exit::{Exit, Failure},
};

/// Most inputs taken into one commit.
pub(super) const BATCH_MAX: usize = 256;
/// Most attempts open at once.
pub(super) const IN_FLIGHT_MAX: usize = 64;
/// How often an owner shows that it lives. A third of the lease, so that two lost beats don't lose it.
pub(super) const BEAT_EVERY: Duration = Duration::from_secs(5);
/// How long the end waits for attempts that are open.
const STOP_GRACE: Duration = Duration::from_secs(25);
/// How often the end looks whether everything is finished.
const STOP_POLL: Duration = Duration::from_millis(20);
/// How often due work that couldn't be done is looked at again.
const STALL_POLL: Duration = Duration::from_millis(500);
/// How long own work rests after the store failed.
const STORE_REST: Duration = Duration::from_millis(500);
/// How long nobody must have been there for the absence to count as a gap.
const AWAY_MIN: Duration = Duration::from_secs(60);

/// The writer and what it keeps between turns. Everything that must survive is in the store.
pub(super) struct Writer {
    machine: Machine,
    store: Sqlite,
    hands: Hands,
    inbox: Receiver<ToWriter>,
    waiting: Arc<AtomicUsize>,
    clock: super::Clock,
    roles: Roles,
    role: &'static str,
    once: bool,
    takes_reports: bool,
    owner: OwnerNo,
    /// Who may approve.
    owners_file: OwnersFile,
    /// What is decided by.
    in_force: Box<InForce>,
    /// Whether that is on record.
    is_recorded: bool,
    /// Attempts that this process has open.
    in_flight: usize,
    /// Probes and collections that this process has open.
    looking: usize,
    /// What the world reported and the store couldn't take yet. Never dropped: an answer lost here would be a proof lost.
    unsaved: Vec<Input>,
    /// When own work may be tried again after the store failed.
    rest_until: Option<Instant>,
    /// What is done by the clock, and when next.
    chores: Chores,
    /// When something is due next, as the last turn saw it.
    next_due: Option<Timestamp>,
    /// Whether the last turn wrote anything. One that didn't has nothing left that it could do now.
    progress: bool,
    stopping: Option<Instant>,
    /// When the next step of a pruning is tried, where one may be open.
    prune_at: Option<Instant>,
}

impl Writer {
    pub(super) fn new(setup: Setup, hands: Hands, inbox: Receiver<ToWriter>, waiting: Arc<AtomicUsize>) -> Self {
        Self {
            machine: setup.rules.machine,
            store: setup.store,
            hands,
            inbox,
            waiting,
            clock: setup.clock,
            roles: setup.roles,
            role: setup.role,
            once: setup.once,
            takes_reports: setup.takes_reports,
            owner: OwnerNo(0),
            owners_file: setup.rules.owners_file,
            in_force: setup.rules.in_force,
            is_recorded: false,
            in_flight: 0,
            looking: 0,
            unsaved: Vec::new(),
            rest_until: None,
            chores: Chores::at_start(),
            next_due: None,
            progress: true,
            stopping: None,
            prune_at: None,
        }
    }

    pub(super) fn run(mut self) -> Result<(), Failure> {
        crash::point("start.before_recover");
        self.recover().map_err(|error| Failure::new(Exit::Store, error.to_string()))?;
        crash::point("start.after_recover");
        loop {
            let jobs = self.take_in();
            self.look_at_owners();
            self.retry_in_force();
            self.turn(jobs);
            self.prune();
            if self.is_finished() {
                break;
            }
        }
        crash::point("stop.before_end");
        if self.roles != Roles::NONE {
            let _ = self.own(Input::OwnerEnded { owner: self.owner });
        }
        Ok(())
    }

    /// Mends the clock, and registers as an owner if it takes work. A command that only hands something in leases nothing.
    fn recover(&mut self) -> Result<(), StoreError> {
        let (now, reading) = self.clock.read();
        self.own(Input::ClockRead(reading))?;
        self.put_in_force()?;
        if self.store.was_alone() {
            self.own(Input::LeftBehind)?;
        }
        if self.roles == Roles::NONE {
            return Ok(());
        }
        // One that a crash or a closed gate interrupted goes on.
        self.prune_at = self.roles.watchdog.then(Instant::now);
        let alone = self.store.was_alone();
        let away_since = if self.takes_reports && alone {
            self.store.reads().owners(1)?.first().map(|owner| owner.beat_at).filter(|last| now.since(*last) >= AWAY_MIN)
        } else {
            None
        };
        if let Some(Reply::Owner(owner)) =
            self.own(Input::OwnerStarted { role: self.role.to_owned(), alone, away_since })?
        {
            self.owner = owner;
        }
        Ok(())
    }

    /// Has on record what is decided by, before anything is.
    fn put_in_force(&mut self) -> Result<(), StoreError> {
        if !self.is_recorded {
            self.own(Input::InForce(self.in_force.clone()))?;
            self.is_recorded = true;
        }
        Ok(())
    }

    /// The same where the store may fail: it is tried again with the next turn.
    fn retry_in_force(&mut self) {
        if let Err(error) = self.put_in_force() {
            tracing::warn!(%error, "what is decided by isn't on record yet");
        }
    }

    /// Goes by the owners that the file names now, and has that on record before anything is decided by it.
    fn look_at_owners(&mut self) {
        let Some((text, owners)) = self.owners_file.changed() else { return };
        if self.machine.settings.approvals.allowed_signers == text {
            return;
        }
        self.machine.settings.approvals.allowed_signers = text;
        self.machine.vouched = Vouched::default();
        self.hands.go_by(owners);
        in_force::change(&mut self.in_force, &self.machine.settings);
        self.is_recorded = false;
        // What waited may pass by them.
        self.progress = true;
    }

    /// Steps one input of the engine's own in a commit of its own.
    fn own(&mut self, input: Input) -> Result<Option<Reply>, StoreError> {
        let mut txn = self.store.begin()?;
        let now = self.clock.now();
        match self.machine.step(&txn, now, input) {
            Ok(plan) => {
                txn.apply(&plan, now)?;
                txn.commit()?;
                Ok(Some(plan.reply))
            }
            Err(StepError::Refused(refusal)) => {
                tracing::warn!(%refusal, "own input refused");
                Ok(None)
            }
            Err(StepError::Unreadable(error)) => Err(unreadable(error)),
        }
    }

    /// Waits for the first job or the next due time, then takes what else is there.
    fn take_in(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut inputs = 0;
        let first = match self.wait() {
            Duration::ZERO => self.inbox.try_recv().map_err(|_| RecvTimeoutError::Timeout),
            wait => self.inbox.recv_timeout(wait),
        };
        let mut next = first.ok();
        while let Some(message) = next.take() {
            match message {
                ToWriter::Job(job) => {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    inputs += job.inputs.len();
                    jobs.push(job);
                }
                ToWriter::Adopt(rules, done) => {
                    self.hands.adopt(&rules);
                    self.machine = rules.machine;
                    self.owners_file = rules.owners_file;
                    self.in_force = rules.in_force;
                    self.is_recorded = false;
                    self.retry_in_force();
                    // What waited for a target or a gate may have become possible.
                    self.progress = true;
                    let _ = done.send(());
                }
                ToWriter::Stop => self.stopping = self.stopping.or(Some(Instant::now() + STOP_GRACE)),
            }
            if inputs < BATCH_MAX {
                next = self.inbox.try_recv().ok();
            }
        }
        jobs
    }

    /// How long nothing needs to be done, unless a job comes.
    fn wait(&self) -> Duration {
        let now = Instant::now();
        if let Some(until) = self.rest_until {
            return until.saturating_duration_since(now).max(Duration::from_millis(1));
        }
        let mut wait = self.chores.next().saturating_duration_since(now);
        if let Some(at) = self.prune_at {
            wait = wait.min(at.saturating_duration_since(now));
        }
        if self.stopping.is_some() {
            return wait.min(STOP_POLL);
        }
        if self.once && self.is_idle() {
            return Duration::ZERO;
        }
        if let Some(at) = self.next_due {
            let until = at.since(self.clock.now());
            // What is due and wasn't done waits for a free slot or for another role, not for a time.
            wait = wait.min(if until.is_zero() && !self.progress { STALL_POLL } else { until });
        }
        wait
    }

    fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.looking == 0 && self.unsaved.is_empty()
    }

    fn is_finished(&self) -> bool {
        match self.stopping {
            Some(until) => self.is_idle() || Instant::now() >= until,
            None => self.once && self.is_idle() && !self.progress,
        }
    }

    /// Goes on with an open pruning, a step at a time, so that nobody waits for it.
    fn prune(&mut self) {
        if self.prune_at.is_none_or(|at| at > Instant::now()) || self.stopping.is_some() {
            return;
        }
        self.prune_at = match prune::step(&mut self.store, self.hands.owners(), &self.clock) {
            Ok(prune::Next::Now) => Some(Instant::now()),
            Ok(prune::Next::Nothing) => None,
            Ok(prune::Next::GateClosed) => Some(Instant::now() + BEAT_EVERY),
            Err(error) => {
                tracing::warn!(%error, "a pruning couldn't go on");
                Some(Instant::now() + STORE_REST)
            }
        };
    }

    /// One transaction: what was taken in, what is due, one commit; then answers and effects.
    fn turn(&mut self, jobs: Vec<Job>) {
        let turn = Turn {
            machine: &self.machine,
            roles: if self.stopping.is_some() { Roles::NONE } else { self.roles },
            owner: self.owner,
            clock: &self.clock,
            in_flight: self.in_flight,
            chores: self.chores,
        };
        match turn.run(&mut self.store, &self.unsaved, &jobs) {
            Ok(done) => {
                if jobs.iter().flat_map(|job| &job.inputs).any(prune::is_asked) {
                    self.prune_at = Some(Instant::now());
                }
                self.rest_until = None;
                self.unsaved.clear();
                self.chores = done.chores;
                self.next_due = done.next_due;
                self.progress = done.wrote;
                self.in_flight = self.in_flight.saturating_sub(done.booked);
                self.looking = self.looking.saturating_sub(done.looked);
                self.settle(jobs, done.answers, done.effects);
                self.rest();
            }
            Err(error) => self.failed(jobs, &error),
        }
    }

    /// Lets the store tidy up when neither a report nor an answer is waited for.
    fn rest(&mut self) {
        if self.in_flight == 0 && self.waiting.load(Ordering::Relaxed) == 0 {
            // Nothing is lost by it: the next commit that can't be made tells whoever waits for it.
            if let Err(error) = self.store.rest() {
                tracing::warn!(%error, "the journal couldn't be brought into the database");
            }
        }
    }

    fn settle(&mut self, jobs: Vec<Job>, answers: Vec<Answers>, effects: Vec<Effect>) {
        for (job, answers) in jobs.into_iter().zip(answers) {
            if let Some(to) = job.answer {
                // Whoever asked may have gone; what they asked for is durable all the same.
                let _ = to.send(answers);
            }
        }
        for effect in effects {
            match effect {
                Effect::Send(_) => self.in_flight += 1,
                Effect::Collect { .. } | Effect::Probe { .. } | Effect::Perform(_) => self.looking += 1,
            }
            self.hands.perform(effect);
        }
    }

    /// The store failed: whoever asked hears of it, and what the world reported is kept for the next turn.
    fn failed(&mut self, jobs: Vec<Job>, error: &StoreError) {
        tracing::error!(%error, "the store failed; nothing of this turn was written");
        for job in jobs {
            match job.answer {
                Some(to) => {
                    let answers = job.inputs.iter().map(|_| Err(SubmitError::from(error))).collect();
                    let _ = to.send(answers);
                }
                None => self.unsaved.extend(job.inputs),
            }
        }
        self.rest_until = Some(Instant::now() + STORE_REST);
    }
}

/// A view that can't be read is the store's failure.
pub(super) fn unreadable(error: Unreadable) -> StoreError {
    StoreError::Io { path: std::path::PathBuf::new(), why: error.0 }
}
