//! The daemon's herald: signs the log's head when it is due, keeps it, and sends it to its places.

use std::{sync::Arc, time::Duration};

use candor_audit::sign::checkpoint::Checkpoint;
use candor_store::{Listing as _, sqlite::Reader};
use tokio::sync::watch;

use super::{Kept, Publisher, Shelf, Teller, is_due, of_store};
use crate::{
    config::AuditPlan,
    desk::store_failure,
    engine::{Clock, Submitter},
    exit::{Exit, Failure},
    home::Home,
};

/// How often it looks whether a head is due.
const TICK: Duration = Duration::from_secs(1);

/// What signs and sends heads while the daemon runs.
pub struct Herald {
    /// Where.
    pub home: Home,
    /// The way to the writer.
    pub submitter: Submitter,
    /// When and where to, as the configuration says now.
    pub plan: watch::Receiver<Arc<AuditPlan>>,
    /// The clock.
    pub clock: Clock,
}

impl Herald {
    /// Works until it is dropped. What fails is said once in the log, kept for `status` and `doctor`, and tried again.
    pub async fn run(self) {
        let mut last: Option<Kept> = Shelf::of(&self.home).newest(1).ok().and_then(|mut heads| heads.pop());
        let mut reader = None;
        let mut complained = String::new();
        loop {
            let plan = Arc::clone(&self.plan.borrow());
            let outcome = self.tick(&plan, &mut last, &mut reader).await;
            let why = outcome.err().map(|failure| failure.message).unwrap_or_default();
            if !why.is_empty() && why != complained {
                tracing::warn!(%why, "the log's head couldn't be signed or sent");
            }
            complained = why;
            tokio::time::sleep(TICK).await;
        }
    }

    async fn tick(
        &self,
        plan: &AuditPlan,
        last: &mut Option<Kept>,
        reader: &mut Option<Reader>,
    ) -> Result<(), Failure> {
        let job = Signing { home: self.home.clone(), every: plan.every, clock: self.clock.clone() };
        let (mut open, newest) = (reader.take(), last.as_ref().map(|kept| kept.head.clone()));
        let signed = tokio::task::spawn_blocking(move || {
            let signed = job.sign_if_due(&mut open, newest.as_ref());
            (open, signed)
        });
        let ended = |_| Failure::new(Exit::Internal, "signing ended unexpectedly");
        let (open, signed) = signed.await.map_err(ended)?;
        *reader = open;
        if let Some(kept) = signed? {
            *last = Some(kept);
        }
        let Some(kept) = last.as_ref().filter(|_| !plan.publish.is_empty()) else { return Ok(()) };
        let publisher = Publisher::new(&self.home, self.clock.clone());
        let teller = Teller::Engine(&self.submitter);
        let outcomes = publisher.publish(&plan.publish, kept, &teller, false).await?;
        let failed = outcomes.into_iter().find_map(|(name, outcome)| Some((name, outcome.err()?)));
        match failed {
            Some((name, why)) => Err(Failure::new(Exit::Unhealthy, format!("`{name}`: {why}"))),
            None => Ok(()),
        }
    }
}

struct Signing {
    home: Home,
    every: crate::config::Every,
    clock: Clock,
}

impl Signing {
    fn sign_if_due(&self, reader: &mut Option<Reader>, last: Option<&Checkpoint>) -> Result<Option<Kept>, Failure> {
        let open = match reader.take() {
            Some(open) => open,
            None => Reader::open(&self.home.store()).map_err(store_failure)?,
        };
        let head = open.head().map_err(store_failure)?;
        *reader = Some(open);
        let now = self.clock.now();
        if !is_due(&self.every, last, head.length, now) {
            return Ok(None);
        }
        let key = self.home.audit_key()?;
        let head = of_store(&head, key.public().name(), now)?;
        let kept = Kept { note: head.sign(&[&key]), head };
        Shelf::of(&self.home).keep(&kept)?;
        Ok(Some(kept))
    }
}
