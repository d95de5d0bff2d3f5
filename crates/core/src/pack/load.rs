//! Loading packs: parse, hold every rule against the schema, and refuse what could silently never match.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use super::{
    bounds,
    error::{PackError, PackErrors, Position, check, nearest},
    evaluate::PackSet,
    manifest::{self, MANIFEST, Pack},
    rule::{self, RULES, Rule},
    schema::cedar_schema,
    source::{PACKS_MAX, PackSource, core_sources},
};

/// Most rules over all packs.
const RULES_MAX: usize = 1_024;

impl PackSet {
    /// Loads packs, with thresholds that a profile tunes by name. The order of the packs means nothing, and the same pack
    /// given twice counts once.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, each with pack, file, line and column where it has one. Nothing is loaded
    /// then: a rule that is left out would be a rule that silently doesn't match.
    pub fn load(sources: &[PackSource], tuned: &BTreeMap<String, i64>) -> Result<Self, PackErrors> {
        let sources: BTreeSet<&PackSource> = sources.iter().collect();
        let packs = read_manifests(&sources)?;
        let thresholds = manifest::thresholds(&packs, tuned)?;
        let schema = cedar_schema(&thresholds);
        let (schema, _) = Schema::from_cedarschema_str(&schema)
            .map_err(|error| PackError::new("", "", format!("the facts make no Cedar schema: {error}")))?;
        let validator = Validator::new(schema);
        let mut errors = Vec::new();
        let mut rules = Vec::new();
        for (source, pack) in sources.iter().zip(&packs) {
            rules.extend(read_rules(source, pack, &validator, &mut errors));
        }
        if rules.len() > RULES_MAX {
            let message = format!("{} rules are more than {RULES_MAX}", rules.len());
            errors.push(PackError::new("", "", message).hint("load fewer packs"));
        }
        check(errors)?;
        Self::new(packs, rules, thresholds)
    }

    /// The eight core packs with their defaults.
    ///
    /// # Errors
    /// Never for a released Candor: a test loads them.
    pub fn core() -> Result<Self, PackErrors> {
        Self::load(&core_sources(), &BTreeMap::new())
    }
}

/// The manifests of packs, without their rules: what can be tuned.
///
/// # Errors
/// Everything that is wrong with a manifest, with file, line and column.
pub fn manifests(sources: &[PackSource]) -> Result<Vec<Pack>, PackErrors> {
    read_manifests(&sources.iter().collect())
}

fn read_manifests(sources: &BTreeSet<&PackSource>) -> Result<Vec<Pack>, PackErrors> {
    let mut errors = Vec::new();
    if sources.len() > PACKS_MAX {
        let message = format!("{} packs are more than {PACKS_MAX}", sources.len());
        errors.push(PackError::new("", "", message).hint("load fewer"));
    }
    let mut folders = BTreeSet::new();
    let mut packs = Vec::new();
    for source in sources {
        source.check(&mut errors);
        if !folders.insert(&source.folder) {
            let error = PackError::new(&source.folder, "", "two packs that differ have this name");
            errors.push(error.hint("remove one of them, or give it a name of its own"));
        }
        match manifest::read(source) {
            Ok(pack) => packs.push(pack),
            Err(PackErrors(more)) => errors.extend(more),
        }
    }
    check(errors)?;
    Ok(packs)
}

/// The rules of one pack, in the order of the file.
fn read_rules(source: &PackSource, pack: &Pack, validator: &Validator, errors: &mut Vec<PackError>) -> Vec<Rule> {
    let text = match source.required(RULES) {
        Ok(text) => text,
        Err(error) => {
            errors.push(error);
            return Vec::new();
        }
    };
    if let Some(error) = bounds::check(&pack.id, RULES, text) {
        errors.push(error);
        return Vec::new();
    }
    let policies: PolicySet = match text.parse() {
        Ok(policies) => policies,
        Err(parse_errors) => {
            let parse_errors: &cedar_policy::ParseErrors = &parse_errors;
            errors.extend(parse_errors.iter().map(|error| from_cedar(&pack.id, text, error)));
            return Vec::new();
        }
    };
    for template in policies.templates() {
        let error = PackError::new(&pack.id, RULES, "a rule can't be a template");
        let at = Position::of(text, text.find(&template.to_string()).unwrap_or(0));
        errors.push(error.at(at).hint("write `principal` and `resource` alone, without `?`"));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for policy in policies.policies() {
        let Some(rule) = rule::read(&pack.id, text, policy, errors) else {
            continue;
        };
        if let Some(first) = rules.iter().find(|other| other.name == rule.name) {
            let message = format!("the rule `{}` stands here a second time", rule.name);
            let hint = format!("the first is at line {}; give one of them another `@id`", first.at.line);
            errors.push(PackError::new(&pack.id, RULES, message).at(rule.at).hint(hint));
        } else {
            rules.push(rule);
        }
    }
    rules.sort_by_key(|rule| rule.at);
    validate(&pack.id, text, &rules, validator, errors);
    check_thresholds(pack, &rules, errors);
    rules
}

/// Holds the rules against the schema. A warning counts as an error: a rule that can never match is no rule.
fn validate(pack: &str, text: &str, rules: &[Rule], validator: &Validator, errors: &mut Vec<PackError>) {
    let policies = match PolicySet::from_policies(rules.iter().map(|rule| rule.policy.clone())) {
        Ok(policies) => policies,
        Err(error) => {
            errors.push(PackError::new(pack, RULES, error.to_string()));
            return;
        }
    };
    let result = validator.validate(&policies, ValidationMode::Strict);
    let mut found: Vec<PackError> = result
        .validation_errors()
        .map(|error| from_cedar(pack, text, error))
        .chain(result.validation_warnings().map(|warning| from_cedar(pack, text, warning)))
        .collect();
    // One mistake is found once per event type of the rule; its place tells that it is the same.
    found.sort();
    found.dedup_by_key(|error| error.at);
    errors.append(&mut found);
}

/// A rule reads thresholds of its own pack only, so that a pack stands alone; and a tunable that no rule reads does nothing.
fn check_thresholds(pack: &Pack, rules: &[Rule], errors: &mut Vec<PackError>) {
    let own: BTreeSet<&str> = pack.tunables.iter().map(|tunable| tunable.name.as_str()).collect();
    let mut read = BTreeSet::new();
    for rule in rules {
        for (_, name) in rule.reads.iter().filter(|(group, _)| group == "threshold") {
            read.insert(name.as_str());
            if !own.contains(name.as_str()) {
                let message =
                    format!("the rule `{}` reads `threshold.{name}`, which is no tunable of this pack", rule.name);
                let hint = nearest(name, own.iter().copied())
                    .map_or("declare it in `pack.yaml`".to_owned(), |meant| format!("did you mean `{meant}`?"));
                errors.push(PackError::new(&pack.id, RULES, message).at(rule.at).hint(hint));
            }
        }
    }
    for name in own.difference(&read) {
        let message = format!("no rule reads the tunable `{name}`, so tuning it does nothing");
        errors.push(PackError::new(&pack.id, MANIFEST, message).hint("use it in a rule, or remove it"));
    }
}

/// Cedar's own error or warning, with its place in the file and without Cedar's names for what the user wrote.
fn from_cedar(pack: &str, text: &str, diagnostic: &dyn Diagnostic) -> PackError {
    let told = diagnostic.to_string();
    let message = match told.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")) {
        Some((rule, message)) => format!("in the rule `{rule}`, {message}"),
        None => told,
    };
    let label = diagnostic.labels().and_then(|mut labels| labels.next());
    let at = label.as_ref().map(|label| Position::of(text, label.offset()));
    let hint = diagnostic.help().map(|help| help.to_string());
    let expected = label.and_then(|label| label.label().map(str::to_owned));
    PackError { at, hint: hint.or(expected), ..PackError::new(pack, RULES, message) }
}
