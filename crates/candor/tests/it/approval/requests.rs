//! Agents ask for gates, and owners answer; never the owner whose own agent asks.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Output};

use serde_json::{Value, json};

use crate::{
    common::{Home, write},
    owners::{keygen, public},
};

const GATE: &str = "runtime_score_write";

/// A deployment of ann, whose agent is `nightly`, and bob, whose is none; the agent has a credential of its own.
struct Two {
    home: Home,
    token: String,
}

impl Two {
    fn new() -> Self {
        let home = Home::new("");
        let folder = home.folder.path();
        let line = |who: &str| format!("{who}@example.org {}\n", public(&keygen(folder, who, &["-t", "ed25519"])));
        let lines = line("ann") + &line("bob");
        write(&home.state().join("allowed_signers"), &lines);
        let token = folder.join("nightly.token");
        write(&token, "an-agents-own-token-0123456789");
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        let token = token.to_str().unwrap().to_owned();
        let config = format!(
            "approvals: {{owners: {{'ann@example.org': {{agents: [nightly]}}}}}}\n\
             agents: {{require_token: true, tokens: [{{agent: nightly, token: {{file: '{token}'}}}}]}}\n"
        );
        write(&home.state().join("candor.yaml"), &config);
        Self { home, token }
    }

    /// What the agent does, with its own credential.
    fn agent(&self, args: &[&str]) -> Output {
        self.home.run(&[args, &["--agent", "nightly", "--token-file", &self.token]].concat())
    }

    fn ask(&self, task: &str, more: &[&str]) -> Value {
        let args = ["approval", "request", GATE, "--task", task, "--reason", "to be scored at night", "--json"];
        let output = self.agent(&[&args, more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What an owner signs; with what it must end.
    fn signs(&self, owner: &str, code: i32, args: &[&str]) -> String {
        let key = self.home.folder.path().join(owner);
        self.home.ends(code, &[args, &["--expires", "1h", "--ssh-key", key.to_str().unwrap()]].concat())
    }
}

#[test]
fn an_owner_cannot_approve_what_their_own_agent_credential_requested() {
    let two = Two::new();
    let home = &two.home;
    let _daemon = home.up();
    assert!(two.agent(&["task", "start", "t"]).status.success());
    assert_eq!(two.ask("t", &[])["request"], "q-1");
    assert_eq!(two.ask("t", &[])["request"], "q-1", "what waits is not asked twice");
    // Everybody who looks is told.
    for args in [&["approval", "list"][..], &["gate", "list"], &["status"]] {
        let told = home.ends(0, args);
        assert!(told.contains("q-1") && told.contains("nightly") && told.contains(GATE), "{told}");
    }
    assert!(home.json(&["notice", "list"]).to_string().contains("asks for gate `runtime_score_write` (q-1)"));
    let list = home.json(&["approval", "list"]);
    assert_eq!((&list["requests"][0]["task"], &list["requests"][0]["answered_by"]), (&json!("t"), &Value::Null));

    // Ann can't: named or not, for less than was asked, or as one of two.
    let open = ["gate", "open", GATE, "--reason", "fine"];
    for more in [&["--request", "q-1"][..], &[], &["--runtime", "cli"]] {
        let told = two.signs("ann", 7, &[&open, more].concat());
        assert!(
            told.contains("`ann@example.org` can't approve what their own agent `nightly` requested (q-1)"),
            "{told}"
        );
    }
    let told = two.signs("ann", 7, &["approval", "approve", "scores-and-learning", "--reason", "all of it"]);
    assert!(told.contains("another owner must"), "{told}");
    assert!(home.json(&["gate", "list"])["openings"] == json!([]));
    // The package's page for the terminal tells of it too.
    assert!(home.ends(0, &["approval", "show"]).contains("to be scored at night"));

    // Bob can, and it is answered, once.
    two.signs("bob", 0, &[&open[..], &["--request", "q-1"]].concat());
    let list = home.json(&["approval", "list"]);
    assert_eq!(
        (&list["requests"][0]["answered_by"], &list["approvals"][0]["terms"]["request"]),
        (&json!("ap-1"), &json!("q-1"))
    );
    assert!(!home.ends(0, &["gate", "list"]).contains("q-1"));
    let told = two.signs("bob", 7, &[&open[..], &["--request", "q-1"]].concat());
    assert!(told.contains("no request `q-1` waits"), "{told}");
    let record =
        home.ends(0, &["audit", "export", "--task", "t", "--out", home.folder.path().join("t.tar").to_str().unwrap()]);
    assert!(!record.is_empty());
}

#[test]
fn a_request_is_the_agents_own_and_can_be_turned_down() {
    let two = Two::new();
    let home = &two.home;
    let _daemon = home.up();
    assert!(two.agent(&["task", "start", "t"]).status.success());
    let ask = ["approval", "request", GATE, "--task", "t", "--reason", "x"];
    // Without its credential, or in another's name with it, or of a task of another: nobody.
    home.ends(7, &[&ask[..], &["--agent", "nightly"]].concat());
    home.ends(7, &[&ask[..], &["--agent", "other", "--token-file", &two.token]].concat());
    home.ends(0, &["task", "start", "theirs", "--as-operator"]);
    let output = two.agent(&["approval", "request", GATE, "--task", "theirs", "--reason", "x"]);
    assert_eq!(output.status.code(), Some(7));
    home.ends(2, &["approval", "request", "no_gate", "--task", "t", "--reason", "x"]);
    assert_eq!(home.json(&["approval", "list"])["requests"], json!([]));
    // An agent's credential signs nothing, whatever it hands in.
    assert_eq!(two.ask("t", &[])["request"], "q-1");
    // Whoever's agent asks may say no to it; that is signed and on record too.
    two.signs(
        "ann",
        0,
        &["approval", "reject", "scores-and-learning", "--gate", GATE, "--reason", "not now", "--request", "q-1"],
    );
    assert_eq!(home.json(&["approval", "list"])["requests"][0]["answered_by"], "ap-1");
    assert_eq!(home.json(&["gate", "list"])["openings"], json!([]));
}
