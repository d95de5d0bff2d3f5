//! What stands against a package.

use candor_core::{
    catalogue::Catalogue,
    ids::{ApprovalNo, EffectNo, OpeningNo},
};
use serde_json::Value;
use thiserror::Error;

use crate::{
    drill::LANES,
    readiness::Readiness,
    truth::{RecordedReadiness, Truth},
};

/// One thing that stands against a package.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// A gate is open, or will be.
    #[error("gate `{gate}` is open until {until} under `{approval}` ({opening}); close it, or wait")]
    Open {
        /// The gate.
        gate: &'static str,
        /// The opening.
        opening: OpeningNo,
        /// The approval.
        approval: ApprovalNo,
        /// When it ends.
        until: String,
    },
    /// Something was done since the last gate closed.
    #[error("the ledger has {no}, {at}, gate `{gate}`: {what}")]
    Effect {
        /// The entry.
        no: EffectNo,
        /// When.
        at: String,
        /// The gate.
        gate: &'static str,
        /// What was done.
        what: String,
    },
    /// There are more effects than are named.
    #[error("the ledger has {0} more uses since then")]
    More(u64),
    /// An approval was given since the last gate closed.
    #[error("`{0}` was given since the last gate closed; revoke it, or let it be over")]
    Approval(ApprovalNo),
    /// The stage before is missing, old, or says something else.
    #[error("{0}")]
    Readiness(String),
    /// The catalogue names what this program doesn't have.
    #[error("the catalogue {0}")]
    Catalogue(String),
    /// A count isn't what the contract fixes.
    #[error(
        "the contract fixes the number of {what}, and there is another; the catalogue of this package has five packets and actions, and four of each other kind"
    )]
    Count {
        /// Of what.
        what: String,
    },
    /// Something in it is never displayed.
    #[error("{pointer} has what looks like {kind} (`{rule}`); take it out where it comes from")]
    Disclosure {
        /// Where.
        pointer: String,
        /// What.
        kind: &'static str,
        /// Its shape.
        rule: &'static str,
    },
}

/// Open gates, effects and approvals.
pub(super) fn by_what_happened(truth: &Truth) -> Vec<Refused> {
    let open = truth.open.iter().map(|opening| Refused::Open {
        gate: opening.gate.as_str(),
        opening: opening.no,
        approval: opening.approval,
        until: opening.expires_at.to_string(),
    });
    let effects = truth.ledger.iter().map(|entry| Refused::Effect {
        no: entry.no,
        at: entry.at.to_string(),
        gate: entry.gate.as_str(),
        // What was done is in the words of whoever asked for it.
        what: candor_core::disclosure::every()
            .map_or_else(|_| String::new(), |scan| scan.shown(&entry.what).into_owned()),
    });
    let named = u64::try_from(truth.ledger.len()).unwrap_or(u64::MAX);
    let more = truth.uses.values().sum::<u64>().saturating_sub(named);
    let more = (more > 0).then_some(Refused::More(more));
    open.chain(effects).chain(more).chain(truth.approvals.iter().map(|no| Refused::Approval(*no))).collect()
}

/// Lanes that this program can't drill as they stand.
pub(super) fn by_the_catalogue(catalogue: &Catalogue) -> Vec<Refused> {
    let drills = |id: &str, steps: &[String]| {
        LANES.iter().any(|lane| lane.id == id && steps.iter().eq(lane.steps.iter().map(|step| step.id)))
    };
    let strange = catalogue.lanes.iter().filter(|lane| !drills(&lane.id, &lane.steps));
    strange
        .map(|lane| {
            Refused::Catalogue(format!("has the lane `{}` with steps that this program can't rehearse so", lane.id))
        })
        .collect()
}

/// The stage before, read; it must be of this node and no older than the last gate's closing.
pub(super) fn readiness(truth: &Truth) -> Result<(&RecordedReadiness, Readiness), Refused> {
    let no = |why: String| Refused::Readiness(why);
    let Some(recorded) = &truth.readiness else {
        return Err(no("the stage before is missing; `candor readback readiness` makes it".to_owned()));
    };
    let document: Readiness = serde_json::from_value(recorded.body.clone()).map_err(|error| {
        no(format!("{} doesn't read: {error}; make it anew with `candor readback readiness`", recorded.id))
    })?;
    if truth.since.is_some_and(|since| recorded.at < since) {
        let why = format!(
            "{} is older than the last gate's closing; make it anew with `candor readback readiness`",
            recorded.id
        );
        return Err(no(why));
    }
    if document.node != truth.node {
        return Err(no(format!("{} is of another node; make it anew with `candor readback readiness`", recorded.id)));
    }
    Ok((recorded, document))
}

/// What is never displayed, and would be.
pub(super) fn by_what_is_shown(package: &Value) -> Vec<Refused> {
    match super::disclosures(package) {
        Err(error) => vec![Refused::Catalogue(error.to_string())],
        Ok(found) => found
            .into_iter()
            .map(|(pointer, one)| Refused::Disclosure { pointer, kind: one.kind.words(), rule: one.rule })
            .collect(),
    }
}
