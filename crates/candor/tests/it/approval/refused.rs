//! What an owner's own key signed and is refused all the same: each with its reason, and nothing opens.

use serde_json::{Value, json};

use super::gates::{act, asked, open, phone, state, tell};
use crate::{
    bot_api::BotApi,
    common::{Daemon, Home, wait},
    owners::{keygen, sign},
};

const NAMESPACE: &str = "candor-approval";

/// An approval that the home's owner really gave, as others are made from.
fn given(home: &Home) -> Value {
    open(home, "1")["terms"].clone()
}

fn canonical(terms: &Value) -> String {
    String::from_utf8(candor_audit::canonical::to_bytes(terms)).unwrap()
}

/// The answer to terms that a key signed as they stand.
fn answer(home: &Home, daemon: &Daemon, terms: &Value, namespace: &str) -> (u16, String) {
    let document = canonical(terms);
    let signed = json!({"document": document, "signatures": [sign(&home.key(), namespace, &document)]});
    act(home, daemon, &json!({"act": "approve", "signed": signed}))
}

#[test]
fn what_an_owner_signed_is_refused_where_it_is_replayed_expired_over_count_or_of_another_package() {
    let api = BotApi::start();
    let home = phone(&api);
    let daemon = home.up();
    let good = given(&home);
    let fresh = |n: usize| {
        let mut terms = good.clone();
        terms["id"] = json!(format!("another-{n}"));
        terms
    };
    let cases = [
        ("approval_replayed", "id", good["id"].clone()),
        ("approval_wrong_digest", "package_sha256", json!(format!("sha256:{}", "1".repeat(64)))),
        ("approval_other_node", "node", json!("another")),
        ("approval_no_packet", "packet_id", json!("everything")),
        ("approval_no_gate", "gates", json!([])),
        ("approval_not_of_packet", "gates", json!(["destructive_operation"])),
        ("approval_uses", "max_uses", json!(0)),
        ("approval_uses", "max_uses", json!(1_000_001)),
        ("approval_expired", "expires_at", good["not_before"].clone()),
        ("approval_times", "expires_at", json!("2099-01-01T00:00:00Z")),
        ("approval_field", "fields", json!({})),
        ("approval_field", "fields", json!({"reason": "  "})),
        ("approval_discloses", "fields", json!({"reason": "password=hunter2-of-a-test-1234"})),
        ("approval_unknown_channel", "scope", json!({"channel": "elsewhere"})),
        ("approval_no_request", "request", json!("q-7")),
    ];
    for (n, (code, field, value)) in cases.into_iter().enumerate() {
        let mut terms = fresh(n);
        terms[field] = value;
        assert_eq!(answer(&home, &daemon, &terms, NAMESPACE), (403, code.to_owned()), "{terms}");
    }
    assert_eq!(answer(&home, &daemon, &fresh(50), "git"), (403, "approval_signature".to_owned()));
    let other = keygen(home.folder.path(), "other", &["-t", "ed25519"]);
    let document = canonical(&fresh(51));
    let signed = json!({"document": document, "signatures": [sign(&other, NAMESPACE, &document)]});
    let told = act(&home, &daemon, &json!({"act": "approve", "signed": signed}));
    assert_eq!(told, (403, "approval_signature".to_owned()));
    // None of them is on record, and none of them opens anything: the one that was given goes, once.
    assert_eq!(home.json(&["approval", "list"])["approvals"].as_array().unwrap().len(), 1);
    let (first, second) = (tell(&home), tell(&home));
    wait("one of them goes", || state(&home, &first) == "acked");
    wait("the other is held", || state(&home, &second) == "pending_external_send gate_closed");
    assert_eq!(asked(&api), 1);
    // The same terms, said with an id of their own, are what an owner can sign.
    assert_eq!(answer(&home, &daemon, &fresh(52), NAMESPACE).0, 200);
    wait("it goes too", || state(&home, &second) == "acked");
}

/// A package that a newer one has followed isn't what an owner looks at: an approval of it is refused.
#[test]
fn an_approval_of_an_older_package_is_refused() {
    let api = BotApi::start();
    let home = phone(&api);
    let daemon = home.up();
    let mut terms = given(&home);
    home.ends(0, &["gate", "close", "bot_api_call"]);
    home.ends(0, &["gate", "close", "secret_read"]);
    home.ends(0, &["readback", "readiness"]);
    home.ends(0, &["approval", "build"]);
    terms["id"] = json!("late");
    assert_eq!(answer(&home, &daemon, &terms, NAMESPACE), (403, "approval_superseded".to_owned()));
}

/// What an owner rejected of a package isn't approved under that package, and everything else is.
#[test]
fn what_was_rejected_is_not_approved_under_the_same_package() {
    let api = BotApi::start();
    let home = phone(&api);
    let daemon = home.up();
    let good = given(&home);
    let mut rejection = good.clone();
    (rejection["id"], rejection["verdict"]) = (json!("no"), json!("reject"));
    rejection["gates"] = json!(["bot_api_call"]);
    assert_eq!(answer(&home, &daemon, &rejection, NAMESPACE).0, 200);
    let mut again = good.clone();
    again["id"] = json!("again");
    assert_eq!(answer(&home, &daemon, &again, NAMESPACE), (403, "approval_rejected".to_owned()));
    again["gates"] = json!(["secret_read"]);
    assert_eq!(answer(&home, &daemon, &again, NAMESPACE).0, 200);
    // What was opened before isn't closed by it: that is `revoke`'s.
    let notice = tell(&home);
    wait("it goes", || state(&home, &notice) == "acked");
    for gate in ["bot_api_call", "secret_read"] {
        home.run(&["gate", "close", gate]);
    }
    home.ends(0, &["readback", "readiness"]);
    home.ends(0, &["approval", "build"]);
    open(&home, "1");
}

/// One that isn't to hold yet opens nothing before its time, and then does, without anybody's doing.
#[test]
fn an_approval_holds_from_its_time_to_its_end() {
    let api = BotApi::start();
    let home = phone(&api);
    let daemon = home.up();
    let mut terms = given(&home);
    home.ends(0, &["gate", "close", "bot_api_call"]);
    let notice = tell(&home);
    let now: candor_core::time::Timestamp = terms["not_before"].as_str().unwrap().parse().unwrap();
    let after = |secs: u64| now.after(std::time::Duration::from_secs(secs)).to_string();
    terms["id"] = json!("later");
    terms["max_uses"] = json!(9);
    (terms["not_before"], terms["expires_at"]) = (json!(after(6)), json!(after(14)));
    assert_eq!(answer(&home, &daemon, &terms, NAMESPACE).0, 200);
    home.ends(0, &["notice", "retry", &notice]);
    assert_eq!((asked(&api), state(&home, &notice).as_str()), (0, "pending_external_send gate_closed"));
    wait("its time came", || state(&home, &notice) == "acked");
    wait("its time is over", || {
        let list = home.ends(0, &["gate", "list", "--all"]);
        list.contains("expired")
    });
    let late = tell(&home);
    wait("it is held", || state(&home, &late) == "pending_external_send gate_closed");
    assert_eq!(asked(&api), 1);
}
