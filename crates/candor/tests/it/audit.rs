//! Bundles, from a state folder to a stranger who has nothing but the file and the key.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::{Value, json};

use crate::common::Home;

/// A task that was claimed done without evidence, and a notice of it.
fn lived() -> Home {
    let home = Home::new("");
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    home.ends(6, &["task", "complete", "nightly", "--agent", "a", "--summary", "pin 4821"]);
    home
}

pub(crate) fn export(home: &Home, name: &str, more: &[&str]) -> String {
    let out = home.folder.path().join(name).to_str().unwrap().to_owned();
    home.ends(0, &[&["audit", "export", "--out", &out], more].concat());
    out
}

pub(crate) fn key(home: &Home) -> String {
    home.json(&["audit", "key"])["key"].as_str().unwrap().to_owned()
}

/// What a stranger without any state folder of this node finds: exit code and JSON.
pub(crate) fn stranger(bundle: &str, more: &[&str]) -> (i32, Value) {
    let elsewhere = Home::new("");
    let args = [&["audit", "verify", bundle, "--json"], more].concat();
    let output = elsewhere.command(&args).env_clear().output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[test]
fn a_stranger_verifies_a_bundle_with_the_key_alone() {
    let home = lived();
    let bundle = export(&home, "b.tar", &["--task", "nightly"]);
    let (code, told) = stranger(&bundle, &["--key", &key(&home)]);
    assert_eq!((code, &told["intact"]), (0, &json!(true)));
    assert_eq!(told["verdict"]["complete"]["form"], "range");
    assert!(told["verdict"]["artifacts"].as_u64().unwrap() >= 5, "{told}");
    let mode = std::fs::metadata(&bundle).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_changed_byte_another_key_and_an_unreadable_file_are_told_apart() {
    let home = lived();
    let bundle = export(&home, "b.tar", &["--task", "nightly"]);
    let (code, told) = stranger(&bundle, &["--key", &key(&lived())]);
    assert_eq!((code, &told["finding"]["class"]), (1, &json!("signature")));
    let bytes = std::fs::read(&bundle).unwrap();
    let text = bytes.windows(8).rposition(|window| window == b"pin 4821").unwrap();
    let mut changed = bytes.clone();
    changed[text] = b'P';
    std::fs::write(&bundle, &changed).unwrap();
    let (code, told) = stranger(&bundle, &["--key", &key(&home)]);
    assert_eq!((code, &told["finding"]["class"]), (1, &json!("changed")), "{told}");
    std::fs::write(&bundle, b"").unwrap();
    assert_eq!(stranger(&bundle, &["--key", &key(&home)]).0, 1);
    std::fs::remove_file(&bundle).unwrap();
    assert_eq!(stranger(&bundle, &["--key", &key(&home)]).0, 2);
    assert_eq!(stranger(&bundle, &["--key", "no key"]).0, 2);
}

#[test]
fn a_redacted_bundle_verifies_and_has_the_secret_nowhere() {
    let home = lived();
    let whole = export(&home, "whole.tar", &["--task", "nightly"]);
    // Four digits alone stand in some hash or time by chance.
    let has = |path: &str| std::fs::read(path).unwrap().windows(8).any(|window| window == b"pin 4821");
    assert!(has(&whole));
    let texts = home.folder.path().join("secrets.txt");
    std::fs::write(&texts, "pin 4821\n").unwrap();
    let texts = texts.to_str().unwrap();
    let redacted = export(&home, "redacted.tar", &["--task", "nightly", "--redact-texts", texts]);
    assert!(!has(&redacted));
    // What can't be taken out, as it is part of a header, is refused and not shipped.
    std::fs::write(texts, "nightly\n").unwrap();
    let out = home.folder.path().join("refused.tar");
    home.ends(7, &["audit", "export", "--task", "nightly", "--redact-texts", texts, "--out", out.to_str().unwrap()]);
    assert!(!out.exists());
    let (code, told) = stranger(&redacted, &["--key", &key(&home)]);
    assert_eq!(code, 0, "{told}");
    assert!(told["verdict"]["redacted"].as_u64().unwrap() >= 1);
}

#[test]
fn an_export_is_on_record_and_comes_before_the_file() {
    let home = lived();
    let bundle = export(&home, "b.tar", &["--task", "nightly"]);
    let sum = Command::new("sha256sum").arg(&bundle).output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap().split(' ').next().unwrap().to_owned();
    let window = export(&home, "w.tar", &["--since", "2020-01-01T00:00:00Z"]);
    let folder = home.folder.path().join("unpacked");
    std::fs::create_dir(&folder).unwrap();
    assert!(Command::new("tar").args(["-xf", &window, "-C"]).arg(&folder).status().unwrap().success());
    let acts: Vec<Value> = std::fs::read_dir(folder.join("state/operator-acts"))
        .unwrap()
        .map(|file| serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap())
        .collect();
    assert_eq!(acts.len(), 1);
    assert_eq!((&acts[0]["act"], acts[0]["bundle"].as_str()), (&json!("export"), Some(sum.as_str())));
}

/// Who puts an old copy of the state folder back has a log that is shorter than the head that others hold.
#[test]
fn a_log_that_was_put_back_to_an_older_state_is_found_by_a_head_kept_elsewhere() {
    let home = lived();
    key(&home);
    let copy = home.folder.path().join("copy");
    assert!(Command::new("cp").arg("-r").arg(home.state()).arg(&copy).status().unwrap().success());
    let older = home.ends(0, &["audit", "checkpoint"]);
    home.ends(0, &["notify", "something happened"]);
    let newer = home.ends(0, &["audit", "checkpoint"]);
    let keep = |name: &str, text: &str| {
        let path = home.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (older, newer) = (keep("older.txt", &older), keep("newer.txt", &newer));
    let honest = export(&home, "b.tar", &["--task", "nightly"]);
    let (code, told) = stranger(&honest, &["--key", &key(&home), "--known", &older]);
    assert_eq!((code, &told["verdict"]["anchored"]["by"]), (0, &json!("known_head")), "{told}");
    std::fs::remove_dir_all(home.state()).unwrap();
    std::fs::rename(&copy, home.state()).unwrap();
    let cut = export(&home, "c.tar", &["--task", "nightly"]);
    let (code, told) = stranger(&cut, &["--key", &key(&home), "--known", &newer]);
    assert_eq!((code, &told["finding"]["class"]), (1, &json!("truncated")), "{told}");
}

#[test]
fn an_export_never_writes_over_a_file_or_leaves_half_of_one() {
    let home = lived();
    let bundle = export(&home, "b.tar", &["--task", "nightly"]);
    let told = home.ends(2, &["audit", "export", "--task", "nightly", "--out", &bundle]);
    assert!(told.contains("--force"), "{told}");
    home.ends(0, &["audit", "export", "--task", "nightly", "--out", &bundle, "--force"]);
    home.ends(9, &["audit", "export", "--task", "nightly", "--out", "/nonexistent/b.tar"]);
    let nothing = home.folder.path().join("n.tar");
    home.ends(11, &["audit", "export", "--task", "unheard-of", "--out", nothing.to_str().unwrap()]);
    assert!(!nothing.exists(), "a bundle of nothing");
    assert!(!Path::new(&format!("{bundle}.part")).exists());
    home.ends(2, &["audit", "export", "--out", "x.tar"]);
}

#[test]
fn a_damaged_signing_key_is_named_and_not_shown() {
    let home = lived();
    key(&home);
    let path = home.state().join("audit.key");
    let secret = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&path, &secret[..secret.len() - 6]).unwrap();
    let told = home.ends(8, &["audit", "checkpoint"]);
    assert!(told.contains("audit.key") && !told.contains(&secret[40..60]), "{told}");
}

/// A daemon runs meanwhile, and its log grows.
#[test]
fn a_bundle_is_exported_beside_a_running_daemon() {
    let home = lived();
    let _daemon = home.up();
    home.ends(0, &["notify", "look", "--task", "nightly", "--agent", "a"]);
    let bundle = export(&home, "b.tar", &["--task", "nightly"]);
    assert_eq!(stranger(&bundle, &["--key", &key(&home)]).0, 0);
}

/// Each decision can be held against what it was made by, also when that changed between two of them.
#[test]
fn a_bundle_has_what_was_in_force_for_its_records() {
    let home = lived();
    let kinds = |bundle: &str| -> Vec<String> {
        let listed = Command::new("tar").args(["-xOf", bundle, "manifest.json"]).output().unwrap().stdout;
        let manifest: Value = serde_json::from_slice(&listed).unwrap();
        let named = format!("profile {}", manifest["deployment_profile"].as_str().unwrap());
        let entries = manifest["artifacts"].as_array().unwrap().iter();
        let kinds = entries.map(|entry| entry["kind"].as_str().unwrap().to_owned());
        [named]
            .into_iter()
            .chain(kinds.filter(|kind| ["profile", "capability", "pack"].contains(&kind.as_str())))
            .collect()
    };
    let first = export(&home, "a.tar", &["--task", "nightly"]);
    assert_eq!(kinds(&first), ["profile dry-run", "profile", "capability", "pack"]);
    std::fs::write(home.state().join("candor.yaml"), "profile: standard-team-mode\n").unwrap();
    home.ends(0, &["notify", "look", "--task", "nightly", "--agent", "a"]);
    home.ends(0, &["task", "start", "later", "--agent", "a"]);
    let second = export(&home, "b.tar", &["--task", "nightly"]);
    let both = ["profile", "capability", "pack", "profile", "capability", "pack"];
    assert_eq!(kinds(&second)[1..], both);
    // A task that came later has the later ones alone, which stand before its own range.
    let third = export(&home, "c.tar", &["--task", "later"]);
    assert_eq!(kinds(&third), ["profile standard-team-mode@1.0.0", "profile", "capability", "pack"]);
    for bundle in [&first, &second, &third] {
        let (code, told) = stranger(bundle, &["--key", &key(&home)]);
        assert_eq!((code, &told["verdict"]["complete"]["form"]), (0, &json!("range")), "{told}");
    }
}
