//! A timer can be installed: one of the user's own schedulers answers.

use candor_core::capability::Probe;

use super::{Place, Saw};
use crate::schedulers::{SCHEDULERS, Scheduler};

/// The system's own needs root, and is never chosen by itself.
fn users() -> impl Iterator<Item = &'static Scheduler> {
    SCHEDULERS.iter().filter(|scheduler| !scheduler.needs_root)
}

pub(super) fn method(_: &Probe) -> String {
    users().map(|scheduler| format!("`{}`", scheduler.asks())).collect::<Vec<_>>().join(", ")
}

pub(super) fn look(_: &Probe, place: &Place) -> Saw {
    let mut why = Vec::new();
    for scheduler in users() {
        match scheduler.answers(&place.path) {
            Ok(saw) => return Ok(saw),
            Err(error) => why.push(error),
        }
    }
    Err(why.join("; "))
}
