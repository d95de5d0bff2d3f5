//! A change of the signing key: a signed note that both the old and the new key sign. It stands in the log as a record of its own, so that
//! who holds the old key can go on to the new one.
//!
//! The text has five lines: [`TITLE`], the log's origin, the old key, the new key, and `candor-time` with when it was signed.

use super::{
    key::{NodeKey, PublicKey},
    note::{self, NoteError},
};
use crate::at;

/// The first line.
pub const TITLE: &str = "candor-key-rotation";
/// The field of a record's content that holds the note.
pub const FIELD: &str = "rotation";
/// What stands before the time.
const TIME: &str = "candor-time ";

/// A change of the signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Which log.
    pub origin: String,
    /// The key until then.
    pub old: PublicKey,
    /// The key from then on.
    pub new: PublicKey,
    /// When it was signed, in microseconds since the Unix epoch.
    pub at_us: i64,
}

/// Why a text is no change of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// One of the two keys didn't sign it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It says something else.
    #[error("line {0} isn't that of a change of keys")]
    Line(usize),
}

impl Rotation {
    /// The text that both keys sign.
    #[must_use]
    pub fn text(&self) -> String {
        let when = at::text(self.at_us);
        format!("{TITLE}\n{}\n{}\n{}\n{TIME}{when}\n", self.origin, self.old, self.new)
    }

    /// The change from one key to another, signed by both.
    #[must_use]
    pub fn sign(origin: &str, old: &NodeKey, new: &NodeKey, at_us: i64) -> String {
        let rotation = Rotation { origin: origin.to_owned(), old: old.public(), new: new.public(), at_us };
        note::sign(&rotation.text(), &[old, new])
    }

    /// Reads a note that both keys that it names have signed. It proves nothing to whoever trusts neither.
    ///
    /// # Errors
    /// When it is something else, or one of the two didn't sign it.
    pub fn open(note: &str) -> Result<Rotation, RotationError> {
        let text = note::text(note)?;
        let mut lines = text.lines();
        let mut line = |number: usize| lines.next().ok_or(RotationError::Line(number));
        if line(1)? != TITLE {
            return Err(RotationError::Line(1));
        }
        let origin = line(2)?.to_owned();
        let old: PublicKey = line(3)?.parse().map_err(|_| RotationError::Line(3))?;
        let new: PublicKey = line(4)?.parse().map_err(|_| RotationError::Line(4))?;
        let at_us = line(5)?.strip_prefix(TIME).and_then(at::parse).ok_or(RotationError::Line(5))?;
        let rotation = Rotation { origin, old, new, at_us };
        if rotation.text() != text || rotation.old == rotation.new {
            return Err(RotationError::Line(4));
        }
        note::open(note, &rotation.old)?;
        note::open(note, &rotation.new)?;
        Ok(rotation)
    }
}

/// Follows changes of keys, in the log's order, from a key that is trusted: each key that took over from the one before. What a key
/// signed after it was given up changes nothing.
#[must_use]
pub fn chain<'r>(
    from: &PublicKey,
    origin: &str,
    rotations: impl IntoIterator<Item = &'r Rotation>,
) -> Vec<&'r Rotation> {
    let mut current = from.clone();
    let mut steps = Vec::new();
    for rotation in rotations {
        if rotation.origin == origin && rotation.old == current {
            current.clone_from(&rotation.new);
            steps.push(rotation);
        }
    }
    steps
}
