//! Gates: classes of live side effect. All start closed; an owner's signed approval opens one for a scope, a number of uses and a time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    approval::Signed,
    ids::{ApprovalNo, EffectNo, OpeningNo, PlanId, RuntimeName, TargetName},
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

/// What effects an approval is for, or what an effect is about. In an approval `None` means any; of an effect it means that it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The runtime of the task that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeName>,
    /// The target or place that it goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<TargetName>,
    /// The canonical readback plan that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
}

impl Scope {
    /// The scope of an effect toward one target or place.
    #[must_use]
    pub fn channel(channel: &TargetName) -> Self {
        Self { channel: Some(channel.clone()), ..Self::default() }
    }

    /// Whether an effect about `of` lies within it.
    #[must_use]
    pub fn covers(&self, of: &Self) -> bool {
        fn within<T: PartialEq>(only: Option<&T>, of: Option<&T>) -> bool {
            only.is_none() || only == of
        }
        within(self.runtime.as_ref(), of.runtime.as_ref())
            && within(self.channel.as_ref(), of.channel.as_ref())
            && within(self.plan.as_ref(), of.plan.as_ref())
    }

    /// How many of its parts name something: the more, the narrower.
    #[must_use]
    pub fn narrowness(&self) -> usize {
        [self.runtime.is_some(), self.channel.is_some(), self.plan.is_some()].into_iter().filter(|named| *named).count()
    }

    /// Whether some effect lies within both, each read as an approval's scope is.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        fn meet<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        meet(self.runtime.as_ref(), other.runtime.as_ref())
            && meet(self.channel.as_ref(), other.channel.as_ref())
            && meet(self.plan.as_ref(), other.plan.as_ref())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = [
            self.channel.as_ref().map(|name| format!("target `{name}`")),
            self.runtime.as_ref().map(|name| format!("runtime `{name}`")),
            self.plan.as_ref().map(|name| format!("plan `{name}`")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() { f.write_str("everything") } else { f.write_str(&parts.join(", ")) }
    }
}

/// Why an opening ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// The operator closed the gate.
    Operator,
    /// An owner revoked the approval.
    Revoked,
    /// Its last use was taken.
    Spent,
}

/// What an owner's approval opens of one gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Its number.
    pub no: OpeningNo,
    /// The approval.
    pub approval: ApprovalNo,
    /// The gate.
    pub gate: Gate,
    /// For which effects.
    pub scope: Scope,
    /// Why, in the owner's words.
    pub reason: String,
    /// The owners who signed, by principal.
    pub approved_by: Vec<String>,
    /// How many effects it allows.
    pub max_uses: u64,
    /// How many were made.
    pub used: u64,
    /// From when on it holds.
    pub opened_at: Timestamp,
    /// When it closes by itself.
    pub expires_at: Timestamp,
    /// When it was closed before that.
    pub closed_at: Option<Timestamp>,
    /// Why it was.
    pub closed_by: Option<Closing>,
}

impl Opening {
    /// Whether one more effect about `of` may pass `gate` at `now` under it.
    #[must_use]
    pub fn allows(&self, gate: Gate, of: &Scope, now: Timestamp) -> bool {
        self.gate == gate && self.is_open(now) && self.scope.covers(of)
    }

    /// Whether anything may pass at `now` under it.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.closed_at.is_none() && self.used < self.max_uses && self.opened_at <= now && now < self.expires_at
    }

    /// When it ended, if it has by `now`.
    #[must_use]
    pub fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.closed_at.or_else(|| (self.expires_at <= now).then_some(self.expires_at))
    }

    /// It after one more use; closed where that was the last.
    #[must_use]
    pub fn used_once(mut self, now: Timestamp) -> Self {
        self.used = self.used.saturating_add(1);
        if self.used >= self.max_uses {
            self.close(now, Closing::Spent);
        }
        self
    }

    /// Ends it.
    pub fn close(&mut self, now: Timestamp, why: Closing) {
        (self.closed_at, self.closed_by) = (Some(now), Some(why));
    }
}

/// One use of one gate, made by the commit that also opens the attempt or the work. What a permit is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The ledger's entry.
    pub effect: EffectNo,
    /// The opening, with this use counted.
    pub opening: Opening,
    /// Which use of it this is, from 1.
    pub use_no: u64,
    /// What was signed.
    pub signed: Signed,
}

/// An entry of the effect ledger: one use of one gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// Its number.
    pub no: EffectNo,
    /// When.
    pub at: Timestamp,
    /// The gate.
    pub gate: Gate,
    /// The opening that it passed under.
    pub opening: OpeningNo,
    /// The approval.
    pub approval: ApprovalNo,
    /// Which use of the opening, from 1.
    pub use_no: u64,
    /// What it was about.
    pub scope: Scope,
    /// What was done, in words.
    pub what: String,
    /// The artifact or row that it belongs to: an attempt `a-12`, work `w-3`.
    pub of: String,
}
