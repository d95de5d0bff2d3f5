//! Gates on the real chain: nothing passes a closed one, what is approved passes as often as approved, and no crash makes more of it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    bot_api::{BotApi, TOKEN},
    common::{Daemon, Home, Moods, PATIENCE, Sink, wait, write},
};

/// A home with an owner and a Telegram target whose chat answers as it should.
pub(super) fn phone(api: &BotApi) -> Home {
    let home = Home::owned("");
    let token = home.folder.path().join("token");
    write(&token, TOKEN);
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let config = format!(
        "targets:\n- {{name: phone, sender: telegram, chat: 0, token: {{file: '{}'}}, api_base: 'http://{}', timeout: 2s}}\n",
        token.display(),
        api.address
    );
    write(&home.state().join("candor.yaml"), &config);
    home
}

pub(super) fn asked(api: &BotApi) -> usize {
    api.asked.lock().unwrap().values().sum()
}

pub(super) fn open(home: &Home, uses: &str) -> Value {
    home.json(&[
        "gate",
        "open",
        "bot_api_call",
        "--target",
        "phone",
        "--reason",
        "night",
        "--uses",
        uses,
        "--expires",
        "1h",
    ])
}

/// A notice of the operator's own; its number.
pub(super) fn tell(home: &Home) -> String {
    let told = home.json(&["notify", "look"]);
    told["notice"].as_str().unwrap().to_owned()
}

pub(super) fn state(home: &Home, notice: &str) -> String {
    let shown = home.json(&["notice", "show", notice]);
    let state = &shown["deliveries"][0]["state"];
    let word = |field: &str| state[field].as_str().unwrap_or_default().to_owned();
    format!("{} {}", word("state"), word("reason")).trim().to_owned()
}

#[test]
fn from_a_closed_gate_to_an_approval_that_runs_out_and_one_that_is_revoked() {
    let api = BotApi::start();
    let home = phone(&api);
    let _daemon = home.up();
    let first = tell(&home);
    wait("it is held", || state(&home, &first) == "pending_external_send gate_closed");
    let shown = home.json(&["notice", "show", &first]).to_string();
    assert!(shown.contains("gate `bot_api_call` is closed"), "{shown}");
    assert_eq!(asked(&api), 0, "no byte reached the Bot API");
    // What is held goes, and counts.
    let approval = open(&home, "2");
    assert_eq!(approval["terms"]["gates"], json!(["bot_api_call", "secret_read"]));
    wait("it is acked", || state(&home, &first) == "acked");
    let second = tell(&home);
    wait("the second is acked", || state(&home, &second) == "acked");
    let third = tell(&home);
    wait("the third is held", || state(&home, &third) == "pending_external_send gate_closed");
    assert_eq!(asked(&api), 2);
    let gates = home.ends(0, &["gate", "list", "--all"]);
    assert!(gates.contains("spent") && gates.contains("2/2") && gates.contains("owner@example.org"), "{gates}");
    let history = home.json(&["gate", "history", "--gate", "bot_api_call"]);
    let uses: Vec<_> = history["entries"].as_array().unwrap().iter().map(|entry| entry["use_no"].clone()).collect();
    assert_eq!(uses, [json!(2), json!(1)]);
    assert!(home.ends(0, &["gate", "show", "bot_api_call"]).contains("used 2 times in all"));
    // Another approval; and what is revoked is closed from the next attempt on.
    let again = open(&home, "50");
    wait("the third is acked", || state(&home, &third) == "acked");
    let no = again["no"].as_str().unwrap();
    assert!(home.ends(0, &["status"]).contains("used 1 of 50 times"));
    home.ends(0, &["approval", "revoke", no, "--reason", "enough"]);
    let fourth = tell(&home);
    wait("the fourth is held", || state(&home, &fourth) == "pending_external_send gate_closed");
    assert_eq!(asked(&api), 3);
    home.ends(7, &["approval", "revoke", no, "--reason", "again"]);
    bundle_is_whole(&home);
}

/// Packages, approvals, drills and uses are artifacts: exported, verified and replayed like the rest.
fn bundle_is_whole(home: &Home) {
    let out = home.folder.path().join("all.tar");
    let out = out.to_str().unwrap();
    home.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--out", out]);
    let key = home.json(&["audit", "key"])["key"].as_str().unwrap().to_owned();
    assert_eq!(home.json(&["audit", "verify", out, "--key", &key])["intact"], json!(true));
    home.ends(0, &["audit", "replay", out, "--key", &key]);
    let listed = String::from_utf8(Command::new("tar").args(["-tf", out]).output().unwrap().stdout).unwrap();
    for member in [
        "state/live-approvals/pk-",
        "state/live-approvals/ap-1",
        "state/live-approvals/dr-",
        "state/live-approvals/rd-",
        "state/effect-ledger/l-1",
        "state/live-gates/g-1",
    ] {
        assert!(listed.contains(member), "{member} is not in {listed}");
    }
}

/// Posts an act as the operator does; the status and the error's code.
pub(super) fn act(home: &Home, daemon: &Daemon, act: &Value) -> (u16, String) {
    let token = fs::read_to_string(home.state().join("operator.token")).unwrap();
    let client = Command::new("curl")
        .args(["-s", "-w", "\n%{http_code}", "-H", "content-type: application/json", "-H"])
        .arg(format!("authorization: Bearer {}", token.trim()))
        .arg("-d")
        .arg(act.to_string())
        .arg(format!("http://{}/v1/acts", daemon.address.unwrap()))
        .output()
        .unwrap();
    let said = String::from_utf8(client.stdout).unwrap();
    let (body, status) = said.rsplit_once('\n').unwrap();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    (status.parse().unwrap(), body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn an_approval_that_was_taken_is_not_taken_again_and_none_without_an_owner_is() {
    let api = BotApi::start();
    let home = phone(&api);
    let daemon = home.up();
    let approval = open(&home, "1");
    let replay = json!({"act": "approve", "signed": approval["signed"]});
    assert_eq!(act(&home, &daemon, &replay), (403, "approval_replayed".to_owned()));
    // Whoever has the operator's token and no owner's key opens nothing.
    let mut forged = approval["signed"].clone();
    let document = forged["document"].as_str().unwrap().replace("\"max_uses\":1,", "\"max_uses\":999,");
    assert_ne!(document, forged["document"].as_str().unwrap());
    forged["document"] = json!(document.replace(approval["terms"]["id"].as_str().unwrap(), "another"));
    assert_eq!(act(&home, &daemon, &json!({"act": "approve", "signed": forged})).1, "approval_signature");
    assert_eq!(act(&home, &daemon, &json!({"act": "open_gate", "gate": "bot_api_call"})).0, 422);
    // A row that somebody writes into the store opens nothing either: what passes is verified again.
    drop(daemon);
    let notice = tell(&home);
    let sql = "UPDATE opening SET body = replace(replace(body, '\"max_uses\":1', '\"max_uses\":500'), '\"used\":0', '\"used\":0')";
    let changed = rows(&home, sql);
    assert_eq!(changed, 2);
    home.ends(0, &["run"]);
    assert_eq!((asked(&api), state(&home, &notice).as_str()), (0, "pending_external_send gate_closed"));
    let shown = home.json(&["notice", "show", &notice]).to_string();
    assert!(shown.contains("no owner signed what is on record"), "{shown}");
}

/// Changes rows as somebody with the file in hand would; how many.
fn rows(home: &Home, sql: &str) -> usize {
    let script =
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); n=c.execute(sys.argv[2]).rowcount; c.commit(); print(n)";
    let python =
        Command::new("python3").args(["-c", script]).arg(home.state().join("candor.db")).arg(sql).output().unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    String::from_utf8(python.stdout).unwrap().trim().parse().unwrap()
}

/// `kill -9` between the commit that takes the use and the send, and between the send and its receipt: never two effects for one use.
#[test]
fn a_crash_between_use_and_send_makes_no_second_effect_of_one_use() {
    for (point, most) in [("send.before_call", 0), ("send.after_call", 1)] {
        let api = BotApi::start();
        let home = phone(&api);
        open(&home, "1");
        let mut daemon = home.up_with(&[("CANDOR_CRASH_AT", point)]);
        let notice = tell(&home);
        wait("it is killed", || daemon.child.try_wait().unwrap().is_some());
        let _daemon = home.up();
        wait("its outcome is unknown", || state(&home, &notice) == "pending_external_send outcome_unknown");
        // The use is gone, whatever came of it: the next one is held, and so would a repeat be.
        let next = tell(&home);
        wait("the next is held", || state(&home, &next) == "pending_external_send gate_closed");
        home.ends(0, &["notice", "retry", &notice]);
        wait("the repeat is held", || state(&home, &notice) == "pending_external_send gate_closed");
        assert_eq!(asked(&api), most, "{point}");
        let history = home.json(&["gate", "history", "--gate", "bot_api_call"]);
        assert_eq!(history["entries"].as_array().unwrap().len(), 1, "{point}");
    }
}

fn has_strace() -> bool {
    Command::new("strace").arg("-V").output().is_ok()
}

/// Starts the daemon with each connection and each program that it starts traced, where there is `strace` (apt: `strace`).
fn up_traced(home: &Home, trace: &Path) -> Daemon {
    if !has_strace() {
        return home.up();
    }
    // With `-D` the daemon stays our own child.
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "-e", "trace=connect,sendto,execve", "-o"]).arg(trace);
    let plain = home.command(&["up", "--listen", "127.0.0.1:0"]);
    command.arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    home.up_by(command)
}

/// Every way out at once, each with its gate closed: no request, no program, no secret that is read, nothing that is removed.
#[test]
fn nothing_leaves_is_read_or_removed_with_all_gates_closed() {
    let (api, sink) = (BotApi::start(), Sink::start(Moods::default()));
    let home = Home::owned("");
    let trace = |name: &str| home.folder.path().join(name);
    let program = |name: &str| {
        let path = trace(&format!("{name}.sh"));
        write(
            &path,
            &format!("#!/bin/sh\ntouch '{}'\necho whsec_c2VjcmV0LW9mLWEtdGVzdC0wMTIzNDU2Nzg5\n", trace(name).display()),
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path.display().to_string()
    };
    let config = format!(
        "targets:\n- {{name: phone, sender: telegram, chat: 0, token: {{command: ['{token}']}}, api_base: 'http://{api}'}}\n\
         - {{name: hook, sender: webhook, url: 'http://{sink}/hook', secrets: [{{command: ['{secret}']}}]}}\n\
         - {{name: pager, sender: command, program: '{pager}'}}\n\
         - {{name: claw, sender: openclaw-cli, program: '{claw}', channel: telegram, to: 1}}\n\
         approvals: {{failure_receipts: phone, follow_up: [results, scores, learning, trust, reviews, rollbacks]}}\n\
         audit: {{publish: [{{name: heads, webhook: {{url: 'http://{sink}/heads'}}}}], keep_for: {{other: 1h}}, prune_every: 1s}}\n",
        token = program("token-read"),
        secret = program("secret-read"),
        pager = program("pager-ran"),
        claw = program("claw-ran"),
        api = api.address,
        sink = sink.address,
    );
    write(&home.state().join("candor.yaml"), &config);
    let calls = home.folder.path().join("calls");
    let daemon = up_traced(&home, &calls);
    home.ends(0, &["task", "start", "t", "--agent", "a"]);
    home.ends(0, &["task", "fail", "t", "--agent", "a", "--reason", "no"]);
    home.ends(0, &["notify", "look", "--severity", "critical"]);
    home.run(&["audit", "checkpoint", "publish"]);
    home.run(&["audit", "prune"]);
    let held = || {
        let status = home.json(&["status"]);
        let counts = status["deliveries"].as_array().unwrap().clone();
        counts.iter().filter(|of| of["reason"] == "gate_closed").map(|of| of["count"].as_u64().unwrap()).sum::<u64>()
    };
    wait("all of it is held", || held() >= 4);
    std::thread::park_timeout(PATIENCE / 10);
    assert_eq!(asked(&api), 0);
    assert!(sink.seen.lock().unwrap().is_empty());
    for trace_of in ["token-read", "secret-read", "pager-ran", "claw-ran"] {
        assert!(!trace(trace_of).exists(), "{trace_of}");
    }
    assert_eq!(home.json(&["gate", "history"])["entries"], json!([]));
    // What was wanted is there, with its gate's name.
    let waiting = home.json(&["gate", "list"])["waiting"].to_string();
    assert!(waiting.contains("runtime_result_capture_write") && waiting.contains("runtime_score_write"), "{waiting}");
    // The kernel's word beside the receivers': the daemon itself was started, and it neither started a program nor called an address.
    daemon.signal("-TERM");
    drop(daemon);
    if !has_strace() {
        return;
    }
    let calls = fs::read_to_string(&calls).unwrap();
    let outside = |call: &&str| call.contains("sin_port=") || call.contains("sin6_port=") || call.contains("execve(");
    let found: Vec<&str> = calls.lines().filter(outside).collect();
    assert!(found.len() == 1 && found[0].contains("candor"), "{found:#?}");
}
