//! The world of one run: processes that live and die, rounds of one minute, and whoever hands in reports.

use std::{collections::BTreeMap, time::Duration};

use candor_core::{
    event::Event,
    evidence::Origin,
    ids::{IncidentNo, NoticeNo, OwnerNo, TargetName},
    notice::{Answer, DeliveryState},
};
use candor_path::{Due, Input, Machine, OwnerRow, Reply, View};
use candor_store::{Listing as _, Store as _, memory::Memory};
use serde_json::json;

use crate::{
    Choices, Mutant, Violation, invariants,
    outside::Outside,
    scenario::{Channel, Deed, Layout, ROUND, Scenario},
};

/// Heartbeats before this are no life: the machine's lease, far shorter than a round.
const LEASE: Duration = Duration::from_secs(15);
/// Due work that one process takes at a time.
const DUE_MAX: usize = 32;
/// How often a process looks for due work in a round: what it does makes more.
const PASSES: usize = 3;

/// Why a step ends early.
pub(crate) enum Stop {
    /// The process died; what it held in memory is gone.
    Crash,
    Violation(Violation),
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

pub(crate) type Step<T = ()> = Result<T, Stop>;

/// An answer on its way to the process that asked.
pub(crate) type OnItsWay = (NoticeNo, TargetName, candor_core::ids::Fence, Answer);

/// One process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) role: &'static str,
    /// Its number while it lives.
    pub(crate) owner: Option<OwnerNo>,
    /// It was stopped, as by a debugger or a swapping machine: it shows no life, and goes on later as if nothing had been.
    pub(crate) paused: bool,
    /// Answers that come in the next round in which it works.
    pub(crate) answers: Vec<OnItsWay>,
    /// Jumps of the clock that it has seen, for the mutant that counts them per process.
    pub(crate) jumps_seen: usize,
}

impl Process {
    fn does(&self, role: &str) -> bool {
        self.role == role || self.role == "up"
    }
}

/// One run.
pub(crate) struct World<'a> {
    pub(crate) machine: Machine,
    pub(crate) scenario: &'a Scenario,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) choices: &'a mut Choices,
    pub(crate) store: Memory,
    pub(crate) out: Outside,
    pub(crate) processes: Vec<Process>,
    pub(crate) faulty: bool,
    pub(crate) jumps: usize,
    pub(crate) log: Vec<String>,
    pub(crate) seen: invariants::Seen,
    pending: Vec<Deed>,
}

/// Plays a scenario once. Returns the log of it.
///
/// # Errors
/// The first invariant that didn't hold.
pub fn run(scenario: &Scenario, mutant: Option<Mutant>, choices: &mut Choices) -> Result<Vec<String>, Violation> {
    let process = |role| Process { role, owner: None, paused: false, answers: Vec::new(), jumps_seen: 0 };
    let roles: &[&str] = match scenario.layout {
        Layout::Up => &["up"],
        Layout::Split => &["watchdog", "dispatcher", "bridge"],
    };
    let mut world = World {
        machine: scenario.machine(mutant),
        scenario,
        mutant,
        choices,
        store: if scenario.sealed { Memory::new(7) } else { Memory::unsealed() },
        out: Outside::default(),
        processes: roles.iter().copied().map(process).collect(),
        faulty: true,
        jumps: 0,
        log: Vec::new(),
        seen: invariants::Seen::default(),
        pending: Vec::new(),
    };
    if let Err(mut violation) = world.play() {
        violation.log = std::mem::take(&mut world.log);
        return Err(violation);
    }
    if scenario.sealed {
        invariants::the_log_verifies(&world.store)?;
    }
    Ok(world.log)
}

impl World<'_> {
    fn play(&mut self) -> Result<(), Violation> {
        for round in 0..self.scenario.rounds {
            self.faulty = round < self.scenario.faulty;
            for (_, deed) in self.scenario.script.iter().filter(|(at, _)| *at == round) {
                self.pending.push(deed.clone());
            }
            self.log.push(format!("round {round}"));
            self.happen();
            for at in 0..self.processes.len() {
                self.guarded(at, Self::begin)?;
            }
            self.guarded(0, |world, _| world.submit())?;
            for at in 0..self.processes.len() {
                self.guarded(at, Self::work)?;
            }
            self.out.pass(ROUND);
        }
        invariants::at_rest(self)
    }

    /// Lets a process do something; if it dies of it, it is dead until the next round.
    fn guarded(&mut self, at: usize, work: impl FnOnce(&mut Self, usize) -> Step) -> Result<(), Violation> {
        match work(self, at) {
            Ok(()) => Ok(()),
            Err(Stop::Violation(violation)) => Err(violation),
            Err(Stop::Crash) => {
                self.log.push(format!("{} dies", self.processes[at].role));
                let process = &mut self.processes[at];
                (process.owner, process.paused) = (None, false);
                process.answers.clear();
                Ok(())
            }
        }
    }

    /// What happens to the world by itself.
    fn happen(&mut self) {
        let (outside, inside) = std::mem::take(&mut self.pending).into_iter().partition(Deed::is_outside);
        self.pending = inside;
        let outside: Vec<Deed> = outside;
        for deed in outside {
            self.log.push(format!("{deed:?}"));
            match deed {
                Deed::ClockJumps(seconds) => {
                    self.out.wall_offset += seconds * 1_000_000;
                    self.jumps += 1;
                }
                Deed::Works(task, works) => drop(self.out.works.insert(task.parse().unwrap(), works)),
                Deed::TargetLeaves(channel) => self.available(channel, false),
                Deed::TargetReturns(channel) => self.available(channel, true),
                _ => {}
            }
        }
    }

    fn available(&mut self, channel: Channel, is: bool) {
        for target in &mut self.machine.settings.targets {
            if target.name == channel.name() {
                target.available = is;
            }
        }
    }

    /// A process starts if it must, and shows that it lives.
    fn begin(&mut self, at: usize) -> Step {
        if self.processes[at].paused {
            return Ok(());
        }
        if self.processes[at].owner.is_none() {
            let alone = self.scenario.layout == Layout::Up;
            let role = self.processes[at].role.to_owned();
            let started = Input::OwnerStarted { role, alone, away_since: None };
            if let Reply::Owner(owner) = self.perform(at, started)? {
                self.processes[at].owner = Some(owner);
            }
        }
        let owner = self.processes[at].owner.unwrap();
        self.perform(at, Input::OwnerBeat { owner })?;
        Ok(())
    }

    /// Reports and acts are handed in until they are answered.
    fn submit(&mut self) -> Step {
        while let Some(deed) = self.pending.first().cloned() {
            if let Some(input) = self.input(&deed)? {
                let reply = self.perform_or_refuse(0, input)?;
                self.log.push(format!("{deed:?}: {}", reply.is_some()));
                if reply.is_some() {
                    invariants::accepted(self, &deed);
                }
            }
            self.pending.remove(0);
        }
        Ok(())
    }

    fn input(&self, deed: &Deed) -> Step<Option<Input>> {
        Ok(Some(match deed {
            Deed::Report { id, kind, task, data } => {
                let mut event = json!({"specversion": "1.0", "id": id, "source": "/sim", "runtime": "cli",
                    "type": format!("reporting-governance.{kind}"), "data": data});
                if let Some(task) = task {
                    event["subject"] = json!(task);
                }
                let event = Event::parse(event, self.out.now()).unwrap();
                Input::Report { event: Box::new(event), origin: Origin::Agent }
            }
            Deed::Act(act) => Input::Operator { act: act.clone(), origin: Origin::Operator },
            _ => return Ok(None),
        }))
    }

    /// A process's turn: answers, chores, what is due.
    fn work(&mut self, at: usize) -> Step {
        if self.processes[at].paused {
            self.processes[at].paused = false;
            return Ok(());
        }
        if self.processes[at].owner.is_none() {
            return Ok(());
        }
        for (notice, target, fence, answer) in std::mem::take(&mut self.processes[at].answers) {
            let state = self.delivery_state(notice, &target);
            let awaited = matches!(&state, Some(DeliveryState::Sending { lease, .. }) if lease.fence == fence);
            // What nobody waits for any more may come now, or while the next attempt is open.
            if !awaited && self.faulty && self.choices.choose(2) == 1 {
                self.processes[at].answers.push((notice, target, fence, answer));
            } else {
                self.book(at, notice, target, fence, answer)?;
            }
        }
        self.chores(at)?;
        for _ in 0..PASSES {
            self.due(at)?;
        }
        Ok(())
    }

    fn chores(&mut self, at: usize) -> Step {
        let process = self.processes[at].clone();
        if (process.does("dispatcher") || process.does("bridge")) && self.mutant != Some(Mutant::NeverReleased) {
            self.perform(at, Input::ReleaseHeld)?;
        }
        if process.does("watchdog") && self.mutant != Some(Mutant::NeverFold) {
            for fold in self.read(|view| view.beats(DUE_MAX)) {
                self.perform(at, Input::Fold(fold))?;
            }
        }
        if (process.does("dispatcher") || process.does("bridge")) && self.mutant != Some(Mutant::ForgetOrphans) {
            self.rescue(at, process.owner.unwrap())?;
        }
        if self.mutant == Some(Mutant::ReviveAcked) {
            let acked = self.seen.states.iter().find(|(_, state)| matches!(state, DeliveryState::Acked { .. }));
            if let Some((notice, target)) = acked.map(|(key, _)| key.clone()) {
                self.forget(notice, &target)?;
                invariants::after_commit(self)?;
            }
        }
        Ok(())
    }

    fn rescue(&mut self, at: usize, owner: OwnerNo) -> Step {
        let early = self.mutant == Some(Mutant::RescueTheLiving);
        let now = self.out.now();
        let alive_since = if early { now.after(ROUND) } else { now.before(LEASE) };
        for (notice, target) in self.read(|view| view.orphans(owner, alive_since, DUE_MAX)) {
            let before = self.delivery_state(notice, &target);
            self.perform(at, Input::Rescue { notice, target: target.clone(), alive_since })?;
            if let Some(DeliveryState::Sending { lease, .. }) = &before {
                let holder = self.processes.iter().find(|process| process.owner == Some(lease.owner));
                let lives = holder.is_some_and(|holder| !holder.paused);
                if lives && self.delivery_state(notice, &target) != before {
                    let what = format!("{notice} was taken from {:?}, which lives", lease.owner);
                    return Err(Violation::new("invariant_only_the_dead_are_rescued", what).into());
                }
            }
            if self.mutant == Some(Mutant::BlindResend) {
                self.forget(notice, &target)?;
            }
        }
        Ok(())
    }

    fn due(&mut self, at: usize) -> Step {
        let process = self.processes[at].clone();
        let owner = process.owner.unwrap();
        if process.does("bridge") {
            for (notice, target) in self.read(|view| view.handed_over(DUE_MAX)) {
                self.perform(at, Input::Open { notice, target, owner })?;
                if self.processes[at].paused {
                    return Ok(());
                }
            }
        }
        let now = self.out.now();
        for due in self.read(|view| view.due(now, DUE_MAX)) {
            match due {
                Due::Look(task) if process.does("watchdog") => {
                    self.perform(at, Input::Look { task, readings: None })?;
                }
                Due::Dispatch(notice, target) if process.does("dispatcher") => {
                    self.perform(at, Input::Dispatch { notice, target, owner, open: process.role == "up" })?;
                }
                Due::Rescue(notice, target) if process.does("dispatcher") => {
                    self.perform(at, Input::Rescue { notice, target, alive_since: now.before(LEASE) })?;
                }
                _ => {}
            }
            if self.processes[at].paused {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(crate) fn read<T>(&mut self, read: impl FnOnce(&dyn View) -> Result<T, candor_path::Unreadable>) -> T {
        let txn = self.store.begin().unwrap();
        read(&txn).unwrap()
    }

    pub(crate) fn delivery_state(&mut self, notice: NoticeNo, target: &TargetName) -> Option<DeliveryState> {
        self.read(|view| view.delivery(notice, target)).map(|of| of.state)
    }

    /// Incidents by number, as they now are.
    pub(crate) fn incidents(&self) -> BTreeMap<IncidentNo, candor_core::task::Incident> {
        let (open, closed) = (self.store.incidents(true, 99).unwrap(), self.store.incidents(false, 99).unwrap());
        open.into_iter().chain(closed).map(|incident| (incident.no, incident)).collect()
    }
}

/// Roles whose owners look at tasks, as the machine knows them: a guard that the simulator's names are the machine's.
const _: () = assert!(OwnerRow::WATCHING.len() == 3);
