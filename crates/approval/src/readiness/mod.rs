//! The stage before a package, `ai_agent_owner_approved_result_capture_readback_v1`: what could be read back and promoted, and what keeps it.
//!
//! Every number follows from the chain readback, result, score, learning, trust and from how its gates stand; the write counters are the
//! effect ledger's.

mod document;

use candor_core::{
    catalogue::{ActionType, OwnerAgent},
    gate::Gate,
    work::DocumentKind,
};
use serde_json::json;

pub use self::document::{
    Counters, Digest as ReadbackDigest, FailureLane, PreviewStatus, Promotion, QueuePreview, Readiness,
    ReadinessAction, ReadinessRollups, Stage, StageStatus,
};
use crate::{
    drill::LANES,
    package::{RedactionContract, constant::Always, digest},
    truth::{Truth, lane_words},
};

/// A stage of the chain: its gate, the earlier stages that it needs, who looks after it, and what it keeps.
struct Link {
    stage: Stage,
    gate: Gate,
    needs: &'static [Stage],
    agent: OwnerAgent,
    keeps: DocumentKind,
}

/// The chain. A readback and a result come from outside the record; a score counts results, learning reads scores, trust follows from both.
const CHAIN: [Link; 5] = [
    Link {
        stage: Stage::Readback,
        gate: Gate::CanonicalRuntimeReadback,
        needs: &[],
        agent: OwnerAgent::Openclaw,
        keeps: DocumentKind::Readback,
    },
    Link {
        stage: Stage::Result,
        gate: Gate::RuntimeResultCaptureWrite,
        needs: &[],
        agent: OwnerAgent::Openclaw,
        keeps: DocumentKind::Result,
    },
    Link {
        stage: Stage::Score,
        gate: Gate::RuntimeScoreWrite,
        needs: &[Stage::Result],
        agent: OwnerAgent::Hermes,
        keeps: DocumentKind::Score,
    },
    Link {
        stage: Stage::Learning,
        gate: Gate::RuntimeLearningWrite,
        needs: &[Stage::Score],
        agent: OwnerAgent::Hermes,
        keeps: DocumentKind::Learning,
    },
    Link {
        stage: Stage::Trust,
        gate: Gate::PlaybookTrustWrite,
        needs: &[Stage::Score, Stage::Learning],
        agent: OwnerAgent::Nemotron,
        keeps: DocumentKind::Trust,
    },
];

/// What an operator does at this stage.
const ACTIONS: [(ActionType, &str); 5] = [
    (ActionType::ReviewApprovalPackage, "Build the package with `candor approval build`, and read it."),
    (
        ActionType::ValidateCanonicalPlan,
        "Look at what each readback plan would ask: `candor readback run PLAN --dry-run`.",
    ),
    (ActionType::ReviewRollbackDrill, "Drill each lane: `candor approval drill LANE`."),
    (ActionType::ReviewFailureReceiptGate, "Say which target is told of failures: `approvals.failure_receipts`."),
    (ActionType::RejectOrPromote, "Promote or reject each digest once its gate was approved."),
];

/// Builds the document from what is so.
#[must_use]
pub fn build(truth: &Truth) -> Readiness {
    let readback_digests: Vec<ReadbackDigest> = CHAIN.iter().map(|link| readback_digest(truth, link)).collect();
    let promotion_reviews = readback_digests.iter().map(|of| promotion(truth, of)).collect::<Vec<_>>();
    let failure_lanes: Vec<FailureLane> = LANES.iter().map(|lane| failure_lane(truth, lane.id)).collect();
    let reviewer_queue_previews = previews(truth);
    let operator_actions: Vec<ReadinessAction> = ACTIONS.iter().map(action).collect();
    let counters = counters(truth, &promotion_reviews);
    let rollups =
        rollups(&readback_digests, &promotion_reviews, &failure_lanes, &reviewer_queue_previews, &operator_actions);
    let since = truth.since.map_or_else(|| "the log began".to_owned(), |at| at.to_string());
    let readiness_note = format!(
        "{} of {} digests wait for their own gate, {} for an earlier stage too; {} effects since {since}",
        rollups.approval_required_digest_count,
        rollups.readback_digest_count,
        rollups.blocked_digest_count,
        truth.uses.values().sum::<u64>(),
    );
    Readiness {
        schema_version: crate::package::ReadinessVersion,
        generated_at: truth.now.to_string(),
        node: truth.node.clone(),
        counted_since: truth.since.map(|at| at.to_string()),
        readback_digests,
        promotion_reviews,
        failure_lanes,
        reviewer_queue_previews,
        operator_actions,
        counters,
        approved_without_execution_meta_24h: truth.approved_without_execution_24h,
        execution_failed_with_matched_24h: truth.execution_failed_24h,
        display_redaction_contract: RedactionContract::in_force(),
        rollups,
        readiness_note,
    }
}

fn gate_of(stage: Stage) -> Option<Gate> {
    CHAIN.iter().find(|link| link.stage == stage).map(|link| link.gate)
}

fn readback_digest(truth: &Truth, link: &Link) -> ReadbackDigest {
    let closed = |stage: &&Stage| gate_of(**stage).is_some_and(|gate| truth.is_closed(gate));
    let waits_for: Vec<Stage> = link.needs.iter().filter(closed).copied().collect();
    let status = if !waits_for.is_empty() {
        StageStatus::Blocked
    } else if truth.is_closed(link.gate) {
        StageStatus::ApprovalRequired
    } else {
        StageStatus::Open
    };
    let evidence = json!({
        "stage": link.stage, "status": status, "gate": truth.gate_evidence(link.gate), "waits_for": waits_for,
        "kept": truth.kept.get(&link.keeps).copied().unwrap_or(0),
    });
    ReadbackDigest {
        digest_id: link.stage.as_str().to_owned(),
        stage: link.stage,
        owner_agent: link.agent,
        status,
        gate: link.gate,
        waits_for,
        evidence_hash: digest(&evidence),
        evidence,
    }
}

fn promotion(truth: &Truth, of: &ReadbackDigest) -> Promotion {
    // Promoted is what an owner approved: its gate is open, or was used since the last one closed.
    let promoted = !truth.is_closed(of.gate) || truth.used(of.gate) > 0;
    Promotion { review_id: format!("promote-{}", of.digest_id), digest_id: of.digest_id.clone(), promoted }
}

fn failure_lane(truth: &Truth, id: &str) -> FailureLane {
    let standing = truth.lane(id);
    FailureLane { lane_id: id.to_owned(), drilled: standing.is_good(), standing: lane_words(id, &standing) }
}

fn previews(truth: &Truth) -> Vec<QueuePreview> {
    let closed = truth.is_closed(Gate::ReviewerQueueWrite);
    let of = |id: &str, name: &str, would_queue: u64| QueuePreview {
        preview_id: id.to_owned(),
        display_name: name.to_owned(),
        would_queue,
        status: if closed { PreviewStatus::Blocked } else { PreviewStatus::Open },
        blocked_by: closed.then_some(Gate::ReviewerQueueWrite),
        enqueued: Always::NEVER,
    };
    vec![
        of("outcome-unknown", "Deliveries whose outcome is unknown", truth.outcome_unknown),
        of("unproved-completions", "Tasks that ended without proof", truth.unproved),
        of("open-incidents", "Incidents that are open", truth.incidents),
        of("failed-tasks", "Tasks that failed", truth.failed),
    ]
}

fn action((kind, instruction): &(ActionType, &str)) -> ReadinessAction {
    ReadinessAction {
        action_id: kind.as_str().replace('_', "-"),
        action_type: *kind,
        operator_instruction: (*instruction).to_owned(),
        runtime_write_allowed: Always::NEVER,
    }
}

fn counters(truth: &Truth, promotions: &[Promotion]) -> Counters {
    let count = |of: usize| u64::try_from(of).unwrap_or(u64::MAX);
    Counters {
        owner_approval_received_count: count(truth.approvals.len()),
        readback_digest_generated_count: truth.used(Gate::CanonicalRuntimeReadback),
        promotion_approved_count: count(promotions.iter().filter(|of| of.promoted).count()),
        reviewer_queue_write_count: truth.used(Gate::ReviewerQueueWrite),
        result_capture_write_count: truth.used(Gate::RuntimeResultCaptureWrite),
        score_write_count: truth.used(Gate::RuntimeScoreWrite),
        learning_write_count: truth.used(Gate::RuntimeLearningWrite),
        playbook_trust_write_count: truth.used(Gate::PlaybookTrustWrite),
        gateway_queue_write_count: truth.used(Gate::GatewayQueueWrite),
        // A failure receipt passes both gates and is one message.
        telegram_send_count: truth.used(Gate::BotApiCall).max(truth.used(Gate::TelegramFailureReceiptSend)),
        production_write_count: truth.used(Gate::ProductionWrite),
    }
}

fn rollups(
    digests: &[ReadbackDigest],
    promotions: &[Promotion],
    lanes: &[FailureLane],
    previews: &[QueuePreview],
    actions: &[ReadinessAction],
) -> ReadinessRollups {
    let count = |of: usize| u64::try_from(of).unwrap_or(u64::MAX);
    let stands = |status: StageStatus| count(digests.iter().filter(|of| of.status == status).count());
    let blocked_digest_count = stands(StageStatus::Blocked);
    let blocked_previews = count(previews.iter().filter(|of| of.status == PreviewStatus::Blocked).count());
    ReadinessRollups {
        readback_digest_count: count(digests.len()),
        promotion_review_count: count(promotions.len()),
        failure_lane_count: count(lanes.len()),
        reviewer_queue_preview_count: count(previews.len()),
        operator_action_count: count(actions.len()),
        approval_required_digest_count: stands(StageStatus::ApprovalRequired),
        blocked_digest_count,
        blocked_total_count: blocked_digest_count.saturating_add(blocked_previews),
    }
}
