//! What a deployment is asked about, and what happens instead where it can't.

use super::{CAPABILITIES, Capability};
use crate::decision::words;

words! {
    /// A thing that a deployment may or may not be able to do.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    Ability {
        /// A completion can be held back before it takes effect.
        InlineCompletionBlock = "inline_completion_block",
        /// A dispatch can be held back before it takes effect.
        InlineDispatchBlock = "inline_dispatch_block",
        /// A checkpoint can be forced out of the agent.
        ForcedCheckpoint = "forced_checkpoint",
        /// The runtime calls a hook before a tool or a message takes effect.
        PreSendHook = "pre_send_hook",
        /// Subagents are seen, and whose they are.
        SubagentObservation = "subagent_observation",
        /// A notice can be queued durably.
        QueueNotice = "queue_notice",
        /// A queued notice can be handed to a sender that holds secrets which the agent's side doesn't.
        PrivilegedBridge = "privileged_bridge",
        /// Candor can send to the operator itself.
        DirectSend = "direct_send",
        /// A delivery can be proved by the destination.
        DeliveryProof = "delivery_proof",
        /// What was delivered can be read back from the destination.
        DeliveryReadback = "delivery_readback",
        /// There is a channel to escalate to.
        EscalationChannel = "escalation_channel",
        /// The watchdog can be run on a schedule.
        ScheduledWatchdog = "scheduled_watchdog",
        /// Artifacts can be exported for a later audit.
        ArtifactExport = "artifact_export",
    }
}

/// What was asked for, and the safe fallback where it can't be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fallback {
    /// What was asked for.
    pub asked: &'static str,
    /// What happens instead.
    pub instead: &'static str,
}

impl Ability {
    /// What happens instead where it is missing: the deployment model's table, and the same thought for what the table leaves out.
    #[must_use]
    pub fn fallback(self) -> Fallback {
        let (asked, instead) = match self {
            Self::InlineCompletionBlock | Self::PreSendHook => {
                ("inline completion block", "`downgrade_status` and a forced review notice")
            }
            Self::InlineDispatchBlock => {
                ("inline dispatch block", "the hand-over goes on, with a forced review notice")
            }
            Self::ForcedCheckpoint => ("forced checkpoint", "a forced review notice"),
            Self::SubagentObservation => {
                ("subagent observation", "the parent answers for what it started; unseen children are named as a gap")
            }
            Self::QueueNotice => ("queued notice", "nothing can be promised; the report is refused with an error"),
            Self::DirectSend | Self::DeliveryProof | Self::PrivilegedBridge => {
                ("direct final send proof", "queue and a `pending_external_send` receipt")
            }
            Self::DeliveryReadback => {
                ("read-back proof", "proof stays at `stored`; a target that needs more stays `pending_external_send`")
            }
            Self::EscalationChannel => {
                ("aggressive escalation", "operator notice with a `blocked` or `force_checkpoint` audit trail")
            }
            Self::ScheduledWatchdog => ("scheduled watchdog", "`candor run` by hand, and an explicit note of the gap"),
            Self::ArtifactExport => ("artifact export", "artifacts stay in the store of this machine"),
        };
        Fallback { asked, instead }
    }

    /// The capability of the same word that policy may ask for, if it is one.
    #[must_use]
    pub fn capability(self) -> Option<Capability> {
        CAPABILITIES.into_iter().find(|capability| capability.as_str() == self.as_str())
    }
}

impl std::fmt::Display for Ability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_policy_may_ask_for_is_an_ability() {
        for capability in CAPABILITIES {
            let ability = Ability::parse(capability.as_str());
            assert_eq!(ability.and_then(Ability::capability), Some(capability));
        }
    }
}
