//! Decisions are made of facts in one place, so that one on record can be made again by what it was made by.

use super::PackSet;
use crate::{
    decision::{Decision, Verdict},
    facts::{FactError, Facts},
    ids::{ClaimNo, CorrelationId, DecisionNo, EventNo, TaskId},
    time::Timestamp,
};

/// What is decided about, as the decision names it. Nothing of it changes the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The decision's number.
    pub no: DecisionNo,
    /// The event.
    pub event: EventNo,
    /// The event's type.
    pub event_type: String,
    /// The task.
    pub task: Option<TaskId>,
    /// The claim, when the event made one.
    pub claim: Option<ClaimNo>,
    /// The incident or firing that it belongs to.
    pub correlation: CorrelationId,
    /// When.
    pub at: Timestamp,
}

impl PackSet {
    /// Decides: what the rules ask for beside what takes effect under the facts' capabilities. `default` is the verdict when no rule applies.
    #[must_use]
    pub fn decide(&self, about: Subject, facts: &Facts, default: Verdict) -> Decision {
        let evaluation = self.evaluate(&about.event_type, facts, default);
        let settled = evaluation.settle(&facts.capability);
        Decision {
            no: about.no,
            event: about.event,
            event_type: about.event_type,
            task: about.task,
            claim: about.claim,
            correlation: about.correlation,
            requested: evaluation.requested,
            effective: settled.effective,
            gap: settled.gap,
            obligations: settled.obligations,
            severity: evaluation.severity,
            rules: evaluation.rules,
            facts: facts.to_value(),
            packs: self.names(),
            at: about.at,
        }
    }

    /// Makes a recorded decision again: its subject and facts are taken from the record, all that policy says of them is not. The tuning is
    /// this set's, whatever the record says. By the packs and the default that it was made by, it comes out the same.
    ///
    /// # Errors
    /// [`FactError`] when the recorded facts are none.
    pub fn decide_again(&self, recorded: &Decision, default: Verdict) -> Result<Decision, FactError> {
        let mut facts = Facts::from_value(&recorded.facts)?;
        facts.threshold = self.tuned();
        let about = Subject {
            no: recorded.no,
            event: recorded.event,
            event_type: recorded.event_type.clone(),
            task: recorded.task.clone(),
            claim: recorded.claim,
            correlation: recorded.correlation.clone(),
            at: recorded.at,
        };
        Ok(self.decide(about, &facts, default))
    }
}
