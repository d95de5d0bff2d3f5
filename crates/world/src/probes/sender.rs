//! A live target's secrets can be read. They are not read, and never shown.

use candor_core::capability::Probe;

use super::{Place, Saw};

pub(super) fn method(_: &Probe) -> String {
    "the secrets of live targets are looked for, not read".to_owned()
}

pub(super) fn look(_: &Probe, place: &Place) -> Saw {
    let ready: Vec<&str> =
        place.targets.iter().filter(|target| target.secrets.is_ok()).map(|target| target.name.as_str()).collect();
    if !ready.is_empty() {
        return Ok(format!("ready: {}", ready.join(", ")));
    }
    let why: Vec<String> = place
        .targets
        .iter()
        .filter_map(|target| target.secrets.as_ref().err().map(|why| format!("{}: {why}", target.name)))
        .collect();
    Err(if why.is_empty() { "no target leaves this machine".to_owned() } else { why.join("; ") })
}
