//! Contents that leave the log. Headers stay, so that the log adds up as before.

use std::collections::BTreeSet;

use candor_approval::{Permit, kinds::DestructiveOperation};
use candor_core::{ids::TaskId, notice::PendingReason, task::TaskState};
use candor_path::retention::Pruning;

use super::{
    codes::{Coded as _, delivery as states},
    db::Db,
    reader::Reader,
    rows::{self, int, json, select},
    segment::Segment,
    txn::SqliteTxn,
};
use crate::{Fate, Prunable, PruneStep, StoreError, retention::Needs};

/// The correlation ids of deliveries that aren't settled: what may still be sent, tried again or resolved.
const UNSETTLED: &str = "SELECT DISTINCT o.correlation FROM delivery d JOIN notice o ON o.no = d.notice \
    WHERE d.state IN (?1, ?2, ?3, ?4, ?5) OR (d.state = ?6 AND (d.reason NOT IN (?7, ?8, ?9) OR d.due_at IS NOT NULL))";

/// The pruning that isn't finished.
pub(super) fn open(db: &Db) -> Result<Option<Pruning>, StoreError> {
    // Under layout 1 there is no such table.
    if db.one("SELECT 1 FROM sqlite_schema WHERE name = 'pruning'", [], |_| Ok(()))?.is_none() {
        return Ok(None);
    }
    db.one("SELECT body FROM pruning WHERE done = 0", [], |row| json(row, 0))
}

impl Reader {
    /// The last pruning, finished or not.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn last_pruning(&self) -> Result<Option<Pruning>, StoreError> {
        self.db.one("SELECT body FROM pruning ORDER BY no DESC LIMIT 1", [], |row| json(row, 0))
    }
}

/// Writes a pruning as it now is.
pub(super) fn put(db: &Db, pruning: &Pruning) -> Result<(), StoreError> {
    let unfit = |error: serde_json::Error| StoreError::Unfit { what: "a pruning".to_owned(), why: error.to_string() };
    let body = serde_json::to_string(pruning).map_err(unfit)?;
    let sql = "INSERT INTO pruning(no, done, body) VALUES(?1, ?2, ?3) \
        ON CONFLICT(no) DO UPDATE SET done = excluded.done, body = excluded.body";
    db.run(sql, (int(pruning.no), pruning.done, body)).map(drop)
}

fn correlations(db: &Db) -> Result<BTreeSet<String>, StoreError> {
    let params = [
        states::PREPARED,
        states::QUEUED,
        states::DISPATCHED,
        states::SENDING,
        states::BLOCKED,
        states::PENDING,
        PendingReason::DryRun.code(),
        PendingReason::ResolvedByOperator.code(),
        PendingReason::AcceptedByRelay.code(),
    ];
    let unsettled: Vec<String> = db.many(UNSETTLED, params, |row| row.get(0))?;
    let incidents = db.many(select!(incident, "WHERE resolved = 0"), [], rows::incident)?;
    Ok(unsettled.into_iter().chain(incidents.into_iter().map(|of| of.correlation.to_string())).collect())
}

fn is_open(db: &Db, id: &TaskId) -> Result<bool, StoreError> {
    let sql = "SELECT t.state FROM task t JOIN name n ON n.no = t.no WHERE n.id = ?1";
    let state: Option<TaskState> = db.one(sql, [id.as_str()], |row| rows::code(row, 0))?;
    Ok(state.is_some_and(|state| !state.is_ended()))
}

impl Reader {
    pub(super) fn find_prunable(&self, cutoffs: &candor_path::retention::Cutoffs) -> Result<Prunable, StoreError> {
        let mut found = Prunable::default();
        if cutoffs.0.is_empty() {
            return Ok(found);
        }
        let ask = |id: &TaskId| is_open(&self.db, id);
        let mut needs = Needs::new(correlations(&self.db)?, &ask);
        let mut young = 0;
        for index in 0.. {
            let Some(kept) = self.kept(index)? else { break };
            let header = kept.entry.header().map_err(|why| self.db.damaged(format!("artifact {index}: {why}")))?;
            let fate = needs.judge(cutoffs, &header, &kept.entry)?;
            if !found.take(&header, &kept.entry, fate, &mut young) {
                break;
            }
        }
        Ok(found)
    }
}

impl SqliteTxn<'_> {
    pub(super) fn prune_step(
        &mut self,
        _permit: Permit<DestructiveOperation>,
        most: u64,
    ) -> Result<PruneStep, StoreError> {
        self.flush_block()?;
        let Some(mut pruning) = open(self.db())? else { return Ok(PruneStep { taken: 0, done: true }) };
        let db = self.db();
        // What is taken out is written over, not only let go of.
        db.conn.pragma_update(None, "secure_delete", "ON").map_err(|error| db.fault(error))?;
        let step = self.take_contents(&mut pruning, most);
        let back = db.conn.pragma_update(None, "secure_delete", "OFF").map_err(|error| db.fault(error));
        self.store.reads.forget_segment();
        let step = step.and_then(|step| back.map(|()| step))?;
        put(self.db(), &pruning)?;
        Ok(step)
    }

    fn take_contents(&self, pruning: &mut Pruning, most: u64) -> Result<PruneStep, StoreError> {
        let (db, reads) = (self.db(), &self.store.reads);
        let ask = |id: &TaskId| is_open(db, id);
        let mut needs = Needs::new(correlations(db)?, &ask);
        let (mut looked, mut taken) = (0, 0);
        while looked < most {
            let from = pruning.touches_from(pruning.next);
            let segment =
                from.map(|from| Segment::holding(db, &mut reads.press.borrow_mut(), from)).transpose()?.flatten();
            let Some(mut segment) = segment else {
                pruning.done = true;
                break;
            };
            let mut here = 0;
            for (index, kept) in (segment.first..).zip(&mut segment.artifacts) {
                if pruning.touches_from(index) != Some(index) {
                    continue;
                }
                let header = kept.entry.header().map_err(|why| db.damaged(format!("artifact {index}: {why}")))?;
                if needs.judge(&pruning.cutoffs, &header, &kept.entry)? == Fate::Goes {
                    kept.entry.prune();
                    here += 1;
                }
            }
            if here > 0 {
                segment.rewrite(db, &mut reads.press.borrow_mut(), pruning.no)?;
            }
            looked += segment.artifacts.len() as u64;
            taken += here;
            pruning.next = segment.first + segment.artifacts.len() as u64;
        }
        pruning.taken += taken;
        Ok(PruneStep { taken, done: pruning.done })
    }
}
