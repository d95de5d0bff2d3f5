//! RFC 6962 Merkle tree hashing, append-only.
//!
//! The log is hashed exactly as RFC 6962 section 2.1 has it, so that anybody's verifier takes it. Commitments use
//! the same tree over prefixes of their own ([`crate::commit`]): no hash of one can be shown as a hash of the other.

use std::marker::PhantomData;

use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// How the inner nodes of a tree are told from everything else that is hashed.
pub trait Tree {
    /// The hash of two children.
    fn node(left: &Hash, right: &Hash) -> Hash;
}

/// The log of headers: plain RFC 6962.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log;

impl Tree for Log {
    fn node(left: &Hash, right: &Hash) -> Hash {
        Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
    }
}

/// The leaf hash of one log entry.
#[must_use]
pub fn log_leaf(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of an inner node of the log.
#[must_use]
pub fn log_node(left: &Hash, right: &Hash) -> Hash {
    Log::node(left, right)
}

/// The root of the log over these leaf hashes.
#[must_use]
pub fn log_root(leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let mut frontier = Frontier::<Log>::new();
    leaves.into_iter().for_each(|leaf| frontier.push(leaf));
    frontier.root()
}

/// The right edge of a tree that grows: all that is needed to append and to know the root, in O(log n).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier<T> {
    size: u64,
    /// Roots of the complete subtrees from left to right, one for each bit set in `size`.
    peaks: Vec<Hash>,
    tree: PhantomData<T>,
}

/// A stored frontier whose parts do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves has {expected} subtree hashes, not {found}; rebuild it from the log's headers")]
pub struct WrongPeaks {
    /// Leaves in the tree.
    pub size: u64,
    /// Subtree hashes that such a tree has.
    pub expected: usize,
    /// Subtree hashes given.
    pub found: usize,
}

impl<T: Tree> Frontier<T> {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Frontier { size: 0, peaks: Vec::new(), tree: PhantomData }
    }

    /// Takes up a tree where [`Frontier::size`] and [`Frontier::peaks`] left it.
    ///
    /// # Errors
    /// When the number of hashes does not fit the size.
    pub fn resume(size: u64, peaks: Vec<Hash>) -> Result<Self, WrongPeaks> {
        let expected = size.count_ones() as usize;
        if peaks.len() != expected {
            return Err(WrongPeaks { size, expected, found: peaks.len() });
        }
        Ok(Frontier { size, peaks, tree: PhantomData })
    }

    /// Appends one leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = T::node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Appends the root of a whole subtree of `2^level` leaves. Says whether one of that size can stand here.
    pub fn push_subtree(&mut self, level: u32, root: Hash) -> bool {
        let Some(leaves) = 1_u64.checked_shl(level).filter(|leaves| self.size.is_multiple_of(*leaves)) else {
            return false;
        };
        let Some(size) = self.size.checked_add(leaves) else { return false };
        let mut hash = root;
        for _ in 0..(self.size >> level).trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = T::node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size = size;
        true
    }

    /// Leaves so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees from left to right, at most 64.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The tree's root; that of the empty tree is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let from_the_right = self.peaks.iter().rev().copied();
        from_the_right.reduce(|right, left| T::node(&left, &right)).unwrap_or_else(|| Sha256::digest([]).into())
    }
}

impl<T: Tree> Default for Frontier<T> {
    fn default() -> Self {
        Self::new()
    }
}
