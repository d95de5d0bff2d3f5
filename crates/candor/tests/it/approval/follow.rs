//! What follows a task: results, scores, what is learned, trust, and what is put before people; each behind its gate, each once.

use std::{collections::BTreeMap, process::Command};

use serde_json::{Value, json};

#[cfg(feature = "crash-points")]
use super::gates::act;
#[cfg(feature = "crash-points")]
use crate::common::Daemon;
use crate::common::{Home, PATIENCE, wait, write};

const FOLLOW: &str = "approvals: {follow_up: [results, scores, learning, trust, reviews, rollbacks]}\n";

/// The lists that the six gates fill, by the command that has each, with the prefix of its records.
const KEPT: [(&str, &str, &str); 6] = [
    ("result", "results", "rs"),
    ("score", "scores", "sc"),
    ("learning", "learnings", "le"),
    ("trust", "trusts", "tr"),
    ("review", "reviews", "ri"),
    ("rollback", "rollbacks", "rk"),
];

/// The gates, as they go together in a packet.
const PACKETS: [&[&str]; 3] = [
    &["runtime_result_capture_write"],
    &["runtime_score_write", "runtime_learning_write", "playbook_trust_write"],
    &["reviewer_queue_write", "rollback_work_item_write"],
];

fn home() -> Home {
    let home = Home::owned("");
    // A folder of its own: what changes beside a report makes it stale.
    std::fs::create_dir(home.folder.path().join("reports")).unwrap();
    let folder = home.folder.path().join("reports").canonicalize().unwrap();
    write(
        &home.state().join("candor.yaml"),
        &format!("{FOLLOW}evidence: {{collectors: {{roots: ['{}']}}}}\n", folder.display()),
    );
    home
}

fn open(home: &Home) {
    for gates in PACKETS {
        home.ends(0, &[&["gate", "open"], gates, &["--reason", "a night", "--expires", "1h"]].concat());
    }
}

/// A task that ends on evidence, and whose completion is contradicted afterwards.
fn lived(home: &Home) {
    ends(home);
    is_contradicted(home);
}

fn ends(home: &Home) {
    home.ends(0, &["exec", "--task", "t", "--agent", "a", "--", "true"]);
}

fn is_contradicted(home: &Home) {
    let report = home.folder.path().join("reports").canonicalize().unwrap().join("report.xml");
    let failed =
        "<testsuite name='x' tests='1' failures='1'><testcase name='y'><failure message='z'/></testcase></testsuite>";
    write(&report, failed);
    let report = report.to_str().unwrap();
    home.run(&["evidence", "add", "t", "--agent", "a", "--supports", "completion", "--test-report", report]);
}

/// How many records of each kind the log has.
fn records(home: &Home) -> BTreeMap<&'static str, usize> {
    let out = home.folder.path().join("all.tar");
    home.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--force", "--out", out.to_str().unwrap()]);
    let listed = Command::new("tar").arg("-tf").arg(&out).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let count = |prefix: &str| listed.matches(&format!("state/gated-work/{prefix}-")).count();
    KEPT.iter().map(|(_, _, prefix)| (*prefix, count(prefix))).collect()
}

fn kept(home: &Home) -> usize {
    KEPT.iter().map(|(command, list, _)| home.json(&[command, "list"])[list].as_array().unwrap().len()).sum()
}

fn uses(home: &Home) -> Vec<String> {
    let history = home.json(&["gate", "history"]);
    let mut gates: Vec<String> =
        history["entries"].as_array().unwrap().iter().map(|of| of["gate"].as_str().unwrap().to_owned()).collect();
    gates.sort();
    gates
}

fn each_once(home: &Home) {
    wait("all of it is kept", || kept(home) == 6);
    // Time for a second one, were there any.
    std::thread::park_timeout(PATIENCE / 60);
    let mut all: Vec<String> = PACKETS.concat().into_iter().map(str::to_owned).collect();
    all.sort();
    assert_eq!(uses(home), all, "one use of each gate");
    assert_eq!(records(home), KEPT.map(|(_, _, prefix)| (prefix, 1)).into());
    assert_eq!(home.json(&["gate", "list"])["waiting"], json!([]));
}

#[test]
fn with_closed_gates_it_waits_over_a_crash_and_opening_does_it_once() {
    let home = home();
    let daemon = home.up();
    lived(&home);
    let waiting = || home.json(&["gate", "list"])["waiting"].as_array().unwrap().clone();
    wait("all of it waits", || waiting().len() == 6);
    assert_eq!((kept(&home), uses(&home).len()), (0, 0));
    // What is wanted by hand is the work that waits already.
    let told = home.ends(3, &["score", "write", "--agent", "a"]);
    assert!(told.contains("waits for the gate `runtime_score_write`"), "{told}");
    assert!(home.ends(0, &["status"]).contains("waits for gate runtime_score_write"));
    drop(daemon);
    let daemon = home.up();
    assert_eq!(waiting().len(), 6, "it was killed, and all of it still waits");
    open(&home);
    each_once(&home);
    drop(daemon);
    let _daemon = home.up();
    each_once(&home);
    what_is_kept_is_shown(&home);
}

fn what_is_kept_is_shown(home: &Home) {
    let result = home.json(&["result", "show", "t"]);
    assert_eq!((&result["agent"], &result["kept"]["claims"][0]["standing"]), (&json!("a"), &json!("contradicted")));
    let told = home.ends(0, &["result", "show", "t"]);
    assert!(told.contains("completion") && told.contains("contradicted"), "{told}");
    assert_eq!(home.json(&["score", "list"])["scores"][0]["kept"]["grade"], "too_few");
    for (command, _, _) in KEPT {
        let told = home.ends(0, &[command, "list"]);
        assert!(told.lines().count() == 2 && told.contains(if told.contains("AGENT") { "a " } else { "t " }), "{told}");
    }
    home.ends(11, &["result", "show", "u"]);
    // A person deals with an item, once.
    for command in ["review", "rollback"] {
        home.ends(0, &[command, "done", "t", "--note", "looked at it"]);
        home.ends(11, &[command, "done", "t", "--note", "again"]);
        let told = home.ends(0, &[command, "list"]);
        assert!(told.contains("done") && told.contains("looked at it"), "{told}");
    }
}

/// What is kept follows what is known: a claim that is contradicted afterwards makes another result, and scores that say so.
#[test]
fn with_open_gates_it_is_done_when_the_task_ends_and_again_when_it_is_contradicted() {
    let home = home();
    let _daemon = home.up();
    open(&home);
    ends(&home);
    let standing = || home.json(&["result", "show", "t"])["kept"]["claims"][0]["standing"].clone();
    wait("what follows the end is kept", || kept(&home) == 4);
    std::thread::park_timeout(PATIENCE / 60);
    assert_eq!((standing(), uses(&home).len()), (json!("supported"), 4), "each once");
    is_contradicted(&home);
    wait("all of it is kept", || kept(&home) == 6 && uses(&home).len() == 10);
    std::thread::park_timeout(PATIENCE / 60);
    assert_eq!(standing(), "contradicted");
    assert_eq!(home.json(&["score", "list"])["scores"][0]["kept"]["claims"]["contradicted"], 1);
    let twice = |prefix| if matches!(prefix, "ri" | "rk") { 1 } else { 2 };
    assert_eq!(records(&home), KEPT.map(|(_, _, prefix)| (prefix, twice(prefix))).into());
    assert_eq!(uses(&home).len(), 10, "one use for each");
}

/// Each commit of it is the one before which, or after which, the process is killed. What is done by Candor alone is done in the commit that
/// takes its use.
#[cfg(feature = "crash-points")]
#[test]
fn no_crash_makes_two_documents_of_one_use() {
    for point in ["commit.before", "commit.after"] {
        for nth in 1..=4 {
            let home = home();
            lived(&home);
            open(&home);
            let crash = format!("{point}:{nth}");
            let mut daemon = home.up_with(&[("CANDOR_CRASH_AT", &crash)]);
            wait("it is killed, or has done it all", || daemon.child.try_wait().unwrap().is_some() || kept(&home) == 6);
            drop(daemon);
            let _daemon = home.up();
            each_once(&home);
        }
    }
}

/// What the log has of work, as text.
#[cfg(feature = "crash-points")]
fn records_of_work(home: &Home) -> String {
    let out = home.folder.path().join("all.tar");
    home.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--force", "--out", out.to_str().unwrap()]);
    let args = ["--wildcards", "-xOf", out.to_str().unwrap(), "state/gated-work/*"];
    String::from_utf8(Command::new("tar").args(args).output().unwrap().stdout).unwrap()
}

/// What the world does takes its use first: killed in between it is done at most once, and is known not to be known.
#[cfg(feature = "crash-points")]
#[test]
fn work_that_was_begun_and_killed_is_not_done_again_by_itself() {
    for point in ["work.before_deed", "work.after_deed"] {
        let home = Home::owned("");
        let mut daemon: Daemon = home.up_with(&[("CANDOR_CRASH_AT", point)]);
        let plan = "--field=rollback_plan=archives on disk b";
        let by = "--field=reviewed_by=ann";
        home.ends(0, &["gate", "open", "destructive_operation", "--reason", "x", "--expires", "1h", plan, by]);
        act(&home, &daemon, &json!({"act": "want", "wanted": {"want": "prune"}}));
        wait("it is killed", || daemon.child.try_wait().unwrap().is_some());
        let _daemon = home.up();
        wait("it is settled", || home.json(&["gate", "list"])["waiting"] == json!([]));
        std::thread::park_timeout(PATIENCE / 60);
        assert_eq!(uses(&home), ["destructive_operation"], "{point}");
        // What came of it is on record as unknown, and nobody says that it was done.
        let told = records_of_work(&home);
        assert!(told.contains("ended before it said what came of it") && !told.contains("\"done\""), "{told}");
    }
}

#[test]
fn work_by_hand_needs_what_it_is_about() {
    let home = Home::owned("");
    home.ends(11, &["result", "capture", "nowhere"]);
    let told = home.ends(11, &["score", "write"]);
    assert!(told.contains("candor result capture TASK"), "{told}");
    home.ends(0, &["task", "start", "t", "--agent", "a"]);
    for (args, gate) in [
        (&["result", "capture", "t"][..], "runtime_result_capture_write"),
        (&["score", "write", "--agent", "a"], "runtime_score_write"),
        (&["learning", "write", "--agent", "a"], "runtime_learning_write"),
        (&["trust", "write", "--agent", "a"], "playbook_trust_write"),
        (&["review", "add", "t", "--why", "look at it"], "reviewer_queue_write"),
        (&["rollback", "add", "t", "--why", "take it back"], "rollback_work_item_write"),
    ] {
        let told = home.ends(3, args);
        assert!(told.contains(&format!("waits for the gate `{gate}`")) && told.starts_with("w-"), "{told}");
        let again: Value = home.json(args);
        assert!(told.starts_with(&format!("{} ", again["no"].as_str().unwrap())), "the same work: {again}");
        home.ends(0, &["gate", "open", gate, "--reason", "x", "--uses", "1", "--expires", "1h"]);
        // With nobody at work here the command does it itself, and its one use is taken.
        assert!(home.ends(0, args).contains("kept as"));
        home.ends(3, args);
    }
    assert_eq!(kept(&home), 6);
}

/// A failed drill is put before a person, behind its gate.
#[test]
fn a_way_back_that_failed_makes_a_rollback_item() {
    let home = Home::owned("");
    home.ends(0, &["approval", "drill", "close-gates"]);
    let signers = home.state().join("allowed_signers");
    let owners = std::fs::read_to_string(&signers).unwrap();
    // Nobody may sign: what an approval opened couldn't be closed by anyone.
    write(&signers, "");
    home.ends(13, &["approval", "drill", "close-gates"]);
    let waiting = home.json(&["gate", "list"])["waiting"].clone();
    assert_eq!((&waiting[0]["gate"], waiting.as_array().unwrap().len()), (&json!("rollback_work_item_write"), 1));
    home.ends(13, &["approval", "drill", "close-gates"]);
    assert_eq!(home.json(&["gate", "list"])["waiting"], waiting);
    write(&signers, &owners);
    let daemon = home.up();
    home.ends(0, &["gate", "open", "rollback_work_item_write", "--reason", "x", "--expires", "1h"]);
    // The gate's opening drilled the lane again, with success: there is nothing left to mend.
    assert_eq!(home.json(&["gate", "list"])["waiting"], json!([]));
    drop(daemon);
    write(&signers, "");
    home.ends(13, &["approval", "drill", "close-gates"]);
    write(&signers, &owners);
    let _daemon = home.up();
    wait("it lies before a person", || home.ends(0, &["rollback", "list"]).contains("lane close-gates"));
    home.ends(0, &["rollback", "done", "lane close-gates", "--note", "the owners are back"]);
}
