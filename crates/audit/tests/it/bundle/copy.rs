//! Redacted copies of bundles: signed by who made them, and no more believed than that.

use std::collections::BTreeSet;

use candor_audit::{
    bundle::{
        CHECKPOINT, NODES, RECORDS, copy,
        hands::AtOnce,
        manifest::{Derived, Headers},
        opening::Opening,
        verdict::{Class, Failure, Verdict},
        verify::{Trust, read, verify},
        write::{About, Draft, Shipped},
    },
    canonical,
    commit::{redact, redact_copy},
    json,
    sign::{checkpoint::Checkpoint, key::NodeKey},
};

use super::log::{AT, Plan, bundle, key, made, task};

fn copier() -> NodeKey {
    NodeKey::from_seed("copier", &[9; 32]).unwrap()
}

/// What somebody makes of a bundle: `/secret` gone, `listed` named as gone, and the copy said to be by `by`.
fn copied(original: &[u8], listed: &[&str], by: &NodeKey, signed_by: &NodeKey) -> Vec<u8> {
    let node = key().public();
    let trust = Trust { key: &node, known: &[], copier: None };
    let mut bodies = Vec::new();
    let first = read(&original, &trust, &mut AtOnce::default(), &mut |_| ()).unwrap();
    let file = |name| copy::file(&original, &first.rest, name).unwrap();
    let mut draft = Draft::copy_of(file(RECORDS), file(NODES), first.rest.withheld.clone());
    let again = read(&original, &trust, &mut AtOnce::default(), &mut |seen| {
        let artifact = seen.artifact.as_ref();
        let Some(artifact) = artifact else { return };
        let value = json::parse_copy(artifact.body, 1 << 20).unwrap();
        let gone = BTreeSet::from(["/secret".to_owned()]);
        let cut = match artifact.opening {
            Opening::Whole(nonce) => redact(nonce, &value, &gone).unwrap(),
            Opening::Redacted(salts) => redact_copy(&value, salts, &gone).unwrap(),
        };
        let body = canonical::to_bytes(&cut.copy);
        let redacted = listed.iter().map(|at| (*at).to_owned()).collect();
        let shipped = Shipped { body: &body, opening: Opening::Redacted(cut.salts), redacted };
        draft.ship_shown(seen.header, shipped).unwrap();
        bodies.push((seen.header.artifact_ref(), body));
    });
    let rest = again.unwrap().rest;
    let about = About {
        selection: rest.selection,
        task_id: rest.task_id,
        correlation_id: rest.correlation_id,
        deployment_profile: rest.deployment_profile,
        capability_descriptor: rest.capability_descriptor,
        plugin_package_version: rest.plugin_package_version,
        exporter: "candor 0.1.0".into(),
        exported_at_us: AT,
        derived: Some(Derived { by: by.public().to_string(), of: first.manifest.clone() }),
    };
    let note = String::from_utf8(file(CHECKPOINT)).unwrap();
    let head = Checkpoint::open(&note, &node).unwrap();
    let mut archive = draft.seal(about, &head, &note, signed_by, Vec::new()).unwrap();
    bodies.iter().for_each(|(name, body)| archive.add(name, body).unwrap());
    archive.finish().unwrap()
}

fn checked(bytes: &[u8], key: &NodeKey, copier: Option<&NodeKey>) -> Result<Verdict, Class> {
    let (key, copier) = (key.public(), copier.map(NodeKey::public));
    verify(&bytes, &Trust { key: &key, known: &[], copier: copier.as_ref() }).map_err(|failure| match failure {
        Failure::Found(finding) => finding.class,
        Failure::Unreadable(error) => panic!("{error}"),
        Failure::Incomparable(why) => panic!("{why}"),
    })
}

fn original() -> Vec<u8> {
    bundle(&made(8), &Plan::of(task(Headers::Range)))
}

#[test]
fn a_copy_proves_what_it_still_shows_by_the_keys_of_node_and_copier() {
    let (node, copier) = (key(), copier());
    let copy = copied(&original(), &["/secret"], &copier, &copier);
    let verdict = checked(&copy, &node, Some(&copier)).unwrap();
    assert_eq!((verdict.redacted, verdict.artifacts), (3, 3));
    assert_eq!(verdict.derived.unwrap().by, copier.public().to_string());
    assert!(verdict.not_proved.iter().any(|open| open.contains("who made this copy")), "{:?}", verdict.not_proved);
    assert!(!copy.windows(4).any(|window| window == b"pin-"), "the secret is gone");
    // By the node itself no second key is needed.
    let own = copied(&original(), &["/secret"], &node, &node);
    assert!(checked(&own, &node, None).is_ok() && checked(&own, &node, Some(&copier)) == Err(Class::Signature));
}

#[test]
fn nobody_stands_in_for_the_copier_or_for_the_node() {
    let (node, copier) = (key(), copier());
    let copy = copied(&original(), &["/secret"], &copier, &copier);
    assert_eq!(checked(&copy, &node, None), Err(Class::Signature));
    assert_eq!(checked(&copy, &copier, None), Err(Class::Signature), "the head is the node's");
    assert_eq!(checked(&copy, &copier, Some(&node)), Err(Class::Signature));
    for (by, signed_by) in [(&copier, &node), (&node, &copier)] {
        let copy = copied(&original(), &["/secret"], by, signed_by);
        assert_eq!(checked(&copy, &node, Some(&copier)), Err(Class::Signature));
        assert_eq!(checked(&copy, &node, None), Err(Class::Signature));
    }
    assert_eq!(checked(&original(), &copier, Some(&node)), Err(Class::Signature), "an original is the node's alone");
}

/// What a reader is told was taken out is what was.
#[test]
fn a_manifest_that_names_less_more_or_other_values_than_were_taken_out_is_refused() {
    let (node, copier) = (key(), copier());
    for listed in [
        &[][..],
        &["/n"],
        &["/secret", "/n"],
        &["/secret/x"],
        &["/sec"],
        &["/secret", "/secre"],
        &["/secret", "/secret"],
    ] {
        let copy = copied(&original(), listed, &copier, &copier);
        assert_eq!(checked(&copy, &node, Some(&copier)), Err(Class::Changed), "{listed:?}");
    }
}

#[test]
fn each_flipped_byte_of_a_copy_is_found() {
    let (node, copier) = (key(), copier());
    let whole = copied(&original(), &["/secret"], &copier, &copier);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        assert!(checked(&bytes, &node, Some(&copier)).is_err(), "byte {at} of {}", whole.len());
    }
}
