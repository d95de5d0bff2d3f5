//! The salted commitment: the only thing that the log knows of an artifact's content.
//!
//! One leaf per scalar (and per empty `{}` or `[]`), in canonical order, under an RFC 6962 tree:
//!
//! ```text
//! path  = JCS array of the object keys (strings) and array indexes (numbers) that lead to the value, as jq's `path`
//! salt  = HMAC-SHA-256(key = nonce, path)[..16]
//! value = SHA-256("candor-audit-v1/value" 0x00 salt JCS(value))
//! leaf  = SHA-256("candor-audit-v1/leaf" 0x00 path value)
//! node  = SHA-256("candor-audit-v1/node" 0x01 left right)
//! ```
//!
//! - Salts: nobody can guess a removed value from its hash, however few values it could have had.
//! - The path is no RFC 6901 pointer, as `{"a":["x"]}` and `{"a":{"0":"x"}}` have the same pointers and must not have
//!   the same commitment.
//! - Two hashes per leaf: a redacted copy shows the hash of the value alone and the reader adds the path, so that a
//!   removed value cannot be shown under another name, nor an inner node of the tree as a removed value.
//! - The nonce is used for nothing else, so that the HMAC needs no prefix.

mod redact;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::canonical;
use crate::json::REDACTED_KEY;
use crate::merkle::{Frontier, Hash, Tree};

pub use redact::{OpeningError, Redacted, UnknownPointer, commit_redacted, redact};

const VALUE_PREFIX: &[u8] = b"candor-audit-v1/value\0";
const LEAF_PREFIX: &[u8] = b"candor-audit-v1/leaf\0";

/// The tree over one artifact's leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content;

impl Tree for Content {
    const NODE_PREFIX: &'static [u8] = b"candor-audit-v1/node\x01";
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
    let salts = Salts::new(nonce);
    let mut leaves = Leaves::default();
    visit_leaves(value, &mut |path, value| {
        let shown = leaves.value_hash(&salts.at(path), value);
        leaves.push(path, &shown);
    });
    leaves.root()
}

/// The salts of one artifact, with the HMAC key schedule done once.
struct Salts(Hmac<Sha256>);

impl Salts {
    fn new(nonce: &Nonce) -> Salts {
        // HMAC itself fills a short key up with zeros; the array form of the key cannot fail.
        let mut key = [0; 64];
        key.iter_mut().zip(nonce.0).for_each(|(to, from)| *to = from);
        Salts(Hmac::new(&key.into()))
    }

    fn at(&self, path: &[u8]) -> Salt {
        let tag = self.0.clone().chain_update(path).finalize().into_bytes();
        let mut salt = [0; 16];
        salt.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
        Salt(salt)
    }
}

/// The tree under construction, with the buffer that is hashed from.
#[derive(Default)]
struct Leaves {
    tree: Frontier<Content>,
    scratch: Vec<u8>,
}

impl Leaves {
    fn value_hash(&mut self, salt: &Salt, value: &Value) -> Hash {
        self.scratch.clear();
        self.scratch.extend_from_slice(VALUE_PREFIX);
        self.scratch.extend_from_slice(&salt.0);
        canonical::write(value, &mut self.scratch);
        Sha256::digest(&self.scratch).into()
    }

    fn push(&mut self, path: &[u8], value_hash: &Hash) {
        self.scratch.clear();
        self.scratch.extend_from_slice(LEAF_PREFIX);
        self.scratch.extend_from_slice(path);
        self.scratch.extend_from_slice(value_hash);
        self.tree.push(Sha256::digest(&self.scratch).into());
    }

    fn root(&self) -> Commitment {
        Commitment(self.tree.root())
    }
}

/// Calls `on_leaf` with the path and value of each leaf, in canonical order.
fn visit_leaves(value: &Value, on_leaf: &mut impl FnMut(&[u8], &Value)) {
    let mut path = Vec::with_capacity(64);
    path.push(b'[');
    visit_below(value, &mut path, on_leaf);
}

/// `path` is the path to `value` without its closing bracket, and is left as it was found.
fn visit_below(value: &Value, path: &mut Vec<u8>, on_leaf: &mut impl FnMut(&[u8], &Value)) {
    let here = path.len();
    match value {
        Value::Object(object) if !object.is_empty() && !is_marker(object) => {
            for (key, item) in canonical::in_order(object) {
                separate(path);
                canonical::write_string(key, path);
                visit_below(item, path, on_leaf);
                path.truncate(here);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in (0..).zip(items) {
                separate(path);
                canonical::write_integer(index, path);
                visit_below(item, path, on_leaf);
                path.truncate(here);
            }
        }
        leaf => {
            path.push(b']');
            on_leaf(path, leaf);
            path.truncate(here);
        }
    }
}

fn separate(path: &mut Vec<u8>) {
    if path.len() > 1 {
        path.push(b',');
    }
}

/// Whether this stands in a redacted copy for a removed value. Ingest keeps the key out of originals.
fn is_marker(object: &Map<String, Value>) -> bool {
    object.len() == 1 && object.contains_key(REDACTED_KEY)
}
