//! The suite that every kind of reader passes, with programs that stand in for runtimes. docs/adding-a-runtime.md tells how to add one.

use std::path::Path;

use candor_approval::fixtures::{at, keeper};
use candor_core::gate::{GATES, Gate};
use candor_world::runtimes::{READ_BYTES_MAX, ReadError, Reader, ReaderConfig, RuntimeRead};

use crate::senders::command::write_program;

fn reader(yaml: &str) -> Result<Reader, String> {
    let config: ReaderConfig = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    Reader::bind(&config)
}

/// A reader of one kind over a program whose script is given, and that program's secret where it has one.
type Made = fn(&Path, &str) -> Reader;

/// Every kind of reader. A new one is one line here.
const KINDS: [(&str, Made); 2] = [("command", by_command), ("openclaw", by_openclaw)];
/// The secret of those that have one.
const TOKEN: &str = "planted-gateway-token-0123456789";

/// A program that leaves a line in `ran` each time that it is run.
fn program(folder: &Path, name: &str, lines: &str) -> String {
    let path = folder.join(name);
    write_program(&path, &format!("#!/bin/sh\necho \"$*\" >> '{}'\n{lines}\n", folder.join("ran").display()));
    path.display().to_string()
}

fn by_command(folder: &Path, lines: &str) -> Reader {
    let path = program(folder, "tasks", lines);
    reader(&format!(
        "{{reader: command, timeout: 1s, plans: {{runtime-tasks: ['{path}', --json], gateway-queue: ['{path}'], captured-results: ['{path}']}}}}"
    ))
    .unwrap()
}

fn by_openclaw(folder: &Path, lines: &str) -> Reader {
    let path = program(folder, "openclaw", lines);
    let manager = folder.join("manager");
    write_program(&manager, &format!("#!/bin/sh\ntouch '{}'\necho {TOKEN}\n", folder.join("secret-read").display()));
    reader(&format!(
        "{{reader: openclaw, timeout: 1s, program: '{path}', token: {{command: ['{}']}}}}",
        manager.display()
    ))
    .unwrap()
}

fn runs(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("ran")).unwrap_or_default().lines().count()
}

/// The gates that a reader's question passes.
fn gates(reader: &Reader) -> Vec<Gate> {
    reader.would_ask(RuntimeRead::RuntimeTasks).unwrap().gates
}

#[tokio::test]
async fn the_seam_asks_once_and_only_what_is_needed_is_kept() {
    let said = r#"[{"id":"t-1","status":"running","prompt":"You are a helpful assistant","startedAt":1795593600}]"#;
    for (kind, made) in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let reader = made(folder.path(), &format!("[ -z \"$USER\" ] && [ -z \"$(cat)\" ] && echo '{said}'"));
        for (count, read) in RuntimeRead::ALL.into_iter().enumerate() {
            let reading = reader.read(&mut keeper(&gates(&reader)), read, at(5)).await.unwrap();
            let kept = serde_json::to_value(&reading).unwrap();
            let named = kept["items"].to_string();
            assert!(
                named.contains("t-1") && named.contains("running") && !named.contains("helpful"),
                "{kind}: {named}"
            );
            assert_eq!((kept["plan"].as_str(), kept["sha256"].as_str().map(str::len)), (Some(read.as_str()), Some(64)));
            assert_eq!((kept["bytes"].clone(), runs(folder.path())), ((said.len() + 1).into(), count + 1), "{kind}");
        }
        // One permit is for one question.
        let mut keeper = keeper(&gates(&reader));
        reader.read(&mut keeper, RuntimeRead::RuntimeTasks, at(5)).await.unwrap();
        let again = reader.read(&mut keeper, RuntimeRead::RuntimeTasks, at(5)).await.unwrap_err();
        assert!(matches!(again, ReadError::GateClosed(_)), "{kind}: {again:?}");
        assert_eq!(runs(folder.path()), RuntimeRead::ALL.len() + 1, "{kind}");
    }
}

#[tokio::test]
async fn truth_6_the_seam_without_a_gate_asks_nothing_and_a_dry_run_touches_nothing() {
    for (kind, made) in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let reader = made(folder.path(), "echo '[]'");
        let secrets = !reader.secrets().is_empty();
        let asked = reader.would_ask(RuntimeRead::RuntimeTasks).unwrap();
        let expected: Vec<Gate> =
            [Gate::CanonicalRuntimeReadback].into_iter().chain(secrets.then_some(Gate::SecretRead)).collect();
        assert_eq!(asked.gates, expected, "{kind}");
        assert!(asked.program.is_absolute() && asked.fields.contains(&"status"), "{kind}: {asked:?}");
        assert!(!serde_json::to_string(&asked).unwrap().contains(TOKEN), "{kind}");
        for gate in expected {
            let others: Vec<Gate> = GATES.iter().copied().filter(|other| *other != gate).collect();
            let closed = reader.read(&mut keeper(&others), RuntimeRead::RuntimeTasks, at(5)).await.unwrap_err();
            assert!(matches!(&closed, ReadError::GateClosed(closed) if closed.gate == gate), "{kind}: {closed:?}");
        }
        for trace in ["ran", "secret-read"] {
            assert!(!folder.path().join(trace).exists(), "{kind}, {trace}: something happened");
        }
    }
    let own = reader("{reader: command, plans: {runtime-tasks: [/bin/true]}}").unwrap();
    let unable = own.read(&mut keeper(GATES), RuntimeRead::GatewayQueue, at(5)).await.unwrap_err();
    assert_eq!(unable, ReadError::Unable("no program is named for `gateway-queue`".to_owned()));
}

#[tokio::test]
async fn the_seam_says_of_no_answer_that_it_is_none() {
    let token = "123456789:AAF0planted-token-of-35-characters_";
    for (kind, made) in KINDS {
        for (lines, says) in [
            ("exit 3".to_owned(), "exit code 3"),
            (format!("echo 'bad bot{token}' >&2; echo '[]'; exit 1"), "[redacted]"),
            ("echo \"bad $OPENCLAW_GATEWAY_TOKEN\" >&2; exit 1".to_owned(), "exit code 1"),
            ("echo '[{'".to_owned(), "not one JSON document"),
            ("echo '{}'".to_owned(), "no list of objects"),
            ("sleep 5".to_owned(), "no end within 1s"),
            ("kill -9 $$".to_owned(), "signal 9"),
            (format!("head -c {} /dev/zero | tr '\\0' ' '; echo '[]'", READ_BYTES_MAX + 1), "would mislead"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let reader = made(folder.path(), &lines);
            let error = reader.read(&mut keeper(GATES), RuntimeRead::RuntimeTasks, at(5)).await.unwrap_err();
            assert!(matches!(&error, ReadError::NoAnswer(why) if why.contains(says)), "{kind}, {lines}: {error:?}");
            assert!(!error.to_string().contains("planted"), "{kind}: {error}");
        }
    }
    let gone = reader("{reader: command, plans: {runtime-tasks: [/nowhere/tasks]}}").unwrap();
    assert!(gone.warnings().concat().contains("/nowhere/tasks"));
    let error = gone.read(&mut keeper(GATES), RuntimeRead::RuntimeTasks, at(5)).await.unwrap_err();
    assert!(matches!(error, ReadError::Unable(_)), "{error:?}");
}

#[test]
fn mistakes_are_named() {
    for (yaml, says) in [
        ("{reader: command, plans: {runtime-tasks: [tasks]}}", "absolute path, not `tasks`"),
        ("{reader: command, plans: {runtime-tasks: []}}", "names no program"),
        ("{reader: command, plans: {outcome-unknown-notices: [/bin/true]}}", "outcome-unknown-notices"),
        ("{reader: command, plans: {}, shell: true}", "shell"),
        ("{reader: openclaw, program: openclaw}", "absolute path, not `openclaw`"),
        ("{reader: openclaw, program: /bin/true, token: abc}", "a secret is never written here"),
        ("{reader: openclaw, program: /bin/true, timeout: 1h}", "at most 2m"),
        ("{reader: ssh}", "ssh"),
    ] {
        let error = reader(yaml).unwrap_err();
        assert!(error.contains(says), "{yaml}: {error}");
    }
    assert!(reader("{reader: openclaw, program: /bin/true}").unwrap().would_ask(RuntimeRead::GatewayQueue).is_ok());
}
