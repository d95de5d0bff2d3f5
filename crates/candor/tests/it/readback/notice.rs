//! A notice whose outcome is unknown, and the channel's own word on it.

use serde_json::json;

use super::{all_that_is_shown, nothing_waits, open, receiver::Receiver, state, uses, waiting};
use crate::common::{Home, wait};

const GATE: &str = "canonical_runtime_readback";
const FOUND: &str = r#"{"id": "r-7", "key": "{key}"}"#;

#[test]
fn the_channels_own_word_settles_a_notice_once_its_gate_is_open() {
    for (status, body, ends) in [
        (200, FOUND, "acked"),
        (404, "", "pending_external_send gate_closed"),
        (500, "", "pending_external_send outcome_unknown"),
        (200, r#"{"key": "another"}"#, "pending_external_send outcome_unknown"),
    ] {
        let receiver = Receiver::start(status, body);
        let home = receiver.home("");
        let _daemon = home.up();
        open(&home, "production_write", "1");
        let notice = receiver.doubted(&home);
        // Closed: no byte leaves, and what is wanted waits with its gate's name. Wanted again it is the same work.
        let said = home.ends(3, &["readback", "notice", &notice]);
        assert!(said.contains("w-1 waits for the gate `canonical_runtime_readback`"), "{said}");
        assert_eq!(home.json(&["readback", "notice", &notice, "--target", "hook"])["no"], json!("w-1"));
        assert_eq!((receiver.count("GET"), waiting(&home).len(), uses(&home, GATE)), (0, 1, 0));
        // Open: it is asked, once, and its word alone decides.
        open(&home, GATE, "1");
        nothing_waits(&home);
        wait(ends, || state(&home, &notice) == ends);
        assert_eq!((receiver.count("GET"), uses(&home, GATE)), (1, 1));
        assert!(receiver.asked.lock().unwrap()[1].starts_with("GET /notices/candor-"), "by its key");
        assert_eq!(receiver.count("POST"), 1);
        if ends == "acked" {
            let shown = home.json(&["notice", "show", &notice]).to_string();
            assert!(shown.contains("r-7") && shown.contains("read back: it is there"), "{shown}");
            assert!(!home.ends(0, &["notice", "show", &notice]).contains("possible repeat"), "it was sent once");
            let said = home.ends(7, &["readback", "notice", &notice]);
            assert!(said.contains("in doubt"), "{said}");
        }
        if status == 404 {
            // It isn't there, so sending it again repeats nothing, and says nothing of a repeat.
            receiver.script.lock().unwrap().silent = false;
            open(&home, "production_write", "1");
            wait("it arrives", || state(&home, &notice) == "acked");
            assert_eq!(receiver.count("POST"), 2);
        }
    }
}

#[test]
fn with_its_gate_open_it_is_told_at_once_also_without_a_daemon() {
    let receiver = Receiver::start(500, "");
    let home = receiver.home("");
    let daemon = home.up();
    open(&home, "production_write", "1");
    let notice = receiver.doubted(&home);
    open(&home, GATE, "3");
    assert!(home.ends(5, &["readback", "notice", &notice]).contains("still unknown"));
    drop(daemon);
    assert_eq!(home.json(&["readback", "notice", &notice])["state"]["state"], json!("done"));
    receiver.script.lock().unwrap().answer = (200, FOUND.to_owned());
    let said = home.ends(0, &["readback", "notice", &notice]);
    assert!(said.contains("read back: it is there; now `acked`"), "{said}");
    assert_eq!((receiver.count("GET"), uses(&home, GATE)), (3, 3));
}

#[test]
fn what_waits_outlives_the_daemon_and_what_makes_no_sense_any_more_takes_no_use() {
    let receiver = Receiver::start(200, FOUND);
    let home = receiver.home("");
    let daemon = home.up();
    open(&home, "production_write", "2");
    let (first, second) = (receiver.doubted(&home), receiver.doubted(&home));
    home.ends(3, &["readback", "notice", &first]);
    home.ends(3, &["readback", "notice", &second]);
    drop(daemon);
    home.ends(0, &["notice", "resolve", &second, "--note", "seen on the screen"]);
    open(&home, GATE, "5");
    assert_eq!(receiver.count("GET"), 0, "nobody runs who could ask");
    let _daemon = home.up();
    nothing_waits(&home);
    wait("it is settled", || state(&home, &first) == "acked");
    assert_eq!((receiver.count("GET"), uses(&home, GATE)), (1, 1));
    assert_eq!(state(&home, &second), "pending_external_send resolved_by_operator");
}

/// `kill -9` after the use is taken, before and after the question: never two questions for one use, and nobody claims to know.
#[test]
fn a_crash_between_use_and_question_asks_no_second_time() {
    for (point, most) in [("work.before_deed", 0), ("work.after_deed", 1)] {
        let receiver = Receiver::start(200, FOUND);
        let home = receiver.home("");
        let mut daemon = home.up_with(&[("CANDOR_CRASH_AT", point)]);
        open(&home, "production_write", "1");
        let notice = receiver.doubted(&home);
        home.ends(3, &["readback", "notice", &notice]);
        // It may be killed before it answers.
        home.run(&["gate", "open", GATE, "--reason", "night", "--uses", "1", "--expires", "1h"]);
        wait("it is killed", || daemon.child.try_wait().unwrap().is_some());
        let _daemon = home.up();
        nothing_waits(&home);
        assert_eq!((receiver.count("GET"), uses(&home, GATE)), (most, 1), "{point}");
        assert_eq!(state(&home, &notice), "pending_external_send outcome_unknown", "{point}");
        let said = all_that_is_shown(&home);
        assert!(said.contains("the process that did it ended before it said what came of it"), "{point}");
        // The use is gone, so the next question waits for another approval.
        home.ends(3, &["readback", "notice", &notice]);
        assert_eq!(receiver.count("GET"), most, "{point}");
    }
}

#[test]
fn a_secret_in_a_channels_answer_is_neither_kept_nor_shown() {
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let body = format!(
        r#"{{"id": "{token}", "key": "{{key}}", "note": "password: hunter2-example", "said": "system prompt: You are a helpful assistant"}}"#
    );
    let receiver = Receiver::start(200, &body);
    let home = receiver.home("");
    let _daemon = home.up();
    open(&home, "production_write", "1");
    let notice = receiver.doubted(&home);
    open(&home, GATE, "1");
    let said = home.ends(0, &["readback", "notice", &notice]);
    let mut shown = said + &all_that_is_shown(&home) + &home.json(&["notice", "show", &notice]).to_string();
    for file in ["candor.db", "candor.db-wal"] {
        let bytes = std::fs::read(home.state().join(file)).unwrap_or_default();
        shown.push_str(&String::from_utf8_lossy(&bytes));
    }
    for planted in [token, "hunter2", "helpful assistant"] {
        assert!(!shown.contains(planted), "{planted}");
    }
    assert!(shown.contains("[redacted: credential]"), "it is said that something was there");
}

#[test]
fn what_can_not_be_asked_is_said_before_anything_is_wanted() {
    let home = Home::owned("targets:\n- {name: hook, sender: webhook, url: 'http://127.0.0.1:1/hook'}\n");
    home.ends(11, &["readback", "notice", "n-9"]);
    let notice = home.json(&["notify", "look"])["notice"].as_str().unwrap().to_owned();
    assert!(home.ends(7, &["readback", "notice", &notice]).contains("in doubt"));
    let said = home.ends(7, &["readback", "notice", &notice, "--target", "hook"]);
    assert!(said.contains("can't be asked") && said.contains("readback"), "{said}");
    assert!(home.ends(11, &["readback", "notice", &notice, "--target", "nobody"]).contains("no target"));
    assert!(waiting(&home).is_empty());
}
