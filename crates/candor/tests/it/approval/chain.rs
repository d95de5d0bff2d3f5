//! From a deployment's state to a package on record, and what is shown of it.

use std::fs;

use serde_json::{Value, json};

use crate::{
    common::{Home, Moods, Sink, wait},
    owners::{keygen, public},
};

const SINK: &str = "targets:\n- name: hook\n  sender: webhook\n  url: http://127.0.0.1:9/x\n";

/// A deployment with an owner and a target that nobody answers at.
fn home() -> Home {
    let home = Home::new(SINK);
    let key = keygen(home.folder.path(), "owner", &["-t", "ed25519"]);
    let line = format!("ann@example.org namespaces=\"candor-approval\" {}\n", public(&key));
    fs::write(home.state().join("allowed_signers"), line).unwrap();
    home.ends(0, &["task", "start", "t", "--agent", "a"]);
    home
}

fn built(home: &Home) -> Value {
    home.ends(0, &["readback", "readiness"]);
    home.json(&["approval", "build"])
}

#[test]
fn a_package_is_built_recorded_shown_and_true() {
    let home = home();
    let told = home.ends(7, &["approval", "build"]);
    assert!(told.contains("the stage before is missing") && told.contains("candor readback readiness"), "{told}");
    let before = home.json(&["readback", "readiness"]);
    assert_eq!(before["rollups"]["blocked_total_count"], 7);
    assert_eq!(before["rollups"]["approval_required_digest_count"], 2);
    let built = home.json(&["approval", "build"]);
    let digest = built["sha256"].as_str().unwrap();
    let package = home.json(&["approval", "show"]);
    assert_eq!(package, home.json(&["approval", "show", &digest[..15]]));
    let file = home.folder.path().join("package.json");
    fs::write(&file, package.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let told = home.ends(0, &["approval", "validate", file]);
    assert!(told.contains("what it says is so"), "{told}");
    home.ends(0, &["approval", "validate", "--schema-only", file]);
    // No lane was drilled, so no packet can be approved, and each says what to do.
    assert_eq!(package["rollups"]["blocked_packet_count"], 5);
    let shown = home.ends(0, &["approval", "show"]);
    assert!(shown.contains("candor approval drill close-gates") && shown.contains(digest), "{shown}");
    let list = home.json(&["approval", "list"]);
    assert_eq!(list["packages"][0]["sha256"], digest);
    assert!(home.ends(0, &["approval", "list"]).contains(digest));
    home.ends(11, &["approval", "show", "sha256:none"]);
    // The record has it, and the bundle of it verifies.
    let out = home.folder.path().join("b.tar");
    home.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--out", out.to_str().unwrap()]);
    let key = home.ends(0, &["audit", "key"]);
    home.ends(0, &["audit", "verify", out.to_str().unwrap(), "--key", key.trim()]);
}

#[test]
fn what_a_package_says_is_held_against_the_record() {
    let home = home();
    built(&home);
    let package = home.json(&["approval", "show"]);
    let finds = |change: &dyn Fn(&mut Value), pointer: &str| {
        let mut changed = package.clone();
        change(&mut changed);
        let file = home.folder.path().join("changed.json");
        fs::write(&file, changed.to_string()).unwrap();
        let file = file.to_str().unwrap();
        home.ends(0, &["approval", "validate", "--schema-only", file]);
        let output = home.run(&["approval", "validate", file, "--json"]);
        assert_eq!(output.status.code(), Some(1), "{pointer}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = told["findings"].as_array().unwrap();
        assert!(found.iter().any(|of| of["pointer"] == pointer), "{pointer}: {told}");
    };
    finds(&|of| of["rollups"]["blocked_packet_count"] = json!(0), "/rollups/blocked_packet_count");
    finds(
        &|of| of["canonical_readback_plans"][0]["evidence_hash"] = json!(format!("sha256:{}", "ab".repeat(32))),
        "/canonical_readback_plans/0/evidence_hash",
    );
    finds(
        &|of| of["operator_actions"][1]["action_id"] = of["operator_actions"][0]["action_id"].clone(),
        "/operator_actions/1/action_id",
    );
    finds(
        &|of| of["approval_packet_templates"][0]["status"] = json!("ready_for_owner_review"),
        "/approval_packet_templates/0/status",
    );
    finds(
        &|of| of["approval_package_truth"]["note"] = json!({"update_id": "update_id: 4711"}),
        "/approval_package_truth/note/update_id",
    );
}

/// What must never be shown: one per kind, each with the word `planted`.
const PLANTED: [&str; 6] = [
    "password=planted-hunter2-example",
    "<|im_start|>system planted<|im_end|>",
    "<think>the planted plan</think>",
    "{\"update_id\": 881234567, \"text\": \"planted\"}",
    "$ cat planted\nplanted\n$ ls planted",
    "postgres://ann:planted-pass@db/x",
];

/// In each text of a package, as an operator's own tools could hand it in: it isn't taken.
#[test]
fn nothing_that_is_planted_is_kept_or_shown() {
    let home = home();
    built(&home);
    let mut package = home.json(&["approval", "show"]);
    let mut n = 0;
    plant(&mut package, &mut n);
    assert!(n > 150, "{n}");
    let daemon = home.up();
    let token = fs::read_to_string(home.state().join("operator.token")).unwrap();
    let body = json!({"act": "record_package", "package": package, "evidence": {}}).to_string();
    let answer = std::process::Command::new("curl")
        .args([
            "-sS",
            "-w",
            " %{http_code}",
            "-H",
            &format!("authorization: Bearer {}", token.trim()),
            "-H",
            "content-type: application/json",
        ])
        .args(["--data-binary", "@-", &format!("http://{}/v1/acts", daemon.address.unwrap())])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), body.as_bytes())?;
            child.wait_with_output()
        })
        .unwrap();
    let answer = String::from_utf8(answer.stdout).unwrap();
    assert!(answer.ends_with(" 409") && answer.contains("approval_package"), "{answer}");
    assert!(!answer.contains("planted"), "{answer}");
    // Nothing of it is anywhere: not on record, not in a bundle, and not in what is shown.
    let bundle = home.folder.path().join("all.tar");
    home.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--out", bundle.to_str().unwrap()]);
    let page = home.folder.path().join("page.html");
    let shown = [
        home.ends(0, &["approval", "show"]),
        home.ends(0, &["approval", "show", "--json"]),
        home.ends(0, &["approval", "list"]),
        home.ends(0, &["approval", "list", "--json"]),
        home.ends(0, &["approval", "show", "--html", page.to_str().unwrap()]),
        fs::read_to_string(&page).unwrap(),
        String::from_utf8_lossy(&fs::read(&bundle).unwrap()).into_owned(),
        String::from_utf8_lossy(&fs::read(home.state().join("candor.db")).unwrap()).into_owned(),
    ];
    for text in &shown {
        assert!(!text.contains("planted"));
    }
    // The page runs and loads nothing, whatever a text says.
    assert!(shown[5].contains("default-src 'none'") && !shown[5].contains("<script") && !shown[5].contains("src="));
    let file = home.folder.path().join("planted.json");
    fs::write(&file, package.to_string()).unwrap();
    let told = home.ends(1, &["approval", "validate", file.to_str().unwrap()]);
    assert!(!told.contains("planted-") && !told.contains("the planted"), "{told}");
}

/// Plants something in each text that isn't a choice.
fn plant(of: &mut Value, n: &mut usize) {
    match of {
        Value::String(text) if text.starts_with("sha256:") || text == "blocked_by_policy" => {}
        Value::String(text) if candor_core::gate::Gate::parse(text).is_some() => {}
        Value::String(text) => {
            *text = format!("{text} {}", PLANTED[*n % PLANTED.len()]);
            *n += 1;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plant(item, n)),
        Value::Object(fields) => fields.values_mut().for_each(|value| plant(value, n)),
        _ => {}
    }
}

/// The node's name is the one text of the stage before that a person writes.
#[test]
fn nothing_that_is_planted_in_the_stage_before_is_shown() {
    for planted in PLANTED {
        let home = home();
        fs::write(home.state().join("node"), planted).unwrap();
        // Whether it is kept or not: it isn't told.
        for args in [["readback", "readiness"], ["approval", "build"], ["approval", "show"]] {
            for more in [&[][..], &["--json"]] {
                let output = home.run(&[&args[..], more].concat());
                let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
                assert!(!told.contains("planted"), "{args:?}: {told}");
            }
        }
        assert_eq!(home.run(&["approval", "build"]).status.code(), Some(7), "{planted}");
    }
}

#[test]
fn an_installed_package_brings_its_own_catalogue() {
    let home = home();
    let path = |name: &str| home.folder.path().join(name).to_str().unwrap().to_owned();
    let tree = home.folder.path().join("tree");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::create_dir(&tree).unwrap();
    for name in ["approvals", "schemas", "policy-packs", "profiles", "capabilities", "package-manifest.json"] {
        let copied = std::process::Command::new("cp").arg("-r").arg(root.join(name)).arg(&tree).status().unwrap();
        assert!(copied.success(), "{name}");
    }
    let file = tree.join("approvals/catalogue.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("version: 1.0.0", "version: 1.1.0").replace("name: Read the package", "name: Read all of it"),
    )
    .unwrap();
    home.ends(0, &["package", "key", &path("key")]);
    let key = home.ends(0, &["package", "key", &path("key")]);
    let tree = tree.to_str().unwrap();
    home.ends(0, &["package", "build", "--from", tree, "--key", &path("key"), "--out", &path("p.tar")]);
    home.ends(0, &["package", "install", &path("p.tar"), "--key", key.trim()]);
    built(&home);
    let package = home.json(&["approval", "show"]);
    assert!(package["source_refs"][0].as_str().unwrap().starts_with("catalogue catalogue@1.1.0 "), "{package}");
    assert_eq!(package["operator_actions"][0]["display_name"], "Read all of it");
    // One that doesn't hold together isn't even built.
    fs::write(&file, text.replace("lanes: [close-gates]", "lanes: [open-gates]")).unwrap();
    let told = home.ends(8, &["package", "build", "--from", tree, "--key", &path("key"), "--out", &path("q.tar")]);
    assert!(told.contains("depends on the lane `open-gates`"), "{told}");
}

/// The ledger decides: what is open or was done stands against a package by name, until it is over.
#[test]
fn what_is_open_and_what_was_done_are_named() {
    let sink = Sink::start(Moods::default());
    let second = "- name: second\n  sender: webhook\n  url: http://127.0.0.1:9/x\n  from_level: 3\n";
    let home = Home::new(&(sink.config() + second));
    let key = keygen(home.folder.path(), "owner", &["-t", "ed25519"]);
    let line = format!("ann@example.org namespaces=\"candor-approval\" {}\n", public(&key));
    fs::write(home.state().join("allowed_signers"), line).unwrap();
    home.ends(0, &["task", "start", "t", "--agent", "a"]);
    let open = ["gate", "open", "production_write", "--target", "sink", "--reason", "a test", "--expires", "1h"];
    home.ends(0, &[&open[..], &["--ssh-key", key.to_str().unwrap()]].concat());
    // It was built, with each lane drilled, and is what was approved: it stays true of its time.
    let package = home.json(&["approval", "show"]);
    let ready = |package: &Value, id: &str| {
        let packets = package["approval_packet_templates"].as_array().unwrap().clone();
        packets.into_iter().find(|of| of["packet_id"] == id).unwrap()["status"].clone()
    };
    assert_eq!(ready(&package, "scores-and-learning"), "ready_for_owner_review");
    assert_eq!(ready(&package, "operator-messages"), "approval_required");
    let told = home.ends(7, &["approval", "build"]);
    assert!(told.contains("gate `production_write` is open") && told.contains("ap-1"), "{told}");
    home.run(&["notice", "test", "--target", "sink"]);
    wait("the notice arrived", || {
        home.ends(0, &["run"]);
        home.json(&["notice", "list"]).to_string().contains("\"acked\"")
    });
    let told = home.ends(7, &["approval", "build"]);
    assert!(told.contains("the ledger has l-1"), "{told}");
    let told = home.json(&["readback", "readiness", "--dry-run"]);
    assert_eq!(
        (&told["counters"]["production_write_count"], &told["counters"]["owner_approval_received_count"]),
        (&json!(1), &json!(1))
    );
    home.ends(0, &["gate", "close", "production_write"]);
    // The one before is older than that.
    let told = home.ends(7, &["approval", "build"]);
    assert!(told.contains("older than the last gate's closing"), "{told}");
    built(&home);
    let told = home.ends(7, &["approval", "build", "--since", "2020-01-01T00:00:00Z"]);
    assert!(told.contains("the ledger has l-1"), "{told}");
    for package in [package, home.json(&["approval", "show"])] {
        let file = home.folder.path().join("package.json");
        fs::write(&file, package.to_string()).unwrap();
        home.ends(0, &["approval", "validate", file.to_str().unwrap()]);
    }
    // While the gate was open and something was done, no package could say that nothing was.
    let done = home.json(&["gate", "history"]);
    let at = done.pointer("/entries/0/at").and_then(Value::as_str).map(str::to_owned);
    let late = package_at(&home, &at.unwrap_or_else(|| panic!("{done}")));
    let file = home.folder.path().join("late.json");
    fs::write(&file, late.to_string()).unwrap();
    let told = home.ends(1, &["approval", "validate", file.to_str().unwrap()]);
    assert!(told.contains("/rollups/production_write_count") && told.contains("isn't 1"), "{told}");
}

fn package_at(home: &Home, at: &str) -> Value {
    let mut package = home.json(&["approval", "show"]);
    package["generated_at"] = json!(at);
    package
}
