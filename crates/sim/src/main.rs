//! `candor-sim`: long searches from the command line, for `cargo xtask sim`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a developer's command line tool")]

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use candor_sim::{scenarios, search, swarm};
use clap::Parser;

/// Play Candor's state machine through made-up worlds, until an invariant fails.
#[derive(Parser)]
#[command(name = "candor-sim", after_help = "Example:\n  candor-sim --seed 1 --runs 10000")]
struct Cli {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1_000)]
    runs: u64,
    /// Stop after so many minutes, whatever is left.
    #[arg(long)]
    minutes: Option<u64>,
    /// Play every story with up to so many crashes instead of seeds.
    #[arg(long)]
    crashes: Option<usize>,
    /// Print the log of the first seed.
    #[arg(long)]
    log: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let until = cli.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    if let Some(crashes) = cli.crashes {
        return stories(crashes);
    }
    let (started, mut told) = (Instant::now(), Instant::now());
    for (done, seed) in (0..cli.runs).zip(cli.seed..) {
        if until.is_some_and(|until| Instant::now() > until) {
            println!("{done} seeds from {} hold; stopped after {:.0} s", cli.seed, started.elapsed().as_secs_f64());
            return ExitCode::SUCCESS;
        }
        match swarm::play(seed) {
            Ok(log) if cli.log && done == 0 => println!("{}", log.join("\n")),
            Ok(_) => {}
            Err(violation) => {
                if cli.log {
                    println!("{}", violation.log.join("\n"));
                }
                println!("seed {seed}: {}: {}", violation.invariant, violation.what);
                println!("again: cargo xtask sim --seed {seed} --runs 1");
                return ExitCode::FAILURE;
            }
        }
        if told.elapsed() > Duration::from_secs(5) {
            eprintln!("… {done} of {} seeds", cli.runs);
            told = Instant::now();
        }
    }
    println!("{} seeds from {} hold, in {:.0} s", cli.runs, cli.seed, started.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn stories(crashes: usize) -> ExitCode {
    for scenario in scenarios() {
        let (runs, found) = search(&scenario, None, crashes);
        match found {
            None => println!("{:<50} {runs:>9} runs with up to {crashes} crashes hold", scenario.name),
            Some((violation, choices)) => {
                println!("{}: {}: {}; choices {choices:?}", scenario.name, violation.invariant, violation.what);
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
