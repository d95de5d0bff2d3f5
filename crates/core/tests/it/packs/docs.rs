//! The page for authors lists every fact, as the catalogue has it, and its example is a pack that works.

use std::{collections::BTreeMap, fmt::Write as _};

use candor_core::{
    facts::{FactKind, catalog},
    pack::{PackSource, lint},
};

const PAGE: &str = include_str!("../../../../../docs/adding-a-pack.md");

#[test]
fn the_page_lists_every_fact() {
    let mut table = String::from("| fact | type | meaning |\n| --- | --- | --- |\n");
    for fact in catalog() {
        let kind = match (fact.kind, fact.words) {
            (FactKind::Bool, _) => "bool".to_owned(),
            (FactKind::Long, _) => "long".to_owned(),
            (FactKind::Text, []) => "text".to_owned(),
            (FactKind::Text, words) => format!("`{}`", words.join("`, `")),
        };
        writeln!(table, "| `{}.{}` | {kind} | {} |", fact.group, fact.name, fact.doc).unwrap();
    }
    let listed =
        PAGE.split_once("| fact | type |").map(|(_, rest)| format!("| fact | type |{rest}")).unwrap_or_default();
    assert_eq!(
        listed, table,
        "docs/adding-a-pack.md is behind the catalogue of facts: put this table at its end:\n{table}"
    );
}

#[test]
fn the_pages_example_is_a_clean_pack() {
    let mut blocks: BTreeMap<&str, String> = BTreeMap::new();
    let mut language = None;
    for line in PAGE.lines() {
        let line = line.strip_prefix("   ").unwrap_or(line);
        match (line.strip_prefix("```"), language) {
            (Some(opened), None) => language = Some(opened),
            (Some(_), Some(_)) => language = None,
            (None, Some(language)) => writeln!(blocks.entry(language).or_default(), "{line}").unwrap(),
            (None, None) => {}
        }
    }
    let (tunables, cases) = blocks["yaml"].split_once("- name: quiet for").unwrap();
    let manifest = format!("id: quiet\nversion: 1.0.0\ntitle: Quiet\nsummary: Quiet tasks.\n{tunables}");
    let cases = format!("- name: quiet for{cases}");
    let files =
        [("pack.yaml", &*manifest), ("rules.cedar", &*blocks["cedar"]), ("cases/c.yaml", &*cases), ("README.md", "")];
    let found: Vec<String> = lint(&PackSource::new("quiet", files)).iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{found:#?}");
}
