//! Hands: they perform effects, only ever after the commit that allowed them, and report back as inputs.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
};

use candor_approval::{GateKeeper, signers::Owners};
use candor_core::{
    catalogue::PlanEntry,
    ids::{PlanId, RuntimeName, TargetName},
    notice::{Answer, Message, Outcome},
    settings::PlanTerms,
};
use candor_path::{Effect, Input, Sending};
use candor_world::{collectors, collectors::CollectorConfig, runtimes::Reader, senders::Binding, signals};
use tokio::runtime::Handle;

use super::{Clock, Job, Rules, Setup, Submitter, ToWriter, crash, deeds::Deeds};
use crate::{config::AuditPlan, home::Home};

/// What performs effects.
pub(super) struct Hands {
    bindings: Arc<BTreeMap<TargetName, Binding>>,
    runtimes: Arc<BTreeMap<RuntimeName, Reader>>,
    plans: Arc<Vec<PlanEntry>>,
    terms: Arc<BTreeMap<PlanId, PlanTerms>>,
    node: String,
    collectors: Arc<CollectorConfig>,
    audit: Arc<AuditPlan>,
    owners: Arc<Owners>,
    home: Home,
    back: SyncSender<ToWriter>,
    waiting: Arc<AtomicUsize>,
    runtime: Handle,
    clock: Clock,
}

impl Hands {
    pub(super) fn new(setup: &Setup, back: SyncSender<ToWriter>, waiting: Arc<AtomicUsize>, runtime: Handle) -> Self {
        Self {
            bindings: Arc::clone(&setup.rules.bindings),
            runtimes: Arc::clone(&setup.rules.runtimes),
            plans: Arc::clone(&setup.rules.plans),
            terms: Arc::new(setup.rules.machine.settings.approvals.plans.clone()),
            node: setup.rules.machine.settings.node.clone(),
            collectors: Arc::clone(&setup.rules.collectors),
            audit: Arc::clone(&setup.rules.audit),
            owners: Arc::clone(&setup.rules.owners),
            home: setup.home.clone(),
            back,
            waiting,
            runtime,
            clock: setup.clock.clone(),
        }
    }

    /// From now on, by other rules. What is under way keeps its own.
    pub(super) fn adopt(&mut self, rules: &Rules) {
        self.bindings = Arc::clone(&rules.bindings);
        self.runtimes = Arc::clone(&rules.runtimes);
        self.plans = Arc::clone(&rules.plans);
        self.terms = Arc::new(rules.machine.settings.approvals.plans.clone());
        self.collectors = Arc::clone(&rules.collectors);
        self.audit = Arc::clone(&rules.audit);
        self.owners = Arc::clone(&rules.owners);
    }

    /// From now on, by other owners.
    pub(super) fn go_by(&mut self, owners: Owners) {
        self.owners = Arc::new(owners);
    }

    /// Whose signatures open gates.
    pub(super) fn owners(&self) -> &Owners {
        &self.owners
    }

    /// Performs an effect. What it comes to arrives as an input of its own.
    pub(super) fn perform(&self, effect: Effect) {
        match effect {
            Effect::Send(sending) => self.send(*sending),
            Effect::Collect { evidence, subject, supports } => {
                let (config, clock) = (Arc::clone(&self.collectors), self.clock.clone());
                self.off_thread(move || {
                    let finding = collectors::collect(&subject, &supports, &config, || clock.now());
                    Input::Collected { evidence, finding: Box::new(finding) }
                });
            }
            Effect::Probe { task, signals } => {
                let clock = self.clock.clone();
                self.off_thread(move || {
                    let readings = signals::read_all(&signals, clock.now());
                    Input::Look { task, readings: Some(readings) }
                });
            }
            Effect::Perform(allowed) => {
                let work = allowed.work.no;
                let deeds = self.deeds();
                self.off_thread(move || {
                    crash::point("work.before_deed");
                    let outcome = Box::new(deeds.perform(*allowed));
                    crash::point("work.after_deed");
                    Input::Performed { work, outcome }
                });
            }
        }
    }

    fn deeds(&self) -> Deeds {
        Deeds {
            home: self.home.clone(),
            bindings: Arc::clone(&self.bindings),
            runtimes: Arc::clone(&self.runtimes),
            plans: Arc::clone(&self.plans),
            terms: Arc::clone(&self.terms),
            node: self.node.clone(),
            collectors: Arc::clone(&self.collectors),
            audit: Arc::clone(&self.audit),
            owners: Arc::clone(&self.owners),
            submitter: Submitter {
                jobs: self.back.clone(),
                waiting: Arc::clone(&self.waiting),
                clock: self.clock.clone(),
            },
            runtime: self.runtime.clone(),
            clock: self.clock.clone(),
        }
    }

    fn send(&self, sending: Sending) {
        let (bindings, owners, clock) = (Arc::clone(&self.bindings), Arc::clone(&self.owners), self.clock.clone());
        let back = self.back();
        self.runtime.spawn(async move {
            let Sending { message, grants, .. } = sending;
            crash::point("send.before_call");
            let keeper = GateKeeper::from_record(Owners::clone(&owners), grants);
            let (answer, payload_sha256) = call(&bindings, &message, keeper, &clock).await;
            crash::point("send.after_call");
            back(Input::Answered {
                notice: message.notice,
                target: message.target,
                fence: message.fence,
                answer: Box::new(answer),
                payload_sha256,
            });
        });
    }

    fn off_thread(&self, work: impl FnOnce() -> Input + Send + 'static) {
        let back = self.back();
        self.runtime.spawn_blocking(move || back(work()));
    }

    /// The way back. It never blocks the runtime: when the inbox is full, another thread waits for room.
    fn back(&self) -> impl FnOnce(Input) + Send + 'static {
        let (back, waiting, runtime) = (self.back.clone(), Arc::clone(&self.waiting), self.runtime.clone());
        move |input| {
            waiting.fetch_add(1, Ordering::Relaxed);
            let job = ToWriter::Job(Job { inputs: vec![input], answer: None });
            if let Err(std::sync::mpsc::TrySendError::Full(job)) = back.try_send(job) {
                runtime.spawn_blocking(move || back.send(job));
            }
        }
    }
}

async fn call(
    bindings: &BTreeMap<TargetName, Binding>,
    message: &Message,
    mut keeper: GateKeeper,
    clock: &Clock,
) -> (Answer, Option<String>) {
    let Some(binding) = bindings.get(&message.target) else {
        let (at, why) = (clock.now(), "this process has no sender for the target".to_owned());
        let outcome = Outcome::Failed { why, retry_after_ms: None };
        return (Answer { outcome, status: None, raw: None, simulated: false, called_at: at, answered_at: at }, None);
    };
    let now = || clock.now();
    let answer = binding.send(&mut keeper, message, &now).await;
    (answer, Some(binding.payload_sha256(message)))
}
