//! The truths that never bend, as far as the path carries them.

use candor_core::{
    approval::Signed,
    decision::Verdict,
    evidence::{Bearing, Finding, Method, Origin, Strength, strength},
    gate::Gate,
    notice::{BlockReason, Outcome, ProofLevel},
    task::TaskState,
};
use candor_path::{Act, Input, Refusal, Reply};
use candor_store::Listing;
use proptest::prelude::*;
use serde_json::json;

use crate::harness::{World, failed, proved, secs, target, unknown};

fn outcomes() -> Vec<Outcome> {
    vec![
        proved(ProofLevel::Stored),
        proved(ProofLevel::ReadBack),
        proved(ProofLevel::Human),
        Outcome::Relayed { provider_id: Some("q".to_owned()) },
        Outcome::Simulated,
        failed(),
        Outcome::RateLimited { retry_after_ms: None },
        Outcome::Refused { reason: BlockReason::RecipientRefused, why: String::new() },
        unknown(),
        Outcome::GateClosed { why: String::new() },
    ]
}

#[test]
fn truth_1_acked_needs_the_destinations_proof() {
    for outcome in outcomes() {
        for simulated in [false, true] {
            for needs in [ProofLevel::Stored, ProofLevel::ReadBack, ProofLevel::Human] {
                let mut of = target("ops");
                of.needs = needs;
                let mut world = World::new(vec![of]);
                let notice = world.notify("info");
                let sending = world.dispatch(notice, "ops").unwrap();
                let mut answer = world.answer(outcome.clone());
                answer.simulated = simulated;
                let (fence, target) = (sending.message.fence, "ops".parse().unwrap());
                world.step(Input::Answered { notice, target, fence, answer, payload_sha256: None });
                let proved_enough = matches!(&outcome, Outcome::Proved { proof } if proof.level >= needs);
                let state = world.state(notice, "ops");
                assert_eq!(
                    state == "acked",
                    proved_enough && !simulated,
                    "{outcome:?} {simulated} {needs:?} -> {state}"
                );
            }
        }
    }
}

#[test]
fn truth_1_no_operator_act_makes_acked() {
    let mut world = World::one();
    let notice = world.notify("info");
    world.act(Act::Resolve { notice, target: None, note: "I called them".to_owned() });
    assert_eq!(world.state(notice, "ops"), "pending_external_send/resolved_by_operator");
    world.act(Act::Retry { notice, target: None });
    assert_eq!(world.state(notice, "ops"), "queued");
    world.try_once(notice, "ops", proved(ProofLevel::Stored));
    for act in [Act::Retry { notice, target: None }, Act::Resolve { notice, target: None, note: "no".to_owned() }] {
        let refusal = world.refused(Input::Operator { act, origin: Origin::Operator });
        assert_eq!(refusal, Refusal::AlreadyAcked(notice));
    }
    assert_eq!(world.state(notice, "ops"), "acked");
}

#[test]
fn truth_2_strength_is_computed() {
    use {Method as M, Origin as O, Strength as S};
    for (method, origin, expected) in [
        (M::Told, O::Operator, S::Asserted),
        (M::Told, O::Agent, S::Asserted),
        (M::Reported, O::Agent, S::Asserted),
        (M::Reported, O::Adapter, S::Observed),
        (M::Digested, O::Agent, S::Recorded),
        (M::Checked, O::Agent, S::Verified),
        (M::SignatureVerified, O::Agent, S::Attested),
    ] {
        assert_eq!(strength(method, origin), expected);
    }
    let mut world = World::one();
    world.report("task.started", "t", json!({}));
    let run = json!({"supports": ["tests_passed"], "evidence": {
        "kind": "command", "recipe": null, "command": "make test", "exit_code": 0, "output_sha256": null}});
    for (origin, expected) in [(Origin::Agent, Strength::Asserted), (Origin::Adapter, Strength::Observed)] {
        let (told, _) = world.report_as(origin, "evidence.added", Some("t"), run.clone());
        assert_eq!(world.store.evidence_by_no(told.evidence.unwrap()).unwrap().unwrap().strength, expected);
    }
    let claimed =
        json!({"supports": ["tests_passed"], "strength": "attested", "evidence": {"kind": "note", "statement": "x"}});
    let event = json!({"specversion": "1.0", "id": "x", "source": "/t", "type": "reporting-governance.evidence.added",
        "subject": "t", "data": claimed});
    assert!(candor_core::event::Event::parse(event, world.now).is_err(), "a strength can't be named in an event");
}

#[test]
fn evidence_from_before_the_task_carries_nothing() {
    let mut world = World::one();
    let made = world.now;
    world.pass(secs(600));
    world.report("task.started", "t", json!({}));
    let report = json!({"supports": ["tests_passed"], "evidence": {"kind": "test_report", "path": "junit.xml"}});
    let evidence = world.report("evidence.added", "t", report).evidence.unwrap();
    let finding = |subject_at, now| Finding {
        method: Method::Checked,
        bearing: Bearing::Supports,
        summary: "40 passed".to_owned(),
        sha256: None,
        subject_at: Some(subject_at),
        changed_at: None,
        exit_code: None,
        tests: None,
        looked_at: now,
    };
    let claim = |world: &mut World, made| {
        let finding = Box::new(finding(made, world.now));
        world.step(Input::Collected { evidence, finding });
        let decision = world.report("claim.made", "t", json!({"claim": "tests_passed"})).decision.unwrap();
        decision.rules.iter().map(|hit| hit.rule.clone()).collect::<Vec<_>>()
    };
    let before = claim(&mut world, made);
    assert!(before.contains(&"evidence-freshness/predates_claim".to_owned()), "{before:?}");
    assert!(before.contains(&"completion-integrity/claim_unsupported".to_owned()), "{before:?}");
    let now = world.now;
    assert_eq!(claim(&mut world, now), Vec::<String>::new(), "made in the task, it stands");
}

#[test]
fn truth_5_what_was_accepted_once_is_there_once() {
    let mut world = World::new(vec![target("a"), target("b")]);
    let event = world.event("notice.requested", None, json!({"title": "one"}));
    for round in 0..3 {
        let plan = world.step(Input::Report { event: Box::new(event.clone()), origin: Origin::Agent });
        let Reply::Accepted(accepted) = plan.reply else { panic!() };
        assert_eq!(accepted.duplicate, round > 0);
        assert_eq!(accepted.event.unwrap().to_string(), "e-1");
    }
    let rows = world.store.notices(&Default::default(), 10).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].deliveries.len(), 2);
}

#[test]
fn truth_6_no_gate_no_send() {
    let mut of = target("ops");
    of.gate = Some(Gate::BotApiCall);
    let mut world = World::new(vec![of]);
    let notice = world.notify("info");
    assert!(world.dispatch(notice, "ops").is_none(), "nothing is sent through a closed gate");
    assert_eq!(world.state(notice, "ops"), "pending_external_send/gate_closed");
    world.open(Gate::ProductionWrite);
    world.step(Input::ReleaseHeld);
    assert_eq!(world.state(notice, "ops"), "pending_external_send/gate_closed", "another gate is no help");
    world.open(Gate::BotApiCall);
    world.step(Input::ReleaseHeld);
    let sending = world.dispatch(notice, "ops").unwrap();
    assert!(sending.grants.iter().any(|grant| grant.opening.gate == Gate::BotApiCall));
    world.answered(notice, "ops", sending.message.fence, failed());
    world.pass(secs(2 * 3600));
    assert!(world.dispatch(notice, "ops").is_none(), "an opening that expired opens nothing");
}

#[test]
fn truth_7_only_the_operator_acts() {
    let mut world = World::one();
    let notice = world.notify("info");
    for origin in [Origin::Agent, Origin::Adapter, Origin::Candor] {
        for act in [
            Act::Resolve { notice, target: None, note: "x".to_owned() },
            Act::Acknowledge { notice, by: "x".to_owned() },
            Act::Approve { signed: Signed { document: String::new(), signatures: Vec::new() } },
        ] {
            assert_eq!(world.refused(Input::Operator { act, origin }), Refusal::OperatorOnly);
        }
    }
}

#[test]
fn truth_9_a_block_that_can_t_be_done_says_what_was_done() {
    let mut world = World::one();
    world.report("task.started", "t", json!({}));
    let held = world.report("task.completed", "t", json!({"summary": "done"})).decision.unwrap();
    assert_eq!((held.requested, held.effective), (Verdict::BlockCompletion, Verdict::BlockCompletion));
    assert_eq!(world.task("t").state, TaskState::Running, "where a completion can be held back, it is");
    world.machine.settings.capabilities.clear();
    let told = world.report("task.completed", "t", json!({"summary": "done"})).decision.unwrap();
    assert_eq!((told.requested, told.effective), (Verdict::BlockCompletion, Verdict::DowngradeStatus));
    assert_eq!(told.gap.unwrap().missing.as_str(), "inline_completion_block");
    let task = world.task("t");
    assert!(task.state == TaskState::Completed && task.unproved, "it ended, and shows that it is unproved");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens in whatever order, no delivery is left without a next step.
    #[test]
    fn truth_11_no_notice_without_a_next_step(moves in prop::collection::vec((0..9_u8, 0..10_usize, 1..400_u64), 1..60)) {
        let mut gated = target("gated");
        gated.gate = Some(Gate::ProductionWrite);
        let mut held = target("held");
        held.idempotent = false;
        let mut world = World::new(vec![target("ops"), gated, held]);
        let mut notices = vec![world.notify("info")];
        let mut open = Vec::new();
        for (kind, pick, seconds) in moves {
            let notice = notices[pick % notices.len()];
            let to = ["ops", "gated", "held"][pick % 3];
            match kind {
                0 => notices.push(world.notify("warning")),
                1 | 2 => {
                    if let Some(sending) = world.dispatch(notice, to) {
                        open.push((notice, to, sending.message.fence));
                    }
                }
                3 | 4 => if let Some((notice, to, fence)) = open.pop() {
                    let outcome = outcomes()[pick].clone();
                    world.answered(notice, to, fence, outcome);
                },
                5 => world.open(Gate::ProductionWrite),
                6 => { world.step(Input::ReleaseHeld); }
                7 => world.pass(secs(seconds)),
                _ => {
                    let started = Input::OwnerStarted { role: "up".to_owned(), alone: true, away_since: None };
                    let Reply::Owner(owner) = world.step(started).reply else { panic!() };
                    world.owner = owner;
                    open.clear();
                    for (notice, target) in orphans(&mut world) {
                        let alive_since = world.now.before(secs(15));
                        world.step(Input::Rescue { notice, target, alive_since });
                    }
                }
            }
            world.step(Input::OwnerBeat { owner: world.owner });
            let alive_since = world.now.before(secs(15));
            prop_assert_eq!(world.store.stranded(alive_since, 100).unwrap(), vec![]);
        }
    }
}

fn orphans(world: &mut World) -> Vec<(candor_core::ids::NoticeNo, candor_core::ids::TargetName)> {
    use candor_path::View as _;
    use candor_store::Store as _;
    let (owner, alive_since) = (world.owner, world.now.before(secs(15)));
    let txn = world.store.begin().unwrap();
    txn.orphans(owner, alive_since, 100).unwrap()
}
