//! The two traits that a store is: what a step reads and writes, and what people read.

use candor_approval::{Permit, kinds::DestructiveOperation};
use candor_core::time::Timestamp;
use candor_path::{Plan, View};

use crate::{Listing, PruneStep, StoreError};

/// A place that keeps what Candor knows.
pub trait Store {
    /// A transaction of this store.
    type Txn<'a>: Txn
    where
        Self: 'a;
    /// What people read of it.
    type Reads: Listing;

    /// Begins a transaction; nobody else writes until it ends.
    ///
    /// # Errors
    /// When the store can't be written, or another process holds it.
    fn begin(&mut self) -> Result<Self::Txn<'_>, StoreError>;

    /// What is committed, for people.
    fn reads(&self) -> &Self::Reads;

    /// Whether so many routine checkpoints wait that they should be folded now, whatever the time.
    fn wants_fold(&self) -> bool;
}

/// A transaction: a view that plans are applied to. Dropped without [`Txn::commit`] it leaves nothing behind.
pub trait Txn: View {
    /// Writes what a plan wants written. What is read afterwards shows it.
    ///
    /// # Errors
    /// When it can't be written. The transaction is spent then: its commit fails too.
    fn apply(&mut self, plan: &Plan, now: Timestamp) -> Result<(), StoreError>;

    /// Goes on with the open pruning: takes contents that it may touch, that are past their time and that nothing needs, of about `most`
    /// records. One permit, one step: a gate that closes stops a pruning between two of them.
    ///
    /// # Errors
    /// When it can't be written. The transaction is spent then.
    fn prune(&mut self, permit: Permit<DestructiveOperation>, most: u64) -> Result<PruneStep, StoreError>;

    /// Makes everything applied durable, all or nothing.
    ///
    /// # Errors
    /// When it can't be made durable, or an apply had failed. Nothing of the transaction is kept then.
    fn commit(self) -> Result<(), StoreError>;
}
