//! Copies with values removed, which still prove the commitment.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Commitment, Nonce, Salt, Salts, root, value_hash};
use crate::canonical::{in_order, is_marker, lay_out};
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
    let mut keys = Salts::new(nonce);
    let content = lay_out(value);
    let mut copy = value.clone();
    let mut salts = BTreeMap::new();
    for (pointer, leaf) in places(value).into_iter().zip(&content.leaves) {
        let salt = keys.next();
        if !covers(pointers, &pointer) {
            salts.insert(pointer, salt);
        } else if let Some(place) = copy.pointer_mut(&pointer) {
            let bytes = content.bytes.get(leaf.clone()).unwrap_or_default();
            *place = json!({ REDACTED_KEY: STANDARD.encode(value_hash(&salt, bytes)) });
        }
    }
    Ok(Redacted { copy, salts })
}

/// Removes what stands at and below each of `pointers` from a redacted copy, with the salts of what it still shows. The commitment stays the
/// same; what was removed before stays removed.
///
/// # Errors
/// When a value that is to be removed has no salt, or a pointer leads nowhere.
pub fn redact_copy(
    copy: &Value,
    salts: &BTreeMap<String, Salt>,
    pointers: &BTreeSet<String>,
) -> Result<Redacted, OpeningError> {
    if let Some(unknown) = pointers.iter().find(|pointer| copy.pointer(pointer).is_none()) {
        return Err(OpeningError::MissingSalt(unknown.clone()));
    }
    let content = lay_out(copy);
    let mut redacted = Redacted { copy: copy.clone(), salts: BTreeMap::new() };
    for (pointer, leaf) in places(copy).into_iter().zip(&content.leaves) {
        let Some(place) = redacted.copy.pointer_mut(&pointer) else { continue };
        if place.as_object().is_some_and(is_marker) {
            continue;
        }
        let salt = *salts.get(&pointer).ok_or_else(|| OpeningError::MissingSalt(pointer.clone()))?;
        if covers(pointers, &pointer) {
            let bytes = content.bytes.get(leaf.clone()).unwrap_or_default();
            *place = json!({ REDACTED_KEY: STANDARD.encode(value_hash(&salt, bytes)) });
        } else {
            redacted.salts.insert(pointer, salt);
        }
    }
    Ok(redacted)
}

/// The RFC 6901 pointers of what was removed from a redacted copy, in canonical order.
#[must_use]
pub fn removed_places(copy: &Value) -> Vec<String> {
    let removed = |pointer: &String| copy.pointer(pointer).and_then(Value::as_object).is_some_and(is_marker);
    places(copy).into_iter().filter(removed).collect()
}

/// The commitment of the artifact that `copy` was made from, if nothing but the marked values was changed.
///
/// # Errors
/// When copy and salts do not fit each other; fails closed on anything left over.
pub fn commit_redacted(copy: &Value, salts: &BTreeMap<String, Salt>) -> Result<Commitment, OpeningError> {
    let mut unused: BTreeSet<&str> = salts.keys().map(String::as_str).collect();
    let mut openings = Vec::new();
    for pointer in places(copy) {
        openings.push(match copy.pointer(&pointer).and_then(|leaf| leaf.get(REDACTED_KEY)) {
            Some(marker) => Opening::Removed(marked_hash(marker).ok_or(OpeningError::BadMarker(pointer))?),
            None => {
                unused.remove(pointer.as_str());
                Opening::Shown(*salts.get(&pointer).ok_or(OpeningError::MissingSalt(pointer))?)
            }
        });
    }
    if let Some(spare) = unused.first() {
        return Err(OpeningError::SpareSalt((*spare).to_owned()));
    }
    let mut openings = openings.into_iter();
    Ok(root(&lay_out(copy), |leaf| match openings.next() {
        Some(Opening::Removed(hash)) => hash,
        Some(Opening::Shown(salt)) => value_hash(&salt, leaf),
        // There are as many leaves as places.
        None => Hash::default(),
    }))
}

/// What a redacted copy says of one leaf.
enum Opening {
    /// The value is there, and this is its salt.
    Shown(Salt),
    /// The value is removed, and this is its hash.
    Removed(Hash),
}

/// The RFC 6901 pointers of the leaves of which `is_one` is true: texts as they are, other leaves as JSON.
pub fn places_where(value: &Value, is_one: &mut dyn FnMut(&str) -> bool) -> BTreeSet<String> {
    let mut holds = |pointer: &String| match value.pointer(pointer) {
        Some(Value::String(text)) => is_one(text),
        Some(other) => is_one(&other.to_string()),
        None => false,
    };
    places(value).into_iter().filter(|pointer| holds(pointer)).collect()
}

fn marked_hash(marker: &Value) -> Option<Hash> {
    STANDARD.decode(marker.as_str()?).ok()?.try_into().ok()
}

/// Whether one of `pointers` is `leaf` or an ancestor of it.
fn covers(pointers: &BTreeSet<String>, leaf: &str) -> bool {
    covering(pointers, leaf).next().is_some()
}

/// Those of `pointers` that are `leaf` or an ancestor of it.
pub(crate) fn covering<'p>(pointers: &'p BTreeSet<String>, leaf: &str) -> impl Iterator<Item = &'p str> {
    let ancestors = leaf.match_indices('/').filter_map(|(end, _)| leaf.get(..end));
    ancestors.chain([leaf]).filter_map(|pointer| pointers.get(pointer).map(String::as_str))
}

/// The RFC 6901 pointers of a value's leaves in canonical order: what people write, and unambiguous within one document.
fn places(value: &Value) -> Vec<String> {
    let mut places = Vec::new();
    collect(value, &mut String::new(), &mut places);
    places
}

fn collect(value: &Value, pointer: &mut String, places: &mut Vec<String>) {
    let here = pointer.len();
    match value {
        Value::Object(object) if !object.is_empty() && !is_marker(object) => {
            for (key, item) in in_order(object) {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                collect(item, pointer, places);
                pointer.truncate(here);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                collect(item, pointer, places);
                pointer.truncate(here);
            }
        }
        _ => places.push(pointer.clone()),
    }
}
