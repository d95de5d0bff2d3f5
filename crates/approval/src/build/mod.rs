//! A package from the catalogue and from what is so. Pure: the same catalogue and truth make the same package, byte for byte.
//!
//! No count and no flag is typed in: each is computed, and one that the contract fixes is a type that can be made from the right count alone.
//! Where the count is another, the package isn't built, and what stands against it is named.

mod items;
mod refused;

use std::collections::BTreeMap;

use candor_core::{
    catalogue::Catalogue,
    disclosure,
    gate::{GATES, Gate},
};
use serde_json::{Value, json};

use self::items::Items;
pub use self::refused::Refused;
use crate::{
    drill::LANES,
    package::{
        CurrentTask, GateStatus, LaneStatus, NextTask, Package, PackageAuthority, PackageTruth, PackageVersion,
        PacketStatus, PlanStatus, PriorReadiness, Priority, ProgramStatus, ReadinessVersion, RedactionContract,
        Rollups,
        constant::{Always, Digest, Exactly, Percent},
        digest, to_json,
    },
    readiness::Readiness,
    truth::{RecordedReadiness, Truth},
};

/// A package, and the evidence that its hashes are over.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// The package.
    pub package: Package,
    /// The evidence of each item, by hash.
    pub evidence: BTreeMap<String, Value>,
}

impl Built {
    /// The evidence as JSON.
    #[must_use]
    pub fn evidence_json(&self) -> Value {
        Value::Object(self.evidence.clone().into_iter().collect())
    }
}

/// Builds a package.
///
/// # Errors
/// Everything that stands against it. Never empty.
pub fn build(catalogue: &Catalogue, truth: &Truth) -> Result<Built, Vec<Refused>> {
    let mut against = refused::by_what_happened(truth);
    against.extend(refused::by_the_catalogue(catalogue));
    let prior = refused::readiness(truth).map_err(|why| against.push(why)).ok();
    let items = Items::of(catalogue, truth);
    let (Some((recorded, readiness)), true) = (prior, against.is_empty()) else { return Err(against) };
    let assembled = assemble(catalogue, truth, &items, (recorded, &readiness));
    let package = assembled.map_err(|what| vec![Refused::Count { what: what.to_owned() }])?;
    let shown = refused::by_what_is_shown(&to_json(&package));
    if !shown.is_empty() {
        return Err(shown);
    }
    Ok(Built { package, evidence: items.evidence })
}

/// The package, if every count is as the contract fixes it; the name of the first that isn't.
fn assemble(
    catalogue: &Catalogue,
    truth: &Truth,
    items: &Items,
    (recorded, readiness): (&RecordedReadiness, &Readiness),
) -> Result<Package, &'static str> {
    let percent = percent(items);
    let ready = items.packets.iter().filter(|of| of.status == PacketStatus::ReadyForOwnerReview).count();
    let blocked = items.packets.iter().filter(|of| of.status == PacketStatus::BlockedByPolicy).count();
    let status_note = format!(
        "{ready} of {} packets are ready for the owner and {blocked} are blocked; nothing is open, and nothing was done since {}",
        items.packets.len(),
        truth.since.map_or_else(|| "the log began".to_owned(), |at| at.to_string()),
    );
    let rollups = rollups(truth, items)?;
    Ok(Package {
        schema_version: PackageVersion,
        generated_at: truth.now.to_string(),
        program_status: ProgramStatus {
            overall_completion_percent: percent,
            current_priority: Priority,
            current_task_id: CurrentTask,
            next_task_id: NextTask,
            read_only_mode: Always::DEMANDED,
            runtime_authority: PackageAuthority,
            status_note,
        },
        source_refs: vec![
            format!("catalogue {} {}", catalogue.name(), digest(&to_json(catalogue)).as_str()),
            format!("readiness {} {}", recorded.id, digest(&recorded.body).as_str()),
            format!("node {}", truth.node),
        ],
        prior_readback_readiness: prior(readiness)?,
        approval_package_truth: package_truth(truth, items)?,
        approval_packet_templates: items.packets.clone(),
        canonical_readback_plans: items.plans.clone(),
        rollback_drill_lanes: items.lanes.clone(),
        telegram_failure_receipt_gates: items.gates.clone(),
        operator_actions: items.actions.clone(),
        display_redaction_contract: RedactionContract::in_force(),
        rollups,
    })
}

/// How much of what can be approved is ready: of all packets, plans, lanes and Telegram gates, those that aren't blocked, a packet that lacks
/// something counting half. In percent, rounded down.
fn percent(items: &Items) -> Percent {
    let packets = items.packets.iter().map(|of| match of.status {
        PacketStatus::ReadyForOwnerReview => 2,
        PacketStatus::ApprovalRequired => 1,
        PacketStatus::BlockedByPolicy => 0,
    });
    let whole = |fine: bool| if fine { 2 } else { 0 };
    let plans = items.plans.iter().map(|of| whole(of.status == PlanStatus::PlannedNoRuntimeRead));
    let lanes = items.lanes.iter().map(|of| whole(of.status == LaneStatus::PlannedNoWrite));
    let gates = items.gates.iter().map(|of| whole(of.status == GateStatus::ReadyForOwnerReview));
    let points: Vec<u64> = packets.chain(plans).chain(lanes).chain(gates).collect();
    Percent::of(points.iter().sum(), count(points.len()).saturating_mul(2))
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

fn fixed<const N: u64>(counted: u64, what: &'static str) -> Result<Exactly<N>, &'static str> {
    Exactly::of(counted).ok_or(what)
}

fn prior(of: &Readiness) -> Result<PriorReadiness, &'static str> {
    let (rollups, counters) = (&of.rollups, &of.counters);
    Ok(PriorReadiness {
        source_schema_version: ReadinessVersion,
        readback_at: of.generated_at.clone(),
        readback_digest_count: fixed(rollups.readback_digest_count, "readback digests")?,
        promotion_review_count: fixed(rollups.promotion_review_count, "promotion reviews")?,
        failure_lane_count: fixed(rollups.failure_lane_count, "failure lanes")?,
        reviewer_queue_preview_count: fixed(rollups.reviewer_queue_preview_count, "reviewer-queue previews")?,
        operator_action_count: fixed(rollups.operator_action_count, "operator actions of the readiness")?,
        approval_required_digest_count: fixed(rollups.approval_required_digest_count, "digests that need an approval")?,
        blocked_total_count: fixed(rollups.blocked_total_count, "blocked digests and previews")?,
        approved_without_execution_meta_24h: of.approved_without_execution_meta_24h,
        execution_failed_with_matched_24h: of.execution_failed_with_matched_24h,
        owner_approval_received_count: fixed(counters.owner_approval_received_count, "approvals in the readiness")?,
        readback_digest_generated_count: fixed(counters.readback_digest_generated_count, "readbacks in the readiness")?,
        promotion_approved_count: fixed(counters.promotion_approved_count, "promotions in the readiness")?,
        reviewer_queue_write_count: fixed(
            counters.reviewer_queue_write_count,
            "reviewer-queue writes in the readiness",
        )?,
        result_capture_write_count: fixed(counters.result_capture_write_count, "result captures in the readiness")?,
        score_write_count: fixed(counters.score_write_count, "scores in the readiness")?,
        learning_write_count: fixed(counters.learning_write_count, "learning records in the readiness")?,
        playbook_trust_write_count: fixed(counters.playbook_trust_write_count, "trust records in the readiness")?,
        gateway_queue_write_count: fixed(counters.gateway_queue_write_count, "gateway hand-overs in the readiness")?,
        telegram_send_count: fixed(counters.telegram_send_count, "Telegram messages in the readiness")?,
        production_write_count: fixed(counters.production_write_count, "production writes in the readiness")?,
        readiness_note: of.readiness_note.clone(),
    })
}

fn package_truth(truth: &Truth, items: &Items) -> Result<PackageTruth, &'static str> {
    let is = |found: bool, what: &'static str| Always::<true>::of(found).ok_or(what);
    let enabled = |gate: Gate| Always::<false>::of(!truth.is_closed(gate)).ok_or(gate.as_str());
    let known = |steps: &mut dyn Iterator<Item = &str>, id: &str| {
        LANES.iter().any(|lane| lane.id == id && steps.eq(lane.steps.iter().map(|step| step.id)))
    };
    let reasons = items.reasons.iter().map(|(item, why)| (item.clone(), Value::from(why.clone()))).collect();
    Ok(PackageTruth {
        p2_107_readback_loaded: is(truth.readiness.is_some(), "the readiness")?,
        approval_package_ready: is(!items.packets.is_empty(), "the packets")?,
        canonical_readback_plan_ready: is(!items.plans.is_empty(), "the plans")?,
        rollback_drill_ready: is(
            items.lanes.iter().all(|lane| known(&mut lane.required_steps.iter(), &lane.lane_id)),
            "the lanes' steps",
        )?,
        telegram_failure_receipt_gate_ready: is(!items.gates.is_empty(), "the Telegram gates")?,
        // The gate keeper makes permits from what owners signed and from nothing else.
        owner_review_required_before_runtime: is(GATES.iter().all(|gate| truth.is_closed(*gate)), "the gates")?,
        canonical_runtime_readback_enabled: enabled(Gate::CanonicalRuntimeReadback)?,
        runtime_result_capture_write_enabled: enabled(Gate::RuntimeResultCaptureWrite)?,
        runtime_score_write_enabled: enabled(Gate::RuntimeScoreWrite)?,
        runtime_learning_write_enabled: enabled(Gate::RuntimeLearningWrite)?,
        playbook_trust_write_enabled: enabled(Gate::PlaybookTrustWrite)?,
        reviewer_queue_write_enabled: enabled(Gate::ReviewerQueueWrite)?,
        gateway_queue_write_enabled: enabled(Gate::GatewayQueueWrite)?,
        telegram_failure_receipt_send_enabled: enabled(Gate::TelegramFailureReceiptSend)?,
        bot_api_call_enabled: enabled(Gate::BotApiCall)?,
        rollback_work_item_write_enabled: enabled(Gate::RollbackWorkItemWrite)?,
        production_write_enabled: enabled(Gate::ProductionWrite)?,
        secret_read_enabled: enabled(Gate::SecretRead)?,
        destructive_operation_enabled: enabled(Gate::DestructiveOperation)?,
        more: BTreeMap::from([
            ("reasons".to_owned(), Value::Object(reasons)),
            ("counted_since".to_owned(), json!(truth.since)),
        ]),
    })
}

fn rollups(truth: &Truth, items: &Items) -> Result<Rollups, &'static str> {
    let used = |gate: Gate| truth.used(gate);
    let packets = |status: PacketStatus| count(items.packets.iter().filter(|of| of.status == status).count());
    Ok(Rollups {
        approval_packet_count: fixed(count(items.packets.len()), "packets of the catalogue")?,
        canonical_readback_plan_count: fixed(count(items.plans.len()), "plans of the catalogue")?,
        rollback_drill_lane_count: fixed(count(items.lanes.len()), "lanes of the catalogue")?,
        telegram_failure_receipt_gate_count: fixed(count(items.gates.len()), "Telegram gates of the catalogue")?,
        operator_action_count: fixed(count(items.actions.len()), "operator actions of the catalogue")?,
        approval_required_packet_count: packets(PacketStatus::ApprovalRequired),
        blocked_packet_count: packets(PacketStatus::BlockedByPolicy),
        blocked_readback_plan_count: count(
            items.plans.iter().filter(|of| of.status == PlanStatus::BlockedByPolicy).count(),
        ),
        blocked_rollback_lane_count: count(
            items.lanes.iter().filter(|of| of.status == LaneStatus::BlockedByPolicy).count(),
        ),
        blocked_telegram_gate_count: count(
            items.gates.iter().filter(|of| of.status == GateStatus::BlockedByPolicy).count(),
        ),
        approved_without_execution_meta_24h: Some(truth.approved_without_execution_24h),
        execution_failed_with_matched_24h: Some(truth.execution_failed_24h),
        owner_approval_received_count: fixed(count(truth.approvals.len()), "approvals")?,
        runtime_readback_execution_count: fixed(used(Gate::CanonicalRuntimeReadback), "readbacks")?,
        result_capture_write_count: fixed(used(Gate::RuntimeResultCaptureWrite), "result captures")?,
        score_write_count: fixed(used(Gate::RuntimeScoreWrite), "scores")?,
        learning_write_count: fixed(used(Gate::RuntimeLearningWrite), "learning records")?,
        playbook_trust_write_count: fixed(used(Gate::PlaybookTrustWrite), "trust records")?,
        reviewer_queue_write_count: fixed(used(Gate::ReviewerQueueWrite), "reviewer-queue writes")?,
        gateway_queue_write_count: fixed(used(Gate::GatewayQueueWrite), "gateway hand-overs")?,
        telegram_failure_receipt_send_count: fixed(used(Gate::TelegramFailureReceiptSend), "failure receipts")?,
        bot_api_call_count: fixed(used(Gate::BotApiCall), "Bot API calls")?,
        rollback_work_item_write_count: fixed(used(Gate::RollbackWorkItemWrite), "rollback items")?,
        production_write_count: fixed(used(Gate::ProductionWrite), "production writes")?,
        secret_read_count: fixed(used(Gate::SecretRead), "secret reads")?,
        destructive_operation_count: fixed(used(Gate::DestructiveOperation), "destructive operations")?,
    })
}

/// Every displayed text of a document with its JSON pointer, field names included.
pub fn texts(of: &Value, at: &str, each: &mut dyn FnMut(&str, &str)) {
    match of {
        Value::String(text) => each(at, text),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| texts(item, &format!("{at}/{n}"), each)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            each(&place, name);
            texts(value, &place, each);
        }),
        _ => {}
    }
}

/// Where something stands that is never displayed: JSON pointer and kind.
///
/// # Errors
/// When the shapes don't compile.
pub fn disclosures(of: &Value) -> Result<Vec<(String, disclosure::Finding)>, disclosure::ShapesError> {
    let scanner = disclosure::every()?;
    let mut found = Vec::new();
    texts(of, "", &mut |at, text| found.extend(scanner.find(text).first().map(|one| (at.to_owned(), one.clone()))));
    Ok(found)
}

/// The digest under which an owner approves a package.
#[must_use]
pub fn package_digest(package: &Package) -> Digest {
    digest(&to_json(package))
}

#[cfg(test)]
mod tests;
