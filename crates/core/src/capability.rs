//! What a runtime can do. Only what a probe showed counts as supported; everything else is a gap with a fallback.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A thing that policy may ask of a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// A completion can be held back before it takes effect.
    InlineCompletionBlock,
    /// A dispatch can be held back before it takes effect.
    InlineDispatchBlock,
    /// A checkpoint can be forced out of the agent.
    ForcedCheckpoint,
    /// Candor can send to the operator itself.
    DirectSend,
    /// A delivery can be proved by the destination.
    DeliveryProof,
    /// The watchdog is run by something.
    ScheduledWatchdog,
    /// There is a channel to escalate to.
    EscalationChannel,
}

/// Every capability.
pub const CAPABILITIES: [Capability; 7] = [
    Capability::InlineCompletionBlock,
    Capability::InlineDispatchBlock,
    Capability::ForcedCheckpoint,
    Capability::DirectSend,
    Capability::DeliveryProof,
    Capability::ScheduledWatchdog,
    Capability::EscalationChannel,
];

impl Capability {
    /// The capability's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InlineCompletionBlock => "inline_completion_block",
            Self::InlineDispatchBlock => "inline_dispatch_block",
            Self::ForcedCheckpoint => "forced_checkpoint",
            Self::DirectSend => "direct_send",
            Self::DeliveryProof => "delivery_proof",
            Self::ScheduledWatchdog => "scheduled_watchdog",
            Self::EscalationChannel => "escalation_channel",
        }
    }
}

/// What is supported here and now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities(pub BTreeSet<Capability>);

impl Capabilities {
    /// Whether a probe showed it.
    #[must_use]
    pub fn supports(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }
}
