//! The signing key changes: readers follow from the key that they have, and nowhere else.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::{Value, json};

use crate::common::Home;

fn lived() -> Home {
    let home = Home::new("");
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    home
}

fn export(home: &Home, name: &str, more: &[&str]) -> String {
    let out = home.folder.path().join(name).to_str().unwrap().to_owned();
    home.ends(0, &[&["audit", "export", "--task", "nightly", "--out", &out], more].concat());
    out
}

fn key(home: &Home) -> String {
    home.json(&["audit", "key"])["key"].as_str().unwrap().to_owned()
}

fn stranger(bundle: &str, more: &[&str]) -> (i32, Value) {
    let elsewhere = Home::new("");
    let args = [&["audit", "verify", bundle, "--json"], more].concat();
    let output = elsewhere.command(&args).env_clear().output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

fn rotate(home: &Home) -> String {
    home.json(&["audit", "key", "rotate"])["key"].as_str().unwrap().to_owned()
}

fn keep(home: &Home, name: &str) -> String {
    let path = home.folder.path().join(name);
    std::fs::write(&path, home.ends(0, &["audit", "checkpoint"])).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_bundle_of_the_new_key_is_followed_from_the_old_one() {
    let home = lived();
    let first = key(&home);
    let head = keep(&home, "head.txt");
    let before = export(&home, "before.tar", &[]);
    let second = rotate(&home);
    let third = rotate(&home);
    assert_eq!(key(&home), third);
    let after = export(&home, "after.tar", &[]);
    for pinned in [&first, &second, &third] {
        let (code, told) = stranger(&after, &["--key", pinned]);
        assert_eq!((code, &told["verdict"]["signed_by"]), (0, &json!(third)), "{told}");
    }
    let (_, told) = stranger(&after, &["--key", &first]);
    let changes = told["verdict"]["key_changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["from"], &changes[1]["to"]), (2, &json!(first), &json!(third)));
    let said = home.ends(0, &["audit", "verify", &after, "--key", &first]);
    assert!(said.contains("both signed that") && said.contains(&second), "{said}");
    // The head is signed by the old key, which the reader hands in.
    let (code, told) = stranger(&after, &["--key", &first, "--known", &head]);
    assert_eq!((code, &told["verdict"]["anchored"]["by"]), (0, &json!("known_head")), "{told}");
    assert_eq!(stranger(&after, &["--key", &third, "--known", &head]).0, 2);
    let (code, told) = stranger(&after, &["--key", &third, "--key", &first, "--known", &head]);
    assert_eq!((code, &told["verdict"]["key_changes"]), (0, &json!([])), "{told}");
    // A bundle of before stays one of the old key, and of no other.
    assert_eq!((stranger(&before, &["--key", &first]).0, stranger(&before, &["--key", &third]).0), (0, 1));
    let (code, told) = stranger(&before, &["--key", &third, "--key", &first]);
    assert_eq!((code, &told["verdict"]["signed_by"]), (0, &json!(first)), "{told}");
}

/// A key that a bundle alone names proves nothing: the one of another node, and one whose change the reader's key didn't sign.
#[test]
fn no_chain_no_trust() {
    let (home, other) = (lived(), lived());
    key(&home);
    rotate(&home);
    let bundle = export(&home, "b.tar", &[]);
    let (code, told) = stranger(&bundle, &["--key", &key(&other)]);
    assert_eq!((code, &told["finding"]["class"]), (1, &json!("signature")), "{told}");
    let words = told["finding"]["words"].as_str().unwrap();
    assert!(words.contains("another key") && words.contains("both signed"), "{words}");
    // The change was taken out of what is shown: the old key leads nowhere.
    let home = lived();
    let first = key(&home);
    rotate(&home);
    let cut = export(&home, "cut.tar", &["--redact", "/rotation"]);
    let (code, told) = stranger(&cut, &["--key", &first]);
    assert_eq!((code, &told["finding"]["class"]), (1, &json!("signature")), "{told}");
    assert_eq!(stranger(&cut, &["--key", &key(&home)]).0, 0, "the new key needs no change");
}

#[test]
fn every_key_is_listed_with_its_time() {
    let home = lived();
    let first = key(&home);
    let alone = home.json(&["audit", "key", "list"]);
    assert_eq!(
        alone["keys"],
        json!([{"key": first, "fingerprint": alone["keys"][0]["fingerprint"],
        "from": null, "until": null, "signs": true}])
    );
    let second = rotate(&home);
    let listed = home.json(&["audit", "key", "list"]);
    let (old, new) = (&listed["keys"][0], &listed["keys"][1]);
    assert_eq!((&old["key"], &new["key"]), (&json!(first), &json!(second)));
    assert!(old["until"].is_string() && old["until"] == new["from"], "{listed}");
    assert_eq!((&old["signs"], &new["signs"], &new["until"]), (&json!(false), &json!(true), &Value::Null));
    assert!(home.ends(0, &["audit", "key", "list"]).contains("signs now"));
}

/// Killed after each step: the old key signs on, and a rerun finishes with the key that was begun, once on record.
#[test]
fn a_rotation_that_is_killed_is_finished_by_a_rerun() {
    for point in ["rotate.after_key", "rotate.after_record"] {
        let home = lived();
        let first = key(&home);
        let mut killed = home.command(&["audit", "key", "rotate"]);
        assert!(!killed.env("CANDOR_CRASH_AT", point).status().unwrap().success());
        assert_eq!(key(&home), first, "{point}");
        let meanwhile = export(&home, "meanwhile.tar", &[]);
        assert_eq!(stranger(&meanwhile, &["--key", &first]).0, 0, "{point}");
        let begun = std::fs::read_to_string(home.state().join("audit.key.next")).unwrap();
        let second = rotate(&home);
        assert_eq!(std::fs::read_to_string(home.state().join("audit.key")).unwrap(), begun, "{point}");
        assert!(!home.state().join("audit.key.next").exists());
        let listed = home.json(&["audit", "key", "list"]);
        let keys: Vec<&Value> = listed["keys"].as_array().unwrap().iter().map(|of| &of["key"]).collect();
        assert_eq!(keys, [&json!(first), &json!(second)], "{point}");
        let after = export(&home, "after.tar", &[]);
        assert_eq!(stranger(&after, &["--key", &first]).0, 0, "{point}");
    }
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let home = lived();
    key(&home);
    let path = home.state().join("audit.key");
    for mode in [0o640, 0o604, 0o660] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        for args in [&["audit", "key"][..], &["audit", "checkpoint"], &["audit", "key", "rotate"]] {
            let told = home.ends(8, args);
            assert!(told.contains("others can read") && told.contains("chmod 600"), "{told}");
        }
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    home.ends(0, &["audit", "key", "rotate"]);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_daemon_takes_the_change_and_the_script_follows_it() {
    let home = lived();
    let first = key(&home);
    let _daemon = home.up();
    rotate(&home);
    let bundle = export(&home, "b.tar", &[]);
    assert_eq!(stranger(&bundle, &["--key", &first]).0, 0);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/verify_bundle.py");
    let here = |name: &str| Command::new("python3").args(["-c", &format!("import {name}")]).status();
    if !here("cryptography").is_ok_and(|status| status.success()) {
        return;
    }
    let by_script = |key: &str| Command::new("python3").arg(&script).args([&bundle, key]).output().unwrap();
    let output = by_script(&first);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("by way of"), "{said}");
    assert!(!by_script(&key(&lived())).status.success());
}
