//! What one artifact costs. Each row is the best of several rounds; ratios are taken in the same run.
//!
//! `cargo bench -p candor-audit`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench prints and reads a clock, and its input is fixed"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use candor_audit::commit::{Nonce, commit};
use candor_audit::header::TaskLink;
use candor_audit::kind::Kind;
use candor_audit::seal::{SealInput, check, seal};
use candor_audit::{canonical, json};
use serde_json::{Value, json};

const ROUNDS: u32 = 7;
const ROUND_TIME: Duration = Duration::from_millis(200);

fn main() {
    let small = event(0);
    let large = event(14);
    let nonce = Nonce([7; 32]);
    for (name, value) in [("20 scalars", &small), ("34 scalars", &large)] {
        let text = canonical::to_bytes(value);
        println!("{name}, {} canonical bytes", text.len());
        let floor = report("serde_json::to_vec (floor)", text.len(), None, || serde_json::to_vec(black_box(value)));
        report("canonical::to_bytes", text.len(), Some(floor), || canonical::to_bytes(black_box(value)));
        report("serde_json_canonicalizer", text.len(), Some(floor), || {
            serde_json_canonicalizer::to_vec(black_box(value))
        });
        let floor = report("serde_json::from_slice (floor)", text.len(), None, || {
            serde_json::from_slice::<Value>(black_box(&text))
        });
        report("json::parse, strict", text.len(), Some(floor), || json::parse(black_box(&text), 1 << 20));
        report("commit", text.len(), None, || commit(&nonce, black_box(value)));
        let best = report("seal", text.len(), None, || seal(input(black_box(value), &nonce)));
        println!("figure seal_us {:.2}", best.as_secs_f64() * 1e6);
        let sealed = seal(input(value, &nonce)).unwrap();
        report("check", text.len(), None, || check(&sealed.header_line, &sealed.leaf_hash, &nonce, &sealed.body));
        println!();
    }
    // Three texts, as the peer's audit log has them (xtask/bench/agentmesh).
    let three = json!({"agent": "builder-2", "action": "task-0000007", "decision": "allow"});
    let best = report("seal, three texts", 0, None, || seal(input(black_box(&three), &nonce)));
    println!("figure seal_three_us {:.3}", best.as_secs_f64() * 1e6);
    let sealed = seal(input(&three, &nonce)).unwrap();
    let best =
        report("check, three texts", 0, None, || check(&sealed.header_line, &sealed.leaf_hash, &nonce, &sealed.body));
    println!("figure check_three_us {:.3}", best.as_secs_f64() * 1e6);
}

fn input<'a>(body: &'a Value, nonce: &'a Nonce) -> SealInput<'a> {
    SealInput {
        index: 52_341,
        at_us: 1_795_424_578_123_456,
        kind: Kind::Event,
        id: "e-52341",
        task: Some(TaskLink { task_id: "nightly-migration-7".into(), seq: 30, prev: Some([9; 32]) }),
        correlation_id: Some("corr-nightly-7".into()),
        body,
        nonce,
    }
}

/// Prints time, rate and, against a floor, the share of its rate. Returns the time of one call.
fn report<T>(name: &str, bytes: usize, floor: Option<Duration>, mut call: impl FnMut() -> T) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut calls = 0;
        while start.elapsed() < ROUND_TIME {
            for _ in 0..100 {
                black_box(call());
            }
            calls += 100;
        }
        best = best.min(start.elapsed() / calls);
    }
    let seconds = best.as_secs_f64();
    let share = floor.map_or(String::new(), |floor| format!("{:>7.2} x floor", floor.as_secs_f64() / seconds));
    println!(
        "  {name:<32}{:>8.2} µs {:>10.0} /s {:>7.0} MB/s{share}",
        seconds * 1e6,
        1.0 / seconds,
        bytes as f64 / seconds / 1e6
    );
    best
}

/// An event of 20 scalars, with `more` in its list of signals.
fn event(more: usize) -> Value {
    let signals: Vec<Value> = (0..more).map(|n| json!(format!("transcript grew by {n} KiB since"))).collect();
    let mut event = json!({
        "specversion": "1.0",
        "id": "e-52341",
        "source": "urn:candor:node-7:watchdog",
        "type": "reporting-governance.checkpoint.missed",
        "subject": "nightly-migration-7",
        "time": "2026-11-23T09:02:58.123456Z",
        "taskid": "nightly-migration-7",
        "correlationid": "corr-nightly-7",
        "agentid": "builder-2",
        "runtime": "command",
        "datacontenttype": "application/json",
        "data": {
            "level": 2,
            "period_s": 900,
            "grace_s": 120,
            "silent_for_s": 1391.25,
            "last_checkpoint": {"at": "2026-11-23T08:39:47.000000Z", "note": "copied 41 of 96 tables", "waiting": false},
            "owner": null,
            "in_flight": [],
        }
    });
    if more > 0 {
        event["data"]["signals"] = Value::Array(signals);
    }
    event
}
