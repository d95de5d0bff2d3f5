//! Words that no committed file holds.

use super::tree::{Finding, Tree};
use crate::shell::root;

/// Marks of unfinished work, as they stand in comments: the bare words are vocabulary of the placeholder pack. Written in halves,
/// so that this file passes its own rule.
const UNFINISHED: [&str; 7] = [
    concat!("// TO", "DO"),
    concat!("# TO", "DO"),
    concat!("-- TO", "DO"),
    concat!("// FIX", "ME"),
    concat!("# FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
];

/// Beginnings of paths and addresses that mean something on one machine only.
const OF_ONE_MACHINE: [&str; 5] = [
    concat!("/Us", "ers/"),
    concat!("file:", "///home"),
    concat!("art", "ifactory"),
    concat!("replace-", "with ="),
    concat!("_auth", "Token"),
];

/// No mark of unfinished work in code, settings or pages.
pub(super) fn unfinished(tree: &Tree) -> Vec<Finding> {
    let read = [".rs", ".md", ".toml", ".yaml", ".yml", ".cedar", ".js", ".ts", ".sh", ".sql"];
    let files = tree.all().filter(|(name, _)| read.iter().any(|end| name.ends_with(end)));
    holding(files, &UNFINISHED.map(str::to_owned), "finish it, or write an issue and leave no mark")
}

/// No path or host that exists on one machine only.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Finding> {
    let mut banned = OF_ONE_MACHINE.map(str::to_owned).to_vec();
    // The checkout's own place, where it is long enough to mean this place and no other.
    let here = root().to_string_lossy().into_owned();
    if here.matches('/').count() > 1 {
        banned.push(here);
    }
    let mut found = holding(tree.all(), &banned, "it exists on one machine only; use a relative path or a setting");
    found.extend(foreign_sources(tree));
    found
}

/// Crates come from crates.io or from the workspace.
fn foreign_sources(tree: &Tree) -> Vec<Finding> {
    let official = "\"registry+https://github.com/rust-lang/crates.io-index\"";
    tree.ending("Cargo.lock")
        .flat_map(|(name, text)| {
            text.lines().enumerate().filter_map(move |(at, line)| {
                let source = line.strip_prefix("source = ")?;
                (source != official).then(|| Finding::line(name, at + 1, format!("{source} is not crates.io")))
            })
        })
        .collect()
}

fn holding<'a>(files: impl Iterator<Item = (&'a str, &'a str)>, banned: &[String], advice: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, text) in files {
        for (at, line) in text.lines().enumerate() {
            if let Some(word) = banned.iter().find(|word| line.contains(word.as_str())) {
                found.push(Finding::line(name, at + 1, format!("`{word}`: {advice}")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Tree, machine_paths, root, unfinished};

    #[test]
    fn marks_of_unfinished_work_are_found() {
        let text = concat!("fn a() {}\n// TO", "DO: more\n");
        let found = unfinished(&Tree::of(&[("a.rs", text), ("b.rs", "fn a() {}"), ("c.bin", text)]));
        assert_eq!(found.iter().map(|f| (f.file.as_str(), f.line)).collect::<Vec<_>>(), [("a.rs", 2)]);
    }

    #[test]
    fn machine_paths_and_foreign_sources_are_found() {
        let here = format!("see {}/target", root().display());
        let tree = Tree::of(&[
            ("a.md", &here),
            ("Cargo.lock", "source = \"registry+https://example.org/index\"\n"),
            ("b/Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n"),
        ]);
        let names: Vec<_> = machine_paths(&tree).into_iter().map(|f| f.file).collect();
        assert_eq!(names, ["a.md", "Cargo.lock"]);
    }
}
