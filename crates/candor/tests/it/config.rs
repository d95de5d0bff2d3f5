//! `candor config` and `candor completions`, and that the page on configuration names every field.

use std::path::Path;

use crate::common::Bench;

#[test]
fn the_example_is_a_configuration_that_holds() {
    let bench = Bench::new();
    let example = bench.done(&["config", "example"]).stdout();
    bench.configure(&example);
    assert!(bench.done(&["config", "check"]).stdout().contains("candor.yaml"));
    let shown = bench.json(&["config", "show"]);
    std::fs::remove_file(bench.path("candor.yaml")).unwrap();
    let defaults = bench.json(&["config", "show"]);
    assert_eq!((&shown["settings"], &shown["thresholds"]), (&defaults["settings"], &defaults["thresholds"]));
    assert_eq!(defaults["from"], "no file: the safe defaults");
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
    let bench = Bench::new();
    for (config, wanted) in [
        ("watch:\n  perido: 5m\n", "perido"),
        ("watch: {period: 5 minutes}\n", "5 minutes"),
        ("listen: 0.0.0.0:7717\n", "loopback"),
        ("targets: [{name: a, sender: carrier-pigeon}]\n", "carrier-pigeon"),
        ("targets: [{name: a, sender: dry-run}, {name: a, sender: dry-run}]\n", "twice"),
        ("targets: [{name: a, sender: webhook}]\n", "url"),
        ("packs: {tune: {no_such_threshold: 1}}\n", "no_such_threshold"),
        ("profile: [\n", "candor.yaml"),
    ] {
        bench.configure(config);
        let ran = bench.run(&["config", "check"]);
        assert_eq!(ran.code(), 8, "{config}");
        assert!(ran.stderr().contains(wanted), "{config}: {}", ran.stderr());
        assert!(ran.stderr().starts_with("error: "), "{}", ran.stderr());
    }
}

/// Every field of the example is on the page, by its full name.
#[test]
fn the_page_on_configuration_names_every_field_of_the_example() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let example = Bench::new().done(&["config", "example"]).stdout();
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut checked = 0;
    for line in example.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some((key, rest)) = line.split_once(':') else { continue };
        let indent = key.len() - key.trim_start().len();
        above.retain(|(at, _)| *at < indent);
        above.push((indent, key.trim().to_owned()));
        let is_section = rest.split('#').next().unwrap_or_default().trim().is_empty();
        if !is_section {
            let name = above.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join(".");
            assert!(page.contains(&format!("`{name}`")), "`{name}` is missing");
            checked += 1;
        }
    }
    assert!(checked >= 8, "{checked}");
}

#[test]
fn completions_are_printed_for_every_shell() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(bench.done(&["completions", shell]).stdout().contains("candor"), "{shell}");
    }
    assert_eq!(bench.run(&["completions", "tcsh"]).code(), 2);
}
