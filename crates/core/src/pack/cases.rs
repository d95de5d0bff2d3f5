//! Golden cases: facts in, and what the pack must make of them. A pack's cases run against that pack alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{
    PackSet,
    error::{PackError, PackErrors, check},
    manifest::read_yaml,
    source::PackSource,
};
use crate::{
    decision::{Obligation, Severity, Verdict},
    event::EventType,
    facts::{FactValue, Facts},
};

/// Most cases in one file.
const CASES_MAX: usize = 1_000;

/// What is given, and what must come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows, in plain words.
    name: String,
    /// The event type.
    event: String,
    /// Thresholds that differ from the pack's defaults.
    #[serde(default)]
    tuned: BTreeMap<String, i64>,
    /// The verdict when no rule applies.
    #[serde(default = "allow")]
    default: Verdict,
    /// Facts that differ from nothing known, by path.
    #[serde(default)]
    given: BTreeMap<String, Value>,
    expect: Expect,
}

/// What must come of it. What is left out may be anything, but for the rules.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    verdict: Verdict,
    /// Every rule that applies, without the pack's name, strongest first.
    rules: Vec<String>,
    effective: Option<Verdict>,
    severity: Option<Severity>,
    obligations: Option<BTreeSet<Obligation>>,
}

fn allow() -> Verdict {
    Verdict::Allow
}

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// The file that it is in.
    pub file: String,
    /// The case's name.
    pub name: String,
    /// The rules that applied, by full name.
    pub rules: Vec<String>,
    /// What differs from what was expected, one line each; empty when the case passes.
    pub differences: Vec<String>,
}

/// Runs a pack's golden cases.
///
/// # Errors
/// The pack doesn't load, or a case can't be read: YAML, an unknown fact or event, a threshold outside its bounds.
pub fn run(source: &PackSource) -> Result<Vec<CaseResult>, PackErrors> {
    let packs = PackSet::load(std::slice::from_ref(source), &BTreeMap::new())?;
    let mut results = Vec::new();
    let mut errors = Vec::new();
    for (file, text) in source.files.iter().filter(|(file, _)| file.starts_with("cases/")) {
        let cases: Vec<Case> = match read_yaml(&source.folder, file, text) {
            Ok(cases) => cases,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        if cases.len() > CASES_MAX {
            let message = format!("{} cases are more than {CASES_MAX}", cases.len());
            errors.push(PackError::new(&source.folder, file, message).hint("split the file"));
            continue;
        }
        for case in cases {
            match run_one(&packs, &source.folder, &case) {
                Ok((rules, differences)) => {
                    results.push(CaseResult { file: file.clone(), name: case.name, rules, differences });
                }
                Err(message) => {
                    let message = format!("the case `{}`: {message}", case.name);
                    errors.push(PackError::new(&source.folder, file, message));
                }
            }
        }
    }
    check(errors)?;
    Ok(results)
}

fn run_one(packs: &PackSet, pack: &str, case: &Case) -> Result<(Vec<String>, Vec<String>), String> {
    if EventType::parse(&case.event).is_none() {
        return Err(format!("`{}` is not an event type", case.event));
    }
    let packs = packs.with_tuning(&case.tuned).map_err(|errors| errors.to_string())?;
    let mut facts = Facts::default();
    for (path, value) in &case.given {
        let value = FactValue::from_value(value).ok_or_else(|| format!("`{path}` is given no plain value"))?;
        facts.set(path, &value).map_err(|error| error.to_string())?;
    }
    let evaluation = packs.evaluate(&case.event, &facts, case.default);
    let settled = evaluation.settle(&facts.capability);
    let rules: Vec<String> = evaluation.rules.iter().map(|hit| hit.rule.clone()).collect();
    let expected: Vec<String> = case.expect.rules.iter().map(|rule| format!("{pack}/{rule}")).collect();
    let mut differences = Vec::new();
    let mut differ = |what: &str, expected: String, got: String| {
        if expected != got {
            differences.push(format!("{what}: expected {expected}, got {got}"));
        }
    };
    differ("verdict", case.expect.verdict.as_str().to_owned(), evaluation.requested.as_str().to_owned());
    differ("rules", listed(&expected), listed(&rules));
    if let Some(effective) = case.expect.effective {
        differ("effective", effective.as_str().to_owned(), settled.effective.as_str().to_owned());
    }
    if let Some(severity) = case.expect.severity {
        differ("severity", severity.as_str().to_owned(), evaluation.severity.as_str().to_owned());
    }
    if let Some(obligations) = &case.expect.obligations {
        let words =
            |of: &BTreeSet<Obligation>| listed(&of.iter().map(|word| word.as_str().to_owned()).collect::<Vec<_>>());
        differ("obligations", words(obligations), words(&evaluation.obligations));
    }
    Ok((rules, differences))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
