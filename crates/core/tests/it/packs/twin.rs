//! A naive twin of the evaluator: the core packs' rules in plain Rust, written from the tables in their README files and not
//! from their Cedar text. Both must agree on any facts.

use std::collections::{BTreeMap, BTreeSet};

use candor_core::{
    decision::{Obligation, Severity, Verdict},
    facts::Facts,
};
use proptest::prelude::*;

use super::arbitrary::{CORE, event_type, facts, tuning, verdict};

pub(crate) type Hit = (Verdict, Severity, BTreeSet<Obligation>);

struct Twin {
    hits: BTreeMap<&'static str, Hit>,
}

impl Twin {
    fn rule(&mut self, name: &'static str, applies: bool, verdict: &str, severity: &str, obligations: &[Obligation]) {
        if applies {
            let (verdict, severity) = (Verdict::parse(verdict).unwrap(), Severity::parse(severity).unwrap());
            self.hits.insert(name, (verdict, severity, obligations.iter().copied().collect()));
        }
    }
}

fn completion_integrity(twin: &mut Twin, on: &str, f: &Facts, t: &BTreeMap<String, i64>) {
    let c = &f.claim;
    let (done, claim) = (on == "task.completed", on == "claim.made");
    let says = done || claim;
    let agent = f.event.origin != "operator" && !c.admits_unverified;
    let completion = c.kind == "completion" || c.kind.is_empty();
    let other = claim && agent && !completion && c.kind != "operator_notified";
    let tell = &[Obligation::NotifyOperator][..];
    let rule = "completion-integrity/contradicted";
    twin.rule(rule, says && agent && c.contradicted, "block_completion", "critical", tell);
    let later = on == "evidence.added" && c.present && c.contradicted && !c.admits_unverified;
    twin.rule("completion-integrity/contradicted_later", later, "downgrade_status", "critical", tell);
    let held = says && agent && completion && !c.inconclusive;
    let unproven = held && c.best_any < t["completion_block_below"];
    twin.rule(
        "completion-integrity/completion_unproven",
        unproven,
        "block_completion",
        "warning",
        &[Obligation::NotifyOperator],
    );
    let weak = held && c.strength < t["completion_min_strength"];
    twin.rule("completion-integrity/completion_weak", weak, "downgrade_status", "info", &[]);
    let unsupported = other && c.best_any < 2 && !c.inconclusive;
    twin.rule(
        "completion-integrity/claim_unsupported",
        unsupported,
        "downgrade_status",
        "info",
        &[Obligation::NotifyOperator],
    );
    let weak = other && c.best_any >= 2 && c.strength < t["claim_min_strength"];
    twin.rule("completion-integrity/claim_weak", weak, "request_evidence", "info", &[]);
    let short_of = if completion { t["completion_min_strength"] } else { t["claim_min_strength"] };
    let unknown = says && agent && c.inconclusive && c.strength < short_of;
    twin.rule("completion-integrity/inconclusive", unknown, "downgrade_status", "info", &[]);
    let admits = says && c.admits_unverified;
    twin.rule("completion-integrity/admits_unverified", admits, "allow_with_label", "info", &[]);
    let short = c.contradicted || c.strength < t["completion_min_strength"];
    let word = says && f.event.origin == "operator" && short;
    twin.rule("completion-integrity/operators_word", word, "allow_with_label", "info", &[]);
    let stale = says && agent && completion && c.stale;
    twin.rule("evidence-freshness/stale_completion", stale, "downgrade_status", "info", &[]);
    let expired = says && agent && completion && c.expired;
    twin.rule("evidence-freshness/expired_completion", expired, "downgrade_status", "info", &[]);
    let predates = says && agent && completion && c.predates;
    twin.rule("evidence-freshness/predates_completion", predates, "downgrade_status", "info", &[]);
    let predates = claim && agent && !completion && c.predates;
    twin.rule("evidence-freshness/predates_claim", predates, "request_evidence", "info", &[]);
    let stale = claim && agent && !completion && c.stale;
    twin.rule("evidence-freshness/stale_claim", stale, "request_evidence", "info", &[]);
    let expired = claim && agent && !completion && c.expired;
    twin.rule("evidence-freshness/expired_claim", expired, "request_evidence", "info", &[]);
}

fn checkpoint_cadence(twin: &mut Twin, on: &str, f: &Facts, t: &BTreeMap<String, i64>) {
    use Obligation::{AttachCapabilityGap, Escalate, NotifyOperator};
    let open = !f.task.incident_acknowledged;
    let (missed, escalated) = (on == "task.missed", on == "task.escalated");
    let high = f.task.incident_level >= t["missed_escalate_at_level"];
    let rule = "checkpoint-cadence/missed";
    twin.rule(rule, missed && open && !high, "force_review_notice", "warning", &[NotifyOperator]);
    let rule = "checkpoint-cadence/missed_for_long";
    twin.rule(rule, missed && open && high, "force_review_notice", "critical", &[NotifyOperator, Escalate]);
    let rule = "checkpoint-cadence/escalated";
    twin.rule(rule, escalated && open, "force_review_notice", "critical", &[NotifyOperator, Escalate]);
    twin.rule("checkpoint-cadence/taken_on", (missed || escalated) && !open, "allow", "info", &[]);
    twin.rule("checkpoint-cadence/slow", on == "task.slow" && open, "allow_with_label", "warning", &[NotifyOperator]);
    twin.rule("checkpoint-cadence/recovered", on == "task.recovered", "allow", "info", &[NotifyOperator]);
    let unwatched = on == "task.started" && f.task.period_s > 0 && !supports(f, "scheduled_watchdog");
    twin.rule("checkpoint-cadence/nobody_watches", unwatched, "allow_with_label", "warning", &[AttachCapabilityGap]);
}

fn blocker_escalation(twin: &mut Twin, on: &str, f: &Facts, t: &BTreeMap<String, i64>) {
    use Obligation::{AttachCapabilityGap, Escalate, NotifyOperator};
    let open = !f.task.incident_acknowledged;
    twin.rule("blocker-escalation/blocked", on == "task.blocked" && open, "allow", "warning", &[NotifyOperator]);
    let raised = ["task.blocked", "task.missed", "task.escalated"].contains(&on);
    let long = raised && open && f.task.blocked_s >= t["blocked_escalate_after_s"];
    twin.rule(
        "blocker-escalation/blocked_for_long",
        long,
        "force_review_notice",
        "critical",
        &[NotifyOperator, Escalate],
    );
    let nowhere = on == "task.escalated" && open && !supports(f, "escalation_channel");
    let gap = &[NotifyOperator, AttachCapabilityGap];
    twin.rule("blocker-escalation/escalation_goes_nowhere", nowhere, "allow_with_label", "warning", gap);
    twin.rule("blocker-escalation/waiting", on == "task.waiting" && open, "allow", "warning", &[NotifyOperator]);
    let again = on == "task.unblocked" && f.task.incident_open;
    twin.rule("blocker-escalation/unblocked", again, "allow", "info", &[NotifyOperator]);
    let failed = on == "task.failed";
    twin.rule("blocker-escalation/failed", failed && !f.task.is_subagent, "allow", "warning", &[NotifyOperator]);
    twin.rule("subagent-accountability/child_failed", failed && f.task.is_subagent, "allow_with_label", "info", &[]);
}

fn delivery_truth(twin: &mut Twin, on: &str, f: &Facts, t: &BTreeMap<String, i64>) {
    use Obligation::{AttachCapabilityGap, NotifyOperator};
    let d = &f.delivery;
    let agent = f.event.origin != "operator" && !f.claim.admits_unverified;
    let told = on == "claim.made" && f.claim.kind == "operator_notified" && agent;
    let proved = d.acked && d.proof >= t["delivery_min_proof"];
    twin.rule("delivery-truth/told_without_notice", told && !d.known, "downgrade_status", "warning", &[NotifyOperator]);
    let unproved = told && d.known && !d.simulated && !proved;
    twin.rule("delivery-truth/told_not_proved", unproved, "downgrade_status", "info", &[]);
    let refused = told && d.state == "blocked";
    twin.rule("delivery-truth/told_but_refused", refused, "downgrade_status", "warning", &[NotifyOperator]);
    twin.rule("delivery-truth/told_a_stand_in", told && d.simulated, "downgrade_status", "warning", &[]);
    let asked = on == "notice.requested";
    twin.rule("delivery-truth/notice", asked, "allow", "info", &[NotifyOperator]);
    let warning = asked && f.event.severity == "warning";
    twin.rule("delivery-truth/notice_warning", warning, "allow", "warning", &[NotifyOperator]);
    let critical = asked && f.event.severity == "critical";
    twin.rule("delivery-truth/notice_critical", critical, "allow", "critical", &[NotifyOperator]);
    let unprovable = asked && !supports(f, "delivery_proof");
    twin.rule("delivery-truth/notice_unprovable", unprovable, "allow_with_label", "info", &[AttachCapabilityGap]);
}

fn wording_and_status(twin: &mut Twin, on: &str, f: &Facts, t: &BTreeMap<String, i64>) {
    use Obligation::{LabelPlaceholder, NotifyOperator};
    let at = |events: &[&str]| events.contains(&on);
    let placeholder = f.event.placeholder || f.claim.placeholder;
    let told = at(&["task.checkpointed", "task.waiting", "task.blocked", "task.completed", "task.failed"])
        || at(&["claim.made", "notice.requested"]);
    let rule = "placeholder-labeling/placeholder_text";
    twin.rule(rule, told && placeholder, "allow_with_label", "info", &[LabelPlaceholder]);
    let completion = at(&["task.completed", "claim.made"]) && ["", "completion"].contains(&f.claim.kind.as_str());
    let poor = completion && placeholder && !f.claim.admits_unverified;
    twin.rule("placeholder-labeling/placeholder_completion", poor, "downgrade_status", "warning", &[LabelPlaceholder]);
    let (state, claimed) = (f.task.state.as_str(), f.event.status_claimed.as_str());
    let (checkpoint, done) = (on == "task.checkpointed", on == "task.completed");
    let early = checkpoint && claimed == "done" && state != "completed";
    twin.rule("status-consistency/done_in_passing", early, "downgrade_status", "info", &[]);
    let stopped = checkpoint && ["blocked", "failed"].contains(&claimed) && state == "running";
    twin.rule("status-consistency/stopped_in_passing", stopped, "downgrade_status", "warning", &[NotifyOperator]);
    let going = checkpoint && claimed == "running" && state == "blocked";
    twin.rule("status-consistency/running_while_blocked", going, "downgrade_status", "info", &[]);
    let after = at(&["task.checkpointed", "task.waiting", "task.blocked"]) && ["completed", "failed"].contains(&state);
    twin.rule("status-consistency/alive_after_its_end", after, "downgrade_status", "warning", &[]);
    let agents = done && f.event.origin != "operator";
    let rule = "status-consistency/done_while_blocked";
    twin.rule(rule, agents && state == "blocked", "downgrade_status", "warning", &[]);
    let rule = "status-consistency/done_after_failure";
    twin.rule(rule, agents && state == "failed", "downgrade_status", "warning", &[NotifyOperator]);
    let about =
        at(&["task.checkpointed", "task.waiting", "task.blocked", "task.unblocked", "task.completed", "task.failed"]);
    twin.rule("status-consistency/never_started", about && !f.task.known, "allow_with_label", "info", &[]);
    let open = done && f.task.open_children > 0;
    twin.rule("subagent-accountability/children_open", open, "downgrade_status", "warning", &[]);
    let unproven = agents && !f.claim.admits_unverified && f.task.unproven_children > t["unproven_children_allowed"];
    twin.rule("subagent-accountability/children_unproven", unproven, "downgrade_status", "info", &[]);
}

fn supports(facts: &Facts, capability: &str) -> bool {
    facts.capability.0.iter().any(|supported| supported.as_str() == capability)
}

/// What the twin makes of an event: verdict, severity, obligations, and each rule that applies.
pub(crate) fn twin(
    on: &str,
    facts: &Facts,
    thresholds: &BTreeMap<String, i64>,
    default: Verdict,
) -> (Hit, BTreeMap<&'static str, Hit>) {
    let mut twin = Twin { hits: BTreeMap::new() };
    for pack in [completion_integrity, checkpoint_cadence, blocker_escalation, delivery_truth, wording_and_status] {
        pack(&mut twin, on, facts, thresholds);
    }
    let hits = twin.hits.values();
    let verdict = hits.clone().map(|hit| hit.0).max().unwrap_or(default);
    let severity = hits.clone().map(|hit| hit.1).max().unwrap_or(Severity::Info);
    let obligations = hits.flat_map(|hit| hit.2.iter().copied()).collect();
    ((verdict, severity, obligations), twin.hits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_naive_twin_agrees(on in event_type(), facts in facts(), tuning in tuning(), default in verdict()) {
        let packs = CORE.with_tuning(&tuning).unwrap();
        let evaluation = packs.evaluate(on, &facts, default);
        let rules: BTreeMap<&str, Hit> = evaluation
            .rules
            .iter()
            .map(|hit| (hit.rule.as_str(), (hit.verdict, hit.severity, hit.obligations.clone())))
            .collect();
        prop_assert!(evaluation.rules.iter().all(|hit| hit.error.is_none()));
        let whole = (evaluation.requested, evaluation.severity, evaluation.obligations);
        prop_assert_eq!((whole, rules), twin(on, &facts, packs.thresholds(), default));
    }
}

/// The twin covers every rule: without this, a rule that generated facts never reach would go unseen.
#[test]
fn the_twin_reaches_every_rule() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut left: BTreeSet<&str> = CORE.rules().map(|rule| rule.name.as_str()).collect();
    for _ in 0..20_000 {
        let facts = facts().new_tree(&mut runner).unwrap().current();
        let on = event_type().new_tree(&mut runner).unwrap().current();
        for name in twin(on, &facts, CORE.thresholds(), Verdict::Allow).1.keys() {
            left.remove(name);
        }
        if left.is_empty() {
            return;
        }
    }
    panic!("never reached: {left:?}");
}
