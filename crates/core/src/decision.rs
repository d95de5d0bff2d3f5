//! Decisions: what policy made of an event, with every rule that contributed, and what took effect.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    capability::Capability,
    ids::{ClaimNo, CorrelationId, DecisionNo, EventNo, TaskId},
    time::Timestamp,
};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every one of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The one of that word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What policy asks for, weakest first. The strongest wins.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    Verdict {
        /// Nothing stands against it.
        Allow = "allow",
        /// It stands, with a label that says what it isn't.
        AllowWithLabel = "allow_with_label",
        /// It stands for now; evidence is asked for.
        RequestEvidence = "request_evidence",
        /// What is shown is less than what was claimed.
        DowngradeStatus = "downgrade_status",
        /// The agent must report now.
        ForceCheckpoint = "force_checkpoint",
        /// A person must look.
        ForceReviewNotice = "force_review_notice",
        /// The hand-over is held back.
        BlockDispatch = "block_dispatch",
        /// The completion is held back.
        BlockCompletion = "block_completion",
    }
}

words! {
    /// What a rule obliges Candor to do beside its verdict.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    Obligation {
        /// Tell the operator.
        NotifyOperator = "notify_operator",
        /// Tell the next level.
        Escalate = "escalate",
        /// Mark the text as a placeholder.
        LabelPlaceholder = "label_placeholder",
        /// Name the capability that is missing.
        AttachCapabilityGap = "attach_capability_gap",
    }
}

words! {
    /// How much a notice matters.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    Severity {
        /// For the record.
        Info = "info",
        /// Should be looked at.
        Warning = "warning",
        /// Must be looked at now.
        Critical = "critical",
    }
}

/// A rule that contributed to a decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleHit {
    /// `pack/rule`, as annotated.
    pub rule: String,
    /// The rule's own verdict.
    pub verdict: Verdict,
    /// Its severity.
    pub severity: Severity,
    /// What it obliges to.
    pub obligations: BTreeSet<Obligation>,
    /// Its message, in plain words.
    pub message: String,
    /// Why the rule counts although it could not be evaluated: fail closed. None when it simply matched.
    pub error: Option<String>,
}

/// What the runtime can't do, and what is done instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CapabilityGap {
    /// What was asked.
    pub asked: Verdict,
    /// The missing capability.
    pub missing: Capability,
    /// What is done instead.
    pub instead: Verdict,
}

/// A decision on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Its number.
    pub no: DecisionNo,
    /// The event that it is about.
    pub event: EventNo,
    /// The event's type.
    pub event_type: String,
    /// The task.
    pub task: Option<TaskId>,
    /// The claim, when the event made one.
    pub claim: Option<ClaimNo>,
    /// The incident or firing that it belongs to.
    pub correlation: CorrelationId,
    /// What policy asked for: the strongest verdict of all rules.
    pub requested: Verdict,
    /// What took effect here: the same, or the safe fallback where the runtime can't do it.
    pub effective: Verdict,
    /// Where the two differ, what is missing.
    pub gap: Option<CapabilityGap>,
    /// All obligations of all rules.
    pub obligations: BTreeSet<Obligation>,
    /// The highest severity of all rules; `info` when none matched.
    pub severity: Severity,
    /// Every rule that contributed, strongest first.
    pub rules: Vec<RuleHit>,
    /// The facts that the rules read, so that the decision can be replayed.
    pub facts: serde_json::Value,
    /// The packs and their versions, `id@version`, in order.
    pub packs: Vec<String>,
    /// When.
    pub at: Timestamp,
}
