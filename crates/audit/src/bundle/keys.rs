//! Who signed a bundle: the key that the reader brought, or one that took over from it by changes that both keys signed.

use std::io::{BufReader, Read as _};

use serde_json::Value;

use super::{
    CHECKPOINT, ENVELOPE, MANIFEST, READ_BYTES,
    archive::ArchiveReader,
    manifest::Rest,
    verdict::{Class, Failure, Finding},
    verify::{Source, Trust},
};
use crate::{
    kind::Kind,
    sign::{
        checkpoint::Checkpoint,
        dsse,
        key::{MAX_NAME_BYTES, PublicKey},
        note::MAX_NOTE_BYTES,
        rotation::{self, Rotation},
    },
};

/// Most changes of keys that are followed.
pub const MAX_ROTATIONS: usize = 1_000;
/// The largest record of a change of keys, in bytes.
const MAX_RECORD_BYTES: u64 = 16 * 1024;

/// The key that signed a bundle, and how the reader's own key leads to it.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) key: PublicKey,
    /// The changes from the reader's key to it; none where it is the reader's.
    pub(super) chain: Vec<Rotation>,
}

/// Finds which key of the node signed. Nothing is believed of the bundle here but what the reader's key, and each next one by the word of the one
/// before, has signed.
///
/// # Errors
/// When it says that another key signed it, and no chain of changes leads there from the reader's.
pub(super) fn signer(bundle: &dyn Source, trust: &Trust<'_>) -> Result<Signer, Failure> {
    let pinned = trust.key;
    let own = || Signer { key: pinned.clone(), chain: Vec::new() };
    let (envelope, checkpoint) = front(bundle)?;
    // What can't be read here is named where all of it is checked.
    let Some(hint) = envelope.as_deref().and_then(dsse::hint) else { return Ok(own()) };
    // The envelope of a copy is its maker's; the log's head is still the node's.
    let of_copier = trust.copier.is_some_and(|copier| copier.fingerprint() == hint);
    let signed = |key: &PublicKey| match &checkpoint {
        Some(text) if of_copier => Checkpoint::open(text, key).is_ok(),
        _ => key.fingerprint() == hint,
    };
    if signed(pinned) {
        return Ok(own());
    }
    let rotations = rotations(bundle)?;
    let Some(origin) = rotations.first().map(|rotation| rotation.origin.clone()) else { return Ok(own()) };
    let steps = rotation::chain(pinned, &origin, &rotations);
    let Some(at) = steps.iter().position(|step| signed(&step.new)) else {
        let words = format!(
            "it is signed by another key than `{pinned}`, and the bundle holds no change from that key to this one that both signed"
        );
        return Err(Finding::new(Class::Signature, ENVELOPE, words).into());
    };
    let chain: Vec<Rotation> = steps.into_iter().take(at + 1).cloned().collect();
    let key = chain.last().map_or_else(|| pinned.clone(), |step| step.new.clone());
    Ok(Signer { key, chain })
}

/// Whose signature a manifest must have: the node's, or that of who made the copy, if it says that it is one. Both keys are the reader's.
pub(super) fn maker<'t>(
    rest: Option<&Result<Rest, Finding>>,
    trust: &Trust<'t>,
    node: &'t PublicKey,
) -> Result<&'t PublicKey, Finding> {
    let derived = rest.and_then(|rest| rest.as_ref().ok()).and_then(|rest| rest.derived.as_ref());
    let Some(derived) = derived else { return Ok(node) };
    let key = trust.copier.unwrap_or(node);
    if derived.by == key.to_string() {
        return Ok(key);
    }
    let by: String = derived.by.chars().take(MAX_NAME_BYTES).collect();
    Err(Finding::new(
        Class::Signature,
        ENVELOPE,
        format!(
            "it is a copy that `{}` made; get that key from its owner, and give it beside the node's",
            by.escape_debug()
        ),
    ))
}

/// The envelope and the log's head, as far as they can be read.
fn front(bundle: &dyn Source) -> Result<(Option<Vec<u8>>, Option<String>), Failure> {
    let mut from = ArchiveReader::new(BufReader::with_capacity(READ_BYTES, bundle.open().map_err(Failure::io)?));
    let (mut envelope, mut checkpoint) = (None, None);
    while let Ok(Some(member)) = from.next_member() {
        match member.name.as_str() {
            MANIFEST => {}
            ENVELOPE => envelope = from.content(dsse::MAX_ENVELOPE_BYTES as u64).ok(),
            CHECKPOINT => {
                checkpoint = from.content(MAX_NOTE_BYTES as u64).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            }
            _ => break,
        }
    }
    Ok((envelope, checkpoint))
}

/// The changes of keys that the archive holds and that both their keys have signed, in the log's order.
fn rotations(bundle: &dyn Source) -> Result<Vec<Rotation>, Failure> {
    let folder = format!("{}/", Kind::Key.folder());
    let mut from = ArchiveReader::new(BufReader::with_capacity(READ_BYTES, bundle.open().map_err(Failure::io)?));
    let mut found = Vec::new();
    while let Ok(Some(member)) = from.next_member() {
        if !member.name.starts_with(&folder) || member.bytes > MAX_RECORD_BYTES || found.len() >= MAX_ROTATIONS {
            continue;
        }
        let mut body = Vec::new();
        from.by_ref().take(MAX_RECORD_BYTES).read_to_end(&mut body).map_err(Failure::io)?;
        found.extend(parse(&body));
    }
    Ok(found)
}

/// The change that a record of kind `key` holds, if both keys signed it.
#[must_use]
pub fn parse(body: &[u8]) -> Option<Rotation> {
    let said: Value = serde_json::from_slice(body).ok()?;
    Rotation::open(said.get(rotation::FIELD)?.as_str()?).ok()
}
