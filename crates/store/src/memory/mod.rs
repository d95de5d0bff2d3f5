//! The store of the simulator and the tests: plain maps, obviously right, cheap to make and to clone.

mod approvals;
mod listing;
mod prune;
mod state;
mod txn;
mod view;

use candor_core::time::Timestamp;

use crate::{Counted, Store, StoreError};

use state::State;
pub use txn::MemoryTxn;

/// Everything in maps. A clone is a snapshot.
#[derive(Clone, Debug)]
pub struct Memory {
    state: State,
    nonces: Counted,
    sealing: bool,
    last_at: Option<Timestamp>,
}

impl Memory {
    /// An empty store whose nonces follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: State::default(), nonces: Counted { seed, given: 0 }, sealing: true, last_at: None }
    }

    /// An empty store that keeps artifacts as they come, without header and commitment: its [`log`](crate::Listing::log) is empty and
    /// its head has no hashes. For a simulator that makes millions of stores.
    #[must_use]
    pub fn unsealed() -> Self {
        Self { sealing: false, ..Self::new(0) }
    }
}

impl Store for Memory {
    type Txn<'a> = MemoryTxn<'a>;
    type Reads = Self;

    fn begin(&mut self) -> Result<MemoryTxn<'_>, StoreError> {
        Ok(MemoryTxn::new(self))
    }

    fn reads(&self) -> &Self {
        self
    }

    fn wants_fold(&self) -> bool {
        self.state.tasks.values().filter(|row| !row.waiting.is_empty()).count() > crate::beat::WAITING_TASKS_MAX
    }
}
