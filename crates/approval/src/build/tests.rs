#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use candor_core::{
    catalogue::{CATALOGUE_FILE, CORE_CATALOGUE, parse_catalogue},
    gate::{LedgerEntry, Opening, Scope},
};

use super::*;
use crate::{drill::LaneStanding, readiness, truth::TargetTruth};

fn catalogue() -> Catalogue {
    parse_catalogue(CATALOGUE_FILE, CORE_CATALOGUE).unwrap()
}

/// A deployment in which nothing is missing.
fn whole() -> Truth {
    let now = "2026-11-29T02:00:00Z".parse().unwrap();
    let target = |name: &str, sender: &str, gates: &[Gate]| TargetTruth {
        name: name.parse().unwrap(),
        sender: sender.to_owned(),
        gates: gates.iter().copied().collect(),
        available: true,
        secrets_present: true,
        proves: true,
    };
    let truth = Truth {
        now,
        node: "node-1".to_owned(),
        owners: ["ann@example.org", "bob@example.org"].map(str::to_owned).into(),
        lanes: LANES.iter().map(|lane| (lane.id.to_owned(), LaneStanding::Good { at: now })).collect(),
        two_owners: BTreeSet::from([Gate::DestructiveOperation]),
        targets: vec![
            target("phone", "telegram", &[Gate::BotApiCall, Gate::SecretRead]),
            target("gateway", "openclaw-cli", &[Gate::GatewayQueueWrite]),
            target("hook", "webhook", &[Gate::ProductionWrite]),
        ],
        failure_receipts: Some("phone".parse().unwrap()),
        askable: catalogue().plans.iter().map(|plan| (plan.id.clone(), vec!["target phone".to_owned()])).collect(),
        ..Truth::default()
    };
    with_readiness(truth)
}

fn with_readiness(mut truth: Truth) -> Truth {
    let body = to_json(&readiness::build(&truth));
    truth.readiness = Some(RecordedReadiness { id: "rd-1".to_owned(), at: truth.now, body });
    truth
}

fn built(truth: &Truth) -> Built {
    build(&catalogue(), truth).unwrap()
}

fn refused(truth: &Truth) -> String {
    build(&catalogue(), truth).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn status(built: &Built, id: &str) -> (PacketStatus, String) {
    let packet = built.package.approval_packet_templates.iter().find(|of| of.packet_id == id).unwrap();
    let reasons = &built.package.approval_package_truth.more["reasons"][format!("approval_packet_templates/{id}")];
    (packet.status, reasons.to_string())
}

#[test]
fn a_whole_deployment_is_all_ready() {
    let built = built(&whole());
    let text = serde_json::to_string_pretty(&json!({ "package": built.package, "evidence": built.evidence })).unwrap();
    insta::assert_snapshot!("whole", text);
    assert_eq!(built.package.program_status.overall_completion_percent.get(), 100);
    assert_eq!(built.evidence.len(), 13);
    for (hash, evidence) in &built.evidence {
        assert_eq!(digest(evidence).as_str(), hash);
    }
}

#[test]
fn the_stage_before_follows_from_its_gates() {
    let document = readiness::build(&whole());
    insta::assert_snapshot!("readiness", serde_json::to_string_pretty(&document).unwrap());
    let mut open = whole();
    open.open.push(opening(Gate::RuntimeResultCaptureWrite));
    let document = readiness::build(&open);
    let rollups = &document.rollups;
    // The result's own gate is open, so a score waits for its own alone.
    assert_eq!((rollups.approval_required_digest_count, rollups.blocked_digest_count), (2, 2));
    assert_eq!(document.counters.promotion_approved_count, 1);
}

fn opening(gate: Gate) -> Opening {
    Opening {
        no: "g-7".parse().unwrap(),
        approval: "ap-3".parse().unwrap(),
        gate,
        scope: Scope::default(),
        reason: "test".to_owned(),
        approved_by: vec!["ann@example.org".to_owned()],
        max_uses: 2,
        used: 0,
        opened_at: "2026-11-29T01:00:00Z".parse().unwrap(),
        expires_at: "2026-11-29T03:00:00Z".parse().unwrap(),
        closed_at: None,
        closed_by: None,
    }
}

fn entry(gate: Gate, what: &str) -> LedgerEntry {
    LedgerEntry {
        no: "l-4".parse().unwrap(),
        at: "2026-11-29T01:30:00Z".parse().unwrap(),
        gate,
        opening: "g-7".parse().unwrap(),
        approval: "ap-3".parse().unwrap(),
        use_no: 1,
        scope: Scope::default(),
        what: what.to_owned(),
        of: "a-9".to_owned(),
    }
}

#[test]
fn what_happened_or_is_open_stands_against_it_by_name() {
    for gate in GATES {
        let mut truth = whole();
        truth.open.push(opening(*gate));
        let why = refused(&truth);
        assert!(why.contains(&format!("gate `{}` is open", gate.as_str())) && why.contains("ap-3"), "{why}");
        let mut truth = whole();
        truth.ledger.push(entry(*gate, "send n-3 to phone"));
        truth.uses.insert(*gate, 1);
        let why = refused(&truth);
        assert!(why.contains("l-4") && why.contains("send n-3 to phone"), "{why}");
        // Counted, and not among those that are named.
        let mut truth = whole();
        truth.uses.insert(*gate, 3);
        assert!(refused(&truth).contains("3 more uses"), "{}", refused(&truth));
    }
    let mut truth = whole();
    truth.approvals.push("ap-5".parse().unwrap());
    assert!(refused(&truth).contains("`ap-5` was given"));
}

#[test]
fn without_the_stage_before_there_is_no_package() {
    let why = |change: &dyn Fn(&mut Truth)| {
        let mut truth = whole();
        change(&mut truth);
        refused(&truth)
    };
    assert!(why(&|truth| truth.readiness = None).contains("the stage before is missing"));
    assert!(why(&|truth| truth.readiness.as_mut().unwrap().body = json!({})).contains("doesn't read"));
    assert!(why(&|truth| truth.since = Some("2026-11-29T02:00:00.000001Z".parse().unwrap())).contains("older"));
    assert!(why(&|truth| truth.node = "node-2".to_owned()).contains("another node"));
    // One that was built while a gate was open doesn't have the contract's numbers.
    let mut open = whole();
    open.open.push(opening(Gate::RuntimeResultCaptureWrite));
    let mut truth = with_readiness(open);
    truth.open.clear();
    assert!(refused(&truth).contains("the contract fixes the number of"), "{}", refused(&truth));
}

#[test]
fn what_blocks_a_packet_is_said() {
    let with = |change: &dyn Fn(&mut Truth)| {
        let mut truth = whole();
        change(&mut truth);
        built(&with_readiness(truth))
    };
    let blocked = with(&|truth| truth.owners.clear());
    assert_eq!(blocked.package.rollups.blocked_packet_count, 5);
    assert!(status(&blocked, "operator-messages").1.contains("nobody may sign"));
    let one = with(&|truth| truth.owners = ["ann@example.org".to_owned()].into());
    assert_eq!(one.package.rollups.blocked_packet_count, 1);
    assert!(status(&one, "removal-and-change").1.contains("two owners must sign for `destructive_operation`"));
    let undrilled = with(&|truth| {
        truth.lanes.remove("channel-fallback");
    });
    let (stands, why) = status(&undrilled, "operator-messages");
    assert_eq!(stands, PacketStatus::BlockedByPolicy);
    assert!(why.contains("candor approval drill channel-fallback"), "{why}");
    assert_eq!(
        (undrilled.package.rollups.blocked_packet_count, undrilled.package.rollups.blocked_rollback_lane_count),
        (1, 1)
    );
    let alone = with(&|truth| truth.targets.truncate(1));
    let (stands, why) = status(&alone, "operator-messages");
    assert_eq!(stands, PacketStatus::ApprovalRequired);
    assert!(why.contains("`gateway_queue_write` has no effect"), "{why}");
    // A gateway's queue has nobody to ask, and there is no failure of another target to tell of.
    assert_eq!(alone.package.rollups.blocked_readback_plan_count, 1);
    assert_eq!(alone.package.rollups.blocked_telegram_gate_count, 1);
    assert!(alone.package.program_status.overall_completion_percent.get() < 100);
    let deaf = with(&|truth| {
        truth.askable.remove("runtime-tasks");
    });
    assert_eq!(deaf.package.rollups.blocked_readback_plan_count, 1);
    let silent = with(&|truth| truth.askable.clear());
    let (stands, why) = status(&silent, "canonical-readback");
    assert_eq!((stands, silent.package.rollups.blocked_readback_plan_count), (PacketStatus::ApprovalRequired, 4));
    assert!(why.contains("no target or runtime can be asked"), "{why}");
    let tokenless = with(&|truth| truth.targets[0].secrets_present = false);
    assert!(status(&tokenless, "operator-messages").1.contains("the secret of target `phone` isn't there"));
    assert_eq!(tokenless.package.rollups.blocked_telegram_gate_count, 1);
    let nothing = with(&|truth| truth.targets.clear());
    assert_eq!(nothing.package.rollups.blocked_telegram_gate_count, 4);
    let shaky = with(&|truth| truth.targets[0].proves = false);
    assert_eq!(shaky.package.rollups.blocked_telegram_gate_count, 1);
}

#[test]
fn a_lane_that_this_program_cannot_rehearse_stands_against_it() {
    let text =
        CORE_CATALOGUE.replace("steps: [earlier-package, package-verifies, package-reads]", "steps: [earlier-package]");
    let against = build(&parse_catalogue(CATALOGUE_FILE, &text).unwrap(), &whole()).unwrap_err();
    assert!(against[0].to_string().contains("package-rollback"), "{against:?}");
}

#[test]
fn what_is_never_displayed_stands_against_it() {
    let mut truth = whole();
    truth.node = "node password=hunter2-example".to_owned();
    let why = refused(&with_readiness(truth));
    assert!(why.contains("/source_refs/2") && why.contains("a credential") && !why.contains("hunter2"), "{why}");
    let mut truth = whole();
    truth.ledger.push(entry(Gate::BotApiCall, "<think>planted</think>"));
    assert!(!refused(&truth).contains("planted"));
}

#[test]
fn the_same_makes_the_same() {
    assert_eq!(built(&whole()), built(&whole()));
    let again: Package = serde_json::from_value(to_json(&built(&whole()).package)).unwrap();
    assert_eq!(again, built(&whole()).package);
}
