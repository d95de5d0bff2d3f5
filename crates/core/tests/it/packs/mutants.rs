//! Mutants of the core packs' rules: the tests of evaluation are only worth what they notice.

use std::collections::{BTreeMap, BTreeSet};

use candor_core::{
    decision::Verdict,
    pack::{PackSet, core_sources},
};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};

use super::{
    arbitrary::{CORE, facts},
    twin::twin,
};

/// Every small change to a core pack's rules either keeps the pack from loading or is noticed.
#[test]
fn the_twin_notices_every_mutant() {
    let mutations = [
        (" && ", " || "),
        ("!context", "context"),
        (" < ", " <= "),
        (" >= ", " > "),
        (" > 0", " > 1"),
        (" == ", " != "),
    ];
    let mut survivors = Vec::new();
    let mut noticed = 0;
    for source in core_sources() {
        let rules = &source.files["rules.cedar"];
        for (from, to) in mutations {
            for (at, _) in rules.match_indices(from) {
                if rules[at..].starts_with(" == Action") {
                    continue;
                }
                let mutant = format!("{}{to}{}", &rules[..at], &rules[at + from.len()..]);
                let mut changed = source.clone();
                changed.files.insert("rules.cedar".to_owned(), mutant);
                match PackSet::load(&[changed], &BTreeMap::new()) {
                    Ok(packs) if !notices(&packs) => {
                        let line = rules[..at].matches('\n').count() + 1;
                        survivors.push(format!("{}:{line}: `{from}` to `{to}`", source.folder));
                    }
                    Ok(_) => noticed += 1,
                    Err(_) => {}
                }
            }
        }
    }
    assert!(noticed > 100, "only {noticed} mutants load");
    assert!(survivors.is_empty(), "{survivors:#?}");
}

/// Whether the twin disagrees with one pack, loaded alone, on some generated facts.
fn notices(packs: &PackSet) -> bool {
    let pack = &packs.packs()[0].id;
    let mut runner = TestRunner::deterministic();
    let events: BTreeSet<&str> = packs.rules().flat_map(|rule| rule.events.iter().copied()).collect();
    (0..5_000).any(|_| {
        let facts = facts().new_tree(&mut runner).unwrap().current();
        events.iter().any(|on| {
            let evaluation = packs.evaluate(on, &facts, Verdict::Allow);
            let rules: BTreeSet<&str> = evaluation.rules.iter().map(|hit| hit.rule.as_str()).collect();
            let expected = twin(on, &facts, CORE.thresholds(), Verdict::Allow).1;
            rules != expected.into_keys().filter(|rule| rule.split('/').next() == Some(pack)).collect()
        })
    })
}
