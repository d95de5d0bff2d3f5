//! What a step reads.

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
use candor_path::{BeatFold, ClockReading, Due, Numbers, OwnerRow, Seen, Unreadable, View, retention::Pruning};
use rusqlite::params;

use super::{
    approvals,
    beats::fold_of,
    codes::{Coded as _, delivery as states},
    prune,
    rows::{self, int, most, nat, select},
    txn::SqliteTxn,
    write::seen_key,
};

/// Tasks that are due, earliest first.
pub(super) const DUE_TASKS: &str = "SELECT t.due_at, n.id FROM task t JOIN name n ON n.no = t.no WHERE t.due_at <= ?1 ORDER BY t.due_at, t.no LIMIT ?2";
/// Deliveries that are due, earliest first; second whether it is a hand-over that lapsed.
pub(super) const DUE_DELIVERIES: &str = "SELECT due_at, state = ?3, notice, target FROM delivery WHERE due_at <= ?1 \
     ORDER BY due_at, state = ?3, notice, target LIMIT ?2";
/// The first thing that will be due.
pub(super) const NEXT_DUE: &str = "SELECT min(at) FROM (\
     SELECT * FROM (SELECT due_at AS at FROM task WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1) UNION ALL \
     SELECT * FROM (SELECT due_at FROM delivery WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1))";
/// Leased deliveries whose owner is gone.
pub(super) const ORPHANS: &str = "SELECT d.notice, d.target FROM delivery d LEFT JOIN owner o ON o.no = d.owner \
     WHERE d.state IN (?4, ?5) AND d.owner <> ?1 AND (o.no IS NULL OR o.ended OR o.beat_at < ?2) \
     ORDER BY d.notice, d.target LIMIT ?3";

/// Children that haven't ended, and that ended without proof; the codes from 4 on are of states that end.
pub(super) const CHILDREN: &str = "SELECT count(*) FILTER (WHERE state < 4), count(*) FILTER (WHERE state >= 4 AND unproved) \
                   FROM task WHERE parent = ?1";
/// A task's notices, newest first.
pub(super) const NOTICES_OF: &str = select!(notice, "WHERE o.task = ?1 ORDER BY o.no DESC LIMIT ?2");
/// A target's due deliveries, oldest notice first.
pub(super) const DUE_FOR: &str = select!(
    delivery,
    "INDEXED BY delivery_due WHERE due_at <= ?1 AND target = ?2 AND state <> ?3 ORDER BY notice LIMIT ?4"
);
/// What a digest covers.
pub(super) const COVERED_BY: &str = select!(delivery, "WHERE digest_of = ?1 AND target = ?2 ORDER BY notice");
/// A target's pending deliveries without a next time, those that wait longest first.
pub(super) const HELD: &str = select!(
    delivery,
    "WHERE state = ?1 AND reason = ?2 AND target = ?3 AND +due_at IS NULL ORDER BY since, notice LIMIT ?4"
);
/// Handed over and not taken up, those that wait longest first.
pub(super) const HANDED_OVER: &str =
    "SELECT notice, target FROM delivery WHERE state = ?1 AND reason = 0 ORDER BY since, notice, target LIMIT ?2";

impl View for SqliteTxn<'_> {
    fn log_length(&self) -> Result<u64, Unreadable> {
        Ok(self.state.tip.tree.size())
    }

    fn pruning(&self) -> Result<Option<Pruning>, Unreadable> {
        Ok(prune::open(self.db())?)
    }

    fn numbers(&self) -> Result<Numbers, Unreadable> {
        Ok(self.state.numbers)
    }

    fn in_force(&self) -> Result<Option<String>, Unreadable> {
        Ok(self.state.in_force.clone())
    }

    fn clock(&self) -> Result<Option<ClockReading>, Unreadable> {
        Ok(self.state.clock.clone())
    }

    fn last_at(&self) -> Result<Option<Timestamp>, Unreadable> {
        Ok(self.state.last_at)
    }

    fn seen(&self, source: &str, id: &str) -> Result<Option<Seen>, Unreadable> {
        let sql = "SELECT event, decision FROM seen WHERE key = ?1";
        Ok(self.db().one(sql, [seen_key(source, id)], |row| {
            let decision: Option<i64> = row.get(1)?;
            let decision = decision.map(|no| DecisionNo(u64::try_from(no).unwrap_or_default()));
            Ok(Seen { event: EventNo(nat(row, 0)?), decision })
        })?)
    }

    fn task(&self, id: &TaskId) -> Result<Option<Task>, Unreadable> {
        if let Some(stored) = self.store.shelf.get(id) {
            return Ok(Some(self.store.reads.merged(stored)));
        }
        let sql = select!(task, "WHERE n.id = ?1");
        let Some(stored) = self.db().one(sql, [id.as_str()], rows::task)? else { return Ok(None) };
        self.store.shelf.put(&stored);
        Ok(Some(self.store.reads.merged(stored)))
    }

    fn children(&self, id: &TaskId) -> Result<(u64, u64), Unreadable> {
        let Some(no) = self.known(id)? else { return Ok((0, 0)) };
        Ok(self.db().one(CHILDREN, [no], |row| Ok((nat(row, 0)?, nat(row, 1)?)))?.unwrap_or_default())
    }

    fn incident(&self, no: IncidentNo) -> Result<Option<Incident>, Unreadable> {
        let sql = select!(incident, "WHERE no = ?1");
        Ok(self.db().one(sql, [int(no.0)], rows::incident)?)
    }

    fn claims(&self, task: &TaskId) -> Result<Vec<Claim>, Unreadable> {
        let Some(no) = self.known(task)? else { return Ok(Vec::new()) };
        Ok(self.db().many("SELECT body FROM claim WHERE task = ?1 ORDER BY no", [no], |row| rows::json(row, 0))?)
    }

    fn claim(&self, no: ClaimNo) -> Result<Option<Claim>, Unreadable> {
        Ok(self.db().one("SELECT body FROM claim WHERE no = ?1", [int(no.0)], |row| rows::json(row, 0))?)
    }

    fn evidence_of(&self, task: &TaskId) -> Result<Vec<Evidence>, Unreadable> {
        let Some(no) = self.known(task)? else { return Ok(Vec::new()) };
        Ok(self.db().many("SELECT body FROM evidence WHERE task = ?1 ORDER BY no", [no], |row| rows::json(row, 0))?)
    }

    fn evidence(&self, no: EvidenceNo) -> Result<Option<Evidence>, Unreadable> {
        Ok(self.db().one("SELECT body FROM evidence WHERE no = ?1", [int(no.0)], |row| rows::json(row, 0))?)
    }

    fn notice(&self, no: NoticeNo) -> Result<Option<Notice>, Unreadable> {
        let sql = select!(notice, "WHERE o.no = ?1");
        Ok(self.db().one(sql, [int(no.0)], rows::notice)?)
    }

    fn notices_of(&self, task: &TaskId, limit: usize) -> Result<Vec<Notice>, Unreadable> {
        let Some(no) = self.known(task)? else { return Ok(Vec::new()) };
        Ok(self.db().many(NOTICES_OF, [no, most(limit)], rows::notice)?)
    }

    fn deliveries(&self, notice: NoticeNo) -> Result<Vec<Delivery>, Unreadable> {
        let sql = select!(delivery, "WHERE notice = ?1 ORDER BY target");
        Ok(self.db().many(sql, [int(notice.0)], rows::delivery)?)
    }

    fn delivery(&self, notice: NoticeNo, target: &TargetName) -> Result<Option<Delivery>, Unreadable> {
        let sql = select!(delivery, "WHERE notice = ?1 AND target = ?2");
        Ok(self.db().one(sql, (int(notice.0), target.as_str()), rows::delivery)?)
    }

    fn due_for(&self, target: &TargetName, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Unreadable> {
        let params = params![now.as_micros(), target.as_str(), states::DISPATCHED, most(limit)];
        Ok(self.db().many(DUE_FOR, params, rows::delivery)?)
    }

    fn covered_by(&self, lead: NoticeNo, target: &TargetName) -> Result<Vec<Delivery>, Unreadable> {
        Ok(self.db().many(COVERED_BY, (int(lead.0), target.as_str()), rows::delivery)?)
    }

    fn held(&self, reason: PendingReason, target: &TargetName, limit: usize) -> Result<Vec<Delivery>, Unreadable> {
        let params = params![states::PENDING, reason.code(), target.as_str(), most(limit)];
        Ok(self.db().many(HELD, params, rows::delivery)?)
    }

    fn handed_over(&self, limit: usize) -> Result<Vec<(NoticeNo, TargetName)>, Unreadable> {
        Ok(self.db().many(HANDED_OVER, [states::DISPATCHED, most(limit)], |row| {
            Ok((NoticeNo(nat(row, 0)?), rows::word(row, 1)?))
        })?)
    }

    fn parked_until(&self, target: &TargetName) -> Result<Option<Timestamp>, Unreadable> {
        let sql = "SELECT until FROM parked WHERE target = ?1";
        Ok(self.db().one(sql, [target.as_str()], |row| rows::time(row, 0))?)
    }

    fn openings(&self, gate: Gate) -> Result<Vec<Opening>, Unreadable> {
        Ok(approvals::openings(self.db(), gate)?)
    }

    fn last_closed_at(&self, now: Timestamp) -> Result<Option<Timestamp>, Unreadable> {
        Ok(approvals::last_closed_at(self.db(), now)?)
    }

    fn approval(&self, no: ApprovalNo) -> Result<Option<Approval>, Unreadable> {
        Ok(approvals::approval(self.db(), no)?)
    }

    fn approval_by_id(&self, id: &str) -> Result<Option<Approval>, Unreadable> {
        Ok(approvals::approval_by_id(self.db(), id)?)
    }

    fn newest_package(&self) -> Result<Option<PackageRow>, Unreadable> {
        Ok(approvals::packages(self.db(), 1)?.pop())
    }

    fn has_package(&self, sha256: &str) -> Result<bool, Unreadable> {
        Ok(approvals::has_package(self.db(), sha256)?)
    }

    fn open_requests(&self) -> Result<Vec<Request>, Unreadable> {
        Ok(approvals::open_requests(self.db())?)
    }

    fn ledger_after(&self, after: Option<Timestamp>, limit: usize) -> Result<Vec<LedgerEntry>, Unreadable> {
        Ok(approvals::ledger_after(self.db(), after, limit)?)
    }

    fn work(&self, no: WorkNo) -> Result<Option<Work>, Unreadable> {
        Ok(approvals::work(self.db(), no)?)
    }

    fn open_work(&self, key: &str) -> Result<Option<Work>, Unreadable> {
        Ok(approvals::open_work(self.db(), key)?)
    }

    fn waiting_work(&self, gate: Gate, limit: usize) -> Result<Vec<Work>, Unreadable> {
        Ok(approvals::waiting_work(self.db(), gate, limit)?)
    }

    fn started_work(&self, limit: usize) -> Result<Vec<Work>, Unreadable> {
        Ok(approvals::started_work(self.db(), limit)?)
    }

    fn work_count(&self) -> Result<u64, Unreadable> {
        Ok(approvals::work_count(self.db())?)
    }

    fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, Unreadable> {
        Ok(approvals::document(self.db(), kind, key)?)
    }

    fn documents_of(&self, kind: DocumentKind, agent: &AgentId, limit: usize) -> Result<Vec<Document>, Unreadable> {
        Ok(approvals::documents_of(self.db(), kind, agent, limit)?)
    }

    fn rules_of(&self, task: &TaskId) -> Result<Vec<String>, Unreadable> {
        let Some(no) = self.known(task)? else { return Ok(Vec::new()) };
        Ok(self.store.reads.rules_of(no)?)
    }

    fn owner(&self, no: OwnerNo) -> Result<Option<OwnerRow>, Unreadable> {
        let sql = select!(owner, "WHERE no = ?1");
        Ok(self.db().one(sql, [int(no.0)], rows::owner)?)
    }

    fn owners(&self) -> Result<Vec<OwnerRow>, Unreadable> {
        Ok(self.db().many(select!(owner, "ORDER BY no DESC"), [], rows::owner)?)
    }

    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, Unreadable> {
        let mut due = self.db().many(DUE_TASKS, [now.as_micros(), most(limit)], |row| {
            Ok((row.get::<_, i64>(0)?, 0, Due::Look(rows::word(row, 1)?)))
        })?;
        let params = [now.as_micros(), most(limit), states::DISPATCHED];
        due.extend(self.db().many(DUE_DELIVERIES, params, |row| {
            let (notice, target) = (NoticeNo(nat(row, 2)?), rows::word(row, 3)?);
            Ok(match row.get(1)? {
                true => (row.get(0)?, 2, Due::Rescue(notice, target)),
                false => (row.get(0)?, 1, Due::Dispatch(notice, target)),
            })
        })?);
        // Stable: what is due at the same time keeps the order of its table.
        due.sort_by_key(|(at, rank, _)| (*at, *rank));
        due.truncate(limit);
        Ok(due.into_iter().map(|(.., due)| due).collect())
    }

    fn next_due_at(&self) -> Result<Option<Timestamp>, Unreadable> {
        let at = self.db().one(NEXT_DUE, [], |row| row.get::<_, Option<i64>>(0))?.flatten();
        Ok(at.map(Timestamp::from_micros))
    }

    fn orphans(
        &self,
        owner: OwnerNo,
        alive_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(NoticeNo, TargetName)>, Unreadable> {
        let params = [int(owner.0), alive_since.as_micros(), most(limit), states::DISPATCHED, states::SENDING];
        Ok(self.db().many(ORPHANS, params, |row| Ok((NoticeNo(nat(row, 0)?), rows::word(row, 1)?)))?)
    }

    fn beats(&self, limit: usize) -> Result<Vec<BeatFold>, Unreadable> {
        let waiting: Vec<_> =
            self.store.reads.beats.borrow().by_task.iter().take(limit).map(|(no, of)| (*no, *of)).collect();
        let mut folds = Vec::with_capacity(waiting.len());
        for (no, waiting) in waiting {
            let name = self.db().one("SELECT id FROM name WHERE no = ?1", [no], |row| rows::word(row, 0))?;
            let name = name.ok_or_else(|| self.db().damaged(format!("task {no} has no name")))?;
            folds.push(fold_of(self.db(), name, waiting)?);
        }
        Ok(folds)
    }
}
