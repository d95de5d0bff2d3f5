//! Sealed artifacts as files. When one of these changes, records of released versions no longer check.
//!
//! After a change of the format that is meant, with a new version: `CANDOR_UPDATE_GOLDEN=1 cargo test -p candor-audit`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use candor_audit::canonical;
use candor_audit::commit::{Nonce, Salt, commit_redacted, redact};
use candor_audit::header::TaskLink;
use candor_audit::kind::Kind;
use candor_audit::seal::{SealInput, check, seal};
use serde_json::{Value, json};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.json"))
}

/// Seals, redacts, and compares with the file; then checks the file alone, as a later release would.
fn golden(name: &str, input: SealInput<'_>, redactions: &[&str]) {
    let nonce = input.nonce.clone();
    let body = input.body.clone();
    let sealed = seal(input).unwrap();
    let redacted = redact(&nonce, &body, &redactions.iter().map(|p| (*p).to_owned()).collect()).unwrap();
    let salts: BTreeMap<&String, String> =
        redacted.salts.iter().map(|(p, salt)| (p, STANDARD.encode(salt.0))).collect();
    let made = json!({
        "nonce": STANDARD.encode(nonce.0),
        "header_line": String::from_utf8(sealed.header_line).unwrap(),
        "leaf_hash": STANDARD.encode(sealed.leaf_hash),
        "body": String::from_utf8(sealed.body).unwrap(),
        "redacted": redactions,
        "redacted_copy": String::from_utf8(canonical::to_bytes(&redacted.copy)).unwrap(),
        "salts": salts,
    });
    if env::var_os("CANDOR_UPDATE_GOLDEN").is_some() {
        fs::write(path(name), format!("{made:#}\n")).unwrap();
    }
    let kept: Value = serde_json::from_slice(&fs::read(path(name)).unwrap()).unwrap();
    assert_eq!(made, kept, "{name}");
    check_file(&kept);
}

fn check_file(kept: &Value) {
    let bytes = |key: &str| kept[key].as_str().unwrap().as_bytes();
    let decoded = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
    let nonce = Nonce(decoded(&kept["nonce"]).try_into().unwrap());
    let leaf = decoded(&kept["leaf_hash"]).try_into().unwrap();
    let header = check(bytes("header_line"), &leaf, &nonce, bytes("body")).unwrap();
    let copy: Value = serde_json::from_slice(bytes("redacted_copy")).unwrap();
    let salts = kept["salts"].as_object().unwrap();
    let salts = salts.iter().map(|(p, salt)| (p.clone(), Salt(decoded(salt).try_into().unwrap()))).collect();
    assert_eq!(commit_redacted(&copy, &salts).unwrap(), header.commit);
}

#[test]
fn an_event_that_opens_a_task() {
    let body = json!({
        "specversion": "1.0", "id": "e-12", "source": "urn:candor:node-7:watchdog", "subject": "task-123",
        "type": "reporting-governance.checkpoint.missed", "time": "2026-11-23T09:02:58.123456Z",
        "taskid": "task-123", "correlationid": "corr-123", "agentid": "builder-2", "runtime": "command",
        "data": {"level": 1, "silent_for_s": 1391.25, "in_flight": [], "last": {"note": "41 of 96", "waiting": false}, "owner": null},
    });
    let input = SealInput {
        index: 0,
        at_us: 1_795_424_578_123_456,
        kind: Kind::Event,
        id: "e-12",
        task: Some(TaskLink { task_id: "task-123".into(), seq: 1, prev: None }),
        correlation_id: Some("corr-123".into()),
        body: &body,
        nonce: &Nonce(std::array::from_fn(|n| n as u8)),
    };
    golden("event", input, &["/data/last", "/agentid"]);
}

#[test]
fn a_receipt_further_down_the_chain_with_awkward_keys() {
    let body = json!({
        "\u{e000}": 1, "\u{10000}": 2, "a/b~c\"d\\e\n": ["0", {"0": 0.1}, [], {}], "": "empty key",
        "numbers": [0, -1, 9_007_199_254_740_992_i64, -9_007_199_254_740_992_i64, 1e-7, 5e-324, 0.000_001],
        "raw": "\u{1}\u{7f}é\u{1f600}",
    });
    let input = SealInput {
        index: 9_007_199_254_740_992,
        at_us: -1,
        kind: Kind::Receipt,
        id: "r-9",
        task: Some(TaskLink { task_id: "nächtlich \"7\"".into(), seq: 30, prev: Some([0xfe; 32]) }),
        correlation_id: None,
        body: &body,
        nonce: &Nonce([0xff; 32]),
    };
    golden("receipt", input, &["/a~1b~0c\"d\\e\n/1", "/numbers/0", "/"]);
}

#[test]
fn a_gap_of_the_node_with_an_array_past_ten() {
    let body = json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let input = SealInput {
        index: 1,
        at_us: 0,
        kind: Kind::Gap,
        id: "g-1",
        task: None,
        correlation_id: None,
        body: &body,
        nonce: &Nonce([0; 32]),
    };
    golden("gap", input, &["/10"]);
}

#[test]
fn content_of_one_scalar() {
    let body = json!("v1");
    let input = SealInput {
        index: 2,
        at_us: 253_402_300_799_999_999,
        kind: Kind::HeartbeatFold,
        id: "0",
        task: None,
        correlation_id: Some(String::new()),
        body: &body,
        nonce: &Nonce([1; 32]),
    };
    golden("scalar", input, &[""]);
}
