use base64::{Engine as _, engine::general_purpose::STANDARD};
use candor_audit::sign::{
    checkpoint::{Checkpoint, CheckpointError},
    dsse,
    key::{KeyError, NodeKey, PublicKey},
    note,
};
use serde_json::{Value, json};

fn key(name: &str) -> NodeKey {
    NodeKey::from_seed(name, &[9; 32]).unwrap()
}

/// The example of <https://c2sp.org/signed-note> (CC BY 4.0) and golang.org/x/mod/sumdb/note (BSD-3-Clause): the key, and a note by it.
#[test]
fn a_note_of_another_implementation_is_read() {
    let peter: PublicKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let note = format!(
        "{text}\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    );
    assert_eq!(note::open(&note, &peter).unwrap(), text);
    assert!(note::open(&note.replace("answer", "problem"), &peter).is_err());
    assert_eq!(peter.to_string(), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
}

#[test]
fn a_checkpoint_is_read_back_and_bound_to_its_key() {
    let head = Checkpoint { origin: "candor-node-7".into(), size: 12, root: [3; 32], at_us: 1_795_424_578_123_456 };
    let (one, other) = (key("candor-node-7"), NodeKey::from_seed("witness", &[1; 32]).unwrap());
    let note = head.sign(&[&one, &other]);
    assert_eq!(Checkpoint::open(&note, &one.public()).unwrap(), head);
    assert_eq!(Checkpoint::open(&note, &other.public()).unwrap(), head);
    assert!(Checkpoint::open(&note, &key("candor-node-8").public()).is_err());
    for (from, to) in
        [("12\n", "13\n"), ("12\n", "012\n"), ("candor-time", "candor-tame"), ("\u{2014}", "-"), ("\n\n", "\n")]
    {
        assert!(Checkpoint::open(&note.replacen(from, to, 1), &one.public()).is_err(), "{from:?}");
    }
    let signed = note::sign("candor-node-7\n12\nnothing\n", &[&one]);
    assert_eq!(Checkpoint::open(&signed, &one.public()), Err(CheckpointError::Line(3)));
}

#[test]
fn a_key_is_read_only_whole() {
    let text = key("candor-node-7").public().to_string();
    assert_eq!(text.parse::<PublicKey>().unwrap().to_string(), text);
    let other = text.replacen("candor-node-7", "candor-node-9", 1);
    assert!(matches!(other.parse::<PublicKey>(), Err(KeyError::Id(_))));
    for bad in ["", "a", "a+b", "a+00000000+", "a b+00000000+AAAA", &text[..text.len() - 4]] {
        assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
    }
    assert!(NodeKey::from_seed("with space", &[0; 32]).is_err());
}

#[test]
fn an_envelope_speaks_of_one_file_under_one_key() {
    let one = key("candor-node-7");
    let statement = dsse::statement("manifest.json", "abc", "urn:x", &json!({}));
    let envelope = dsse::seal(&statement, &one);
    assert_eq!(dsse::open(&envelope, &one.public(), "manifest.json", "urn:x").unwrap(), "abc");
    assert!(dsse::open(&envelope, &one.public(), "other.json", "urn:x").is_err());
    assert!(dsse::open(&envelope, &one.public(), "manifest.json", "urn:y").is_err());
    let stranger = NodeKey::from_seed("candor-node-7", &[1; 32]).unwrap().public();
    assert!(dsse::open(&envelope, &stranger, "manifest.json", "urn:x").is_err());
    // A second signature, which nothing would bind, and another type under the same signature.
    let mut two: Value = serde_json::from_slice(&envelope).unwrap();
    let twin = two["signatures"][0].clone();
    two["signatures"].as_array_mut().unwrap().push(twin);
    assert!(dsse::open(&candor_audit::canonical::to_bytes(&two), &one.public(), "manifest.json", "urn:x").is_err());
    let mut typed: Value = serde_json::from_slice(&envelope).unwrap();
    typed["payloadType"] = json!("text/plain");
    assert!(dsse::open(&candor_audit::canonical::to_bytes(&typed), &one.public(), "manifest.json", "urn:x").is_err());
}

/// What is signed is DSSE's encoding, byte by byte: <https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>.
#[test]
fn the_signature_is_over_the_pre_authentication_encoding() {
    let one = key("candor-node-7");
    let envelope: Value =
        serde_json::from_slice(&dsse::seal(&dsse::statement("m", "abc", "urn:x", &json!({})), &one)).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let kind = "application/vnd.in-toto+json";
    let mut encoded = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(&payload);
    let signature = STANDARD.decode(envelope["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    assert!(one.public().verifies(&encoded, &signature.try_into().unwrap()));
}

mod rotation {
    use candor_audit::sign::{
        key::NodeKey,
        note,
        rotation::{Rotation, chain},
    };

    fn key(seed: u8) -> NodeKey {
        NodeKey::from_seed("candor-node-7", &[seed; 32]).unwrap()
    }

    fn change(from: u8, to: u8) -> Rotation {
        Rotation::open(&Rotation::sign("candor-node-7", &key(from), &key(to), 1_795_424_578_123_456)).unwrap()
    }

    #[test]
    fn a_change_is_one_only_where_both_signed_it() {
        let (old, new, other) = (key(1), key(2), key(3));
        let note = Rotation::sign("log", &old, &new, 7);
        let said = Rotation::open(&note).unwrap();
        assert_eq!((said.old.clone(), said.new.clone(), said.at_us), (old.public(), new.public(), 7));
        for keys in [&[&old][..], &[&new], &[&old, &other], &[&other, &new], &[]] {
            assert!(Rotation::open(&note::sign(&said.text(), keys)).is_err(), "{keys:?}");
        }
        assert!(Rotation::open(&Rotation::sign("log", &old, &old, 7)).is_err(), "to itself");
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            let opened = String::from_utf8(bytes).ok().and_then(|note| Rotation::open(&note).ok());
            // A bit of base64 padding or of a name may read the same; another change it never is.
            assert!(opened.is_none_or(|opened| opened == said), "byte {at}");
        }
    }

    /// Whoever has a key that was given up can sign another change; it leads nowhere.
    #[test]
    fn a_key_that_was_given_up_changes_nothing() {
        let all = [change(1, 2), change(1, 9), change(2, 3), change(8, 9), change(2, 9), change(3, 4)];
        let keys = |from: u8| -> Vec<_> {
            chain(&key(from).public(), "candor-node-7", &all).iter().map(|step| step.new.clone()).collect()
        };
        assert_eq!(keys(1), [key(2).public(), key(3).public(), key(4).public()]);
        assert_eq!(keys(3), [key(4).public()]);
        assert!(keys(7).is_empty());
        assert!(chain(&key(1).public(), "another-log", &all).is_empty());
    }
}
