//! Contents that are past their time go; the log still verifies, and exports say what is missing.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::common::{Home, wait, write};

/// A node that keeps contents for 30 days, with a clock that can be moved.
struct Node {
    home: Home,
}

const DAY: i64 = 24 * 3600;
const GATE: [&str; 11] = [
    "gate",
    "open",
    "destructive_operation",
    "--reason",
    "retention",
    "--expires",
    "1d",
    "--field",
    "rollback_plan=the archive",
    "--field",
    "reviewed_by=me",
];

impl Node {
    fn new(more: &str) -> Self {
        let home = Home::owned("");
        let archive = home.folder.path().join("archive");
        let config = format!("audit:\n  keep_for: 30d\n{}", more.replace("ARCHIVE", archive.to_str().unwrap()));
        write(&home.state().join("candor.yaml"), &config);
        let node = Self { home };
        node.clock(0);
        node
    }

    fn archive(&self) -> std::path::PathBuf {
        self.home.folder.path().join("archive")
    }

    fn offset(&self) -> std::path::PathBuf {
        self.home.folder.path().join("offset")
    }

    /// Moves the wall clock ahead.
    fn clock(&self, seconds: i64) {
        std::fs::write(self.offset(), seconds.to_string()).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(args);
        command.env("CANDOR_CLOCK_OFFSET_FILE", self.offset());
        command
    }

    fn ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        format!("{out}{err}")
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.command(&[args, &["--json"]].concat()).output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// A task that is over, with evidence of its own, and one that isn't; then 40 days pass.
    fn lives(&self) {
        self.ends(0, &["task", "start", "over", "--agent", "a"]);
        self.ends(0, &["task", "fail", "over", "--agent", "a", "--reason", "pin 4821"]);
        self.ends(0, &["task", "start", "open", "--agent", "a", "--name", "pin 7777"]);
        for notice in self.json(&["notice", "list"])["notices"].as_array().unwrap() {
            let no = notice["notice"]["no"].as_str().unwrap();
            self.ends(0, &["notice", "resolve", no, "--note", "seen"]);
        }
        self.clock(40 * DAY);
    }

    fn export(&self, task: &str) -> (String, Value) {
        let out = self.home.folder.path().join(format!("{task}.tar"));
        let out = out.to_str().unwrap().to_owned();
        self.ends(0, &["audit", "export", "--task", task, "--out", &out, "--force"]);
        let key = self.json(&["audit", "key"])["key"].as_str().unwrap().to_owned();
        let told = self.json(&["audit", "verify", &out, "--key", &key]);
        assert_eq!(told["intact"], json!(true), "{told}");
        (out, told["verdict"].clone())
    }

    fn member(bundle: &str, name: &str) -> String {
        String::from_utf8(Command::new("tar").args(["-xOf", bundle, name]).output().unwrap().stdout).unwrap()
    }
}

#[test]
fn what_is_past_its_time_goes_by_an_open_gate_and_is_on_record() {
    let node = Node::new("");
    node.lives();
    let (whole, before) = node.export("over");
    assert!(Node::member(&whole, "records.jsonl").contains("over") && before["withheld"] == 0);
    let would = node.json(&["audit", "prune", "--dry-run"]);
    let records = would["would_go"]["records"].as_u64().unwrap();
    assert!(records >= 2 && would["would_go"]["fates"]["open_task"].as_u64().unwrap() >= 1, "{would}");
    // No gate, no effect: it waits.
    let told = node.ends(3, &["audit", "prune"]);
    assert!(told.contains("destructive_operation") && told.contains("w-1"), "{told}");
    assert_eq!(node.json(&["audit", "prune", "--dry-run"])["would_go"]["records"], json!(records));
    node.ends(0, &GATE);
    let told = node.json(&["audit", "prune"]);
    assert_eq!(told["work"]["no"], "w-1");
    assert!(told["outcome"].as_str().unwrap().contains(&format!("{records} records")), "{told}");
    let (bundle, verdict) = node.export("over");
    assert!(verdict["withheld"].as_u64().unwrap() >= 2, "{verdict}");
    let manifest: Value = serde_json::from_str(&Node::member(&bundle, "manifest.json")).unwrap();
    assert!(manifest["withheld"][0]["why"].as_str().unwrap().contains("pruned"), "{manifest}");
    assert!(!std::fs::read(&bundle).unwrap().windows(8).any(|window| window == b"pin 4821"));
    assert!(node.ends(11, &["explain", "d-1"]).contains("was pruned"));
    // What an open task needs is whole.
    let (open, verdict) = node.export("open");
    assert_eq!(verdict["withheld"], 0);
    assert!(std::fs::read(open).unwrap().windows(8).any(|window| window == b"pin 7777"));
    // Looked at by itself, the log is whole; and the pruning is on record with what it took.
    let said = node.command(&["doctor"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&said.stdout).contains("was changed"));
    let (window, _) = {
        let out = node.home.folder.path().join("w.tar").to_str().unwrap().to_owned();
        node.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--out", &out]);
        (out, ())
    };
    let acts = Command::new("tar").args(["-xOf", &window, "--wildcards", "state/operator-acts/*"]).output().unwrap();
    let acts = String::from_utf8(acts.stdout).unwrap();
    assert!(acts.contains(r#""act":"prune""#) && acts.contains("stretches"), "{acts}");
    assert!(node.ends(0, &["audit", "prune"]).contains("nothing is past"));
}

#[test]
fn nothing_goes_that_the_archive_does_not_hold() {
    let node = Node::new("  archive: {folder: ARCHIVE}\n");
    node.lives();
    node.ends(0, &GATE);
    let records = node.json(&["audit", "prune", "--dry-run"])["would_go"]["records"].clone();
    let stretches = node.json(&["audit", "prune", "--dry-run"])["would_go"]["stretches"].clone();
    let last = stretches.as_array().unwrap().last().unwrap()[1].as_u64().unwrap() - 1;
    let name = format!("archive-{:016}-{last:016}.tar", stretches[0][0].as_u64().unwrap());
    let path = node.archive().join(&name);
    std::fs::create_dir_all(node.archive()).unwrap();
    // Another file in its place, and a bundle that is good and holds other records.
    write(&path, "no bundle");
    assert!(node.ends(7, &["audit", "prune"]).contains("nothing is pruned"));
    let out = path.to_str().unwrap();
    node.ends(0, &["audit", "export", "--task", "open", "--out", out, "--force"]);
    assert!(node.ends(7, &["audit", "prune"]).contains("doesn't hold record"));
    assert_eq!(node.json(&["audit", "prune", "--dry-run"])["would_go"]["records"], records);
    std::fs::remove_file(&path).unwrap();
    // A folder that can't be made.
    std::fs::remove_dir(node.archive()).unwrap();
    write(&node.archive(), "a file");
    node.ends(7, &["audit", "prune"]);
    std::fs::remove_file(node.archive()).unwrap();
    let told = node.json(&["audit", "prune"])["outcome"].as_str().unwrap().to_owned();
    assert!(told.contains(&format!("{records} records")) && told.contains(&name), "{told}");
    // It is a bundle like any other, and whole.
    let key = node.json(&["audit", "key"])["key"].as_str().unwrap().to_owned();
    let checked = node.json(&["audit", "verify", out, "--key", &key]);
    assert_eq!(checked["intact"], json!(true), "{checked}");
    assert!(std::fs::read(&path).unwrap().windows(8).any(|window| window == b"pin 4821"));
}

/// Killed at each step: what was before, or finished by a rerun.
#[test]
fn a_pruning_that_is_killed_is_finished_by_a_rerun() {
    for point in ["archive.after_write", "prune.before_commit", "prune.after_commit"] {
        let node = Node::new("  archive: {folder: ARCHIVE}\n");
        node.lives();
        node.ends(0, &GATE);
        let records = node.json(&["audit", "prune", "--dry-run"])["would_go"]["records"].as_u64().unwrap();
        let mut killed = node.command(&["audit", "prune"]);
        assert!(!killed.env("CANDOR_CRASH_AT", point).status().unwrap().success(), "{point}");
        let left = node.json(&["audit", "prune", "--dry-run"])["would_go"]["records"].as_u64().unwrap();
        assert!(left == records || point == "prune.after_commit", "{point}: {left} of {records}");
        node.ends(0, &["audit", "prune"]);
        assert_eq!(node.json(&["audit", "prune", "--dry-run"])["would_go"]["records"], json!(0), "{point}");
        let (_, verdict) = node.export("over");
        assert!(verdict["withheld"].as_u64().unwrap() >= 2, "{point}");
        assert_eq!(std::fs::read_dir(node.archive()).unwrap().count(), 1, "{point}");
    }
}

#[test]
fn the_daemon_prunes_on_a_schedule_while_the_gate_is_open() {
    let node = Node::new("  prune_every: 1s\n");
    node.lives();
    let offset = node.offset();
    let _daemon = node.home.up_with(&[("CANDOR_CLOCK_OFFSET_FILE", offset.to_str().unwrap())]);
    let left = || node.json(&["audit", "prune", "--dry-run"])["would_go"]["records"].as_u64().unwrap();
    let before = left();
    assert!(before >= 2);
    let told = String::from_utf8(node.command(&["doctor"]).output().unwrap().stdout).unwrap();
    assert!(told.contains("nothing is pruned"), "{told}");
    node.ends(0, &GATE);
    wait("all of it is gone", || left() == 0);
    let (_, verdict) = node.export("over");
    assert!(verdict["withheld"].as_u64().unwrap() >= 2);
    // By a command too, while the daemon holds the store.
    node.ends(0, &["audit", "prune"]);
}

#[test]
fn without_a_window_everything_stays() {
    let home = Home::new("");
    home.ends(0, &["task", "start", "t", "--agent", "a"]);
    assert!(home.ends(0, &["audit", "prune"]).contains("for ever"));
    let would = home.json(&["audit", "prune", "--dry-run"]);
    assert_eq!(would["would_go"]["records"], 0);
    assert!(Path::new(&home.state()).exists());
}
