//! Who holds contents against the headers that commit to them. It is half the work of a check, and no content's needs another's: so a caller may
//! have it done beside the reading, which is no business of this crate.

use sha2::{Digest as _, Sha256};

use super::{
    opening::Opening,
    verdict::{Class, Finding},
};
use crate::{commit::Commitment, hex};

/// An artifact's content, still to be held against its header.
#[derive(Debug)]
pub struct Opened {
    /// Its place in the log, which is the order in which findings are told.
    pub index: u64,
    /// Where it lies in the bundle.
    pub(super) place: String,
    pub(super) body: Vec<u8>,
    /// What the manifest says that its bytes hash to, in hex.
    pub(super) sha256: String,
    pub(super) opening: Opening,
    /// What the manifest says is removed from it.
    pub(super) removed: Vec<String>,
    /// What its header says.
    pub(super) commit: Commitment,
}

impl Opened {
    /// How much of it is held in memory, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Whether its content is what was recorded.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Finding> {
        let changed = |words: &str| Err(Finding::new(Class::Changed, self.place.as_str(), words));
        if hex(&Sha256::digest(&self.body)) != self.sha256 {
            return changed("its bytes are not those that the manifest names");
        }
        if !self.opening.removes(&self.body, &self.removed) {
            return changed("what the manifest says is removed from it is not what is");
        }
        match self.opening.commitment(&self.body) {
            Ok(commitment) if commitment == self.commit => Ok(()),
            Ok(_) => changed("its content is not what was recorded in the log"),
            Err(error) => changed(&error.to_string()),
        }
    }
}

/// Whoever does it.
pub trait Hands {
    /// Takes one. False where something is known to be wrong already, so that no more need be brought.
    fn take(&mut self, opened: Opened) -> bool;

    /// Waits until all that was taken is done.
    ///
    /// # Errors
    /// The first thing that is wrong, in the log's order.
    fn wait(&mut self) -> Result<(), Finding>;
}

/// The caller does it at once.
#[derive(Debug, Default)]
pub struct AtOnce(Option<Finding>);

impl Hands for AtOnce {
    fn take(&mut self, opened: Opened) -> bool {
        self.0 = opened.check().err();
        self.0.is_none()
    }

    fn wait(&mut self) -> Result<(), Finding> {
        self.0.take().map_or(Ok(()), Err)
    }
}
