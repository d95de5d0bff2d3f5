//! One rule: what its annotations say, which events it is about, and which facts it reads.

use std::collections::BTreeSet;

use cedar_policy::{ActionConstraint, Effect, Policy, PrincipalConstraint, ResourceConstraint};
use serde_json::Value;

use super::{
    error::{PackError, Position, nearest},
    manifest::is_name,
    schema::event_types,
};
use crate::{
    decision::{Obligation, RuleHit, Severity, Verdict},
    facts,
    limits::LINE_BYTES_MAX,
};

/// The file that rules are in.
pub(super) const RULES: &str = "rules.cedar";
const ANNOTATIONS: [&str; 6] = ["id", "verdict", "severity", "obligations", "message", "change"];

/// A loaded rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `pack/rule`.
    pub name: String,
    /// What it asks for when it applies.
    pub verdict: Verdict,
    /// How much it matters.
    pub severity: Severity,
    /// What it obliges to.
    pub obligations: BTreeSet<Obligation>,
    /// What it says, in plain words.
    pub message: String,
    /// What would change it, in plain words.
    pub change: String,
    /// The event types that it is about.
    pub events: BTreeSet<&'static str>,
    /// The facts that it reads, as group and name.
    pub reads: BTreeSet<(String, String)>,
    /// Where it stands in its file.
    pub at: Position,
    pub(super) policy: Policy,
}

impl Rule {
    /// How the rule shows in a decision.
    #[must_use]
    pub fn hit(&self, error: Option<String>) -> RuleHit {
        RuleHit {
            rule: self.name.clone(),
            verdict: self.verdict,
            severity: self.severity,
            obligations: self.obligations.clone(),
            message: self.message.clone(),
            error,
        }
    }
}

/// Reads one rule of a pack's file. Everything that is wrong with it goes to `errors`, and then there is no rule.
pub(super) fn read(pack: &str, text: &str, policy: &Policy, errors: &mut Vec<PackError>) -> Option<Rule> {
    let source = policy.to_string();
    let start = text.find(&source).unwrap_or(0);
    let mut reader = Reader { pack, text, start, source: &source, policy, errors: Vec::new() };
    let rule = reader.rule();
    errors.append(&mut reader.errors);
    rule
}

struct Reader<'a> {
    pack: &'a str,
    /// The whole file, and where the rule's own text starts in it.
    text: &'a str,
    start: usize,
    source: &'a str,
    policy: &'a Policy,
    errors: Vec<PackError>,
}

impl Reader<'_> {
    fn rule(&mut self) -> Option<Rule> {
        if self.policy.effect() == Effect::Forbid {
            self.wrong(
                "forbid",
                "a rule is a `permit`, not a `forbid`",
                "write `permit`: it means that the rule applies",
            );
        }
        for (name, _) in self.policy.annotations() {
            if !ANNOTATIONS.contains(&name) {
                let hint = did_you_mean(name, ANNOTATIONS, "annotations");
                self.wrong(&format!("@{name}"), &format!("`@{name}` is not an annotation of a rule"), &hint);
            }
        }
        let id = self.required("id");
        if id.as_ref().is_some_and(|id| !is_name(id, b'_')) {
            self.wrong("@id", "the rule's id is not a name", "use lower case words joined by `_`");
        }
        let verdict = self.word("verdict", Verdict::parse, Verdict::ALL.iter().map(|word| word.as_str()));
        let severity = self.word("severity", Severity::parse, Severity::ALL.iter().map(|word| word.as_str()));
        let message = self.line("message");
        let change = self.line("change");
        let obligations = self.obligations();
        if verdict == Some(Verdict::ForceReviewNotice) && !obligations.contains(&Obligation::NotifyOperator) {
            let hint = "add `notify_operator` to `@obligations`";
            self.wrong("force_review_notice", "a review that nobody is told of can't happen", hint);
        }
        let events = self.scope();
        let reads = self.reads();
        if !self.errors.is_empty() {
            return None;
        }
        let name = format!("{}/{}", self.pack, id?);
        Some(Rule {
            policy: self.policy.new_id(cedar_policy::PolicyId::new(&name)),
            name,
            verdict: verdict?,
            severity: severity?,
            obligations,
            message: message?,
            change: change?,
            events,
            reads,
            at: Position::of(self.text, self.start),
        })
    }

    /// Notes an error at the first place in the rule where `what` stands, or else at the rule's start.
    fn wrong(&mut self, what: &str, message: &str, hint: &str) {
        let offset = self.source.find(what).unwrap_or(0);
        let at = Position::of(self.text, self.start.saturating_add(offset));
        self.errors.push(PackError::new(self.pack, RULES, message).at(at).hint(hint));
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let value = self.policy.annotation(name).map(str::to_owned).filter(|value| !value.is_empty());
        if value.is_none() {
            let hint = format!("write `@{name}(\"...\")` before `permit`");
            self.wrong(&format!("@{name}"), &format!("the rule has no `@{name}`"), &hint);
        }
        value
    }

    fn line(&mut self, name: &str) -> Option<String> {
        let value = self.required(name)?;
        if value.len() > LINE_BYTES_MAX || value.contains('\n') {
            let message = format!("`@{name}` is not one line of at most {LINE_BYTES_MAX} bytes");
            self.wrong(&format!("@{name}"), &message, "shorten it");
        }
        Some(value)
    }

    fn word<T>(
        &mut self,
        annotation: &str,
        parse: fn(&str) -> Option<T>,
        known: impl Iterator<Item = &'static str>,
    ) -> Option<T> {
        let value = self.required(annotation)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            let hint = did_you_mean(&value, known, "words");
            self.wrong(&format!("\"{value}\""), &format!("`{value}` is not a {annotation}"), &hint);
        }
        parsed
    }

    fn obligations(&mut self) -> BTreeSet<Obligation> {
        let told = self.policy.annotation("obligations").unwrap_or_default().to_owned();
        let mut obligations = BTreeSet::new();
        for word in told.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match Obligation::parse(word) {
                Some(obligation) => {
                    obligations.insert(obligation);
                }
                None => {
                    let hint = did_you_mean(word, Obligation::ALL.iter().map(|word| word.as_str()), "words");
                    self.wrong(word, &format!("`{word}` is not an obligation"), &hint);
                }
            }
        }
        obligations
    }

    fn scope(&mut self) -> BTreeSet<&'static str> {
        if !matches!(self.policy.principal_constraint(), PrincipalConstraint::Any) {
            self.wrong(
                "principal",
                "a rule can't tell principals apart",
                "write `principal` alone and use `event.origin`",
            );
        }
        if !matches!(self.policy.resource_constraint(), ResourceConstraint::Any) {
            self.wrong("resource", "a rule can't tell resources apart", "write `resource` alone");
        }
        let actions = match self.policy.action_constraint() {
            ActionConstraint::Any => {
                let hint = "write `action == Action::\"task.completed\"` or `action in [...]`";
                self.wrong("action", "the rule doesn't say which events it is about", hint);
                Vec::new()
            }
            ActionConstraint::In(actions) => actions,
            ActionConstraint::Eq(action) => vec![action],
        };
        let mut events = BTreeSet::new();
        for action in actions {
            let name: &str = action.id().unescaped();
            match event_types().find(|known| *known == name && action.type_name().to_string() == "Action") {
                Some(known) => {
                    events.insert(known);
                }
                None => {
                    let hint = did_you_mean(name, event_types(), "event types");
                    self.wrong(&format!("\"{name}\""), &format!("`{action}` is not an event type"), &hint);
                }
            }
        }
        events
    }

    fn reads(&mut self) -> BTreeSet<(String, String)> {
        let conditions = match self.policy.to_json() {
            Ok(json) => json.get("conditions").cloned().unwrap_or_default(),
            Err(error) => {
                self.wrong("when", &format!("the condition can't be read: {error}"), "write it more simply");
                return BTreeSet::new();
            }
        };
        let mut walk = Walk::default();
        walk.expression(&conditions);
        for (what, message, hint) in walk.wrong {
            self.wrong(&what, &message, &hint);
        }
        walk.reads
    }
}

fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, what: &str) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the {what} are `{}`", known.join("`, `")),
    }
}

/// Collects the facts that a condition reads, from Cedar's JSON form of it. A condition may read facts one by one only, and
/// may hold a fact with a closed vocabulary only against its words: anything else could silently never match.
#[derive(Default)]
struct Walk {
    reads: BTreeSet<(String, String)>,
    wrong: Vec<(String, String, String)>,
}

impl Walk {
    fn expression(&mut self, expression: &Value) {
        match expression {
            Value::Array(items) => items.iter().for_each(|item| self.expression(item)),
            Value::Object(members) => {
                for (operator, operands) in members {
                    self.operation(operator, operands);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn operation(&mut self, operator: &str, operands: &Value) {
        match operator {
            "Value" => {
                if operands.is_object() {
                    self.refuse("::", "a condition can't name an entity", "compare facts with texts and numbers");
                }
            }
            "Var" => {
                let name = operands.as_str().unwrap_or_default();
                let message = format!("a condition can't use `{name}` as a whole");
                self.refuse(name, &message, "read single facts, as in `context.claim.strength`");
            }
            "==" | "!=" if self.compares_words(operands.get("left"), operands.get("right")) => {}
            "==" | "!=" if self.compares_words(operands.get("right"), operands.get("left")) => {}
            "contains" if self.compares_words(operands.get("right"), operands.get("left")) => {}
            "." => match fact(operands) {
                Some((group, name)) => {
                    let words = facts::info(group, name).map_or(&[][..], |fact| fact.words);
                    if !words.is_empty() {
                        let hint = format!("compare it by `==` or `[...].contains(...)` with `{}`", words.join("`, `"));
                        self.refuse(name, &format!("`{group}.{name}` has words of its own"), &hint);
                    }
                    self.reads.insert((group.to_owned(), name.to_owned()));
                }
                None => self.expression(operands),
            },
            _ => self.expression(operands),
        }
    }

    /// Whether this holds a fact of a closed vocabulary against texts; if so it is read, and its words are checked.
    fn compares_words(&mut self, fact_side: Option<&Value>, other_side: Option<&Value>) -> bool {
        let Some((group, name)) = fact_side.and_then(|side| side.get(".")).and_then(fact) else {
            return false;
        };
        let words = facts::info(group, name).map_or(&[][..], |fact| fact.words);
        let Some(literals) = other_side.and_then(literals) else {
            return false;
        };
        if words.is_empty() {
            return false;
        }
        for literal in literals.iter().filter(|literal| !words.contains(literal)) {
            let hint = did_you_mean(literal, words.iter().copied(), "words");
            self.refuse(&format!("\"{literal}\""), &format!("`{group}.{name}` is never `{literal}`"), &hint);
        }
        self.reads.insert((group.to_owned(), name.to_owned()));
        true
    }

    fn refuse(&mut self, what: &str, message: &str, hint: &str) {
        self.wrong.push((what.to_owned(), message.to_owned(), hint.to_owned()));
    }
}

/// Group and name of `context.<group>.<name>`, from the operands of an attribute access.
fn fact(access: &Value) -> Option<(&str, &str)> {
    let group = access.get("left")?.get(".")?;
    let on_context = group.get("left")?.get("Var")?.as_str()? == "context";
    Some((group.get("attr")?.as_str()?, access.get("attr")?.as_str()?)).filter(|_| on_context)
}

/// The text, or the texts of a set, when an expression is made of nothing else.
fn literals(expression: &Value) -> Option<Vec<&str>> {
    if let Some(items) = expression.get("Set") {
        return items.as_array()?.iter().map(|item| item.get("Value")?.as_str()).collect();
    }
    let value = expression.get("Value")?;
    match value.as_array() {
        Some(items) => items.iter().map(Value::as_str).collect(),
        None => Some(vec![value.as_str()?]),
    }
}
