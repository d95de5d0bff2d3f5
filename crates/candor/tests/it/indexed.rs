//! One task of a log with many others: found by its chain, and shown to be of that log.

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::{Value, json};

use crate::common::{Home, post, write};

fn manifest(bundle: &str) -> Value {
    let bytes = Command::new("tar").args(["-xOf", bundle, "manifest.json"]).output().unwrap().stdout;
    serde_json::from_slice(&bytes).unwrap()
}

/// Places and digests of a task's records, and of what was in force.
fn listed(manifest: &Value, kinds: &[&str]) -> BTreeSet<(u64, String)> {
    let entries = manifest["artifacts"].as_array().unwrap().iter();
    let wanted = entries.filter(|entry| kinds.is_empty() || kinds.contains(&entry["kind"].as_str().unwrap()));
    wanted.map(|entry| (entry["index"].as_u64().unwrap(), entry["sha256"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn a_task_among_many_others_is_whole_and_anchored() {
    let home = Home::new("");
    home.ends(0, &["audit", "key", "rotate"]);
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    let early = home.folder.path().join("early.txt");
    write(&early, &home.ends(0, &["audit", "checkpoint"]));
    let daemon = home.up();
    let at = daemon.address.unwrap();
    let others = |from: u32| {
        for no in from..from + 150 {
            let event = json!({"specversion": "1.0", "id": format!("x-{no}"), "source": "/t", "subject": format!("other-{no}"),
                "type": "reporting-governance.task.started", "data": {}});
            assert!(post(at, &event).unwrap().0 < 300);
        }
    };
    others(0);
    let middle = home.folder.path().join("middle.txt");
    write(&middle, &home.ends(0, &["audit", "checkpoint"]));
    home.ends(0, &["notify", "look", "--task", "nightly", "--agent", "a"]);
    others(1_000);
    home.ends(0, &["task", "fail", "nightly", "--agent", "a", "--reason", "over"]);
    others(2_000);
    drop(daemon);
    let size = home.json(&["status"])["log"]["length"].as_u64().unwrap();
    assert!(size > 900, "{size}");
    let key = home.json(&["audit", "key"])["key"].as_str().unwrap().to_owned();
    let export = |name: &str, more: &[&str]| -> String {
        let out = home.folder.path().join(name).to_str().unwrap().to_owned();
        home.ends(0, &[&["audit", "export", "--out", &out], more].concat());
        out
    };
    let heads = ["--since-head", early.to_str().unwrap(), "--since-head", middle.to_str().unwrap()];
    let range = export("range.tar", &["--task", "nightly"]);
    let selected = export("selected.tar", &[&["--task", "nightly", "--selected"][..], &heads].concat());
    let window = export("window.tar", &["--since", "2020-01-01T00:00:00Z"]);
    let [range_of, selected_of, window_of] = [&range, &selected, &window].map(|bundle| manifest(bundle));
    // The two ways of finding records agree, on those of the task and on what was in force for them.
    assert_eq!(listed(&range_of, &[]), listed(&selected_of, &[]));
    assert!(listed(&range_of, &[]).is_subset(&listed(&window_of, &[])));
    for kinds in [&["profile"][..], &["capability"], &["pack"], &["key"]] {
        assert_eq!(listed(&selected_of, kinds), listed(&window_of, kinds), "{kinds:?}");
    }
    let task_records = home.json(&["audit", "verify", &range, "--key", &key])["verdict"]["artifacts"].as_u64().unwrap();
    assert_eq!(task_records, listed(&range_of, &[]).len() as u64);
    let verdict = |bundle: &str, known: &Path| {
        home.json(&["audit", "verify", bundle, "--key", &key, "--known", known.to_str().unwrap()])["verdict"].clone()
    };
    for known in [&early, &middle] {
        assert_eq!(verdict(&selected, known)["anchored"]["by"], "known_head");
    }
    assert_eq!(verdict(&selected, &early)["complete"]["form"], "up_to_last_shown");
    let nodes = Command::new("tar").args(["-xOf", &selected, "nodes.txt"]).output().unwrap().stdout;
    assert!(nodes.iter().filter(|byte| **byte == b'\n').count() < 100, "few roots stand for many records");
    let correlation = home.json(&["task", "show", "nightly"])["task"]["correlation"].as_str().unwrap().to_owned();
    let by_correlation = export("c.tar", &["--correlation", &correlation]);
    assert_eq!(home.json(&["audit", "verify", &by_correlation, "--key", &key])["intact"], true);
}

/// A store whose kept roots were changed makes no bundle.
#[test]
fn a_store_that_lies_about_its_tree_makes_no_bundle() {
    let home = Home::new("");
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    let daemon = home.up();
    for no in 0..200 {
        let event = json!({"specversion": "1.0", "id": format!("x-{no}"), "source": "/t", "subject": format!("other-{no}"),
            "type": "reporting-governance.task.started", "data": {}});
        assert!(post(daemon.address.unwrap(), &event).unwrap().0 < 300);
    }
    drop(daemon);
    home.ends(0, &["task", "start", "late", "--agent", "a"]);
    let out = home.folder.path().join("b.tar");
    let export = ["audit", "export", "--task", "late", "--out", out.to_str().unwrap()];
    let db = rusqlite::Connection::open(home.state().join("candor.db")).unwrap();
    assert!(db.execute("UPDATE tree SET root = zeroblob(32)", []).unwrap() > 0);
    let told = home.ends(9, &export);
    assert!(told.contains("don't add up") && !out.exists(), "{told}");
}
