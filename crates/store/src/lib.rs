//! Where Candor keeps what it knows: projections that a step reads, and beside them a log that only grows.
//!
//! - [`Store`] begins a [`Txn`]; a step reads it as a [`View`](candor_path::View) and its plan is applied to it. One commit holds many
//!   steps, each of which sees what the ones before it wrote.
//! - [`Listing`] is what the command line and the API read.
//! - [`memory::Memory`] is for the simulator and the tests, [`sqlite::Sqlite`] is what a node runs on. One conformance suite
//!   (`tests/it/conformance`) holds both to the same answers.
//!
//! Every artifact of a plan is sealed as it is appended: header, salted commitment, its place in the log and in its task's chain.

mod beat;
mod error;
mod listing;
mod log;
pub mod memory;
mod nonces;
mod retention;
pub mod sqlite;
mod store;

pub use error::StoreError;
pub use listing::{
    Artifacts, DeliveryCount, Head, Listing, NoticeFilter, NoticeRow, Parked, Size, Stranded, TaskFilter,
};
pub use log::{LogEntry, Record, WorkFilter, audit_kind};
pub use nonces::{Counted, Nonces, Random};
pub use retention::{Fate, Prunable, PruneStep};
pub use store::{Store, Txn};
