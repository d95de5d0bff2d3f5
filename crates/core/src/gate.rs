//! Gates: classes of live side effect. All start closed; an operator's recorded act opens one for a scope and a time.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{OpeningNo, TargetName},
    time::Timestamp,
};

macro_rules! gates {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)+) => {
        /// The thirteen gates, named after the approval contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum Gate { $($(#[$doc])* $variant,)+ }

        /// Every gate.
        pub const GATES: &[Gate] = &[$(Gate::$variant,)+];

        impl Gate {
            /// The gate's name in the contract.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The gate of that name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

gates! {
    /// Asking a runtime or channel what really happened.
    CanonicalRuntimeReadback = "canonical_runtime_readback";
    /// Writing a captured result.
    RuntimeResultCaptureWrite = "runtime_result_capture_write";
    /// Writing an agent's score.
    RuntimeScoreWrite = "runtime_score_write";
    /// Writing a learning record.
    RuntimeLearningWrite = "runtime_learning_write";
    /// Writing the trust of a playbook.
    PlaybookTrustWrite = "playbook_trust_write";
    /// Writing to a reviewer's queue.
    ReviewerQueueWrite = "reviewer_queue_write";
    /// Handing a notice to a gateway.
    GatewayQueueWrite = "gateway_queue_write";
    /// Telling the operator by Telegram that a notice through another channel failed.
    TelegramFailureReceiptSend = "telegram_failure_receipt_send";
    /// Calling a chat provider's Bot API.
    BotApiCall = "bot_api_call";
    /// Creating a rollback work item.
    RollbackWorkItemWrite = "rollback_work_item_write";
    /// A live write outside Candor: a webhook call, an operator's command.
    ProductionWrite = "production_write";
    /// Reading a secret.
    SecretRead = "secret_read";
    /// Removing what can't be brought back.
    DestructiveOperation = "destructive_operation";
}

/// An operator's recorded act that opens a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Its number.
    pub no: OpeningNo,
    /// The gate.
    pub gate: Gate,
    /// The one target that it is opened for; none for all.
    pub target: Option<TargetName>,
    /// Why.
    pub reason: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it closes by itself.
    pub expires_at: Timestamp,
    /// When it was closed before that.
    pub closed_at: Option<Timestamp>,
}

impl Opening {
    /// Whether the gate is open at `now` for `target` under this act.
    #[must_use]
    pub fn allows(&self, gate: Gate, target: Option<&TargetName>, now: Timestamp) -> bool {
        self.gate == gate
            && self.closed_at.is_none()
            && self.opened_at <= now
            && now < self.expires_at
            && self.target.as_ref().is_none_or(|only| Some(only) == target)
    }
}
