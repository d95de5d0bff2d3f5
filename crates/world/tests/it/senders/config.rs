//! Targets as an operator writes them.

use candor_core::{
    decision::Severity,
    gate::Gate,
    notice::ProofLevel,
    settings::{OnUnknown, Retry},
};
use candor_world::senders::{Binding, HttpPool, SENDERS, TargetConfig};

use super::target;

fn error(yaml: &str) -> String {
    match serde_saphyr::from_str::<TargetConfig>(yaml) {
        Err(error) => error.to_string(),
        Ok(config) => Binding::from_config(&config, &HttpPool::default()).unwrap_err().to_string(),
    }
}

const MINIMAL: [(&str, &str); 6] = [
    ("dry-run", "{name: a, sender: dry-run}"),
    ("shim", "{name: a, sender: shim, script: [{outcome: unknown}]}"),
    ("command", "{name: a, sender: command, program: /bin/true}"),
    ("webhook", "{name: a, sender: webhook, url: 'https://example.org/x'}"),
    ("telegram", "{name: a, sender: telegram, token: {env: BOT_TOKEN}, chat: '@night_watch'}"),
    ("openclaw-cli", "{name: a, sender: openclaw-cli, program: /usr/bin/openclaw, channel: telegram, to: 111}"),
];

#[test]
fn every_sender_reads_from_its_least_and_tells_the_path_what_it_is() {
    assert_eq!(SENDERS, MINIMAL.map(|(name, _)| name));
    let gates = [
        None,
        None,
        Some(Gate::ProductionWrite),
        Some(Gate::ProductionWrite),
        Some(Gate::BotApiCall),
        Some(Gate::GatewayQueueWrite),
    ];
    let idempotent = [true, false, false, true, false, false];
    for (place, (name, yaml)) in MINIMAL.iter().enumerate() {
        let config = target(yaml);
        let binding = Binding::from_config(&config, &HttpPool::default()).unwrap();
        let target = config.target(Some(&binding));
        assert_eq!(target.sender, format!("{name}@{}", env!("CARGO_PKG_VERSION")));
        assert_eq!(binding.describe(), target.sender);
        assert_eq!(
            (target.gate, target.idempotent, target.available),
            (gates[place], idempotent[place], true),
            "{name}"
        );
        let secrets = usize::from(*name == "telegram");
        assert_eq!(binding.gates().len(), gates[place].map_or(0, |_| 1 + secrets), "{name}");
        assert_eq!((target.on_unknown, target.needs), (OnUnknown::Hold, ProofLevel::Stored));
        assert_eq!((target.from_level, target.from_severity, target.retry), (1, Severity::Info, Retry::default()));

        let elsewhere = config.target(None);
        assert_eq!((elsewhere.gate, elsewhere.available), (None, false));
    }
}

#[test]
fn every_common_field_is_read() {
    let config = target(
        "
name: night-ops
sender: shim
script:
  - {outcome: failed, times: 3, retry_after: 1m 30s}
idempotent: true
on_unknown: resend_possible_duplicate
needs: read_back
retry: {attempts_max: 4, first: 1s}
from_level: 2
from_severity: critical
",
    );
    assert_eq!(config.name.as_str(), "night-ops");
    assert_eq!((config.on_unknown, config.needs), (OnUnknown::ResendPossibleDuplicate, ProofLevel::ReadBack));
    assert_eq!((config.from_level, config.from_severity), (2, Severity::Critical));
    let retry = Retry { attempts_max: 4, first: std::time::Duration::from_secs(1), ..Retry::default() };
    assert_eq!(config.retry, retry);
    assert!(Binding::from_config(&config, &HttpPool::default()).unwrap().idempotent());
}

#[test]
fn mistakes_are_named_with_the_target_and_what_to_write() {
    for (yaml, says) in [
        ("{sender: dry-run}", "a target has no `name`"),
        (
            "{name: ops}",
            "target `ops` has no `sender`; write one of dry-run, shim, command, webhook, telegram, openclaw-cli",
        ),
        ("{name: ops, sender: pigeon}", "target `ops` names sender `pigeon`, which doesn't exist; known: dry-run"),
        ("{name: 'a b', sender: dry-run}", "is not a target name"),
        ("{name: ops, sender: dry-run, gate: none}", "unknown field `gate`"),
        ("{name: ops, sender: webhook, ulr: 'https://example.org'}", "unknown field `ulr`"),
        ("{name: ops, sender: webhook}", "missing field `url`"),
        ("{name: ops, sender: dry-run, needs: certainty}", "`needs`: unknown variant `certainty`"),
        ("{name: ops, sender: dry-run, retry: {attempts_max: 0}}", "`attempts_max` of at least 1"),
        ("{name: ops, sender: dry-run, retry: {first: 1h, longest: 1m}}", "no longer than `longest`"),
        ("{name: ops, sender: dry-run, retry: {attemps_max: 2}}", "unknown field `attemps_max`"),
        ("{name: ops, sender: dry-run, from_level: 0}", "`from_level` goes from 1 to 8"),
        ("{name: ops, sender: dry-run, from_level: 9}", "`from_level` goes from 1 to 8"),
        ("{name: ops, sender: command, program: notify}", "target `ops`: `program` must be an absolute path"),
        ("{name: ops, sender: telegram, token: '1:x', chat: 1}", "a secret is never written here"),
    ] {
        let error = error(yaml);
        assert!(error.contains(says), "{yaml}: {error}");
    }
}
