use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use candor_audit::canonical;
use candor_audit::commit::{
    Nonce, OpeningError, Salt, UnknownPointer, commit, commit_redacted, redact, redact_copy, removed_places,
};
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::arbitrary;

const NONCE: Nonce = Nonce([42; 32]);

fn set(pointers: &[&str]) -> BTreeSet<String> {
    pointers.iter().map(|pointer| (*pointer).to_owned()).collect()
}

/// A name as the block that stands before what is hashed.
fn block(name: &str) -> [u8; 64] {
    std::array::from_fn(|at| name.as_bytes().get(at).copied().unwrap_or(0))
}

fn sha(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

/// The commitment once more, written from the format's text: lists and recursion, nothing shared with the crate but
/// canonical JSON.
fn by_the_book(nonce: &Nonce, value: &Value) -> [u8; 32] {
    /// Takes the leaves out, and leaves zeros.
    fn scalars(value: &mut Value, out: &mut Vec<Vec<u8>>) {
        match value {
            Value::Array(items) if !items.is_empty() => items.iter_mut().for_each(|item| scalars(item, out)),
            Value::Object(object) if !object.is_empty() => {
                let mut keys: Vec<String> = object.keys().cloned().collect();
                keys.sort_by_key(|key| key.encode_utf16().collect::<Vec<u16>>());
                keys.iter().for_each(|key| scalars(&mut object[key], out));
            }
            scalar => out.push(canonical::to_bytes(&std::mem::replace(scalar, json!(0)))),
        }
    }
    fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
        if let [leaf] = leaves {
            return *leaf;
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        sha(&[&block("candor-audit-v1/node"), &root(left), &root(right)])
    }
    let mut all = Vec::new();
    let mut frame = value.clone();
    scalars(&mut frame, &mut all);
    let mut salts = vec![0; all.len() * 16];
    chacha20::ChaCha20::new(&nonce.0.into(), &[0; 12].into()).apply_keystream(&mut salts);
    let leaf = |(value, salt): (&Vec<u8>, &[u8])| sha(&[&block("candor-audit-v1/value"), salt, value]);
    let mut hashes: Vec<_> = all.iter().zip(salts.chunks(16)).map(leaf).collect();
    hashes.push(sha(&[&block("candor-audit-v1/frame"), &canonical::to_bytes(&frame)]));
    root(&hashes)
}

#[test]
fn values_that_look_alike_have_different_commitments() {
    let alike = [
        json!({"a": ["x"]}),
        json!({"a": {"0": "x"}}),
        json!({"a": "x"}),
        json!({"a": [["x"]]}),
        json!([{"a": "x"}]),
        json!({"a/0": "x"}),
        json!({"a": {"0": "x", "1": []}}),
        json!({"a": ["x", []]}),
        json!({"a": ["x", {}]}),
        json!({"a": ["x", null]}),
        json!({"a": ["x", "null"]}),
        json!({"a": []}),
        json!({"a": {}}),
        json!({"": "x"}),
        json!({}),
        json!([]),
        json!(null),
        json!(0),
        json!("0"),
        json!(false),
        json!(""),
    ];
    let commitments: BTreeSet<_> = alike.iter().map(|value| commit(&NONCE, value)).collect();
    assert_eq!(commitments.len(), alike.len());
}

#[test]
fn the_same_value_under_two_names_has_two_hashes_in_a_redacted_copy() {
    let value = json!({"pin": "1234", "pin2": "1234", "list": ["1234", "1234"]});
    let copy = redact(&NONCE, &value, &set(&[""])).unwrap().copy;
    let shown: BTreeSet<String> =
        ["/pin", "/pin2", "/list/0", "/list/1"].map(|p| copy.pointer(p).unwrap().to_string()).into();
    assert_eq!(shown.len(), 4);
}

#[test]
fn a_removed_value_is_not_found_by_trying_all_of_them_without_its_salt() {
    let value = json!({"pin": 4821, "task": "t-1"});
    let redacted = redact(&NONCE, &value, &set(&["/pin"])).unwrap();
    let marker = redacted.copy["pin"]["$redacted"].as_str().unwrap();
    let other_salt = redacted.salts["/task"].0;
    for guess in 0..10_000 {
        for salt in [&[][..], &[0; 16], &other_salt] {
            let hidden = sha(&[&block("candor-audit-v1/value"), salt, guess.to_string().as_bytes()]);
            assert_ne!(STANDARD.encode(hidden), marker);
        }
    }
    assert!(!redacted.salts.contains_key("/pin"));
}

#[test]
fn a_removed_value_cannot_be_shown_under_another_name() {
    let value = json!({"exit_code": 1, "note": "fine"});
    let redacted = redact(&NONCE, &value, &set(&["/exit_code"])).unwrap();
    let mut renamed = redacted.copy.clone();
    let marker = renamed.as_object_mut().unwrap().remove("exit_code").unwrap();
    renamed["extra"] = marker;
    assert_ne!(commit_redacted(&renamed, &redacted.salts).unwrap(), commit(&NONCE, &value));
}

#[test]
fn an_inner_node_of_the_tree_cannot_be_shown_as_a_removed_value() {
    let value = json!({"a": 1, "b": 2, "c": 3, "d": 4});
    let all_removed = redact(&NONCE, &value, &set(&[""])).unwrap().copy;
    let leaf = |key: &str| -> [u8; 32] {
        STANDARD.decode(all_removed[key]["$redacted"].as_str().unwrap()).unwrap().try_into().unwrap()
    };
    let node = |left: [u8; 32], right: [u8; 32]| sha(&[&block("candor-audit-v1/node"), &left, &right]);
    let (left, right) = (node(leaf("a"), leaf("b")), node(leaf("c"), leaf("d")));
    let frame = sha(&[&block("candor-audit-v1/frame"), br#"{"a":0,"b":0,"c":0,"d":0}"#]);
    // The nodes are the real ones, and still no copy of two fields passes for the artifact of four.
    assert_eq!(node(node(left, right), frame), commit(&NONCE, &value).0);
    let forged = json!({"a": {"$redacted": STANDARD.encode(left)}, "c": {"$redacted": STANDARD.encode(right)}});
    assert_ne!(commit_redacted(&forged, &[].into()).unwrap(), commit(&NONCE, &value));
    let forged = json!({"$redacted": STANDARD.encode(node(left, right))});
    assert_ne!(commit_redacted(&forged, &[].into()).unwrap(), commit(&NONCE, &value));
}

#[test]
fn redacting_what_is_not_there_is_refused() {
    let value = json!({"a": [1]});
    for pointer in ["/b", "/a/1", "/a/-", "/a/00", "a", "/a/"] {
        assert_eq!(redact(&NONCE, &value, &set(&["/a", pointer])), Err(UnknownPointer(pointer.into())));
    }
}

#[test]
fn a_copy_that_does_not_fit_its_salts_is_refused() {
    let value = json!({"a": 1, "b": 2});
    let whole = redact(&NONCE, &value, &set(&["/a"])).unwrap();
    let fails = |copy: &Value, change: &dyn Fn(&mut std::collections::BTreeMap<String, Salt>)| {
        let mut salts = whole.salts.clone();
        change(&mut salts);
        commit_redacted(copy, &salts).unwrap_err()
    };
    assert_eq!(fails(&whole.copy, &|salts| salts.clear()), OpeningError::MissingSalt("/b".into()));
    let spare = |pointer: &'static str| {
        move |salts: &mut std::collections::BTreeMap<String, Salt>| {
            salts.insert(pointer.into(), Salt([0; 16]));
        }
    };
    assert_eq!(fails(&whole.copy, &spare("/c")), OpeningError::SpareSalt("/c".into()));
    assert_eq!(fails(&whole.copy, &spare("/a")), OpeningError::SpareSalt("/a".into()));
    for marker in [json!(1), json!(""), json!("AAAA"), json!(STANDARD.encode([0; 33])), json!([])] {
        let copy = json!({"a": {"$redacted": marker}, "b": 2});
        assert_eq!(fails(&copy, &|_| ()), OpeningError::BadMarker("/a".into()));
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    assert_eq!(format!("{NONCE:?} {:?}", Salt([7; 16])), "Nonce(secret) Salt(secret)");
}

proptest! {
    #[test]
    fn the_commitment_is_as_the_format_says(value in arbitrary::json(), nonce: [u8; 32]) {
        prop_assert_eq!(commit(&Nonce(nonce), &value).0, by_the_book(&Nonce(nonce), &value));
    }

    #[test]
    fn any_redaction_keeps_the_commitment_without_the_nonce((value, pointers) in arbitrary::json_with_pointers(), nonce: [u8; 32]) {
        let nonce = Nonce(nonce);
        let pointers: BTreeSet<String> = pointers.into_iter().collect();
        let redacted = redact(&nonce, &value, &pointers).unwrap();
        prop_assert_eq!(commit_redacted(&redacted.copy, &redacted.salts).unwrap(), commit(&nonce, &value));
        // What was to go is gone: below each pointer nothing but markers is left, and nothing else was touched.
        for pointer in &pointers {
            prop_assert!(only_markers(redacted.copy.pointer(pointer).unwrap()));
        }
        if pointers.is_empty() {
            prop_assert_eq!(&redacted.copy, &value);
        }
        for pointer in redacted.salts.keys() {
            prop_assert_eq!(redacted.copy.pointer(pointer), value.pointer(pointer));
        }
    }

    #[test]
    fn redacting_a_copy_again_is_redacting_at_once(
        (value, pointers) in arbitrary::json_with_pointers(), nonce: [u8; 32], cut: prop::sample::Index,
    ) {
        let nonce = Nonce(nonce);
        let (first, later) = pointers.split_at(cut.index(pointers.len() + 1));
        let [all, first, later] = [&pointers[..], first, later].map(|some| some.iter().cloned().collect::<BTreeSet<_>>());
        let at_once = redact(&nonce, &value, &all).unwrap();
        let copy = redact(&nonce, &value, &first).unwrap();
        let twice = redact_copy(&copy.copy, &copy.salts, &later).unwrap();
        prop_assert_eq!(&twice, &at_once);
        prop_assert_eq!(commit_redacted(&twice.copy, &twice.salts).unwrap(), commit(&nonce, &value));
        let below = |place: &String| all.iter().any(|at| place.strip_prefix(at.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        let removed = removed_places(&twice.copy);
        prop_assert!(removed.iter().all(below), "{:?}", removed);
        prop_assert_eq!(removed.is_empty(), all.is_empty());
        // A value whose salt is gone can't be taken out again, nor one that isn't there.
        prop_assert!(redact_copy(&copy.copy, &copy.salts, &BTreeSet::from(["/no/such/place".to_owned()])).is_err());
    }

    #[test]
    fn different_values_or_nonces_have_different_commitments(one in arbitrary::json(), other in arbitrary::json(), nonces: [[u8; 32]; 2]) {
        let [first, second] = nonces.map(Nonce);
        prop_assert_eq!(commit(&first, &one) == commit(&first, &other), one == other);
        prop_assert_eq!(commit(&first, &one) == commit(&second, &one), first == second);
    }

    #[test]
    fn a_changed_value_in_a_redacted_copy_shows((value, pointers) in arbitrary::json_with_pointers(), with in arbitrary::scalar(), pick: prop::sample::Index) {
        let redacted = redact(&NONCE, &value, &pointers.into_iter().collect()).unwrap();
        prop_assume!(!redacted.salts.is_empty());
        let place = redacted.salts.keys().nth(pick.index(redacted.salts.len())).unwrap();
        let mut forged = redacted.copy.clone();
        *forged.pointer_mut(place).unwrap() = with;
        prop_assume!(forged != redacted.copy);
        prop_assert_ne!(commit_redacted(&forged, &redacted.salts).unwrap(), commit(&NONCE, &value));
    }
}

fn only_markers(value: &Value) -> bool {
    match value {
        Value::Object(object) if object.contains_key("$redacted") => true,
        Value::Object(object) => !object.is_empty() && object.values().all(only_markers),
        Value::Array(items) => !items.is_empty() && items.iter().all(only_markers),
        _ => false,
    }
}
