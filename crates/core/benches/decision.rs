//! Time per decision with all core packs, per event type: `cargo bench -p candor-core --bench decision`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench reads a clock and prints what it measured"
)]

use std::{hint::black_box, time::Instant};

use candor_core::{
    decision::Verdict,
    event::EVENT_TYPES,
    facts::{ClaimFacts, Facts, TaskFacts},
    pack::PackSet,
};

/// Evaluations per sample, and samples of which the median counts.
const RUNS: u32 = 500;
const SAMPLES: usize = 15;

fn facts(packs: &PackSet) -> Facts {
    Facts {
        task: TaskFacts { known: true, state: "running".to_owned(), running_s: 900, ..TaskFacts::default() },
        claim: ClaimFacts { present: true, kind: "completion".to_owned(), ..ClaimFacts::default() },
        ..packs.facts()
    }
}

fn main() {
    let started = Instant::now();
    let packs = PackSet::core().unwrap();
    println!(
        "load of all core packs: {:.1} ms, {} rules",
        started.elapsed().as_secs_f64() * 1e3,
        packs.rules().count()
    );
    let facts = facts(&packs);
    let mut slowest = 0.0_f64;
    for event_type in EVENT_TYPES.iter().map(|event_type| event_type.as_str()) {
        let mut samples: Vec<f64> = (0..SAMPLES)
            .map(|_| {
                let started = Instant::now();
                for _ in 0..RUNS {
                    black_box(packs.evaluate(event_type, black_box(&facts), Verdict::Allow));
                }
                started.elapsed().as_secs_f64() * 1e6 / f64::from(RUNS)
            })
            .collect();
        samples.sort_by(f64::total_cmp);
        slowest = slowest.max(samples[SAMPLES / 2]);
        println!("{event_type:20} {:7.1} µs per decision", samples[SAMPLES / 2]);
    }
    println!("figure decision_us {slowest:.2}");
    let started = Instant::now();
    for _ in 0..RUNS {
        black_box(facts.to_value());
    }
    println!("{:20} {:7.1} µs", "facts to record", started.elapsed().as_secs_f64() * 1e6 / f64::from(RUNS));
}
