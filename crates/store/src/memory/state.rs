//! The maps.

use std::{collections::BTreeMap, sync::Arc};

use candor_core::{
    approval::{Approval, PackageRow, Request},
    claim::Claim,
    evidence::Evidence,
    gate::{LedgerEntry, Opening},
    ids::{
        ApprovalNo, ClaimNo, EffectNo, EvidenceNo, IncidentNo, NoticeNo, OpeningNo, OwnerNo, RequestNo, TargetName,
        TaskId, WorkNo,
    },
    notice::{Delivery, Notice},
    task::{Incident, Task},
    time::Timestamp,
    work::{Document, DocumentKind, Work},
};
use candor_path::{ClockReading, Numbers, OwnerRow, Seen, retention::Pruning};

use crate::{
    LogEntry, Record,
    log::{Chain, Tip},
};

/// A routine checkpoint that waits to be folded.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) id: String,
}

/// A task, and the beats that it has had since it was last written.
#[derive(Clone, Debug)]
pub(super) struct TaskRow {
    /// As last written, with the beats that were folded since.
    pub(super) task: Task,
    /// Its place in the order of tasks.
    pub(super) place: u64,
    /// Beats that are newer than the written `seen_at`, and the time of the last.
    pub(super) alive_at: Option<Timestamp>,
    /// Beats that wait to be folded.
    pub(super) waiting: Vec<Waiting>,
    /// The id of the last beat, folded or not.
    pub(super) last_beat: Option<String>,
}

impl TaskRow {
    /// The task with its last sign of life.
    pub(super) fn merged(&self) -> Task {
        let mut task = self.task.clone();
        task.seen_at = self.alive_at.map_or(task.seen_at, |at| at.max(task.seen_at));
        task
    }
}

/// An artifact, with its sealed form where sealing is on.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) record: Record,
    pub(super) entry: Option<LogEntry>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) numbers: Numbers,
    pub(super) seen: BTreeMap<(String, String), Seen>,
    pub(super) tasks: BTreeMap<TaskId, TaskRow>,
    pub(super) incidents: BTreeMap<IncidentNo, Incident>,
    pub(super) claims: BTreeMap<ClaimNo, Claim>,
    pub(super) evidence: BTreeMap<EvidenceNo, Evidence>,
    pub(super) notices: BTreeMap<NoticeNo, Notice>,
    pub(super) deliveries: BTreeMap<(NoticeNo, TargetName), Delivery>,
    pub(super) parked: BTreeMap<TargetName, Timestamp>,
    pub(super) openings: BTreeMap<OpeningNo, Opening>,
    pub(super) approvals: BTreeMap<ApprovalNo, Approval>,
    /// Packages by the number of their artifact.
    pub(super) packages: BTreeMap<u64, PackageRow>,
    pub(super) requests: BTreeMap<RequestNo, Request>,
    pub(super) ledger: BTreeMap<EffectNo, LedgerEntry>,
    pub(super) work: BTreeMap<WorkNo, Work>,
    pub(super) documents: BTreeMap<(DocumentKind, String), Document>,
    pub(super) owners: BTreeMap<OwnerNo, OwnerRow>,
    /// The one reading, once there is one.
    pub(super) clock: BTreeMap<(), ClockReading>,
    /// The one digest, once there is one.
    pub(super) in_force: BTreeMap<(), String>,
    /// Prunings by number.
    pub(super) prunings: BTreeMap<u64, Pruning>,
    pub(super) chains: BTreeMap<TaskId, Chain>,
    pub(super) artifacts: Vec<Arc<Kept>>,
    pub(super) tip: Tip,
    /// Each task id's place in the order in which they were first heard of.
    pub(super) places: BTreeMap<TaskId, u64>,
    /// The last beat's mark and the last task id's place.
    pub(super) beat_last: u64,
    pub(super) place_last: u64,
}
