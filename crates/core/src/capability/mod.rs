//! What a runtime can do. Only what a probe showed counts as supported; everything else is a gap with a fallback.

//!
//! - a [`Capability`] is what policy may ask of a runtime; an [`Ability`] is what a deployment is asked about, those among them;
//! - a [`Descriptor`] declares abilities and names the probes that would show them; a [`ProbeRecord`] is what they showed here;
//! - [`standing`] is the one place where both make an ability supported or not.

mod ability;
mod descriptor;
mod standing;

use std::collections::BTreeSet;

pub use ability::{Ability, Fallback};
pub use descriptor::{
    Declaration, Descriptor, DescriptorSpec, Identity, Probe, ProbeKind, core_descriptors, parse_descriptor,
};
use serde::{Deserialize, Serialize};
pub use standing::{Counts, ProbeRecord, ProbeReport, Standing, standing, supported};

/// A thing that policy may ask of a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
