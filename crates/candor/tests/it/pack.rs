//! `candor pack`: list, show, lint, test.

use std::path::{Path, PathBuf};

use crate::common::Bench;

/// A copy of a core pack under another name, with one change in one file.
fn copy(bench: &Bench, id: &str, file: &str, from: &str, to: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policy-packs").join(id);
    let target = bench.path(id);
    std::fs::create_dir_all(target.join("cases")).unwrap();
    for name in ["pack.yaml", "rules.cedar", "README.md", "cases/cases.yaml"] {
        let text = std::fs::read_to_string(source.join(name)).unwrap();
        let changed = if name == file { text.replacen(from, to, 1) } else { text.clone() };
        assert!(name != file || from == to || changed != text, "`{from}` is in {name}");
        std::fs::write(target.join(name), changed).unwrap();
    }
    target
}

#[test]
fn the_core_packs_are_listed_shown_and_pass_their_cases() {
    let bench = Bench::new();
    let packs = bench.json(&["pack", "list"]);
    assert_eq!(packs["packs"].as_array().unwrap().len(), 8);
    for pack in packs["packs"].as_array().unwrap() {
        let id = pack["id"].as_str().unwrap();
        assert!(bench.done(&["pack", "show", id]).stdout().starts_with(id));
        bench.done(&["pack", "lint", id]);
    }
    let tested = bench.json(&["pack", "test"]);
    assert_eq!(tested["failed"], 0);
    assert!(tested["passed"].as_u64().unwrap() >= 50);
    assert_eq!(bench.run(&["pack", "show", "no-such-pack"]).code(), 11);
}

#[test]
fn lint_says_file_line_column_and_what_was_meant() {
    let bench = Bench::new();
    let pack = copy(&bench, "delivery-truth", "rules.cedar", "delivery.acked", "delivery.aked");
    let linted = bench.run(&["pack", "lint", pack.to_str().unwrap()]);
    assert_eq!(linted.code(), 8);
    let told = linted.stdout();
    let place = told.strip_prefix("delivery-truth/rules.cedar:").unwrap_or_default();
    let mut numbers = place.split(':');
    assert!(numbers.next().unwrap().parse::<u32>().is_ok() && numbers.next().unwrap().parse::<u32>().is_ok(), "{told}");
    assert!(told.contains("did you mean `acked`?"), "{told}");
    let nothing = bench.run(&["pack", "lint", bench.path("nothing").to_str().unwrap()]);
    assert_eq!(nothing.code(), 8);
    assert!(nothing.stderr().contains("hint: "), "{}", nothing.stderr());
}

#[test]
fn a_case_that_fails_is_told_with_what_differs() {
    let bench = Bench::new();
    let pack = copy(&bench, "delivery-truth", "cases/cases.yaml", "verdict: downgrade_status", "verdict: allow");
    let tested = bench.run(&["pack", "test", pack.to_str().unwrap()]);
    assert_eq!(tested.code(), 8);
    assert!(tested.stdout().contains("1 failed") && tested.stdout().contains("downgrade_status"), "{}", tested.stdout());
}

#[test]
fn a_pack_of_ones_own_is_loaded_listed_and_tested() {
    let bench = Bench::new();
    copy(&bench, "delivery-truth", "pack.yaml", "", "");
    bench.configure("packs: {enable: [], folders: [delivery-truth]}\n");
    let packs = bench.json(&["pack", "list"]);
    assert_eq!(packs["packs"].as_array().unwrap().len(), 1);
    let cases = bench.json(&["pack", "test"]);
    assert!(cases["cases"].as_array().unwrap().iter().all(|case| case["pack"] == "delivery-truth"));
    bench.configure("packs: {enable: [no-such-pack]}\n");
    let wrong = bench.run(&["pack", "list"]);
    assert_eq!(wrong.code(), 8);
    assert!(wrong.stderr().contains("the core packs are "), "{}", wrong.stderr());
}
