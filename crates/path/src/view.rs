//! What a step may read. A view is frozen: between two reads of one step nothing changes under it.

use candor_core::{
    approval::{Approval, PackageRow, Request},
    claim::Claim,
    evidence::Evidence,
    gate::{Gate, LedgerEntry, Opening},
    ids::{
        AgentId, ApprovalNo, ClaimNo, DecisionNo, EventNo, EvidenceNo, IncidentNo, NoticeNo, OwnerNo, TargetName,
        TaskId, WorkNo,
    },
    notice::{Delivery, Notice, PendingReason},
    task::{Incident, Task},
    time::Timestamp,
    work::{Document, DocumentKind, Work},
};
use serde::Serialize;
use thiserror::Error;

use crate::{plan::Numbers, retention::Pruning};

/// The store couldn't be read. Carries the store's own words.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("the store can't be read: {0}")]
pub struct Unreadable(pub String);

/// An event that was accepted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number here.
    pub event: EventNo,
    /// The decision that it led to.
    pub decision: Option<DecisionNo>,
}

/// One life of one process that leases work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnerRow {
    /// Its number.
    pub no: OwnerNo,
    /// What it does: `up`, `watchdog`, `dispatcher`, `bridge`, `run`.
    pub role: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Its last heartbeat.
    pub beat_at: Timestamp,
    /// Whether it is known to have ended.
    pub ended: bool,
}

/// Wall time against a clock that nobody sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// Which steady clock: two readings can be compared only when they are of the same one, that is, of one start of one machine.
    pub steady: String,
    /// Wall time less steady time, in microseconds. It changes when somebody sets the wall clock.
    pub offset: i64,
}

impl OwnerRow {
    /// Roles that look at tasks.
    pub const WATCHING: [&str; 3] = ["up", "run", "watchdog"];
    /// Roles that hand notices over.
    pub const DISPATCHING: [&str; 3] = ["up", "run", "dispatcher"];
    /// How long after a pass that ended in order the next one is still expected, in seconds: cron at its usual slowest.
    pub const PASSES_SECS: u64 = 600;

    /// Whether it lives, by its heartbeat.
    #[must_use]
    pub fn is_alive(&self, alive_since: Timestamp) -> bool {
        !self.ended && self.beat_at >= alive_since
    }

    /// Whether it was a pass that ended in order, after which another is expected.
    #[must_use]
    pub fn comes_by(&self, now: Timestamp) -> bool {
        self.ended && self.role != "up" && now.since(self.beat_at).as_secs() < Self::PASSES_SECS
    }
}

/// Routine checkpoints of one task that wait to be folded into an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeatFold {
    /// The task.
    pub task: TaskId,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// SHA-256 in hex over all of them, in order of arrival.
    pub digest: String,
    /// The store's mark of the last beat covered; a fold up to it removes no later one.
    pub up_to: u64,
}

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// The watchdog must look at a task.
    Look(TaskId),
    /// A delivery may be dispatched.
    Dispatch(NoticeNo, TargetName),
    /// A hand-over lapsed, or its owner is gone.
    Rescue(NoticeNo, TargetName),
}

/// What a step may read.
#[expect(clippy::missing_errors_doc, reason = "every method fails in one way: the store can't be read")]
pub trait View {
    /// The next free number of each kind.
    fn numbers(&self) -> Result<Numbers, Unreadable>;
    /// How the clocks stood to each other when that was last written.
    fn clock(&self) -> Result<Option<ClockReading>, Unreadable>;
    /// What is decided by, by its digest.
    fn in_force(&self) -> Result<Option<String>, Unreadable>;
    /// When the last record was written, by the wall clock of then.
    fn last_at(&self) -> Result<Option<Timestamp>, Unreadable>;
    /// Whether an event of that source and id was accepted.
    fn seen(&self, source: &str, id: &str) -> Result<Option<Seen>, Unreadable>;
    /// A task, with its last sign of life.
    fn task(&self, id: &TaskId) -> Result<Option<Task>, Unreadable>;
    /// The tasks that name this one as their parent: how many haven't ended, and how many ended without proof.
    fn children(&self, id: &TaskId) -> Result<(u64, u64), Unreadable>;
    /// An incident.
    fn incident(&self, no: IncidentNo) -> Result<Option<Incident>, Unreadable>;
    /// A task's claims, oldest first.
    fn claims(&self, task: &TaskId) -> Result<Vec<Claim>, Unreadable>;
    /// The rules that spoke to a task, `pack/rule`, as far as its newest records tell.
    fn rules_of(&self, task: &TaskId) -> Result<Vec<String>, Unreadable>;
    /// One claim.
    fn claim(&self, no: ClaimNo) -> Result<Option<Claim>, Unreadable>;
    /// A task's evidence, oldest first.
    fn evidence_of(&self, task: &TaskId) -> Result<Vec<Evidence>, Unreadable>;
    /// One evidence record.
    fn evidence(&self, no: EvidenceNo) -> Result<Option<Evidence>, Unreadable>;
    /// A notice.
    fn notice(&self, no: NoticeNo) -> Result<Option<Notice>, Unreadable>;
    /// A task's notices, newest first, at most `limit`.
    fn notices_of(&self, task: &TaskId, limit: usize) -> Result<Vec<Notice>, Unreadable>;
    /// A notice's deliveries, in order of target.
    fn deliveries(&self, notice: NoticeNo) -> Result<Vec<Delivery>, Unreadable>;
    /// One delivery.
    fn delivery(&self, notice: NoticeNo, target: &TargetName) -> Result<Option<Delivery>, Unreadable>;
    /// Deliveries that are due for a target, oldest notice first, at most `limit`.
    fn due_for(&self, target: &TargetName, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Unreadable>;
    /// Deliveries that a digest led by `lead` covers, in order.
    fn covered_by(&self, lead: NoticeNo, target: &TargetName) -> Result<Vec<Delivery>, Unreadable>;
    /// A target's deliveries that are pending for a reason and have no next time, at most `limit`.
    fn held(&self, reason: PendingReason, target: &TargetName, limit: usize) -> Result<Vec<Delivery>, Unreadable>;
    /// Deliveries that were handed over and that no bridge has taken up, oldest first, at most `limit`.
    fn handed_over(&self, limit: usize) -> Result<Vec<(NoticeNo, TargetName)>, Unreadable>;
    /// Until when a target is parked by a rate limit, if it was parked and nothing was sent since.
    fn parked_until(&self, target: &TargetName) -> Result<Option<Timestamp>, Unreadable>;
    /// The openings of a gate that aren't closed, newest first.
    fn openings(&self, gate: Gate) -> Result<Vec<Opening>, Unreadable>;
    /// When the gate that closed last did, before or at `now`.
    fn last_closed_at(&self, now: Timestamp) -> Result<Option<Timestamp>, Unreadable>;
    /// An approval.
    fn approval(&self, no: ApprovalNo) -> Result<Option<Approval>, Unreadable>;
    /// The approval whose terms have that id.
    fn approval_by_id(&self, id: &str) -> Result<Option<Approval>, Unreadable>;
    /// The approval package that was recorded last.
    fn newest_package(&self) -> Result<Option<PackageRow>, Unreadable>;
    /// Whether an approval package of that digest was recorded.
    fn has_package(&self, sha256: &str) -> Result<bool, Unreadable>;
    /// Agents' requests that nobody has answered, oldest first.
    fn open_requests(&self) -> Result<Vec<Request>, Unreadable>;
    /// Entries of the effect ledger after a time, oldest first, at most `limit`.
    fn ledger_after(&self, after: Option<Timestamp>, limit: usize) -> Result<Vec<LedgerEntry>, Unreadable>;
    /// A piece of work.
    fn work(&self, no: WorkNo) -> Result<Option<Work>, Unreadable>;
    /// The work of that key that isn't over.
    fn open_work(&self, key: &str) -> Result<Option<Work>, Unreadable>;
    /// Work that waits for a gate, oldest first, at most `limit`.
    fn waiting_work(&self, gate: Gate, limit: usize) -> Result<Vec<Work>, Unreadable>;
    /// Work that the world is at, at most `limit`.
    fn started_work(&self, limit: usize) -> Result<Vec<Work>, Unreadable>;
    /// How much work waits for gates.
    fn work_count(&self) -> Result<u64, Unreadable>;
    /// A document.
    fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, Unreadable>;
    /// Documents of a kind about an agent, newest first, at most `limit`.
    fn documents_of(&self, kind: DocumentKind, agent: &AgentId, limit: usize) -> Result<Vec<Document>, Unreadable>;
    /// An owner.
    fn owner(&self, no: OwnerNo) -> Result<Option<OwnerRow>, Unreadable>;
    /// The owners that are on record, newest first.
    fn owners(&self) -> Result<Vec<OwnerRow>, Unreadable>;
    /// What is due at `now`, earliest first, at most `limit`. Costs by what is due, not by what exists.
    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, Unreadable>;
    /// When the next thing is due, if anything is.
    fn next_due_at(&self) -> Result<Option<Timestamp>, Unreadable>;
    /// Deliveries that are leased by somebody other than `owner` who has ended or whose last heartbeat lies before `alive_since`.
    fn orphans(
        &self,
        owner: OwnerNo,
        alive_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(NoticeNo, TargetName)>, Unreadable>;
    /// How many records the log has.
    fn log_length(&self) -> Result<u64, Unreadable>;
    /// The pruning that isn't finished, if there is one.
    fn pruning(&self) -> Result<Option<Pruning>, Unreadable>;
    /// Routine checkpoints that wait to be folded, at most `limit` tasks.
    fn beats(&self, limit: usize) -> Result<Vec<BeatFold>, Unreadable>;
}
