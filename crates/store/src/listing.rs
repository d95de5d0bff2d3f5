//! What people read: the command line, the API, the auditor.

use std::collections::BTreeMap;

use candor_audit::{kind::Kind, merkle::Hash};
use candor_core::{
    approval::{Approval, PackageRow, Request},
    claim::Claim,
    evidence::Evidence,
    gate::{Gate, LedgerEntry, Opening},
    ids::{
        ApprovalNo, CorrelationId, DecisionNo, EventNo, EvidenceNo, NoticeNo, OpeningNo, TargetName, TaskId, WorkNo,
    },
    notice::{Delivery, Notice, StateName},
    task::{Incident, Task, TaskState},
    time::Timestamp,
    work::{Document, DocumentKind, Work},
};
use candor_path::{
    OwnerRow,
    retention::{Cutoffs, Pruning},
};
use serde::Serialize;

use crate::{LogEntry, Prunable, Record, StoreError, log::WorkFilter};

/// Which tasks to list.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Only those in this state.
    pub state: Option<TaskState>,
    /// Only those with an open incident.
    pub with_incident: bool,
    /// Only those that were first heard of after this one.
    pub after: Option<TaskId>,
}

/// Which notices to list.
#[derive(Clone, Debug, Default)]
pub struct NoticeFilter {
    /// Only those with a delivery in this state.
    pub state: Option<StateName>,
    /// Only those about this task.
    pub task: Option<TaskId>,
}

/// Which artifacts to list.
#[derive(Clone, Copy, Debug)]
pub enum Artifacts<'a> {
    /// Those of a task.
    OfTask(&'a TaskId),
    /// Those of an incident or firing.
    OfCorrelation(&'a CorrelationId),
}

/// A notice with its deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeRow {
    /// The notice.
    pub notice: Notice,
    /// One per target, in order of target.
    pub deliveries: Vec<Delivery>,
}

/// How many deliveries stand in one state for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryCount {
    /// The state.
    pub state: StateName,
    /// Its reason, for the states that have one.
    pub reason: Option<String>,
    /// How many.
    pub count: u64,
    /// Since when the one that stands there longest does.
    pub oldest: Timestamp,
}

/// A target that a rate limit parked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// The target.
    pub target: TargetName,
    /// Until when.
    pub until: Timestamp,
}

/// A delivery that nothing will move on. There should be none; an auditor looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stranded {
    /// The notice.
    pub notice: NoticeNo,
    /// The target.
    pub target: TargetName,
    /// Its state.
    pub state: StateName,
    /// Its reason, for the states that have one.
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// The end of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Head {
    /// How many artifacts it holds; the last one's index and one more.
    pub length: u64,
    /// The last artifact's leaf hash in hex; none while the log is empty.
    pub leaf: Option<String>,
    /// The RFC 6962 root over all leaves, in hex.
    pub root: String,
    /// When something was last committed; none before the first commit.
    pub last_at: Option<Timestamp>,
}

/// What the store takes on disk, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// The database.
    pub database: u64,
    /// The write-ahead log beside it; bounded, and reused.
    pub journal: u64,
}

/// What people read. Only what is committed is shown; lists are bounded by their `limit`.
#[expect(clippy::missing_errors_doc, reason = "every method fails in one way: the store can't be read")]
pub trait Listing {
    /// Tasks in the order in which they were first heard of.
    fn tasks(&self, filter: &TaskFilter, limit: usize) -> Result<Vec<Task>, StoreError>;
    /// One task.
    fn task_by_id(&self, id: &TaskId) -> Result<Option<Task>, StoreError>;
    /// How many tasks stand in each state; states without tasks are left out.
    fn task_counts(&self) -> Result<BTreeMap<TaskState, u64>, StoreError>;
    /// Notices with their deliveries, newest first.
    fn notices(&self, filter: &NoticeFilter, limit: usize) -> Result<Vec<NoticeRow>, StoreError>;
    /// One notice with its deliveries.
    fn notice_row(&self, no: NoticeNo) -> Result<Option<NoticeRow>, StoreError>;
    /// How many deliveries stand in each state, by reason.
    fn delivery_counts(&self) -> Result<Vec<DeliveryCount>, StoreError>;
    /// Incidents, newest first; only open ones if asked.
    fn incidents(&self, open_only: bool, limit: usize) -> Result<Vec<Incident>, StoreError>;
    /// A task's claims, oldest first.
    fn claims_of(&self, task: &TaskId, limit: usize) -> Result<Vec<Claim>, StoreError>;
    /// One evidence record.
    fn evidence_by_no(&self, no: EvidenceNo) -> Result<Option<Evidence>, StoreError>;
    /// A task's evidence, oldest first.
    fn evidence_for(&self, task: &TaskId, limit: usize) -> Result<Vec<Evidence>, StoreError>;
    /// Gate openings, newest first, closed ones too.
    fn all_openings(&self, limit: usize) -> Result<Vec<Opening>, StoreError>;
    /// One gate opening.
    fn opening_by_no(&self, no: OpeningNo) -> Result<Option<Opening>, StoreError>;
    /// When the gate that closed last did, before or at `now`.
    fn last_closed_at(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;
    /// Approvals, newest first.
    fn approvals(&self, limit: usize) -> Result<Vec<Approval>, StoreError>;
    /// One approval.
    fn approval_by_no(&self, no: ApprovalNo) -> Result<Option<Approval>, StoreError>;
    /// Approval packages, newest first. Each is an artifact `pk-N` of the kind `approval`.
    fn packages(&self, limit: usize) -> Result<Vec<PackageRow>, StoreError>;
    /// Agents' requests that a gate be opened: those that wait, then the others, each newest first.
    fn requests(&self, limit: usize) -> Result<Vec<Request>, StoreError>;
    /// Entries of the effect ledger, newest first.
    fn ledger(&self, limit: usize) -> Result<Vec<LedgerEntry>, StoreError>;
    /// Entries of the effect ledger after a time, oldest first.
    fn ledger_after(&self, after: Option<Timestamp>, limit: usize) -> Result<Vec<LedgerEntry>, StoreError>;
    /// How many uses of each gate the ledger has after a time; gates without any are left out.
    fn ledger_counts(&self, after: Option<Timestamp>) -> Result<BTreeMap<Gate, u64>, StoreError>;
    /// One piece of work.
    fn work_by_no(&self, no: WorkNo) -> Result<Option<Work>, StoreError>;
    /// Work that gates stand before, newest first.
    fn all_work(&self, filter: WorkFilter, limit: usize) -> Result<Vec<Work>, StoreError>;
    /// One document.
    fn document_by_key(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, StoreError>;
    /// Documents of a kind, newest first.
    fn documents(&self, kind: DocumentKind, limit: usize) -> Result<Vec<Document>, StoreError>;
    /// Processes that lease or leased work, newest first.
    fn owners(&self, limit: usize) -> Result<Vec<OwnerRow>, StoreError>;
    /// Targets that a rate limit parked, in order of name.
    fn parked(&self) -> Result<Vec<Parked>, StoreError>;
    /// The artifacts of a notice's receipts, oldest first.
    fn receipts(&self, notice: NoticeNo, limit: usize) -> Result<Vec<Record>, StoreError>;
    /// An event's artifact.
    fn event(&self, no: EventNo) -> Result<Option<Record>, StoreError>;
    /// A decision's artifact.
    fn decision(&self, no: DecisionNo) -> Result<Option<Record>, StoreError>;
    /// Artifacts that belong together, newest first.
    fn artifacts(&self, which: Artifacts<'_>, limit: usize) -> Result<Vec<Record>, StoreError>;
    /// The log from an index on, as sealed.
    fn log(&self, from: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError>;
    /// Artifacts of a kind that is rare (documents in force, changes of keys), newest first.
    fn of_kind(&self, kind: Kind, limit: usize) -> Result<Vec<Record>, StoreError>;
    /// The root of the `no`-th complete subtree of `2^level` artifacts; none where the log doesn't have it whole.
    fn subtree(&self, level: u32, no: u64) -> Result<Option<Hash>, StoreError>;
    /// What may be pruned under these cutoffs, as much as one pruning takes.
    fn prunable(&self, cutoffs: &Cutoffs) -> Result<Prunable, StoreError>;
    /// The pruning that isn't finished, if there is one.
    fn open_pruning(&self) -> Result<Option<Pruning>, StoreError>;
    /// The end of the log.
    fn head(&self) -> Result<Head, StoreError>;
    /// Deliveries without a next step: not final, not due at a time, not held for a named reason, not leased by an owner who has not
    /// ended and whose heartbeat is not before `alive_since`. Oldest first.
    fn stranded(&self, alive_since: Timestamp, limit: usize) -> Result<Vec<Stranded>, StoreError>;
    /// What the store takes on disk; nothing in memory.
    fn size(&self) -> Result<Size, StoreError>;
}

impl From<&Delivery> for Stranded {
    fn from(delivery: &Delivery) -> Self {
        Self {
            notice: delivery.notice,
            target: delivery.target.clone(),
            state: delivery.state.name(),
            reason: delivery.state.reason().map(str::to_owned),
            since: delivery.since,
        }
    }
}
