//! `candor doctor`: what would keep the truth from the operator is found, and is an exit code.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;
use serde_json::Value;

use crate::common::{Bench, until};

/// The problems, and whether the exit code says the same.
fn problems(bench: &Bench) -> Vec<String> {
    let ran = bench.run(&["--json", "doctor"]);
    let found = ran.json();
    let of = |finding: &Value| format!("{} | {}", finding["what"].as_str().unwrap(), finding["next"].as_str().unwrap());
    let findings = found["findings"].as_array().unwrap();
    let problems: Vec<String> = findings.iter().filter(|finding| finding["weight"] == "problem").map(of).collect();
    assert_eq!(ran.code(), if problems.is_empty() { 0 } else { 13 });
    assert_eq!(found["healthy"], problems.is_empty());
    problems
}

fn one(bench: &Bench, wanted: &str) {
    let found = problems(bench);
    assert!(found.len() == 1 && found[0].contains(wanted), "wanted only `{wanted}`: {found:#?}");
}

#[test]
fn a_fresh_deployment_and_a_watched_one_are_healthy() {
    let bench = Bench::new();
    assert_eq!(problems(&bench), Vec::<String>::new());
    let daemon = bench.daemon();
    bench.done(&["task", "start", "t"]);
    assert_eq!(problems(&bench), Vec::<String>::new());
    drop(daemon);
}

#[test]
fn truth_a_watchdog_that_does_not_run_is_found() {
    let never = Bench::new();
    never.done(&["task", "start", "t"]);
    one(&never, "no watchdog has ever run: 1 running tasks");
    let stopped = Bench::new();
    let daemon = stopped.daemon();
    stopped.done(&["task", "start", "t"]);
    assert_eq!(daemon.stop(), 0);
    one(&stopped, "the last one was stopped at");
}

#[test]
fn a_watchdog_that_comes_by_in_passes_is_one() {
    let bench = Bench::new();
    bench.done(&["task", "start", "t"]);
    bench.done(&["run"]);
    assert_eq!(problems(&bench), Vec::<String>::new());
}

#[test]
fn notices_that_nobody_hands_over_are_found() {
    let bench = Bench::new();
    bench.done(&["task", "start", "t"]);
    bench.done(&["task", "fail", "t", "--reason", "no disk"]);
    one(&bench, "no dispatcher has ever run: 1 deliveries wait");
}

#[test]
fn closed_gates_and_blocked_notices_are_found_with_what_to_type() {
    let bench = Bench::with("targets: [{name: ops, sender: webhook, url: 'http://127.0.0.1:9/x', retry: {attempts_max: 1}}]\n");
    bench.done(&["task", "start", "t"]);
    bench.done(&["task", "fail", "t", "--reason", "no disk"]);
    bench.done(&["run"]);
    one(&bench, "candor gate open");
    bench.done(&["gate", "open", "production_write", "--reason", "a drill", "--expires", "1h"]);
    bench.done(&["run"]);
    one(&bench, "blocked (");
}

#[test]
fn open_folders_and_broken_configurations_are_found() {
    let bench = Bench::new();
    std::fs::set_permissions(bench.state(), std::fs::Permissions::from_mode(0o750)).unwrap();
    one(&bench, "mode 750");
    std::fs::set_permissions(bench.state(), std::fs::Permissions::from_mode(0o700)).unwrap();
    bench.configure("watch: {perido: 5m}\n");
    one(&bench, "perido");
    bench.configure("targets: [{name: late, sender: dry-run, from_level: 2}]\n");
    one(&bench, "no target takes notices of level 1");
}

#[test]
fn a_changed_record_is_found() {
    let bench = Bench::new();
    bench.done(&["task", "start", "t"]);
    bench.done(&["task", "complete", "t", "--summary", "UNCHANGED-WORDS"]);
    let daemon = bench.daemon();
    assert_eq!(daemon.stop(), 0);
    let path = bench.path("candor.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let wanted = b"UNCHANGED-WORDS";
    let places: Vec<usize> =
        bytes.windows(wanted.len()).enumerate().filter(|(_, window)| window == wanted).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "the record lies in the database as text");
    for at in places {
        bytes[at] = b'X';
    }
    std::fs::write(&path, bytes).unwrap();
    let found = problems(&bench);
    assert!(found.iter().any(|what| what.contains("was changed")), "{found:#?}");
}

/// After `kill -9` the file of the daemon is still there, and nobody answers: the watchdog counts as gone once its beats are old.
#[test]
fn a_killed_daemon_is_not_taken_for_a_running_one() {
    let bench = Bench::new();
    let mut daemon = bench.daemon();
    bench.done(&["task", "start", "t"]);
    daemon.signal(Signal::KILL);
    daemon.code();
    assert!(bench.path("daemon.json").exists());
    let found = until("its beats are old", || {
        let found = problems(&bench);
        (!found.is_empty()).then_some(found)
    });
    assert!(found[0].contains("fell silent"), "{found:#?}");
}
