//! The document `ai_agent_owner_approved_result_capture_readback_v1`, as types.

use candor_core::{
    catalogue::{ActionType, OwnerAgent},
    gate::Gate,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::package::{
    ReadinessVersion, RedactionContract, choices,
    constant::{self, Always},
};

choices! {
    /// A stage of the chain.
    Stage {
        /// What a runtime or channel says really happened.
        Readback = "readback",
        /// How a task ended.
        Result = "result",
        /// How honest an agent's claims were.
        Score = "score",
        /// What was learned of an agent's reports.
        Learning = "learning",
        /// How far a pack's word on an agent is trusted.
        Trust = "trust",
    }
    /// What keeps a stage.
    StageStatus {
        /// Nothing: its gate is open.
        Open = "open",
        /// Its own gate alone.
        ApprovalRequired = "approval_required",
        /// An earlier stage whose gate is closed.
        Blocked = "blocked",
    }
    /// What keeps a preview out of the reviewers' queue.
    PreviewStatus {
        /// Nothing: the gate is open.
        Open = "open",
        /// The gate.
        Blocked = "blocked",
    }
}

macro_rules! document {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $kind:ty,)+ })+) => {$(
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        $(#[$doc])*
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$fdoc])* pub $field: $kind,)+ }
    )+};
}

document! {
    /// What could be read back and promoted, and what keeps it.
    #[cfg_attr(feature = "schema", schemars(title = "AI Agent Owner Approved Result Capture Readback v1"))]
    Readiness {
        /// The format.
        schema_version: ReadinessVersion,
        /// When it was built.
        generated_at: String,
        /// The node that it speaks of.
        node: String,
        /// Since when effects are counted: when the last gate closed; nothing where none ever did.
        counted_since: Option<String>,
        /// One per stage of the chain.
        #[cfg_attr(feature = "schema", schemars(length(equal = 5)))]
        readback_digests: Vec<Digest>,
        /// One per digest.
        #[cfg_attr(feature = "schema", schemars(length(equal = 5)))]
        promotion_reviews: Vec<Promotion>,
        /// The ways back.
        #[cfg_attr(feature = "schema", schemars(length(equal = 4)))]
        failure_lanes: Vec<FailureLane>,
        /// What reviewers would be asked to look at.
        #[cfg_attr(feature = "schema", schemars(length(equal = 4)))]
        reviewer_queue_previews: Vec<QueuePreview>,
        /// What an operator does at this stage.
        #[cfg_attr(feature = "schema", schemars(length(equal = 5)))]
        operator_actions: Vec<ReadinessAction>,
        /// What was written, by the effect ledger.
        counters: Counters,
        /// Approvals of the last 24 hours under which nothing was done.
        approved_without_execution_meta_24h: u64,
        /// Effects of the last 24 hours that were approved and failed.
        execution_failed_with_matched_24h: u64,
        /// What is never displayed.
        display_redaction_contract: RedactionContract,
        /// Counts of the lists.
        rollups: ReadinessRollups,
        /// What it comes to, in words.
        #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
        readiness_note: String,
    }
    /// A stage: how it stands, and the evidence that says so.
    Digest {
        /// Its id: the stage's word.
        digest_id: String,
        /// The stage.
        stage: Stage,
        /// Who looks after it.
        owner_agent: OwnerAgent,
        /// What keeps it.
        status: StageStatus,
        /// Its gate.
        gate: Gate,
        /// The earlier stages that it needs and whose gates are closed.
        waits_for: Vec<Stage>,
        /// From what the status follows.
        evidence: Value,
        /// The digest of that.
        evidence_hash: constant::Digest,
    }
    /// Whether a digest was promoted.
    Promotion {
        /// Its id.
        review_id: String,
        /// The digest.
        digest_id: String,
        /// Whether an owner approved it since the last gate closed.
        promoted: bool,
    }
    /// A way back.
    FailureLane {
        /// Its id.
        lane_id: String,
        /// Whether its last drill succeeded and counts.
        drilled: bool,
        /// How it stands, in words.
        standing: String,
    }
    /// What reviewers would be asked to look at.
    QueuePreview {
        /// Its id.
        preview_id: String,
        /// What it is, for people.
        display_name: String,
        /// How many items there would be.
        would_queue: u64,
        /// What keeps them out.
        status: PreviewStatus,
        /// The gate that does.
        blocked_by: Option<Gate>,
        /// A preview queues nothing.
        enqueued: Always<false>,
    }
    /// What an operator does at this stage.
    ReadinessAction {
        /// Its id.
        action_id: String,
        /// What is done.
        action_type: ActionType,
        /// How.
        operator_instruction: String,
        /// It changes nothing.
        runtime_write_allowed: Always<false>,
    }
    /// What was written since the last gate closed, by the effect ledger.
    Counters {
        /// Approvals that were given or wait for another owner.
        owner_approval_received_count: u64,
        /// Readbacks.
        readback_digest_generated_count: u64,
        /// Digests that were promoted.
        promotion_approved_count: u64,
        /// Items in the reviewers' queue.
        reviewer_queue_write_count: u64,
        /// Results.
        result_capture_write_count: u64,
        /// Scores.
        score_write_count: u64,
        /// Learning records.
        learning_write_count: u64,
        /// Trust records.
        playbook_trust_write_count: u64,
        /// Notices handed to a gateway.
        gateway_queue_write_count: u64,
        /// Messages by Telegram.
        telegram_send_count: u64,
        /// Production writes.
        production_write_count: u64,
    }
    /// Counts of the lists.
    ReadinessRollups {
        /// Digests.
        readback_digest_count: u64,
        /// Promotion reviews.
        promotion_review_count: u64,
        /// Failure lanes.
        failure_lane_count: u64,
        /// Previews.
        reviewer_queue_preview_count: u64,
        /// Operator actions.
        operator_action_count: u64,
        /// Digests that their own gate alone keeps.
        approval_required_digest_count: u64,
        /// Digests that an earlier stage keeps, too.
        blocked_digest_count: u64,
        /// Those, and the previews that their gate keeps.
        blocked_total_count: u64,
    }
}
