//! Decisions made again from a bundle alone.

use std::collections::BTreeMap;

use candor_audit::{
    bundle::{
        CHECKPOINT, OPENINGS, RECORDS,
        archive::ArchiveReader,
        manifest::{Headers, Selection},
        opening::{Opening, OpeningLine},
        write::{About, Draft, Shipped},
    },
    commit::Nonce,
    header::{Header, TaskLink},
    kind::Kind,
    merkle::{Hash, log_root},
    seal::{SealInput, Sealed, seal},
    sign::{checkpoint::Checkpoint, key::NodeKey},
};
use serde_json::{Value, json};

use crate::{
    audit::{export, key},
    common::Home,
};

/// A task with claims, evidence, a block, a failure and a changed configuration: decisions of many sorts.
fn lived() -> Home {
    let home = Home::new("");
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    home.ends(6, &["task", "complete", "nightly", "--agent", "a", "--summary", "all tests pass"]);
    home.ends(0, &["task", "checkpoint", "nightly", "--agent", "a", "--status", "running", "--note", "TODO: fill in"]);
    std::fs::write(
        home.state().join("candor.yaml"),
        "profile: standard-team-mode\npacks: {tune: {completion_block_below: 3}}\n",
    )
    .unwrap();
    home.run(&["task", "block", "nightly", "--agent", "a", "--reason", "no disk"]);
    home.run(&["notify", "look at this", "--task", "nightly", "--agent", "a"]);
    home.run(&["task", "fail", "nightly", "--agent", "a", "--reason", "out of budget"]);
    home
}

/// What a stranger without a state folder finds.
fn replayed(bundle: &str, key: &str) -> (i32, Value) {
    let elsewhere = Home::new("");
    let output = elsewhere.command(&["audit", "replay", bundle, "--json", "--key", key]).env_clear().output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), serde_json::from_str(&told).unwrap_or_default())
}

/// A bundle whose records are these with something changed, by whoever has the node's key: every proof holds.
fn resigned(home: &Home, bundle: &str, name: &str, change: &mut dyn FnMut(&Header, &mut Value)) -> String {
    let (mut files, mut from) = (BTreeMap::new(), ArchiveReader::new(std::fs::File::open(bundle).unwrap()));
    while let Some(member) = from.next_member().unwrap() {
        files.insert(member.name, from.content(1 << 30).unwrap());
    }
    let lines = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    let openings: BTreeMap<u64, Opening> = lines(OPENINGS)
        .lines()
        .map(|line| OpeningLine::parse(line.as_bytes()).unwrap())
        .map(|line| (line.index, line.opening))
        .collect();
    let key = NodeKey::from_secret(std::fs::read_to_string(home.state().join("audit.key")).unwrap().trim()).unwrap();
    let mut draft = Draft::default();
    let (mut leaves, mut chain, mut bodies): (Vec<Hash>, BTreeMap<String, Hash>, Vec<_>) = Default::default();
    for line in lines(RECORDS).lines() {
        let header = Header::parse(line.as_bytes()).unwrap();
        assert_eq!(header.index, leaves.len() as u64, "the whole log is shown");
        let task = header.task.clone().map(|link| TaskLink { prev: chain.get(&link.task_id).copied(), ..link });
        let Some(Opening::Whole(nonce)) = openings.get(&header.index) else { panic!("{line} has no artifact") };
        let mut body: Value = serde_json::from_slice(&files[&header.artifact_ref()]).unwrap();
        change(&header, &mut body);
        let sealed: Sealed = seal(SealInput {
            index: header.index,
            at_us: header.at_us,
            kind: header.kind,
            id: header.id.as_str(),
            task: task.clone(),
            correlation_id: header.correlation_id.clone(),
            body: &body,
            nonce,
        })
        .unwrap();
        leaves.push(sealed.leaf_hash);
        task.map(|link| chain.insert(link.task_id, sealed.leaf_hash));
        let header = Header::parse(&sealed.header_line).unwrap();
        let opening = Opening::Whole(Nonce(nonce.0));
        let shipped = Shipped { body: &sealed.body, opening, redacted: Vec::new() };
        draft.ship(&sealed.header_line, &header, shipped).unwrap();
        bodies.push((header.artifact_ref(), sealed.body));
    }
    let before = Checkpoint::open(&lines(CHECKPOINT), &key.public()).unwrap();
    let head = Checkpoint { size: leaves.len() as u64, root: log_root(leaves), ..before };
    let about = About {
        selection: Selection::Task { task_id: "nightly".into(), headers: Headers::Range },
        task_id: Some("nightly".into()),
        correlation_id: None,
        deployment_profile: None,
        capability_descriptor: None,
        plugin_package_version: "0.1.0".into(),
        exporter: "candor 0.1.0".into(),
        exported_at_us: head.at_us,
        derived: None,
    };
    let mut archive = draft.seal(about, &head, &head.sign(&[&key]), &key, Vec::new()).unwrap();
    bodies.iter().for_each(|(name, body)| archive.add(name, body).unwrap());
    let path = home.folder.path().join(name);
    std::fs::write(&path, archive.finish().unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn truth_8_the_same_bundle_always_replays_to_the_same_decisions() {
    let home = lived();
    let (bundle, key) = (export(&home, "b.tar", &["--task", "nightly"]), key(&home));
    let (code, told) = replayed(&bundle, &key);
    assert_eq!(code, 0, "{told}");
    let replay = &told["replay"];
    assert!(replay["decisions"].as_u64().unwrap() >= 5, "{told}");
    assert_eq!((&replay["equal"], &replay["not_replayed"]), (&replay["decisions"], &json!(0)));
    assert_eq!((&replay["first_difference"], &replay["by_earlier"]), (&json!(null), &json!([])));
    for _ in 0..3 {
        assert_eq!(replayed(&bundle, &key), (0, told.clone()));
    }
    let window = export(&home, "w.tar", &["--since", "2020-01-01T00:00:00Z"]);
    assert_eq!(replayed(&window, &key).0, 0);
    let words = Home::new("").ends(0, &["audit", "replay", &bundle, "--key", &key]);
    assert!(words.contains("come out as recorded, byte for byte"), "{words}");
}

/// Verify can't know of it: whoever has the key can write what they like into the log. What they can't do is have it follow from the rest.
#[test]
fn truth_8_a_decision_that_its_signer_made_up_is_found() {
    let home = lived();
    let (bundle, key) = (export(&home, "b.tar", &["--task", "nightly"]), key(&home));
    let honest = resigned(&home, &bundle, "honest.tar", &mut |_, _| ());
    assert_eq!(replayed(&honest, &key).0, 0, "resigning alone changes nothing");
    let forge = |name: &str, id: &str, pointer: &str, value: Value| {
        let path = resigned(&home, &bundle, name, &mut |header, body| {
            if header.id.as_str() == id {
                *body.pointer_mut(pointer).unwrap() = value.clone();
            }
        });
        let elsewhere = Home::new("");
        elsewhere.ends(0, &["audit", "verify", &path, "--key", &key]);
        let (code, told) = replayed(&path, &key);
        (code, told["replay"]["first_difference"].clone(), told["replay"]["differing"].clone())
    };
    let (code, first, count) = forge("a.tar", "d-2", "/effective", json!("allow"));
    assert_eq!((code, &count), (1, &json!(1)), "{first}");
    assert_eq!(
        (&first["ref"], &first["pointer"]),
        (&json!("state/reporting-decisions/d-2.json"), &json!("/effective"))
    );
    assert_eq!((&first["recorded"], &first["replayed"]), (&json!("\"allow\""), &json!("\"block_completion\"")));
    let (code, first, _) = forge("b.tar", "d-2", "/rules", json!([]));
    assert_eq!((code, &first["pointer"]), (1, &json!("/rules/0")));
    let (code, first, _) = forge("c.tar", "d-1", "/packs", json!(["own@9.9.9"]));
    assert_eq!((code, &first["pointer"]), (1, &json!("/packs/0")));
    // A capability that nothing in force has, with a verdict that would follow from it.
    let (code, first, _) =
        forge("d.tar", "d-1", "/facts/capability", json!({"forced_checkpoint": true, "inline_completion_block": true}));
    assert_eq!((code, &first["pointer"]), (1, &json!("/facts/capability/forced_checkpoint")));
    // A threshold that nothing in force has.
    let mut facts = json!(null);
    resigned(&home, &bundle, "read.tar", &mut |header, body| {
        if header.id.as_str() == "d-1" {
            facts = body["facts"].clone();
        }
    });
    facts["threshold"] = json!({"completion_block_below": 1});
    let (code, first, _) = forge("e.tar", "d-1", "/facts", facts);
    assert_eq!((code, &first["pointer"]), (1, &json!("/facts/threshold")));
    // What it was made by: every decision that read the rule differs.
    let laxer = |name: &str, from: &str, to: &str| {
        let path = resigned(&home, &bundle, name, &mut |header, body| {
            if header.kind == Kind::Pack {
                *body = serde_json::from_str(&body.to_string().replace(from, to)).unwrap();
            }
        });
        replayed(&path, &key)
    };
    let (code, told) = laxer("f.tar", r#"verdict(\"block_completion\")"#, r#"verdict(\"downgrade_status\")"#);
    assert_eq!(code, 1, "{told}");
    let words = Home::new("")
        .ends(1, &["audit", "replay", &home.folder.path().join("a.tar").display().to_string(), "--key", &key]);
    assert!(words.contains("d-2.json") && words.contains("/effective"), "{words}");
}

#[test]
fn what_cannot_be_replayed_is_named_and_never_counts_as_equal() {
    let home = lived();
    let key = key(&home);
    let whole = export(&home, "whole.tar", &["--task", "nightly"]);
    let replay = |name: &str, pointer: &str| {
        let bundle = export(&home, name, &["--task", "nightly", "--redact", pointer]);
        let (code, told) = replayed(&bundle, &key);
        (code, told["replay"].clone())
    };
    let (code, told) = replay("facts.tar", "/facts/claim/kind");
    assert_eq!((code, &told["not_replayed"]), (2, &json!(1)), "{told}");
    assert!(told["unreplayed"][0]["why"].as_str().unwrap().contains("`/facts/claim/kind` was taken out"), "{told}");
    assert!(told["equal"].as_u64().unwrap() > 0);
    let (code, told) = replay("packs.tar", "/packs/0/files/rules.cedar");
    assert_eq!((code, &told["equal"], &told["differing"]), (2, &json!(0), &json!(0)), "{told}");
    assert!(told["unreplayed"][0]["why"].as_str().unwrap().contains("the packs in force"), "{told}");
    let (code, told) = replay("default.tar", "/settings/default_verdict");
    assert_eq!((code, &told["equal"]), (2, &json!(0)), "{told}");
    // What decides nothing may be gone.
    assert_eq!(replay("targets.tar", "/settings/targets").0, 0);
    // Packs of a form that a later version could have.
    let later = resigned(&home, &whole, "later.tar", &mut |header, body| {
        if header.kind == Kind::Pack {
            *body = json!({"packs_v2": {}});
        }
    });
    let (code, told) = replayed(&later, &key);
    assert_eq!((code, &told["replay"]["equal"]), (2, &json!(0)));
    assert!(told["replay"]["unreplayed"][0]["why"].as_str().unwrap().contains("form that this program doesn't know"));
    // A bundle that isn't intact is replayed by nobody.
    let mut bytes = std::fs::read(&whole).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&whole, bytes).unwrap();
    let (code, told) = replayed(&whole, &key);
    assert_eq!((code, &told["intact"], told.get("replay")), (1, &json!(false), None));
}

/// Records of before the thresholds stood in the profile's own: the decisions' facts have them.
#[test]
fn older_records_replay_too() {
    let home = lived();
    let (bundle, key) = (export(&home, "b.tar", &["--task", "nightly"]), key(&home));
    let older = resigned(&home, &bundle, "older.tar", &mut |header, body| {
        if header.kind == Kind::Profile {
            assert!(body.as_object_mut().unwrap().remove("thresholds").is_some());
        }
    });
    let (code, told) = replayed(&older, &key);
    assert_eq!((code, &told["replay"]["differing"]), (0, &json!(0)), "{told}");
}

/// As a process makes it that was started before the configuration changed.
#[test]
fn a_decision_by_what_had_been_in_force_before_is_said_to_be_one() {
    let home = Home::new("");
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    std::fs::write(home.state().join("candor.yaml"), "watch: {period: 10m}\n").unwrap();
    home.ends(6, &["task", "complete", "nightly", "--agent", "a"]);
    let (bundle, key) = (export(&home, "b.tar", &["--task", "nightly"]), key(&home));
    let mut changes = 0;
    let stale = resigned(&home, &bundle, "stale.tar", &mut |header, body| {
        if header.kind == Kind::Pack {
            changes += 1;
            let packs = body["packs"].as_array_mut().unwrap();
            packs.retain(|pack| changes == 1 || pack["pack"] != "blocker-escalation");
        }
    });
    let (code, told) = replayed(&stale, &key);
    let replay = &told["replay"];
    assert_eq!((code, &replay["equal"], changes), (0, &json!(2), 2), "{told}");
    let earlier = replay["by_earlier"].as_array().unwrap();
    assert_eq!((earlier.len(), &earlier[0]["ref"]), (1, &json!("state/reporting-decisions/d-2.json")), "{told}");
    assert!(earlier[0]["why"].as_str().unwrap().contains("`p-1 dry-run`, which had been in force before"), "{told}");
}
