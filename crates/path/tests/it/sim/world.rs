//! The world: hands that crash, a receiver that remembers, a clock that only we move.

use std::{collections::BTreeMap, time::Duration};

use candor_core::{
    capability::Capabilities,
    decision::{Severity, Verdict},
    event::Event,
    evidence::Origin,
    ids::{Fence, NoticeNo, OwnerNo, TargetName},
    notice::{Answer, DeliveryState, Message, Outcome, Proof, ProofLevel},
    pack::PackSet,
    settings::{OnUnknown, Retry, Settings, Target},
    task::Cadence,
    time::Timestamp,
};
use candor_path::{Due, Effect, Input, Machine, Plan, Reply, Write};
use candor_store::{Listing as _, Store as _, Txn as _, memory::Memory};
use serde_json::json;

use super::{Choices, Mutant};

/// Rounds of one run. Faults happen in the first half; in the second everything works and must come to rest.
const ROUNDS: usize = 10;
/// Rounds in which faults happen.
const FAULTY: usize = 4;
/// How far the clock moves per round.
const ROUND: Duration = Duration::from_secs(60);
/// What a rate limit asks for: longer than Candor's own longest wait.
const FLOOR: Duration = Duration::from_secs(150);

/// How the channel treats repeats, and what is done about an unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// It drops repeats of a key.
    Idempotent,
    /// It doesn't; an unknown outcome waits for an operator.
    Hold,
    /// It doesn't; an unknown outcome is sent again, marked.
    Resend,
    /// It is a stand-in.
    Simulated,
}

/// An invariant that didn't hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which.
    pub(crate) invariant: &'static str,
    /// What was seen.
    pub(crate) what: String,
}

/// The process died; what it held in memory is gone.
struct Crash;

enum Stop {
    Crash(Crash),
    Violation(Violation),
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

type Step<T = ()> = Result<T, Stop>;

fn broken(invariant: &'static str, what: impl Into<String>) -> Violation {
    Violation { invariant, what: what.into() }
}

/// The real machine, with one target of a kind.
pub(crate) fn machine(channel: Channel) -> Machine {
    let target = Target {
        name: "ops".parse().unwrap(),
        sender: "sim@0".to_owned(),
        available: true,
        gate: None,
        idempotent: channel == Channel::Idempotent,
        on_unknown: if channel == Channel::Resend { OnUnknown::ResendPossibleDuplicate } else { OnUnknown::Hold },
        needs: ProofLevel::Stored,
        retry: Retry { attempts_max: 6, first: Duration::from_secs(1), longest: Duration::from_secs(30) },
        from_level: 1,
        from_severity: Severity::Info,
    };
    let settings = Settings {
        profile: "sim".to_owned(),
        node: "sim".to_owned(),
        cadence: Cadence { period: ROUND, grace: ROUND },
        escalate_after: Vec::new(),
        targets: vec![target],
        default_verdict: Verdict::Allow,
        evidence_lives_for: ROUND,
        deployment: Capabilities::default(),
        capabilities: BTreeMap::new(),
        lease: Duration::from_secs(15),
        handover: ROUND,
        fold_every: ROUND,
    };
    Machine { settings, packs: PackSet::core().unwrap() }
}

/// One copy of a message at the receiver.
struct Copy {
    key: String,
    marked: bool,
}

struct World<'a> {
    machine: &'a Machine,
    channel: Channel,
    mutant: Option<Mutant>,
    choices: &'a mut Choices,
    store: Memory,
    now: Timestamp,
    owner: OwnerNo,
    seen: Vec<Copy>,
    /// Answers on the way: they may come after their attempt is over.
    late: Vec<(NoticeNo, TargetName, Fence, Answer)>,
    /// Those of earlier rounds, which arrive in this one.
    older: Vec<(NoticeNo, TargetName, Fence, Answer)>,
    not_before: Option<Timestamp>,
    faulty: bool,
    log: Vec<String>,
}

/// Plays one life of one notice. Returns the log of it.
///
/// # Errors
/// The first invariant that didn't hold.
pub(crate) fn run(
    machine: &Machine,
    channel: Channel,
    mutant: Option<Mutant>,
    choices: &mut Choices,
) -> Result<Vec<String>, Violation> {
    let mut world = World {
        machine,
        channel,
        mutant,
        choices,
        store: Memory::unsealed(),
        now: Timestamp::from_micros(1_800_000_000_000_000),
        owner: OwnerNo(0),
        seen: Vec::new(),
        late: Vec::new(),
        older: Vec::new(),
        not_before: None,
        faulty: true,
        log: Vec::new(),
    };
    world.play()?;
    Ok(world.log)
}

impl World<'_> {
    fn play(&mut self) -> Result<(), Violation> {
        let (mut running, mut accepted) = (false, false);
        for round in 0..ROUNDS {
            self.faulty = round < FAULTY;
            let outcome = self.round(&mut running, &mut accepted);
            match outcome {
                Ok(()) => {}
                Err(Stop::Crash(Crash)) => {
                    self.log.push(format!("{round}: crash"));
                    running = false;
                }
                Err(Stop::Violation(violation)) => return Err(violation),
            }
            self.check(accepted)?;
            self.now = self.now.after(ROUND);
        }
        self.at_rest()
    }

    /// One round: start if need be, hand the report in until it is answered, let late answers arrive, do what is due.
    fn round(&mut self, running: &mut bool, accepted: &mut bool) -> Step {
        if !*running {
            self.start()?;
            *running = true;
        }
        if !*accepted {
            let event = json!({"specversion": "1.0", "id": "1", "source": "/sim",
                "type": "reporting-governance.notice.requested", "data": {"title": "look"}});
            let event = Event::parse(event, self.now).map_err(|error| broken("the report reads", error.to_string()))?;
            self.perform(Input::Report { event: Box::new(event), origin: Origin::Operator })?;
            *accepted = true;
        }
        let waiting = std::mem::take(&mut self.late);
        self.older = waiting;
        let due = self.read(|txn, now| txn.due(now, 16))?;
        for due in due {
            if let Due::Dispatch(notice, target) = due {
                self.perform(Input::Dispatch { notice, target, owner: self.owner, open: true })?;
            }
        }
        for (notice, target, fence, answer) in std::mem::take(&mut self.older) {
            self.book(notice, target, fence, answer)?;
        }
        Ok(())
    }

    fn start(&mut self) -> Step {
        let started = Input::OwnerStarted { role: "up".to_owned(), alone: true, away_since: None };
        if let Reply::Owner(owner) = self.perform(started)? {
            self.owner = owner;
        }
        if self.mutant == Some(Mutant::ForgetOrphans) {
            return Ok(());
        }
        let (owner, alive_since) = (self.owner, self.now);
        for (notice, target) in self.read(|txn, _| txn.orphans(owner, alive_since, 16))? {
            self.perform(Input::Rescue { notice, target: target.clone(), alive_since })?;
            if self.mutant == Some(Mutant::BlindResend) {
                self.forget(notice, &target)?;
            }
        }
        Ok(())
    }

    /// The bug: what may have arrived is treated as never sent.
    fn forget(&mut self, notice: NoticeNo, target: &TargetName) -> Step {
        let found = self.read(|txn, _| txn.delivery(notice, target))?;
        let Some(mut delivery) = found else { return Ok(()) };
        delivery.state = DeliveryState::Queued { due_at: self.now };
        delivery.maybe_repeat = false;
        let mut plan = Plan::new(self.read(|txn, _| txn.numbers())?);
        plan.writes.push(Write::Delivery(Box::new(delivery)));
        self.commit(&plan)
    }

    fn read<T, E: std::fmt::Display>(
        &mut self,
        read: impl FnOnce(&dyn candor_path::View, Timestamp) -> Result<T, E>,
    ) -> Step<T> {
        let txn = self.store.begin().map_err(|error| broken("the store is read", error.to_string()))?;
        read(&txn, self.now).map_err(|error| broken("the store is read", error.to_string()).into())
    }

    fn die_here(&mut self) -> Step {
        if self.faulty && self.choices.crash() { Err(Stop::Crash(Crash)) } else { Ok(()) }
    }

    fn commit(&mut self, plan: &Plan) -> Step {
        let failed = |error: candor_store::StoreError| broken("the store is written", error.to_string());
        let mut txn = self.store.begin().map_err(failed)?;
        txn.apply(plan, self.now).map_err(failed)?;
        txn.commit().map_err(failed)?;
        Ok(())
    }

    /// Steps, commits, and performs the effects, dying before or after each where the choices say so.
    fn perform(&mut self, input: Input) -> Step<Reply> {
        let txn = self.store.begin().map_err(|error| broken("the store is read", error.to_string()))?;
        let stepped = self.machine.step(&txn, self.now, input);
        drop(txn);
        let mut plan = stepped.map_err(|error| broken("the machine takes it", error.to_string()))?;
        let effects = std::mem::take(&mut plan.effects);
        if self.mutant == Some(Mutant::SendBeforeLease) {
            for effect in &effects {
                self.receive(effect)?;
            }
        }
        self.die_here()?;
        if self.mutant == Some(Mutant::TwoCommits) && plan.writes.len() > 1 {
            let (queue, rest) =
                plan.writes.drain(..).partition(|write| matches!(write, Write::Notice(_) | Write::Delivery(_)));
            plan.writes = rest;
            self.commit(&plan)?;
            self.die_here()?;
            plan.writes = queue;
            plan.artifacts.clear();
        }
        self.commit(&plan)?;
        self.die_here()?;
        for effect in effects {
            self.send(&effect)?;
        }
        Ok(plan.reply)
    }

    /// The receiver gets the message.
    fn receive(&mut self, effect: &Effect) -> Step {
        let Effect::Send(sending) = effect else { return Ok(()) };
        let message = &sending.message;
        if self.not_before.is_some_and(|at| self.now < at) {
            return Err(broken("invariant_retry_after_is_a_floor", format!("sent at {}", self.now)).into());
        }
        let (notice, target, fence) = (message.notice, message.target.clone(), message.fence);
        let open = self.read(|txn, _| txn.delivery(notice, &target))?;
        let committed =
            open.is_some_and(|of| matches!(of.state, DeliveryState::Sending { lease, .. } if lease.fence == fence));
        if !committed && self.mutant != Some(Mutant::MarkBeforeSend) {
            let what = format!("attempt {} of {notice} reached the receiver before it was committed", message.attempt);
            return Err(broken("invariant_a_send_follows_its_commit", what).into());
        }
        let key = match self.mutant {
            Some(Mutant::KeyPerAttempt) => format!("{}-{}", message.key, message.attempt),
            _ => message.key.clone(),
        };
        let marked = message.maybe_repeat && message.title.contains("possible repeat");
        self.seen.push(Copy { key, marked: marked && self.mutant != Some(Mutant::UnmarkedRepeat) });
        Ok(())
    }

    fn send(&mut self, effect: &Effect) -> Step {
        let Effect::Send(sending) = effect else { return Ok(()) };
        let Message { notice, target, fence, .. } = sending.message.clone();
        let proved = Outcome::Proved { proof: Proof { level: ProofLevel::Stored, provider_id: None } };
        if self.mutant == Some(Mutant::MarkBeforeSend) {
            let answer = self.answer(proved);
            self.book(notice, target, fence, answer)?;
            self.die_here()?;
            return self.receive(effect);
        }
        // 0 answered, 1 seen and the answer lost, 2 nothing left, 3 seen and the answer comes later, 4 asked to wait.
        let choice = if self.faulty { self.choices.choose(5) } else { 0 };
        self.log.push(format!("send {notice} attempt {} choice {choice}", sending.message.attempt));
        if matches!(choice, 0 | 1 | 3) && self.mutant != Some(Mutant::SendBeforeLease) {
            self.receive(effect)?;
        } else if self.not_before.is_some_and(|at| self.now < at) {
            return Err(broken("invariant_retry_after_is_a_floor", format!("tried at {}", self.now)).into());
        }
        self.die_here()?;
        // An older attempt's answer may come while this one is open.
        for (notice, target, fence, answer) in std::mem::take(&mut self.older) {
            self.book(notice, target, fence, answer)?;
        }
        let outcome = match choice {
            0 => proved,
            2 => Outcome::Failed { why: "no connection".to_owned(), retry_after_ms: None },
            4 => {
                let floor = u64::try_from(FLOOR.as_millis()).unwrap_or(u64::MAX);
                let kept = if self.mutant == Some(Mutant::ShortenRetryAfter) { 1_000 } else { floor };
                Outcome::RateLimited { retry_after_ms: Some(kept) }
            }
            3 => {
                let late = self.answer(proved);
                self.late.push((notice, target.clone(), fence, late));
                Outcome::Unknown { why: "no answer in time".to_owned() }
            }
            _ => Outcome::Unknown { why: "the connection broke".to_owned() },
        };
        let floor = matches!(outcome, Outcome::RateLimited { .. }).then(|| self.now.after(FLOOR));
        let answer = self.answer(outcome);
        self.book(notice, target, fence, answer)?;
        // Only what was recorded can be kept: a wish that died with the process is not known to the next one.
        self.not_before = floor.or(self.not_before);
        Ok(())
    }

    fn answer(&self, outcome: Outcome) -> Answer {
        let simulated = self.channel == Channel::Simulated && self.mutant != Some(Mutant::AckSimulated);
        Answer { outcome, status: None, raw: None, simulated, called_at: self.now, answered_at: self.now }
    }

    fn book(&mut self, notice: NoticeNo, target: TargetName, fence: Fence, answer: Answer) -> Step {
        let before = self.read(|txn, _| txn.delivery(notice, &target))?.map(|of| of.state);
        let open = match &before {
            Some(DeliveryState::Sending { lease, .. }) => Some(lease.fence),
            _ => None,
        };
        let booked_on = match (self.mutant, open) {
            (Some(Mutant::NoFence), Some(open)) => open,
            _ => fence,
        };
        let input = Input::Answered {
            notice,
            target: target.clone(),
            fence: booked_on,
            answer: Box::new(answer),
            payload_sha256: None,
        };
        self.perform(input)?;
        let after = self.read(|txn, _| txn.delivery(notice, &target))?.map(|of| of.state);
        if after != before && open != Some(fence) {
            let what = format!("the answer to {fence:?} moved {notice} while {open:?} was open");
            return Err(broken("invariant_an_answer_is_booked_on_its_own_attempt", what).into());
        }
        Ok(())
    }

    /// What must hold after every round.
    fn check(&mut self, accepted: bool) -> Result<(), Violation> {
        let rows = self.store.notices(&Default::default(), 16).unwrap_or_default();
        let known =
            self.store.artifacts(candor_store::Artifacts::OfCorrelation(&correlation()), 16).unwrap_or_default();
        if rows.is_empty() && (accepted || known.iter().any(|record| record.kind.as_str() == "decision")) {
            return Err(broken("invariant_what_was_accepted_has_its_notice", "a decision without its notice"));
        }
        for delivery in rows.iter().flat_map(|row| &row.deliveries) {
            if matches!(delivery.state, DeliveryState::Acked { .. }) {
                if self.channel == Channel::Simulated {
                    return Err(broken("invariant_a_simulation_is_never_acked", delivery.notice.to_string()));
                }
                if self.seen.is_empty() {
                    return Err(broken("invariant_acked_means_the_receiver_saw_it", delivery.notice.to_string()));
                }
            }
        }
        let mut keys: Vec<&str> = self.seen.iter().map(|copy| copy.key.as_str()).collect();
        keys.dedup();
        if keys.len() > 1 {
            return Err(broken("invariant_one_key_per_notice", keys.join(", ")));
        }
        if self.channel != Channel::Idempotent && self.seen.iter().skip(1).any(|copy| !copy.marked) {
            return Err(broken("invariant_repeats_are_marked", format!("{} copies", self.seen.len())));
        }
        Ok(())
    }

    /// What must hold once faults have stopped: everything is final, or waits for a named reason.
    fn at_rest(&mut self) -> Result<(), Violation> {
        let rows = self.store.notices(&Default::default(), 16).unwrap_or_default();
        let stranded = self.store.stranded(self.now.before(ROUND), 16).unwrap_or_default();
        let moving = rows.iter().flat_map(|row| &row.deliveries).find(|of| {
            matches!(of.state, DeliveryState::Prepared | DeliveryState::Queued { .. } | DeliveryState::Sending { .. })
        });
        if rows.is_empty() || moving.is_some() || !stranded.is_empty() {
            let what = format!("{moving:?} {stranded:?}");
            return Err(broken("invariant_every_notice_has_a_next_step", what));
        }
        Ok(())
    }
}

/// The correlation id of the one report: its event's number.
fn correlation() -> candor_core::ids::CorrelationId {
    "e-1".parse().unwrap()
}
