use candor_audit::commit::{Nonce, commit};
use candor_audit::header::{Header, TaskLink};
use candor_audit::kind::Kind;
use candor_audit::merkle::log_leaf;
use candor_audit::seal::{MAX_BODY_BYTES, Mismatch, SealError, SealInput, Sealed, check, seal};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::arbitrary;

const NONCE: Nonce = Nonce([42; 32]);

fn sealed(body: &Value) -> Sealed {
    seal(input(body)).unwrap()
}

fn input(body: &Value) -> SealInput<'_> {
    SealInput {
        index: 7,
        at_us: 1_795_424_578_123_456,
        kind: Kind::Claim,
        id: "c-5",
        task: Some(TaskLink { task_id: "t\u{e9}".into(), seq: 2, prev: Some([9; 32]) }),
        correlation_id: None,
        body,
        nonce: &NONCE,
    }
}

fn small() -> Value {
    json!({"a": [true, 1.5, {}], "b": "x\"y", "n": -12})
}

/// Each bit flipped, each byte dropped, each doubled, each pair swapped.
fn mutations(original: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..original.len())
        .flat_map(move |at| {
            let flips = (0..8).map(move |bit| {
                let mut bytes = original.to_vec();
                bytes[at] ^= 1 << bit;
                bytes
            });
            let mut dropped = original.to_vec();
            let byte = dropped.remove(at);
            let mut doubled = original.to_vec();
            doubled.insert(at, byte);
            let mut swapped = original.to_vec();
            swapped.swap(at, (at + 1) % original.len());
            flips.chain([dropped, doubled, swapped])
        })
        .filter(move |mutated| mutated != original)
}

#[test]
fn a_sealed_artifact_checks() {
    let sealed = sealed(&small());
    let header = check(&sealed.header_line, &sealed.leaf_hash, &NONCE, &sealed.body).unwrap();
    assert_eq!(header.commit, sealed.commit);
    assert_eq!(sealed.commit, commit(&NONCE, &small()));
    assert_eq!(sealed.leaf_hash, log_leaf(&sealed.header_line));
    assert_eq!(sealed.body, br#"{"a":[true,1.5,{}],"b":"x\"y","n":-12}"#);
}

#[test]
fn every_mutation_of_header_line_leaf_nonce_or_body_fails() {
    let sealed = sealed(&small());
    for line in mutations(&sealed.header_line) {
        assert_eq!(check(&line, &sealed.leaf_hash, &NONCE, &sealed.body), Err(Mismatch::Leaf));
    }
    for leaf in mutations(&sealed.leaf_hash).filter_map(|leaf| leaf.try_into().ok()) {
        assert_eq!(check(&sealed.header_line, &leaf, &NONCE, &sealed.body), Err(Mismatch::Leaf));
    }
    for nonce in mutations(&NONCE.0).filter_map(|nonce| nonce.try_into().ok()) {
        let checked = check(&sealed.header_line, &sealed.leaf_hash, &Nonce(nonce), &sealed.body);
        assert_eq!(checked, Err(Mismatch::Commitment));
    }
    for body in mutations(&sealed.body) {
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(check(&sealed.header_line, &sealed.leaf_hash, &NONCE, &body).is_err(), "{text}");
    }
}

#[test]
fn a_mutated_header_line_never_reads_as_the_same_header() {
    let sealed = sealed(&small());
    let original = Header::parse(&sealed.header_line).unwrap();
    for line in mutations(&sealed.header_line) {
        assert_ne!(Header::parse(&line), Ok(original.clone()), "{}", String::from_utf8_lossy(&line));
    }
}

#[test]
fn the_same_content_in_other_bytes_is_no_match() {
    let sealed = sealed(&small());
    let spaced = serde_json::to_vec_pretty(&small()).unwrap();
    let checked = check(&sealed.header_line, &sealed.leaf_hash, &NONCE, &spaced);
    assert_eq!(checked, Err(Mismatch::NotCanonical));
}

#[test]
fn a_log_entry_that_is_no_header_is_named() {
    let line = b"{}";
    let checked = check(line, &log_leaf(line), &NONCE, b"{}");
    assert!(matches!(checked, Err(Mismatch::Header(_))));
}

#[test]
fn content_that_would_not_survive_is_not_sealed() {
    for body in [json!({"n": 9_007_199_254_740_993_u64}), json!({"$redacted": "x"}), json!([1e16])] {
        assert!(matches!(seal(input(&body)), Err(SealError::Body(_))));
    }
    let fits = json!("x".repeat(MAX_BODY_BYTES - 2));
    assert!(seal(input(&fits)).is_ok());
    let too_large = json!("x".repeat(MAX_BODY_BYTES - 1));
    assert_eq!(seal(input(&too_large)), Err(SealError::BodyTooLarge(MAX_BODY_BYTES + 1)));
}

proptest! {
    #[test]
    fn what_is_sealed_checks_and_the_header_shows_nothing_of_it(body in arbitrary::json(), nonce: [u8; 32]) {
        let nonce = Nonce(nonce);
        let record = seal(SealInput { nonce: &nonce, ..input(&body) }).unwrap();
        prop_assert!(check(&record.header_line, &record.leaf_hash, &nonce, &record.body).is_ok());
        // Two headers of different content differ in the commitment only.
        let other = seal(SealInput { nonce: &nonce, ..input(&json!(null)) }).unwrap();
        let without = |line: &[u8], commit: String| String::from_utf8_lossy(line).replace(&commit, "");
        prop_assert_eq!(
            without(&record.header_line, record.commit.to_string()),
            without(&other.header_line, other.commit.to_string())
        );
    }
}
