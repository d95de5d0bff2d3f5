//! The store that a node runs on: one SQLite database, one writer at a time, any number of readers.
//!
//! - [`Sqlite`] writes, [`Reader`] reads over a connection of its own and is never in the writer's way.
//! - `schema.sql` is the layout; `open.rs` makes and migrates it; `segment.rs` is the log, `beats.rs` the routine checkpoints.
//! - What is committed is on disk: `synchronous=FULL`. A crash leaves the commits before it, each whole.

mod approvals;
mod beats;
mod codes;
mod cover;
mod db;
mod listing;
mod lock;
mod open;
mod prune;
mod reader;
mod rows;
mod segment;
mod shelf;
mod state;
#[cfg(test)]
mod tests;
mod txn;
mod view;
mod write;

use std::path::Path;

use crate::{Nonces, Random, Store, StoreError, beat::WAITING_TASKS_MAX};

use lock::Lock;
use shelf::Shelf;
use state::State;

pub use lock::Hold;
pub use reader::Reader;
pub use txn::SqliteTxn;

/// The writer.
pub struct Sqlite {
    reads: Reader,
    nonces: Box<dyn Nonces>,
    state: State,
    shelf: Shelf,
    lock: Lock,
    /// Commits since the journal was last brought into the database by [`Sqlite::rest`].
    unrested: u32,
}

/// Commits after which [`Sqlite::rest`] has something to do: about what the journal holds before a commit would have to do it.
const REST_COMMITS: u32 = 90;

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.reads.path()).finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens the database at `path`, makes it if there is none, and brings an older layout up to date. `role` is shown to whoever
    /// finds the store held.
    ///
    /// # Errors
    /// [`StoreError::Held`] when another process has it, and whatever else keeps it from being used.
    pub fn open(path: &Path, hold: Hold, role: &str) -> Result<Self, StoreError> {
        Self::open_with(path, hold, role, Box::new(Random::default()))
    }

    /// As [`Sqlite::open`], with nonces from elsewhere than the system's randomness.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_with(path: &Path, hold: Hold, role: &str, nonces: Box<dyn Nonces>) -> Result<Self, StoreError> {
        let lock = Lock::take(path, hold, role)?;
        let reads = Reader::over(open::writer(path)?)?;
        let state = State::load(&reads.db)?;
        reads.check_end(&state)?;
        cover::rest(&reads)?;
        reads.sync(&state)?;
        Ok(Self { reads, nonces, state, shelf: Shelf::default(), lock, unrested: 0 })
    }

    /// Does while nobody waits what a commit would have to do sooner or later: brings the journal into the database, when enough has
    /// gathered there. Readers and other writers aren't in its way; what they keep it from is done the next time.
    ///
    /// # Errors
    /// When the database can't be written. What was committed stays in the journal.
    pub fn rest(&mut self) -> Result<(), StoreError> {
        if self.unrested >= REST_COMMITS {
            self.unrested = 0;
            self.reads.db.one("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        }
        Ok(())
    }

    /// Brings all of the journal into the database and empties it, so that what was pruned stands nowhere any more.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn empty_journal(&mut self) -> Result<(), StoreError> {
        self.unrested = 0;
        self.reads.db.one("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map(drop)
    }

    /// Whether nobody else had the store when this process took it: then every lease in it is dead.
    #[must_use]
    pub fn was_alone(&self) -> bool {
        self.lock.alone_at_start
    }
}

impl Store for Sqlite {
    type Txn<'a> = SqliteTxn<'a>;
    type Reads = Reader;

    fn begin(&mut self) -> Result<SqliteTxn<'_>, StoreError> {
        SqliteTxn::begin(self)
    }

    fn reads(&self) -> &Reader {
        &self.reads
    }

    fn wants_fold(&self) -> bool {
        self.reads.beats.borrow().by_task.len() > WAITING_TASKS_MAX
    }
}
