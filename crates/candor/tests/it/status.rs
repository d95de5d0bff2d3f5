//! `candor status`: what stands where, and aloud what doesn't run.

use crate::common::{Bench, until};

#[test]
fn without_a_store_it_says_how_to_begin() {
    let bench = Bench::new();
    let ran = bench.run(&["status"]);
    assert_eq!(ran.code(), 11);
    assert!(ran.stderr().contains("hint: start with `candor up`"), "{}", ran.stderr());
}

#[test]
fn that_nobody_watches_is_said_aloud_and_no_longer_once_somebody_does() {
    let bench = Bench::new();
    bench.done(&["task", "start", "t"]);
    let status = bench.json(&["status"]);
    assert_eq!((&status["tasks"]["running"], &status["watchdog"]["unwatched"]), (&1.into(), &true.into()));
    assert!(bench.done(&["status"]).stdout().contains("WARNING: nobody watches: 1 running"));
    let daemon = bench.daemon();
    until("the daemon has registered", || {
        (bench.json(&["status"])["watchdog"]["alive"] == true).then_some(())
    });
    let told = bench.done(&["status"]).stdout();
    assert!(told.contains("up runs, last heartbeat") && !told.contains("WARNING"), "{told}");
    assert_eq!(daemon.stop(), 0);
    assert_eq!(bench.json(&["status"])["watchdog"]["alive"], false);
}

#[test]
fn closed_and_open_gates_and_counts_with_reasons_are_shown() {
    let bench = Bench::with("targets: [{name: ops, sender: webhook, url: 'http://127.0.0.1:9/x'}]\n");
    bench.done(&["task", "start", "t"]);
    bench.done(&["task", "fail", "t", "--reason", "no disk"]);
    bench.done(&["run"]);
    let told = bench.done(&["status"]).stdout();
    assert!(told.contains("target ops: webhook@") && told.contains("is CLOSED: candor gate open production_write"), "{told}");
    assert!(told.contains("are unsigned"), "the sender's own warning: {told}");
    let status = bench.json(&["status"]);
    let counts = status["deliveries"].as_array().unwrap();
    assert_eq!((&counts[0]["state"], &counts[0]["reason"]), (&"pending_external_send".into(), &"gate_closed".into()));
    bench.done(&["gate", "open", "production_write", "--reason", "a drill", "--expires", "1h"]);
    let told = bench.done(&["status"]).stdout();
    assert!(told.contains("gate production_write is open until") && told.contains("(a drill)"), "{told}");
}

#[test]
fn a_broken_configuration_hides_nothing_that_is_on_record() {
    let bench = Bench::new();
    bench.done(&["task", "start", "t"]);
    bench.configure("watch: {perido: 5m}\n");
    let told = bench.done(&["status"]).stdout();
    assert!(told.contains("WARNING: the configuration can't be used") && told.contains("1 running"), "{told}");
}
