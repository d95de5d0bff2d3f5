//! A live target takes notices of level 2.

use candor_core::capability::Probe;

use super::{Place, Saw};

/// The first level that an escalation reaches.
const LEVEL: u8 = 2;

pub(super) fn method(_: &Probe) -> String {
    "a live target takes notices of level 2".to_owned()
}

pub(super) fn look(_: &Probe, place: &Place) -> Saw {
    place
        .targets
        .iter()
        .find(|target| target.secrets.is_ok() && target.from_level <= LEVEL)
        .map(|target| format!("{} takes level {LEVEL}", target.name))
        .ok_or_else(|| format!("no live target takes level {LEVEL}"))
}
