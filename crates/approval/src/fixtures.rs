//! Owners for tests: keys made from a seed, which are nobody's. Only with the feature `fixtures`, which no shipped program has.

#![expect(clippy::unwrap_used, reason = "tests: a key that can't be made is a broken test")]

use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig, private::Ed25519Keypair};

use crate::signers::NAMESPACE;

/// An owner's key, made from a seed.
#[derive(Clone, Debug)]
pub struct Key(PrivateKey);

/// The owner `owner-<seed>@example.org`: their line of `allowed_signers`, with its end, and their key. The same seed makes the same key.
#[must_use]
pub fn owner(seed: u8) -> (String, Key) {
    let key = Key(PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32])));
    (line(&format!("owner-{seed}@example.org"), &key), key)
}

/// The line of `allowed_signers` that makes this key `principal`'s.
#[must_use]
pub fn line(principal: &str, key: &Key) -> String {
    let public = key.0.public_key().to_openssh().unwrap();
    format!("{principal} {public}\n")
}

/// A signature as `ssh-keygen -Y sign` writes it.
#[must_use]
pub fn sign(key: &Key, namespace: &str, bytes: &[u8]) -> String {
    SshSig::sign(&key.0, namespace, HashAlg::Sha512, bytes).unwrap().to_pem(LineEnding::LF).unwrap()
}

/// A signature of an approval or a revocation.
#[must_use]
pub fn approve(key: &Key, bytes: &[u8]) -> String {
    sign(key, NAMESPACE, bytes)
}
