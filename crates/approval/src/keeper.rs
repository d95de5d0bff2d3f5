//! The gate keeper: the only place that reads openings and makes permits.

use std::{fmt, marker::PhantomData};

use candor_core::{
    gate::{Gate, Opening},
    ids::{OpeningNo, TargetName},
    time::Timestamp,
};
use thiserror::Error;

use crate::kinds::{GateKind, Simulation};

/// Leave for one effect of one kind. Not copyable: the function with the effect takes it by value.
pub struct Permit<G: GateKind> {
    opening: Option<OpeningNo>,
    gate: PhantomData<fn() -> G>,
}

impl<G: GateKind> Permit<G> {
    /// The gate that it passes; none for a simulation.
    #[must_use]
    pub fn gate(&self) -> Option<Gate> {
        G::GATE
    }

    /// The operator's recorded act under which it was made; none for a simulation.
    #[must_use]
    pub fn opening(&self) -> Option<OpeningNo> {
        self.opening
    }
}

impl<G: GateKind> fmt::Debug for Permit<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("gate", &G::GATE).field("opening", &self.opening).finish()
    }
}

/// Why a gate is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyClosed {
    /// No operator opened it.
    NeverOpened,
    /// It was opened for another target only.
    OtherTarget {
        /// The target of the latest opening.
        only: TargetName,
    },
    /// Its time ran out.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// An operator closed it before its time ran out.
    Closed {
        /// When.
        at: Timestamp,
    },
    /// The opening lies in the future: the clock was set back since.
    NotYet {
        /// From when it holds.
        from: Timestamp,
    },
}

impl fmt::Display for WhyClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverOpened => f.write_str("it was never opened"),
            Self::OtherTarget { only } => write!(f, "it is open for target `{only}` only"),
            Self::Expired { at } => write!(f, "its opening expired at {at}"),
            Self::Closed { at } => write!(f, "an operator closed it at {at}"),
            Self::NotYet { from } => {
                write!(f, "its opening holds from {from} on, and the clock says that this lies ahead")
            }
        }
    }
}

/// A gate was asked for and is closed. Nothing happened.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("gate `{}` is closed{}: {why}; open it with `candor gate open {} --reason \"...\" --expires 8h`", gate.as_str(), for_target(target.as_ref()), gate.as_str())]
pub struct GateClosed {
    /// The gate.
    pub gate: Gate,
    /// The target that it was asked for.
    pub target: Option<TargetName>,
    /// Why.
    pub why: WhyClosed,
}

fn for_target(target: Option<&TargetName>) -> String {
    target.map(|name| format!(" for target `{name}`")).unwrap_or_default()
}

/// Makes permits from what the record says.
#[derive(Debug)]
pub struct GateKeeper {
    openings: Vec<Opening>,
}

impl GateKeeper {
    /// A keeper over the openings that the store holds. Call it with what was just read from there, and nothing else.
    ///
    /// Handed the one opening that an attempt was recorded under, it permits that attempt under this opening or not at all.
    #[must_use]
    pub fn from_record(openings: Vec<Opening>) -> Self {
        Self { openings }
    }

    /// Leave for one effect through gate `G` toward `target` (none for an effect without a target).
    ///
    /// # Errors
    /// [`GateClosed`], which says why and which command opens the gate. Never for [`Simulation`].
    pub fn permit<G: GateKind>(&self, target: Option<&TargetName>, now: Timestamp) -> Result<Permit<G>, GateClosed> {
        let Some(gate) = G::GATE else {
            return Ok(Permit { opening: None, gate: PhantomData });
        };
        match self.openings.iter().find(|opening| opening.allows(gate, target, now)) {
            Some(opening) => Ok(Permit { opening: Some(opening.no), gate: PhantomData }),
            None => Err(GateClosed { gate, target: target.cloned(), why: self.why_closed(gate, target, now) }),
        }
    }

    /// Leave to pretend. It opens nothing.
    #[must_use]
    pub fn simulation() -> Permit<Simulation> {
        Permit { opening: None, gate: PhantomData }
    }

    fn why_closed(&self, gate: Gate, target: Option<&TargetName>, now: Timestamp) -> WhyClosed {
        let of_gate = || self.openings.iter().filter(|opening| opening.gate == gate);
        let for_target = |opening: &&Opening| opening.target.as_ref().is_none_or(|only| Some(only) == target);
        if let Some(latest) = of_gate().filter(for_target).max_by_key(|opening| (opening.opened_at, opening.no)) {
            return match latest.closed_at {
                Some(at) => WhyClosed::Closed { at },
                None if now < latest.opened_at => WhyClosed::NotYet { from: latest.opened_at },
                None => WhyClosed::Expired { at: latest.expires_at },
            };
        }
        // An opening for another target is worth naming only while it holds.
        of_gate()
            .filter(|opening| opening.allows(gate, opening.target.as_ref(), now))
            .max_by_key(|opening| (opening.opened_at, opening.no))
            .and_then(|opening| opening.target.clone())
            .map_or(WhyClosed::NeverOpened, |only| WhyClosed::OtherTarget { only })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use candor_core::gate::GATES;

    use super::*;
    use crate::kinds::{BotApiCall, DestructiveOperation, ProductionWrite, SecretRead};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn name(of: &str) -> TargetName {
        of.parse().unwrap()
    }

    /// Opened at 100 s until 200 s.
    fn opening(gate: Gate, target: Option<&str>) -> Opening {
        Opening {
            no: OpeningNo(7),
            gate,
            target: target.map(name),
            reason: "night run".to_owned(),
            opened_at: at(100),
            expires_at: at(200),
            closed_at: None,
        }
    }

    fn why(openings: Vec<Opening>, target: &str, now: i64) -> Result<Option<OpeningNo>, WhyClosed> {
        GateKeeper::from_record(openings)
            .permit::<ProductionWrite>(Some(&name(target)), at(now))
            .map(|permit| permit.opening())
            .map_err(|closed| closed.why)
    }

    #[test]
    fn truth_6_no_gate_no_effect() {
        // All start closed: with nothing on record no live kind gets a permit.
        let nothing = GateKeeper::from_record(Vec::new());
        assert!(nothing.permit::<BotApiCall>(None, at(150)).is_err());
        assert!(nothing.permit::<ProductionWrite>(None, at(150)).is_err());
        assert!(nothing.permit::<SecretRead>(None, at(150)).is_err());
        assert!(nothing.permit::<DestructiveOperation>(None, at(150)).is_err());

        // Every other gate open at once doesn't open this one.
        let others =
            GATES.iter().filter(|gate| **gate != Gate::ProductionWrite).map(|gate| opening(*gate, None)).collect();
        assert_eq!(why(others, "ops", 150), Err(WhyClosed::NeverOpened));

        // And its own opening does, for its time, its target and until it is closed.
        let open = opening(Gate::ProductionWrite, Some("ops"));
        assert_eq!(why(vec![open.clone()], "ops", 150), Ok(Some(OpeningNo(7))));
        assert_eq!(why(vec![open.clone()], "other", 150), Err(WhyClosed::OtherTarget { only: name("ops") }));
        assert_eq!(why(vec![open.clone()], "ops", 99), Err(WhyClosed::NotYet { from: at(100) }));
        assert_eq!(why(vec![open.clone()], "ops", 100), Ok(Some(OpeningNo(7))));
        assert_eq!(why(vec![open.clone()], "ops", 200), Err(WhyClosed::Expired { at: at(200) }));
        let closed = Opening { closed_at: Some(at(120)), ..open };
        assert_eq!(why(vec![closed], "ops", 150), Err(WhyClosed::Closed { at: at(120) }));
    }

    #[test]
    fn an_opening_for_all_targets_covers_each_and_one_for_a_target_covers_no_other_effect() {
        assert!(why(vec![opening(Gate::ProductionWrite, None)], "ops", 150).is_ok());
        let keeper = GateKeeper::from_record(vec![opening(Gate::ProductionWrite, Some("ops"))]);
        assert!(keeper.permit::<ProductionWrite>(None, at(150)).is_err());
    }

    #[test]
    fn an_old_opening_does_not_hide_a_new_one() {
        let old = Opening { closed_at: Some(at(110)), ..opening(Gate::ProductionWrite, None) };
        let new = Opening { no: OpeningNo(8), opened_at: at(120), ..opening(Gate::ProductionWrite, None) };
        assert_eq!(why(vec![old, new], "ops", 150), Ok(Some(OpeningNo(8))));
    }

    #[test]
    fn an_expired_opening_for_another_target_is_not_offered_as_the_reason() {
        assert_eq!(why(vec![opening(Gate::ProductionWrite, Some("ops"))], "other", 500), Err(WhyClosed::NeverOpened));
    }

    #[test]
    fn a_simulation_needs_no_opening_and_names_none() {
        let permit = GateKeeper::from_record(Vec::new()).permit::<Simulation>(None, at(0)).unwrap();
        assert_eq!((permit.gate(), permit.opening()), (None, None));
    }

    #[test]
    fn the_refusal_says_which_gate_why_and_what_to_do() {
        let closed = GateKeeper::from_record(Vec::new()).permit::<BotApiCall>(Some(&name("phone")), at(0)).unwrap_err();
        assert_eq!(
            closed.to_string(),
            "gate `bot_api_call` is closed for target `phone`: it was never opened; \
             open it with `candor gate open bot_api_call --reason \"...\" --expires 8h`"
        );
    }
}
