//! A desk in memory: it answers as the daemon would, and can be told to fail or to take its time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use candor_core::{
    decision::{Decision, RuleHit, Severity, Verdict},
    event::{Event, Report},
    evidence::Origin,
    ids::{AgentId, ClaimNo, DecisionNo, EventNo, EvidenceNo, NoticeNo, TaskId},
    time::Timestamp,
};
use candor_path::{Accepted, Act, Input, Refusal, Reply};
use candor_web::{Desk, DeskError, DeskFuture, ViewRequest};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// 2026-11-23T08:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_420_800_000_000);

pub(crate) struct FakeDesk {
    state: Mutex<State>,
    /// One permit per submission that may become durable.
    pub(crate) durable: Semaphore,
    /// One permit per submission that came in.
    pub(crate) entered: Semaphore,
}

#[derive(Default)]
struct State {
    inputs: Vec<Input>,
    views: Vec<ViewRequest>,
    fail: Option<DeskError>,
    answers_missing: bool,
    seen: BTreeMap<(String, String), u64>,
    tasks: BTreeMap<TaskId, Option<AgentId>>,
    ended: BTreeSet<TaskId>,
    events: u64,
    claims: u64,
    evidence: u64,
    notices: u64,
}

impl FakeDesk {
    pub(crate) fn new() -> Arc<Self> {
        Self::with_permits(Semaphore::MAX_PERMITS)
    }

    /// A desk whose submissions become durable only when a permit is added.
    pub(crate) fn held() -> Arc<Self> {
        Self::with_permits(0)
    }

    fn with_permits(permits: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), durable: Semaphore::new(permits), entered: Semaphore::new(0) })
    }

    pub(crate) fn fail_with(&self, error: DeskError) {
        self.state.lock().unwrap().fail = Some(error);
    }

    pub(crate) fn forget_answers(&self) {
        self.state.lock().unwrap().answers_missing = true;
    }

    pub(crate) fn inputs(&self) -> Vec<Input> {
        self.state.lock().unwrap().inputs.clone()
    }

    pub(crate) fn views(&self) -> Vec<ViewRequest> {
        self.state.lock().unwrap().views.clone()
    }

    /// The last report that came in, and under whose credential.
    pub(crate) fn last_report(&self) -> (Event, Origin) {
        match self.inputs().pop() {
            Some(Input::Report { event, origin }) => (*event, origin),
            other => panic!("no report came: {other:?}"),
        }
    }
}

impl Desk for FakeDesk {
    fn submit(&self, inputs: Vec<Input>) -> DeskFuture<'_, Vec<Result<Reply, DeskError>>> {
        Box::pin(async move {
            self.entered.add_permits(1);
            self.durable.acquire().await.unwrap().forget();
            let mut state = self.state.lock().unwrap();
            if state.answers_missing {
                return Vec::new();
            }
            inputs.into_iter().map(|input| state.take(input)).collect()
        })
    }

    fn view(&self, view: ViewRequest) -> DeskFuture<'_, Result<Value, DeskError>> {
        Box::pin(async move {
            let mut state = self.state.lock().unwrap();
            state.views.push(view.clone());
            if let Some(error) = &state.fail {
                return Err(error.clone());
            }
            match view {
                ViewRequest::Status => Ok(json!({ "role": "up" })),
                ViewRequest::Tasks { .. } => Ok(json!({ "tasks": [] })),
                ViewRequest::Notices { .. } => Ok(json!({ "notices": [] })),
                ViewRequest::EvidenceOf(_) => Ok(json!({ "evidence": [] })),
                ViewRequest::Gates => Ok(json!({ "openings": [] })),
                _ => Err(DeskError::NotFound),
            }
        })
    }

    fn now(&self) -> Timestamp {
        NOW
    }
}

impl State {
    fn take(&mut self, input: Input) -> Result<Reply, DeskError> {
        if let Some(error) = &self.fail {
            return Err(error.clone());
        }
        self.inputs.push(input.clone());
        match input {
            Input::Report { event, origin } => self.report(&event, origin),
            Input::Operator { act, .. } => self.act(act),
            other => panic!("not from HTTP: {other:?}"),
        }
    }

    fn report(&mut self, event: &Event, origin: Origin) -> Result<Reply, DeskError> {
        if event.event_type().is_reserved() {
            return Err(Refusal::Reserved(event.event_type().as_str()).into());
        }
        if let Some(task) = &event.task {
            match (self.tasks.get(task), &event.report) {
                (Some(Some(owner)), _) if origin == Origin::Agent && event.agent.as_ref() != Some(owner) => {
                    return Err(Refusal::NotOwner { task: task.clone(), owner: owner.to_string() }.into());
                }
                (None, Report::TaskStarted(_)) => {
                    self.tasks.insert(task.clone(), event.agent.clone());
                }
                (None, _) => return Err(Refusal::UnknownTask(task.clone()).into()),
                (Some(_), Report::TaskStarted(_)) => {}
                (Some(_), _) if self.ended.contains(task) => return Err(Refusal::Ended(task.clone()).into()),
                (Some(_), Report::TaskCompleted(_)) => {
                    self.ended.insert(task.clone());
                }
                _ => {}
            }
        }
        let mut accepted = Accepted {
            event_type: event.event_type(),
            event: None,
            decision: None,
            decision_no: None,
            claim: None,
            evidence: None,
            request: None,
            notice: None,
            duplicate: false,
        };
        if let Report::TaskCheckpointed(checkpoint) = &event.report
            && checkpoint.is_routine()
        {
            return Ok(Reply::Accepted(Box::new(accepted)));
        }
        if let Some(no) = self.seen.get(&(event.source.clone(), event.id.clone())) {
            accepted.event = Some(EventNo(*no));
            accepted.decision_no = Some(DecisionNo(*no));
            accepted.duplicate = true;
            return Ok(Reply::Accepted(Box::new(accepted)));
        }
        self.events += 1;
        self.seen.insert((event.source.clone(), event.id.clone()), self.events);
        accepted.event = Some(EventNo(self.events));
        accepted.decision_no = Some(DecisionNo(self.events));
        match event.report {
            Report::ClaimMade(_) => {
                self.claims += 1;
                accepted.claim = Some(ClaimNo(self.claims));
            }
            Report::EvidenceAdded(_) => {
                self.evidence += 1;
                accepted.evidence = Some(EvidenceNo(self.evidence));
            }
            Report::NoticeRequested(_) => {
                self.notices += 1;
                accepted.notice = Some(NoticeNo(self.notices));
            }
            _ => {}
        }
        accepted.decision = Some(self.decision(event));
        Ok(Reply::Accepted(Box::new(accepted)))
    }

    fn decision(&self, event: &Event) -> Decision {
        let rules = match event.report {
            Report::ClaimMade(_) => vec![RuleHit {
                rule: "completion-integrity/claim-needs-evidence".to_owned(),
                verdict: Verdict::RequestEvidence,
                severity: Severity::Info,
                obligations: BTreeSet::new(),
                message: "nothing supports this claim yet".to_owned(),
                error: None,
            }],
            _ => Vec::new(),
        };
        let verdict = rules.first().map_or(Verdict::Allow, |hit| hit.verdict);
        Decision {
            no: DecisionNo(self.events),
            event: EventNo(self.events),
            event_type: event.event_type().as_str().to_owned(),
            task: event.task.clone(),
            claim: None,
            correlation: "test".parse().unwrap(),
            requested: verdict,
            effective: verdict,
            gap: None,
            obligations: BTreeSet::new(),
            severity: Severity::Info,
            rules,
            facts: Value::Null,
            packs: Vec::new(),
            at: NOW,
        }
    }

    fn act(&mut self, act: Act) -> Result<Reply, DeskError> {
        Ok(match act {
            Act::Retry { notice, .. } | Act::Resolve { notice, .. } => {
                if notice.0 > self.notices {
                    return Err(Refusal::UnknownNotice(notice).into());
                }
                Reply::Moved(1)
            }
            Act::Acknowledge { notice, .. } => return Err(Refusal::NoIncident(notice).into()),
            Act::Test { .. } => {
                self.notices += 1;
                Reply::Notice(NoticeNo(self.notices))
            }
            Act::Verify { .. } => Reply::Done,
            Act::CloseGate { gate, .. } => return Err(Refusal::GateNotOpen(gate.as_str().to_owned()).into()),
            Act::Exported { .. }
            | Act::Package { .. }
            | Act::Deployed(_)
            | Act::BundleRead { .. }
            | Act::RotateKey { .. }
            | Act::TellHead { .. }
            | Act::RecordPackage { .. }
            | Act::Approve { .. }
            | Act::Revoke { .. }
            | Act::Keep { .. }
            | Act::Want { .. }
            | Act::Withdraw { .. }
            | Act::CloseItem { .. }
            | Act::TakeUse { .. }
            | Act::Prune { .. } => Reply::Done,
        })
    }
}
