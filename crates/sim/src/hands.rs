//! The hands: they step, commit and perform effects, and die before or after each where the choices say so. The mutants are here.

use candor_core::{
    evidence::{Bearing, Finding, Method},
    ids::{Fence, NoticeNo, TargetName},
    notice::{Answer, BlockReason, DeliveryState, Message, Outcome, Proof, ProofLevel},
    task::{Reading, Signal},
};
use candor_path::{ArtifactKind, ClockReading, Effect, Input, Plan, Reply, StepError, Write};
use candor_store::{Store as _, Txn as _};

use crate::{
    Mutant, Violation, invariants,
    scenario::{Channel, FLOOR, Sent},
    world::{OnItsWay, Step, Stop, World},
};

impl World<'_> {
    /// Whether the process dies here.
    fn die_here(&mut self) -> Step {
        if self.faulty && self.choices.crash() { Err(Stop::Crash) } else { Ok(()) }
    }

    /// Steps an input of the engine's own.
    pub(crate) fn perform(&mut self, at: usize, input: Input) -> Step<Reply> {
        self.perform_or_refuse(at, input)?.ok_or_else(|| {
            Violation::new("invariant_own_inputs_are_taken", "an input of the engine's own was refused").into()
        })
    }

    /// Steps, commits, and performs the effects. None when the machine refuses the input.
    pub(crate) fn perform_or_refuse(&mut self, at: usize, input: Input) -> Step<Option<Reply>> {
        self.read_clocks(at)?;
        let looks = matches!(input, Input::Look { .. });
        let answers = matches!(input, Input::Answered { .. });
        let report = matches!(input, Input::Report { .. }).then(|| input.clone());
        let Some(mut plan) = self.step(input)? else { return Ok(None) };
        self.mutate(&mut plan, looks, answers);
        invariants::recorded(self, &plan)?;
        let effects = std::mem::take(&mut plan.effects);
        if self.mutant == Some(Mutant::SendBeforeLease) {
            for effect in &effects {
                if let Effect::Send(sending) = effect {
                    self.receive(&sending.message)?;
                }
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
        if let Some(report) = report {
            invariants::reported(self, &report);
        }
        invariants::after_commit(self)?;
        if !effects.is_empty() {
            self.die_here()?;
        }
        for effect in effects {
            self.act(at, effect)?;
        }
        Ok(Some(plan.reply))
    }

    fn step(&mut self, input: Input) -> Step<Option<Plan>> {
        let now = self.out.now();
        let txn = self.store.begin().unwrap();
        match self.machine.step(&txn, now, input) {
            Ok(plan) => Ok(Some(plan)),
            Err(StepError::Refused(_)) => Ok(None),
            Err(StepError::Unreadable(error)) => panic!("{error}"),
        }
    }

    fn commit(&mut self, plan: &Plan) -> Step {
        let now = self.out.now();
        let mut txn = self.store.begin().unwrap();
        txn.apply(plan, now).unwrap();
        txn.commit().unwrap();
        Ok(())
    }

    /// Each turn of the engine reads the clocks before anything else.
    fn read_clocks(&mut self, at: usize) -> Step {
        let reading = ClockReading { steady: "sim".to_owned(), offset: self.out.now().as_micros() - self.out.elapsed };
        let twice = self.mutant == Some(Mutant::ShiftTwice) && self.processes[at].jumps_seen < self.jumps;
        self.processes[at].jumps_seen = self.jumps;
        let known = self.read(|view| view.clock());
        if known.as_ref() == Some(&reading) && !twice {
            return Ok(());
        }
        let Some(mut plan) = self.step(Input::ClockRead(reading.clone()))? else { return Ok(()) };
        if twice && let Some(known) = known.filter(|known| *known == reading || self.processes.len() == 1) {
            let micros = if known == reading { self.out.wall_offset } else { reading.offset - known.offset };
            plan.writes.push(Write::Shift { micros });
        }
        if self.mutant == Some(Mutant::NoShift) {
            plan.writes.retain(|write| !matches!(write, Write::Shift { .. }));
        }
        self.die_here()?;
        self.commit(&plan)
    }

    /// The mutants that change a plan.
    fn mutate(&mut self, plan: &mut Plan, looks: bool, answers: bool) {
        let Some(mutant) = self.mutant else { return };
        let drop_write = |plan: &mut Plan, which: fn(&Write) -> bool| plan.writes.retain(|write| !which(write));
        match mutant {
            Mutant::ForgetSeen => drop_write(plan, |write| matches!(write, Write::Seen { .. })),
            Mutant::LoseBeat => drop_write(plan, |write| matches!(write, Write::Beat(_))),
            Mutant::ForgetIncident => {
                drop_write(plan, |write| matches!(write, Write::Incident(_)));
                for write in &mut plan.writes {
                    if let Write::Task(task) = write {
                        task.incident = None;
                        task.due_at = task.due_at.or(Some(self.out.now()));
                    }
                }
            }
            Mutant::NoLedger => drop_write(plan, |write| matches!(write, Write::Ledger(_))),
            Mutant::UncountedUses => {
                drop_write(plan, |write| matches!(write, Write::Opening(of) if of.used > 0));
            }
            Mutant::ParkNoticeOnly => drop_write(plan, |write| matches!(write, Write::Parked { .. })),
            Mutant::NoReceiptRecord => plan.artifacts.retain(|artifact| artifact.kind != ArtifactKind::Receipt),
            Mutant::DropDecisionRecord => plan.artifacts.retain(|artifact| artifact.kind != ArtifactKind::Decision),
            _ => {}
        }
        let now = self.out.now();
        for write in &mut plan.writes {
            match (mutant, write) {
                (Mutant::EscalateAcknowledged, Write::Incident(incident)) => {
                    incident.acknowledged_by = None;
                    if incident.resolved_at.is_none() {
                        incident.escalate_at = incident.escalate_at.or(Some(now));
                    }
                }
                (Mutant::EscalateAcknowledged, Write::Task(task)) if task.incident.is_some() => {
                    task.due_at = task.due_at.or(Some(now));
                }
                (Mutant::LookOnce, Write::Task(task)) if looks || task.due_at.is_some() => task.due_at = None,
                (Mutant::UncountedTries, Write::Delivery(delivery)) if answers => {
                    delivery.tries = 0;
                    if let DeliveryState::Blocked { .. } = delivery.state {
                        delivery.state = DeliveryState::Queued { due_at: now };
                    }
                }
                _ => {}
            }
        }
    }

    /// The bug: what may have arrived is treated as never sent.
    pub(crate) fn forget(&mut self, notice: NoticeNo, target: &TargetName) -> Step {
        let Some(mut delivery) = self.read(|view| view.delivery(notice, target)) else { return Ok(()) };
        delivery.state = DeliveryState::Queued { due_at: self.out.now() };
        delivery.maybe_repeat = false;
        let mut plan = Plan::new(self.read(|view| view.numbers()));
        plan.writes.push(Write::Delivery(Box::new(delivery)));
        self.commit(&plan)
    }

    fn act(&mut self, at: usize, effect: Effect) -> Step {
        match effect {
            Effect::Send(sending) => self.send(at, sending.message),
            // No story wants gated work.
            Effect::Perform(_) => Ok(()),
            Effect::Probe { task, signals } => {
                let used = self.out.used.get(&task).copied().unwrap_or_default();
                let deaf = self.mutant == Some(Mutant::DeafProbe);
                let reading = |signal: &Signal| Reading {
                    exists: matches!(signal, Signal::Process { .. }),
                    amount: if deaf { 0 } else { used },
                    changed_at: None,
                    read_at: self.out.now(),
                };
                let readings = signals.iter().map(reading).collect();
                self.die_here()?;
                self.perform(at, Input::Look { task, readings: Some(readings) })?;
                Ok(())
            }
            Effect::Collect { evidence, .. } => {
                // The report shows failed tests, or can't be read.
                let bearing = if self.faulty && self.choices.choose(2) == 1 {
                    Bearing::Inconclusive
                } else {
                    Bearing::Contradicts
                };
                let finding = Finding {
                    method: Method::Checked,
                    bearing,
                    summary: "looked at".to_owned(),
                    sha256: None,
                    subject_at: Some(self.out.now()),
                    changed_at: None,
                    exit_code: None,
                    tests: None,
                    looked_at: self.out.now(),
                };
                self.die_here()?;
                self.perform(at, Input::Collected { evidence, finding: Box::new(finding) })?;
                Ok(())
            }
        }
    }

    /// The receiver gets the message.
    fn receive(&mut self, message: &Message) -> Step {
        let channel = Channel::of(&message.target);
        self.asked_to_wait(message)?;
        let open = self.read(|view| view.delivery(message.notice, &message.target));
        let committed = open
            .is_some_and(|of| matches!(of.state, DeliveryState::Sending { lease, .. } if lease.fence == message.fence));
        if !committed && self.mutant != Some(Mutant::MarkBeforeSend) {
            let what = format!("attempt {} of {} left before it was committed", message.attempt, message.notice);
            return Err(Violation::new("invariant_a_send_follows_its_commit", what).into());
        }
        invariants::gate(self, message, channel)?;
        let key = match self.mutant {
            Some(Mutant::KeyPerAttempt) => format!("{}-{}", message.key, message.attempt),
            Some(Mutant::KeyPerTarget) => format!("candor-{}", message.target),
            _ => message.key.clone(),
        };
        let marked = message.maybe_repeat
            && message.title.contains("possible repeat")
            && self.mutant != Some(Mutant::UnmarkedRepeat);
        let covers = self.mutant != Some(Mutant::ForgetMembers);
        self.out.take(message, key, marked, channel.knows_keys(), covers);
        invariants::after_arrival(self)?;
        Ok(())
    }

    /// Whether the channel has asked to be left alone until later.
    fn asked_to_wait(&self, message: &Message) -> Step {
        match self.out.not_before.get(&message.target) {
            Some(at) if self.out.elapsed < *at => {
                let what = format!("{} tried {} before its time", message.notice, message.target);
                Err(Violation::new("invariant_retry_after_is_a_floor", what).into())
            }
            _ => Ok(()),
        }
    }

    /// What becomes of a send, by choice.
    fn sent(&mut self, channel: Channel) -> Sent {
        if channel == Channel::Simulated || !self.faulty {
            return Sent::Proved;
        }
        let palette = &self.scenario.palette;
        palette[self.choices.choose(palette.len())]
    }

    fn send(&mut self, at: usize, message: Message) -> Step {
        let channel = Channel::of(&message.target);
        let (notice, target, fence) = (message.notice, message.target.clone(), message.fence);
        let proved = Outcome::Proved { proof: Proof { level: ProofLevel::Stored, provider_id: None } };
        if self.mutant == Some(Mutant::MarkBeforeSend) {
            let answer = self.answer(channel, proved);
            self.book(at, notice, target, fence, answer)?;
            self.die_here()?;
            return self.receive(&message);
        }
        let sent = self.sent(channel);
        self.log.push(format!("send {notice} to {target}, attempt {}: {sent:?}", message.attempt));
        invariants::sending(self, &message, sent)?;
        if sent.arrives() && self.mutant != Some(Mutant::SendBeforeLease) {
            self.receive(&message)?;
            if self.mutant == Some(Mutant::SendTwice) && channel.gate().is_some() {
                self.receive(&message)?;
            }
        } else {
            self.asked_to_wait(&message)?;
        }
        self.die_here()?;
        // An older attempt's answer may come while this one is open.
        let older = |(of, to, _, _): &OnItsWay| *of == notice && *to == target;
        let (meanwhile, rest) = std::mem::take(&mut self.processes[at].answers).into_iter().partition(older);
        self.processes[at].answers = rest;
        let meanwhile: Vec<OnItsWay> = meanwhile;
        for (notice, target, fence, answer) in meanwhile {
            self.book(at, notice, target, fence, answer)?;
        }
        let unknown = |why: &str| Outcome::Unknown { why: why.to_owned() };
        let outcome = match sent {
            Sent::Proved | Sent::Late | Sent::Slow | Sent::Paused => proved,
            Sent::LostSeen | Sent::LostUnseen => match self.mutant {
                Some(Mutant::BlockUnknown) => {
                    Outcome::Refused { reason: BlockReason::MessageRefused, why: "no answer".to_owned() }
                }
                _ => unknown("the connection broke"),
            },
            Sent::Failed => Outcome::Failed { why: "no connection".to_owned(), retry_after_ms: None },
            Sent::Refused => Outcome::Refused { reason: BlockReason::RecipientRefused, why: "no".to_owned() },
            Sent::Relayed if self.mutant == Some(Mutant::AckRelayed) => proved,
            Sent::Relayed => Outcome::Relayed { provider_id: None },
            Sent::Limited => {
                let floor = u64::try_from(FLOOR.as_millis()).unwrap();
                let kept = if self.mutant == Some(Mutant::ShortenRetryAfter) { 1_000 } else { floor };
                Outcome::RateLimited { retry_after_ms: Some(kept) }
            }
        };
        let answer = self.answer(channel, outcome);
        match sent {
            Sent::Slow => self.processes[at].answers.push((notice, target, fence, answer)),
            Sent::Paused => {
                self.processes[at].paused = true;
                self.processes[at].answers.push((notice, target, fence, answer));
            }
            Sent::Late => {
                self.processes[at].answers.push((notice, target.clone(), fence, answer));
                let gave_up = self.answer(channel, unknown("no answer in time"));
                self.book(at, notice, target, fence, gave_up)?;
            }
            _ => {
                self.book(at, notice, target.clone(), fence, answer)?;
                if sent == Sent::Limited {
                    // Only what was recorded can be kept: a wish that died with the process isn't known to the next one.
                    let until = self.out.elapsed + i64::try_from(FLOOR.as_micros()).unwrap();
                    self.out.not_before.insert(target, until);
                }
            }
        }
        Ok(())
    }

    fn answer(&self, channel: Channel, outcome: Outcome) -> Answer {
        let simulated = channel == Channel::Simulated && self.mutant != Some(Mutant::AckSimulated);
        let now = self.out.now();
        Answer { outcome, status: None, raw: None, simulated, called_at: now, answered_at: now }
    }

    /// Books an answer, which must move nothing but its own attempt.
    pub(crate) fn book(
        &mut self,
        at: usize,
        notice: NoticeNo,
        target: TargetName,
        fence: Fence,
        answer: Answer,
    ) -> Step {
        let open = |state: &Option<DeliveryState>| match state {
            Some(DeliveryState::Sending { lease, .. }) => Some(lease.fence),
            _ => None,
        };
        let mut on = (notice, fence);
        if self.mutant == Some(Mutant::SwappedAnswers) {
            let others = candor_store::Listing::notices(&self.store, &Default::default(), 16).unwrap();
            for delivery in others.into_iter().flat_map(|row| row.deliveries) {
                if let (true, DeliveryState::Sending { lease, .. }) = (delivery.notice != notice, &delivery.state) {
                    on = (delivery.notice, lease.fence);
                }
            }
        }
        let (notice, fence) = on;
        let before = self.delivery_state(notice, &target);
        let booked_on = match (self.mutant, open(&before)) {
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
        self.perform(at, input)?;
        let after = self.delivery_state(notice, &target);
        if after != before && open(&before) != Some(fence) {
            let what = format!("the answer to {fence:?} moved {notice} while {:?} was open", open(&before));
            return Err(Violation::new("invariant_an_answer_is_booked_on_its_own_attempt", what).into());
        }
        Ok(())
    }
}
