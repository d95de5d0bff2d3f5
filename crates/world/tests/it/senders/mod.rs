//! The senders' conformance: each against a channel that misbehaves in every way, held to the same truths.

mod bot_api;
pub(crate) mod command;
mod config;
mod gates;
mod openclaw_cli;
mod planted_secrets;
mod read_back;
mod sink;
mod telegram;
mod webhook;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use candor_approval::{GateKeeper, fixtures::keeper};
use candor_core::{
    decision::Severity,
    gate::GATES,
    ids::{Fence, NoticeNo},
    notice::{Answer, Message, Outcome},
    time::Timestamp,
};
use candor_world::senders::{Binding, HttpPool, TargetConfig};

/// A key as the path makes them.
const KEY: &str = "node-1/n-3/ops";

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

/// Every gate is open, once.
fn open() -> GateKeeper {
    keeper(GATES)
}

fn message(attempt: u32) -> Message {
    Message {
        notice: NoticeNo(3),
        target: "ops".parse().unwrap(),
        attempt,
        fence: Fence(9),
        key: KEY.to_owned(),
        severity: Severity::Critical,
        title: "nightly is silent".to_owned(),
        text: "No checkpoint for 2h; the last one said \"halfway\".".to_owned(),
        task: Some("nightly".parse().unwrap()),
        correlation: "c-1".parse().unwrap(),
        at: Timestamp::from_micros(1_795_593_600_000_000),
        covers: Vec::new(),
        maybe_repeat: false,
        failure_of: None,
    }
}

fn target(yaml: &str) -> TargetConfig {
    serde_saphyr::from_str(yaml).unwrap()
}

fn bind(yaml: &str) -> Binding {
    Binding::from_config(&target(yaml), &HttpPool::default()).unwrap()
}

async fn send(binding: &Binding) -> Answer {
    send_attempt(binding, 1).await
}

async fn send_attempt(binding: &Binding, attempt: u32) -> Answer {
    binding.send(&mut open(), &message(attempt), &now).await
}

/// A private file with a secret in it.
fn secret_file(folder: &Path, name: &str, secret: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, secret).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// An outcome's word with what the path acts on.
fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Proved { proof } => format!("proved {}", proof.level.as_str()),
        Outcome::Relayed { .. } => "relayed".to_owned(),
        Outcome::Simulated => "simulated".to_owned(),
        Outcome::Failed { retry_after_ms: None, .. } => "failed".to_owned(),
        Outcome::Failed { retry_after_ms: Some(ms), .. } => format!("failed, wait {ms}"),
        Outcome::RateLimited { retry_after_ms: None } => "rate_limited".to_owned(),
        Outcome::RateLimited { retry_after_ms: Some(ms) } => format!("rate_limited, wait {ms}"),
        Outcome::Refused { reason, .. } => format!("refused {}", reason.as_str()),
        Outcome::Unknown { .. } => "unknown".to_owned(),
        Outcome::GateClosed { .. } => "gate_closed".to_owned(),
    }
}

/// The truths that hold for every sender, channel and fault: what is called proved did arrive, and what is called failed or refused did
/// not. `arrived` is the channel's own count of messages that it kept.
fn holds_the_truth(case: &str, answer: &Answer, arrived: usize) {
    match &answer.outcome {
        Outcome::Proved { .. } => assert_eq!(arrived, 1, "{case}: false acked: {answer:?}"),
        Outcome::Failed { .. } | Outcome::Refused { .. } | Outcome::GateClosed { .. } => {
            assert_eq!(arrived, 0, "{case}: false blocked or failed: {answer:?}");
        }
        Outcome::Relayed { .. } | Outcome::RateLimited { .. } | Outcome::Simulated | Outcome::Unknown { .. } => {}
    }
    assert!(answer.called_at <= answer.answered_at, "{case}");
    assert!(answer.raw.as_ref().is_none_or(|raw| raw.len() <= candor_core::limits::RAW_ANSWER_BYTES_MAX), "{case}");
}
