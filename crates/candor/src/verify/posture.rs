//! Level 3: each profile by what it does: a weak completion, and a notice where nothing proves delivery.

use std::collections::BTreeMap;

use candor_core::profile::SenderMode;
use serde_json::{Value, json};

use super::{
    Level, Saw, Verified,
    scratch::{Binding, Scratch},
    seen::text,
};
use crate::{
    config::{Config, Shelf},
    exit::Failure,
    home::Home,
    receiver::Receiver,
};

/// One profile, in a folder of its own.
struct Posture {
    id: String,
    scratch: Scratch,
    live: bool,
    config: Result<Config, String>,
}

pub(super) struct Postures(Vec<Posture>);

impl Postures {
    pub(super) fn prepare(home: &Home, binding: &Binding, receiver: &Receiver) -> Result<Self, Failure> {
        let mut all = Vec::new();
        for document in Shelf::Profiles.list(home)? {
            let name = format!("profile-{}", document.id);
            // A target that nothing listens at, where the profile lets one out: what can't be sent must say so.
            let pretends = json!([{ "name": "nowhere", "sender": "dry-run" }]);
            let mut scratch = Scratch::make(&name, binding, Some(&document.id), pretends)?;
            let config = Config::load(&scratch.home()).map_err(|failure| failure.message);
            let live = config.as_ref().is_ok_and(|config| config.deployment.resolved.lets_out(SenderMode::Webhook));
            if live {
                let nowhere = json!([{ "name": "nowhere", "sender": "webhook", "url": receiver.url(&name, "lost") }]);
                drop(scratch);
                scratch = Scratch::make(&name, binding, Some(&document.id), nowhere)?;
                let _ = scratch.done(&[
                    "gate",
                    "open",
                    "production_write",
                    "--reason",
                    "verification on loopback",
                    "--expires",
                    "10m",
                ]);
            }
            scratch.silent();
            all.push(Posture { id: document.id, scratch, live, config });
        }
        Ok(Self(all))
    }

    pub(super) fn verify(&self) -> Vec<Verified> {
        let checks = |posture: &Posture| {
            let id = &posture.id;
            let held = format!("{id}: a completion without evidence");
            let silent = format!("{id}: a notice without proof of delivery");
            let exported = format!("{id}: its receipts are portable");
            // In this order: the last exports what the first two made.
            let saw = [posture.weak_completion(), posture.unproved_notice(), posture.portable()];
            [held, silent, exported]
                .into_iter()
                .zip(saw)
                .map(|(check, saw)| Verified::of(Level::Profiles, check, saw))
                .collect::<Vec<_>>()
        };
        self.0.iter().flat_map(checks).collect()
    }
}

impl Posture {
    /// What a completion without any evidence comes to, by the thresholds that hold: held back, or said to be less.
    fn weak_completion(&self) -> Saw {
        let config = self.config.as_ref().map_err(Clone::clone)?;
        let Some(wanted) = wanted(config.machine.packs.thresholds()) else { return Ok("it sets no bar".to_owned()) };
        self.scratch.done(&["task", "start", "weak", "--agent", "agent"])?;
        let (code, said) = self.scratch.run(&["task", "complete", "weak", "--agent", "agent", "--summary", "done"])?;
        answered(&said, wanted).map(|()| format!("{wanted}, exit code {code}"))
    }

    /// What can't be sent is on record as such, with its reason, and never as delivered.
    fn unproved_notice(&self) -> Saw {
        self.scratch.done(&["run"])?;
        let seen = self.scratch.seen()?;
        let state = seen.deliveries.get("nowhere").ok_or("the silence made no notice")?;
        if state != "pending_external_send" {
            return Err(format!("its delivery is `{state}`, and nothing proves it"));
        }
        Ok(if self.live { "pending_external_send: the answer was lost" } else { "pending_external_send: a dry run" }
            .to_owned())
    }

    /// The record of it can be taken elsewhere and checked there.
    fn portable(&self) -> Saw {
        let file = self.scratch.folder().join("bundle.tar").display().to_string();
        let said = self.scratch.done(&["audit", "export", "--task", super::scratch::TASK, "--out", &file])?;
        let exported: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
        let key = text(&exported, "/key").to_owned();
        self.scratch.done(&["audit", "verify", &file, "--key", &key])?;
        let count = exported.pointer("/artifacts").and_then(Value::as_u64).unwrap_or(0);
        Ok(format!("{count} artifacts, intact"))
    }
}

/// What a completion without evidence must come to, by the thresholds that hold.
fn wanted(thresholds: &BTreeMap<String, i64>) -> Option<&'static str> {
    let value = |name: &str| thresholds.get(name).copied().unwrap_or(0);
    match (value("completion_block_below"), value("completion_min_strength")) {
        (1.., _) => Some("block_completion"),
        (_, 1..) => Some("downgrade_status"),
        _ => None,
    }
}

/// Whether it was answered with that verdict.
fn answered(said: &str, wanted: &str) -> Result<(), String> {
    let told: Value = serde_json::from_str(said).map_err(|_| format!("`task complete` said: {said}"))?;
    match text(&told, "/decision/requested") {
        verdict if verdict == wanted => Ok(()),
        verdict => Err(format!("it was answered with `{verdict}`, not `{wanted}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_completion_that_is_let_through_is_found() {
        let of = |below, min| {
            BTreeMap::from([("completion_block_below".to_owned(), below), ("completion_min_strength".to_owned(), min)])
        };
        assert_eq!(wanted(&of(3, 4)), Some("block_completion"));
        assert_eq!(wanted(&of(0, 1)), Some("downgrade_status"));
        assert_eq!(wanted(&of(0, 0)), None);
        assert!(answered(r#"{"decision": {"requested": "block_completion"}}"#, "block_completion").is_ok());
        assert!(answered(r#"{"decision": {"requested": "allow"}}"#, "block_completion").is_err());
        assert!(answered("{}", "downgrade_status").is_err());
        assert!(answered("error: refused", "downgrade_status").is_err());
    }
}
