//! A fake world for the real machine. The machine, its plans and the memory store are the ones that the tests of the other crates hold to
//! SQLite's; the hands, the clock, the processes, the receivers and the crashes are made up here, and every chance is a choice.
//!
//! - [`scenario`]: stories, each played through every combination of outcomes and crashes;
//! - [`swarm`]: long random stories from a seed, first with faults, then without, when all must come to rest;
//! - [`invariants`]: what must hold after every step and at rest;
//! - [`mutant`]: seeded bugs, each of which its invariant must find.
//!
//! Nothing here is shipped. The same choices give the same log to the byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a simulator stops where it meets what it doesn't expect"
)]

mod choices;
mod hands;
pub mod invariants;
pub mod mutant;
mod outside;
pub mod scenario;
pub mod swarm;
mod world;

pub use choices::Choices;
pub use invariants::Violation;
pub use mutant::{MUTANTS, Mutant};
pub use scenario::{Scenario, scenarios};
pub use world::run;

/// How a search ended: how many runs it took, and the first violation with the choices that lead to it.
pub type Searched = (usize, Option<(Violation, Vec<usize>)>);

/// Plays every combination of a scenario's choices, with at most `crashes_max` crashes a run, until an invariant fails.
#[must_use]
pub fn search(scenario: &Scenario, mutant: Option<Mutant>, crashes_max: usize) -> Searched {
    let (mut choices, mut runs) = (Choices::exhaustive(crashes_max), 0);
    while choices.advance() {
        runs += 1;
        if let Err(violation) = run(scenario, mutant, &mut choices) {
            return (runs, Some((violation, choices.taken())));
        }
    }
    (runs, None)
}
