//! The four levels of verification: what is in order passes, and for each check something is broken and the check fails.

use std::fs;

use serde_json::Value;

use crate::common::{Home, Moods, Sink};

fn verify(home: &Home, level: &str, env: &[(&str, &str)]) -> (Option<i32>, Value) {
    let out = home.command(&["verify", "--level", level, "--json"]).envs(env.iter().copied()).output().unwrap();
    let told = serde_json::from_slice(&out.stdout);
    (out.status.code(), told.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out.stderr))))
}

/// What each failed check saw, by its name.
fn failed(told: &Value) -> Vec<(&str, &str)> {
    let checks = told["checks"].as_array().unwrap().iter().filter(|check| check["passed"] == false);
    checks.map(|check| (check["check"].as_str().unwrap(), check["saw"].as_str().unwrap())).collect()
}

#[test]
fn what_is_in_order_passes_and_nothing_live_is_touched() {
    let sink = Sink::start(Moods::default());
    let home = Home::owned(&format!("profile: standard-team-mode\n{}", sink.config()));
    home.ends(0, &["gate", "open", "production_write", "--reason", "test", "--expires", "1h"]);
    let length = home.json(&["status"])["log"]["length"].clone();
    let (code, told) = verify(&home, "all", &[]);
    assert_eq!((code, failed(&told)), (Some(0), vec![]));
    let names: Vec<&str> =
        told["checks"].as_array().unwrap().iter().map(|check| check["check"].as_str().unwrap()).collect();
    for name in [
        "event artifacts",
        "evidence artifacts",
        "decision outputs",
        "capability descriptors",
        "deployment profiles",
        "watchdog creates canonical event and queue item",
        "dispatcher creates spool and updates queue",
        "bridge writes truthful receipt",
        "sender binding preserves sent",
        "sender binding preserves blocked",
        "sender binding preserves pending",
        "strict-manager-mode: a completion without evidence",
        "standard-team-mode: a notice without proof of delivery",
        "minimal-solo-mode: its receipts are portable",
        "runner -> queue -> dispatcher -> bridge -> sender -> acked",
        "runner -> queue -> dispatcher -> bridge -> pending_external_send",
        "runner -> queue -> dispatcher -> bridge -> blocked",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert_eq!(sink.requests(), 0, "its live target got nothing");
    assert_eq!(home.json(&["status"])["log"]["length"], length, "its record is as it was");
    let people = home.ends(0, &["verify", "--level", "1"]);
    assert!(people.contains("passed, 0 failed"), "{people}");
}

/// Level 1: a record that was changed, and documents and packs that don't read.
#[test]
fn what_is_broken_on_record_is_found() {
    let home = Home::new("");
    home.ends(0, &["task", "start", "t"]);
    let pack = home.state().join("own-pack");
    fs::create_dir_all(home.state().join("profiles")).unwrap();
    fs::create_dir_all(home.state().join("capabilities")).unwrap();
    fs::write(home.state().join("profiles/mine.yaml"), "kind: DeploymentProfile\n").unwrap();
    fs::write(home.state().join("capabilities/mine.yaml"), "kind: CapabilityDescriptor\n").unwrap();
    let (code, told) = verify(&home, "1", &[]);
    let names: Vec<&str> = failed(&told).into_iter().map(|(name, _)| name).collect();
    assert_eq!((code, names), (Some(13), vec!["capability descriptors", "deployment profiles"]));
    fs::remove_file(home.state().join("profiles/mine.yaml")).unwrap();
    fs::remove_file(home.state().join("capabilities/mine.yaml")).unwrap();

    // A pack that loads, with a golden case that doesn't come true.
    let core = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policy-packs/placeholder-labeling");
    assert!(std::process::Command::new("cp").args(["-r", core]).arg(&pack).status().unwrap().success());
    let manifest = fs::read_to_string(pack.join("pack.yaml")).unwrap();
    fs::write(pack.join("pack.yaml"), manifest.replace("placeholder-labeling", "own-pack")).unwrap();
    let case = fs::read_dir(pack.join("cases")).unwrap().flatten().next().unwrap().path();
    let text = fs::read_to_string(&case).unwrap();
    let wrong = text.replace("allow_with_label", "block_dispatch");
    assert_ne!(text, wrong);
    fs::write(&case, wrong).unwrap();
    fs::write(home.state().join("candor.yaml"), "packs: {folders: [own-pack]}\n").unwrap();
    let (_, told) = verify(&home, "1", &[]);
    assert!(failed(&told).iter().any(|(name, _)| *name == "policy packs"), "{told}");
    fs::write(home.state().join("candor.yaml"), "").unwrap();

    let store = rusqlite::Connection::open(home.state().join("candor.db")).unwrap();
    store.execute_batch("DROP TRIGGER segment_stays").unwrap();
    let newest = "(SELECT max(first) FROM segment)";
    let read = format!("SELECT body FROM segment WHERE first = {newest}");
    let mut body: Vec<u8> = store.query_row(&read, [], |row| row.get(0)).unwrap();
    *body.last_mut().unwrap() ^= 1;
    store.execute(&format!("UPDATE segment SET body = ?1 WHERE first = {newest}"), [body]).unwrap();
    drop(store);
    let (code, told) = verify(&home, "1", &[]);
    assert_eq!(code, Some(13));
    assert!(failed(&told).iter().any(|(name, why)| name.contains("sealed") && !why.is_empty()), "{told}");
}

/// Levels 2 to 4: each role killed where it works, and every check that depends on it fails.
#[cfg(feature = "crash-points")]
#[test]
fn a_role_that_does_not_work_is_found() {
    let home = Home::new("profile: standard-team-mode\n");
    let cases: [(&str, &str, &[&str]); 8] = [
        (
            "2",
            "run.watchdog",
            &["watchdog creates", "dispatcher creates", "bridge writes", "preserves sent", "preserves blocked"],
        ),
        (
            "2",
            "run.dispatcher",
            &["dispatcher creates", "bridge writes", "preserves sent", "preserves blocked", "preserves pending"],
        ),
        ("2", "run.bridge", &["bridge writes", "preserves sent", "preserves blocked", "preserves pending"]),
        ("2", "send.after_call", &["bridge writes"]),
        ("2", "receipt.before_commit", &["bridge writes"]),
        (
            "3",
            "run.all",
            &["minimal-solo-mode: a notice", "standard-team-mode: a notice", "strict-manager-mode: a notice"],
        ),
        ("3", "export.before_keep", &["minimal-solo-mode: its receipts", "strict-manager-mode: its receipts"]),
        ("4", "run.all", &["-> acked", "-> blocked", "-> pending_external_send"]),
    ];
    for (level, point, wanted) in cases {
        let (code, told) = verify(&home, level, &[("CANDOR_CRASH_AT", point)]);
        assert_eq!(code, Some(13), "{point}: {told}");
        for name in wanted {
            assert!(failed(&told).iter().any(|(check, _)| check.contains(name)), "{point}: {name}: {told}");
        }
    }
}
