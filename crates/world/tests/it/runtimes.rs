//! Readers of runtimes, with programs that stand in for them.

use std::path::Path;

use candor_approval::fixtures::{at, keeper};
use candor_core::gate::{GATES, Gate};
use candor_world::runtimes::{READ_BYTES_MAX, ReadError, Reader, ReaderConfig, RuntimeRead};

use crate::senders::command::write_program;

fn reader(yaml: &str) -> Result<Reader, String> {
    let config: ReaderConfig = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    Reader::bind(&config)
}

fn by_command(folder: &Path, lines: &str) -> Reader {
    let program = folder.join("tasks");
    write_program(&program, &format!("#!/bin/sh\ntouch '{}'\n{lines}\n", folder.join("ran").display()));
    reader(&format!("{{reader: command, timeout: 1s, plans: {{runtime-tasks: ['{}', --json]}}}}", program.display()))
        .unwrap()
}

#[tokio::test]
async fn a_runtime_is_asked_once_and_only_what_is_needed_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let said = r#"[{"id":"t-1","status":"running","prompt":"You are a helpful assistant","startedAt":1795593600}]"#;
    let reader = by_command(folder.path(), &format!("[ \"$1\" = --json ] && [ -z \"$USER\" ] && echo '{said}'"));
    let reading =
        reader.read(&mut keeper(&[Gate::CanonicalRuntimeReadback]), RuntimeRead::RuntimeTasks, at(5)).await.unwrap();
    let kept = serde_json::to_value(&reading).unwrap();
    assert_eq!(kept["items"], serde_json::json!([{"id": "t-1", "status": "running", "startedAt": "1795593600"}]));
    assert_eq!((kept["plan"].as_str(), kept["sha256"].as_str().map(str::len)), (Some("runtime-tasks"), Some(64)));
    assert_eq!(kept["bytes"], said.len() + 1);
}

#[tokio::test]
async fn truth_6_no_gate_no_question_and_a_dry_run_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let manager = folder.path().join("manager");
    write_program(&manager, &format!("#!/bin/sh\ntouch '{}'\n", folder.path().join("asked").display()));
    let own = by_command(folder.path(), "echo '[]'");
    let openclaw = reader(&format!(
        "{{reader: openclaw, program: '{}', token: {{command: ['{}']}}}}",
        folder.path().join("tasks").display(),
        manager.display()
    ))
    .unwrap();
    for (reader, gates) in [
        (&own, vec![Gate::CanonicalRuntimeReadback]),
        (&openclaw, vec![Gate::CanonicalRuntimeReadback, Gate::SecretRead]),
    ] {
        let asked = reader.would_ask(RuntimeRead::RuntimeTasks).unwrap();
        assert_eq!(asked.gates, gates);
        assert!(asked.program.ends_with("tasks") && asked.fields.contains(&"status"), "{asked:?}");
        for gate in gates {
            let others: Vec<Gate> = GATES.iter().copied().filter(|other| *other != gate).collect();
            let closed = reader.read(&mut keeper(&others), RuntimeRead::RuntimeTasks, at(5)).await.unwrap_err();
            assert!(matches!(&closed, ReadError::GateClosed(closed) if closed.gate == gate), "{closed:?}");
        }
    }
    for trace in ["ran", "asked"] {
        assert!(!folder.path().join(trace).exists(), "{trace}: something happened");
    }
    let unable = own.read(&mut keeper(GATES), RuntimeRead::GatewayQueue, at(5)).await.unwrap_err();
    assert_eq!(unable, ReadError::Unable("no program is named for `gateway-queue`".to_owned()));
}

#[tokio::test]
async fn what_is_no_answer_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let token = "123456789:AAF0planted-token-of-35-characters_";
    for (lines, says) in [
        ("exit 3".to_owned(), "exit code 3"),
        (format!("echo 'bad bot{token}' >&2; echo '[]'; exit 1"), "[redacted]"),
        ("echo '[{'".to_owned(), "not one JSON document"),
        ("echo '{}'".to_owned(), "no list of objects"),
        ("sleep 5".to_owned(), "no end within 1s"),
        ("kill -9 $$".to_owned(), "signal 9"),
        (format!("head -c {} /dev/zero | tr '\\0' ' '; echo '[]'", READ_BYTES_MAX + 1), "would mislead"),
    ] {
        let reader = by_command(folder.path(), &lines);
        let error = reader.read(&mut keeper(GATES), RuntimeRead::RuntimeTasks, at(5)).await.unwrap_err();
        assert!(matches!(&error, ReadError::NoAnswer(why) if why.contains(says)), "{lines}: {error:?}");
        assert!(!error.to_string().contains("planted"), "{error}");
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
