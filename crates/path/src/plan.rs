//! What a step wants done: one commit, then effects, and an answer for whoever asked.

use candor_core::{
    approval::{Approval, PackageRow, Request},
    claim::Claim,
    claim::ClaimKind,
    decision::Decision,
    event::EventType,
    evidence::{Evidence, Subject},
    gate::{Gate, Grant, LedgerEntry, Opening},
    ids::{
        ApprovalNo, ClaimNo, CorrelationId, DecisionNo, EffectNo, EventNo, EvidenceNo, Fence, IncidentNo, NoticeNo,
        OpeningNo, OwnerNo, ReceiptNo, RequestNo, TargetName, TaskId, WorkNo,
    },
    notice::{Delivery, Message, Notice},
    task::{Incident, Signal, Task},
    time::Timestamp,
    work::{Allowed, Document, Work},
};
use serde_json::Value;
use thiserror::Error;

use crate::{
    refused::ApprovalRefusal,
    retention::Pruning,
    view::{ClockReading, OwnerRow},
};

macro_rules! numbers {
    ($($field:ident: $kind:ty => $take:ident, $doc:literal;)+) => {
        /// The next free number of each kind. A step takes from its own copy and hands the rest back with its plan.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Numbers { $(#[doc = $doc] pub $field: u64,)+ }

        impl Numbers {
            /// Every number's name and value, for a store to keep.
            #[must_use]
            pub fn to_pairs(self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($field), self.$field)),+]
            }

            /// Sets a number by name; unknown names are ignored, so that an older store can be read.
            pub fn set(&mut self, name: &str, value: u64) {
                $(if name == stringify!($field) { self.$field = value; })+
            }

            $(
                #[doc = concat!("Takes ", $doc)]
                pub fn $take(&mut self) -> $kind {
                    let taken = self.$field;
                    self.$field = taken.saturating_add(1);
                    <$kind>::from(Take(taken))
                }
            )+
        }

        impl Default for Numbers {
            fn default() -> Self {
                Self { $($field: 1,)+ }
            }
        }
    };
}

/// A number on its way into its own kind.
pub struct Take(u64);

macro_rules! takes {
    ($($kind:ident),+) => {$(
        impl From<Take> for $kind {
            fn from(take: Take) -> Self {
                Self(take.0)
            }
        }
    )+};
}
takes!(
    EventNo, DecisionNo, ClaimNo, EvidenceNo, IncidentNo, NoticeNo, ReceiptNo, OpeningNo, OwnerNo, Fence, ApprovalNo,
    EffectNo, WorkNo, RequestNo
);

impl From<Take> for u64 {
    fn from(take: Take) -> Self {
        take.0
    }
}

numbers! {
    event: EventNo => take_event, "the next event's number.";
    decision: DecisionNo => take_decision, "the next decision's number.";
    claim: ClaimNo => take_claim, "the next claim's number.";
    evidence: EvidenceNo => take_evidence, "the next evidence record's number.";
    incident: IncidentNo => take_incident, "the next incident's number.";
    notice: NoticeNo => take_notice, "the next notice's number.";
    receipt: ReceiptNo => take_receipt, "the next receipt's number.";
    opening: OpeningNo => take_opening, "the next gate opening's number.";
    approval: ApprovalNo => take_approval, "the next approval's number.";
    ledger: EffectNo => take_effect, "the next number in the effect ledger.";
    work: WorkNo => take_work, "the next piece of work's number.";
    request: RequestNo => take_request, "the next approval request's number.";
    owner: OwnerNo => take_owner, "the next owner's number.";
    fence: Fence => take_fence, "the next fencing token.";
    record: u64 => take_record, "the next number of a record that has no kind of its own, such as a fold or a gap.";
}

/// A routine checkpoint: proof of life and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The task.
    pub task: TaskId,
    /// When it was taken in.
    pub at: Timestamp,
    /// The event's id, so that the fold's digest can be recomputed by whoever kept the events.
    pub event_id: String,
}

/// What an artifact is. Decides where it lies in every export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArtifactKind {
    /// A canonical event.
    Event,
    /// A claim.
    Claim,
    /// An evidence record, each look at it anew.
    Evidence,
    /// A decision.
    Decision,
    /// A notice entering the queue, or changing there.
    Queue,
    /// A hand-over.
    Spool,
    /// An attempt opened apart from its hand-over.
    Attempt,
    /// A receipt.
    Receipt,
    /// An incident opening, escalating, being taken on or ending.
    Incident,
    /// A gate opened or closed.
    Gate,
    /// An approval package, what came before it, an approval, a revocation, a request, a drill, a review.
    Approval,
    /// One use of one gate: an entry of the effect ledger.
    Effect,
    /// Work that a gate stands before, and what came of it.
    Work,
    /// What a channel or runtime answered when it was asked what really happened.
    Readback,
    /// Routine checkpoints, folded.
    HeartbeatFold,
    /// A loss or a jump that Candor knows of: it wasn't running, the clock moved.
    Gap,
    /// What an operator did with the record itself.
    OperatorAct,
    /// The profile in force, and the values that hold.
    Profile,
    /// The capability descriptor in force, and how every ability stands.
    Capability,
    /// The packs in force.
    Pack,
    /// A change of the key that signs the log.
    Key,
}

/// A record for the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// What it is.
    pub kind: ArtifactKind,
    /// Its id, unique within the kind: `e-12`, `d-7`, or with a revision where the same thing is recorded again, `v-4-r2`. Always
    /// `prefix-number` or `prefix-number-rN`; a store keys it by kind, number and revision (1 when it names none).
    pub id: String,
    /// The task that it belongs to.
    pub task: Option<TaskId>,
    /// The incident or firing that it belongs to.
    pub correlation: Option<CorrelationId>,
    /// Its content.
    pub body: Value,
}

/// A change of the store's projections.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// An event is accepted: its source and id won't be accepted again.
    Seen {
        /// The event's source.
        source: String,
        /// The event's id.
        id: String,
        /// Its number here.
        event: EventNo,
        /// The decision that it led to.
        decision: Option<DecisionNo>,
    },
    /// A task as it now is.
    Task(Box<Task>),
    /// A routine checkpoint.
    Beat(Beat),
    /// Beats up to a mark are folded.
    Folded {
        /// The task.
        task: TaskId,
        /// The mark.
        up_to: u64,
        /// When its last beat was.
        last: Timestamp,
    },
    /// An incident as it now is.
    Incident(Box<Incident>),
    /// A claim.
    Claim(Box<Claim>),
    /// An evidence record as it now is.
    Evidence(Box<Evidence>),
    /// A notice as it now is.
    Notice(Box<Notice>),
    /// A delivery as it now is.
    Delivery(Box<Delivery>),
    /// A target is parked until a time, or free again.
    Parked {
        /// The target.
        target: TargetName,
        /// Until when; none when free.
        until: Option<Timestamp>,
    },
    /// A gate opening as it now is.
    Opening(Box<Opening>),
    /// An approval as it now is.
    Approval(Box<Approval>),
    /// An approval package.
    Package(Box<PackageRow>),
    /// An agent's request as it now is.
    Request(Box<Request>),
    /// An entry of the effect ledger.
    Ledger(Box<LedgerEntry>),
    /// A piece of work as it now is.
    Work(Box<Work>),
    /// A document: the newest of its kind and key.
    Document(Box<Document>),
    /// An owner as it now is.
    Owner(OwnerRow),
    /// Owners that have ended and have a lower number are forgotten.
    ForgetOwners(OwnerNo),
    /// Every other owner is known to have ended.
    OthersEnded(OwnerNo),
    /// The clocks as they now stand to each other.
    Clock(ClockReading),
    /// What is decided by, by its digest.
    InForce(String),
    /// A pruning as it now is.
    Pruning(Box<Pruning>),
    /// The clock jumped: every stored instant that waits for the future, or measures silence, moves with it.
    Shift {
        /// By how many microseconds.
        micros: i64,
    },
    /// Watched tasks that are due before a time are given until then: nobody could report meanwhile.
    Reprieve {
        /// Until when.
        until: Timestamp,
    },
}

/// A message that may be sent now: its attempt is committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Sending {
    /// The message.
    pub message: Message,
    /// The gate that its sender passes; none for a sender that only pretends.
    pub gate: Option<Gate>,
    /// The uses that were taken for it, one of each gate that it passes.
    pub grants: Vec<Grant>,
}

/// What is to be done after the commit.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Call the provider, once.
    Send(Box<Sending>),
    /// Look at a piece of evidence.
    Collect {
        /// The record.
        evidence: EvidenceNo,
        /// What it is about.
        subject: Subject,
        /// The claim kinds that it speaks to.
        supports: Vec<ClaimKind>,
    },
    /// Read a task's signals.
    Probe {
        /// The task.
        task: TaskId,
        /// Its signals, in the task's order.
        signals: Vec<Signal>,
    },
    /// Do a piece of work, once.
    Perform(Box<Allowed>),
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// Its type.
    pub event_type: EventType,
    /// Its number; none for a routine checkpoint, which is folded.
    pub event: Option<EventNo>,
    /// What policy made of it; none for a routine checkpoint and a duplicate.
    pub decision: Option<Decision>,
    /// The decision's number, also for a duplicate.
    pub decision_no: Option<DecisionNo>,
    /// The claim that it made.
    pub claim: Option<ClaimNo>,
    /// The evidence record that it brought.
    pub evidence: Option<EvidenceNo>,
    /// The request that it made.
    pub request: Option<RequestNo>,
    /// The notice that followed.
    pub notice: Option<NoticeNo>,
    /// Whether it had been accepted before.
    pub duplicate: bool,
}

/// The answer for whoever handed in an input.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A report was accepted.
    Accepted(Box<Accepted>),
    /// A look at evidence was recorded.
    Evidence(Box<Evidence>),
    /// An incident was taken on.
    Incident(Box<Incident>),
    /// A gate was opened or closed.
    Opening(Box<Opening>),
    /// An approval was taken in, or taken back.
    Approval(Box<Approval>),
    /// An approval package is on record.
    Package(Box<PackageRow>),
    /// Work is done, under way, or waits for its gate.
    Work(Box<Work>),
    /// A document is on record.
    Document(Box<Document>),
    /// Uses of gates were taken.
    Grants(Vec<Grant>),
    /// An owner was registered.
    Owner(OwnerNo),
    /// A notice was created.
    Notice(NoticeNo),
    /// Deliveries moved; how many.
    Moved(u64),
    /// Done, or nothing was left to do.
    Done,
}

/// Why an input was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The task doesn't exist.
    #[error("no task `{0}`; start it with `candor task start {0}`")]
    UnknownTask(TaskId),
    /// The parent task doesn't exist.
    #[error("no parent task `{0}`; start it first")]
    UnknownParent(TaskId),
    /// The task belongs to another agent.
    #[error("task `{task}` belongs to agent `{owner}`; report as it, or as the operator")]
    NotOwner {
        /// The task.
        task: TaskId,
        /// Its owner.
        owner: String,
    },
    /// The task has ended.
    #[error("task `{0}` has ended; start it again with `candor task start {0}`")]
    Ended(TaskId),
    /// Only Candor makes such events.
    #[error("`{0}` is made by Candor alone; report what you saw instead")]
    Reserved(&'static str),
    /// Too many of something.
    #[error("task `{task}` already holds {max} {what}; close it and start a new one")]
    TooMany {
        /// The task.
        task: TaskId,
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        max: usize,
    },
    /// A receipt speaks to nothing but `operator_notified`.
    #[error("a receipt supports only `operator_notified`, not `{0}`")]
    ReceiptSupports(String),
    /// The notice doesn't exist.
    #[error("no notice `{0}`; `candor notice list` shows what there is")]
    UnknownNotice(NoticeNo),
    /// The notice doesn't go to that target.
    #[error("notice `{notice}` doesn't go to `{target}`; `candor notice show {notice}` shows where it goes")]
    UnknownDelivery {
        /// The notice.
        notice: NoticeNo,
        /// The target.
        target: TargetName,
    },
    /// No such target is configured.
    #[error("no target `{0}`; `candor status` lists the targets, the configuration defines them")]
    UnknownTarget(TargetName),
    /// The delivery is final.
    #[error("notice `{0}` is `acked`: the destination's proof is on record and stands")]
    AlreadyAcked(NoticeNo),
    /// The delivery is being sent right now.
    #[error("notice `{0}` is being sent; wait for its receipt")]
    BeingSent(NoticeNo),
    /// The notice belongs to no incident.
    #[error("notice `{0}` belongs to no open incident; there is nothing to take on")]
    NoIncident(NoticeNo),
    /// The evidence record doesn't exist.
    #[error("no evidence record `{0}`; `candor evidence list` shows what there is")]
    UnknownEvidence(EvidenceNo),
    /// It can't be looked at.
    #[error("evidence `{0}` is only told; there is nothing that Candor could look at")]
    NotCollectable(EvidenceNo),
    /// No such opening.
    #[error("gate `{0}` is not open; `candor gate list` shows what is")]
    GateNotOpen(String),
    /// An approval can't be taken.
    #[error("the approval isn't taken: {0}")]
    Approval(#[from] ApprovalRefusal),
    /// An approval package isn't true of this deployment.
    #[error("the package isn't taken: {0}")]
    Package(String),
    /// No such work, or it is over.
    #[error("no work `{0}` waits; `candor gate list` shows what does")]
    NoWork(WorkNo),
    /// Too much waits for gates.
    #[error("{max} pieces of work wait for gates already; open a gate, or withdraw some with `candor gate withdraw`")]
    WorkFull {
        /// The limit.
        max: u64,
    },
    /// Nothing of that kind is open for that key.
    #[error("no {kind} of `{key}` is open; `candor {command} list` shows what is")]
    NoItem {
        /// What, in words.
        kind: &'static str,
        /// Of what.
        key: String,
        /// The command that has it.
        command: &'static str,
    },
    /// Too many requests wait for an owner.
    #[error("{max} requests wait for an owner already; `candor approval list` shows them, approve or reject some")]
    RequestsFull {
        /// The limit.
        max: usize,
    },
    /// What is wanted makes no sense here.
    #[error("{0}")]
    Unwanted(String),
    /// Only the operator may do that.
    #[error("only the operator may do that; an agent's credential reports and attaches evidence")]
    OperatorOnly,
    /// The gate that an act of the operator's passes is closed.
    #[error(
        "gate `{0}` is closed; open it with `candor gate open {0} --reason \"...\" --expires 1h` (docs/approvals.md)"
    )]
    GateClosed(&'static str),
    /// What should be signed isn't, or is something else.
    #[error("`{field}` is not what it should be: {why}")]
    NotSigned {
        /// Which.
        field: &'static str,
        /// Why.
        why: String,
    },
    /// Nothing may be pruned so.
    #[error("nothing can be pruned: {0}")]
    NotPrunable(&'static str),
    /// A text is empty or too long.
    #[error("`{field}` must be 1 to {max} bytes on one line")]
    Text {
        /// Which.
        field: &'static str,
        /// The limit.
        max: usize,
    },
    /// A list is too long.
    #[error("`{field}` names at most {max}")]
    LongList {
        /// Which.
        field: &'static str,
        /// The limit.
        max: usize,
    },
}

impl Refusal {
    /// A stable code for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownTask(_) => "unknown_task",
            Self::UnknownParent(_) => "unknown_parent",
            Self::NotOwner { .. } => "not_owner",
            Self::Ended(_) => "ended",
            Self::Reserved(_) => "reserved",
            Self::TooMany { .. } => "too_many",
            Self::ReceiptSupports(_) => "receipt_supports",
            Self::UnknownNotice(_) => "unknown_notice",
            Self::UnknownDelivery { .. } => "unknown_delivery",
            Self::UnknownTarget(_) => "unknown_target",
            Self::AlreadyAcked(_) => "already_acked",
            Self::BeingSent(_) => "being_sent",
            Self::NoIncident(_) => "no_incident",
            Self::UnknownEvidence(_) => "unknown_evidence",
            Self::NotCollectable(_) => "not_collectable",
            Self::GateNotOpen(_) => "gate_not_open",
            Self::Approval(of) => of.code(),
            Self::Package(_) => "approval_package",
            Self::NoWork(_) => "no_work",
            Self::WorkFull { .. } => "work_full",
            Self::NoItem { .. } => "no_item",
            Self::RequestsFull { .. } => "requests_full",
            Self::Unwanted(_) => "unwanted",
            Self::OperatorOnly => "operator_only",
            Self::GateClosed(_) => "gate_closed",
            Self::NotSigned { .. } => "not_signed",
            Self::NotPrunable(_) => "not_prunable",
            Self::Text { .. } => "text",
            Self::LongList { .. } => "long_list",
        }
    }
}

/// What a step wants done: `writes` and `artifacts` in one commit, `effects` only after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Changes of the projections, in order.
    pub writes: Vec<Write>,
    /// Records for the log, in order.
    pub artifacts: Vec<Artifact>,
    /// What is left of the numbers.
    pub numbers: Numbers,
    /// What is done after the commit.
    pub effects: Vec<Effect>,
    /// The answer for whoever asked.
    pub reply: Reply,
}

impl Plan {
    /// A plan that does nothing yet.
    #[must_use]
    pub fn new(numbers: Numbers) -> Self {
        Self { writes: Vec::new(), artifacts: Vec::new(), numbers, effects: Vec::new(), reply: Reply::Done }
    }

    /// Whether there is anything to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.artifacts.is_empty()
    }
}
