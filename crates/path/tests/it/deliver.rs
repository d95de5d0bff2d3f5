//! From queue to receipt: retries, floors, digests, late answers, rescues.

use candor_core::{
    gate::Gate,
    notice::{BlockReason, DeliveryState, Outcome, ProofLevel},
    settings::{OnUnknown, Target},
};
use candor_path::{Act, Input, Reply};
use candor_store::Listing;
use serde_json::json;

use crate::harness::{World, failed, proved, secs, target, unknown};

#[test]
fn one_key_for_all_attempts_of_a_notice_and_target() {
    let mut world = World::one();
    let notice = world.notify("info");
    let first = world.try_once(notice, "ops", failed());
    world.pass(secs(60));
    let second = world.try_once(notice, "ops", proved(ProofLevel::Stored));
    assert_eq!(first.message.key, second.message.key);
    assert_eq!((first.message.attempt, second.message.attempt), (1, 2));
    assert!(second.message.fence > first.message.fence);
}

#[test]
fn attempts_run_out_and_an_operator_starts_again() {
    let mut world = World::one();
    let notice = world.notify("info");
    for _ in 0..3 {
        world.try_once(notice, "ops", failed());
        world.pass(secs(600));
    }
    assert_eq!(world.state(notice, "ops"), "blocked/attempts_exhausted");
    assert!(world.dispatch(notice, "ops").is_none());
    world.act(candor_path::Act::Retry { notice, target: None });
    world.try_once(notice, "ops", proved(ProofLevel::Stored));
    assert_eq!(world.state(notice, "ops"), "acked");
}

#[test]
fn what_waits_for_a_shut_gate_never_stands_before_what_could_go() {
    let gated = |name: &str, gate| Target { gate: Some(gate), ..target(name) };
    let mut world = World::new(vec![gated("shut", Gate::ProductionWrite), gated("open", Gate::BotApiCall)]);
    // More than one step releases, all of them older than what could go.
    for _ in 0..250 {
        let notice = world.notify("info");
        assert!(world.dispatch(notice, "shut").is_none());
    }
    let notice = world.notify("info");
    assert!(world.dispatch(notice, "open").is_none());
    world.open(Gate::BotApiCall);
    world.step(Input::ReleaseHeld);
    assert!(world.dispatch(notice, "open").is_some());
}

#[test]
fn retry_after_is_a_floor_and_parks_the_target() {
    let mut world = World::one();
    let (one, two) = (world.notify("info"), world.notify("info"));
    let floor = secs(3_600);
    world.try_once(one, "ops", Outcome::RateLimited { retry_after_ms: Some(3_600_000) });
    let DeliveryState::Pending { next_at: Some(at), .. } = world.delivery(one, "ops").state else { panic!() };
    assert!(at >= world.now.after(floor));
    assert!(world.dispatch(two, "ops").is_none(), "the whole target waits");
    world.pass(secs(3_599));
    assert!(world.dispatch(one, "ops").is_none(), "never earlier than asked");
    assert_eq!(world.delivery(one, "ops").tries, 0, "being asked to wait is no failed try");
}

#[test]
fn what_waited_goes_out_as_one_digest_with_a_receipt_each() {
    let mut world = World::one();
    let lead = world.notify("info");
    world.try_once(lead, "ops", Outcome::RateLimited { retry_after_ms: Some(5_000) });
    let (low, other, high) = (world.notify("info"), world.notify("info"), world.notify("critical"));
    for notice in [low, other, high] {
        assert!(world.dispatch(notice, "ops").is_none());
    }
    world.pass(secs(10));
    let sending = world.dispatch(lead, "ops").unwrap();
    assert_eq!(sending.message.covers, [low, other], "what is critical goes by itself");
    world.answered(lead, "ops", sending.message.fence, proved(ProofLevel::Stored));
    for notice in [lead, low, other] {
        assert_eq!(world.state(notice, "ops"), "acked");
        let receipts = world.store.receipts(notice, 10).unwrap();
        let last = &receipts.last().unwrap().body;
        let covered_by = if notice == lead { json!(null) } else { json!(lead) };
        assert_eq!(last["covered_by"], covered_by);
    }
    assert_eq!(world.state(high, "ops"), "queued");
    world.try_once(high, "ops", proved(ProofLevel::Stored));
}

#[test]
fn an_unknown_outcome_is_repeated_only_where_that_is_safe_or_wanted() {
    for (idempotent, on_unknown, repeats, marked) in [
        (true, OnUnknown::Hold, true, true),
        (false, OnUnknown::Hold, false, true),
        (false, OnUnknown::ResendPossibleDuplicate, true, true),
    ] {
        let mut of = target("ops");
        (of.idempotent, of.on_unknown) = (idempotent, on_unknown);
        let mut world = World::new(vec![of]);
        let notice = world.notify("info");
        world.try_once(notice, "ops", unknown());
        assert_eq!(world.state(notice, "ops"), "pending_external_send/outcome_unknown");
        world.pass(secs(600));
        match world.dispatch(notice, "ops") {
            Some(sending) => {
                assert!(repeats, "{idempotent} {on_unknown:?}");
                assert_eq!(sending.message.maybe_repeat, marked);
                assert!(sending.message.title.contains("possible repeat"), "{}", sending.message.title);
            }
            None => assert!(!repeats, "{idempotent} {on_unknown:?}"),
        }
    }
}

#[test]
fn what_may_have_arrived_is_never_called_blocked() {
    let refused = Outcome::Refused { reason: BlockReason::RecipientRefused, why: String::new() };
    let mut world = World::one();
    let notice = world.notify("info");
    world.try_once(notice, "ops", unknown());
    world.pass(secs(600));
    world.try_once(notice, "ops", refused);
    assert_eq!(world.state(notice, "ops"), "pending_external_send/outcome_unknown");
}

#[test]
fn a_late_answer_under_an_older_fence_changes_nothing() {
    let mut world = World::one();
    let notice = world.notify("info");
    let slow = world.dispatch(notice, "ops").unwrap();
    let started = Input::OwnerStarted { role: "up".to_owned(), alone: true, away_since: None };
    let Reply::Owner(owner) = world.step(started).reply else { panic!() };
    world.owner = owner;
    let (target, alive_since) = ("ops".parse().unwrap(), world.now.before(secs(15)));
    world.step(Input::Rescue { notice, target, alive_since });
    assert_eq!(world.state(notice, "ops"), "pending_external_send/outcome_unknown");
    let again =
        world.dispatch(notice, "ops").expect("an idempotent repeat needs no wait when the process was to blame");
    world.answered(notice, "ops", slow.message.fence, proved(ProofLevel::Stored));
    assert_eq!(
        world.state(notice, "ops"),
        "pending_external_send/attempt_open",
        "the reply belongs to the older attempt"
    );
    world.answered(notice, "ops", again.message.fence, proved(ProofLevel::Stored));
    assert_eq!(world.state(notice, "ops"), "acked");
    world.answered(notice, "ops", again.message.fence, failed());
    assert_eq!(world.state(notice, "ops"), "acked", "what is acked stays acked");
}

#[test]
fn a_hand_over_outlives_the_dispatcher_and_lapses_when_nobody_takes_it_up() {
    let mut world = World::one();
    let notice = world.notify("info");
    let target: candor_core::ids::TargetName = "ops".parse().unwrap();
    let owner = world.owner;
    world.step(Input::Dispatch { notice, target: target.clone(), owner, open: false });
    assert_eq!(world.state(notice, "ops"), "dispatched");
    world.step(Input::OwnerEnded { owner });
    let alive_since = world.now.before(secs(15));
    world.step(Input::Rescue { notice, target: target.clone(), alive_since });
    assert_eq!(world.state(notice, "ops"), "dispatched");
    world.pass(secs(60));
    let alive_since = world.now.before(secs(15));
    world.step(Input::Rescue { notice, target: target.clone(), alive_since });
    assert_eq!(world.state(notice, "ops"), "queued");
    world.step(Input::Dispatch { notice, target: target.clone(), owner, open: false });
    let plan = world.step(Input::Open { notice, target, owner });
    assert_eq!(plan.effects.len(), 1, "the bridge sends what was handed over");
}

#[test]
fn targets_take_their_levels_and_severities() {
    let mut late = target("boss");
    late.from_level = 2;
    let mut loud = target("pager");
    loud.from_severity = candor_core::decision::Severity::Critical;
    let mut world = World::new(vec![target("ops"), late, loud]);
    let notice = world.notify("info");
    let row = world.store.notice_row(notice).unwrap().unwrap();
    let to: Vec<String> = row.deliveries.iter().map(|delivery| delivery.target.to_string()).collect();
    assert_eq!(to, ["ops"]);
    let critical = world.notify("critical");
    let row = world.store.notice_row(critical).unwrap().unwrap();
    let to: Vec<String> = row.deliveries.iter().map(|delivery| delivery.target.to_string()).collect();
    assert_eq!(to, ["ops", "pager"]);
}

#[test]
fn what_a_relay_took_is_marked_when_it_is_sent_again() {
    let mut careful = target("careful");
    careful.needs = ProofLevel::ReadBack;
    for outcome in [Outcome::Relayed { provider_id: None }, proved(ProofLevel::Stored)] {
        let mut world = World::new(vec![careful.clone()]);
        let notice = world.notify("info");
        world.try_once(notice, "careful", outcome);
        assert_eq!(world.state(notice, "careful"), "pending_external_send/accepted_by_relay");
        world.act(Act::Retry { notice, target: None });
        let again = world.try_once(notice, "careful", proved(ProofLevel::ReadBack));
        assert!(again.message.maybe_repeat && again.message.title.contains("possible repeat"));
    }
}

#[test]
fn a_possible_repeat_leads_no_digest() {
    let mut world = World::one();
    let lead = world.notify("info");
    world.try_once(lead, "ops", unknown());
    world.pass(secs(60));
    world.try_once(lead, "ops", Outcome::RateLimited { retry_after_ms: Some(100_000) });
    let other = world.notify("info");
    assert!(world.dispatch(other, "ops").is_none());
    world.pass(secs(100));
    let again = world.dispatch(lead, "ops").unwrap();
    assert_eq!(again.message.covers, [], "a receiver that knows the key drops the message whole");
    world.try_once(other, "ops", proved(ProofLevel::Stored));
}

#[test]
fn the_longest_pause_that_was_asked_for_stands() {
    let mut world = World::one();
    let (one, two) = (world.notify("info"), world.notify("info"));
    let calls = [one, two].map(|notice| world.dispatch(notice, "ops").unwrap());
    for (sending, seconds) in calls.iter().zip([100, 20]) {
        let answer = Outcome::RateLimited { retry_after_ms: Some(seconds * 1_000) };
        world.answered(sending.message.notice, "ops", sending.message.fence, answer);
    }
    world.pass(secs(99));
    assert!(world.dispatch(two, "ops").is_none());
    world.pass(secs(1));
    assert!(world.dispatch(two, "ops").is_some());
}

#[test]
fn a_pause_that_is_asked_for_after_the_hand_over_holds_too() {
    let mut world = World::one();
    let (one, two) = (world.notify("info"), world.notify("info"));
    let first = world.dispatch(one, "ops").unwrap();
    let (target, owner): (candor_core::ids::TargetName, _) = ("ops".parse().unwrap(), world.owner);
    world.step(Input::Dispatch { notice: two, target: target.clone(), owner, open: false });
    let asked = Outcome::RateLimited { retry_after_ms: Some(100_000) };
    world.answered(one, "ops", first.message.fence, asked);
    assert!(world.step(Input::Open { notice: two, target, owner }).effects.is_empty());
    assert_eq!(world.state(two, "ops"), "queued");
    world.pass(secs(99));
    assert!(world.dispatch(two, "ops").is_none());
}

#[test]
fn a_target_that_left_and_came_back_gets_nothing_twice() {
    let surely_not = Outcome::Failed { why: String::new(), retry_after_ms: None };
    for (outcome, expected, again) in [
        (unknown(), "pending_external_send/outcome_unknown", false),
        (proved(ProofLevel::Stored), "pending_external_send/accepted_by_relay", false),
        (surely_not, "pending_external_send/no_sender", true),
    ] {
        let mut mail = target("mail");
        mail.idempotent = false;
        let mut world = World::new(vec![mail.clone()]);
        let notice = world.notify("info");
        let sending = world.dispatch(notice, "mail").unwrap();
        world.machine.settings.targets.clear();
        world.answered(notice, "mail", sending.message.fence, outcome);
        assert_eq!(world.state(notice, "mail"), expected);
        world.machine.settings.targets.push(mail);
        world.step(Input::ReleaseHeld);
        assert_eq!(world.dispatch(notice, "mail").is_some(), again, "{expected}");
    }
}

#[test]
fn every_move_leaves_a_receipt_also_one_that_no_attempt_made() {
    let mut gated = target("ops");
    gated.gate = Some(candor_core::gate::Gate::ProductionWrite);
    let mut world = World::new(vec![gated]);
    let notice = world.notify("info");
    assert!(world.dispatch(notice, "ops").is_none());
    world.open(candor_core::gate::Gate::ProductionWrite);
    world.step(Input::ReleaseHeld);
    let states: Vec<_> =
        world.store.receipts(notice, 10).unwrap().iter().map(|receipt| receipt.body["state"].clone()).collect();
    assert_eq!(states, ["pending_external_send", "queued"]);
}
