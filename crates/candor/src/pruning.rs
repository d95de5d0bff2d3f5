//! A pass of pruning: what is past its time is looked up, archived where that is configured, and let go by an act that is on record.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use candor_audit::bundle::{MANIFEST, archive::ArchiveReader, manifest};
use candor_core::{evidence::Origin, work::Wanted};
use candor_path::{Act, Input, retention::Cutoffs};
use candor_store::{Listing as _, Prunable, sqlite::Reader};
use candor_world::places::{Document, Place};
use tokio::sync::watch;

use crate::{
    commands::audit::bundles,
    config::{AuditPlan, Upkeep},
    desk::store_failure,
    engine::{Clock, Submitter, crash_point},
    exit::{Exit, Failure},
    files,
    home::Home,
};

/// How often it is looked whether a pruning is finished.
const POLL: Duration = Duration::from_millis(20);
/// How long a pruning may make no progress before a pass gives it up; it goes on later by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stretches of the log, `[from, to)`, in order.
pub type Stretches = Vec<(u64, u64)>;

/// How a pass acts on the world.
pub struct Hands<'a> {
    /// Has these stretches pruned, which lie in the archive of that digest; or the pruning that isn't finished go on.
    pub act: &'a dyn Fn(Stretches, Option<String>) -> Result<(), Failure>,
    /// Puts a document in a place.
    pub put: &'a dyn Fn(&Place, &Document) -> Result<(), Failure>,
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// How many contents went.
    pub taken: u64,
    /// The archives that hold them.
    pub archives: Vec<PathBuf>,
}

/// One pass over a state folder.
pub struct Pruner<'a> {
    /// Where.
    pub home: &'a Home,
    /// Windows and archive.
    pub plan: &'a AuditPlan,
    /// The clock.
    pub clock: &'a Clock,
}

impl Pruner<'_> {
    /// What may go now.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn found(&self, reader: &Reader) -> Result<Prunable, Failure> {
        reader.prunable(&Cutoffs::of(&self.plan.keep_for, self.clock.now())).map_err(store_failure)
    }

    /// Prunes what is past its time, until nothing is left.
    ///
    /// # Errors
    /// When the archive doesn't hold what would go, or the store fails. What went before stays gone, and is on record.
    pub fn pass(&self, hands: &Hands<'_>) -> Result<Pass, Failure> {
        let reader = Reader::open(&self.home.store()).map_err(store_failure)?;
        let mut pass = Pass::default();
        if reader.open_pruning().map_err(store_failure)?.is_some() {
            (hands.act)(Vec::new(), None)?;
            pass.taken += self.wait(&reader)?;
        }
        loop {
            // A reader of its own each time: the segments that one keeps in memory are those of before.
            let reader = Reader::open(&self.home.store()).map_err(store_failure)?;
            let found = self.found(&reader)?;
            if found.records == 0 {
                return Ok(pass);
            }
            let archive = self.archive(&reader, &found, hands)?;
            let digest = archive.as_ref().map(|(_, digest)| digest.clone());
            (hands.act)(found.stretches.clone(), digest)?;
            let taken = self.wait(&reader)?;
            pass.taken += taken;
            pass.archives.extend(archive.map(|(path, _)| path));
            // What was found is needed again meanwhile, by a task that was started anew: the next pass looks again.
            if taken == 0 {
                return Ok(pass);
            }
        }
    }

    /// Waits until the last pruning is finished; how many contents it took.
    fn wait(&self, reader: &Reader) -> Result<u64, Failure> {
        let (mut before, mut idle) = (None, Duration::ZERO);
        loop {
            let Some(pruning) = reader.last_pruning().map_err(store_failure)? else { return Ok(0) };
            if pruning.done {
                return Ok(pruning.taken);
            }
            idle = if before.as_ref() == Some(&pruning) { idle + POLL } else { Duration::ZERO };
            if idle > PATIENCE {
                return Err(Failure::new(Exit::Unhealthy, "the pruning stands still; `candor doctor` says why"));
            }
            before = Some(pruning);
            thread::sleep(POLL);
        }
    }

    /// Archives what would go, and reads the archive back: a bundle that is intact and holds each of these records.
    fn archive(
        &self,
        reader: &Reader,
        found: &Prunable,
        hands: &Hands<'_>,
    ) -> Result<Option<(PathBuf, String)>, Failure> {
        let (Some(to), Some((from, until))) = (&self.plan.archive, found.times) else { return Ok(None) };
        let ends = (found.stretches.first().map_or(0, |of| of.0), found.stretches.last().map_or(0, |of| of.1));
        let name = format!("archive-{:016}-{:016}.tar", ends.0, ends.1.saturating_sub(1));
        let path = to.folder.join(&name);
        fs::create_dir_all(&to.folder).map_err(|error| {
            Failure::new(
                Exit::Refused,
                format!("the archive `{}` can't be made: {error}; nothing is pruned", to.folder.display()),
            )
        })?;
        // One of that name is there where a pass was interrupted after it; it counts if it holds what it should.
        if !path.exists() {
            bundles::write_window(self.home, reader, (from, until), self.clock.now(), &path)?;
        }
        crash_point("archive.after_write");
        bundles::check_own(self.home, reader, &path).map_err(|why| unarchived(&path, &why))?;
        let held = held(&path).map_err(|why| unarchived(&path, &why))?;
        let missing = found.stretches.iter().flat_map(|(from, to)| *from..*to).find(|index| !held.contains(index));
        if let Some(index) = missing {
            return Err(unarchived(&path, &format!("it doesn't hold record {index}")));
        }
        let digest = files::digest(&path).map_err(|error| unarchived(&path, &error.to_string()))?;
        if let Some(store) = &to.store {
            let content = fs::read(&path).map_err(|error| unarchived(&path, &error.to_string()))?;
            (hands.put)(store, &Document { name, content })?;
        }
        Ok(Some((path, digest)))
    }
}

fn unarchived(path: &Path, why: &str) -> Failure {
    Failure::new(Exit::Refused, format!("the archive `{}` isn't good: {why}; nothing is pruned", path.display()))
        .hint("move that file away and try again, or name another folder in `audit.archive`")
}

/// The places in the log of a bundle's artifacts.
fn held(path: &Path) -> Result<BTreeSet<u64>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut from = ArchiveReader::new(BufReader::new(file));
    let first = from.next_member().map_err(|error| error.to_string())?;
    if first.is_none_or(|member| member.name != MANIFEST) {
        return Err("it has no manifest".to_owned());
    }
    let mut held = BTreeSet::new();
    let read = manifest::read(BufReader::new(from), |entry| {
        // Of a redacted copy something is missing.
        if entry.redacted.is_empty() {
            held.insert(entry.index);
        }
        Ok(())
    });
    read.map(|_| held).map_err(|error| error.to_string())
}

/// How often the daemon looks whether a pass is due.
const TICK: Duration = Duration::from_secs(1);
/// Longest wait of a daemon before its first pass.
const FIRST_MAX: Duration = Duration::from_secs(60);

/// What prunes while the daemon runs, where `audit.prune_every` says so and the gate is open.
pub struct Warden {
    /// Where.
    pub home: Home,
    /// The way to the writer.
    pub submitter: Submitter,
    /// Windows, archive and schedule, as the configuration says now.
    pub plan: watch::Receiver<Upkeep>,
    /// The clock.
    pub clock: Clock,
}

impl Warden {
    /// Works until it is dropped.
    pub async fn run(self) {
        let mut last: Option<Instant> = None;
        let start = Instant::now();
        let (this, mut complained) = (self, String::new());
        loop {
            tokio::time::sleep(TICK).await;
            let plan = Arc::clone(&this.plan.borrow().audit);
            let Some(every) = plan.prune_every.filter(|_| !plan.keep_for.is_for_ever()) else { continue };
            let due = last.map_or(start + every.min(FIRST_MAX), |last| last + every);
            if Instant::now() < due {
                continue;
            }
            last = Some(Instant::now());
            let why = this.pass(&plan).await.err().map(|failure| failure.message).unwrap_or_default();
            if !why.is_empty() && why != complained {
                tracing::warn!(%why, "what is past its time couldn't be pruned");
            }
            complained = why;
        }
    }

    /// Wants a pruning, where something is past its time. With the gate closed that waits, and is done when it opens.
    async fn pass(&self, plan: &Arc<AuditPlan>) -> Result<(), Failure> {
        let (home, clock, plan) = (self.home.clone(), self.clock.clone(), Arc::clone(plan));
        let looked = tokio::task::spawn_blocking(move || {
            let reader = Reader::open(&home.store()).map_err(store_failure)?;
            Pruner { home: &home, plan: &plan, clock: &clock }.found(&reader)
        });
        let ended = |_| Failure::new(Exit::Internal, "it ended unexpectedly");
        if looked.await.map_err(ended)??.records == 0 {
            return Ok(());
        }
        // The operator's own configuration asks for it.
        let input = Input::Operator { act: Act::Want { wanted: Wanted::Prune }, origin: Origin::Operator };
        self.submitter.submit_one(input).await.map(drop).map_err(Failure::from)
    }
}
