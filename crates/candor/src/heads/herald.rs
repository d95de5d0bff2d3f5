//! The daemon's herald: signs the log's head when it is due, keeps it, and sends it to its places.

use std::time::Duration;

use candor_approval::signers::Owners;
use candor_audit::sign::checkpoint::Checkpoint;
use candor_store::{Listing as _, sqlite::Reader};
use tokio::sync::watch;

use super::{Kept, Publisher, Shelf, Teller, is_due, of_store};
use crate::{
    config::Upkeep,
    desk::store_failure,
    engine::{Clock, Submitter},
    exit::{Exit, Failure},
    home::Home,
};

/// How often it looks whether a head is due, at most and at least: a look opens the database, and nothing of it is kept between two.
const LOOK: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// What signs and sends heads while the daemon runs.
pub struct Herald {
    /// Where.
    pub home: Home,
    /// The way to the writer.
    pub submitter: Submitter,
    /// When and where to, as the configuration says now.
    pub plan: watch::Receiver<Upkeep>,
    /// The clock.
    pub clock: Clock,
}

impl Herald {
    /// Works until it is dropped. What fails is said once in the log, kept for `status` and `doctor`, and tried again.
    pub async fn run(self) {
        let mut last: Option<Kept> = Shelf::of(&self.home).newest(1).ok().and_then(|mut heads| heads.pop());
        let mut complained = String::new();
        loop {
            let plan = self.plan.borrow().clone();
            let outcome = self.tick(&plan, &mut last).await;
            let why = outcome.err().map(|failure| failure.message).unwrap_or_default();
            if !why.is_empty() && why != complained {
                tracing::warn!(%why, "the log's head couldn't be signed or sent");
            }
            complained = why;
            let [most_often, least_often] = LOOK;
            tokio::time::sleep(plan.audit.every.time.clamp(most_often, least_often)).await;
        }
    }

    async fn tick(&self, upkeep: &Upkeep, last: &mut Option<Kept>) -> Result<(), Failure> {
        let plan = &upkeep.audit;
        let job = Signing { home: self.home.clone(), every: plan.every, clock: self.clock.clone() };
        let newest = last.as_ref().map(|kept| kept.head.clone());
        let signed = tokio::task::spawn_blocking(move || job.sign_if_due(newest.as_ref()));
        let ended = |_| Failure::new(Exit::Internal, "signing ended unexpectedly");
        if let Some(kept) = signed.await.map_err(ended)?? {
            *last = Some(kept);
        }
        let Some(kept) = last.as_ref().filter(|_| !plan.publish.is_empty()) else { return Ok(()) };
        let publisher = Publisher::new(&self.home, Owners::clone(&upkeep.owners), self.clock.clone());
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
    fn sign_if_due(&self, last: Option<&Checkpoint>) -> Result<Option<Kept>, Failure> {
        let head = Reader::open(&self.home.store()).and_then(|reader| reader.head()).map_err(store_failure)?;
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
