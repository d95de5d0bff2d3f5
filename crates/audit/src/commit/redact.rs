//! Copies with values removed, which still prove the commitment.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Commitment, Leaves, Nonce, Salt, Salts, visit_leaves};
use crate::json::REDACTED_KEY;
use crate::merkle::Hash;

/// A copy with values removed, and what its reader needs to compute the commitment without the nonce.
#[derive(Debug, Clone, PartialEq)]
pub struct Redacted {
    /// The artifact with `{"$redacted":"<base64 hash>"}` in place of each removed value.
    pub copy: Value,
    /// The salt of every value that is still there, by RFC 6901 pointer.
    pub salts: BTreeMap<String, Salt>,
}

/// A pointer that leads nowhere in the artifact: nothing is redacted rather than something else than was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing stands at `{0}`; give JSON pointers to values that the artifact has")]
pub struct UnknownPointer(pub String);

/// A redacted copy and salts that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// A value without its salt.
    #[error("the value at `{0}` has no salt; ask for a new copy")]
    MissingSalt(String),
    /// A salt of no value in the copy.
    #[error("there is a salt for `{0}`, where the copy has no value; ask for a new copy")]
    SpareSalt(String),
    /// A marker that holds no hash.
    #[error("the redaction at `{0}` does not hold a base64 SHA-256 hash; ask for a new copy")]
    BadMarker(String),
}

/// Removes what stands at and below each of `pointers` (RFC 6901) from a copy of `value`.
///
/// # Errors
/// When a pointer leads nowhere.
pub fn redact(nonce: &Nonce, value: &Value, pointers: &BTreeSet<String>) -> Result<Redacted, UnknownPointer> {
    if let Some(unknown) = pointers.iter().find(|pointer| value.pointer(pointer).is_none()) {
        return Err(UnknownPointer(unknown.clone()));
    }
    let keys = Salts::new(nonce);
    let mut leaves = Leaves::default();
    let mut copy = value.clone();
    let mut salts = BTreeMap::new();
    visit_leaves(value, &mut |path, leaf| {
        let salt = keys.at(path);
        let pointer = pointer_of(path);
        if !covers(pointers, &pointer) {
            salts.insert(pointer, salt);
        } else if let Some(place) = copy.pointer_mut(&pointer) {
            *place = json!({ REDACTED_KEY: STANDARD.encode(leaves.value_hash(&salt, leaf)) });
        }
    });
    Ok(Redacted { copy, salts })
}

/// The commitment of the artifact that `copy` was made from, if nothing but the marked values was changed.
///
/// # Errors
/// When copy and salts do not fit each other; fails closed on anything left over.
pub fn commit_redacted(copy: &Value, salts: &BTreeMap<String, Salt>) -> Result<Commitment, OpeningError> {
    let mut leaves = Leaves::default();
    let mut unused: BTreeSet<&str> = salts.keys().map(String::as_str).collect();
    let mut first_error = None;
    visit_leaves(copy, &mut |path, leaf| {
        let pointer = pointer_of(path);
        let opened = match leaf.get(REDACTED_KEY) {
            Some(marker) => marked_hash(marker).ok_or_else(|| OpeningError::BadMarker(pointer.clone())),
            None => match salts.get(&pointer) {
                Some(salt) => Ok(leaves.value_hash(salt, leaf)),
                None => Err(OpeningError::MissingSalt(pointer.clone())),
            },
        };
        match opened {
            Ok(hash) => leaves.push(path, &hash),
            Err(error) => first_error = first_error.take().or(Some(error)),
        }
        if leaf.get(REDACTED_KEY).is_none() {
            unused.remove(pointer.as_str());
        }
    });
    match (first_error, unused.first()) {
        (Some(error), _) => Err(error),
        (None, Some(spare)) => Err(OpeningError::SpareSalt((*spare).to_owned())),
        (None, None) => Ok(leaves.root()),
    }
}

fn marked_hash(marker: &Value) -> Option<Hash> {
    STANDARD.decode(marker.as_str()?).ok()?.try_into().ok()
}

/// Whether one of `pointers` is `leaf` or an ancestor of it.
fn covers(pointers: &BTreeSet<String>, leaf: &str) -> bool {
    let ancestors = leaf.match_indices('/').filter_map(|(end, _)| leaf.get(..end));
    ancestors.chain([leaf]).any(|pointer| pointers.contains(pointer))
}

/// The RFC 6901 pointer of a path: what people write, and unambiguous within one document.
fn pointer_of(path: &[u8]) -> String {
    let tokens: Vec<Value> = serde_json::from_slice(path).unwrap_or_default();
    let escaped = tokens.iter().map(|token| match token {
        Value::String(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        index => format!("/{index}"),
    });
    escaped.collect()
}
