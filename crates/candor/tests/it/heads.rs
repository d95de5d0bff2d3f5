//! Signed heads: by themselves, sent to places, and held against the log later.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::common::{Home, Moods, Sink, post, wait, write};

fn lived(config: &str) -> Home {
    let home = Home::owned(config);
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    home
}

fn places(home: &Home) -> Value {
    home.json(&["status"])["heads"]["places"].clone()
}

fn heads_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// By itself, in time also when idle, into a folder; each file a head that a stranger can open.
#[test]
fn the_daemon_signs_and_publishes_also_when_nothing_happens() {
    let home = Home::new("");
    let usb = home.folder.path().join("usb");
    let config = format!(
        "audit:\n  every: {{records: 1000, time: 1s}}\n  publish:\n  - {{name: usb, folder: {}}}\n",
        text(&usb)
    );
    write(&home.state().join("candor.yaml"), &config);
    let _daemon = home.up();
    wait("three heads are there", || heads_in(&usb).len() >= 3);
    let files = heads_in(&usb);
    let sizes: Vec<String> =
        files.iter().map(|file| std::fs::read_to_string(file).unwrap().lines().nth(1).unwrap().to_owned()).collect();
    assert_eq!(sizes.first(), sizes.last(), "an idle log, signed again: {sizes:?}");
    home.ends(0, &["audit", "checkpoint", "compare", text(&usb)]);
    let listed = home.json(&["audit", "checkpoint", "list"]);
    assert!(listed["heads"].as_array().unwrap().len() >= 3, "{listed}");
    assert!(
        listed["places"]["usb"]["last"]["size"].is_u64() && listed["places"]["usb"]["failing"].is_null(),
        "{listed}"
    );
}

#[test]
fn so_many_records_bring_a_head_before_its_time() {
    let home = Home::new("audit: {every: {records: 3, time: 1d}}\n");
    let _daemon = home.up();
    let heads = |home: &Home| home.json(&["audit", "checkpoint", "list"])["heads"].as_array().unwrap().len();
    wait("the first head", || heads(&home) == 1);
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    home.ends(0, &["notify", "look"]);
    wait("one for the records", || heads(&home) >= 2);
}

#[test]
fn a_log_that_was_cut_or_replaced_is_told_from_one_that_goes_on() {
    let home = lived("");
    let folder = home.folder.path().join("kept");
    std::fs::create_dir(&folder).unwrap();
    let keep = |home: &Home, name: &str| write(&folder.join(name), &home.ends(0, &["audit", "checkpoint"]));
    let compare = |home: &Home, more: &[&str]| {
        let output = home.run(&[&["audit", "checkpoint", "compare", text(&folder), "--json"], more].concat());
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let standings = told["heads"].as_array().into_iter().flatten();
        (
            output.status.code().unwrap(),
            standings.map(|row| row["standing"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(compare(&home, &[]).0, 2, "nothing to compare with");
    keep(&home, "1.txt");
    let copy = home.folder.path().join("copy");
    assert!(Command::new("cp").arg("-r").arg(home.state()).arg(&copy).status().unwrap().success());
    home.ends(0, &["notify", "one"]);
    keep(&home, "2.txt");
    home.ends(0, &["audit", "key", "rotate"]);
    home.ends(0, &["notify", "two"]);
    keep(&home, "3.txt");
    assert_eq!(compare(&home, &[]), (0, vec!["consistent".to_owned(); 3]));
    // A proof goes with it, for somebody who has the two heads alone.
    let told = home.json(&["audit", "checkpoint", "compare", text(&folder)]);
    assert!(!told["heads"][0]["proof"].as_array().unwrap().is_empty(), "{told}");
    // Put back to an older state: shorter, and without the new key.
    std::fs::remove_dir_all(home.state()).unwrap();
    std::fs::rename(&copy, home.state()).unwrap();
    assert_eq!(
        compare(&home, &[]),
        (1, vec!["consistent".to_owned(), "truncated".to_owned(), "not_signed".to_owned()])
    );
    // And it goes on from there, to another history.
    for text in ["other", "history", "altogether"] {
        home.ends(0, &["notify", text]);
    }
    assert_eq!(compare(&home, &[]).1[1], "forked");
    // Another node's head, and a file that is none.
    keep(&lived(""), "1.txt");
    write(&folder.join("2.txt"), "no head\n");
    std::fs::remove_file(folder.join("3.txt")).unwrap();
    assert_eq!(compare(&home, &[]), (1, vec!["foreign".to_owned(), "unreadable".to_owned()]));
}

/// `doctor` sees a log that is shorter than its own last head says.
#[test]
fn doctor_finds_a_store_that_was_put_back() {
    let home = lived("");
    let copy = home.folder.path().join("candor.db");
    std::fs::copy(home.state().join("candor.db"), &copy).unwrap();
    home.ends(0, &["notify", "one"]);
    let usb = home.folder.path().join("usb");
    write(&home.state().join("candor.yaml"), &format!("audit: {{publish: [{{name: usb, folder: {}}}]}}\n", text(&usb)));
    home.ends(0, &["audit", "checkpoint", "publish"]);
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(home.state().join(format!("candor.db{end}")));
    }
    std::fs::copy(&copy, home.state().join("candor.db")).unwrap();
    let told = home.ends(13, &["doctor"]);
    assert!(told.contains("when its last head was signed"), "{told}");
    home.ends(1, &["audit", "checkpoint", "compare", text(&usb)]);
}

/// Nothing leaves by a closed gate; what fails shows in `status` and `doctor`, and heals.
#[test]
fn a_webhook_takes_a_gate_and_what_fails_is_seen() {
    let sink = Sink::start(Moods::default());
    let config = format!(
        "audit:\n  every: {{time: 1s}}\n  publish:\n  - name: ops\n    webhook: {{url: 'http://{}/heads'}}\n",
        sink.address
    );
    let home = lived(&config);
    let told = home.ends(13, &["audit", "checkpoint", "publish"]);
    assert!(told.contains("production_write") && sink.requests() == 0, "{told}");
    assert!(places(&home)[0]["failing"]["why"].as_str().unwrap().contains("closed"));
    let told = home.ends(0, &["status"]);
    assert!(told.contains("WARNING: heads of the log don't reach `ops`"), "{told}");
    assert!(home.ends(13, &["doctor"]).contains("don't reach `ops`"));
    // Opened for this place alone.
    home.ends(0, &["gate", "open", "production_write", "--target", "ops", "--reason", "heads", "--expires", "1h"]);
    let _daemon = home.up();
    wait("a head arrives", || !sink.seen.lock().unwrap().is_empty());
    wait("it is no longer failing", || places(&home)[0]["failing"].is_null());
    let ids: Vec<String> = sink.seen.lock().unwrap().keys().cloned().collect();
    assert!(ids.iter().all(|id| id.starts_with("head-")), "{ids:?}");
    home.ends(0, &["gate", "close", "production_write"]);
    let before = sink.requests();
    wait("the closed gate is seen", || !places(&home)[0]["failing"].is_null());
    assert!(sink.requests() <= before + 1);
}

#[test]
fn a_target_gets_a_head_as_a_notice() {
    let home = lived("targets: [{name: me, sender: dry-run}]\naudit: {publish: [{name: phone, target: me}]}\n");
    home.ends(0, &["audit", "checkpoint", "publish"]);
    let notices = home.json(&["notice", "list"]);
    let notice = &notices["notices"][0]["notice"];
    assert!(notice["title"].as_str().unwrap().starts_with("Signed head of the log"), "{notices}");
    let head = home.folder.path().join("head.txt");
    write(&head, notice["text"].as_str().unwrap());
    home.ends(0, &["audit", "checkpoint", "compare", text(&head)]);
}

/// What is there is never written over; a folder that can't be written is a failure that shows.
#[test]
fn a_folder_keeps_what_it_has() {
    let home = lived("");
    let usb = home.folder.path().join("usb");
    write(&home.state().join("candor.yaml"), &format!("audit: {{publish: [{{name: usb, folder: {}}}]}}\n", text(&usb)));
    home.ends(0, &["audit", "checkpoint", "publish"]);
    home.ends(0, &["audit", "checkpoint", "publish", "--to", "usb"]);
    assert_eq!(heads_in(&usb).len(), 2);
    home.ends(11, &["audit", "checkpoint", "publish", "--to", "nowhere"]);
    std::fs::remove_dir_all(&usb).unwrap();
    write(&usb, "a file in its place");
    let told = home.ends(13, &["audit", "checkpoint", "publish"]);
    assert!(told.contains("FAILED"), "{told}");
    assert_eq!(std::fs::read_to_string(&usb).unwrap(), "a file in its place");
}

#[test]
fn what_is_wrong_in_the_section_is_refused_with_its_place() {
    for (config, named) in [
        ("audit:\n  every: {records: 0}\n", "at least 1 record"),
        ("audit:\n  evry: {records: 5}\n", "evry"),
        ("audit:\n  publish:\n  - {name: usb}\n", "needs one of"),
        ("audit:\n  publish:\n  - {name: usb, folder: /a, target: b}\n", "needs one of"),
        ("audit:\n  publish:\n  - {name: usb, folder: heads}\n", "absolute"),
        ("audit:\n  publish:\n  - {name: usb, target: nobody}\n", "no target"),
        ("audit:\n  publish:\n  - {name: usb, folder: /a}\n  - {name: usb, folder: /b}\n", "twice"),
        ("audit:\n  keep_for: 5m\n", "at least"),
        ("audit:\n  keep_for: {recipts: 90d}\n", "recipts"),
        ("audit:\n  publish:\n  - {name: s3, object_store: {url: 'ftp://x'}}\n", "s3://"),
        ("profile: standard-team-mode\naudit:\n  keep_for: 90d\n", "weaker"),
    ] {
        let told = Home::new(config).ends(8, &["config", "check"]);
        assert!(told.contains(named), "{config}: {told}");
    }
    for config in
        ["audit:\n  every: {records: 0}\n", "audit:\n  publish:\n  - {name: usb}\n", "audit:\n  keep_for: 5m\n"]
    {
        let told = Home::new(config).ends(8, &["config", "check"]);
        let line = config.lines().count();
        assert!(told.contains(&format!("line {line}")) || told.contains(&format!("{line}:")), "{config}: {told}");
    }
    if cfg!(not(feature = "object-store")) {
        let config = "audit:\n  publish:\n  - {name: s3, object_store: {url: 's3://bucket/heads'}}\n";
        assert!(Home::new(config).ends(8, &["config", "check"]).contains("--features object-store"));
    }
}

/// Built with object stores: by a closed gate nothing is put there, by an open one a head is.
#[cfg(feature = "object-store")]
#[test]
fn an_object_store_takes_heads_under_its_gate() {
    let home = lived("");
    let bucket = home.folder.path().join("bucket");
    std::fs::create_dir(&bucket).unwrap();
    let config =
        format!("audit: {{publish: [{{name: s3, object_store: {{url: 'file://{}/heads'}}}}]}}\n", text(&bucket));
    write(&home.state().join("candor.yaml"), &config);
    let told = home.ends(13, &["audit", "checkpoint", "publish"]);
    assert!(told.contains("production_write") && heads_in(&bucket).is_empty(), "{told}");
    home.ends(0, &["gate", "open", "production_write", "--target", "s3", "--reason", "heads", "--expires", "1h"]);
    home.ends(0, &["audit", "checkpoint", "publish"]);
    home.ends(0, &["audit", "checkpoint", "compare", text(&bucket.join("heads"))]);
}

/// A head that somebody holds covers nothing that a crash takes back: it is signed over what is on disk.
#[test]
fn no_published_head_covers_what_a_crash_loses() {
    for point in ["commit.before:12", "commit.after:12"] {
        let home = Home::new("");
        let usb = home.folder.path().join("usb");
        let config =
            format!("audit: {{every: {{records: 1, time: 1s}}, publish: [{{name: usb, folder: {}}}]}}\n", text(&usb));
        write(&home.state().join("candor.yaml"), &config);
        let mut daemon = home.up_with(&[("CANDOR_CRASH_AT", point)]);
        let address = daemon.address.unwrap();
        wait("a head is there", || !heads_in(&usb).is_empty());
        let mut no = 0;
        wait("it is killed", || {
            no += 1;
            let event = serde_json::json!({"specversion": "1.0", "id": format!("x-{no}"), "source": "/t", "subject": format!("t-{no}"),
                "type": "reporting-governance.task.started", "data": {}});
            // No answer where it died over it.
            let _ = post(address, &event);
            std::thread::park_timeout(std::time::Duration::from_millis(200));
            daemon.child.try_wait().unwrap().is_some()
        });
        assert!(heads_in(&usb).len() >= 2, "{point}");
        home.ends(0, &["audit", "checkpoint", "compare", text(&usb)]);
    }
}
