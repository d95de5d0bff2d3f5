//! What says who an owner is, and whose signature it is.

use candor_approval::signers::{NAMESPACE, Owners};
use candor_core::time::Timestamp;

/// An owner whose key signed nothing that is tried here.
const OWNER: &str =
    "ann@example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c\n";

/// Lines of `allowed_signers`: what is read names one person per key and one key per person's line.
pub(super) fn allowed_signers(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(owners) = Owners::parse(text) else { return };
    for key in owners.keys() {
        assert!(!key.name().is_empty() && !key.name().contains(['*', '?', '\n']));
        assert!(owners.called(key.name()) == Some(key.name()));
        let same = owners.keys().iter().filter(|other| other.fingerprint() == key.fingerprint());
        assert!(same.into_iter().all(|other| other.name() == key.name()), "one key, two owners");
        let _ = key.counts(NAMESPACE, Timestamp::default());
    }
    assert!(Owners::parse(text) == Ok(owners), "read twice, read differently");
}

/// SSH signatures: whatever they are, they sign nothing for an owner whose key didn't.
pub(super) fn signature(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(owners) = Owners::parse(OWNER) else { return };
    assert!(owners.verify(NAMESPACE, b"nobody signed this", text, Timestamp::default()).is_err());
}
