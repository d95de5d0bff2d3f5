//! Bundles of a node whose key changed: followed from the reader's key, and from nowhere else.

use candor_audit::{
    bundle::{
        manifest::Headers,
        verdict::{Class, Failure, Verdict},
        verify::{Trust, verify},
    },
    sign::{
        key::NodeKey,
        note,
        rotation::{Rotation, TITLE},
    },
};

use super::log::{Made, Plan, bundle, made_with, task};

const LOG: &str = "candor-node-7";

fn key(seed: u8) -> NodeKey {
    NodeKey::from_seed(LOG, &[seed; 32]).unwrap()
}

/// A log with these changes, and a bundle of it by the key with this seed.
fn signed(rotations: &[String], by: u8) -> Vec<u8> {
    let made = Made { key: key(by), ..made_with(8, rotations) };
    bundle(&made, &Plan::of(task(Headers::Range)))
}

fn checked(bytes: &[u8], pinned: u8) -> Result<Verdict, Class> {
    let key = key(pinned).public();
    verify(&bytes, &Trust { key: &key, known: &[], copier: None }).map_err(|failure| match failure {
        Failure::Found(finding) => finding.class,
        Failure::Unreadable(error) => panic!("{error}"),
    })
}

fn change(from: u8, to: u8) -> String {
    Rotation::sign(LOG, &key(from), &key(to), 7)
}

#[test]
fn the_chain_is_followed_from_the_readers_key_and_told() {
    let bytes = signed(&[change(1, 2), change(2, 3)], 3);
    for (pinned, changes) in [(1, 2), (2, 1), (3, 0)] {
        let verdict = checked(&bytes, pinned).unwrap();
        assert_eq!((verdict.key_changes.len(), verdict.signed_by), (changes, key(3).public().to_string()));
    }
    assert_eq!(checked(&bytes, 4), Err(Class::Signature));
    // By an older key of the chain: whoever has a later one isn't led back.
    let older = signed(&[change(1, 2), change(2, 3)], 2);
    assert_eq!((checked(&older, 1).unwrap().key_changes.len(), checked(&older, 3)), (1, Err(Class::Signature)));
}

/// Whatever a bundle says of keys, only what the reader's key signed leads on.
#[test]
fn no_word_of_a_bundle_makes_a_key_trusted() {
    let text =
        format!("{TITLE}\n{LOG}\n{}\n{}\ncandor-time 2026-11-23T09:02:58.123456Z\n", key(1).public(), key(9).public());
    let by_one = note::sign(&text, &[&key(9)]);
    let by_others = note::sign(&text, &[&key(9), &key(8)]);
    for rotations in [
        vec![by_one],
        vec![by_others],
        vec![change(8, 9)],
        // Given up before: its owner no longer decides.
        vec![change(1, 2), change(1, 9)],
        vec![change(2, 9), change(1, 2)],
        vec!["no note".to_owned()],
        Vec::new(),
    ] {
        assert_eq!(checked(&signed(&rotations, 9), 1), Err(Class::Signature), "{rotations:?}");
    }
    let elsewhere = Rotation::sign("another-log", &key(1), &key(9), 7);
    assert_eq!(checked(&signed(&[elsewhere], 9), 1), Err(Class::Foreign));
}

/// As the sweep of bundles without a change: each byte is bound, seen from the older key.
#[test]
fn each_flipped_byte_is_found_from_the_older_key() {
    let whole = signed(&[change(1, 2)], 2);
    assert!(checked(&whole, 1).is_ok());
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        assert!(checked(&bytes, 1).is_err(), "byte {at} of {}", whole.len());
    }
}
