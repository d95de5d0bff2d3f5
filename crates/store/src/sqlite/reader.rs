//! Reading what is committed, over a connection that the writer doesn't wait for.

use std::{
    cell::{Cell, RefCell},
    path::Path,
};

use super::{
    beats::{Beats, first_eight},
    db::Db,
    open,
    rows::Stored,
    segment::{Kept, Press, Segment},
    state::State,
};
use crate::{LogEntry, Record, StoreError};
use candor_audit::seal;
use candor_core::{task::Task, time::Timestamp};
use sha2::{Digest as _, Sha256};

/// A connection with what reading needs beside the tables.
#[derive(Debug)]
pub struct Reader {
    pub(super) db: Db,
    pub(super) beats: RefCell<Beats>,
    pub(super) press: RefCell<Press>,
    /// The segment that was read last: whoever walks the log needs it again.
    segment: RefCell<Segment>,
    version: Cell<Option<i64>>,
}

impl Reader {
    /// Opens a database that exists, to read it.
    ///
    /// # Errors
    /// [`StoreError::Absent`] when there is none, and whatever else keeps it from being read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::over(open::reader(path)?)
    }

    pub(super) fn over(db: Db) -> Result<Self, StoreError> {
        let press = Press::new(&db)?;
        Ok(Self {
            db,
            beats: RefCell::default(),
            press: RefCell::new(press),
            segment: RefCell::default(),
            version: Cell::new(None),
        })
    }

    /// The database's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.db.path
    }

    /// Checks every page of the database. Costs by its size.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first thing that is wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        open::quick_check(&self.db)
    }

    /// Whether another connection committed since this was last asked.
    pub(super) fn changed_elsewhere(&self) -> Result<bool, StoreError> {
        let version = self.db.one("PRAGMA data_version", [], |row| row.get(0))?;
        Ok(self.version.replace(version) != version)
    }

    /// Takes in the beats that other connections wrote.
    pub(super) fn sync(&self, state: &State) -> Result<(), StoreError> {
        self.beats.borrow_mut().sync(&self.db, state.beat_last, state.folds)
    }

    /// Reads several things as of one moment.
    pub(super) fn snapshot<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.db.run("BEGIN", [])?;
        let found = self.refresh().and_then(|()| read());
        let ended = self.db.run("COMMIT", []);
        found.and_then(|found| ended.map(|_| found))
    }

    fn refresh(&self) -> Result<(), StoreError> {
        if self.changed_elsewhere()? { self.sync(&State::load(&self.db)?) } else { Ok(()) }
    }

    /// Whether the log ends where its state says: a segment that is lost or unreadable is found before anything is added after it.
    pub(super) fn check_end(&self, state: &State) -> Result<(), StoreError> {
        let length = state.tip.tree.size();
        let Some(last) = length.checked_sub(1) else { return Ok(()) };
        let kept = self.kept(last)?.ok_or_else(|| self.db.damaged("the end of the log is gone"))?;
        let (entry, leaf) = (&kept.entry, state.tip.leaf.unwrap_or_default());
        let whole = if entry.is_pruned() {
            seal::check_header(&entry.header_line, &leaf)
        } else {
            seal::check(&entry.header_line, &leaf, &entry.nonce, &entry.body)
        };
        whole.map(drop).map_err(|why| self.db.damaged(format!("the log doesn't end as it was left: {why}")))
    }

    /// The artifact at a log index.
    pub(super) fn kept(&self, index: u64) -> Result<Option<Kept>, StoreError> {
        if let Some(kept) = self.segment.borrow().at(index) {
            return Ok(Some(kept.clone()));
        }
        let found = Segment::holding(&self.db, &mut self.press.borrow_mut(), index)?;
        let Some(segment) = found else { return Ok(None) };
        let kept = segment.at(index).cloned();
        self.segment.replace(segment);
        Ok(kept)
    }

    /// Forgets the segment that was read last: it isn't as it was.
    pub(super) fn forget_segment(&self) {
        self.segment.replace(Segment::default());
    }

    pub(super) fn record(&self, entry: &LogEntry) -> Result<Record, StoreError> {
        entry.record().map_err(|why| self.db.damaged(format!("an artifact of the log can't be read: {why}")))
    }

    /// A task with the beats that wait.
    pub(super) fn merged(&self, stored: Stored) -> Task {
        let Stored { no, mut task, mut checkpoints, seen_mark, last_beat: _ } = stored;
        if let Some(waiting) = self.beats.borrow().by_task.get(&no) {
            checkpoints = checkpoints.saturating_add(waiting.count);
            if waiting.seq > seen_mark {
                task.seen_at = task.seen_at.max(Timestamp::from_micros(waiting.last));
            }
        }
        task.checkpoints = u64::try_from(checkpoints).unwrap_or_default();
        task
    }
}

/// Under which number a correlation id's last artifact is found.
pub(super) fn correlation_hash(id: &str) -> i64 {
    first_eight(&Sha256::digest(id))
}
