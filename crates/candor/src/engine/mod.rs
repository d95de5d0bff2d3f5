//! The engine: one writer thread that steps the machine and commits, and hands that perform effects after the commit.
//!
//! Every role runs this same engine; [`Roles`] says which due work it takes. The order that keeps the promises: step and apply in one
//! transaction, commit, only then answer whoever asked and perform the effects.

mod clock;
pub mod crash;
mod deeds;
mod hands;
mod owners;
mod prune;
mod turn;
mod writer;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use candor_approval::signers::Owners;
use candor_core::{
    catalogue::PlanEntry,
    ids::{RuntimeName, TargetName},
    time::Timestamp,
};
use candor_path::{InForce, Input, Machine, Refusal, Reply};
use candor_store::{StoreError, sqlite::Sqlite};
use candor_world::{collectors::CollectorConfig, runtimes, senders::Binding};
pub use clock::Clock;
pub use crash::point as crash_point;
pub use owners::OwnersFile;
use tokio::sync::oneshot;

use crate::{
    config::AuditPlan,
    exit::{Exit, Failure},
    home::Home,
};

/// Most jobs that wait for the writer. Beyond it a report is turned away with a clear answer, never dropped.
pub const JOBS_WAITING_MAX: usize = 4_096;

/// Which due work an engine takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Looks at tasks that are due.
    pub watchdog: bool,
    /// Hands due deliveries over.
    pub dispatcher: bool,
    /// Opens attempts and sends.
    pub bridge: bool,
}

impl Roles {
    /// All of them.
    pub const ALL: Self = Self { watchdog: true, dispatcher: true, bridge: true };
    /// None: only what is submitted is worked on.
    pub const NONE: Self = Self { watchdog: false, dispatcher: false, bridge: false };
}

/// Why a submitted input wasn't taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Refused by the machine; nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too much is waiting already.
    #[error("more than {JOBS_WAITING_MAX} reports are waiting to be written; try again in a second")]
    Busy,
    /// The store is full. What was accepted before is safe.
    #[error("{0}")]
    StoreFull(String),
    /// The store can't be used.
    #[error("{0}")]
    Store(String),
    /// The engine is ending.
    #[error("candor is stopping; try again when it is back")]
    Stopping,
}

impl From<&StoreError> for SubmitError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::StoreFull(error.to_string()),
            other => Self::Store(other.to_string()),
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let exit = match &error {
            SubmitError::Refused(
                Refusal::UnknownTask(_)
                | Refusal::UnknownNotice(_)
                | Refusal::UnknownEvidence(_)
                | Refusal::UnknownTarget(_)
                | Refusal::UnknownDelivery { .. },
            ) => Exit::NotFound,
            SubmitError::Refused(_) => Exit::Refused,
            SubmitError::Busy | SubmitError::Stopping => Exit::Unreachable,
            SubmitError::StoreFull(_) | SubmitError::Store(_) => Exit::Store,
        };
        Self::new(exit, error.to_string())
    }
}

/// One answer per input, in order.
pub type Answers = Vec<Result<Reply, SubmitError>>;

/// Inputs on their way to the writer.
struct Job {
    inputs: Vec<Input>,
    answer: Option<oneshot::Sender<Answers>>,
}

/// What reaches the writer.
enum ToWriter {
    Job(Job),
    /// Decide and send by other rules from the next turn on, and say when.
    Adopt(Box<Rules>, oneshot::Sender<()>),
    /// Finish what is in flight, then end.
    Stop,
}

/// What the configuration decides: an engine can be given another while it runs.
pub struct Rules {
    /// Settings and policy.
    pub machine: Machine,
    /// Each target's sender.
    pub bindings: Arc<BTreeMap<TargetName, Binding>>,
    /// Each runtime that can be asked what it has on record.
    pub runtimes: Arc<BTreeMap<RuntimeName, runtimes::Reader>>,
    /// What an answer of each readback plan must have, and what it may not.
    pub plans: Arc<Vec<PlanEntry>>,
    /// What collectors may look at.
    pub collectors: Arc<CollectorConfig>,
    /// Windows and archive of prunings.
    pub audit: Arc<AuditPlan>,
    /// Whose signatures open gates.
    pub owners: Arc<Owners>,
    /// Where they are written down.
    pub owners_file: OwnersFile,
    /// The same for the record.
    pub in_force: Box<InForce>,
}

/// What an engine needs.
pub struct Setup {
    /// Where the deployment lies.
    pub home: Home,
    /// What it decides and sends by.
    pub rules: Rules,
    /// The opened store.
    pub store: Sqlite,
    /// Which due work it takes.
    pub roles: Roles,
    /// Its name as an owner: `up`, `watchdog`.
    pub role: &'static str,
    /// Whether it ends when nothing is due any more.
    pub once: bool,
    /// Whether reporters depend on this process: its absence is a gap in which nobody could report.
    pub takes_reports: bool,
    /// Where time comes from.
    pub clock: Clock,
}

/// A running engine.
pub struct Engine {
    jobs: SyncSender<ToWriter>,
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<Result<(), Failure>>>,
    clock: Clock,
}

/// A way to submit to an engine, for whoever doesn't own it.
#[derive(Clone)]
pub struct Submitter {
    jobs: SyncSender<ToWriter>,
    waiting: Arc<AtomicUsize>,
    clock: Clock,
}

impl Engine {
    /// Starts the writer thread. Effects run on the current runtime.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub fn start(setup: Setup) -> Result<Self, Failure> {
        let (jobs, inbox): (_, Receiver<ToWriter>) = sync_channel(JOBS_WAITING_MAX);
        let waiting = Arc::new(AtomicUsize::new(0));
        let clock = setup.clock.clone();
        let hands = hands::Hands::new(&setup, jobs.clone(), Arc::clone(&waiting), tokio::runtime::Handle::current());
        let writer = writer::Writer::new(setup, hands, inbox, Arc::clone(&waiting));
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| Failure::new(Exit::Internal, format!("the writer thread can't be started: {error}")))?;
        Ok(Self { jobs, waiting, thread: Some(thread), clock })
    }

    /// A way to submit.
    #[must_use]
    pub fn submitter(&self) -> Submitter {
        Submitter { jobs: self.jobs.clone(), waiting: Arc::clone(&self.waiting), clock: self.clock.clone() }
    }

    /// Asks the writer to end, and waits until it has: what is in flight is finished first, within a bound.
    ///
    /// # Errors
    /// What the writer ended with.
    pub async fn stop(mut self) -> Result<(), Failure> {
        let jobs = self.jobs.clone();
        // The inbox may be full; a blocking thread can wait for room.
        let _ = tokio::task::spawn_blocking(move || jobs.send(ToWriter::Stop)).await;
        self.join().await
    }

    /// Waits until a one-pass engine has nothing left to do.
    ///
    /// # Errors
    /// What the writer ended with.
    pub async fn finished(mut self) -> Result<(), Failure> {
        self.join().await
    }

    async fn join(&mut self) -> Result<(), Failure> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let crashed = || Failure::new(Exit::Internal, "the writer thread ended unexpectedly");
        tokio::task::spawn_blocking(move || thread.join().map_err(|_| crashed())?).await.map_err(|_| crashed())?
    }
}

impl Submitter {
    /// Hands inputs to the writer and waits until what was accepted is durable.
    pub async fn submit(&self, inputs: Vec<Input>) -> Answers {
        let count = inputs.len();
        let all = |error: SubmitError| vec![Err(error); count];
        let (answer, answered) = oneshot::channel();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        match self.jobs.try_send(ToWriter::Job(Job { inputs, answer: Some(answer) })) {
            Ok(()) => {}
            Err(error) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return all(match error {
                    TrySendError::Full(_) => SubmitError::Busy,
                    TrySendError::Disconnected(_) => SubmitError::Stopping,
                });
            }
        }
        answered.await.unwrap_or_else(|_| all(SubmitError::Stopping))
    }

    /// Hands one input over.
    ///
    /// # Errors
    /// Why it wasn't taken.
    pub async fn submit_one(&self, input: Input) -> Result<Reply, SubmitError> {
        self.submit(vec![input]).await.pop().unwrap_or(Err(SubmitError::Stopping))
    }

    /// Gives the engine other rules, and waits until it goes by them. What is being sent is finished by the old ones.
    ///
    /// # Errors
    /// [`SubmitError::Stopping`] when it is ending.
    pub async fn adopt(&self, rules: Rules) -> Result<(), SubmitError> {
        let (done, adopted) = oneshot::channel();
        let jobs = self.jobs.clone();
        // The inbox may be full; a blocking thread can wait for room.
        let _ = tokio::task::spawn_blocking(move || jobs.send(ToWriter::Adopt(Box::new(rules), done))).await;
        adopted.await.map_err(|_| SubmitError::Stopping)
    }

    /// Now, by the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
