//! Small values of every kind, and the shortest ways to write them.

use std::time::Duration;

use candor_core::{
    approval::{Approval, PackageRow, Request, Signed, Standing, Terms},
    claim::{Claim, ClaimKind},
    decision::Severity,
    evidence::{Bearing, Evidence, Finding, Method, Origin, Strength, Subject},
    gate::{Gate, LedgerEntry, Opening, Scope},
    ids::{
        ApprovalNo, ClaimNo, DecisionNo, EffectNo, EventNo, EvidenceNo, Fence, IncidentNo, NoticeNo, OpeningNo,
        OwnerNo, RequestNo, TargetName, TaskId, WorkNo,
    },
    notice::{Delivery, DeliveryState, Lease, Notice, PendingReason, Proof, ProofLevel},
    task::{Cadence, Incident, IncidentKind, Reading, Signal, Task, TaskState, ToolCall, WatchedSignal},
    time::Timestamp,
    work::{Document, DocumentKind, Wanted, Work, WorkState},
};
use candor_path::{Artifact, ArtifactKind, Beat, Numbers, OwnerRow, Plan, View as _, Write};
use candor_store::{
    Counted, Store, Txn,
    sqlite::{Hold, Sqlite},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A SQLite store in a folder of its own, with nonces that come out the same each time.
pub struct Place {
    pub folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("candor.db")
    }

    pub fn open(&self) -> Sqlite {
        Sqlite::open_with(&self.path(), Hold::Alone, "test", Box::new(Counted::default())).unwrap()
    }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

pub fn task_id(name: &str) -> TaskId {
    name.parse().unwrap()
}

pub fn target(name: &str) -> TargetName {
    name.parse().unwrap()
}

/// A task with something in every field.
pub fn task(id: &str) -> Task {
    Task {
        id: task_id(id),
        name: Some(format!("the task {id}")),
        owner: Some("agent-1".parse().unwrap()),
        runtime: "cli".parse().unwrap(),
        parent: None,
        state: TaskState::Running,
        because: Some("it began".to_owned()),
        cadence: Cadence { period: Duration::from_secs(60), grace: Duration::from_millis(1_500) },
        expected: Some(Duration::from_secs(3600)),
        told_slow: true,
        signals: vec![WatchedSignal {
            signal: Signal::File { path: "/var/log/a".to_owned() },
            last: Some(Reading { exists: true, amount: 7, changed_at: Some(at(1)), read_at: at(2) }),
        }],
        in_flight: vec![ToolCall { call: "c1".to_owned(), tool: "bash".to_owned(), since: at(0), until: at(90) }],
        started_at: at(0),
        seen_at: at(0),
        changed_at: Some(at(0)),
        since: at(0),
        ended_at: None,
        unproved: false,
        due_at: Some(at(61)),
        incident: None,
        correlation: format!("run-{id}").parse().unwrap(),
        checkpoints: 0,
        note: Some("first".to_owned()),
    }
}

/// A task with as little as possible.
pub fn bare_task(id: &str) -> Task {
    Task {
        name: None,
        owner: None,
        because: None,
        expected: None,
        told_slow: false,
        signals: Vec::new(),
        in_flight: Vec::new(),
        changed_at: None,
        due_at: None,
        note: None,
        ..task(id)
    }
}

pub fn notice(no: u64, about: Option<&str>) -> Notice {
    Notice {
        no: NoticeNo(no),
        decision: Some(DecisionNo(no)),
        incident: Some(IncidentNo(1)),
        level: 2,
        task: about.map(task_id),
        correlation: format!("run-{}", about.unwrap_or("none")).parse().unwrap(),
        severity: Severity::Critical,
        title: "nightly build is silent".to_owned(),
        text: "No checkpoint for 61s.\nIts last words: `compiling`".to_owned(),
        at: at(61),
        folded: 3,
        failure_of: (no == 7).then_some(NoticeNo(1)),
    }
}

pub fn delivery(no: u64, to: &str, state: DeliveryState) -> Delivery {
    Delivery {
        notice: NoticeNo(no),
        target: target(to),
        state,
        attempts: 2,
        tries: 1,
        maybe_repeat: true,
        digest_of: None,
        since: at(i64::try_from(no).unwrap()),
    }
}

pub fn lease(owner: u64, fence: u64) -> Lease {
    Lease { owner: OwnerNo(owner), fence: Fence(fence), taken_by: at(100) }
}

pub fn queued(seconds: i64) -> DeliveryState {
    DeliveryState::Queued { due_at: at(seconds) }
}

pub fn pending(reason: PendingReason, next: Option<i64>) -> DeliveryState {
    DeliveryState::Pending { reason, next_at: next.map(at) }
}

pub fn sending(owner: u64) -> DeliveryState {
    DeliveryState::Sending { lease: lease(owner, 9), opened_at: at(5), opening: Some(OpeningNo(4)) }
}

pub fn acked() -> DeliveryState {
    DeliveryState::Acked { proof: Proof { level: ProofLevel::ReadBack, provider_id: Some("msg 17".to_owned()) } }
}

pub fn incident(no: u64, about: &str) -> Incident {
    Incident {
        no: IncidentNo(no),
        task: task_id(about),
        kind: IncidentKind::Missed,
        level: 1,
        correlation: format!("incident-{no}").parse().unwrap(),
        decision: Some(DecisionNo(1)),
        notice: Some(NoticeNo(1)),
        opened_at: at(61),
        escalate_at: Some(at(300)),
        acknowledged_by: None,
        acknowledged_at: None,
        resolved_at: None,
        resolution: None,
    }
}

pub fn claim(no: u64, about: &str) -> Claim {
    Claim {
        no: ClaimNo(no),
        event: EventNo(no),
        task: task_id(about),
        agent: Some("agent-1".parse().unwrap()),
        kind: ClaimKind::TestsPassed,
        statement: "all green".to_owned(),
        notice: None,
        at: at(3),
    }
}

pub fn evidence(no: u64, about: &str) -> Evidence {
    Evidence {
        no: EvidenceNo(no),
        event: EventNo(no),
        task: task_id(about),
        supports: vec![ClaimKind::TestsPassed, ClaimKind::Other("linted".to_owned())],
        subject: Subject::File { path: "out/report.xml".to_owned() },
        origin: Origin::Agent,
        finding: Finding {
            method: Method::Checked,
            bearing: Bearing::Supports,
            summary: "12 passed".to_owned(),
            sha256: Some("ab".repeat(32)),
            subject_at: Some(at(2)),
            changed_at: None,
            exit_code: Some(0),
            tests: None,
            looked_at: at(3),
        },
        strength: Strength::Verified,
        added_at: at(3),
    }
}

pub fn opening(no: u64, gate: Gate) -> Opening {
    Opening {
        no: OpeningNo(no),
        gate,
        approval: ApprovalNo(no),
        scope: Scope::channel(&target("ops")),
        reason: "a drill".to_owned(),
        approved_by: vec!["owner-1@example.org".to_owned()],
        max_uses: 5,
        used: 0,
        opened_at: at(0),
        expires_at: at(3600),
        closed_at: None,
        closed_by: None,
    }
}

pub fn owner(no: u64, beat: i64) -> OwnerRow {
    OwnerRow { no: OwnerNo(no), role: "up".to_owned(), started_at: at(0), beat_at: at(beat), ended: false }
}

pub fn beat(task: &str, seconds: i64, event: &str) -> Write {
    Write::Beat(Beat { task: task_id(task), at: at(seconds), event_id: event.to_owned() })
}

pub fn put_task(task: Task) -> Write {
    Write::Task(Box::new(task))
}

pub fn put_delivery(delivery: Delivery) -> Write {
    Write::Delivery(Box::new(delivery))
}

pub fn put_notice(notice: Notice) -> Write {
    Write::Notice(Box::new(notice))
}

pub fn artifact(kind: ArtifactKind, id: &str, task: Option<&str>, correlation: Option<&str>, body: Value) -> Artifact {
    Artifact {
        kind,
        id: id.to_owned(),
        task: task.map(task_id),
        correlation: correlation.map(|id| id.parse().unwrap()),
        body,
    }
}

pub fn event_of(task: &str, no: u64) -> Artifact {
    let body = json!({ "type": "reporting-governance.checkpoint.received", "no": no, "note": "still \"here\"\n", "tiny": 0.1 });
    artifact(ArtifactKind::Event, &format!("e-{no}"), Some(task), Some(&format!("run-{task}")), body)
}

pub fn plan(writes: Vec<Write>) -> Plan {
    Plan { writes, ..Plan::new(Numbers::default()) }
}

pub fn record(artifacts: Vec<Artifact>) -> Plan {
    Plan { artifacts, ..Plan::new(Numbers::default()) }
}

/// Applies a plan, leaving the numbers as they are, and commits.
pub fn commit<S: Store>(store: &mut S, plan: Plan) {
    let mut txn = store.begin().unwrap();
    let numbers = txn.numbers().unwrap();
    txn.apply(&Plan { numbers, ..plan }, at(0)).unwrap();
    txn.commit().unwrap();
}

pub fn write<S: Store>(store: &mut S, writes: Vec<Write>) {
    commit(store, plan(writes));
}

/// `sha256:` and so many.
pub fn sha256(no: u64) -> String {
    format!("sha256:{no:064}")
}

pub fn approval(no: u64) -> Approval {
    let terms = Terms {
        id: format!("id-{no}"),
        ..candor_approval::fixtures::terms(&[Gate::BotApiCall], Scope::default(), at(0), at(3600))
    };
    let signed = Signed { document: "{}".to_owned(), signatures: vec!["a signature".to_owned()] };
    let signed_by = vec!["owner-1@example.org".to_owned()];
    Approval { no: ApprovalNo(no), terms, signed, signed_by, at: at(3), standing: Standing::Given }
}

pub fn package(no: u64) -> PackageRow {
    PackageRow { no, sha256: sha256(no), at: at(2), packets: Vec::new(), rejected: Vec::new() }
}

pub fn request(no: u64, answered: bool) -> Request {
    Request {
        no: RequestNo(no),
        agent: "nightly".parse().unwrap(),
        task: task_id("a"),
        gate: Gate::BotApiCall,
        scope: Scope::default(),
        reason: "to tell".to_owned(),
        at: at(4),
        answered_by: answered.then_some(ApprovalNo(1)),
    }
}

/// Work at a stage: 1 waits or is started, 2 is over.
pub fn work(no: u64, stage: u8, waits: bool) -> Work {
    let state = match (stage, waits) {
        (1, true) => WorkState::Pending,
        (1, false) => WorkState::Started { at: at(5) },
        _ => WorkState::Done { at: at(6), outcome: "kept".to_owned() },
    };
    let wanted = Wanted::Score { agent: format!("agent-{no}").parse().unwrap() };
    Work { no: WorkNo(no), gate: wanted.gate(), wanted, at: at(4), state }
}

pub fn document(no: u64, of_agent: bool) -> Document {
    let agent = of_agent.then(|| "nightly".parse().unwrap());
    Document {
        kind: DocumentKind::Score,
        key: format!("key-{no}"),
        agent,
        no,
        at: at(7),
        body: serde_json::json!({ "score": no }),
    }
}

pub fn entry(no: u64, seconds: i64, gate: Gate) -> LedgerEntry {
    LedgerEntry {
        no: EffectNo(no),
        at: at(seconds),
        gate,
        opening: OpeningNo(1),
        approval: ApprovalNo(1),
        use_no: no,
        scope: Scope::channel(&target("ops")),
        what: "send n-1".to_owned(),
        of: format!("a-{no}"),
    }
}
