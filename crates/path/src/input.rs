//! What can happen to the machine.

use std::collections::BTreeMap;

use candor_core::{
    approval::Signed,
    event::Event,
    evidence::{Finding, Origin},
    gate::{Gate, Grant, Scope},
    ids::{ApprovalNo, EvidenceNo, Fence, NoticeNo, OwnerNo, TargetName, TaskId, WorkNo},
    notice::{Answer, Proof},
    package::Change,
    task::Reading,
    time::Timestamp,
    work::{DocumentKind, Wanted},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::view::{BeatFold, ClockReading};

/// What an operator does. Each act is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Try a blocked or pending delivery again, from its first try. All targets when none is named.
    Retry {
        /// The notice.
        notice: NoticeNo,
        /// One target, or all.
        target: Option<TargetName>,
    },
    /// Settle a delivery without proof from the destination. It never becomes `acked`.
    Resolve {
        /// The notice.
        notice: NoticeNo,
        /// One target, or all.
        target: Option<TargetName>,
        /// How it was settled.
        note: String,
    },
    /// Take an incident on: stops escalation.
    Acknowledge {
        /// A notice of the incident.
        notice: NoticeNo,
        /// Who takes it on.
        by: String,
    },
    /// Send a test through the real queue and sender.
    Test {
        /// One target, or all.
        target: Option<TargetName>,
    },
    /// Look at evidence again.
    Verify {
        /// The record.
        evidence: EvidenceNo,
    },
    /// Take in an approval package, with the evidence that its hashes are over.
    RecordPackage {
        /// The package.
        package: Value,
        /// The evidence of each of its items, by hash.
        evidence: Value,
    },
    /// Take in what an owner signed about a packet: it opens the packet's gates, or says no.
    Approve {
        /// What was signed. Signed again by another owner, it is the same approval.
        signed: Signed,
    },
    /// Take an approval back.
    Revoke {
        /// What was signed.
        signed: Signed,
    },
    /// Keep a document of the approval chain: a readiness, a drill, a review.
    Keep {
        /// What it is.
        kind: DocumentKind,
        /// Of what.
        key: String,
        /// Its content.
        body: Value,
    },
    /// Have work done that a gate stands before; with the gate closed it waits.
    Want {
        /// What.
        wanted: Wanted,
    },
    /// Take back work that waits for its gate.
    Withdraw {
        /// Which.
        work: WorkNo,
    },
    /// Close an item of a queue for people: a task before a reviewer, or one that is to be taken back.
    CloseItem {
        /// Which queue.
        kind: DocumentKind,
        /// The task.
        key: String,
        /// What was found or done, in a line.
        note: String,
    },
    /// Take one use of each of these gates for an effect that is made where this is asked.
    TakeUse {
        /// The gates.
        gates: Vec<Gate>,
        /// What the effect is about.
        scope: Scope,
        /// What it is, in words.
        what: String,
    },
    /// Close a gate.
    CloseGate {
        /// The gate.
        gate: Gate,
        /// Only what this approval opened.
        under: Option<ApprovalNo>,
    },
    /// Have it on record that records were exported.
    Exported {
        /// SHA-256 of the bundle, in hex.
        bundle: String,
        /// What it is about, in words.
        about: String,
        /// How many records are in it.
        records: u64,
        /// How many records the log had.
        tree_size: u64,
    },
    /// Have it on record that what is decided by comes from another package from now on, or that one was taken away.
    Package {
        /// What is done.
        change: Change,
        /// The package, `name@version`.
        package: String,
        /// SHA-256 of its manifest, in hex.
        manifest_sha256: String,
        /// The public key that signed it.
        key: String,
        /// The one that was in use before; none where what comes with the program was.
        before: Option<String>,
    },
    /// Have it on record what this deployment is from now on.
    Deployed(Box<Deployed>),
    /// Have it on record that a bundle of this log was read where it is written.
    BundleRead {
        /// SHA-256 of the bundle, in hex.
        bundle: String,
        /// What it is about, in words.
        about: String,
        /// By which command.
        how: String,
    },
    /// Have it on record that another key signs from now on.
    RotateKey {
        /// The change, as a note that both keys signed.
        rotation: String,
    },
    /// Send the log's signed head to a target, as a notice.
    TellHead {
        /// The target.
        target: TargetName,
        /// The head.
        head: String,
    },
    /// Take contents that are past their time out of the log, for work of that kind that is started; or go on with the pruning that
    /// isn't finished.
    Prune {
        /// The work.
        work: WorkNo,
        /// The uses that were taken for it.
        grants: Vec<Grant>,
        /// The stretches of the log that may be touched, `[from, to)`, in order.
        stretches: Vec<(u64, u64)>,
        /// SHA-256 of the bundle that holds them, in hex, where they were archived.
        archive: Option<String>,
    },
}

/// A deployment as it goes on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployed {
    /// What was done.
    pub what: Deploy,
    /// The deployment's number on this node: 1, 2, 3 …
    pub deployment: u64,
    /// The profile, `name@version`.
    pub profile: String,
    /// The capability descriptor, `name@version`.
    pub adapter: String,
    /// The package, `name@version`.
    pub package: String,
    /// What runs it.
    pub scheduler: String,
    /// SHA-256 in hex of the artifact that each stage left.
    pub stages: BTreeMap<String, String>,
    /// What is counted on and missing, by ability, and what happens instead.
    pub gaps: BTreeMap<String, String>,
}

/// What was done with a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deploy {
    /// It is what runs from now on.
    Activate,
    /// An earlier one is what runs from now on.
    Rollback,
    /// Nothing is installed any more.
    Deactivate,
}

/// What is decided by: recorded once, so that each later decision can be held against it.
#[derive(Clone, Debug, PartialEq)]
pub struct InForce {
    /// SHA-256 over all of it, in hex.
    pub digest: String,
    /// The profile and the values that hold.
    pub profile: Value,
    /// The capability descriptor, and how every ability stands.
    pub capability: Value,
    /// The packs, as text.
    pub packs: Value,
}

/// What came of work that the world did.
#[derive(Clone, Debug, PartialEq)]
pub enum Performed {
    /// A channel was asked what became of a notice.
    ReadBack(Answered),
    /// A readback plan was run.
    Reading {
        /// What was read, redacted.
        reading: Value,
        /// SHA-256 in hex of what was read.
        sha256: String,
        /// What channels answered about notices, where the plan asks about some.
        answers: Vec<(NoticeNo, TargetName, Answered)>,
    },
    /// A recipe that writes was run for a piece of evidence.
    Ran {
        /// What the run says of it.
        finding: Box<Finding>,
    },
    /// It was done.
    Did {
        /// In words.
        outcome: String,
    },
    /// It surely wasn't done, or nobody knows.
    Failed {
        /// Why.
        why: String,
    },
}

/// What a channel answered when it was asked what became of a notice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answered {
    /// It is there.
    Found {
        /// What that proves.
        proof: Proof,
        /// What the channel said of it, redacted.
        fields: BTreeMap<String, String>,
    },
    /// It is proved not to be there.
    Absent {
        /// How.
        why: String,
    },
    /// Nothing is known now that wasn't before.
    Unknown {
        /// Why.
        why: String,
    },
}

/// What can happen to the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A report came in, under somebody's credential.
    Report {
        /// The report.
        event: Box<Event>,
        /// Whose credential.
        origin: Origin,
    },
    /// A collector looked at a piece of evidence.
    Collected {
        /// The record.
        evidence: EvidenceNo,
        /// What it found.
        finding: Box<Finding>,
    },
    /// A task is due: its signals were read, in the task's order. None where a task has none to read.
    Look {
        /// The task.
        task: TaskId,
        /// The readings; `None` asks the machine to have them read first if the task has signals.
        readings: Option<Vec<Reading>>,
    },
    /// A delivery is due. With `open`, the same process is the bridge and the attempt is opened in the same commit.
    Dispatch {
        /// The notice.
        notice: NoticeNo,
        /// The target.
        target: TargetName,
        /// Who takes the lease.
        owner: OwnerNo,
        /// Whether to open the attempt at once.
        open: bool,
    },
    /// The bridge takes up a hand-over.
    Open {
        /// The notice.
        notice: NoticeNo,
        /// The target.
        target: TargetName,
        /// Who takes it up.
        owner: OwnerNo,
    },
    /// A sender answered.
    Answered {
        /// The notice.
        notice: NoticeNo,
        /// The target.
        target: TargetName,
        /// The fencing token of the attempt.
        fence: Fence,
        /// What it answered.
        answer: Box<Answer>,
        /// SHA-256 in hex of what was sent.
        payload_sha256: Option<String>,
    },
    /// A lease lapsed or its owner is gone.
    Rescue {
        /// The notice.
        notice: NoticeNo,
        /// The target.
        target: TargetName,
        /// Heartbeats before this are no life.
        alive_since: Timestamp,
    },
    /// Deliveries held for a closed gate are looked at again.
    ReleaseHeld,
    /// Work that waits for its gate is tried.
    DoWork {
        /// Which.
        work: WorkNo,
    },
    /// This process holds the store alone: whoever was at work before has ended.
    LeftBehind,
    /// Work was done, or couldn't be.
    Performed {
        /// Which.
        work: WorkNo,
        /// What came of it.
        outcome: Box<Performed>,
    },
    /// Routine checkpoints are folded.
    Fold(BeatFold),
    /// An operator acts.
    Operator {
        /// What they do.
        act: Act,
        /// Whose credential; anything but the operator's is refused.
        origin: Origin,
    },
    /// A process that leases work starts.
    OwnerStarted {
        /// Its role.
        role: String,
        /// Whether it holds the store alone: then every other owner has ended.
        alone: bool,
        /// Since when nobody was there to take reports, if reporters depend on this process.
        away_since: Option<Timestamp>,
    },
    /// An owner lives.
    OwnerBeat {
        /// Which.
        owner: OwnerNo,
    },
    /// An owner ends in order.
    OwnerEnded {
        /// Which.
        owner: OwnerNo,
    },
    /// What is decided by from now on. Recorded where it differs from what was.
    InForce(Box<InForce>),
    /// Both clocks were read, to see whether the wall clock was set.
    ClockRead(ClockReading),
}
