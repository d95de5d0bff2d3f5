//! What people read of the maps.

use std::{collections::BTreeMap, sync::Arc};

use candor_audit::{
    kind::Kind,
    merkle::{Hash, log_leaf, log_root},
};
use candor_core::{
    approval::{Approval, PackageRow, Request},
    claim::Claim,
    evidence::Evidence,
    gate::{Gate, LedgerEntry, Opening},
    ids::{ApprovalNo, DecisionNo, EventNo, EvidenceNo, NoticeNo, OpeningNo, OwnerNo, TaskId, WorkNo},
    notice::{Delivery, DeliveryState, Notice, PendingReason},
    task::{Incident, Task, TaskState},
    time::Timestamp,
    work::{Document, DocumentKind, Work},
};
use candor_path::{
    OwnerRow,
    retention::{Cutoffs, Pruning},
};

use super::{
    Memory,
    state::{Kept, State, TaskRow},
};
use crate::{
    Artifacts, DeliveryCount, Head, Listing, LogEntry, NoticeFilter, NoticeRow, Parked, Prunable, Record, Size,
    StoreError, Stranded, TaskFilter,
    log::{WorkFilter, receipt_notice},
};

impl State {
    /// Whether an owner may still act on its leases.
    pub(super) fn is_alive(&self, owner: OwnerNo, alive_since: Timestamp) -> bool {
        self.owners.get(&owner).is_some_and(|owner| !owner.ended && owner.beat_at >= alive_since)
    }

    fn notice_row(&self, notice: &Notice) -> NoticeRow {
        let deliveries = self.deliveries.values().filter(|delivery| delivery.notice == notice.no).cloned().collect();
        NoticeRow { notice: notice.clone(), deliveries }
    }

    fn is_stranded(&self, delivery: &Delivery, alive_since: Timestamp) -> bool {
        match &delivery.state {
            DeliveryState::Prepared => true,
            DeliveryState::Sending { lease, .. } => !self.is_alive(lease.owner, alive_since),
            DeliveryState::Pending { reason, next_at: None } => {
                matches!(reason, PendingReason::RetryScheduled | PendingReason::AttemptOpen)
            }
            _ => false,
        }
    }
}

fn records<'a>(of: impl Iterator<Item = &'a Arc<Kept>>, limit: usize) -> Vec<Record> {
    of.take(limit).map(|kept| kept.record.clone()).collect()
}

impl Memory {
    fn latest(&self, kind: Kind, id: &str) -> Option<Record> {
        let mut latest = self.state.artifacts.iter().rev();
        latest.find(|kept| kept.record.kind == kind && kept.record.id == id).map(|kept| kept.record.clone())
    }
}

impl Listing for Memory {
    fn tasks(&self, filter: &TaskFilter, limit: usize) -> Result<Vec<Task>, StoreError> {
        let after = filter.after.as_ref().and_then(|id| self.state.places.get(id)).copied();
        let mut rows: Vec<&TaskRow> = self.state.tasks.values().collect();
        rows.sort_by_key(|row| row.place);
        let wanted = rows.into_iter().filter(|row| {
            after.is_none_or(|after| row.place > after)
                && filter.state.is_none_or(|state| row.task.state == state)
                && (!filter.with_incident || row.task.incident.is_some())
        });
        Ok(wanted.take(limit).map(TaskRow::merged).collect())
    }

    fn task_by_id(&self, id: &TaskId) -> Result<Option<Task>, StoreError> {
        Ok(self.state.tasks.get(id).map(TaskRow::merged))
    }

    fn evidence_by_no(&self, no: EvidenceNo) -> Result<Option<Evidence>, StoreError> {
        Ok(self.state.evidence.get(&no).cloned())
    }

    fn task_counts(&self) -> Result<BTreeMap<TaskState, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for row in self.state.tasks.values() {
            *counts.entry(row.task.state).or_default() += 1;
        }
        Ok(counts)
    }

    fn notices(&self, filter: &NoticeFilter, limit: usize) -> Result<Vec<NoticeRow>, StoreError> {
        let newest = self.state.notices.values().rev();
        let about = newest.filter(|notice| filter.task.is_none() || notice.task == filter.task);
        let rows = about.map(|notice| self.state.notice_row(notice)).filter(|row| {
            filter.state.is_none_or(|state| row.deliveries.iter().any(|delivery| delivery.state.name() == state))
        });
        Ok(rows.take(limit).collect())
    }

    fn notice_row(&self, no: NoticeNo) -> Result<Option<NoticeRow>, StoreError> {
        Ok(self.state.notices.get(&no).map(|notice| self.state.notice_row(notice)))
    }

    fn delivery_counts(&self) -> Result<Vec<DeliveryCount>, StoreError> {
        let mut counts: BTreeMap<_, (u64, Timestamp)> = BTreeMap::new();
        for delivery in self.state.deliveries.values() {
            let key = (delivery.state.name(), delivery.state.reason());
            let (count, oldest) = counts.entry(key).or_insert((0, delivery.since));
            *count += 1;
            *oldest = delivery.since.min(*oldest);
        }
        let rows = counts.into_iter().map(|((state, reason), (count, oldest))| DeliveryCount {
            state,
            reason: reason.map(str::to_owned),
            count,
            oldest,
        });
        Ok(rows.collect())
    }

    fn incidents(&self, open_only: bool, limit: usize) -> Result<Vec<Incident>, StoreError> {
        let newest = self.state.incidents.values().rev();
        Ok(newest.filter(|of| !open_only || of.resolved_at.is_none()).take(limit).cloned().collect())
    }

    fn claims_of(&self, task: &TaskId, limit: usize) -> Result<Vec<Claim>, StoreError> {
        Ok(self.state.claims.values().filter(|claim| &claim.task == task).take(limit).cloned().collect())
    }

    fn evidence_for(&self, task: &TaskId, limit: usize) -> Result<Vec<Evidence>, StoreError> {
        Ok(self.state.evidence.values().filter(|evidence| &evidence.task == task).take(limit).cloned().collect())
    }

    fn all_openings(&self, limit: usize) -> Result<Vec<Opening>, StoreError> {
        Ok(self.state.openings.values().rev().take(limit).cloned().collect())
    }

    fn opening_by_no(&self, no: OpeningNo) -> Result<Option<Opening>, StoreError> {
        Ok(self.state.openings.get(&no).cloned())
    }

    fn last_closed_at(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state.last_closed_at(now))
    }

    fn approvals(&self, limit: usize) -> Result<Vec<Approval>, StoreError> {
        Ok(self.state.approvals.values().rev().take(limit).cloned().collect())
    }

    fn approval_by_no(&self, no: ApprovalNo) -> Result<Option<Approval>, StoreError> {
        Ok(self.state.approvals.get(&no).cloned())
    }

    fn packages(&self, limit: usize) -> Result<Vec<PackageRow>, StoreError> {
        Ok(self.state.packages(limit))
    }

    fn requests(&self, limit: usize) -> Result<Vec<Request>, StoreError> {
        let mut all: Vec<&Request> = self.state.requests.values().rev().collect();
        all.sort_by_key(|request| request.answered_by.is_some());
        Ok(all.into_iter().take(limit).cloned().collect())
    }

    fn ledger(&self, limit: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        Ok(self.state.ledger.values().rev().take(limit).cloned().collect())
    }

    fn ledger_after(&self, after: Option<Timestamp>, limit: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        Ok(self.state.ledger_after(after, limit))
    }

    fn ledger_counts(&self, after: Option<Timestamp>) -> Result<BTreeMap<Gate, u64>, StoreError> {
        Ok(self.state.ledger_counts(after))
    }

    fn work_by_no(&self, no: WorkNo) -> Result<Option<Work>, StoreError> {
        Ok(self.state.work.get(&no).cloned())
    }

    fn all_work(&self, filter: WorkFilter, limit: usize) -> Result<Vec<Work>, StoreError> {
        Ok(self.state.all_work(filter, limit))
    }

    fn document_by_key(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.state.documents.get(&(kind, key.to_owned())).cloned())
    }

    fn documents(&self, kind: DocumentKind, limit: usize) -> Result<Vec<Document>, StoreError> {
        Ok(self.state.documents(kind, limit))
    }

    fn owners(&self, limit: usize) -> Result<Vec<OwnerRow>, StoreError> {
        Ok(self.state.owners.values().rev().take(limit).cloned().collect())
    }

    fn parked(&self) -> Result<Vec<Parked>, StoreError> {
        let parked = self.state.parked.iter();
        Ok(parked.map(|(target, until)| Parked { target: target.clone(), until: *until }).collect())
    }

    fn receipts(&self, notice: NoticeNo, limit: usize) -> Result<Vec<Record>, StoreError> {
        let receipts = self
            .state
            .artifacts
            .iter()
            .filter(|kept| kept.record.kind == Kind::Receipt && receipt_notice(&kept.record.body) == Some(notice));
        Ok(records(receipts, limit))
    }

    fn event(&self, no: EventNo) -> Result<Option<Record>, StoreError> {
        Ok(self.latest(Kind::Event, &no.to_string()))
    }

    fn decision(&self, no: DecisionNo) -> Result<Option<Record>, StoreError> {
        Ok(self.latest(Kind::Decision, &no.to_string()))
    }

    fn artifacts(&self, which: Artifacts<'_>, limit: usize) -> Result<Vec<Record>, StoreError> {
        let newest = self.state.artifacts.iter().rev().filter(|kept| match which {
            Artifacts::OfTask(task) => kept.record.task.as_ref() == Some(task),
            Artifacts::OfCorrelation(id) => kept.record.correlation.as_ref() == Some(id),
        });
        Ok(records(newest, limit))
    }

    fn log(&self, from: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(self.state.artifacts.iter().skip(from).filter_map(|kept| kept.entry.clone()).take(limit).collect())
    }

    fn of_kind(&self, kind: Kind, limit: usize) -> Result<Vec<Record>, StoreError> {
        Ok(records(self.state.artifacts.iter().rev().filter(|kept| kept.record.kind == kind), limit))
    }

    fn subtree(&self, level: u32, no: u64) -> Result<Option<Hash>, StoreError> {
        let entries: Vec<_> = self.state.artifacts.iter().filter_map(|kept| kept.entry.as_ref()).collect();
        let leaves = 1_usize.checked_shl(level);
        let from = leaves.and_then(|leaves| usize::try_from(no).ok()?.checked_mul(leaves));
        let span = from.zip(leaves).and_then(|(from, leaves)| entries.get(from..from.checked_add(leaves)?));
        Ok(span.map(|span| log_root(span.iter().map(|entry| log_leaf(&entry.header_line)))))
    }

    fn prunable(&self, cutoffs: &Cutoffs) -> Result<Prunable, StoreError> {
        self.state.find_prunable(cutoffs)
    }

    fn open_pruning(&self) -> Result<Option<Pruning>, StoreError> {
        Ok(self.state.prunings.values().find(|pruning| !pruning.done).cloned())
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(Head {
            length: u64::try_from(self.state.artifacts.len()).unwrap_or(u64::MAX),
            leaf: self.state.tip.leaf.map(|leaf| candor_audit::hex(&leaf)),
            root: if self.sealing { candor_audit::hex(&self.state.tip.tree.root()) } else { String::new() },
            last_at: self.last_at,
        })
    }

    fn stranded(&self, alive_since: Timestamp, limit: usize) -> Result<Vec<Stranded>, StoreError> {
        let stranded = self.state.deliveries.values().filter(|of| self.state.is_stranded(of, alive_since));
        let mut rows: Vec<_> = stranded.map(Stranded::from).collect();
        rows.sort_by_key(|row| row.since);
        rows.truncate(limit);
        Ok(rows)
    }

    fn size(&self) -> Result<Size, StoreError> {
        Ok(Size::default())
    }
}
