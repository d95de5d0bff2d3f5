//! What takes effect: the verdict that was asked for, or the safe fallback where the runtime can't do it.

use std::collections::BTreeSet;

use super::Evaluation;
use crate::{
    capability::{Capabilities, Capability},
    decision::{CapabilityGap, Obligation, Verdict},
};

/// What takes effect of an [`Evaluation`] in a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The verdict that takes effect.
    pub effective: Verdict,
    /// What is missing, where that is not the verdict that was asked for.
    pub gap: Option<CapabilityGap>,
    /// The obligations of the rules, and those that come with the gap.
    pub obligations: BTreeSet<Obligation>,
}

/// What takes effect of a verdict under these capabilities: the verdict itself, or the deployment model's safe fallback
///, and what is missing.
#[must_use]
pub fn effective(requested: Verdict, capabilities: &Capabilities) -> (Verdict, Option<CapabilityGap>) {
    let (missing, instead) = match requested {
        Verdict::BlockCompletion => (Capability::InlineCompletionBlock, Verdict::DowngradeStatus),
        Verdict::BlockDispatch => (Capability::InlineDispatchBlock, Verdict::ForceReviewNotice),
        Verdict::ForceCheckpoint => (Capability::ForcedCheckpoint, Verdict::ForceReviewNotice),
        Verdict::Allow
        | Verdict::AllowWithLabel
        | Verdict::RequestEvidence
        | Verdict::DowngradeStatus
        | Verdict::ForceReviewNotice => return (requested, None),
    };
    if capabilities.supports(missing) {
        (requested, None)
    } else {
        (instead, Some(CapabilityGap { asked: requested, missing, instead }))
    }
}

impl Evaluation {
    /// What takes effect here. Where something is missing, the operator is told, and told what is missing.
    #[must_use]
    pub fn settle(&self, capabilities: &Capabilities) -> Settled {
        let (effective, gap) = effective(self.requested, capabilities);
        let mut obligations = self.obligations.clone();
        if gap.is_some() {
            obligations.extend([Obligation::NotifyOperator, Obligation::AttachCapabilityGap]);
        }
        Settled { effective, gap, obligations }
    }
}
