//! Truth 6, with real channels: with its gate closed a sender does nothing at all.

use candor_approval::{
    GateKeeper,
    fixtures::{at, grant, keeper, owners},
};
use candor_core::{
    gate::{GATES, Gate, Grant, Scope},
    ids::{NoticeNo, TargetName},
    notice::Message,
};
use candor_world::senders::Binding;

use super::{
    bind,
    command::write_program,
    message, now, open, send,
    sink::{Act, Reply, Sink},
    word,
};

/// One use of a gate, for a target or all of them, in these seconds.
fn used(gate: Gate, scope: Scope, from: i64, until: i64) -> Grant {
    grant(gate, scope, at(from), at(until))
}

fn opening(gate: Gate) -> Grant {
    used(gate, Scope::default(), 0, FAR)
}

fn from(grants: Vec<Grant>) -> GateKeeper {
    GateKeeper::from_record(owners(), grants)
}

/// A password manager that has nothing, and notes each time that it was asked.
pub(super) fn manager(folder: &std::path::Path) -> String {
    let program = folder.join("manager");
    write_program(&program, &format!("#!/bin/sh\necho asked >> '{}'\nexit 1\n", folder.join("asked").display()));
    program.to_str().unwrap().to_owned()
}

/// In seconds: later than any test runs.
const FAR: i64 = 4_000_000_000;

async fn live(sink: &Sink, folder: &std::path::Path) -> Vec<(Binding, Gate)> {
    let program = folder.join("notify");
    let marker = folder.join("ran");
    let script =
        format!("cat > '{}' <<'X'\n#!/bin/sh\ntouch '{}'\nX\nchmod 755 '{0}'", program.display(), marker.display());
    assert!(std::process::Command::new("sh").args(["-c", &script]).status().unwrap().success());
    // The secrets come from a program that leaves a mark when it is asked, and gives none: an attempt that got past its gates is refused
    // for that, and says so.
    let (gives, port) = (manager(folder), sink.port);
    vec![
        (
            bind(&format!(
                "{{name: ops, sender: webhook, url: 'http://127.0.0.1:{port}/', secrets: [{{command: ['{gives}']}}]}}"
            )),
            Gate::ProductionWrite,
        ),
        (
            bind(&format!(
                "{{name: ops, sender: telegram, token: {{command: ['{gives}']}}, chat: 1, api_base: 'http://127.0.0.1:{port}'}}"
            )),
            Gate::BotApiCall,
        ),
        (bind(&format!("{{name: ops, sender: command, program: '{}'}}", program.display())), Gate::ProductionWrite),
        (
            bind(&format!(
                "{{name: ops, sender: openclaw-cli, program: '{}', channel: telegram, to: 1, token: {{command: ['{gives}']}}}}",
                program.display()
            )),
            Gate::GatewayQueueWrite,
        ),
    ]
}

#[tokio::test]
async fn truth_6_no_gate_no_effect() {
    let sink = Sink::start().await;
    sink.acts(Act { keeps: true, reply: Reply::Answer(200, Vec::new(), String::new()) });
    let folder = tempfile::tempdir().unwrap();
    for (binding, gate) in live(&sink, folder.path()).await {
        assert_eq!(binding.gate(), Some(gate));
        let expired = used(gate, Scope::default(), 0, 1);
        let ahead = used(gate, Scope::default(), FAR - 1, FAR);
        let mut unsigned = opening(gate);
        unsigned.opening.expires_at = at(FAR + 1);
        let elsewhere: TargetName = "elsewhere".parse().unwrap();
        let other = used(gate, Scope::channel(&elsewhere), 0, FAR);
        let all_but = |one: Gate| GATES.iter().filter(|any| **any != one).map(|any| opening(*any)).collect::<Vec<_>>();
        let all_but_it = all_but(gate);
        for grants in [Vec::new(), vec![expired], vec![ahead], vec![unsigned], vec![other], all_but_it] {
            let answer = binding.send(&mut from(grants), &message(1), &now).await;
            assert_eq!(word(&answer.outcome), "gate_closed", "{binding:?}: {answer:?}");
            assert!(format!("{answer:?}").contains(&format!("candor gate open {}", gate.as_str())), "{answer:?}");
            assert_eq!((answer.status, answer.raw, answer.simulated), (None, None, false));
        }
        // What reads no secret needs its own opening only; what does needs `secret_read` beside it.
        let needs_secrets = !binding.describe().starts_with("command@");
        let gates = if needs_secrets { vec![gate, Gate::SecretRead] } else { vec![gate] };
        assert_eq!(binding.gates(), gates);
        if needs_secrets {
            for grants in [vec![opening(gate)], all_but(Gate::SecretRead), vec![opening(Gate::SecretRead)]] {
                let answer = binding.send(&mut from(grants), &message(1), &now).await;
                assert_eq!(word(&answer.outcome), "gate_closed", "{binding:?}: {answer:?}");
            }
            assert!(!folder.path().join("asked").exists(), "{binding:?}: a secret was read with a gate closed");
        }
        // These openings are what it takes to get further.
        let answer = binding.send(&mut keeper(&gates), &message(1), &now).await;
        if needs_secrets {
            assert_eq!(word(&answer.outcome), "refused secret_unreadable");
            std::fs::remove_file(folder.path().join("asked")).unwrap();
        } else {
            assert!(folder.path().join("ran").exists(), "{answer:?}");
            std::fs::remove_file(folder.path().join("ran")).unwrap();
        }
    }
    assert_eq!(sink.connections(), 0);
    assert!(!folder.path().join("ran").exists(), "a program was started before all gates were open");
}

#[tokio::test]
async fn a_closed_gate_starts_no_program() {
    let sink = Sink::start().await;
    let folder = tempfile::tempdir().unwrap();
    for (binding, _) in live(&sink, folder.path()).await {
        binding.send(&mut from(Vec::new()), &message(1), &now).await;
    }
    assert!(!folder.path().join("ran").exists());
}

#[tokio::test]
async fn what_pretends_passes_no_gate_and_every_answer_says_so() {
    for (yaml, words) in [
        ("{name: ops, sender: dry-run}", vec!["simulated", "simulated"]),
        (
            "{name: ops, sender: shim, script: [{outcome: rate_limited, retry_after: 2s}, {outcome: proved}]}",
            vec!["rate_limited, wait 2000", "proved stored", "rate_limited, wait 2000"],
        ),
    ] {
        let binding = bind(yaml);
        assert_eq!(binding.gate(), None);
        for (place, expected) in words.iter().enumerate() {
            let attempt = u32::try_from(place).unwrap() + 1;
            let answer = binding.send(&mut from(Vec::new()), &message(attempt), &now).await;
            assert_eq!(word(&answer.outcome), *expected);
            assert!(answer.simulated, "{yaml}");
        }
        assert!(send(&binding).await.simulated);
        assert_eq!(binding.send(&mut open(), &message(1), &now).await.status, None);
    }
}

#[tokio::test]
async fn a_message_about_a_failure_elsewhere_passes_that_gate_too() {
    let sink = Sink::start().await;
    sink.acts(Act { keeps: true, reply: Reply::Answer(200, Vec::new(), String::new()) });
    let binding = bind(&format!("{{name: ops, sender: webhook, url: 'http://127.0.0.1:{}/'}}", sink.port));
    let receipt = Message { failure_of: Some(NoticeNo(2)), ..message(1) };
    let answer = binding.send(&mut keeper(&binding.gates()), &receipt, &now).await;
    assert_eq!(word(&answer.outcome), "gate_closed");
    assert!(format!("{answer:?}").contains("telegram_failure_receipt_send"), "{answer:?}");
    assert_eq!(sink.connections(), 0);
    let gates = [Gate::ProductionWrite, Gate::TelegramFailureReceiptSend];
    let answer = binding.send(&mut keeper(&gates), &receipt, &now).await;
    assert_eq!(word(&answer.outcome), "proved stored");
}

#[tokio::test]
async fn one_use_is_one_attempt() {
    let sink = Sink::start().await;
    sink.acts(Act { keeps: true, reply: Reply::Answer(200, Vec::new(), String::new()) });
    let binding = bind(&format!("{{name: ops, sender: webhook, url: 'http://127.0.0.1:{}/'}}", sink.port));
    let mut keeper = keeper(&binding.gates());
    assert_eq!(word(&binding.send(&mut keeper, &message(1), &now).await.outcome), "proved stored");
    assert_eq!(word(&binding.send(&mut keeper, &message(1), &now).await.outcome), "gate_closed");
    assert_eq!(sink.kept(), 1);
}
