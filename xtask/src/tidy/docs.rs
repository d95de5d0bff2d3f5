//! Pages that must agree with the code, and with one another.

use std::{collections::BTreeMap, path::Path};

use super::tree::{Finding, Tree, resolved};
use crate::limits;

/// docs/limits.md is what `cargo xtask limits` writes.
pub(super) fn limits(tree: &Tree) -> Vec<Finding> {
    let Some(page) = limits::page(tree.text(limits::SOURCE).unwrap_or_default()) else {
        return vec![Finding::file(limits::SOURCE, "give every limit a doc comment and a plain value")];
    };
    if tree.text(limits::PAGE) == Some(page.as_str()) {
        return Vec::new();
    }
    vec![Finding::file(limits::PAGE, "differs from the source; run `cargo xtask limits`")]
}

/// Where the binary's exit codes may be defined.
const EXIT_CODES: [&str; 3] =
    ["crates/candor/src/exit_codes.rs", "crates/candor/src/exit_code.rs", "crates/candor/src/exit.rs"];
/// Where users read them.
const EXIT_PAGE: &str = "docs/exit-codes.md";

/// Each exit code of the binary stands in its page, and the other way round.
pub(super) fn exit_codes(tree: &Tree) -> Vec<Finding> {
    let source = EXIT_CODES.iter().find_map(|name| Some((*name, tree.text(name)?)));
    let (Some((source_name, source)), Some(page)) = (source, tree.text(EXIT_PAGE)) else {
        return match (source, tree.text(EXIT_PAGE)) {
            (None, None) => Vec::new(),
            (Some((name, _)), _) => vec![Finding::file(name, format!("its codes belong into {EXIT_PAGE}"))],
            (None, Some(_)) => {
                vec![Finding::file(EXIT_PAGE, format!("no code found in any of {}", EXIT_CODES.join(", ")))]
            }
        };
    };
    let (coded, documented) = (coded(source), documented(page));
    let mut found = Vec::new();
    for (code, line) in &coded {
        if !documented.contains_key(code) {
            found.push(Finding::line(source_name, *line, format!("exit code {code} is missing in {EXIT_PAGE}")));
        }
    }
    for (code, line) in &documented {
        if !coded.contains_key(code) {
            found.push(Finding::line(EXIT_PAGE, *line, format!("exit code {code} is not in {source_name}")));
        }
    }
    if coded.is_empty() {
        found.push(Finding::file(source_name, "no `Name = 3,` or `NAME: u8 = 3;` found"));
    }
    found
}

/// Codes of `Name = 3,` in an enum or of `const NAME: u8 = 3;`, with their lines.
fn coded(source: &str) -> BTreeMap<u8, usize> {
    source
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter_map(|(at, line)| {
            let (_, value) = line.rsplit_once(" = ")?;
            Some((value.trim_end_matches([',', ';', ' ']).parse().ok()?, at + 1))
        })
        .collect()
}

/// Codes in the first column of the page's table, with their lines.
fn documented(page: &str) -> BTreeMap<u8, usize> {
    page.lines()
        .enumerate()
        .filter_map(|(at, line)| {
            let first = line.strip_prefix('|')?.split('|').next()?;
            Some((first.trim().trim_matches('`').parse().ok()?, at + 1))
        })
        .collect()
}

/// Links between pages lead to files, and to headings that exist.
pub(super) fn links(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, text) in tree.ending(".md") {
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        for (line, target) in targets(text) {
            if let Some(what) = broken(tree, name, folder, target) {
                found.push(Finding::line(name, line, format!("`{target}`: {what}")));
            }
        }
    }
    found
}

fn broken(tree: &Tree, page: &str, folder: &Path, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let Some(file) = (if file.is_empty() { Some(page.to_owned()) } else { resolved(folder, file) }) else {
        return Some("leads out of the project");
    };
    if !tree.has(&file) {
        return Some("there is no such file");
    }
    let heading = anchor.is_empty()
        || !file.ends_with(".md")
        || tree.text(&file).is_some_and(|text| headings(text).any(|heading| heading == anchor));
    (!heading).then_some("there is no such heading")
}

/// Targets of `[text](target)` outside code, with their lines.
fn targets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(text).flat_map(|(at, line)| {
        // Every second piece between backticks is code.
        line.split('`').step_by(2).flat_map(|piece| piece.split("](").skip(1)).filter_map(move |rest| {
            let target = rest.split([')', ' ']).next()?;
            (!target.is_empty()).then_some((at, target))
        })
    })
}

/// Lines outside fenced blocks, from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((at + 1, line))
    })
}

/// Anchors that hosts of Markdown make of headings: lower case, spaces to dashes, other signs left out.
fn headings(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter_map(|(_, line)| {
        let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
        Some(
            title
                .to_lowercase()
                .chars()
                .filter_map(|c| match c {
                    ' ' => Some('-'),
                    c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                    _ => None,
                })
                .collect(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{Tree, exit_codes, limits, links};

    #[test]
    fn broken_links_are_found() {
        let tree = Tree::of(&[
            (
                "docs/a.md",
                "# The Way, in short\n[b](b.md) [gone](gone.md) `[code](x.md)` [web](https://example.org)\n[h](#the-way-in-short) [no](#nowhere)\n```\n[c](c.md)\n```\n",
            ),
            ("docs/b.md", "[up](../README.md#start) [out](../../x.md) [folder](../docs)\n"),
            ("README.md", "## Start\n"),
        ]);
        let found: Vec<_> = links(&tree).into_iter().map(|f| (f.file, f.line)).collect();
        assert_eq!(found, [("docs/a.md".to_owned(), 2), ("docs/a.md".to_owned(), 3), ("docs/b.md".to_owned(), 1)]);
    }

    #[test]
    fn exit_codes_and_their_page_agree() {
        let code =
            ("crates/candor/src/exit_codes.rs", "pub enum Exit {\n    /// = 9,\n    Ok = 0,\n    Usage = 2,\n}\n");
        assert!(exit_codes(&Tree::of(&[code, ("docs/exit-codes.md", "| 0 | a |\n| `2` | b |\n")])).is_empty());
        assert_eq!(exit_codes(&Tree::of(&[code, ("docs/exit-codes.md", "| 0 | a |\n| 3 | b |\n")])).len(), 2);
        assert_eq!(exit_codes(&Tree::of(&[code])).len(), 1);
    }

    #[test]
    fn the_page_of_limits_must_be_current() {
        let source = ("crates/core/src/limits.rs", "/// Most things.\npub const THINGS_MAX: usize = 3;\n");
        assert_eq!(limits(&Tree::of(&[source])).len(), 1);
        assert_eq!(limits(&Tree::of(&[source, ("docs/limits.md", "old")])).len(), 1);
    }
}
