//! The seam to whoever writes and reads the store.

use std::{pin::Pin, time::Duration};

use candor_core::{
    ids::{DecisionNo, EventNo, EvidenceNo, NoticeNo, TaskId},
    notice::StateName,
    task::TaskState,
    time::Timestamp,
};
use candor_path::{Input, Refusal, Reply};
use serde_json::Value;
use thiserror::Error;

/// What a desk promises to answer.
pub type DeskFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What stands behind the HTTP boundary.
pub trait Desk: Send + Sync + 'static {
    /// Hands inputs to the writer. One answer per input, in their order; answers only when everything that was accepted is
    /// durable. Each input is accepted or refused by itself. If the future is dropped, what was handed in may still be written.
    fn submit(&self, inputs: Vec<Input>) -> DeskFuture<'_, Vec<Result<Reply, DeskError>>>;

    /// A read-only view as JSON.
    fn view(&self, view: ViewRequest) -> DeskFuture<'_, Result<Value, DeskError>>;

    /// The time now.
    fn now(&self) -> Timestamp;
}

/// A view that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewRequest {
    /// Counts per state, oldest ages, who lives, what is degraded.
    Status,
    /// Tasks in order of id.
    Tasks {
        /// Only those in this state.
        state: Option<TaskState>,
        /// Only those behind this one.
        after: Option<TaskId>,
        /// At most so many.
        limit: usize,
    },
    /// One task with what hangs on it.
    Task(TaskId),
    /// Notices with their deliveries, newest first.
    Notices {
        /// Only those with a delivery in this state.
        state: Option<StateName>,
        /// Only those about this task.
        task: Option<TaskId>,
        /// Only those older than this one.
        before: Option<NoticeNo>,
        /// At most so many.
        limit: usize,
    },
    /// One notice with its deliveries and receipts.
    Notice(NoticeNo),
    /// One decision.
    Decision(DecisionNo),
    /// One event.
    Event(EventNo),
    /// A task's evidence, oldest first.
    EvidenceOf(TaskId),
    /// One evidence record.
    Evidence(EvidenceNo),
    /// Every gate, and what opened it if it is open.
    Gates,
}

/// Why the desk doesn't do it. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeskError {
    /// The input was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// More is waiting to be written than is allowed.
    #[error("too much is waiting to be written; send it again later")]
    Full {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The store's disk is full.
    #[error("the store's disk is full; free some space and send it again")]
    StoreFull,
    /// The store can't be written to.
    #[error("the store is read-only; see `candor doctor`")]
    ReadOnly,
    /// The daemon is stopping.
    #[error("candor is stopping; send it again when it is back")]
    Stopping,
    /// There is no such thing.
    #[error("there is no such thing here")]
    NotFound,
    /// Something broke. The text is for the log, not for the client.
    #[error("{0}")]
    Internal(String),
}
