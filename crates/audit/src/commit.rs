//! The salted commitment: the only thing that the log knows of an artifact's content.
//!
//! One leaf per scalar (and per empty `{}` or `[]`) in canonical order, and one for their frame, under an RFC 6962 tree:
//!
//! ```text
//! salt  = 16 bytes of the ChaCha20 key stream (RFC 8439: key = nonce, its own nonce and counter 0), leaf after leaf
//! value = SHA-256(block("candor-audit-v1/value") salt JCS(value))
//! frame = SHA-256(block("candor-audit-v1/frame") JCS(the content with the number 0 for each of its leaves))
//! node  = SHA-256(block("candor-audit-v1/node") left right)
//! root  = the tree over value, value, ..., frame
//! block(name) = name, filled up with zeros to the 64 bytes of one block of SHA-256
//! ```
//!
//! - Salts: nobody can guess a removed value from its hash, however few values it could have had.
//! - The frame says which value stands where, and how many there are. So a removed value cannot be shown under another
//!   name, nor an inner node of the tree as a removed value, and `{"a":["x"]}` is not `{"a":{"0":"x"}}`.
//! - A name that fills a block is hashed once for all, so that telling the hashes apart costs nothing
//!   (docs/decisions/0012-salts-and-frames.md).

mod redact;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::begun::Begun;
use crate::canonical::{Layout, lay_out};
use crate::merkle::{Frontier, Hash, Tree};

pub(crate) use redact::covering;
pub use redact::{
    OpeningError, Redacted, UnknownPointer, commit_redacted, places_where, redact, redact_copy, removed_places,
};

static VALUE: LazyLock<Begun> = LazyLock::new(|| Begun::after(&block("candor-audit-v1/value")));
static FRAME: LazyLock<Sha256> = LazyLock::new(|| Sha256::new_with_prefix(block("candor-audit-v1/frame")));
static NODE: LazyLock<Begun> = LazyLock::new(|| Begun::after(&block("candor-audit-v1/node")));

/// A name as one whole block.
fn block(name: &str) -> [u8; 64] {
    let mut block = [0; 64];
    block.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    block
}

/// The tree over one artifact's leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content;

impl Tree for Content {
    fn node(left: &Hash, right: &Hash) -> Hash {
        let mut both = [0; 64];
        let (first, second) = both.split_at_mut(left.len());
        first.copy_from_slice(left);
        second.copy_from_slice(right);
        NODE.with_block(both)
    }
}

/// The secret of one artifact's salts: 32 random bytes, kept beside the artifact and never in the log.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce(pub [u8; 32]);

impl std::fmt::Debug for Nonce {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Nonce(secret)")
    }
}

/// The salt of one leaf. Shown for the values that a redacted copy still has, and for no other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl std::fmt::Debug for Salt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Salt(secret)")
    }
}

/// What an artifact's content is known by: says nothing about the content to who has no nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment(pub [u8; 32]);

impl std::fmt::Display for Commitment {
    /// Base64 with padding, as in headers.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&STANDARD.encode(self.0))
    }
}

/// Commits to `value`. The same value and nonce give the same commitment, everywhere and always.
#[must_use]
pub fn commit(nonce: &Nonce, value: &Value) -> Commitment {
    commit_layout(nonce, &lay_out(value))
}

/// Commits to what is already laid out.
pub(crate) fn commit_layout(nonce: &Nonce, content: &Layout) -> Commitment {
    let mut salts = Salts::new(nonce);
    root(content, |leaf| value_hash(&salts.next(), leaf))
}

/// The tree's root over what `hash` says of each leaf's bytes, and over the frame.
fn root(content: &Layout, mut hash: impl FnMut(&[u8]) -> Hash) -> Commitment {
    let mut tree = Frontier::<Content>::new();
    let mut frame = FRAME.clone();
    let mut until = 0;
    for leaf in &content.leaves {
        frame.update(content.bytes.get(until..leaf.start).unwrap_or_default());
        frame.update(b"0");
        until = leaf.end;
        tree.push(hash(content.bytes.get(leaf.clone()).unwrap_or_default()));
    }
    frame.update(content.bytes.get(until..).unwrap_or_default());
    tree.push(frame.finalize().into());
    Commitment(tree.root())
}

fn value_hash(salt: &Salt, leaf: &[u8]) -> Hash {
    VALUE.with(&salt.0, leaf)
}

/// Salts that are made at once.
const SALTS_AT_ONCE: usize = 16;

/// The salts of one artifact, in the order of its leaves.
struct Salts {
    stream: ChaCha20,
    made: [[u8; 16]; SALTS_AT_ONCE],
    given: usize,
}

impl Salts {
    fn new(nonce: &Nonce) -> Salts {
        let stream = ChaCha20::new(&nonce.0.into(), &[0; 12].into());
        Salts { stream, made: [[0; 16]; SALTS_AT_ONCE], given: SALTS_AT_ONCE }
    }

    fn next(&mut self) -> Salt {
        if self.given == SALTS_AT_ONCE {
            self.made = [[0; 16]; SALTS_AT_ONCE];
            // An artifact's leaves are far fewer than the 256 GiB after which a key stream ends.
            self.stream.apply_keystream(self.made.as_flattened_mut());
            self.given = 0;
        }
        let salt = self.made.get(self.given).copied().unwrap_or_default();
        self.given += 1;
        Salt(salt)
    }
}
