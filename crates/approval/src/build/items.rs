//! The items of a package: how each stands, why, and the evidence from which that follows.

use std::collections::BTreeMap;

use candor_core::{
    catalogue::{ActionEntry, Catalogue, LaneEntry, PacketEntry, PlanEntry, TelegramCheck, TelegramGateEntry},
    gate::Gate,
};
use serde_json::{Value, json};

use crate::{
    package::{
        DrillLane, GateStatus, LaneStatus, OperatorAction, Packet, PacketStatus, PlanStatus, ReadbackPlan, ReceiptGate,
        constant::{Always, Digest, Texts},
        digest,
    },
    truth::{Truth, lane_words},
};

/// All items, in the catalogue's order.
#[derive(Default)]
pub(super) struct Items {
    pub(super) packets: Vec<Packet>,
    pub(super) plans: Vec<ReadbackPlan>,
    pub(super) lanes: Vec<DrillLane>,
    pub(super) gates: Vec<ReceiptGate>,
    pub(super) actions: Vec<OperatorAction>,
    /// Evidence by hash.
    pub(super) evidence: BTreeMap<String, Value>,
    /// Why each item stands as it does, by list and id.
    pub(super) reasons: BTreeMap<String, Vec<String>>,
}

impl Items {
    pub(super) fn of(catalogue: &Catalogue, truth: &Truth) -> Self {
        let mut items = Self::default();
        for entry in &catalogue.packets {
            let packet = items.packet(entry, truth);
            items.packets.extend(packet);
        }
        for entry in &catalogue.plans {
            let plan = items.plan(entry, truth);
            items.plans.extend(plan);
        }
        for entry in &catalogue.lanes {
            let lane = items.lane(entry, truth);
            items.lanes.extend(lane);
        }
        for entry in &catalogue.telegram_gates {
            let gate = items.gate(entry, truth);
            items.gates.extend(gate);
        }
        items.actions = catalogue.operator_actions.iter().map(action).collect();
        items
    }

    /// Keeps an item's evidence and reasons, and gives the evidence's hash.
    fn keep(&mut self, item: String, evidence: Value, reasons: Vec<String>) -> Digest {
        let hash = digest(&evidence);
        self.evidence.insert(hash.as_str().to_owned(), evidence);
        self.reasons.insert(item, reasons);
        hash
    }

    fn packet(&mut self, entry: &PacketEntry, truth: &Truth) -> Option<Packet> {
        let (status, reasons) = packet_standing(entry, truth);
        let evidence = json!({
            "item": format!("approval_packet_templates/{}", entry.id), "at": truth.now, "node": truth.node,
            "status": status, "reasons": reasons, "counted_since": truth.since,
            "gates": entry.gates.iter().map(|gate| truth.gate_evidence(*gate)).collect::<Vec<_>>(),
            "lanes": entry.lanes.iter().map(|id| truth.lane_evidence(id)).collect::<Vec<_>>(),
            "owners": truth.owners.len(),
        });
        let operator_guidance = format!("{} Stands so because {}.", entry.guidance, reasons.join("; "));
        let evidence_hash = self.keep(format!("approval_packet_templates/{}", entry.id), evidence, reasons);
        Some(Packet {
            packet_id: entry.id.clone(),
            display_name: entry.name.clone(),
            owner_agent: entry.owner_agent,
            status,
            risk_tier: entry.risk_tier,
            required_approval_fields: Texts::of(entry.required_fields.clone())?,
            blocked_runtime_actions: Texts::of(entry.gates.iter().map(|gate| gate.as_str().to_owned()).collect())?,
            operator_guidance,
            approval_required: Always::DEMANDED,
            runtime_write_allowed: Always::NEVER,
            evidence_hash,
        })
    }

    fn plan(&mut self, entry: &PlanEntry, truth: &Truth) -> Option<ReadbackPlan> {
        let mut reasons = Vec::new();
        let allowed_by = self.packets.iter().find(|packet| packet.packet_id == entry.packet);
        if allowed_by.is_none_or(|packet| packet.status == PacketStatus::BlockedByPolicy) {
            reasons.push(format!("the packet `{}` that allows it is blocked", entry.packet));
        }
        if let Some(sender) = &entry.sender
            && !truth.live_targets().any(|target| target.sender == *sender)
        {
            reasons.push(format!("no target with the sender `{sender}` is bound here, so there is nothing to ask"));
        }
        let asked = truth.askable.get(&entry.id).map(Vec::as_slice).unwrap_or_default();
        if asked.is_empty() {
            reasons
                .push("nobody here can be asked for it: no target or runtime is configured with a way to".to_owned());
        }
        let status = if reasons.is_empty() {
            let gates = [Gate::CanonicalRuntimeReadback, Gate::RuntimeResultCaptureWrite].map(Gate::as_str);
            reasons.push(format!("it asks {} once `{}` are open", asked.join(", "), gates.join("` and `")));
            PlanStatus::PlannedNoRuntimeRead
        } else {
            PlanStatus::BlockedByPolicy
        };
        let item = format!("canonical_readback_plans/{}", entry.id);
        let evidence = json!({
            "item": item, "at": truth.now, "node": truth.node, "status": status, "reasons": reasons,
            "gate": truth.gate_evidence(Gate::CanonicalRuntimeReadback), "packet": entry.packet, "sender": entry.sender,
            "askable": asked,
        });
        let evidence_hash = self.keep(item, evidence, reasons);
        let checks = entry.redaction_checks.iter().map(|kind| kind.as_str().to_owned()).collect();
        Some(ReadbackPlan {
            plan_id: entry.id.clone(),
            display_name: entry.name.clone(),
            owner_agent: entry.owner_agent,
            status,
            query_scope: entry.query_scope.clone(),
            required_fields: Texts::of(entry.required_fields.clone())?,
            redaction_checks: Texts::of(checks)?,
            live_query_enabled: Always::NEVER,
            runtime_write_allowed: Always::NEVER,
            evidence_hash,
        })
    }

    fn lane(&mut self, entry: &LaneEntry, truth: &Truth) -> Option<DrillLane> {
        let standing = truth.lane(&entry.id);
        let item = format!("rollback_drill_lanes/{}", entry.id);
        self.reasons.insert(item, vec![lane_words(&entry.id, &standing)]);
        Some(DrillLane {
            lane_id: entry.id.clone(),
            display_name: entry.name.clone(),
            owner_agent: entry.owner_agent,
            status: if standing.is_good() { LaneStatus::PlannedNoWrite } else { LaneStatus::BlockedByPolicy },
            rollback_owner: entry.rollback_owner.clone(),
            required_steps: Texts::of(entry.steps.clone())?,
            failure_if_missing: entry.failure_if_missing.clone(),
            rollback_write_enabled: Always::NEVER,
            creates_runtime_write: Always::NEVER,
        })
    }

    fn gate(&mut self, entry: &TelegramGateEntry, truth: &Truth) -> Option<ReceiptGate> {
        let checked = telegram_check(entry.check, truth);
        let status = if checked.is_ok() { GateStatus::ReadyForOwnerReview } else { GateStatus::BlockedByPolicy };
        let reasons = vec![checked.unwrap_or_else(|why| why)];
        let item = format!("telegram_failure_receipt_gates/{}", entry.id);
        let targets: Vec<Value> = truth
            .telegram()
            .map(|of| json!({ "target": of.name, "secrets_present": of.secrets_present, "delivery_proof": of.proves }))
            .collect();
        let evidence = json!({
            "item": item, "at": truth.now, "node": truth.node, "status": status, "reasons": reasons, "check": entry.check,
            "telegram_targets": targets, "failure_receipts": truth.failure_receipts,
            "other_targets": truth.live_targets().filter(|of| truth.failure_receipts.as_ref() != Some(&of.name)).count(),
        });
        let evidence_hash = self.keep(item, evidence, reasons);
        Some(ReceiptGate {
            gate_id: entry.id.clone(),
            display_name: entry.name.clone(),
            owner_agent: entry.owner_agent,
            status,
            required_evidence: Texts::of(entry.required_evidence.clone())?,
            failure_if_missing: entry.failure_if_missing.clone(),
            queue_write_enabled: Always::NEVER,
            telegram_send_enabled: Always::NEVER,
            bot_api_call_enabled: Always::NEVER,
            evidence_hash,
        })
    }
}

fn action(entry: &ActionEntry) -> OperatorAction {
    OperatorAction {
        action_id: entry.id.clone(),
        action_type: entry.action_type,
        display_name: entry.name.clone(),
        owner_agent: entry.owner_agent,
        operator_instruction: entry.instruction.clone(),
        runtime_write_allowed: Always::NEVER,
    }
}

/// Blocked: nobody may sign, too few may, a way back wasn't drilled, or nothing at all stands behind its gates. Otherwise ready, unless
/// something that it would open has nothing behind it here, or lacks its secret: then it can be approved, and what is missing is named.
fn packet_standing(entry: &PacketEntry, truth: &Truth) -> (PacketStatus, Vec<String>) {
    let mut blocked = Vec::new();
    if truth.owners.is_empty() {
        blocked.push("nobody may sign: `allowed_signers` names no owner".to_owned());
    }
    let two = entry.gates.iter().find(|gate| truth.two_owners.contains(gate));
    if let (Some(gate), 1) = (two, truth.owners.len()) {
        blocked.push(format!("two owners must sign for `{}`, and `allowed_signers` names one", gate.as_str()));
    }
    let undrilled = entry.lanes.iter().map(|id| (id, truth.lane(id))).filter(|(_, standing)| !standing.is_good());
    blocked.extend(undrilled.map(|(id, standing)| lane_words(id, &standing)));
    let missing: Vec<String> = entry
        .gates
        .iter()
        .filter_map(|gate| truth.behind(*gate).err().map(|why| format!("`{}` has no effect: {why}", gate.as_str())))
        .collect();
    if missing.len() == entry.gates.len() {
        blocked.push("none of its gates has an effect in this deployment".to_owned());
    }
    if !blocked.is_empty() {
        return (PacketStatus::BlockedByPolicy, blocked);
    }
    let secrets =
        truth.live_targets().filter(|target| !target.secrets_present && entry.gates.contains(&Gate::SecretRead));
    let lacking: Vec<String> = missing
        .into_iter()
        .chain(secrets.map(|target| format!("the secret of target `{}` isn't there", target.name)))
        .collect();
    if lacking.is_empty() {
        let count = entry.gates.len();
        (
            PacketStatus::ReadyForOwnerReview,
            vec![format!("its {count} gates are closed, each has an effect here, and its ways back were drilled")],
        )
    } else {
        (PacketStatus::ApprovalRequired, lacking)
    }
}

fn telegram_check(check: TelegramCheck, truth: &Truth) -> Result<String, String> {
    let bound: Vec<&str> = truth.telegram().map(|of| of.name.as_str()).collect();
    if bound.is_empty() {
        return Err("no Telegram target is bound here".to_owned());
    }
    match check {
        TelegramCheck::TargetBound => Ok(format!("bound: {}", bound.join(", "))),
        TelegramCheck::TokenReadable => match truth.telegram().find(|of| !of.secrets_present) {
            Some(of) => Err(format!("the token of target `{}` isn't there", of.name)),
            None => Ok("each Telegram target's token is there; it wasn't read".to_owned()),
        },
        TelegramCheck::ChannelProves => match truth.telegram().find(|of| !of.proves) {
            Some(of) => {
                Err(format!("no probe showed that target `{}` proves a delivery; `candor capability probe`", of.name))
            }
            None => Ok("each Telegram target proves what it took".to_owned()),
        },
        TelegramCheck::FailureSeen => match &truth.failure_receipts {
            None => Err("`approvals.failure_receipts` names no target".to_owned()),
            Some(told) if !truth.telegram().any(|of| of.name == *told) => {
                Err(format!("`{told}`, which is told of failures, is no Telegram target that is bound here"))
            }
            Some(told) if !truth.live_targets().any(|of| of.name != *told) => {
                Err(format!("there is no other target whose failure `{told}` could be told of"))
            }
            Some(told) => Ok(format!("failures of other targets are told to `{told}`")),
        },
    }
}
