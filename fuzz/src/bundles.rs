//! What a stranger hands to whoever checks a bundle.

use candor_audit::{
    bundle::{archive::ArchiveReader, opening::OpeningLine, verdict::Failure, verify},
    sign::{checkpoint::Checkpoint, key::NodeKey, note},
};

/// The key of the bundles in the corpus.
fn key() -> Option<NodeKey> {
    NodeKey::from_seed("candor-node-7", &[7; 32]).ok()
}

/// Bytes are a bundle of this key, or something is wrong with them; and they are so twice. What is intact holds to the last byte.
pub(crate) fn bundle(bytes: &[u8]) {
    let Some(key) = key().map(|key| key.public()) else { return };
    let trust = verify::Trust { key: &key, known: &[], copier: None };
    let told = |bytes: &[u8]| match verify::verify(&bytes, &trust) {
        Ok(verdict) => format!("{verdict:?}"),
        Err(Failure::Found(finding)) => finding.to_string(),
        Err(Failure::Unreadable(error)) => error.to_string(),
        Err(Failure::Incomparable(why)) => why,
    };
    let first = told(bytes);
    assert_eq!(told(bytes), first, "the same bytes have two verdicts");
    if let Some((last, front)) = bytes.split_last()
        && first.starts_with("Verdict")
    {
        let changed = [front, &[last ^ 1]].concat();
        assert!(!told(&changed).starts_with("Verdict"), "a bundle is intact whatever its last byte is");
    }
    let mut members = ArchiveReader::new(bytes);
    let mut read = 0;
    while let Ok(Some(member)) = members.next_member() {
        read += member.bytes;
        assert!(read <= bytes.len() as u64 * 2, "members are larger than the archive");
        if members.content(1 << 20).is_err() {
            break;
        }
    }
}

/// A note, a checkpoint or a key is read in one spelling only.
pub(crate) fn note(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(signer) = key() else { return };
    if let Ok(key) = text.parse::<candor_audit::sign::key::PublicKey>() {
        assert_eq!(key.to_string(), text.trim(), "a key was read that would be written otherwise");
    }
    let _ = note::open(text, &signer.public());
    // As if it had been signed: what a parser sees after the signature held.
    if text.ends_with('\n')
        && let Ok(head) = Checkpoint::open(&note::sign(text, &[&signer]), &signer.public())
    {
        assert_eq!(head.text(), text, "a head was read that would be written otherwise");
    }
}

/// A line that opens a commitment is read in one spelling only.
pub(crate) fn opening(bytes: &[u8]) {
    if let Some(opening) = OpeningLine::parse(bytes) {
        assert_eq!(opening.line(), bytes, "an opening was read that would be written otherwise");
        let _ = opening.opening.commitment(bytes);
    }
}
