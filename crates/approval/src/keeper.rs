//! The gate keeper: the only place that makes permits, from uses that a commit took under an owner's approval.

use std::{fmt, marker::PhantomData};

use candor_core::{
    gate::{Closing, Gate, Grant, Scope},
    ids::{EffectNo, TargetName},
    time::Timestamp,
};
use thiserror::Error;

use crate::{
    kinds::{GateKind, Simulation},
    signers::Owners,
    vouch::vouched,
};

/// Leave for one effect of one kind. Not copyable: the function with the effect takes it by value.
pub struct Permit<G: GateKind> {
    effect: Option<EffectNo>,
    gate: PhantomData<fn() -> G>,
}

impl<G: GateKind> Permit<G> {
    /// The gate that it passes; none for a simulation.
    #[must_use]
    pub fn gate(&self) -> Option<Gate> {
        G::GATE
    }

    /// The ledger's entry under which it was made; none for a simulation.
    #[must_use]
    pub fn effect(&self) -> Option<EffectNo> {
        self.effect
    }
}

impl<G: GateKind> fmt::Debug for Permit<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("gate", &G::GATE).field("effect", &self.effect).finish()
    }
}

/// Why a gate is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyClosed {
    /// No use of it was taken for this.
    NoUse,
    /// The use is for something else.
    OtherScope {
        /// What it is for.
        only: Scope,
    },
    /// Its time ran out.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// It was closed or revoked.
    Closed {
        /// When.
        at: Timestamp,
    },
    /// It holds later: the clock was set back since.
    NotYet {
        /// From when it holds.
        from: Timestamp,
    },
    /// What is on record isn't what an owner signed.
    NotSigned {
        /// How it differs.
        why: String,
    },
}

impl fmt::Display for WhyClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUse => f.write_str("no use of it was taken for this"),
            Self::OtherScope { only } => write!(f, "the approval is for {only}"),
            Self::Expired { at } => write!(f, "the approval expired at {at}"),
            Self::Closed { at } => write!(f, "it was closed at {at}"),
            Self::NotYet { from } => {
                write!(f, "the approval holds from {from} on, and the clock says that this lies ahead")
            }
            Self::NotSigned { why } => write!(f, "no owner signed what is on record: {why}"),
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

/// Makes permits from uses that are on record, each once.
#[derive(Debug)]
pub struct GateKeeper {
    owners: Owners,
    grants: Vec<Grant>,
}

impl GateKeeper {
    /// A keeper over the uses that a commit took for an effect. Call it with what that commit returned, or what was just read from the
    /// store, and nothing else. `owners` are those of now: whoever isn't one any more opens nothing.
    #[must_use]
    pub fn from_record(owners: Owners, grants: Vec<Grant>) -> Self {
        Self { owners, grants }
    }

    /// Leave for one effect through gate `G` toward `target` (none for an effect without a target). The use is spent by it.
    ///
    /// The owner's signature is verified anew: a row that somebody wrote into the store opens nothing.
    ///
    /// # Errors
    /// [`GateClosed`], which says why and which command opens the gate. Never for [`Simulation`].
    pub fn permit<G: GateKind>(
        &mut self,
        target: Option<&TargetName>,
        now: Timestamp,
    ) -> Result<Permit<G>, GateClosed> {
        let Some(gate) = G::GATE else {
            return Ok(Permit { effect: None, gate: PhantomData });
        };
        let closed = |why| GateClosed { gate, target: target.cloned(), why };
        let Some(place) = self.grants.iter().position(|grant| grant.opening.gate == gate) else {
            return Err(closed(WhyClosed::NoUse));
        };
        let grant = self.grants.remove(place);
        self.holds(&grant, target, now).map_err(closed)?;
        Ok(Permit { effect: Some(grant.effect), gate: PhantomData })
    }

    /// Leave to pretend. It opens nothing.
    #[must_use]
    pub fn simulation() -> Permit<Simulation> {
        Permit { effect: None, gate: PhantomData }
    }

    fn holds(&self, grant: &Grant, target: Option<&TargetName>, now: Timestamp) -> Result<(), WhyClosed> {
        let opening = &grant.opening;
        if let Some(at) = opening.closed_at
            && opening.closed_by != Some(Closing::Spent)
        {
            return Err(WhyClosed::Closed { at });
        }
        if now < opening.opened_at {
            return Err(WhyClosed::NotYet { from: opening.opened_at });
        }
        if opening.expires_at <= now {
            return Err(WhyClosed::Expired { at: opening.expires_at });
        }
        if opening.scope.channel.is_some() && opening.scope.channel.as_ref() != target {
            return Err(WhyClosed::OtherScope { only: opening.scope.clone() });
        }
        let signed = vouched(&self.owners, opening, &grant.signed, now).and_then(|max_uses| {
            let counted = grant.use_no > 0 && grant.use_no <= max_uses;
            counted
                .then_some(())
                .ok_or_else(|| format!("it allows {max_uses} uses, and this is the {}th", grant.use_no))
        });
        signed.map_err(|why| WhyClosed::NotSigned { why })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use candor_core::{gate::GATES, ids::OpeningNo};

    use super::*;
    use crate::{
        fixtures::{self, at},
        kinds::{BotApiCall, DestructiveOperation, ProductionWrite, SecretRead},
    };

    fn name(of: &str) -> TargetName {
        of.parse().unwrap()
    }

    fn scope(channel: Option<&str>) -> Scope {
        Scope { channel: channel.map(name), ..Scope::default() }
    }

    /// Approved from 100 s until 200 s.
    fn grant(gate: Gate, channel: Option<&str>) -> Grant {
        fixtures::grant(gate, scope(channel), at(100), at(200))
    }

    fn why(grants: Vec<Grant>, target: &str, now: i64) -> Result<Option<EffectNo>, WhyClosed> {
        GateKeeper::from_record(fixtures::owners(), grants)
            .permit::<ProductionWrite>(Some(&name(target)), at(now))
            .map(|permit| permit.effect())
            .map_err(|closed| closed.why)
    }

    #[test]
    fn truth_6_no_gate_no_effect() {
        // All start closed: with nothing on record no live kind gets a permit.
        let mut nothing = GateKeeper::from_record(fixtures::owners(), Vec::new());
        assert!(nothing.permit::<BotApiCall>(None, at(150)).is_err());
        assert!(nothing.permit::<ProductionWrite>(None, at(150)).is_err());
        assert!(nothing.permit::<SecretRead>(None, at(150)).is_err());
        assert!(nothing.permit::<DestructiveOperation>(None, at(150)).is_err());

        // Every other gate open at once doesn't open this one.
        let others =
            GATES.iter().filter(|gate| **gate != Gate::ProductionWrite).map(|gate| grant(*gate, None)).collect();
        assert_eq!(why(others, "ops", 150), Err(WhyClosed::NoUse));

        // And its own does, for its time, its target and until it is closed.
        let open = grant(Gate::ProductionWrite, Some("ops"));
        assert_eq!(why(vec![open.clone()], "ops", 150), Ok(Some(open.effect)));
        assert_eq!(why(vec![open.clone()], "other", 150), Err(WhyClosed::OtherScope { only: scope(Some("ops")) }));
        assert_eq!(why(vec![open.clone()], "ops", 99), Err(WhyClosed::NotYet { from: at(100) }));
        assert_eq!(why(vec![open.clone()], "ops", 100), Ok(Some(open.effect)));
        assert_eq!(why(vec![open.clone()], "ops", 200), Err(WhyClosed::Expired { at: at(200) }));
        let mut closed = open;
        closed.opening.close(at(120), Closing::Revoked);
        assert_eq!(why(vec![closed], "ops", 150), Err(WhyClosed::Closed { at: at(120) }));
    }

    #[test]
    fn one_use_makes_one_permit() {
        let grants = vec![grant(Gate::ProductionWrite, None)];
        let mut keeper = GateKeeper::from_record(fixtures::owners(), grants);
        assert!(keeper.permit::<ProductionWrite>(None, at(150)).is_ok());
        assert_eq!(keeper.permit::<ProductionWrite>(None, at(150)).unwrap_err().why, WhyClosed::NoUse);
    }

    #[test]
    fn truth_6_what_no_owner_signed_opens_nothing() {
        type Change = fn(&mut Grant);
        let changes: [(&str, Change); 8] = [
            ("another gate", |of| of.opening.gate = Gate::ProductionWrite),
            ("more scope", |of| of.opening.scope = Scope::default()),
            ("more uses", |of| of.opening.max_uses += 1),
            ("more time", |of| of.opening.expires_at = at(10_000)),
            ("other owners", |of| of.opening.approved_by.push("someone@example.org".to_owned())),
            ("one use more", |of| of.use_no = of.opening.max_uses + 1),
            ("another text", |of| of.signed.document = of.signed.document.replace("ops", "any")),
            ("no signature", |of| of.signed.signatures.clear()),
        ];
        let good = |gate| fixtures::grant(gate, scope(Some("ops")), at(100), at(200));
        for (what, change) in changes {
            let gate = if what == "another gate" { Gate::BotApiCall } else { Gate::ProductionWrite };
            let mut changed = good(gate);
            changed.opening.no = OpeningNo(9);
            change(&mut changed);
            let refused = why(vec![changed], "ops", 150);
            assert!(matches!(refused, Err(WhyClosed::NotSigned { .. })), "{what}: {refused:?}");
        }
        assert!(why(vec![good(Gate::ProductionWrite)], "ops", 150).is_ok());
    }

    #[test]
    fn an_owner_who_is_none_any_more_opens_nothing() {
        let (line, _) = fixtures::owner(2);
        let others = Owners::parse(&line).unwrap();
        let mut keeper = GateKeeper::from_record(others, vec![grant(Gate::ProductionWrite, None)]);
        let refused = keeper.permit::<ProductionWrite>(None, at(150)).unwrap_err();
        assert!(refused.to_string().contains("no owner"), "{refused}");
    }

    #[test]
    fn an_approval_for_all_targets_covers_each_and_one_for_a_target_covers_no_other_effect() {
        assert!(why(vec![grant(Gate::ProductionWrite, None)], "ops", 150).is_ok());
        let grants = vec![grant(Gate::ProductionWrite, Some("ops"))];
        let mut keeper = GateKeeper::from_record(fixtures::owners(), grants);
        assert!(keeper.permit::<ProductionWrite>(None, at(150)).is_err());
    }

    #[test]
    fn a_simulation_needs_no_approval_and_names_none() {
        let mut keeper = GateKeeper::from_record(Owners::default(), Vec::new());
        let permit = keeper.permit::<Simulation>(None, at(0)).unwrap();
        assert_eq!((permit.gate(), permit.effect()), (None, None));
    }

    #[test]
    fn the_refusal_says_which_gate_why_and_what_to_do() {
        let mut keeper = GateKeeper::from_record(fixtures::owners(), Vec::new());
        let closed = keeper.permit::<BotApiCall>(Some(&name("phone")), at(0)).unwrap_err();
        assert_eq!(
            closed.to_string(),
            "gate `bot_api_call` is closed for target `phone`: no use of it was taken for this; \
             open it with `candor gate open bot_api_call --reason \"...\" --expires 8h`"
        );
    }
}
