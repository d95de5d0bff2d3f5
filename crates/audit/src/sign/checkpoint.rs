//! Heads of the log as C2SP checkpoints (<https://c2sp.org/tlog-checkpoint>): origin, size and root, signed.
//!
//! One line more says when: an idle log is signed too, and a head that says nothing new still says that at this time there was nothing
//! new.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{
    key::{NodeKey, PublicKey},
    note::{self, NoteError},
};
use crate::{at, json::MAX_INTEGER, merkle::Hash};

/// What stands before the time.
const TIME: &str = "candor-time ";

/// A head of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: the name of its first key.
    pub origin: String,
    /// How many artifacts it has.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Hash,
    /// When it was signed, in microseconds since the Unix epoch.
    pub at_us: i64,
}

/// Why a checkpoint says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It isn't signed as it should be.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It is signed, and no checkpoint.
    #[error("line {0} of the signed text is not that of a checkpoint; take it from the log unchanged")]
    Line(usize),
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let when = at::text(self.at_us);
        format!("{}\n{}\n{}\n{TIME}{when}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// The signed note.
    #[must_use]
    pub fn sign(&self, keys: &[&NodeKey]) -> String {
        note::sign(&self.text(), keys)
    }

    /// The head that `key` signed.
    ///
    /// # Errors
    /// When it isn't signed by that key, or is something else.
    pub fn open(note: &str, key: &PublicKey) -> Result<Checkpoint, CheckpointError> {
        Self::parse(note::open(note, key)?)
    }

    /// What a note says of a head, whoever signed it.
    ///
    /// # Errors
    /// When it is something else.
    pub fn said(note: &str) -> Result<Checkpoint, CheckpointError> {
        Self::parse(note::text(note)?)
    }

    fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let mut lines = text.lines();
        let mut line = |number: usize| lines.next().ok_or(CheckpointError::Line(number));
        let origin = line(1)?.to_owned();
        let size = line(2)?.parse().ok().filter(|size| *size <= MAX_INTEGER).ok_or(CheckpointError::Line(2))?;
        let root = STANDARD.decode(line(3)?).ok().and_then(|root| root.try_into().ok());
        let root = root.ok_or(CheckpointError::Line(3))?;
        let at_us = line(4)?.strip_prefix(TIME).and_then(at::parse).ok_or(CheckpointError::Line(4))?;
        let head = Checkpoint { origin, size, root, at_us };
        // Only the bytes that this code writes: no second way to say the same.
        if head.text() == text { Ok(head) } else { Err(CheckpointError::Line(2)) }
    }
}
