//! From queue to receipt: retries, floors, digests, late answers, rescues.

use candor_core::{
    notice::{BlockReason, DeliveryState, Outcome, ProofLevel},
    settings::OnUnknown,
};
use candor_path::{Input, Reply};
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
