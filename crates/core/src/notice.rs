//! Notices and deliveries: what an operator must be told, and what is known about the telling.
//!
//! A [`Notice`] has one [`Delivery`] per target; each moves through the six delivery states by itself and has its own receipts.
//! Delivery is at-least-once toward a channel that has no idempotency key and effectively once toward one that has; it is never
//! called more than that.

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    decision::{Severity, words},
    gate::Gate,
    ids::{CorrelationId, DecisionNo, Fence, IncidentNo, NoticeNo, OpeningNo, OwnerNo, ReceiptNo, TargetName, TaskId},
    time::Timestamp,
};

words! {
    /// Where a delivery stands. Each state says who moves it on.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    StateName {
        /// The decision created the notice, in the same commit. Moved on by the queue.
        Prepared = "prepared",
        /// It is due at a time. Moved on by dispatch, when due.
        Queued = "queued",
        /// Handed over under a lease. Moved on by the bridge, or by the rescuer when the lease ends.
        Dispatched = "dispatched",
        /// The bridge has it and final delivery isn't proved; always with a reason. Moved on by a later attempt or an operator.
        PendingExternalSend = "pending_external_send",
        /// The destination's own proof is on record. Final.
        Acked = "acked",
        /// The sender refused or failed for good, or attempts ran out. Moved on by an operator's requeue.
        Blocked = "blocked",
    }
}

words! {
    /// Why final delivery isn't proved.
    PendingReason {
        /// The sender only pretends; nothing left this machine.
        DryRun = "dry_run",
        /// The target names no sender that exists here.
        NoSender = "no_sender",
        /// The gate that this effect needs is closed.
        GateClosed = "gate_closed",
        /// A relay took it; the destination has proved nothing.
        AcceptedByRelay = "accepted_by_relay",
        /// Bytes left, and no usable answer came.
        OutcomeUnknown = "outcome_unknown",
        /// An attempt failed without effect; the next one has a time.
        RetryScheduled = "retry_scheduled",
        /// An attempt is open right now.
        AttemptOpen = "attempt_open",
        /// An operator settled it without proof from the destination.
        ResolvedByOperator = "resolved_by_operator",
    }
}

words! {
    /// Why a delivery is blocked.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    BlockReason {
        /// The channel refused the credential.
        BadCredential = "bad_credential",
        /// The recipient refused: blocked the bot, forbade the sender.
        RecipientRefused = "recipient_refused",
        /// The destination doesn't exist or is gone.
        NoSuchDestination = "no_such_destination",
        /// The channel refused this message for good.
        MessageRefused = "message_refused",
        /// The sender program can't be started.
        SenderMissing = "sender_missing",
        /// A secret that the sender needs can't be read.
        SecretUnreadable = "secret_unreadable",
        /// The target's configuration is wrong.
        BadConfiguration = "bad_configuration",
        /// The attempts ran out.
        AttemptsExhausted = "attempts_exhausted",
    }
}

words! {
    /// What the destination's own proof shows, weakest first.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    ProofLevel {
        /// The channel returned the message's id in the target chat, or the receiver took it.
        Stored = "stored",
        /// The channel returned the message itself.
        ReadBack = "read_back",
        /// A person answered.
        Human = "human",
    }
}

/// Proof from the destination. Only a sender's classifier makes one, from the channel's answer, and it is the only way to `acked`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// What it shows.
    pub level: ProofLevel,
    /// The id that the provider gave the message, where it gives one.
    pub provider_id: Option<String>,
}

/// A hold on a delivery by one owner, under one fencing token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Who holds it. It lives as long as the owner's heartbeat.
    pub owner: OwnerNo,
    /// The token that every answer under this lease must carry.
    pub fence: Fence,
    /// When the hand-over itself lapses if nobody takes it up.
    pub taken_by: Timestamp,
}

/// Where a delivery stands, with what that state holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// See [`StateName::Prepared`].
    Prepared,
    /// See [`StateName::Queued`].
    Queued {
        /// When dispatch may take it.
        due_at: Timestamp,
    },
    /// See [`StateName::Dispatched`].
    Dispatched {
        /// Under which hold.
        lease: Lease,
    },
    /// An attempt is open: the provider may have been called. A crash now leaves the outcome unknown.
    Sending {
        /// Under which hold.
        lease: Lease,
        /// When it was opened.
        opened_at: Timestamp,
        /// The gate opening that it passed under; none where the sender only pretends.
        opening: Option<OpeningNo>,
    },
    /// See [`StateName::PendingExternalSend`].
    Pending {
        /// Why.
        reason: PendingReason,
        /// When the next attempt is due, if one is planned. None waits for an operator, a gate or a readback.
        next_at: Option<Timestamp>,
    },
    /// See [`StateName::Acked`].
    Acked {
        /// The proof.
        proof: Proof,
    },
    /// See [`StateName::Blocked`].
    Blocked {
        /// Why.
        reason: BlockReason,
    },
}

impl Serialize for DeliveryState {
    /// Its name, one of the six words; its reason, where it has one; and what it holds.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Default, Serialize)]
        struct Shown<'a> {
            state: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            due_at: Option<Timestamp>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_at: Option<Timestamp>,
            #[serde(skip_serializing_if = "Option::is_none")]
            lease: Option<Lease>,
            #[serde(skip_serializing_if = "Option::is_none")]
            opened_at: Option<Timestamp>,
            #[serde(skip_serializing_if = "Option::is_none")]
            opening: Option<OpeningNo>,
            #[serde(skip_serializing_if = "Option::is_none")]
            proof: Option<&'a Proof>,
        }
        let shown = Shown { state: self.name().as_str(), reason: self.reason(), ..Shown::default() };
        match self {
            Self::Prepared | Self::Blocked { .. } => shown,
            Self::Queued { due_at } => Shown { due_at: Some(*due_at), ..shown },
            Self::Dispatched { lease } => Shown { lease: Some(*lease), ..shown },
            Self::Sending { lease, opened_at, opening } => {
                Shown { lease: Some(*lease), opened_at: Some(*opened_at), opening: *opening, ..shown }
            }
            Self::Pending { next_at, .. } => Shown { next_at: *next_at, ..shown },
            Self::Acked { proof } => Shown { proof: Some(proof), ..shown },
        }
        .serialize(to)
    }
}

impl DeliveryState {
    /// Which of the six states this is.
    #[must_use]
    pub fn name(&self) -> StateName {
        match self {
            Self::Prepared => StateName::Prepared,
            Self::Queued { .. } => StateName::Queued,
            Self::Dispatched { .. } => StateName::Dispatched,
            Self::Sending { .. } | Self::Pending { .. } => StateName::PendingExternalSend,
            Self::Acked { .. } => StateName::Acked,
            Self::Blocked { .. } => StateName::Blocked,
        }
    }

    /// The reason's word, for the states that have one.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Sending { .. } => Some(PendingReason::AttemptOpen.as_str()),
            Self::Pending { reason, .. } => Some(reason.as_str()),
            Self::Blocked { reason } => Some(reason.as_str()),
            _ => None,
        }
    }

    /// Whether nothing moves it on but an operator, if anything does.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Acked { .. } | Self::Blocked { .. })
            || matches!(self, Self::Pending { reason: PendingReason::ResolvedByOperator, .. })
    }

    /// When somebody must look at it next, if at a time.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Queued { due_at } => Some(*due_at),
            Self::Dispatched { lease } => Some(lease.taken_by),
            Self::Pending { next_at, .. } => *next_at,
            _ => None,
        }
    }
}

/// What an operator must be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Its number.
    pub no: NoticeNo,
    /// The decision that created it; none for an operator's test.
    pub decision: Option<DecisionNo>,
    /// The incident that it belongs to.
    pub incident: Option<IncidentNo>,
    /// Escalation level, 1 for the first.
    pub level: u8,
    /// The task that it speaks about.
    pub task: Option<TaskId>,
    /// Carried by everything that follows from one incident.
    pub correlation: CorrelationId,
    /// How much it matters.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// The text.
    pub text: String,
    /// When it was created.
    pub at: Timestamp,
    /// How many further reports of the same incident were folded into it.
    pub folded: u32,
    /// The notice that failed on its own channel, where this one tells of that by Telegram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_of: Option<NoticeNo>,
}

/// One notice on its way to one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The notice.
    pub notice: NoticeNo,
    /// The target.
    pub target: TargetName,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts opened so far. Zero before the first.
    pub attempts: u32,
    /// Attempts opened since the last requeue by an operator; what `attempts_max` limits.
    pub tries: u32,
    /// Whether an earlier attempt's outcome is unknown, so that another may be a repeat.
    pub maybe_repeat: bool,
    /// The notice whose digest covers this one, while it does.
    pub digest_of: Option<NoticeNo>,
    /// Since when it stands in this state.
    pub since: Timestamp,
}

/// What an attempt came to, as the sender's classifier read the channel's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// The destination proved it.
    Proved {
        /// The proof.
        proof: Proof,
    },
    /// A relay took it and answers for it; the destination has proved nothing.
    Relayed {
        /// The id that the relay gave, where it gives one.
        provider_id: Option<String>,
    },
    /// Nothing left this machine: a dry run.
    Simulated,
    /// It surely had no effect, and trying again may help.
    Failed {
        /// In plain words.
        why: String,
        /// The channel's own floor for the next try, in milliseconds. Never shortened.
        retry_after_ms: Option<u64>,
    },
    /// The channel asks everybody to wait. Parks the whole target.
    RateLimited {
        /// The channel's own floor, in milliseconds. Never shortened.
        retry_after_ms: Option<u64>,
    },
    /// It surely had no effect, and trying again won't help.
    Refused {
        /// Why.
        reason: BlockReason,
        /// In plain words.
        why: String,
    },
    /// Bytes may have left and no usable answer came.
    Unknown {
        /// In plain words.
        why: String,
    },
    /// The gate was closed when the permit was asked for; nothing left.
    GateClosed {
        /// In plain words.
        why: String,
    },
}

/// What a sender reports about one attempt: the outcome, and the channel's answer as kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What it came to.
    pub outcome: Outcome,
    /// The status that the channel answered: an HTTP status or an exit code.
    pub status: Option<i64>,
    /// The raw answer, capped and with secrets removed.
    pub raw: Option<String>,
    /// Whether a stand-in answered: the receipt is marked simulated, whatever it says.
    pub simulated: bool,
    /// When the provider was called.
    pub called_at: Timestamp,
    /// When its answer was in, or was given up on.
    pub answered_at: Timestamp,
}

/// What is known about a delivery after an attempt, a recovery or an operator's act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Its number.
    pub no: ReceiptNo,
    /// The notice.
    pub notice: NoticeNo,
    /// The target.
    pub target: TargetName,
    /// The sender that was used, with its version, `webhook@0.1.0`.
    pub sender: String,
    /// Which attempt, 1 for the first; 0 where none was made.
    pub attempt: u32,
    /// The fencing token of the attempt.
    pub fence: Fence,
    /// Idempotency key that the attempt carried: one per notice and target, the same for every attempt.
    pub key: String,
    /// SHA-256 in hex of what was sent.
    pub payload_sha256: Option<String>,
    /// The gate that it passed, and by whose opening; none for a simulation.
    pub gate: Option<Gate>,
    /// See `gate`.
    pub opening: Option<OpeningNo>,
    /// The sender's answer; none where no call was made or a crash lost it.
    pub answer: Option<Answer>,
    /// The state that followed.
    pub state: StateName,
    /// Its reason, for the states that have one.
    pub reason: Option<String>,
    /// What is proved, where something is.
    pub proof: Option<Proof>,
    /// Whether a stand-in answered.
    pub simulated: bool,
    /// Whether this attempt may have repeated an earlier one.
    pub maybe_repeat: bool,
    /// The notice in whose digest this one was covered.
    pub covered_by: Option<NoticeNo>,
    /// An operator's words, for a resolution or a requeue.
    pub note: Option<String>,
    /// When the attempt was opened.
    pub opened_at: Option<Timestamp>,
    /// When this was recorded.
    pub at: Timestamp,
}

/// What a sender is handed. It holds no secret: the sender's own binding does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The notice.
    pub notice: NoticeNo,
    /// The target.
    pub target: TargetName,
    /// Which attempt, 1 for the first.
    pub attempt: u32,
    /// The fencing token that the answer must carry.
    pub fence: Fence,
    /// One key per notice and target, the same for every attempt, unique over all Candor nodes.
    pub key: String,
    /// How much it matters.
    pub severity: Severity,
    /// The notice that failed on its own channel, where this one tells of that by Telegram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_of: Option<NoticeNo>,
    /// One line.
    pub title: String,
    /// The text, with the mark of a possible repeat where this may be one.
    pub text: String,
    /// The task that it speaks about.
    pub task: Option<TaskId>,
    /// Carried by everything that follows from one incident.
    pub correlation: CorrelationId,
    /// When the notice was created.
    pub at: Timestamp,
    /// The other notices that this one tells of, when it is a digest.
    pub covers: Vec<NoticeNo>,
    /// Whether this may repeat an earlier attempt.
    pub maybe_repeat: bool,
}
