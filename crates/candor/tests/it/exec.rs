//! `candor exec`: transparent to the command, and a witness of it.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::common::{Bench, Running, until};

fn exec<'a>(task: &'a str, script: &'a str) -> Vec<&'a str> {
    vec!["exec", "--task", task, "--", "sh", "-c", script]
}

fn task(bench: &Bench, task: &str) -> Value {
    bench.json(&["task", "show", task])
}

fn state(bench: &Bench, name: &str) -> String {
    task(bench, name)["task"]["state"].as_str().unwrap().to_owned()
}

#[test]
fn the_exit_code_is_passed_through_and_recorded() {
    let bench = Bench::new();
    for code in [0, 1, 3, 125, 200] {
        let script = format!("exit {code}");
        assert_eq!(bench.run(&exec("codes", &script)).code(), code);
        let shown = task(&bench, "codes");
        assert_eq!(shown["task"]["state"], if code == 0 { "completed" } else { "failed" });
        let last = shown["evidence"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["subject"]["exit_code"], &last["strength"]), (&Value::from(code), &Value::from("observed")));
        assert_eq!(last["finding"]["bearing"], if code == 0 { "supports" } else { "contradicts" });
    }
}

#[test]
fn a_signal_death_is_128_and_its_number() {
    let bench = Bench::new();
    assert_eq!(bench.run(&exec("killed", "kill -9 $$")).code(), 137);
    let because = task(&bench, "killed")["task"]["because"].as_str().unwrap().to_owned();
    assert!(because.starts_with("ended by signal 9"), "{because}");
}

#[test]
fn what_cannot_be_started_has_the_shells_own_codes_and_is_told() {
    let bench = Bench::new();
    let missing = bench.run(&["exec", "--task", "typo", "--", "no-such-program-anywhere"]);
    assert_eq!(missing.code(), 127);
    assert!(missing.stderr().contains("`no-such-program-anywhere` wasn't found"), "{}", missing.stderr());
    assert_eq!(state(&bench, "typo"), "failed");
    std::fs::write(bench.path("plain.txt"), "not a program").unwrap();
    let plain = bench.path("plain.txt");
    let refused = bench.run(&["exec", "--task", "plain", "--", plain.to_str().unwrap()]);
    assert_eq!(refused.code(), 126, "{}", refused.stderr());
    assert_eq!(state(&bench, "plain"), "failed");
    assert_eq!(bench.notices().len(), 2, "both failures are told");
}

/// Bytes that are no text, more of them than a pipe holds, on both streams, from standard input on.
#[test]
fn output_is_passed_on_byte_for_byte_and_its_digest_is_kept() {
    let bench = Bench::new();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let args = exec("bytes", "tee /dev/stderr");
    let mut child = bench.command(&args);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feed = bytes.clone();
    let feeder = std::thread::spawn(move || stdin.write_all(&feed).unwrap());
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.stdout == bytes, "standard output differs");
    let stderr_without_ours = output.stderr.len() - bytes.len();
    let notes = String::from_utf8_lossy(&output.stderr).matches("candor: recorded, but nobody watches").count();
    assert!(notes == 1 && stderr_without_ours < 200, "{notes} notes, {stderr_without_ours} bytes more");
    let digest = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut digest = digest.unwrap();
    digest.stdin.take().unwrap().write_all(&bytes).unwrap();
    let digest = String::from_utf8(digest.wait_with_output().unwrap().stdout).unwrap();
    let kept = task(&bench, "bytes")["evidence"][0]["subject"]["output_sha256"].as_str().unwrap().to_owned();
    assert!(digest.starts_with(&kept), "{digest} {kept}");
}

/// A reader that goes away ends the command by SIGPIPE, as it would without candor; `yes` would run for ever otherwise.
#[test]
fn a_reader_that_goes_away_is_felt_by_the_command() {
    let bench = Bench::new();
    let mut child = bench.command(&["exec", "--task", "yes", "--", "yes"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let code = until("it ends", || child.try_wait().unwrap()).code();
    assert_eq!(code, Some(128 + 13));
}

/// A process left behind that holds the pipes open doesn't hold candor for ever.
#[test]
fn a_process_left_behind_does_not_hold_the_end_up() {
    let bench = Bench::new();
    let began = std::time::Instant::now();
    let ran = bench.run(&exec("left", "sleep 300 & echo $!"));
    assert_eq!((ran.code(), state(&bench, "left").as_str()), (0, "completed"));
    assert!(began.elapsed().as_secs() < 60);
    let _ = Command::new("kill").arg(ran.stdout().trim()).status();
    assert_eq!(task(&bench, "left")["evidence"][0]["subject"]["output_sha256"], Value::Null, "no digest of half a stream");
}

#[test]
fn signals_reach_all_that_the_command_started() {
    let bench = Bench::new();
    for (name, signal, code) in
        [("term", Signal::TERM, 143), ("int", Signal::INT, 130), ("hup", Signal::HUP, 129), ("usr1", Signal::USR1, 138)]
    {
        // The shell waits for its child, so it ends by the signal only if the whole group got it, or it did itself.
        let mut running = bench.start(&exec(name, "echo up; sleep 300; echo never"));
        running.until_line(|line| line == "up");
        running.signal(signal);
        assert_eq!(running.code(), code, "{name}");
        assert_eq!(state(&bench, name), "failed");
    }
}

#[test]
fn a_command_may_answer_a_signal_and_go_on() {
    let bench = Bench::new();
    let script = "trap 'echo got; exit 7' TERM; echo up; while :; do sleep 0.05; done";
    let mut running = bench.start(&exec("trap", script));
    running.until_line(|line| line == "up");
    running.signal(Signal::TERM);
    running.until_line(|line| line == "got");
    assert_eq!(running.code(), 7);
}

#[test]
fn what_nohup_ignores_stays_ignored() {
    let bench = Bench::new();
    let own = env!("CARGO_BIN_EXE_candor");
    let script = format!(
        "trap '' HUP; exec {own} --state {} exec --task nohup -- sh -c 'echo up; kill -HUP $$; echo lives'",
        bench.state().display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::null());
    let mut running = Running::start(command);
    running.until_line(|line| line == "lives");
    assert_eq!(running.code(), 0);
}

/// Candor's own failure never wedges the work: whatever is wrong with its store or its configuration, the command runs.
#[test]
fn truth_an_unusable_store_still_runs_the_command() {
    let held = Bench::new();
    held.done(&["task", "start", "other"]);
    let lock = std::fs::OpenOptions::new().read(true).write(true).open(held.path("candor.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let damaged = Bench::new();
    std::fs::write(damaged.path("candor.db"), "this is no database, whatever its name says").unwrap();
    let misconfigured = Bench::with("watch: {perido: 5m}\n");
    let in_the_way = Bench::new();
    let in_the_way_state = in_the_way.path("file");
    std::fs::write(&in_the_way_state, "a file where the folder should be").unwrap();
    for (what, bench) in [("held", &held), ("damaged", &damaged), ("misconfigured", &misconfigured)] {
        let ran = bench.run(&exec("t", "echo out; exit 5"));
        assert_eq!((ran.code(), ran.stdout().as_str()), (5, "out\n"), "{what}");
        assert_eq!(ran.stderr().matches("candor: not recorded: ").count(), 1, "{what}: {}", ran.stderr());
    }
    let mut command = in_the_way.command(&exec("t", "echo out; exit 5"));
    let output = command.env("CANDOR_STATE", &in_the_way_state).arg("--state").output();
    drop(output);
    let own = Command::new(env!("CARGO_BIN_EXE_candor"))
        .arg("--state")
        .arg(in_the_way_state.join("below"))
        .args(exec("t", "echo out; exit 5"))
        .output()
        .unwrap();
    assert_eq!((own.status.code(), own.stdout.as_slice()), (Some(5), b"out\n".as_slice()));
}

/// A daemon that takes connections and answers none: the command isn't held up by it, and its end only for a while.
#[test]
fn truth_a_daemon_that_hangs_never_holds_the_command() {
    let bench = Bench::new();
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let file = serde_json::json!({
        "pid": std::process::id(), "listen": deaf.local_addr().unwrap(), "started_at": "2026-01-01T00:00:00.000000Z",
    });
    std::fs::write(bench.path("daemon.json"), file.to_string()).unwrap();
    let mut running = bench.start(&exec("t", "echo first; echo second; exit 4"));
    running.until_line(|line| line == "second");
    assert_eq!(running.code(), 4);
}

const FAILING: &str = r#"<?xml version="1.0"?><testsuites tests="2" failures="1"><testsuite name="s" tests="2" failures="1"><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite></testsuites>"#;
const PASSING: &str = r#"<?xml version="1.0"?><testsuites tests="1" failures="0"><testsuite name="s" tests="1" failures="0"><testcase name="a"/></testsuite></testsuites>"#;

fn run_with_report(bench: &Bench, report: &str) -> (String, Value) {
    let path = bench.path("junit.xml");
    let path = path.to_str().unwrap();
    let script = format!("cat > {path} <<'EOF'\n{report}\nEOF");
    let args = ["exec", "--task", "tests", "--report", path, "--supports", "tests_passed", "--", "sh", "-c", &script];
    let ran = bench.done(&args);
    let evidence = bench.json(&["evidence", "list", "tests"])["evidence"].as_array().unwrap().clone();
    let report = evidence.into_iter().rfind(|evidence| evidence["subject"]["kind"] == "test_report");
    (ran.stderr(), report.expect("the report was picked up"))
}

fn looks_below(bench: &Bench) {
    bench.configure(&format!("evidence: {{collectors: {{roots: ['{}']}}}}\n", bench.state().display()));
}

#[test]
fn a_failing_test_report_contradicts_at_once_though_the_command_said_zero() {
    let bench = Bench::new();
    looks_below(&bench);
    let (told, report) = run_with_report(&bench, FAILING);
    assert_eq!(report["finding"]["bearing"], "contradicts", "{report}");
    assert_eq!(report["finding"]["tests"]["failed"], 1);
    assert!(told.contains("contradicts `tests_passed`"), "{told}");
    let claim = bench.run(&["claim", "tests", "tests_passed", "--statement", "all tests pass"]);
    assert_eq!(claim.code(), 6, "{}{}", claim.stdout(), claim.stderr());
}

#[test]
fn a_passing_test_report_is_verified() {
    let bench = Bench::new();
    looks_below(&bench);
    let (told, report) = run_with_report(&bench, PASSING);
    assert_eq!((&report["finding"]["bearing"], &report["strength"]), (&"supports".into(), &"verified".into()), "{told}");
}

#[test]
fn a_report_outside_the_operators_fences_or_from_before_proves_nothing() {
    let bench = Bench::new();
    let (told, report) = run_with_report(&bench, PASSING);
    assert_eq!(report["finding"]["bearing"], "inconclusive", "no root is allowed");
    assert!(told.contains("says nothing of `tests_passed`"), "{told}");
    let old = bench.path("old.xml");
    std::fs::write(&old, PASSING).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&old).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    let ran = bench.done(&["exec", "--task", "old", "--report", old.to_str().unwrap(), "--", "true"]);
    assert!(ran.stderr().contains("no test report at"), "{}", ran.stderr());
}

#[test]
fn growing_output_is_life_and_silence_is_told_by_a_daemon() {
    let bench = Bench::new();
    let daemon = bench.daemon();
    let period = ["exec", "--task", "lively", "--period", "1s", "--grace", "1s", "--", "sh", "-c"];
    let mut lively = bench.start(&[&period[..], &["for i in $(seq 40); do echo $i; sleep 0.1; done"]].concat());
    let mut silent = period;
    silent[2] = "silent";
    let mut silent = bench.start(&[&silent[..], &["echo working; sleep 5; echo back; sleep 1"]].concat());
    until("the silence is told", || {
        bench.notices().iter().any(|row| row["notice"]["task"] == "silent").then_some(())
    });
    assert_eq!((lively.code(), silent.code()), (0, 0));
    let about_lively: Vec<Value> =
        bench.notices().into_iter().filter(|row| row["notice"]["task"] == "lively").collect();
    assert!(about_lively.is_empty(), "it wrote all the time: {about_lively:?}");
    until("its return is told", || {
        bench.notices().iter().any(|row| row["notice"]["title"].as_str().unwrap().contains("is back")).then_some(())
    });
    assert_eq!(daemon.stop(), 0);
}
