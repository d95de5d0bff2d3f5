//! The contract `ai_agent_runtime_readback_approval_package_v1`, as types. What it fixes is a type of its own: a document that says
//! otherwise can't be made or read.

use std::collections::BTreeMap;

use candor_core::catalogue::{ActionType, OwnerAgent, RiskTier};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::constant::{Always, Digest, Exactly, Percent, Texts, fixed_texts};

fixed_texts! {
    /// The format of a package.
    PackageVersion = "ai_agent_runtime_readback_approval_package_v1";
    /// The format of the stage before.
    ReadinessVersion = "ai_agent_owner_approved_result_capture_readback_v1";
    /// The priority that the contract names.
    Priority = "P2";
    /// The task that a package belongs to.
    CurrentTask = "P2-109";
    /// The task after it.
    NextTask = "P2-110";
    /// What a package may do by itself.
    PackageAuthority = "runtime_readback_approval_package_only_no_live_write";
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Its word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    )+};
}
pub(crate) use choices;

choices! {
    /// How a packet stands.
    PacketStatus {
        /// Nothing is missing; the owner reads and decides.
        ReadyForOwnerReview = "ready_for_owner_review",
        /// It can be approved; what isn't there yet is named.
        ApprovalRequired = "approval_required",
        /// It can't be approved as things stand.
        BlockedByPolicy = "blocked_by_policy",
    }
    /// How a readback plan stands.
    PlanStatus {
        /// It can run once its gate is opened.
        PlannedNoRuntimeRead = "planned_no_runtime_read",
        /// It can't be approved as things stand.
        BlockedByPolicy = "blocked_by_policy",
    }
    /// How a drill lane stands.
    LaneStatus {
        /// It was rehearsed, without a write.
        PlannedNoWrite = "planned_no_write",
        /// It can't be approved as things stand.
        BlockedByPolicy = "blocked_by_policy",
    }
    /// How a Telegram failure-receipt gate stands.
    GateStatus {
        /// Nothing is missing; the owner reads and decides.
        ReadyForOwnerReview = "ready_for_owner_review",
        /// It can't be approved as things stand.
        BlockedByPolicy = "blocked_by_policy",
    }
}

/// A package: what an owner reads and approves parts of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(title = "AI Agent Runtime Readback Approval Package v1"))]
pub struct Package {
    /// The format.
    pub schema_version: PackageVersion,
    /// When it was built.
    pub generated_at: String,
    /// Where the work stands.
    pub program_status: ProgramStatus,
    /// What it was built from.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), inner(length(min = 1))))]
    pub source_refs: Vec<String>,
    /// What the stage before came to.
    pub prior_readback_readiness: PriorReadiness,
    /// What is true of the deployment.
    pub approval_package_truth: PackageTruth,
    /// What can be approved.
    #[cfg_attr(feature = "schema", schemars(length(min = 5)))]
    pub approval_packet_templates: Vec<Packet>,
    /// How to ask what really happened.
    #[cfg_attr(feature = "schema", schemars(length(min = 4)))]
    pub canonical_readback_plans: Vec<ReadbackPlan>,
    /// The ways back.
    #[cfg_attr(feature = "schema", schemars(length(min = 4)))]
    pub rollback_drill_lanes: Vec<DrillLane>,
    /// What must hold before a failure is told by Telegram.
    #[cfg_attr(feature = "schema", schemars(length(min = 4)))]
    pub telegram_failure_receipt_gates: Vec<ReceiptGate>,
    /// What an operator does with it.
    #[cfg_attr(feature = "schema", schemars(length(min = 5)))]
    pub operator_actions: Vec<OperatorAction>,
    /// What is never displayed.
    pub display_redaction_contract: RedactionContract,
    /// Counts of the lists, and of the effect ledger.
    pub rollups: Rollups,
}

/// Where the work stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProgramStatus {
    /// How much of what can be approved is ready, in percent: see docs/approval-package.md.
    pub overall_completion_percent: Percent,
    /// The priority.
    pub current_priority: Priority,
    /// The task.
    pub current_task_id: CurrentTask,
    /// The task after it.
    pub next_task_id: NextTask,
    /// It changes nothing.
    pub read_only_mode: Always<true>,
    /// What it may do by itself.
    pub runtime_authority: PackageAuthority,
    /// Where the work stands, in words.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub status_note: String,
}

/// What the stage before came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PriorReadiness {
    /// The format of that stage's document.
    pub source_schema_version: ReadinessVersion,
    /// When it was built.
    pub readback_at: String,
    /// Counted: readback digest.
    pub readback_digest_count: Exactly<5>,
    /// Counted: promotion review.
    pub promotion_review_count: Exactly<5>,
    /// Counted: failure lane.
    pub failure_lane_count: Exactly<4>,
    /// Counted: reviewer queue preview.
    pub reviewer_queue_preview_count: Exactly<4>,
    /// Counted: operator action.
    pub operator_action_count: Exactly<5>,
    /// Counted: approval required digest.
    pub approval_required_digest_count: Exactly<2>,
    /// Counted: blocked total.
    pub blocked_total_count: Exactly<7>,
    /// Approvals of the last 24 hours under which nothing was done.
    pub approved_without_execution_meta_24h: u64,
    /// Effects of the last 24 hours that were approved and failed.
    pub execution_failed_with_matched_24h: u64,
    /// Counted: owner approval received.
    pub owner_approval_received_count: Exactly<0>,
    /// Counted: readback digest generated.
    pub readback_digest_generated_count: Exactly<0>,
    /// Counted: promotion approved.
    pub promotion_approved_count: Exactly<0>,
    /// Counted: reviewer queue write.
    pub reviewer_queue_write_count: Exactly<0>,
    /// Counted: result capture write.
    pub result_capture_write_count: Exactly<0>,
    /// Counted: score write.
    pub score_write_count: Exactly<0>,
    /// Counted: learning write.
    pub learning_write_count: Exactly<0>,
    /// Counted: playbook trust write.
    pub playbook_trust_write_count: Exactly<0>,
    /// Counted: gateway queue write.
    pub gateway_queue_write_count: Exactly<0>,
    /// Counted: telegram send.
    pub telegram_send_count: Exactly<0>,
    /// Counted: production write.
    pub production_write_count: Exactly<0>,
    /// What it says, in words.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub readiness_note: String,
}

/// What is true of the deployment: everything is ready for the owner, and nothing is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PackageTruth {
    /// The stage before was read.
    pub p2_107_readback_loaded: Always<true>,
    /// All of it is there: approval package.
    pub approval_package_ready: Always<true>,
    /// All of it is there: canonical readback plan.
    pub canonical_readback_plan_ready: Always<true>,
    /// All of it is there: rollback drill.
    pub rollback_drill_ready: Always<true>,
    /// All of it is there: telegram failure receipt gate.
    pub telegram_failure_receipt_gate_ready: Always<true>,
    /// Owner review required before runtime.
    pub owner_review_required_before_runtime: Always<true>,
    /// Stays off: canonical runtime readback.
    pub canonical_runtime_readback_enabled: Always<false>,
    /// Stays off: runtime result capture write.
    pub runtime_result_capture_write_enabled: Always<false>,
    /// Stays off: runtime score write.
    pub runtime_score_write_enabled: Always<false>,
    /// Stays off: runtime learning write.
    pub runtime_learning_write_enabled: Always<false>,
    /// Stays off: playbook trust write.
    pub playbook_trust_write_enabled: Always<false>,
    /// Stays off: reviewer queue write.
    pub reviewer_queue_write_enabled: Always<false>,
    /// Stays off: gateway queue write.
    pub gateway_queue_write_enabled: Always<false>,
    /// Stays off: telegram failure receipt send.
    pub telegram_failure_receipt_send_enabled: Always<false>,
    /// Stays off: bot api call.
    pub bot_api_call_enabled: Always<false>,
    /// Stays off: rollback work item write.
    pub rollback_work_item_write_enabled: Always<false>,
    /// Stays off: production write.
    pub production_write_enabled: Always<false>,
    /// Stays off: secret read.
    pub secret_read_enabled: Always<false>,
    /// Stays off: destructive operation.
    pub destructive_operation_enabled: Always<false>,
    /// What else is said of it: why each item stands as it does.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// What an owner can approve: the gates that it opens, and what must be filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Packet {
    /// Its id.
    pub packet_id: String,
    /// Its name for people.
    pub display_name: String,
    /// Who looks after it.
    pub owner_agent: OwnerAgent,
    /// How it stands.
    pub status: PacketStatus,
    /// How bad it is when it goes wrong.
    pub risk_tier: RiskTier,
    /// What an approval must fill in.
    pub required_approval_fields: Texts,
    /// The gates that an approval of it may open.
    pub blocked_runtime_actions: Texts,
    /// What to look at before signing, and why it stands so.
    pub operator_guidance: String,
    /// It opens nothing by itself.
    pub approval_required: Always<true>,
    /// Stays forbidden: runtime write.
    pub runtime_write_allowed: Always<false>,
    /// The digest of the evidence from which its status follows.
    pub evidence_hash: Digest,
}

/// A way to ask what really happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadbackPlan {
    /// Its id.
    pub plan_id: String,
    /// Its name for people.
    pub display_name: String,
    /// Who looks after it.
    pub owner_agent: OwnerAgent,
    /// How it stands.
    pub status: PlanStatus,
    /// What is asked about.
    pub query_scope: String,
    /// What an answer must have.
    pub required_fields: Texts,
    /// What is looked for before anything of it is kept.
    pub redaction_checks: Texts,
    /// Stays off: live query.
    pub live_query_enabled: Always<false>,
    /// Stays forbidden: runtime write.
    pub runtime_write_allowed: Always<false>,
    /// The digest of the evidence from which its status follows.
    pub evidence_hash: Digest,
}

/// A way back, and its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrillLane {
    /// Its id.
    pub lane_id: String,
    /// Its name for people.
    pub display_name: String,
    /// Who looks after it.
    pub owner_agent: OwnerAgent,
    /// How it stands.
    pub status: LaneStatus,
    /// Who goes the way back.
    pub rollback_owner: String,
    /// The steps, in order.
    pub required_steps: Texts,
    /// What follows when one is missing.
    pub failure_if_missing: String,
    /// Stays off: rollback write.
    pub rollback_write_enabled: Always<false>,
    /// Creates runtime write.
    pub creates_runtime_write: Always<false>,
}

/// What must hold before a failure is told by Telegram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReceiptGate {
    /// Its id.
    pub gate_id: String,
    /// Its name for people.
    pub display_name: String,
    /// Who looks after it.
    pub owner_agent: OwnerAgent,
    /// How it stands.
    pub status: GateStatus,
    /// What must be on record.
    pub required_evidence: Texts,
    /// What follows when one is missing.
    pub failure_if_missing: String,
    /// Stays off: queue write.
    pub queue_write_enabled: Always<false>,
    /// Stays off: telegram send.
    pub telegram_send_enabled: Always<false>,
    /// Stays off: bot api call.
    pub bot_api_call_enabled: Always<false>,
    /// The digest of the evidence from which its status follows.
    pub evidence_hash: Digest,
}

/// What an operator does with the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OperatorAction {
    /// Its id.
    pub action_id: String,
    /// What is done.
    pub action_type: ActionType,
    /// Its name for people.
    pub display_name: String,
    /// Who looks after it.
    pub owner_agent: OwnerAgent,
    /// How.
    pub operator_instruction: String,
    /// Stays forbidden: runtime write.
    pub runtime_write_allowed: Always<false>,
}

/// What is never displayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RedactionContract {
    /// Everything passes the redaction.
    pub redaction_required: Always<true>,
    /// The rule in words.
    pub frontend_display_policy: String,
    /// Stays forbidden: raw prompt display.
    pub raw_prompt_display_allowed: Always<false>,
    /// Stays forbidden: private reasoning display.
    pub private_reasoning_display_allowed: Always<false>,
    /// Stays forbidden: secret value display.
    pub secret_value_display_allowed: Always<false>,
    /// Stays forbidden: raw telegram payload display.
    pub raw_telegram_payload_display_allowed: Always<false>,
    /// Stays forbidden: work window transcript display.
    pub work_window_transcript_display_allowed: Always<false>,
}

/// Counts of the lists, and of the effect ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rollups {
    /// Counted: approval packet.
    pub approval_packet_count: Exactly<5>,
    /// Counted: canonical readback plan.
    pub canonical_readback_plan_count: Exactly<4>,
    /// Counted: rollback drill lane.
    pub rollback_drill_lane_count: Exactly<4>,
    /// Counted: telegram failure receipt gate.
    pub telegram_failure_receipt_gate_count: Exactly<4>,
    /// Counted: operator action.
    pub operator_action_count: Exactly<5>,
    /// Counted: approval required packet.
    pub approval_required_packet_count: u64,
    /// Counted: blocked packet.
    pub blocked_packet_count: u64,
    /// Counted: blocked readback plan.
    pub blocked_readback_plan_count: u64,
    /// Counted: blocked rollback lane.
    pub blocked_rollback_lane_count: u64,
    /// Counted: blocked telegram gate.
    pub blocked_telegram_gate_count: u64,
    /// Approvals of the last 24 hours under which nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub approved_without_execution_meta_24h: Option<u64>,
    /// Effects of the last 24 hours that were approved and failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub execution_failed_with_matched_24h: Option<u64>,
    /// Counted: owner approval received.
    pub owner_approval_received_count: Exactly<0>,
    /// Counted: runtime readback execution.
    pub runtime_readback_execution_count: Exactly<0>,
    /// Counted: result capture write.
    pub result_capture_write_count: Exactly<0>,
    /// Counted: score write.
    pub score_write_count: Exactly<0>,
    /// Counted: learning write.
    pub learning_write_count: Exactly<0>,
    /// Counted: playbook trust write.
    pub playbook_trust_write_count: Exactly<0>,
    /// Counted: reviewer queue write.
    pub reviewer_queue_write_count: Exactly<0>,
    /// Counted: gateway queue write.
    pub gateway_queue_write_count: Exactly<0>,
    /// Counted: telegram failure receipt send.
    pub telegram_failure_receipt_send_count: Exactly<0>,
    /// Counted: bot api call.
    pub bot_api_call_count: Exactly<0>,
    /// Counted: rollback work item write.
    pub rollback_work_item_write_count: Exactly<0>,
    /// Counted: production write.
    pub production_write_count: Exactly<0>,
    /// Counted: secret read.
    pub secret_read_count: Exactly<0>,
    /// Counted: destructive operation.
    pub destructive_operation_count: Exactly<0>,
}
