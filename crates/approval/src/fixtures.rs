//! Owners for tests: keys made from a seed, which are nobody's. Only with the feature `fixtures`, which no shipped program has.

#![expect(clippy::unwrap_used, reason = "tests: a key that can't be made is a broken test")]

use std::{collections::BTreeMap, sync::LazyLock};

use candor_audit::canonical;
use candor_core::{
    approval::{Signed, TERMS_VERSION, Terms, Verdict},
    gate::{Gate, Grant, Opening, Scope},
    ids::{ApprovalNo, EffectNo, OpeningNo},
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig, private::Ed25519Keypair};

use crate::{
    keeper::GateKeeper,
    signers::{NAMESPACE, Owners},
    throwaway,
};

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

/// A time in seconds since the Unix epoch.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// Owner 1 alone.
#[must_use]
pub fn owners() -> Owners {
    Owners::parse(&owner(1).0).unwrap()
}

/// What owner 1 signs of these terms.
#[must_use]
pub fn signed(terms: &Terms) -> Signed {
    signed_by(terms, &[1])
}

/// What these owners sign of a document.
#[must_use]
pub fn signed_by(of: &impl Serialize, owners: &[u8]) -> Signed {
    let document = canonical::to_bytes(&serde_json::to_value(of).unwrap());
    let sign = |seed: &u8| approve(&owner(*seed).1, &document);
    Signed { signatures: owners.iter().map(sign).collect(), document: String::from_utf8(document.clone()).unwrap() }
}

/// Terms of an approval of any packet: these gates, a thousand uses.
#[must_use]
pub fn terms(gates: &[Gate], scope: Scope, from: Timestamp, until: Timestamp) -> Terms {
    Terms {
        schema_version: TERMS_VERSION.to_owned(),
        id: format!("fixture-{}-{}", from.as_micros(), gates.len()),
        node: "node".to_owned(),
        package_sha256: format!("sha256:{}", "0".repeat(64)),
        packet_id: "packet".to_owned(),
        verdict: Verdict::Approve,
        gates: gates.iter().copied().collect(),
        scope,
        max_uses: 1_000,
        not_before: from,
        expires_at: until,
        fields: BTreeMap::from([("reason".to_owned(), "test".to_owned())]),
        request: None,
    }
}

/// One use of a gate under an approval of owner 1.
#[must_use]
pub fn grant(gate: Gate, scope: Scope, from: Timestamp, until: Timestamp) -> Grant {
    let terms = terms(&[gate], scope, from, until);
    let opening = Opening {
        no: OpeningNo(7),
        approval: ApprovalNo(3),
        gate,
        scope: terms.scope.clone(),
        reason: terms.reason().to_owned(),
        approved_by: vec!["owner-1@example.org".to_owned()],
        max_uses: terms.max_uses,
        used: 1,
        opened_at: from,
        expires_at: until,
        closed_at: None,
        closed_by: None,
    };
    Grant { effect: EffectNo(5), opening, use_no: 1, signed: signed(&terms) }
}

/// A keeper that lets one effect through each of these gates, for every target, until far ahead.
#[must_use]
pub fn keeper(gates: &[Gate]) -> GateKeeper {
    let far = Timestamp::from_micros(4_000_000_000_000_000);
    let grants = gates.iter().map(|gate| grant(*gate, Scope::default(), at(0), far)).collect();
    GateKeeper::from_record(owners(), grants)
}

/// A package of a deployment in which nothing is missing, whose first packet opens every gate; and its evidence.
#[must_use]
pub fn package() -> (Value, Value) {
    static BUILT: LazyLock<(Value, Value)> = LazyLock::new(|| throwaway::package("packet", at(1_800_000_000)).unwrap());
    BUILT.clone()
}

/// What owner 1 signs of that package's packet for a node: these gates, from now on for a while.
#[must_use]
pub fn approval(node: &str, package_sha256: &str, gates: &[Gate], from: Timestamp, until: Timestamp) -> Signed {
    let terms = terms(gates, Scope::default(), from, until);
    signed(&Terms { node: node.to_owned(), package_sha256: package_sha256.to_owned(), ..terms })
}

/// The digest of that package.
#[must_use]
pub fn package_sha256() -> String {
    let digest = Sha256::digest(canonical::to_bytes(&package().0));
    format!("sha256:{}", candor_audit::hex(&digest))
}
