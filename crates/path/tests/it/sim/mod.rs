//! A fake world for the real machine, in small: one notice, one target, every outcome and every crash. The machine and its plans are the
//! ones that run in production; the hands, the clock, the receiver and the crashes are made up.

mod choices;
mod mutant;
mod world;

use choices::Choices;
use mutant::{MUTANTS, Mutant};
use world::{Channel, Violation, machine, run};

const CHANNELS: [Channel; 4] = [Channel::Idempotent, Channel::Hold, Channel::Resend, Channel::Simulated];

/// Plays every combination until an invariant fails. How many runs that took, and what failed.
fn search(channel: Channel, mutant: Option<Mutant>, crashes_max: usize) -> (usize, Option<Violation>) {
    let machine = machine(channel);
    let (mut choices, mut runs) = (Choices::exhaustive(crashes_max), 0);
    while choices.advance() {
        runs += 1;
        if let Err(violation) = run(&machine, channel, mutant, &mut choices) {
            let (invariant, what) = (violation.invariant, &violation.what);
            println!("{channel:?} {mutant:?}: {invariant} after {runs} runs: {what}; choices {:?}", choices.taken());
            return (runs, Some(violation));
        }
    }
    println!("{channel:?} {mutant:?}: {runs} runs");
    (runs, None)
}

#[test]
fn every_outcome_with_up_to_one_crash_keeps_every_invariant() {
    for channel in CHANNELS {
        let (runs, violation) = search(channel, None, 1);
        assert_eq!(violation, None, "{channel:?}");
        assert!(runs > 20, "{channel:?}: {runs} runs are no search");
    }
}

#[test]
fn two_crashes_keep_every_invariant() {
    for channel in [Channel::Idempotent, Channel::Hold] {
        assert_eq!(search(channel, None, 2).1, None, "{channel:?}");
    }
}

#[test]
fn a_seeded_swarm_keeps_every_invariant_and_a_seed_replays_to_the_byte() {
    for channel in CHANNELS {
        let machine = machine(channel);
        for seed in 1..=300 {
            let play = || run(&machine, channel, None, &mut Choices::seeded(seed, 4));
            let first = play().unwrap_or_else(|violation| panic!("seed {seed} {channel:?}: {violation:?}"));
            assert_eq!(first, play().unwrap(), "seed {seed}");
        }
    }
}

#[test]
fn every_mutant_is_killed_by_the_invariant_that_should_kill_it() {
    for (mutant, expected) in MUTANTS {
        let killers: Vec<&str> = CHANNELS
            .into_iter()
            .filter_map(|channel| search(channel, Some(mutant), 1).1)
            .map(|violation| violation.invariant)
            .collect();
        assert!(killers.contains(&expected), "{mutant:?}: expected {expected}, killed by {killers:?}");
    }
}
