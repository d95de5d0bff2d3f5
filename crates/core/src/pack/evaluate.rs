//! Evaluation: facts in, what policy asks for out. Deterministic, and closed when a rule can't be evaluated.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Entities, EntityUid, PolicySet, Request, Response, RestrictedExpression,
};

use super::{
    error::{PackError, PackErrors},
    manifest::{self, Pack},
    rule::Rule,
    schema::event_types,
};
use crate::{
    decision::{Obligation, RuleHit, Severity, Verdict},
    event::TYPE_PREFIX,
    facts::{FactValue, Facts},
};

/// What policy asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The strongest verdict of all rules that apply; the given default when none does.
    pub requested: Verdict,
    /// The highest severity of all rules that apply; `info` when none does.
    pub severity: Severity,
    /// All obligations of all rules that apply.
    pub obligations: BTreeSet<Obligation>,
    /// Every rule that applies: strongest verdict first, then highest severity, then by name.
    pub rules: Vec<RuleHit>,
    /// Whether any rule applies.
    pub matched: bool,
}

/// Loaded packs, ready to evaluate.
#[derive(Clone, Debug)]
pub struct PackSet {
    packs: Vec<Pack>,
    rules: BTreeMap<String, Rule>,
    thresholds: BTreeMap<String, i64>,
    slices: BTreeMap<&'static str, Slice>,
    authorizer: Authorizer,
    entities: Entities,
    reporter: EntityUid,
    task: EntityUid,
}

/// What one event type needs: its rules, and the facts that they read, so that no others are handed to Cedar.
#[derive(Clone, Debug)]
struct Slice {
    action: EntityUid,
    policies: PolicySet,
    reads: BTreeMap<String, BTreeSet<String>>,
}

fn entity(text: &str) -> Result<EntityUid, PackErrors> {
    text.parse().map_err(|error| PackError::new("", "", format!("`{text}` names no Cedar entity: {error}")).into())
}

impl Slice {
    fn new(event_type: &str, rules: &BTreeMap<String, Rule>) -> Result<Self, PackErrors> {
        let rules = rules.values().filter(|rule| rule.events.contains(event_type));
        let mut reads: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (group, name) in rules.clone().flat_map(|rule| &rule.reads) {
            reads.entry(group.clone()).or_default().insert(name.clone());
        }
        let policies = PolicySet::from_policies(rules.map(|rule| rule.policy.clone()))
            .map_err(|error| PackError::new("", "", error.to_string()))?;
        Ok(Self { action: entity(&format!("Action::\"{event_type}\""))?, policies, reads })
    }
}

impl PackSet {
    pub(super) fn new(
        packs: Vec<Pack>,
        rules: Vec<Rule>,
        thresholds: BTreeMap<String, i64>,
    ) -> Result<Self, PackErrors> {
        let rules: BTreeMap<String, Rule> = rules.into_iter().map(|rule| (rule.name.clone(), rule)).collect();
        let slices = event_types()
            .map(|event_type| Ok((event_type, Slice::new(event_type, &rules)?)))
            .collect::<Result<_, PackErrors>>()?;
        Ok(Self {
            packs,
            rules,
            thresholds,
            slices,
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
            reporter: entity("Reporter::\"reporter\"")?,
            task: entity("Task::\"task\"")?,
        })
    }

    /// The packs, by id.
    #[must_use]
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// `id@version` of every pack, in order, as decisions record them.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.packs.iter().map(Pack::name).collect()
    }

    /// Every rule, by name.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    /// A rule by its name, `pack/rule`.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.get(name)
    }

    /// The thresholds in force, tuned or default.
    #[must_use]
    pub fn thresholds(&self) -> &BTreeMap<String, i64> {
        &self.thresholds
    }

    /// The thresholds that differ from their packs' defaults.
    #[must_use]
    pub fn tuned(&self) -> BTreeMap<String, i64> {
        let tunables = self.packs.iter().flat_map(|pack| &pack.tunables);
        tunables
            .filter_map(|tunable| Some((tunable, *self.thresholds.get(&tunable.name)?)))
            .filter(|(tunable, value)| tunable.default != *value)
            .map(|(tunable, value)| (tunable.name.clone(), value))
            .collect()
    }

    /// The same packs with other tuning: how a recorded decision is replayed under the thresholds that it was made with.
    ///
    /// # Errors
    /// As for [`PackSet::load`]: an unknown name, or a value outside its bounds.
    pub fn with_tuning(&self, tuned: &BTreeMap<String, i64>) -> Result<Self, PackErrors> {
        let thresholds = manifest::thresholds(&self.packs, tuned)?;
        Ok(Self { thresholds, ..self.clone() })
    }

    /// Facts with nothing known but this set's tuning: where whoever computes facts starts from.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts { threshold: self.tuned(), ..Facts::default() }
    }

    /// What policy makes of an event. `event_type` is the word of an [`EventType`](crate::event::EventType), with or without [`TYPE_PREFIX`]; `default`
    /// is the verdict when no rule applies, also when the event type is another. A rule that can't be evaluated applies,
    /// with the error in its [`RuleHit`].
    #[must_use]
    pub fn evaluate(&self, event_type: &str, facts: &Facts, default: Verdict) -> Evaluation {
        let event_type = event_type.strip_prefix(TYPE_PREFIX).unwrap_or(event_type);
        let hits = match self.slices.get(event_type) {
            Some(slice) if slice.policies.is_empty() => Vec::new(),
            Some(slice) => match self.ask(slice, facts) {
                Ok(response) => self.hits(&response),
                Err(error) => self.all_apply(slice, &error),
            },
            None => Vec::new(),
        };
        Evaluation::of(hits, default)
    }

    fn ask(&self, slice: &Slice, facts: &Facts) -> Result<Response, String> {
        let groups = slice.reads.iter().map(|(group, names)| {
            let members = names.iter().filter_map(|name| Some((name.clone(), self.expression(group, name, facts)?)));
            RestrictedExpression::new_record(members)
                .map(|record| (group.clone(), record))
                .map_err(|error| error.to_string())
        });
        let context =
            Context::from_pairs(groups.collect::<Result<Vec<_>, String>>()?).map_err(|error| error.to_string())?;
        // Facts are typed, and the rules were held against the same types when they were loaded: no schema check here.
        let request = Request::new(self.reporter.clone(), slice.action.clone(), self.task.clone(), context, None)
            .map_err(|error| error.to_string())?;
        Ok(self.authorizer.is_authorized(&request, &slice.policies, &self.entities))
    }

    fn expression(&self, group: &str, name: &str, facts: &Facts) -> Option<RestrictedExpression> {
        if group == "threshold" {
            return self.thresholds.get(name).map(|value| RestrictedExpression::new_long(*value));
        }
        Some(match facts.get(group, name)? {
            FactValue::Bool(value) => RestrictedExpression::new_bool(value),
            FactValue::Long(value) => RestrictedExpression::new_long(value),
            FactValue::Text(value) => RestrictedExpression::new_string(value),
        })
    }

    fn hits(&self, response: &Response) -> Vec<RuleHit> {
        let satisfied =
            response.diagnostics().reason().filter_map(|id| Some(self.rules.get(&id.to_string())?.hit(None)));
        let failed = response.diagnostics().errors().filter_map(|error| {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            let rule = self.rules.get(&error.policy_id().to_string())?;
            Some(rule.hit(Some(format!("the rule could not be evaluated, so it applies: {}", error.inner()))))
        });
        satisfied.chain(failed).collect()
    }

    fn all_apply(&self, slice: &Slice, error: &str) -> Vec<RuleHit> {
        let why = format!("the facts could not be handed to the rules, so all of them apply: {error}");
        slice
            .policies
            .policies()
            .filter_map(|policy| Some(self.rules.get(&policy.id().to_string())?.hit(Some(why.clone()))))
            .collect()
    }
}

impl Evaluation {
    /// The evaluation of the rules that apply, in whatever order and however often they are given.
    #[must_use]
    pub fn of(mut hits: Vec<RuleHit>, default: Verdict) -> Self {
        hits.sort_by(|a, b| {
            (b.verdict, b.severity, &a.rule, &a.error).cmp(&(a.verdict, a.severity, &b.rule, &b.error))
        });
        hits.dedup();
        Self {
            requested: hits.iter().map(|hit| hit.verdict).max().unwrap_or(default),
            severity: hits.iter().map(|hit| hit.severity).max().unwrap_or(Severity::Info),
            obligations: hits.iter().flat_map(|hit| hit.obligations.iter().copied()).collect(),
            matched: !hits.is_empty(),
            rules: hits,
        }
    }
}
