//! Openings on record under which nothing passes any more: the owner is gone, who the owners are can't be trusted, or one signature isn't
//! enough by now. What waits is held without a use, and says why.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use super::gates::{asked, open, phone, state, tell};
use crate::{
    bot_api::BotApi,
    common::{Daemon, Home, wait, write},
};

const HELD: &str = "pending_external_send gate_closed";

/// A notice that must be held, with these words, and without a use or a request; its number.
fn held(home: &Home, api: &BotApi, why: &str) -> String {
    let before = (asked(api), home.json(&["gate", "history"])["entries"].as_array().unwrap().len());
    let notice = tell(home);
    wait("it is held", || state(home, &notice) == HELD);
    let shown = home.json(&["notice", "show", &notice]).to_string();
    assert!(shown.contains(why), "{why}: {shown}");
    // The beat that looks at what is held must take no uses either.
    std::thread::park_timeout(std::time::Duration::from_secs(6));
    let after = (asked(api), home.json(&["gate", "history"])["entries"].as_array().unwrap().len());
    assert_eq!((before, state(home, &notice).as_str()), (after, HELD), "{why}");
    notice
}

/// A daemon whose owner opened the gate, through which a notice went.
fn opened(home: &Home) -> Daemon {
    let daemon = home.up();
    open(home, "50");
    let first = tell(home);
    wait("it is acked", || state(home, &first) == "acked");
    daemon
}

#[test]
fn a_change_of_who_the_owners_are_holds_from_the_next_attempt_on_without_a_reload() {
    let api = BotApi::start();
    let home = phone(&api);
    let _daemon = opened(&home);
    let file = home.state().join("allowed_signers");
    let text = fs::read_to_string(&file).unwrap();
    // Taken out by the command, with the key of somebody else left.
    home.ends(0, &["owner", "remove", "owner@example.org"]);
    held(&home, &api, "no owner signed what is on record as ap-1");
    let (gates, status) = (home.ends(0, &["gate", "list"]), home.ends(0, &["status"]));
    assert!(gates.contains("void") && gates.contains("ap-1 lets nothing through `bot_api_call`"), "{gates}");
    assert!(status.contains("gate bot_api_call was opened by ap-1 and lets NOTHING pass"), "{status}");
    assert!(home.ends(0, &["gate", "show", "bot_api_call"]).contains("closed; `candor gate open"));
    // Put back: what is held goes, each once.
    write(&file, &text);
    wait("all of it went", || home.json(&["notice", "list"]).to_string().matches("\"acked\"").count() >= 2);
    // A file that others can write, that doesn't read, or that is gone names nobody.
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let writable = held(&home, &api, "no owner signed what is on record as ap-1");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    wait("it goes once the file is private", || state(&home, &writable) == "acked");
    write(&file, "no key at all\n");
    let unread = held(&home, &api, "no owner signed what is on record as ap-1");
    fs::remove_file(&file).unwrap();
    held(&home, &api, "no owner signed what is on record as ap-1");
    write(&file, &text);
    wait("that goes too", || state(&home, &unread) == "acked");
}

#[test]
fn what_one_owner_opened_lets_nothing_pass_once_two_must_sign() {
    let api = BotApi::start();
    let home = phone(&api);
    let _daemon = opened(&home);
    let config = home.state().join("candor.yaml");
    let text = fs::read_to_string(&config).unwrap();
    write(&config, &format!("{text}approvals: {{two_owners: [bot_api_call]}}\n"));
    home.ends(0, &["config", "reload"]);
    held(&home, &api, "two owners must sign for it now, and one signed ap-1");
}
