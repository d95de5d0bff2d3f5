//! What the simulator must find, and what it must not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::collections::BTreeSet;

use candor_sim::{MUTANTS, Scenario, scenarios, search, swarm};

fn holds(scenario: &Scenario, crashes: usize) -> usize {
    let (runs, found) = search(scenario, None, crashes);
    if let Some((violation, choices)) = found {
        panic!(
            "`{}`: {} after {runs} runs: {}; choices {choices:?}",
            scenario.name, violation.invariant, violation.what
        );
    }
    runs
}

#[test]
fn every_story_holds_through_every_outcome_and_crash() {
    let mut total = 0;
    for scenario in scenarios() {
        let runs = holds(&scenario, scenario.crashes);
        println!("{}: {runs} runs with up to {} crashes", scenario.name, scenario.crashes);
        total += runs;
    }
    assert!(total > 10_000, "{total} runs are no search");
}

#[test]
fn a_seeded_swarm_comes_to_rest_and_a_seed_replays_to_the_byte() {
    for seed in 1..=150 {
        let first = swarm::play(seed).unwrap_or_else(|violation| {
            panic!("{}: {}; again: cargo xtask sim --seed {seed} --runs 1", violation.invariant, violation.what)
        });
        assert_eq!(first, swarm::play(seed).unwrap(), "seed {seed}");
    }
}

#[test]
fn every_mutant_is_killed_by_the_invariant_that_should_kill_it() {
    let stories = scenarios();
    let mut survived = Vec::new();
    for (mutant, expected) in MUTANTS {
        let mut killers = BTreeSet::new();
        // Many die without a crash, and that search is far shorter.
        for (crashes, scenario) in [0, 1].into_iter().flat_map(|crashes| stories.iter().map(move |of| (crashes, of))) {
            if let (_, Some((violation, _))) = search(scenario, Some(*mutant), crashes) {
                killers.insert(violation.invariant);
                if violation.invariant == *expected {
                    break;
                }
            }
        }
        if !killers.contains(expected) {
            survived.push(format!("{mutant:?}: expected {expected}, killed by {killers:?}"));
        }
    }
    assert_eq!(survived, Vec::<String>::new());
}

#[test]
fn every_invariant_has_a_mutant_that_it_kills() {
    let source = include_str!("../../src/invariants.rs").to_owned()
        + include_str!("../../src/hands.rs")
        + include_str!("../../src/world.rs");
    let named: BTreeSet<&str> = source
        .split('"')
        .filter(|word| word.starts_with("invariant_") && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        .collect();
    let killed: BTreeSet<&str> = MUTANTS.iter().map(|(_, invariant)| *invariant).collect();
    // Two guard the simulator and the store rather than the machine.
    let own = ["invariant_own_inputs_are_taken", "invariant_the_log_verifies"];
    let idle: Vec<&&str> = named.iter().filter(|name| !killed.contains(**name) && !own.contains(name)).collect();
    assert_eq!(idle, Vec::<&&str>::new());
}
