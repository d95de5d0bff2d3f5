//! What no schema can check: that counts are those of the lists and of the effect ledger, that ids are unique, that the evidence is on record,
//! and that nothing in it is what is never displayed.

use std::collections::{BTreeMap, BTreeSet};

use candor_core::{gate::Gate, time::Timestamp};
use serde_json::Value;

use super::Finding;
use crate::{build::disclosures, package::digest};

/// What is on record about the time of a package.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// When the last gate had closed before the package was built.
    pub since: Option<Timestamp>,
    /// How many uses each gate had from then until the package was built.
    pub uses: BTreeMap<Gate, u64>,
    /// How many approvals were received from then until the package was built.
    pub approvals: u64,
    /// The evidence that is on record with packages, by hash.
    pub evidence: BTreeMap<String, Value>,
}

/// The lists, the id of an item, and the count in the rollups.
const LISTS: [(&str, &str, &str); 5] = [
    ("approval_packet_templates", "packet_id", "approval_packet_count"),
    ("canonical_readback_plans", "plan_id", "canonical_readback_plan_count"),
    ("rollback_drill_lanes", "lane_id", "rollback_drill_lane_count"),
    ("telegram_failure_receipt_gates", "gate_id", "telegram_failure_receipt_gate_count"),
    ("operator_actions", "action_id", "operator_action_count"),
];

/// Counts of items by status.
const STANDING: [(&str, &str, &str); 5] = [
    ("approval_required_packet_count", "approval_packet_templates", "approval_required"),
    ("blocked_packet_count", "approval_packet_templates", "blocked_by_policy"),
    ("blocked_readback_plan_count", "canonical_readback_plans", "blocked_by_policy"),
    ("blocked_rollback_lane_count", "rollback_drill_lanes", "blocked_by_policy"),
    ("blocked_telegram_gate_count", "telegram_failure_receipt_gates", "blocked_by_policy"),
];

/// Counts of the effect ledger.
const LEDGER: [(&str, Gate); 13] = [
    ("runtime_readback_execution_count", Gate::CanonicalRuntimeReadback),
    ("result_capture_write_count", Gate::RuntimeResultCaptureWrite),
    ("score_write_count", Gate::RuntimeScoreWrite),
    ("learning_write_count", Gate::RuntimeLearningWrite),
    ("playbook_trust_write_count", Gate::PlaybookTrustWrite),
    ("reviewer_queue_write_count", Gate::ReviewerQueueWrite),
    ("gateway_queue_write_count", Gate::GatewayQueueWrite),
    ("telegram_failure_receipt_send_count", Gate::TelegramFailureReceiptSend),
    ("bot_api_call_count", Gate::BotApiCall),
    ("rollback_work_item_write_count", Gate::RollbackWorkItemWrite),
    ("production_write_count", Gate::ProductionWrite),
    ("secret_read_count", Gate::SecretRead),
    ("destructive_operation_count", Gate::DestructiveOperation),
];

/// Everything that is wrong with a document that the contract takes.
#[must_use]
pub fn check(document: &Value, known: &Known) -> Vec<Finding> {
    let mut found = Vec::new();
    lists(document, &mut found);
    percent(document, &mut found);
    gates(document, &mut found);
    evidence(document, known, &mut found);
    ledger(document, known, &mut found);
    match disclosures(document) {
        Err(error) => found.push(Finding::new("", error.to_string())),
        Ok(all) => found.extend(all.into_iter().map(|(pointer, one)| {
            Finding::new(
                &pointer,
                format!("it has what looks like {} (`{}`), which is never displayed", one.kind.words(), one.rule),
            )
        })),
    }
    found.sort();
    found.dedup();
    found
}

fn items<'a>(document: &'a Value, list: &str) -> &'a [Value] {
    document.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A count; 5.0 is 5.
fn counted(document: &Value, pointer: &str, is: u64, of: &str, found: &mut Vec<Finding>) {
    let said = document.pointer(pointer).and_then(Value::as_f64);
    // Counts of lists and of the ledger are far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    let same = said == Some(is as f64);
    if !same {
        found.push(Finding::new(pointer, format!("it isn't {is}, which is the number of {of}")));
    }
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

fn lists(document: &Value, found: &mut Vec<Finding>) {
    for (list, id, rollup) in LISTS {
        let items = items(document, list);
        counted(document, &format!("/rollups/{rollup}"), count(items.len()), &format!("items in `{list}`"), found);
        let mut seen = BTreeSet::new();
        for (at, item) in items.iter().enumerate() {
            if !seen.insert(text(item, id)) {
                found.push(Finding::new(&format!("/{list}/{at}/{id}"), "another item has this id".to_owned()));
            }
        }
    }
    for (rollup, list, status) in STANDING {
        let is = items(document, list).iter().filter(|item| text(item, "status") == status).count();
        counted(document, &format!("/rollups/{rollup}"), count(is), &format!("`{status}` items in `{list}`"), found);
    }
}

/// The documented rule: see docs/approval-package.md.
fn percent(document: &Value, found: &mut Vec<Finding>) {
    let points = |list: &str, half: &str| -> (u64, u64) {
        let items = items(document, list);
        let of = |item: &Value| match text(item, "status") {
            "blocked_by_policy" => 0,
            status if status == half => 1,
            _ => 2,
        };
        (items.iter().map(of).sum(), count(items.len()).saturating_mul(2))
    };
    let all = LISTS.iter().take(4).map(|(list, ..)| points(list, "approval_required"));
    let (done, all) =
        all.fold((0, 0), |sum: (u64, u64), one| (sum.0.saturating_add(one.0), sum.1.saturating_add(one.1)));
    let is = crate::package::constant::Percent::of(done, all).get();
    counted(
        document,
        "/program_status/overall_completion_percent",
        u64::from(is),
        "percent that its items come to",
        found,
    );
}

fn gates(document: &Value, found: &mut Vec<Finding>) {
    for (at, packet) in items(document, "approval_packet_templates").iter().enumerate() {
        for (n, gate) in items(packet, "blocked_runtime_actions").iter().enumerate() {
            if gate.as_str().and_then(Gate::parse).is_none() {
                let pointer = format!("/approval_packet_templates/{at}/blocked_runtime_actions/{n}");
                found.push(Finding::new(&pointer, "it is none of the thirteen gates".to_owned()));
            }
        }
    }
}

fn evidence(document: &Value, known: &Known, found: &mut Vec<Finding>) {
    for (list, id, _) in LISTS {
        for (at, item) in items(document, list).iter().enumerate() {
            let Some(hash) = item.get("evidence_hash").and_then(Value::as_str) else { continue };
            let pointer = format!("/{list}/{at}/evidence_hash");
            let Some(evidence) = known.evidence.get(hash) else {
                found.push(Finding::new(&pointer, "no evidence with this hash is on record with a package".to_owned()));
                continue;
            };
            if digest(evidence).as_str() != hash {
                found.push(Finding::new(&pointer, "the evidence on record has another hash".to_owned()));
            }
            if text(evidence, "item") != format!("{list}/{}", text(item, id)) {
                found.push(Finding::new(&pointer, "the evidence with this hash is of another item".to_owned()));
            } else if text(evidence, "status") != text(item, "status") {
                let pointer = format!("/{list}/{at}/status");
                found.push(Finding::new(&pointer, "its evidence says that it stands otherwise".to_owned()));
            }
        }
    }
}

fn ledger(document: &Value, known: &Known, found: &mut Vec<Finding>) {
    let built: Option<Timestamp> = document.get("generated_at").and_then(Value::as_str).and_then(|at| at.parse().ok());
    if built.is_none() {
        found
            .push(Finding::new("/generated_at", "it is no time in UTC, so nothing can be counted up to it".to_owned()));
    }
    let since = known.since.map_or_else(|| "the log began".to_owned(), |at| at.to_string());
    for (rollup, gate) in LEDGER {
        let is = known.uses.get(&gate).copied().unwrap_or(0);
        let of = format!("uses of `{}` in the effect ledger since {since}", gate.as_str());
        counted(document, &format!("/rollups/{rollup}"), is, &of, found);
    }
    let of = format!("approvals on record since {since}");
    counted(document, "/rollups/owner_approval_received_count", known.approvals, &of, found);
}
