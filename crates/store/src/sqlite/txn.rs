//! A transaction of the writer.

use std::{cell::RefCell, collections::BTreeMap};

use candor_approval::{Permit, kinds::DestructiveOperation};
use candor_core::{
    ids::{DecisionNo, EventNo, TaskId},
    time::Timestamp,
};
use candor_path::{Artifact, ArtifactKind, Plan};

use super::{
    Sqlite,
    beats::Waiting,
    cover,
    db::Db,
    reader::correlation_hash,
    rows::int,
    segment::{Block, SEGMENT_BYTES_MAX},
    state::{State, chain_of},
};
use crate::{
    PruneStep, StoreError, Txn,
    log::{Chain, audit_kind, receipt_notice},
};

/// A transaction of [`Sqlite`].
pub struct SqliteTxn<'a> {
    pub(super) store: &'a mut Sqlite,
    /// What becomes the store's own by the commit.
    pub(super) state: State,
    /// How to put the summed-up beats back.
    pub(super) undo: Vec<(i64, Option<Waiting>)>,
    /// The task whose number was asked for last: a step asks again when it writes.
    last_name: RefCell<Option<(TaskId, i64)>>,
    block: Block,
    chains: BTreeMap<i64, Chain>,
    correlations: BTreeMap<i64, Option<u64>>,
    spent: bool,
    /// When the last beat came in.
    pub(super) last_beat: Option<Timestamp>,
    /// Whether anything was applied that a rollback takes back.
    applied: bool,
    open: bool,
}

impl std::fmt::Debug for SqliteTxn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteTxn").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<'a> SqliteTxn<'a> {
    pub(super) fn begin(store: &'a mut Sqlite) -> Result<Self, StoreError> {
        store.reads.db.run("BEGIN IMMEDIATE", [])?;
        let mut txn = Self {
            state: State::default(),
            undo: Vec::new(),
            last_name: RefCell::default(),
            block: Block::default(),
            chains: BTreeMap::new(),
            correlations: BTreeMap::new(),
            spent: false,
            last_beat: None,
            applied: false,
            open: true,
            store,
        };
        if txn.store.reads.changed_elsewhere()? {
            txn.store.shelf.clear();
            txn.store.state = State::load(txn.db())?;
            txn.store.reads.sync(&txn.store.state)?;
        }
        txn.state = txn.store.state.clone();
        Ok(txn)
    }

    pub(super) fn db(&self) -> &Db {
        &self.store.reads.db
    }

    /// A task id's number, if it has one.
    pub(super) fn known(&self, task: &TaskId) -> Result<Option<i64>, StoreError> {
        if let Some((last, no)) = &*self.last_name.borrow()
            && last == task
        {
            return Ok(Some(*no));
        }
        if let Some((no, _)) = self.store.shelf.beaten(task) {
            return Ok(Some(no));
        }
        let no = self.db().one("SELECT no FROM name WHERE id = ?1", [task.as_str()], |row| row.get(0))?;
        if let Some(no) = no {
            self.remember(task, no);
        }
        Ok(no)
    }

    pub(super) fn remember(&self, task: &TaskId, no: i64) {
        self.last_name.replace(Some((task.clone(), no)));
    }

    /// A task id's number; a new one if it had none.
    pub(super) fn number(&self, task: &TaskId) -> Result<i64, StoreError> {
        if let Some(no) = self.known(task)? {
            return Ok(no);
        }
        self.db().run("INSERT INTO name(id) VALUES(?1)", [task.as_str()])?;
        let no = self.db().conn.last_insert_rowid();
        self.remember(task, no);
        Ok(no)
    }

    fn try_apply(&mut self, plan: &Plan, now: Timestamp) -> Result<(), StoreError> {
        for write in &plan.writes {
            self.write(write)?;
        }
        for artifact in &plan.artifacts {
            self.record(artifact, now)?;
        }
        self.state.numbers = plan.numbers;
        if !plan.is_empty() {
            self.state.last_at = Some(now);
        }
        Ok(())
    }

    /// Seals an artifact as the log's next.
    fn record(&mut self, artifact: &Artifact, now: Timestamp) -> Result<(), StoreError> {
        let unfit = |why: String| StoreError::Unfit { what: format!("artifact `{}`", artifact.id), why };
        let nonce = self.store.nonces.fresh().map_err(unfit)?;
        let task = artifact.task.as_ref().map(|task| self.number(task)).transpose()?;
        let mut chain = task.map(|no| self.chain(no)).transpose()?;
        let task_prev = chain.as_ref().and_then(|chain| chain.last);
        let mut subtrees = Vec::new();
        let note = |level, no, root| subtrees.push((level, no, root));
        let sealed = self
            .state
            .tip
            .append(artifact, chain.as_mut(), &nonce, now, note)
            .map_err(|error| unfit(error.to_string()))?;
        cover::subtrees(self.db(), &subtrees)?;
        let index = self.state.tip.tree.size() - 1;
        if let Some((no, chain)) = task.zip(chain) {
            self.chains.insert(no, chain);
        }
        let correlation_prev = match &artifact.correlation {
            Some(id) => self.correlate(correlation_hash(id.as_str()), index)?,
            None => None,
        };
        self.block.push(&sealed.header_line, &nonce, [task_prev, correlation_prev], &sealed.body);
        self.locate(artifact, index)?;
        if self.block.text.len() >= SEGMENT_BYTES_MAX {
            self.flush_block()?;
        }
        Ok(())
    }

    fn chain(&mut self, no: i64) -> Result<Chain, StoreError> {
        match self.chains.get(&no) {
            Some(chain) => Ok(*chain),
            None => chain_of(self.db(), no),
        }
    }

    /// Makes `index` the last of a correlation id, and says which was.
    fn correlate(&mut self, hash: i64, index: u64) -> Result<Option<u64>, StoreError> {
        let before = match self.correlations.get(&hash) {
            Some(before) => *before,
            None => self
                .db()
                .one("SELECT at FROM correlation_at WHERE hash = ?1", [hash], |row| row.get::<_, i64>(0))?
                .and_then(|at| u64::try_from(at).ok()),
        };
        self.correlations.insert(hash, Some(index));
        Ok(before)
    }

    fn locate(&self, artifact: &Artifact, index: u64) -> Result<(), StoreError> {
        let index = int(index);
        match artifact.kind {
            ArtifactKind::Event => {
                let Ok(no) = artifact.id.parse::<EventNo>() else { return Ok(()) };
                self.db().run("INSERT OR REPLACE INTO event_at(no, at) VALUES(?1, ?2)", (int(no.0), index))?;
            }
            ArtifactKind::Decision => {
                let Ok(no) = artifact.id.parse::<DecisionNo>() else { return Ok(()) };
                self.db().run("INSERT OR REPLACE INTO decision_at(no, at) VALUES(?1, ?2)", (int(no.0), index))?;
            }
            ArtifactKind::Receipt => {
                let Some(notice) = receipt_notice(&artifact.body) else { return Ok(()) };
                self.db().run("INSERT INTO receipt_at(notice, at) VALUES(?1, ?2)", (int(notice.0), index))?;
            }
            _ => {}
        }
        cover::kind(self.db(), audit_kind(artifact.kind), index)
    }

    pub(super) fn flush_block(&mut self) -> Result<(), StoreError> {
        let reads = &self.store.reads;
        self.block.write(&reads.db, &mut reads.press.borrow_mut(), self.state.tip.tree.size())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.flush_block()?;
        for (no, chain) in &self.chains {
            self.db().run(
                "UPDATE name SET seq = ?2, last = ?3, leaf = ?4 WHERE no = ?1",
                (no, int(chain.seq), chain.last.map(int), chain.leaf),
            )?;
        }
        for (hash, at) in &self.correlations {
            let row = (hash, at.map(int));
            self.db().run("INSERT OR REPLACE INTO correlation_at(hash, at) VALUES(?1, ?2)", row)?;
        }
        let store = &*self.store;
        self.state.save(&store.reads.db, &store.state, self.last_beat)
    }
}

impl Txn for SqliteTxn<'_> {
    fn apply(&mut self, plan: &Plan, now: Timestamp) -> Result<(), StoreError> {
        if self.spent {
            return Err(StoreError::Spent);
        }
        self.applied |= !plan.is_empty();
        let applied = self.try_apply(plan, now);
        self.spent = applied.is_err();
        applied
    }

    fn prune(&mut self, permit: Permit<DestructiveOperation>, most: u64) -> Result<PruneStep, StoreError> {
        if self.spent {
            return Err(StoreError::Spent);
        }
        self.applied = true;
        let step = self.prune_step(permit, most);
        self.spent = step.is_err();
        step
    }

    fn commit(mut self) -> Result<(), StoreError> {
        if self.spent {
            return Err(StoreError::Spent);
        }
        self.flush()?;
        self.db().run("COMMIT", [])?;
        self.open = false;
        self.store.unrested = self.store.unrested.saturating_add(1);
        self.store.reads.beats.borrow_mut().ours(self.state.beat_last, self.state.folds);
        self.store.state = std::mem::take(&mut self.state);
        Ok(())
    }
}

impl Drop for SqliteTxn<'_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let mut beats = self.store.reads.beats.borrow_mut();
        for (task, before) in self.undo.drain(..).rev() {
            match before {
                Some(before) => beats.by_task.insert(task, before),
                None => beats.by_task.remove(&task),
            };
        }
        drop(beats);
        if self.applied {
            self.store.shelf.clear();
        }
        // After some errors, such as a full disk, SQLite has rolled back by itself. A rollback that fails leaves the connection in a
        // transaction, and the next `begin` says so.
        if !self.store.reads.db.conn.is_autocommit() {
            let _ = self.store.reads.db.run("ROLLBACK", []);
        }
    }
}
