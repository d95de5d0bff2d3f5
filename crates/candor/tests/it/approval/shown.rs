//! What an owner sees: what is signed, how it stands, what became of it; and what is refused before anything is made or signed.

use serde_json::{Value, json};

use super::gates::{asked, open, phone, state, tell};
use crate::{
    bot_api::BotApi,
    common::{Home, wait},
};

const OPEN: [&str; 7] = ["gate", "open", "runtime_score_write", "--expires", "1h", "--reason", "night"];

fn stands(home: &Home) -> Value {
    home.json(&["approval", "list"])["approvals"][0]["stands"].clone()
}

#[test]
fn what_is_signed_is_shown_and_how_it_stands_follows_its_openings() {
    let api = BotApi::start();
    let home = phone(&api);
    let _daemon = home.up();
    let told = home.ends(
        0,
        &["gate", "open", "bot_api_call", "--target", "phone", "--reason", "night", "--uses", "1", "--expires", "1h"],
    );
    for shown in ["this is signed:", "opens        bot_api_call, secret_read", "target `phone`", "night", "for 1 use,"]
    {
        assert!(told.contains(shown), "{shown}: {told}");
    }
    assert_eq!(stands(&home), json!("open 0/1"));
    let notice = tell(&home);
    wait("it is acked", || state(&home, &notice) == "acked");
    assert_eq!((stands(&home), asked(&api)), (json!("spent"), 1));
    let shown = home.ends(0, &["approval", "show", "ap-1"]);
    for word in ["spent", "owner@example.org", "bot_api_call", "1/1", "night"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let shown = home.json(&["approval", "show", "ap-1"]);
    assert_eq!((shown["openings"].as_array().unwrap().len(), shown["uses"].as_array().unwrap().len()), (2, 2));
    home.ends(11, &["approval", "show", "ap-9"]);
    // Both of its openings are told to be closed, and the history has signature, use and end with who signed.
    assert_eq!(open(&home, "5")["no"], "ap-2");
    home.ends(0, &["approval", "revoke", "ap-2", "--reason", "enough"]);
    assert!(stands(&home).as_str().unwrap().starts_with("revoked at"));
    open(&home, "5");
    let closed = home.json(&["gate", "close", "--all"]);
    assert_eq!(closed["openings"].as_array().unwrap().len(), 2, "{closed}");
    assert_eq!(stands(&home), json!("closed"));
    assert!(home.ends(0, &["gate", "close", "--all"]).contains("no gate is open"));
    let history = home.json(&["gate", "history"])["history"].clone();
    let events: Vec<&str> = history.as_array().unwrap().iter().map(|of| of["event"].as_str().unwrap()).collect();
    for event in ["approved", "use 1", "spent", "revoked", "closed"] {
        assert!(events.contains(&event), "{event}: {events:?}");
    }
    let told = home.ends(0, &["gate", "history"]);
    assert!(told.contains("SIGNED BY") && !told.contains("Approve"), "{told}");
}

#[test]
fn one_that_begins_later_says_when() {
    let home = Home::owned("");
    let told = home.ends(0, &[&OPEN[..], &["--starts-in", "30m"]].concat());
    assert!(told.contains("open from 20") && !told.contains("is open until"), "{told}");
    assert_eq!(stands(&home), json!("not yet"));
}

#[test]
fn a_try_that_cannot_be_signed_makes_nothing() {
    let home = Home::new("");
    assert!(home.ends(7, &OPEN).contains("nobody may sign"));
    home.ends(11, &["approval", "list"]);
    let home = Home::owned("");
    let cases: [(i32, &[&str], &str); 5] = [
        (2, &["--ssh-key", "/nowhere"], "signs nothing"),
        (11, &["--plan", "bogus"], "known: "),
        (11, &["--runtime", "foo"], "no runtime `foo`"),
        (2, &["--field", "bogus=1"], "doesn't ask for a field `bogus`"),
        (2, &["--field", "reason=other"], "given twice"),
    ];
    for (code, more, says) in cases {
        let told = home.ends(code, &[&OPEN[..], more].concat());
        assert!(told.contains(says) && !told.contains("this is signed"), "{told}");
    }
    let long = "x".repeat(600);
    for (reason, says) in [("a\nb", "more than one line"), ("a\u{1b}[1m", "control characters"), (&long, "600 bytes")] {
        let told = home.ends(7, &["gate", "open", "runtime_score_write", "--expires", "1h", "--reason", reason]);
        assert!(told.contains(says) && told.contains("at most 512 bytes"), "{told}");
    }
    assert!(home.json(&["approval", "list"])["approvals"].as_array().unwrap().is_empty());
}

#[test]
fn reviews_are_shown_and_a_page_that_cannot_be_written_is_a_wrong_word() {
    let home = Home::owned("");
    home.ends(0, &OPEN);
    home.ends(0, &["approval", "review", "review_approval_package", "--note", "read all of it"]);
    assert!(home.ends(0, &["approval", "show"]).contains("read all of it"));
    assert_eq!(home.json(&["approval", "list"])["reviews"][0]["body"]["note"], "read all of it");
    let page = home.folder.path().join("p.html");
    let page = page.to_str().unwrap();
    home.ends(0, &["approval", "show", "--html", page]);
    assert!(home.ends(2, &["approval", "show", "--html", page]).contains("--html FILE"));
    home.ends(2, &["approval", "show", "--html", "/no/such/folder/p.html"]);
    let told = home.ends(7, &["approval", "countersign", "ap-1"]);
    assert!(told.contains("doesn't wait for another owner") && told.contains("open 0/1000"), "{told}");
    assert!(home.ends(2, &["approval", "drill"]).contains("--all"));
}

#[test]
fn owners_begin_in_an_empty_home_and_what_is_forgotten_with_one_is_said() {
    let home = Home::new("");
    std::fs::remove_dir(home.state()).unwrap();
    assert!(home.ends(0, &["owner", "list"]).contains("nobody may approve"));
    let key = home.folder.path().join("ssh/key");
    let key = key.to_str().unwrap();
    let ann = ["owner", "add", "--principal", "ann@example.org"];
    home.ends(0, &[&ann[..], &["--generate", key, "--no-passphrase", "--agents", "nightly"]].concat());
    let public = format!("{key}.pub");
    let again = [&ann[..], &["--key", &public]].concat();
    assert!(home.ends(0, &again).contains("may already approve"));
    assert!(home.ends(0, &["owner", "remove", "ann@example.org"]).contains("--agents nightly"));
    assert!(!home.ends(0, &again).contains("agents report here"));
    home.ends(0, &["task", "start", "t", "--agent", "nightly"]);
    assert!(home.ends(0, &again).contains("agents report here"));
    // The words below a banner say why nothing is signed.
    std::fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let told = home.ends(2, &["owner", "check", "--ssh-key", key]);
    assert!(told.contains("ermissions 0644"), "{told}");
}
