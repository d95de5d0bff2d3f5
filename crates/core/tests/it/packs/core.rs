//! The core packs load, are clean, and their golden cases hold.

use candor_core::pack::{self, PackSet, cases, core_sources};

#[test]
fn the_core_packs_load_together() {
    let packs = PackSet::core().unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(packs.packs().len(), 8);
}

#[test]
fn every_golden_case_holds() {
    for source in core_sources() {
        let results = cases::run(&source).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(!results.is_empty(), "{} has no cases", source.folder);
        for result in results {
            assert!(result.differences.is_empty(), "{}: {}: {:#?}", source.folder, result.name, result.differences);
        }
    }
}

#[test]
fn the_core_packs_are_clean() {
    for source in core_sources() {
        let found: Vec<String> = pack::lint(&source).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{found:#?}");
    }
}
