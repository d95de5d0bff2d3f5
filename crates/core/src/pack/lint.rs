//! Everything that is wrong with a pack: what keeps it from loading, and what a careful author wants to hear as well.

use std::collections::{BTreeMap, BTreeSet};

use super::{PackSet, cases, error::PackError, rule::RULES, source::PackSource};

/// Says what is wrong with a pack: every loading error, or else every case that fails, every rule that no case shows, and a
/// missing README.
#[must_use]
pub fn lint(source: &PackSource) -> Vec<PackError> {
    let packs = match PackSet::load(std::slice::from_ref(source), &BTreeMap::new()) {
        Ok(packs) => packs,
        Err(errors) => return errors.0,
    };
    let results = match cases::run(source) {
        Ok(results) => results,
        Err(errors) => return errors.0,
    };
    let mut found = Vec::new();
    for result in &results {
        for difference in &result.differences {
            let message = format!("the case `{}` fails: {difference}", result.name);
            found.push(PackError::new(&source.folder, &result.file, message));
        }
    }
    let shown: BTreeSet<&String> = results.iter().flat_map(|result| &result.rules).collect();
    for rule in packs.rules().filter(|rule| !shown.contains(&rule.name)) {
        let error = PackError::new(&source.folder, RULES, format!("no case shows the rule `{}`", rule.name));
        found.push(error.at(rule.at).hint("add a case in which it applies"));
    }
    if !source.files.contains_key("README.md") {
        found.push(PackError::new(&source.folder, "README.md", "the file is missing").hint("say what the pack is for"));
    }
    found
}
