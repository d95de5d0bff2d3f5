//! A live target can be asked what became of a message.

use candor_core::capability::Probe;

use super::{Place, Saw};

pub(super) fn method(_: &Probe) -> String {
    "live targets are looked at for a way to ask what became of a message; none is asked".to_owned()
}

pub(super) fn look(_: &Probe, place: &Place) -> Saw {
    let able = |target: &&super::LiveTarget| target.secrets.is_ok() && target.reads_back.is_ok();
    let names: Vec<&str> = place.targets.iter().filter(able).map(|target| target.name.as_str()).collect();
    if !names.is_empty() {
        return Ok(format!("can be asked: {}", names.join(", ")));
    }
    let why = place.targets.iter().filter_map(|target| {
        let why = target.secrets.as_ref().and(target.reads_back.as_ref()).err()?;
        Some(format!("{}: {why}", target.name))
    });
    let why: Vec<String> = why.collect();
    Err(if why.is_empty() { "no target leaves this machine".to_owned() } else { why.join("; ") })
}
