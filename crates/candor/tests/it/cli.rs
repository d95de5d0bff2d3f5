//! The commands as a person uses them, and bad days.

use std::{
    io::{Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt as _,
};

use serde_json::json;

use crate::common::{Home, Moods, Sink, post, wait, write};

#[test]
fn the_demo_reaches_all_three_ends() {
    let home = Home::new("");
    let told = home.ends(0, &["demo"]);
    for word in ["acked", "pending_external_send", "blocked", "is silent", "is back"] {
        assert!(told.contains(word), "{word}: {told}");
    }
}

#[test]
fn roles_hand_a_notice_on_from_one_process_to_the_next() {
    let home = Home::new("");
    home.ends(0, &["notify", "look"]);
    let state = || home.json(&["notice", "list"])["notices"][0]["deliveries"][0]["state"]["state"].clone();
    assert_eq!(state(), "queued");
    home.ends(0, &["run", "dispatcher"]);
    assert_eq!(state(), "dispatched");
    home.ends(0, &["run", "bridge"]);
    let shown = home.json(&["notice", "show", "n-1"]);
    assert_eq!(shown["deliveries"][0]["state"], json!({"state": "pending_external_send", "reason": "dry_run"}));
    assert_eq!(shown["receipts"][0]["simulated"], true);
}

/// Found by killing roles: a daemon that opens at once what it dispatches left alone what another process had handed over.
#[test]
fn a_daemon_takes_up_what_a_dispatcher_left_behind() {
    let home = Home::new("");
    home.ends(0, &["notify", "look"]);
    home.ends(0, &["run", "dispatcher"]);
    let _daemon = home.up();
    wait("it is taken up", || {
        let state = home.json(&["notice", "show", "n-1"])["deliveries"][0]["state"].clone();
        state == json!({"state": "pending_external_send", "reason": "dry_run"})
    });
}

#[test]
fn one_pass_notices_silence() {
    let home = Home::new("");
    home.ends(0, &["task", "start", "t", "--period", "1s", "--grace", "0s"]);
    wait("the silence is noticed", || {
        home.ends(0, &["run", "watchdog"]);
        !home.json(&["notice", "list"])["notices"].as_array().unwrap().is_empty()
    });
    let title = home.json(&["notice", "list"])["notices"][0]["notice"]["title"].clone();
    assert!(title.as_str().unwrap().contains("is silent"), "{title}");
}

#[test]
fn a_claim_without_evidence_is_caught_and_told() {
    let home = Home::new("");
    home.ends(0, &["task", "start", "t", "--agent", "a"]);
    let told = home.ends(6, &["task", "complete", "t", "--agent", "a", "--summary", "done, all tests pass"]);
    assert!(told.contains("block_completion") && told.contains("n-1"), "{told}");
    let why = home.ends(0, &["explain", "n-1"]);
    assert!(why.contains("completion-integrity/completion_unproven"), "{why}");
    assert_eq!(home.json(&["task", "show", "t"])["task"]["state"], "running");
}

#[test]
fn a_second_daemon_is_told_who_holds_the_store() {
    let home = Home::new("");
    let _daemon = home.up();
    let told = home.ends(10, &["up", "--listen", "127.0.0.1:0"]);
    assert!(told.contains("held"), "{told}");
}

#[test]
fn the_same_with_and_without_a_daemon() {
    let target = "targets:\n- {name: ops, sender: webhook, url: 'http://127.0.0.1:9/'}\n";
    let (here, served) = (Home::owned(target), Home::owned(target));
    let _daemon = served.up();
    for home in [&here, &served] {
        home.ends(0, &["task", "start", "t", "--agent", "a"]);
        home.ends(7, &["task", "checkpoint", "t", "--agent", "b"]);
        home.ends(11, &["task", "checkpoint", "nobody"]);
        home.ends(0, &["gate", "open", "production_write", "--reason", "test", "--expires", "1h"]);
        home.ends(7, &["gate", "close", "secret_read"]);
        home.ends(0, &["gate", "close", "production_write"]);
        home.ends(0, &["evidence", "add", "t", "--agent", "a", "--supports", "completion", "--note", "seen"]);
    }
}

#[test]
fn events_over_http_are_durable_and_taken_once() {
    let home = Home::new("");
    let daemon = home.up();
    let event = json!({"specversion": "1.0", "id": "1", "source": "/t", "type": "reporting-governance.notice.requested",
        "data": {"title": "look"}});
    let (status, first) = post(daemon.address.unwrap(), &event).unwrap();
    assert_eq!((status, &first["duplicate"]), (200, &json!(false)), "{first}");
    let (status, again) = post(daemon.address.unwrap(), &event).unwrap();
    assert_eq!((status, &again["duplicate"], &again["event"]), (200, &json!(true), &first["event"]));
    let typo = json!({"specversion": "1.0", "id": "2", "source": "/t", "type": "reporting-governance.notice.requested",
        "data": {"titel": "look"}});
    let (status, refused) = post(daemon.address.unwrap(), &typo).unwrap();
    assert_eq!(status, 422);
    assert!(refused["error"]["message"].as_str().unwrap().contains("titel"), "{refused}");
    daemon.signal("-KILL");
    wait("it is gone", || post(daemon.address.unwrap(), &event).is_none());
    assert_eq!(home.json(&["notice", "list"])["notices"].as_array().unwrap().len(), 1);
}

#[test]
fn a_stop_in_the_middle_of_sending_finishes_what_is_being_sent() {
    let sink = Sink::start(Moods { late: 1, by: std::time::Duration::from_millis(500), ..Moods::default() });
    let home = Home::owned(&sink.config());
    let mut daemon = home.up();
    home.ends(0, &["gate", "open", "production_write", "--reason", "test", "--expires", "1h"]);
    home.ends(0, &["notify", "look"]);
    wait("the receiver has it", || !sink.seen.lock().unwrap().is_empty());
    daemon.signal("-TERM");
    assert!(daemon.child.wait().unwrap().success());
    assert_eq!(home.json(&["notice", "list"])["notices"][0]["deliveries"][0]["state"]["state"], "acked");
}

#[test]
fn a_damaged_store_is_named_and_left_as_it_is() {
    let home = Home::new("");
    for _ in 0..20 {
        home.ends(0, &["notify", "look"]);
    }
    home.ends(0, &["run"]);
    let path = home.state().join("candor.db");
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(&[0xAA; 2048]).unwrap();
    drop(file);
    let told = home.ends(9, &["notify", "look"]);
    assert!(told.contains("candor.db"), "{told}");
}

#[test]
fn a_wrong_configuration_is_told_with_its_place() {
    let home = Home::new("watch:\n  perido: 5m\n");
    let told = home.ends(8, &["config", "check"]);
    assert!(told.contains("perido") && told.contains("candor.yaml"), "{told}");
    write(&home.state().join("candor.yaml"), "targets:\n- {name: a, sender: carrier-pigeon}\n");
    let told = home.ends(8, &["up"]);
    assert!(told.contains("carrier-pigeon") && told.contains("webhook"), "{told}");
}

#[test]
fn a_sender_that_is_not_there_blocks_with_the_reason() {
    let home = Home::owned("");
    let token = home.folder.path().join("token");
    write(&token, "123456789:AAF0example-token-of-35-characters_");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = format!(
        "targets:\n- {{name: pager, sender: command, program: /nowhere/pager}}\n\
         - {{name: phone, sender: telegram, chat: 1, token: {{file: '{}'}}, api_base: 'http://127.0.0.1:9'}}\n",
        token.display()
    );
    write(&home.state().join("candor.yaml"), &config);
    let gates = ["gate", "open", "production_write", "bot_api_call"];
    home.ends(0, &[&gates[..], &["--reason", "test", "--expires", "1h"]].concat());
    // It was there when it was approved, and is gone when it is needed.
    std::fs::remove_file(&token).unwrap();
    home.ends(0, &["notify", "look"]);
    home.ends(0, &["run"]);
    let told = home.ends(4, &["notice", "show", "n-1"]);
    assert!(told.contains("sender_missing") && told.contains("secret_unreadable"), "{told}");
    home.ends(13, &["doctor"]);
}

#[test]
fn nothing_leaves_through_a_closed_gate() {
    let sink = Sink::start(Moods::default());
    let home = Home::owned(&sink.config());
    home.ends(0, &["notify", "look"]);
    home.ends(0, &["run"]);
    let told = home.ends(3, &["notice", "show", "n-1"]);
    assert!(told.contains("gate_closed"), "{told}");
    assert!(sink.seen.lock().unwrap().is_empty());
    home.ends(0, &["gate", "open", "production_write", "--reason", "test", "--expires", "1h"]);
    home.ends(0, &["run"]);
    home.ends(0, &["notice", "show", "n-1"]);
    assert_eq!(sink.seen.lock().unwrap().len(), 1);
}

#[test]
fn packs_explain_themselves() {
    let home = Home::new("");
    assert!(home.ends(0, &["pack", "test"]).contains(" 0 failed"));
    assert!(home.ends(0, &["pack", "list"]).contains("delivery-truth"));
    home.ends(0, &["pack", "lint", "delivery-truth"]);
    home.ends(11, &["pack", "show", "nothing"]);
    home.ends(0, &["completions", "bash"]);
}
