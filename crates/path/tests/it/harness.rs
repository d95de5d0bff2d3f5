//! A machine, a memory store and a clock: hand in an input, look at what followed.

use std::{collections::BTreeMap, time::Duration};

use candor_approval::fixtures;
use candor_core::{
    approval::Terms,
    capability::{Capabilities, Capability},
    decision::{Severity, Verdict},
    event::Event,
    evidence::Origin,
    gate::{Gate, Scope},
    ids::{Fence, NoticeNo, OwnerNo},
    notice::{Answer, Delivery, DeliveryState, Outcome, Proof, ProofLevel},
    pack::PackSet,
    settings::{Approvals, OnUnknown, Retry, Settings, Target},
    task::{Cadence, Task},
    time::Timestamp,
};
use candor_path::{Accepted, Act, Effect, Input, Machine, Plan, Refusal, Reply, Sending, StepError, View, Vouched};
use candor_store::{Listing, Store, Txn, memory::Memory};
use serde_json::{Value, json};

pub(crate) struct World {
    pub(crate) machine: Machine,
    pub(crate) store: Memory,
    pub(crate) now: Timestamp,
    pub(crate) owner: OwnerNo,
    ids: u64,
    package: Option<String>,
}

pub(crate) fn target(name: &str) -> Target {
    Target {
        name: name.parse().unwrap(),
        sender: "webhook@test".to_owned(),
        available: true,
        gate: None,
        reads_secrets: false,
        idempotent: true,
        on_unknown: OnUnknown::Hold,
        needs: ProofLevel::Stored,
        retry: Retry { attempts_max: 3, first: Duration::from_secs(2), longest: Duration::from_secs(60) },
        from_level: 1,
        from_severity: Severity::Info,
    }
}

pub(crate) fn secs(of: u64) -> Duration {
    Duration::from_secs(of)
}

impl World {
    pub(crate) fn new(targets: Vec<Target>) -> Self {
        let cli = Capabilities([Capability::InlineCompletionBlock].into());
        let all = [Capability::DirectSend, Capability::DeliveryProof];
        let settings = Settings {
            profile: "test".to_owned(),
            node: "t".to_owned(),
            cadence: Cadence { period: secs(60), grace: secs(10) },
            escalate_after: vec![secs(300), secs(600)],
            targets,
            default_verdict: Verdict::Allow,
            evidence_lives_for: secs(3600),
            deployment: Capabilities(all.into()),
            capabilities: BTreeMap::from([("cli".parse().unwrap(), cli)]),
            lease: secs(15),
            handover: secs(60),
            fold_every: secs(600),
            keep_for: candor_core::profile::KeepFor::default(),
            places: Vec::new(),
            approvals: Approvals { allowed_signers: fixtures::owner(1).0, ..Approvals::default() },
        };
        let machine = Machine { settings, packs: PackSet::core().unwrap(), vouched: Vouched::default() };
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let mut world = Self { machine, store: Memory::unsealed(), now, owner: OwnerNo(0), ids: 0, package: None };
        let started = Input::OwnerStarted { role: "up".to_owned(), alone: true, away_since: None };
        let Reply::Owner(owner) = world.step(started).reply else { panic!("no owner") };
        world.owner = owner;
        world
    }

    pub(crate) fn one() -> Self {
        Self::new(vec![target("ops")])
    }

    pub(crate) fn pass(&mut self, by: Duration) {
        self.now = self.now.after(by);
    }

    pub(crate) fn attempt(&mut self, input: Input) -> Result<Plan, StepError> {
        let mut txn = self.store.begin().unwrap();
        let plan = self.machine.step(&txn, self.now, input)?;
        txn.apply(&plan, self.now).unwrap();
        txn.commit().unwrap();
        Ok(plan)
    }

    pub(crate) fn step(&mut self, input: Input) -> Plan {
        self.attempt(input).unwrap()
    }

    pub(crate) fn refused(&mut self, input: Input) -> Refusal {
        match self.attempt(input) {
            Err(StepError::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) fn event(&mut self, kind: &str, task: Option<&str>, data: Value) -> Event {
        self.ids += 1;
        let mut event = json!({
            "specversion": "1.0", "id": format!("id-{}", self.ids), "source": "/test",
            "type": format!("reporting-governance.{kind}"), "runtime": "cli", "data": data,
        });
        if let Some(task) = task {
            event["subject"] = json!(task);
        }
        Event::parse(event, self.now).unwrap()
    }

    pub(crate) fn report_as(
        &mut self,
        origin: Origin,
        kind: &str,
        task: Option<&str>,
        data: Value,
    ) -> (Accepted, Plan) {
        let event = Box::new(self.event(kind, task, data));
        let plan = self.step(Input::Report { event, origin });
        let Reply::Accepted(accepted) = &plan.reply else { panic!("{:?}", plan.reply) };
        ((**accepted).clone(), plan.clone())
    }

    pub(crate) fn report(&mut self, kind: &str, task: &str, data: Value) -> Accepted {
        self.report_as(Origin::Agent, kind, Some(task), data).0
    }

    pub(crate) fn notify(&mut self, severity: &str) -> NoticeNo {
        let data = json!({"title": "look", "severity": severity});
        self.report_as(Origin::Operator, "notice.requested", None, data).0.notice.unwrap()
    }

    pub(crate) fn act(&mut self, act: Act) -> Plan {
        self.step(Input::Operator { act, origin: Origin::Operator })
    }

    pub(crate) fn open(&mut self, gate: Gate) {
        self.open_for(gate, Scope::default(), 1_000);
    }

    /// Opens a gate by an approval that owner 1 signs.
    pub(crate) fn open_for(&mut self, gate: Gate, scope: Scope, uses: u64) {
        let terms = self.terms(gate, scope, uses);
        self.act(Act::Approve { signed: fixtures::signed(&terms) });
    }

    /// Terms of an approval for an hour, of a package that is recorded where there is none.
    pub(crate) fn terms(&mut self, gate: Gate, scope: Scope, uses: u64) -> Terms {
        if self.package.is_none() {
            let (package, evidence) = fixtures::package();
            let Reply::Package(row) = self.act(Act::RecordPackage { package, evidence }).reply else { panic!("none") };
            self.package = Some(row.sha256);
        }
        self.ids += 1;
        Terms {
            id: format!("approval-{}", self.ids),
            node: "t".to_owned(),
            package_sha256: self.package.clone().unwrap(),
            max_uses: uses,
            ..fixtures::terms(&[gate], scope, self.now, self.now.after(secs(3600)))
        }
    }

    /// Dispatches a delivery; what it sends, if it sends.
    pub(crate) fn dispatch(&mut self, notice: NoticeNo, target: &str) -> Option<Sending> {
        let input = Input::Dispatch { notice, target: target.parse().unwrap(), owner: self.owner, open: true };
        self.step(input).effects.into_iter().find_map(|effect| match effect {
            Effect::Send(sending) => Some(*sending),
            _ => None,
        })
    }

    pub(crate) fn answer(&self, outcome: Outcome) -> Box<Answer> {
        Box::new(Answer {
            outcome,
            status: None,
            raw: None,
            simulated: false,
            called_at: self.now,
            answered_at: self.now,
        })
    }

    pub(crate) fn answered(&mut self, notice: NoticeNo, target: &str, fence: Fence, outcome: Outcome) -> Plan {
        let answer = self.answer(outcome);
        let target = target.parse().unwrap();
        self.step(Input::Answered { notice, target, fence, answer, payload_sha256: None })
    }

    /// One attempt that ends in an outcome.
    pub(crate) fn try_once(&mut self, notice: NoticeNo, target: &str, outcome: Outcome) -> Sending {
        let sending = self.dispatch(notice, target).expect("nothing was sent");
        self.answered(notice, target, sending.message.fence, outcome);
        sending
    }

    pub(crate) fn delivery(&mut self, notice: NoticeNo, target: &str) -> Delivery {
        let txn = self.store.begin().unwrap();
        txn.delivery(notice, &target.parse().unwrap()).unwrap().unwrap()
    }

    pub(crate) fn state(&mut self, notice: NoticeNo, target: &str) -> String {
        let state: DeliveryState = self.delivery(notice, target).state;
        match state.reason() {
            Some(reason) => format!("{}/{reason}", state.name().as_str()),
            None => state.name().as_str().to_owned(),
        }
    }

    pub(crate) fn task(&self, id: &str) -> Task {
        self.store.task_by_id(&id.parse().unwrap()).unwrap().unwrap()
    }

    pub(crate) fn look(&mut self, id: &str) -> Plan {
        self.step(Input::Look { task: id.parse().unwrap(), readings: None })
    }

    /// The titles of all notices, oldest first.
    pub(crate) fn titles(&self) -> Vec<String> {
        let mut rows = self.store.notices(&Default::default(), 1_000).unwrap();
        rows.reverse();
        rows.into_iter().map(|row| row.notice.title).collect()
    }
}

pub(crate) fn proved(level: ProofLevel) -> Outcome {
    Outcome::Proved { proof: Proof { level, provider_id: Some("m1".to_owned()) } }
}

pub(crate) fn failed() -> Outcome {
    Outcome::Failed { why: "refused".to_owned(), retry_after_ms: None }
}

pub(crate) fn unknown() -> Outcome {
    Outcome::Unknown { why: "no answer".to_owned() }
}
