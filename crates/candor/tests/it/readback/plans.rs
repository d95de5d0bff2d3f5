//! Canonical readback plans: rehearsed, then run behind their gates; what lacks something or holds a secret is kept nowhere.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use serde_json::{Value, json};

use super::{all_that_is_shown, nothing_waits, open, receiver::Receiver, state, uses, waiting};
use crate::common::{Home, wait, write};

const READ: &str = "canonical_runtime_readback";
const KEEP: &str = "runtime_result_capture_write";
const NOTICES: &str = "outcome-unknown-notices";
const TASKS: &str = "runtime-tasks";

fn both(home: &Home, uses: &str) {
    home.ends(0, &["gate", "open", READ, KEEP, "--reason", "night", "--uses", uses, "--expires", "1h"]);
}

fn rehearse(home: &Home, plan: &str) -> Value {
    let dry = home.json(&["readback", "run", plan, "--dry-run"]);
    assert_eq!(dry["sha256"].as_str().map(str::len), Some(64), "{dry}");
    dry
}

fn kept(home: &Home, plan: &str) -> Value {
    home.json(&["readback", "show", plan])["body"]["reading"].clone()
}

/// A program that leaves a trace and prints what stands in `answer`.
fn runtime(home: &Home, name: &str) -> PathBuf {
    let folder = home.folder.path();
    let program = folder.join(name);
    let script = format!("#!/bin/sh\necho ran >> '{0}.ran'\ncat '{0}.answer'\n", program.display());
    write(&program, &script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    program
}

fn answers(home: &Home, name: &str, answer: &str) {
    write(&home.folder.path().join(format!("{name}.answer")), answer);
}

fn ran(home: &Home, name: &str) -> usize {
    fs::read_to_string(home.folder.path().join(format!("{name}.ran"))).unwrap_or_default().lines().count()
}

/// A home where the runtime `cli` is asked by a program for a plan.
fn asked_by_command(plan: &str) -> Home {
    let home = Home::owned("");
    let program = runtime(&home, "said");
    let config =
        format!("runtimes:\n  cli: {{reader: command, timeout: 10s, plans: {{{plan}: ['{}']}}}}\n", program.display());
    write(&home.state().join("candor.yaml"), &config);
    home
}

#[test]
fn notices_in_doubt_are_asked_about_each_under_a_use_of_its_own_and_settled() {
    let receiver = Receiver::start(200, r#"{"id": "r-7", "key": "{key}"}"#);
    let home = receiver.home("");
    let _daemon = home.up();
    open(&home, "production_write", "2");
    let (first, second) = (receiver.doubted(&home), receiver.doubted(&home));
    // Nobody runs what nobody looked at.
    let said = home.ends(7, &["readback", "run", NOTICES]);
    assert!(said.contains("after a dry run"), "{said}");
    let dry = rehearse(&home, NOTICES);
    assert_eq!((dry["questions"].as_array().unwrap().len(), &dry["uses"]), (2, &json!({READ: 2, KEEP: 1})));
    assert!(home.ends(0, &["readback", "run", NOTICES, "--dry-run"]).contains("nobody was asked"));
    assert_eq!((receiver.count("GET"), uses(&home, READ)), (0, 0));
    // Closed: it waits for the one gate, then for the other.
    assert!(home.ends(3, &["readback", "run", NOTICES]).contains(&format!("waits for the gate `{READ}`")));
    open(&home, READ, "1");
    wait("it waits for the other", || waiting(&home)[0]["gate"] == KEEP);
    assert_eq!((receiver.count("GET"), uses(&home, READ), uses(&home, KEEP)), (0, 0, 0));
    open(&home, KEEP, "1");
    nothing_waits(&home);
    // One use was there, so one was asked, and it is said who wasn't.
    assert_eq!((receiver.count("GET"), uses(&home, READ), uses(&home, KEEP)), (1, 1, 1));
    let reading = kept(&home, NOTICES);
    let row = &reading["rows"][0];
    assert_eq!((&row["notice"], &row["target"], &row["answer"]), (&json!(first), &json!("hook"), &json!("found")));
    for field in ["idempotency_key", "answer_digest", "asked_at", "said.id"] {
        assert!(row[field].is_string(), "{field}: {row}");
    }
    assert!(reading["unasked"].to_string().contains(&second), "{reading}");
    wait("the first is settled", || state(&home, &first) == "acked");
    assert_eq!(state(&home, &second), "pending_external_send outcome_unknown");
    both(&home, "9");
    let said = home.ends(0, &["readback", "run", NOTICES]);
    assert!(said.contains("read and kept") && said.contains(&second), "{said}");
    assert_eq!((state(&home, &second).as_str(), receiver.count("GET")), ("acked", 2));
    // Nothing is in doubt any more, which takes no use.
    assert!(home.ends(0, &["readback", "run", NOTICES]).contains("nothing to ask about"));
    assert_eq!((uses(&home, READ), uses(&home, KEEP)), (2, 2));
    let listed = home.ends(0, &["readback", "list"]);
    assert!(
        listed.contains("outcome-unknown-notices") && listed.contains("done") && listed.contains("never"),
        "{listed}"
    );
}

#[test]
fn a_runtime_is_asked_about_its_tasks_and_only_what_is_needed_is_kept() {
    let home = asked_by_command(TASKS);
    let _daemon = home.up();
    home.ends(0, &["task", "start", "t-1", "--agent", "a"]);
    answers(
        &home,
        "said",
        r#"[{"taskId": "t-1", "status": "running", "prompt": "You are a helpful assistant", "summary": "password: hunter2-example"},
            {"taskId": "other", "status": "done"}]"#,
    );
    let dry = home.ends(0, &["readback", "run", TASKS, "--dry-run"]);
    assert!(
        dry.contains("runtime `cli` about 1") && dry.contains("task, runtime, state") && dry.contains("/said"),
        "{dry}"
    );
    assert_eq!(ran(&home, "said"), 0, "a dry run starts nothing");
    home.ends(3, &["readback", "run", TASKS]);
    assert_eq!(ran(&home, "said"), 0, "a closed gate starts nothing");
    both(&home, "1");
    nothing_waits(&home);
    assert_eq!((ran(&home, "said"), uses(&home, READ), uses(&home, KEEP)), (1, 1, 1));
    let reading = kept(&home, TASKS);
    let row = &reading["rows"][0];
    assert_eq!(
        (&row["task"], &row["runtime"], &row["state"], &row["candor_state"]),
        (&json!("t-1"), &json!("cli"), &json!("running"), &json!("running"))
    );
    assert_eq!(reading["rows"].as_array().unwrap().len(), 1, "what wasn't asked about isn't kept");
    let shown = all_that_is_shown(&home) + &home.ends(0, &["readback", "show", TASKS]);
    for planted in ["hunter2", "helpful assistant"] {
        assert!(!shown.contains(planted), "{planted}");
    }
    home.ends(11, &["readback", "show", "captured-results"]);
    home.ends(11, &["readback", "run", "no-such-plan"]);
}

#[test]
fn what_lacks_a_field_or_holds_a_secret_is_kept_nowhere_and_the_run_says_so() {
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let home = asked_by_command(TASKS);
    let _daemon = home.up();
    home.ends(0, &["task", "start", "t-1", "--agent", "a"]);
    rehearse(&home, TASKS);
    both(&home, "50");
    for (answer, says) in [
        (r#"[{"taskId": "t-1"}]"#.to_owned(), "row 1 has no `state`"),
        (r#"[{"taskId": "t-1", "status": "I am done, all is well"}]"#.to_owned(), "row 1 has no `state`"),
        (r#"[{"taskId": "t-9", "status": "running"}]"#.to_owned(), "no answer names any of the 1"),
        (format!(r#"[{{"taskId": "t-1", "status": "{token}"}}]"#), "looks like a secret"),
        (format!(r#"[{{"taskId": "t-1", "status": "running"}}, {{"taskId": "{token}"}}]"#), "looks like a secret"),
        (r#"[{"taskId": "t-1", "status": "system prompt: You are a helpful assistant"}]"#.to_owned(), "a raw prompt"),
        ("no JSON".to_owned(), "not one JSON document"),
    ] {
        answers(&home, "said", &answer);
        let said = home.ends(7, &["readback", "run", TASKS]);
        assert!(said.contains("nothing was kept") && said.contains(says), "{answer}\n{said}");
        home.ends(11, &["readback", "show", TASKS]);
    }
    let mut shown = all_that_is_shown(&home);
    assert!(shown.contains("nothing was kept: row 1 has no"), "it is on record");
    for file in ["candor.db", "candor.db-wal"] {
        shown.push_str(&String::from_utf8_lossy(&fs::read(home.state().join(file)).unwrap_or_default()));
    }
    for planted in [token, "helpful assistant", "all is well"] {
        assert!(!shown.contains(planted), "{planted}");
    }
    // The same plan, once the answer is whole.
    answers(&home, "said", r#"[{"taskId": "t-1", "status": "running"}]"#);
    home.ends(0, &["readback", "run", TASKS]);
}

#[test]
fn a_run_is_of_what_its_dry_run_showed() {
    let home = asked_by_command(TASKS);
    home.ends(0, &["task", "start", "t-1", "--agent", "a"]);
    answers(&home, "said", r#"[{"taskId": "t-1", "status": "running"}]"#);
    rehearse(&home, TASKS);
    home.ends(3, &["readback", "run", TASKS]);
    // Whom it asks is another now: what waits isn't done, and takes no use.
    let config = home.state().join("candor.yaml");
    let text = fs::read_to_string(&config).unwrap();
    write(&config, &text.replace("/said'", "/said', --all"));
    assert!(home.ends(7, &["readback", "run", TASKS]).contains("isn't what its dry run showed"));
    assert!(home.ends(0, &["readback", "list"]).contains("of another plan"));
    both(&home, "5");
    let _daemon = home.up();
    nothing_waits(&home);
    assert_eq!((ran(&home, "said"), uses(&home, READ)), (0, 0));
    rehearse(&home, TASKS);
    home.ends(0, &["readback", "run", TASKS]);
    assert_eq!((ran(&home, "said"), uses(&home, READ)), (1, 1));
}

#[test]
fn a_gateways_queue_is_asked_for_the_keys_of_notices_that_were_handed_over() {
    let home = Home::owned("");
    let (claw, said) = (runtime(&home, "claw"), runtime(&home, "said"));
    answers(&home, "claw", "");
    let config = format!(
        "targets:\n- {{name: claw, sender: openclaw-cli, program: '{}', channel: telegram, to: 1}}\n\
         runtimes:\n  gateway: {{reader: command, plans: {{gateway-queue: ['{}']}}}}\n",
        claw.display(),
        said.display()
    );
    write(&home.state().join("candor.yaml"), &config);
    let _daemon = home.up();
    assert!(home.ends(0, &["readback", "run", "gateway-queue", "--dry-run"]).contains("nothing to ask"));
    open(&home, "gateway_queue_write", "1");
    let notice = home.json(&["notify", "look"])["notice"].as_str().unwrap().to_owned();
    wait("it was handed over", || ran(&home, "claw") > 0 && !state(&home, &notice).contains("attempt_open"));
    let shown = home.json(&["notice", "show", &notice]).to_string();
    let from = shown.find("candor-").unwrap();
    let key = shown[from..].split('"').next().unwrap();
    rehearse(&home, "gateway-queue");
    both(&home, "9");
    // A queue that names nothing of what was handed over says nothing of it.
    answers(&home, "said", r#"{"items": [{"id": "q-1", "status": "sent"}]}"#);
    assert!(home.ends(7, &["readback", "run", "gateway-queue"]).contains("no answer names any"));
    answers(
        &home,
        "said",
        &format!(r#"{{"items": [{{"id": "{key}", "status": "sent", "text": "password: hunter2-example"}}]}}"#),
    );
    home.ends(0, &["readback", "run", "gateway-queue"]);
    let row = &kept(&home, "gateway-queue")["rows"][0];
    assert_eq!((&row["notice"], &row["gateway_state"]), (&json!(notice), &json!("sent")));
    assert_eq!(row["idempotency_key"], json!(key));
}

#[test]
fn captured_results_are_held_against_evidence_that_came_since() {
    let home = asked_by_command("captured-results");
    let config = home.state().join("candor.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let root = home.folder.path().display();
    write(
        &config,
        &format!("{text}approvals: {{follow_up: [results]}}\nevidence: {{collectors: {{roots: ['{root}']}}}}\n"),
    );
    let _daemon = home.up();
    both(&home, "9");
    home.ends(0, &["task", "start", "t-1", "--agent", "a"]);
    home.run(&["claim", "t-1", "completion", "--agent", "a"]);
    home.ends(0, &["task", "fail", "t-1", "--agent", "a", "--reason", "no"]);
    wait("its result is kept", || uses(&home, KEEP) == 1);
    nothing_waits(&home);
    assert!(
        home.ends(0, &["readback", "run", "captured-results"]).contains("nothing to ask about"),
        "nothing changed since"
    );
    let file = home.folder.path().join("report.txt");
    write(&file, "built");
    home.run(&["evidence", "add", "t-1", "--agent", "a", "--supports", "completion", "--file", file.to_str().unwrap()]);
    answers(&home, "said", r#"[{"taskId": "t-1", "status": "succeeded"}]"#);
    rehearse(&home, "captured-results");
    home.ends(0, &["readback", "run", "captured-results"]);
    let row = &kept(&home, "captured-results")["rows"][0];
    assert_eq!((&row["task"], &row["state"]), (&json!("t-1"), &json!("succeeded")));
    assert!(row["claims"].as_str().unwrap().contains("completion"), "{row}");
    assert!(row["standing"].as_str().unwrap().contains("completion"), "{row}");
}

/// `kill -9` after the uses are taken: never two questions for one use, and what waits says what is known.
#[test]
fn a_crash_in_a_run_asks_no_second_time_and_keeps_nothing() {
    for (point, most) in [("work.before_deed", 0), ("work.after_deed", 1)] {
        let home = asked_by_command(TASKS);
        home.ends(0, &["task", "start", "t-1", "--agent", "a"]);
        answers(&home, "said", r#"[{"taskId": "t-1", "status": "running"}]"#);
        rehearse(&home, TASKS);
        home.ends(3, &["readback", "run", TASKS]);
        both(&home, "1");
        let mut daemon = home.up_with(&[("CANDOR_CRASH_AT", point)]);
        wait("it is killed", || daemon.child.try_wait().unwrap().is_some());
        let _daemon = home.up();
        nothing_waits(&home);
        assert_eq!((ran(&home, "said"), uses(&home, READ), uses(&home, KEEP)), (most, 1, 1), "{point}");
        home.ends(11, &["readback", "show", TASKS]);
        assert!(all_that_is_shown(&home).contains("ended before it said what came of it"), "{point}");
    }
}
