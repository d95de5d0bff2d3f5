//! What a page promises is shown: each row of these tables names tests, commands or files that are there.

use std::collections::BTreeSet;

use super::tree::{Finding, Tree};

/// The pages, and whether a row of theirs begins with an id of its own.
const PAGES: [(&str, bool); 2] = [("docs/conformance.md", true), ("docs/guarantees.md", false)];
/// Tables under these headings promise nothing.
const NO_PROMISE: [&str; 1] = ["## Not promised"];

/// Each requirement and promise is shown by something that is there.
pub(super) fn by_something(tree: &Tree) -> Vec<Finding> {
    let tests = tests(tree);
    PAGES.iter().flat_map(|(page, ids)| rows(tree, page, *ids, &tests)).collect()
}

/// The names of all test functions.
fn tests(tree: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, text) in tree.ending(".rs") {
        for line in text.lines() {
            let Some((_, rest)) = line.split_once("fn ") else { continue };
            names.extend(
                rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().map(str::to_owned),
            );
        }
    }
    names
}

fn rows(tree: &Tree, page: &str, ids: bool, tests: &BTreeSet<String>) -> Vec<Finding> {
    let Some(text) = tree.text(page) else { return vec![Finding::file(page, "is missing")] };
    let (mut found, mut known, mut promises) = (Vec::new(), BTreeSet::new(), true);
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("## ") {
            promises = !NO_PROMISE.contains(&line);
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let header = text.lines().nth(number + 1).is_some_and(|next| next.starts_with("| ---"));
        if !line.starts_with("| ") || line.starts_with("| ---") || header || !promises {
            continue;
        }
        let mut wrong = |what: String| found.push(Finding::line(page, number + 1, what));
        let first = cells.first().copied().unwrap_or_default();
        if ids && !known.insert(first.to_owned()) {
            wrong(format!("`{first}` stands twice"));
        }
        let named: Vec<&str> = cells.last().copied().unwrap_or_default().split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            wrong("name the test, command or file that shows it".to_owned());
        }
        for name in named.into_iter().filter(|name| !is_there(tree, name, tests)) {
            wrong(format!("`{name}` isn't there"));
        }
    }
    if found.is_empty() && text.lines().filter(|line| line.starts_with("| ---")).count() == 0 {
        found.push(Finding::file(page, "has no table"));
    }
    found
}

fn is_there(tree: &Tree, name: &str, tests: &BTreeSet<String>) -> bool {
    let command = |folder: &str, rest: &str| {
        let word = rest.split(' ').next().unwrap_or_default();
        tree.has(&format!("{folder}{word}.rs")) || tree.has(&format!("{folder}{word}"))
    };
    if let Some(rest) = name.strip_prefix("candor ") {
        return command("crates/candor/src/commands/", rest);
    }
    if let Some(rest) = name.strip_prefix("cargo xtask ") {
        return command("xtask/src/", rest);
    }
    tests.contains(name) || tree.has(name) || tree.has(&format!("capabilities/{name}.yaml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(row: &str) -> Vec<String> {
        let page = format!("# C\n\n| id | requirement | shown by |\n| --- | --- | --- |\n{row}\n");
        let files = [
            ("docs/conformance.md", page.as_str()),
            ("docs/guarantees.md", "| p | b | t |\n| --- | --- | --- |\n"),
            ("crates/a/tests/it/main.rs", "#[test]\nfn it_holds() {}\n"),
            ("crates/candor/src/commands/run.rs", ""),
            ("profiles/x.yaml", ""),
        ];
        by_something(&Tree::of(&files)).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn a_requirement_without_something_that_shows_it_is_found() {
        assert_eq!(
            findings("| A-1 | it holds | `it_holds`, `candor run bridge`, `profiles/x.yaml` |"),
            Vec::<String>::new()
        );
        for (row, says) in [
            ("| A-1 | it holds | |", "name the test"),
            ("| A-1 | it holds | `it_held` |", "`it_held` isn't there"),
            ("| A-1 | it holds | `candor walk` |", "`candor walk` isn't there"),
            ("| A-1 | it holds | `it_holds` |\n| A-1 | again | `it_holds` |", "stands twice"),
        ] {
            assert!(findings(row).iter().any(|finding| finding.contains(says)), "{row}: {:?}", findings(row));
        }
    }
}
