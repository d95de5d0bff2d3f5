//! What people read. Each answer is of one moment.

use std::collections::BTreeMap;

use candor_audit::{kind::Kind, merkle::Hash};
use candor_core::{
    approval::{Approval, PackageRow, Request},
    claim::Claim,
    evidence::Evidence,
    gate::{Gate, LedgerEntry, Opening},
    ids::{ApprovalNo, DecisionNo, EventNo, EvidenceNo, NoticeNo, OpeningNo, TaskId, WorkNo},
    notice::{BlockReason, Delivery, PendingReason, StateName},
    task::{Incident, Task, TaskState},
    time::Timestamp,
    work::{Document, DocumentKind, Work},
};
use candor_path::{
    OwnerRow,
    retention::{Cutoffs, Pruning},
};
use rusqlite::params;

use super::{
    approvals,
    codes::{Coded, delivery as states},
    cover, prune,
    reader::{Reader, correlation_hash},
    rows::{self, int, most, nat, select},
    segment::Kept,
    state::{State, chain_of},
};
use crate::{
    Artifacts, DeliveryCount, Head, Listing, LogEntry, NoticeFilter, NoticeRow, Parked, Prunable, Record, Size,
    StoreError, Stranded, TaskFilter,
    log::{RULES_RECORDS_MAX, WorkFilter, rules},
};

/// Deliveries that nothing moves on: prepared and left there, sent by somebody who is gone, or pending for a reason that plans
/// another attempt without a time for it.
pub(super) const STRANDED: &str = select!(
    delivery,
    "WHERE state = ?1 OR (state = ?2 AND NOT EXISTS \
     (SELECT 1 FROM owner o WHERE o.no = owner AND NOT o.ended AND o.beat_at >= ?3)) \
     OR (state = ?4 AND reason IN (?5, ?6) AND due_at IS NULL) ORDER BY since, notice, target LIMIT ?7"
);

/// A state and its reason from their codes.
fn standing(state: i64, reason: i64) -> Option<(StateName, Option<&'static str>)> {
    Some(match state {
        states::PREPARED => (StateName::Prepared, None),
        states::QUEUED => (StateName::Queued, None),
        states::DISPATCHED => (StateName::Dispatched, None),
        states::SENDING => (StateName::PendingExternalSend, Some(PendingReason::AttemptOpen.as_str())),
        states::PENDING => (StateName::PendingExternalSend, Some(PendingReason::of_code(reason)?.as_str())),
        states::ACKED => (StateName::Acked, None),
        states::BLOCKED => (StateName::Blocked, Some(BlockReason::of_code(reason)?.as_str())),
        _ => return None,
    })
}

/// The codes of a state; two for the one that covers an open attempt.
fn codes_of(state: StateName) -> [i64; 2] {
    match state {
        StateName::Prepared => [states::PREPARED; 2],
        StateName::Queued => [states::QUEUED; 2],
        StateName::Dispatched => [states::DISPATCHED; 2],
        StateName::PendingExternalSend => [states::SENDING, states::PENDING],
        StateName::Acked => [states::ACKED; 2],
        StateName::Blocked => [states::BLOCKED; 2],
    }
}

impl Reader {
    fn number(&self, task: &TaskId) -> Result<Option<i64>, StoreError> {
        self.db.one("SELECT no FROM name WHERE id = ?1", [task.as_str()], |row| row.get(0))
    }

    fn with_deliveries(&self, notice: candor_core::notice::Notice) -> Result<NoticeRow, StoreError> {
        let sql = select!(delivery, "WHERE notice = ?1 ORDER BY target");
        Ok(NoticeRow { deliveries: self.db.many(sql, [int(notice.no.0)], rows::delivery)?, notice })
    }

    /// The bodies of a task's claims or evidence.
    fn bodies<T: serde::de::DeserializeOwned>(
        &self,
        sql: &str,
        task: &TaskId,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        self.snapshot(|| match self.number(task)? {
            Some(no) => self.db.many(sql, [no, most(limit)], |row| rows::json(row, 0)),
            None => Ok(Vec::new()),
        })
    }

    /// Artifacts from `last` on back along a chain.
    fn walk(
        &self,
        last: Option<u64>,
        limit: usize,
        back: fn(&Kept) -> Option<u64>,
        belongs: impl Fn(&Record) -> bool,
    ) -> Result<Vec<Record>, StoreError> {
        let (mut next, mut records) = (last, Vec::new());
        while let Some(index) = next
            && records.len() < limit
        {
            let kept = self.kept(index)?.ok_or_else(|| self.db.damaged(format!("artifact {index} is gone")))?;
            next = back(&kept);
            let record = self.record(&kept.entry)?;
            if belongs(&record) {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// The rules that spoke to a task, as far as its newest artifacts tell.
    pub(super) fn rules_of(&self, task: i64) -> Result<Vec<String>, StoreError> {
        let last = chain_of(&self.db, task)?.last;
        let decisions = self.walk(last, RULES_RECORDS_MAX, |kept| kept.task_prev, |_| true)?;
        Ok(decisions.iter().flat_map(rules).collect())
    }

    /// The artifact whose place a query finds by its number.
    fn located(&self, sql: &str, no: u64) -> Result<Option<Record>, StoreError> {
        self.snapshot(|| {
            let at = self.db.one(sql, [int(no)], |row| row.get(0))?;
            at.map(|at| self.at(at)).transpose()
        })
    }

    fn at(&self, index: i64) -> Result<Record, StoreError> {
        let index = u64::try_from(index).unwrap_or_default();
        let kept = self.kept(index)?.ok_or_else(|| self.db.damaged(format!("artifact {index} is gone")))?;
        self.record(&kept.entry)
    }
}

impl Listing for Reader {
    fn tasks(&self, filter: &TaskFilter, limit: usize) -> Result<Vec<Task>, StoreError> {
        self.snapshot(|| {
            let after = filter.after.as_ref().map(|id| self.number(id)).transpose()?.flatten().unwrap_or_default();
            let state = filter.state.map(Coded::code);
            let stored = match (state, filter.with_incident) {
                (None, false) => {
                    let sql = select!(task, "WHERE t.no > ?1 ORDER BY t.no LIMIT ?2");
                    self.db.many(sql, [after, most(limit)], rows::task)?
                }
                (Some(state), false) => {
                    let sql = select!(task, "WHERE t.state = ?3 AND t.no > ?1 ORDER BY t.no LIMIT ?2");
                    self.db.many(sql, [after, most(limit), state], rows::task)?
                }
                (state, true) => {
                    let sql = select!(
                        task,
                        "WHERE t.incident IS NOT NULL AND (?3 IS NULL OR +t.state = ?3) AND +t.no > ?1 ORDER BY t.no LIMIT ?2"
                    );
                    self.db.many(sql, params![after, most(limit), state], rows::task)?
                }
            };
            Ok(stored.into_iter().map(|stored| self.merged(stored)).collect())
        })
    }

    fn task_by_id(&self, id: &TaskId) -> Result<Option<Task>, StoreError> {
        self.snapshot(|| {
            let stored = self.db.one(select!(task, "WHERE n.id = ?1"), [id.as_str()], rows::task)?;
            Ok(stored.map(|stored| self.merged(stored)))
        })
    }

    fn evidence_by_no(&self, no: EvidenceNo) -> Result<Option<Evidence>, StoreError> {
        self.db.one("SELECT body FROM evidence WHERE no = ?1", [int(no.0)], |row| rows::json(row, 0))
    }

    fn task_counts(&self) -> Result<BTreeMap<TaskState, u64>, StoreError> {
        let sql = "SELECT state, count(*) FROM task GROUP BY state";
        let counts = self.db.many(sql, [], |row| Ok((rows::code(row, 0)?, nat(row, 1)?)))?;
        Ok(counts.into_iter().collect())
    }

    fn notices(&self, filter: &NoticeFilter, limit: usize) -> Result<Vec<NoticeRow>, StoreError> {
        self.snapshot(|| {
            let [one, other] = filter.state.map_or([-1, -1], codes_of);
            let found = match &filter.task {
                Some(task) => {
                    let Some(no) = self.number(task)? else { return Ok(Vec::new()) };
                    let sql = select!(
                        notice,
                        "WHERE o.task = ?1 AND (?2 < 0 OR EXISTS (SELECT 1 FROM delivery d WHERE d.notice = o.no \
                         AND +d.state IN (?2, ?3))) ORDER BY o.no DESC LIMIT ?4"
                    );
                    self.db.many(sql, [no, one, other, most(limit)], rows::notice)?
                }
                None if filter.state.is_some() => {
                    let sql = select!(
                        notice,
                        "WHERE o.no IN (SELECT DISTINCT notice FROM delivery WHERE state IN (?1, ?2) ORDER BY notice DESC LIMIT ?3) \
                         ORDER BY o.no DESC"
                    );
                    self.db.many(sql, [one, other, most(limit)], rows::notice)?
                }
                None => {
                    self.db.many(select!(notice, "ORDER BY o.no DESC LIMIT ?1"), [most(limit)], rows::notice)?
                }
            };
            found.into_iter().map(|notice| self.with_deliveries(notice)).collect()
        })
    }

    fn notice_row(&self, no: NoticeNo) -> Result<Option<NoticeRow>, StoreError> {
        self.snapshot(|| {
            let found = self.db.one(select!(notice, "WHERE o.no = ?1"), [int(no.0)], rows::notice)?;
            found.map(|notice| self.with_deliveries(notice)).transpose()
        })
    }

    fn delivery_counts(&self) -> Result<Vec<DeliveryCount>, StoreError> {
        let sql = "SELECT state, reason, count(*), min(since) FROM delivery GROUP BY state, reason";
        let rows =
            self.db.many(sql, [], |row| Ok((standing(row.get(0)?, row.get(1)?), nat(row, 2)?, rows::time(row, 3)?)))?;
        let mut counts = BTreeMap::new();
        for (standing, count, oldest) in rows {
            let standing = standing.ok_or_else(|| self.db.damaged("a delivery has no such state"))?;
            // An open attempt and a pending one that says so are the same to people.
            let entry = counts.entry(standing).or_insert((0, oldest));
            *entry = (entry.0 + count, oldest.min(entry.1));
        }
        let counts = counts.into_iter().map(|((state, reason), (count, oldest))| DeliveryCount {
            state,
            reason: reason.map(str::to_owned),
            count,
            oldest,
        });
        Ok(counts.collect())
    }

    fn incidents(&self, open_only: bool, limit: usize) -> Result<Vec<Incident>, StoreError> {
        let sql = match open_only {
            true => select!(incident, "WHERE resolved = 0 ORDER BY no DESC LIMIT ?1"),
            false => select!(incident, "ORDER BY no DESC LIMIT ?1"),
        };
        self.db.many(sql, [most(limit)], rows::incident)
    }

    fn claims_of(&self, task: &TaskId, limit: usize) -> Result<Vec<Claim>, StoreError> {
        self.bodies("SELECT body FROM claim WHERE task = ?1 ORDER BY no LIMIT ?2", task, limit)
    }

    fn evidence_for(&self, task: &TaskId, limit: usize) -> Result<Vec<Evidence>, StoreError> {
        self.bodies("SELECT body FROM evidence WHERE task = ?1 ORDER BY no LIMIT ?2", task, limit)
    }

    fn all_openings(&self, limit: usize) -> Result<Vec<Opening>, StoreError> {
        approvals::all_openings(&self.db, limit)
    }

    fn opening_by_no(&self, no: OpeningNo) -> Result<Option<Opening>, StoreError> {
        approvals::opening(&self.db, no)
    }

    fn last_closed_at(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        approvals::last_closed_at(&self.db, now)
    }

    fn approvals(&self, limit: usize) -> Result<Vec<Approval>, StoreError> {
        approvals::approvals(&self.db, limit)
    }

    fn approval_by_no(&self, no: ApprovalNo) -> Result<Option<Approval>, StoreError> {
        approvals::approval(&self.db, no)
    }

    fn packages(&self, limit: usize) -> Result<Vec<PackageRow>, StoreError> {
        approvals::packages(&self.db, limit)
    }

    fn requests(&self, limit: usize) -> Result<Vec<Request>, StoreError> {
        approvals::requests(&self.db, limit)
    }

    fn ledger(&self, limit: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        approvals::ledger(&self.db, limit)
    }

    fn ledger_after(&self, after: Option<Timestamp>, limit: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        approvals::ledger_after(&self.db, after, limit)
    }

    fn ledger_counts(&self, after: Option<Timestamp>) -> Result<BTreeMap<Gate, u64>, StoreError> {
        approvals::ledger_counts(&self.db, after)
    }

    fn work_by_no(&self, no: WorkNo) -> Result<Option<Work>, StoreError> {
        approvals::work(&self.db, no)
    }

    fn all_work(&self, filter: WorkFilter, limit: usize) -> Result<Vec<Work>, StoreError> {
        approvals::all_work(&self.db, filter, limit)
    }

    fn document_by_key(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, StoreError> {
        approvals::document(&self.db, kind, key)
    }

    fn documents(&self, kind: DocumentKind, limit: usize) -> Result<Vec<Document>, StoreError> {
        approvals::documents(&self.db, kind, limit)
    }

    fn owners(&self, limit: usize) -> Result<Vec<OwnerRow>, StoreError> {
        self.db.many(select!(owner, "ORDER BY no DESC LIMIT ?1"), [most(limit)], rows::owner)
    }

    fn parked(&self) -> Result<Vec<Parked>, StoreError> {
        let sql = "SELECT target, until FROM parked ORDER BY target";
        self.db.many(sql, [], |row| Ok(Parked { target: rows::word(row, 0)?, until: rows::time(row, 1)? }))
    }

    fn receipts(&self, notice: NoticeNo, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.snapshot(|| {
            let sql = "SELECT at FROM receipt_at WHERE notice = ?1 ORDER BY at LIMIT ?2";
            let places: Vec<i64> = self.db.many(sql, [int(notice.0), most(limit)], |row| row.get(0))?;
            places.into_iter().map(|at| self.at(at)).collect()
        })
    }

    fn event(&self, no: EventNo) -> Result<Option<Record>, StoreError> {
        self.located("SELECT at FROM event_at WHERE no = ?1", no.0)
    }

    fn decision(&self, no: DecisionNo) -> Result<Option<Record>, StoreError> {
        self.located("SELECT at FROM decision_at WHERE no = ?1", no.0)
    }

    fn artifacts(&self, which: Artifacts<'_>, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.snapshot(|| match which {
            Artifacts::OfTask(task) => {
                let Some(no) = self.number(task)? else { return Ok(Vec::new()) };
                self.walk(chain_of(&self.db, no)?.last, limit, |kept| kept.task_prev, |_| true)
            }
            Artifacts::OfCorrelation(id) => {
                let sql = "SELECT at FROM correlation_at WHERE hash = ?1";
                let last = self.db.one(sql, [correlation_hash(id.as_str())], |row| nat(row, 0))?;
                // Two ids of the same hash share a chain.
                let belongs = |record: &Record| record.correlation.as_ref() == Some(id);
                self.walk(last, limit, |kept| kept.correlation_prev, belongs)
            }
        })
    }

    fn log(&self, from: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.snapshot(|| {
            let mut entries = Vec::new();
            for index in (from..).take(limit) {
                match self.kept(index)? {
                    Some(kept) => entries.push(kept.entry),
                    None => break,
                }
            }
            Ok(entries)
        })
    }

    fn of_kind(&self, kind: Kind, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.snapshot(|| {
            let places = cover::places(self, kind, limit)?;
            places.into_iter().map(|at| self.at(int(at))).collect()
        })
    }

    fn subtree(&self, level: u32, no: u64) -> Result<Option<Hash>, StoreError> {
        self.snapshot(|| cover::subtree(self, level, no, State::load(&self.db)?.tip.tree.size()))
    }

    fn prunable(&self, cutoffs: &Cutoffs) -> Result<Prunable, StoreError> {
        self.snapshot(|| self.find_prunable(cutoffs))
    }

    fn open_pruning(&self) -> Result<Option<Pruning>, StoreError> {
        prune::open(&self.db)
    }

    fn head(&self) -> Result<Head, StoreError> {
        let state = State::load(&self.db)?;
        Ok(Head {
            length: state.tip.tree.size(),
            leaf: state.tip.leaf.map(|leaf| candor_audit::hex(&leaf)),
            root: candor_audit::hex(&state.tip.tree.root()),
            last_at: state.last_at,
        })
    }

    fn stranded(&self, alive_since: Timestamp, limit: usize) -> Result<Vec<Stranded>, StoreError> {
        let params = [
            states::PREPARED,
            states::SENDING,
            alive_since.as_micros(),
            states::PENDING,
            PendingReason::RetryScheduled.code(),
            PendingReason::AttemptOpen.code(),
            most(limit),
        ];
        let deliveries: Vec<Delivery> = self.db.many(STRANDED, params, rows::delivery)?;
        Ok(deliveries.iter().map(Stranded::from).collect())
    }

    fn size(&self) -> Result<Size, StoreError> {
        let bytes = |suffix: &str| {
            let mut path = self.path().as_os_str().to_owned();
            path.push(suffix);
            std::fs::metadata(path).map_or(0, |file| file.len())
        };
        Ok(Size { database: bytes(""), journal: bytes("-wal") })
    }
}
