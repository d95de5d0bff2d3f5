//! What a step reads of the maps.

use candor_core::{
    approval::{Approval, PackageRow, Request},
    claim::Claim,
    evidence::Evidence,
    gate::{Gate, LedgerEntry, Opening},
    ids::{AgentId, ApprovalNo, ClaimNo, EvidenceNo, IncidentNo, NoticeNo, OwnerNo, TargetName, TaskId, WorkNo},
    notice::{Delivery, DeliveryState, Notice, PendingReason},
    task::{Incident, Task},
    time::Timestamp,
    work::{Document, DocumentKind, Work},
};
use candor_path::{BeatFold, ClockReading, Due, Numbers, OwnerRow, Seen, Unreadable, View, retention::Pruning};

use super::{MemoryTxn, state::State};
use crate::{
    beat::BeatDigest,
    log::{RULES_RECORDS_MAX, rules},
};

impl State {
    /// What is due or will be, earliest first: when, in which order at the same time, and what.
    fn agenda(&self) -> Vec<(Timestamp, u8, u64, Due)> {
        let looks = self
            .tasks
            .values()
            .filter_map(|row| row.task.due_at.map(|at| (at, 0, row.place, Due::Look(row.task.id.clone()))));
        let moves = self.deliveries.values().filter_map(|delivery| {
            let (notice, target) = (delivery.notice, delivery.target.clone());
            let (rank, due) = match delivery.state {
                DeliveryState::Dispatched { .. } => (2, Due::Rescue(notice, target)),
                _ => (1, Due::Dispatch(notice, target)),
            };
            delivery.state.due_at().map(|at| (at, rank, notice.0, due))
        });
        let mut agenda: Vec<_> = looks.chain(moves).collect();
        agenda.sort_by_key(|(at, rank, place, _)| (*at, *rank, *place));
        agenda
    }
}

impl View for MemoryTxn<'_> {
    fn log_length(&self) -> Result<u64, Unreadable> {
        Ok(self.state().artifacts.len() as u64)
    }

    fn pruning(&self) -> Result<Option<Pruning>, Unreadable> {
        Ok(self.state().prunings.values().find(|pruning| !pruning.done).cloned())
    }

    fn numbers(&self) -> Result<Numbers, Unreadable> {
        Ok(self.state().numbers)
    }

    fn in_force(&self) -> Result<Option<String>, Unreadable> {
        Ok(self.state().in_force.get(&()).cloned())
    }

    fn clock(&self) -> Result<Option<ClockReading>, Unreadable> {
        Ok(self.state().clock.get(&()).cloned())
    }

    fn last_at(&self) -> Result<Option<Timestamp>, Unreadable> {
        Ok(self.last_at)
    }

    fn seen(&self, source: &str, id: &str) -> Result<Option<Seen>, Unreadable> {
        Ok(self.state().seen.get(&(source.to_owned(), id.to_owned())).copied())
    }

    fn task(&self, id: &TaskId) -> Result<Option<Task>, Unreadable> {
        Ok(self.state().tasks.get(id).map(super::state::TaskRow::merged))
    }

    fn children(&self, id: &TaskId) -> Result<(u64, u64), Unreadable> {
        let children = self.state().tasks.values().map(|row| &row.task).filter(|task| task.parent.as_ref() == Some(id));
        Ok(children.fold((0, 0), |(open, unproved), task| match task.state.is_ended() {
            false => (open + 1, unproved),
            true => (open, unproved + u64::from(task.unproved)),
        }))
    }

    fn incident(&self, no: IncidentNo) -> Result<Option<Incident>, Unreadable> {
        Ok(self.state().incidents.get(&no).cloned())
    }

    fn claims(&self, task: &TaskId) -> Result<Vec<Claim>, Unreadable> {
        Ok(self.state().claims.values().filter(|claim| &claim.task == task).cloned().collect())
    }

    fn claim(&self, no: ClaimNo) -> Result<Option<Claim>, Unreadable> {
        Ok(self.state().claims.get(&no).cloned())
    }

    fn evidence_of(&self, task: &TaskId) -> Result<Vec<Evidence>, Unreadable> {
        Ok(self.state().evidence.values().filter(|evidence| &evidence.task == task).cloned().collect())
    }

    fn evidence(&self, no: EvidenceNo) -> Result<Option<Evidence>, Unreadable> {
        Ok(self.state().evidence.get(&no).cloned())
    }

    fn notice(&self, no: NoticeNo) -> Result<Option<Notice>, Unreadable> {
        Ok(self.state().notices.get(&no).cloned())
    }

    fn notices_of(&self, task: &TaskId, limit: usize) -> Result<Vec<Notice>, Unreadable> {
        let newest = self.state().notices.values().rev();
        Ok(newest.filter(|notice| notice.task.as_ref() == Some(task)).take(limit).cloned().collect())
    }

    fn deliveries(&self, notice: NoticeNo) -> Result<Vec<Delivery>, Unreadable> {
        Ok(self.state().deliveries.values().filter(|delivery| delivery.notice == notice).cloned().collect())
    }

    fn delivery(&self, notice: NoticeNo, target: &TargetName) -> Result<Option<Delivery>, Unreadable> {
        Ok(self.state().deliveries.get(&(notice, target.clone())).cloned())
    }

    fn due_for(&self, target: &TargetName, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Unreadable> {
        let due = self.state().deliveries.values().filter(|delivery| {
            &delivery.target == target
                && !matches!(delivery.state, DeliveryState::Dispatched { .. })
                && delivery.state.due_at().is_some_and(|at| at <= now)
        });
        Ok(due.take(limit).cloned().collect())
    }

    fn covered_by(&self, lead: NoticeNo, target: &TargetName) -> Result<Vec<Delivery>, Unreadable> {
        let covered = self.state().deliveries.values();
        Ok(covered.filter(|of| of.digest_of == Some(lead) && &of.target == target).cloned().collect())
    }

    fn held(&self, reason: PendingReason, target: &TargetName, limit: usize) -> Result<Vec<Delivery>, Unreadable> {
        let waits = DeliveryState::Pending { reason, next_at: None };
        let waiting = self.state().deliveries.values().filter(|of| of.state == waits && &of.target == target);
        let mut held: Vec<_> = waiting.cloned().collect();
        held.sort_by_key(|delivery| delivery.since);
        held.truncate(limit);
        Ok(held)
    }

    fn handed_over(&self, limit: usize) -> Result<Vec<(NoticeNo, TargetName)>, Unreadable> {
        let deliveries = self.state().deliveries.values();
        let mut waiting: Vec<_> =
            deliveries.filter(|of| matches!(of.state, DeliveryState::Dispatched { .. })).collect();
        waiting.sort_by_key(|delivery| delivery.since);
        Ok(waiting.into_iter().take(limit).map(|delivery| (delivery.notice, delivery.target.clone())).collect())
    }

    fn parked_until(&self, target: &TargetName) -> Result<Option<Timestamp>, Unreadable> {
        Ok(self.state().parked.get(target).copied())
    }

    fn openings(&self, gate: Gate) -> Result<Vec<Opening>, Unreadable> {
        Ok(self.state().openings(gate))
    }

    fn last_closed_at(&self, now: Timestamp) -> Result<Option<Timestamp>, Unreadable> {
        Ok(self.state().last_closed_at(now))
    }

    fn approval(&self, no: ApprovalNo) -> Result<Option<Approval>, Unreadable> {
        Ok(self.state().approvals.get(&no).cloned())
    }

    fn approval_by_id(&self, id: &str) -> Result<Option<Approval>, Unreadable> {
        Ok(self.state().approval_by_id(id))
    }

    fn newest_package(&self) -> Result<Option<PackageRow>, Unreadable> {
        Ok(self.state().packages(1).pop())
    }

    fn has_package(&self, sha256: &str) -> Result<bool, Unreadable> {
        Ok(self.state().packages.values().any(|package| package.sha256 == sha256))
    }

    fn open_requests(&self) -> Result<Vec<Request>, Unreadable> {
        Ok(self.state().open_requests())
    }

    fn ledger_after(&self, after: Option<Timestamp>, limit: usize) -> Result<Vec<LedgerEntry>, Unreadable> {
        Ok(self.state().ledger_after(after, limit))
    }

    fn work(&self, no: WorkNo) -> Result<Option<Work>, Unreadable> {
        Ok(self.state().work.get(&no).cloned())
    }

    fn open_work(&self, key: &str) -> Result<Option<Work>, Unreadable> {
        Ok(self.state().open_work(key))
    }

    fn waiting_work(&self, gate: Gate, limit: usize) -> Result<Vec<Work>, Unreadable> {
        Ok(self.state().waiting_work(gate, limit))
    }

    fn started_work(&self, limit: usize) -> Result<Vec<Work>, Unreadable> {
        Ok(self.state().started_work(limit))
    }

    fn work_count(&self) -> Result<u64, Unreadable> {
        Ok(self.state().work_count())
    }

    fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, Unreadable> {
        Ok(self.state().documents.get(&(kind, key.to_owned())).cloned())
    }

    fn documents_of(&self, kind: DocumentKind, agent: &AgentId, limit: usize) -> Result<Vec<Document>, Unreadable> {
        Ok(self.state().documents_of(kind, agent, limit))
    }

    fn rules_of(&self, task: &TaskId) -> Result<Vec<String>, Unreadable> {
        let newest = self.state().artifacts.iter().rev().filter(|kept| kept.record.task.as_ref() == Some(task));
        Ok(newest.take(RULES_RECORDS_MAX).flat_map(|kept| rules(&kept.record)).collect())
    }

    fn owner(&self, no: OwnerNo) -> Result<Option<OwnerRow>, Unreadable> {
        Ok(self.state().owners.get(&no).cloned())
    }

    fn owners(&self) -> Result<Vec<OwnerRow>, Unreadable> {
        Ok(self.state().owners.values().rev().cloned().collect())
    }

    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, Unreadable> {
        let agenda = self.state().agenda().into_iter();
        Ok(agenda.take_while(|(at, ..)| *at <= now).take(limit).map(|(.., due)| due).collect())
    }

    fn next_due_at(&self) -> Result<Option<Timestamp>, Unreadable> {
        Ok(self.state().agenda().first().map(|(at, ..)| *at))
    }

    fn orphans(
        &self,
        owner: OwnerNo,
        alive_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(NoticeNo, TargetName)>, Unreadable> {
        let orphans = self.state().deliveries.values().filter(|delivery| match delivery.state {
            DeliveryState::Dispatched { lease } | DeliveryState::Sending { lease, .. } => {
                lease.owner != owner && !self.state().is_alive(lease.owner, alive_since)
            }
            _ => false,
        });
        Ok(orphans.take(limit).map(|delivery| (delivery.notice, delivery.target.clone())).collect())
    }

    fn beats(&self, limit: usize) -> Result<Vec<BeatFold>, Unreadable> {
        let folds = self.state().tasks.values().filter_map(|row| {
            let (first, last) = (row.waiting.first()?, row.waiting.last()?);
            let mut digest = BeatDigest::default();
            row.waiting.iter().for_each(|beat| digest.push(&beat.id, beat.at));
            Some(BeatFold {
                task: row.task.id.clone(),
                count: u64::try_from(row.waiting.len()).unwrap_or(u64::MAX),
                first: first.at,
                last: last.at,
                digest: digest.finish(),
                up_to: last.seq,
            })
        });
        Ok(folds.take(limit).collect())
    }
}
