//! Signed heads of the log: when one is due, where they are kept here, and what became of sending them elsewhere.
//!
//! A head is signed over what is committed, so what it covers is on disk. It is kept in `heads/` in the state folder, then published.

mod herald;
mod publish;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use candor_audit::sign::{checkpoint::Checkpoint, note::MAX_NOTE_BYTES};
use candor_core::time::Timestamp;
use candor_store::Head;
use candor_world::places::{Document, put_file};
use serde::{Deserialize, Serialize};

use crate::{
    config::Every,
    exit::{Exit, Failure},
    home::Home,
};

pub use herald::Herald;
pub use publish::{Publisher, Teller};

/// Most heads that are kept in the state folder; the oldest go. Those that were published stay where they are.
pub const HEADS_KEPT_MAX: usize = 1_000;
/// What a head's file begins with.
const PREFIX: &str = "head-";
/// Longest wait before a place that fails is tried again.
const RETRY_MAX: Duration = Duration::from_secs(600);

/// Whether a head is due: after so many records or so much time, also of an idle log; and at once where the log is shorter than the last
/// head says, so that others see it.
#[must_use]
pub fn is_due(every: &Every, last: Option<&Checkpoint>, size: u64, now: Timestamp) -> bool {
    match last {
        None => size > 0,
        Some(last) => {
            let age = now.since(Timestamp::from_micros(last.at_us));
            size < last.size || size - last.size >= every.records || age >= every.time
        }
    }
}

/// The name of a head's file: in order of size, then of time.
#[must_use]
pub fn file_name(head: &Checkpoint) -> String {
    format!("{PREFIX}{:016}-{:016}.txt", head.size, head.at_us.max(0))
}

/// The committed end of the log as a head to be signed.
///
/// # Errors
/// When the store's root doesn't read.
pub fn of_store(head: &Head, origin: &str, now: Timestamp) -> Result<Checkpoint, Failure> {
    let root = unhex(&head.root).ok_or_else(|| Failure::new(Exit::Store, "the store keeps no root of its log"))?;
    Ok(Checkpoint { origin: origin.to_owned(), size: head.length, root, at_us: now.as_micros() })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    bytes.filter(|_| text.len() == 64)?.try_into().ok()
}

/// The heads that are kept in the state folder.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

/// A head with its note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it says.
    pub head: Checkpoint,
    /// The signed note.
    pub note: String,
}

impl Shelf {
    /// That of a state folder.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self { folder: home.state.join("heads") }
    }

    fn names(&self) -> Result<Vec<String>, Failure> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&self.folder, &error)),
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(PREFIX) && name.ends_with(".txt")).collect();
        // By time: a log that was put back to an older state has smaller heads later.
        names.sort_by_key(|name| name.rsplit('-').next().map(str::to_owned));
        Ok(names)
    }

    /// The newest heads, newest first. A file that reads as none is left out.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn newest(&self, limit: usize) -> Result<Vec<Kept>, Failure> {
        let names = self.names()?;
        let read = |name: &String| {
            let note = read_note(&self.folder.join(name))?;
            Some(Kept { head: Checkpoint::said(&note).ok()?, note })
        };
        Ok(names.iter().rev().filter_map(read).take(limit).collect())
    }

    /// Keeps a head, and lets go of those that are too many.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn keep(&self, kept: &Kept) -> Result<(), Failure> {
        let document = Document { name: file_name(&kept.head), content: kept.note.as_bytes().to_vec() };
        put_file(&self.folder, &document).map_err(|error| Failure::new(Exit::Store, format!("a head: {error}")))?;
        let names = self.names()?;
        for name in names.iter().take(names.len().saturating_sub(HEADS_KEPT_MAX)) {
            // One that stays is let go of the next time.
            let _ = fs::remove_file(self.folder.join(name));
        }
        Ok(())
    }

    fn states_path(&self) -> PathBuf {
        self.folder.join("places.json")
    }

    /// What is known of each place.
    #[must_use]
    pub fn states(&self) -> States {
        fs::read_to_string(self.states_path())
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    /// Writes what is known of each place, whole or not at all.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn write_states(&self, states: &States) -> Result<(), Failure> {
        let text = serde_json::to_string(states).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        let (path, fresh) = (self.states_path(), self.folder.join("places.json.new"));
        fs::create_dir_all(&self.folder)
            .and_then(|()| fs::write(&fresh, text))
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(|error| unreadable(&path, &error))
    }
}

/// A note in a file, if it is short enough to be one.
#[must_use]
pub fn read_note(path: &Path) -> Option<String> {
    let meta = fs::metadata(path).ok()?;
    (meta.is_file() && meta.len() <= MAX_NOTE_BYTES as u64).then(|| fs::read_to_string(path).ok())?
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Store, format!("`{}` can't be used: {error}", path.display()))
        .hint("check the owner, the permissions and the space of the state folder")
}

/// What is known of each place, by name.
pub type States = BTreeMap<String, PlaceState>;

/// What became of sending heads to a place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceState {
    /// The last head that is there.
    pub last: Option<Published>,
    /// Since it fails, if it does.
    pub failing: Option<Failing>,
}

/// A head that is in a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// How many records it covers.
    pub size: u64,
    /// When it was signed, in microseconds since the Unix epoch.
    pub signed_us: i64,
    /// When it was put there.
    pub at: Timestamp,
}

/// A place that can't be written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// When it was tried last.
    pub tried_at: Timestamp,
    /// How often.
    pub tries: u32,
    /// Why it failed the last time.
    pub why: String,
}

impl PlaceState {
    /// Whether this head should be sent there now.
    #[must_use]
    pub fn wants(&self, head: &Checkpoint, every: Option<Duration>, now: Timestamp) -> bool {
        let newer = self.last.as_ref().is_none_or(|last| last.signed_us < head.at_us);
        let rested = self.last.as_ref().is_none_or(|last| every.is_none_or(|every| now.since(last.at) >= every));
        let patient = self.failing.as_ref().is_none_or(|failing| now.since(failing.tried_at) >= failing.wait());
        newer && rested && patient
    }

    /// Takes an outcome into account.
    pub fn note(&mut self, head: &Checkpoint, outcome: Result<(), String>, now: Timestamp) {
        match outcome {
            Ok(()) => {
                self.last = Some(Published { size: head.size, signed_us: head.at_us, at: now });
                self.failing = None;
            }
            Err(why) => {
                let before = self.failing.take();
                let (since, tries) = before.map_or((now, 0), |before| (before.since, before.tries));
                self.failing = Some(Failing { since, tried_at: now, tries: tries.saturating_add(1), why });
            }
        }
    }
}

impl Failing {
    /// How long the next try waits: longer each time.
    fn wait(&self) -> Duration {
        Duration::from_secs(1_u64.checked_shl(self.tries.min(16)).unwrap_or(u64::MAX)).min(RETRY_MAX)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn head(size: u64, seconds: i64) -> Checkpoint {
        Checkpoint { origin: "node".to_owned(), size, root: [7; 32], at_us: seconds * 1_000_000 }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_head_is_due_by_records_by_time_and_when_the_log_is_shorter() {
        let every = Every { records: 10, time: Duration::from_secs(60) };
        let last = head(100, 1_000);
        for (size, now, due) in [
            (100, 1_059, false),
            (100, 1_060, true),
            (109, 1_001, false),
            (110, 1_001, true),
            (99, 1_000, true),
            (100, 900, false),
        ] {
            assert_eq!(is_due(&every, Some(&last), size, at(now)), due, "{size} at {now}");
        }
        assert!(is_due(&every, None, 1, at(0)) && !is_due(&every, None, 0, at(0)));
    }

    #[test]
    fn a_place_that_fails_is_tried_again_ever_later_and_forgets_it_when_it_works() {
        let mut place = PlaceState::default();
        let one = head(5, 100);
        assert!(place.wants(&one, None, at(100)));
        place.note(&one, Err("no".to_owned()), at(100));
        assert!(!place.wants(&one, None, at(101)) && place.wants(&one, None, at(102)));
        place.note(&one, Err("still no".to_owned()), at(102));
        let failing = place.failing.clone().unwrap();
        assert_eq!((failing.since, failing.tries, failing.why.as_str()), (at(100), 2, "still no"));
        assert!(!place.wants(&one, None, at(105)) && place.wants(&one, None, at(106)));
        place.note(&one, Ok(()), at(106));
        assert_eq!((place.failing.clone(), place.wants(&one, None, at(999))), (None, false));
        let two = head(5, 200);
        let day = Some(Duration::from_secs(86_400));
        assert!(place.wants(&two, None, at(200)) && !place.wants(&two, day, at(200)));
        assert!(place.wants(&two, day, at(106 + 86_400)));
    }

    #[test]
    fn kept_heads_come_newest_first_and_are_thinned() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home { state: folder.path().to_owned(), config: folder.path().join("c") };
        let shelf = Shelf::of(&home);
        assert_eq!(shelf.newest(9).unwrap(), []);
        let key = candor_audit::sign::key::NodeKey::from_seed("node", &[1; 32]).unwrap();
        for (size, seconds) in [(1, 1), (9, 2), (3, 3)] {
            let head = head(size, seconds);
            shelf.keep(&Kept { note: head.sign(&[&key]), head }).unwrap();
        }
        std::fs::write(folder.path().join("heads/head-garbage.txt"), "garbage").unwrap();
        let sizes: Vec<u64> = shelf.newest(2).unwrap().iter().map(|kept| kept.head.size).collect();
        assert_eq!(sizes, [3, 9]);
    }

    #[test]
    fn a_root_reads_back() {
        let root = [0xab; 32];
        assert_eq!(unhex(&candor_audit::hex(&root)), Some(root));
        for bad in ["", "ab", &"g".repeat(64), &"a".repeat(66)] {
            assert_eq!(unhex(bad), None);
        }
    }
}
