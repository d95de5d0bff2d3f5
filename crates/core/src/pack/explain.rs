//! Why a decision is what it is, and what would change it, in plain words.

use std::fmt;

use super::{Evaluation, PackSet, effective};
use crate::{
    capability::CAPABILITIES,
    decision::{CapabilityGap, Decision, RuleHit, Severity, Verdict},
    evidence::STRENGTHS,
    facts::{FactValue, Facts},
};

/// A rule that applied, with what it read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiredRule {
    /// The rule as the decision records it.
    pub hit: RuleHit,
    /// The facts that the rule reads, by path, with their values at the time.
    pub facts: Vec<(String, FactValue)>,
    /// What would change it, in the rule's own words. None when the rule is no longer loaded.
    pub change: Option<String>,
}

/// One thing that, changed alone, weakens what was asked for or changes what takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What would have to be so.
    pub what: String,
    /// The verdict that would be asked for then. None when no rule would apply: the default of the settings.
    pub requested: Option<Verdict>,
    /// What would take effect of it here. None as for `requested`.
    pub effective: Option<Verdict>,
    /// Whether the operator would be told less than now.
    pub told_less: bool,
}

/// Why a decision is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The event's type.
    pub event_type: String,
    /// What was asked for.
    pub requested: Verdict,
    /// What took effect.
    pub effective: Verdict,
    /// What was missing, where the two differ.
    pub gap: Option<CapabilityGap>,
    /// How much it mattered.
    pub severity: Severity,
    /// The rules that applied, strongest first.
    pub rules: Vec<FiredRule>,
    /// What would change it: found by evaluating the same facts again with one thing changed at a time.
    pub changes: Vec<Change>,
    /// What limits this explanation, such as packs that have changed since.
    pub notes: Vec<String>,
}

/// Explains a recorded decision with the loaded packs. Where they are not those of the decision, a note says so.
#[must_use]
pub fn explain(decision: &Decision, packs: &PackSet) -> Explanation {
    let mut notes = Vec::new();
    if decision.packs != packs.names() {
        notes.push(format!(
            "the packs have changed since: the decision was made with {}, loaded are {}",
            decision.packs.join(", "),
            packs.names().join(", ")
        ));
    }
    let facts = Facts::from_value(&decision.facts).unwrap_or_else(|error| {
        notes.push(format!("the recorded facts can't be read, so nothing is known of them: {error}"));
        Facts::default()
    });
    let tuned = packs.with_tuning(&facts.threshold).unwrap_or_else(|errors| {
        notes.push(format!("the thresholds of the decision don't fit the loaded packs, whose own are used: {errors}"));
        packs.clone()
    });
    let now = tuned.evaluate(&decision.event_type, &facts, decision.requested);
    if now.rules != decision.rules {
        notes.push("the loaded packs decide otherwise today, so what would change it is about them".to_owned());
    }
    Explanation {
        event_type: decision.event_type.clone(),
        requested: decision.requested,
        effective: decision.effective,
        gap: decision.gap.clone(),
        severity: decision.severity,
        rules: decision.rules.iter().map(|hit| fired(hit, &facts, &tuned)).collect(),
        changes: changes(&decision.event_type, &facts, &tuned, &now),
        notes,
    }
}

fn fired(hit: &RuleHit, facts: &Facts, packs: &PackSet) -> FiredRule {
    let rule = packs.rule(&hit.rule);
    let reads = rule.iter().flat_map(|rule| &rule.reads);
    let facts = reads.filter_map(|(group, name)| {
        let value = match group.as_str() {
            "threshold" => packs.thresholds().get(name).map(|value| FactValue::Long(*value)),
            _ => facts.get(group, name),
        };
        Some((format!("{group}.{name}"), value?))
    });
    FiredRule { hit: hit.clone(), facts: facts.collect(), change: rule.map(|rule| rule.change.clone()) }
}

/// Evaluates again with one thing changed at a time. Of a thing with steps, every step is kept that weakens further.
fn changes(event_type: &str, facts: &Facts, packs: &PackSet, now: &Evaluation) -> Vec<Change> {
    let mut found = Vec::new();
    for steps in alternatives(facts) {
        let mut last = now.clone();
        for (what, changed) in steps {
            let then = packs.evaluate(event_type, &changed, Verdict::Allow);
            if !is_weaker(&then, &last) {
                continue;
            }
            found.push(Change {
                what,
                requested: then.matched.then_some(then.requested),
                effective: then.matched.then(|| effective(then.requested, &changed.capability).0),
                told_less: then.obligations.len() < now.obligations.len(),
            });
            last = then;
        }
    }
    if let (_, Some(gap)) = effective(now.requested, &facts.capability) {
        found.push(Change {
            what: format!(
                "a runtime with the capability `{}`, where this takes effect as it was asked for",
                gap.missing.as_str()
            ),
            requested: Some(gap.asked),
            effective: Some(gap.asked),
            told_less: false,
        });
    }
    found
}

fn is_weaker(then: &Evaluation, now: &Evaluation) -> bool {
    if then.requested != now.requested {
        return then.requested < now.requested;
    }
    then.obligations != now.obligations && then.obligations.is_subset(&now.obligations)
}

/// The things that could be otherwise, each with its steps from the smallest on.
fn alternatives(facts: &Facts) -> Vec<Vec<(String, Facts)>> {
    let one = |what: &str, change: fn(&mut Facts)| {
        let mut changed = facts.clone();
        change(&mut changed);
        if changed == *facts { Vec::new() } else { vec![(what.to_owned(), changed)] }
    };
    let mut all = vec![
        stronger(facts),
        one("no fresh evidence against it", |facts| facts.claim.contradicted = false),
        one("the same evidence made again, after the last change", |facts| {
            facts.claim.strength = facts.claim.best_any;
            (facts.claim.stale, facts.claim.expired) = (false, false);
        }),
        one("evidence from after the task began", |facts| facts.claim.predates = false),
        one("a statement that says itself that it is unverified", |facts| facts.claim.admits_unverified = true),
        one("a text without placeholder wording", |facts| {
            (facts.event.placeholder, facts.claim.placeholder) = (false, false);
        }),
        delivered(facts),
        one("no open subagents", |facts| facts.task.open_children = 0),
        one("proof for every subagent", |facts| facts.task.unproven_children = 0),
        one("an acknowledgement by a person", |facts| facts.task.incident_acknowledged = true),
        one("an exit code of zero", |facts| facts.event.exit_code_nonzero = false),
        one("a task that was started here", |facts| facts.task.known = true),
        one("a task on record as running", |facts| facts.task.state = "running".to_owned()),
        one("a report that claims no status", |facts| facts.event.status_claimed = "none".to_owned()),
    ];
    for capability in CAPABILITIES.into_iter().filter(|capability| !facts.capability.supports(*capability)) {
        let mut changed = facts.clone();
        changed.capability.0.insert(capability);
        all.push(vec![(format!("a runtime with the capability `{}`", capability.as_str()), changed)]);
    }
    all
}

/// Fresh supporting evidence, one strength stronger at a time.
fn stronger(facts: &Facts) -> Vec<(String, Facts)> {
    let stronger = STRENGTHS.into_iter().filter(|strength| strength.rank() > facts.claim.strength);
    stronger
        .map(|strength| {
            let mut changed = facts.clone();
            let claim = &mut changed.claim;
            claim.strength = strength.rank();
            claim.best_any = claim.best_any.max(strength.rank());
            if strength.rank() > 1 {
                (claim.stale, claim.expired, claim.predates, claim.inconclusive) = (false, false, false, false);
            }
            (format!("fresh supporting evidence of strength `{}`", strength.as_str()), changed)
        })
        .collect()
}

/// The destination's own proof, one level higher at a time.
fn delivered(facts: &Facts) -> Vec<(String, Facts)> {
    let levels = [(1, "stored"), (2, "read_back"), (3, "human")];
    levels
        .into_iter()
        .map(|(proof, word)| {
            let mut changed = facts.clone();
            let delivery = &mut changed.delivery;
            (delivery.known, delivery.acked, delivery.simulated, delivery.proof) = (true, true, false, proof);
            delivery.state = "acked".to_owned();
            (format!("the destination's own proof of the delivery, at the level `{word}`"), changed)
        })
        .collect()
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Event `{}`: policy asked for `{}` ({}).",
            self.event_type,
            self.requested.as_str(),
            self.severity.as_str()
        )?;
        match &self.gap {
            Some(gap) => writeln!(
                f,
                "In effect: `{}`, because the runtime has no proven `{}`.",
                self.effective.as_str(),
                gap.missing.as_str()
            )?,
            None => writeln!(f, "In effect: `{}`.", self.effective.as_str())?,
        }
        if self.rules.is_empty() {
            writeln!(f, "No rule applied, so this is the default of the settings.")?;
        } else {
            writeln!(f, "Rules that applied, strongest first:")?;
        }
        for rule in &self.rules {
            write!(f, "{rule}")?;
        }
        if !self.changes.is_empty() {
            writeln!(f, "Each of these alone would change it:")?;
        } else if !self.rules.is_empty() {
            writeln!(f, "No single change would weaken it. What the rules say of it is above.")?;
        }
        for change in &self.changes {
            writeln!(f, "  - {change}")?;
        }
        for note in &self.notes {
            writeln!(f, "Note: {note}.")?;
        }
        Ok(())
    }
}

impl fmt::Display for FiredRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hit = &self.hit;
        writeln!(f, "  {} asks for `{}` ({}): {}", hit.rule, hit.verdict.as_str(), hit.severity.as_str(), hit.message)?;
        if !self.facts.is_empty() {
            let facts: Vec<String> = self.facts.iter().map(|(path, value)| format!("{path} = {value}")).collect();
            writeln!(f, "    It read: {}.", facts.join(", "))?;
        }
        if let Some(error) = &hit.error {
            writeln!(f, "    Failed closed: {error}.")?;
        }
        self.change.as_ref().map_or(Ok(()), |change| writeln!(f, "    To change it: {change}"))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.what)?;
        match (self.requested, self.effective) {
            (Some(requested), Some(effective)) if requested != effective => {
                write!(f, "`{}` would be asked for, `{}` in effect", requested.as_str(), effective.as_str())?;
            }
            (Some(requested), _) => write!(f, "`{}`", requested.as_str())?,
            (None, _) => write!(f, "no rule would apply")?,
        }
        if self.told_less { write!(f, ", and the operator would be told less") } else { Ok(()) }
    }
}
