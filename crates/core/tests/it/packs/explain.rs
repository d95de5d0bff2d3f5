//! Explanations name the facts that were read and what would change them, and are honest about what they can't know.

use candor_core::{
    decision::{Decision, Verdict},
    facts::Facts,
    ids::{CorrelationId, DecisionNo, EventNo},
    pack::{Explanation, PackSet, Subject, explain},
    time::Timestamp,
};

use super::arbitrary::CORE;

fn decide(packs: &PackSet, event_type: &str, facts: &Facts) -> Decision {
    let about = Subject {
        no: DecisionNo(1),
        event: EventNo(1),
        event_type: event_type.to_owned(),
        task: None,
        claim: None,
        correlation: "run-1".parse::<CorrelationId>().unwrap(),
        at: Timestamp::default(),
    };
    packs.decide(about, facts, Verdict::Allow)
}

fn explained(event_type: &str, change: impl FnOnce(&mut Facts)) -> Explanation {
    let mut facts = CORE.facts();
    facts.task.known = true;
    facts.task.state = "running".to_owned();
    change(&mut facts);
    explain(&decide(&CORE, event_type, &facts), &CORE)
}

fn change<'a>(explanation: &'a Explanation, what: &str) -> Option<&'a candor_core::pack::Change> {
    explanation.changes.iter().find(|change| change.what.contains(what))
}

#[test]
fn an_unproven_completion_says_which_evidence_would_do() {
    let explanation = explained("task.completed", |facts| {
        facts.claim.present = true;
        facts.claim.kind = "completion".to_owned();
    });
    insta::assert_snapshot!(explanation, @r"
    Event `task.completed`: policy asked for `block_completion` (warning).
    In effect: `downgrade_status`, because the runtime has no proven `inline_completion_block`.
    Rules that applied, strongest first:
      completion-integrity/completion_unproven asks for `block_completion` (warning): The work is reported done, and nothing but the agent's word backs that.
        It read: claim.admits_unverified = false, claim.best_any = 0, claim.inconclusive = false, claim.kind = `completion`, event.origin = `agent`, threshold.completion_block_below = 2.
        To change it: Attach evidence: a test report, a recipe that checks the work, a run under `candor exec`.
      completion-integrity/completion_weak asks for `downgrade_status` (info): The work is reported done, and the fresh evidence for it is weaker than asked.
        It read: claim.admits_unverified = false, claim.inconclusive = false, claim.kind = `completion`, claim.strength = 0, event.origin = `agent`, threshold.completion_min_strength = 3.
        To change it: Attach stronger or fresher evidence, such as a test report that Candor can check.
    Each of these alone would change it:
      - fresh supporting evidence of strength `recorded`: `downgrade_status`, and the operator would be told less
      - fresh supporting evidence of strength `observed`: no rule would apply, and the operator would be told less
      - a statement that says itself that it is unverified: `allow_with_label`, and the operator would be told less
      - a runtime with the capability `inline_completion_block`, where this takes effect as it was asked for: `block_completion`
    ");
}

#[test]
fn a_contradiction_is_not_outweighed_by_more_support() {
    let explanation = explained("claim.made", |facts| {
        facts.claim.present = true;
        facts.claim.kind = "tests_passed".to_owned();
        facts.claim.contradicted = true;
        (facts.claim.strength, facts.claim.best_any) = (3, 3);
    });
    assert!(change(&explanation, "strength").is_none(), "{explanation}");
    let cleared = change(&explanation, "no fresh evidence against it").unwrap();
    assert_eq!(cleared.requested, None, "no rule would apply");
}

#[test]
fn an_acknowledgement_is_what_stops_the_telling() {
    let explanation = explained("task.missed", |facts| facts.task.incident_level = 1);
    let acknowledged = change(&explanation, "acknowledgement").unwrap();
    assert_eq!(acknowledged.requested, Some(Verdict::Allow));
    assert!(acknowledged.told_less);
}

#[test]
fn every_change_that_is_named_holds_when_it_is_tried() {
    let explanation = explained("claim.made", |facts| {
        facts.claim.present = true;
        facts.claim.kind = "operator_notified".to_owned();
        facts.delivery.known = true;
        facts.delivery.state = "dispatched".to_owned();
    });
    let proof: Vec<_> =
        explanation.changes.iter().filter(|change| change.what.contains("proof of the delivery")).collect();
    assert_eq!(proof.len(), 1, "the smallest proof does, so no higher one is named");
    assert!(proof[0].what.contains("`stored`"));
    let facts = Facts::from_value(&serde_json::json!({
        "task": {"known": true, "state": "running"},
        "claim": {"present": true, "kind": "operator_notified"},
        "delivery": {"known": true, "acked": true, "state": "acked", "proof": 1},
    }));
    assert!(!CORE.evaluate("claim.made", &facts.unwrap(), Verdict::Allow).matched);
}

#[test]
fn what_can_not_be_known_any_more_is_said() {
    let mut decision = decide(&CORE, "task.completed", &Facts::default());
    decision.packs = vec!["completion-integrity@0.9.0".to_owned()];
    decision.facts = serde_json::json!({"claim": {"mood": "good"}, "threshold": {}});
    let explanation = explain(&decision, &CORE);
    assert!(explanation.notes[0].starts_with("the packs have changed since"), "{:?}", explanation.notes);
    assert!(explanation.notes[1].contains("`claim.mood` is not a fact"), "{:?}", explanation.notes);
}
