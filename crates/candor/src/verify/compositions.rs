//! Level 4: one entry point runs the whole chain, to each of its three ends.

use super::{
    Level, Verified,
    scratch::{Binding, Scratch, WAYS},
    seen::outcome,
};
use crate::{exit::Failure, receiver::Receiver};

pub(super) struct Compositions {
    scratch: Scratch,
    by: &'static str,
}

impl Compositions {
    pub(super) fn prepare(binding: &Binding, receiver: &Receiver) -> Result<Self, Failure> {
        let by =
            if binding.lets_out { "" } else { ", by the package's defaults: this profile lets no live sender out" };
        Ok(Self { scratch: Scratch::with_receiver("compositions", binding, receiver)?, by })
    }

    pub(super) fn verify(&self) -> Vec<Verified> {
        let ran = self.scratch.done(&["run"]);
        let seen = ran.and_then(|_| self.scratch.seen());
        let check = |way: &str| {
            let sender = if outcome(way) == "acked" { " -> sender" } else { "" };
            let name = format!("runner -> queue -> dispatcher -> bridge{sender} -> {}", outcome(way));
            let saw = seen.as_ref().map_err(Clone::clone).and_then(|seen| seen.composition(way));
            Verified::of(Level::Compositions, name, saw.map(|saw| format!("{saw}{}", self.by)))
        };
        WAYS.map(check).to_vec()
    }
}
