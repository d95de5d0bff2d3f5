//! `cargo xtask`: everything a developer of Candor runs, the same on a laptop and in CI.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's command line tool; its output is its purpose"
)]

mod bench;
mod ci;
mod crash;
mod fuzz;
mod independent;
mod lab;
mod limits;
mod owner;
mod schemas;
mod shell;
mod sim;
mod steps;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer tasks of Candor.
#[derive(Parser)]
#[command(name = "cargo xtask", version, about)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build and run all tests, saying first what they need and is missing.
    Test(test::Args),
    /// Everything that CI checks, in one run.
    Ci(ci::Args),
    /// Kill the real process with `kill -9`, at named points and at random, and hold its record against what was received.
    Crash(crash::Args),
    /// Measure what Candor costs, beside limits and peers.
    Bench(bench::Args),
    /// Play the state machine through made-up worlds: random seeds, or every story with crashes.
    Sim(sim::Args),
    /// Hold the binary's bundles against other people's implementations of the formats
    Independent,
    /// Drive other people's real programs, on loopback alone, and hold the receipts against what really happened.
    Lab(lab::Args),
    /// Rules about the code itself.
    Tidy,
    /// Look for inputs that break a parser, at random (needs cargo-fuzz).
    Fuzz(fuzz::Args),
    /// Replay the committed corpus of all parsers.
    FuzzReplay,
    /// Write docs/limits.md from the source.
    Limits,
    /// Write schemas/ from the types.
    Schemas,
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Test(args) => test::run(&args),
        Task::Ci(args) => ci::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Crash(args) => crash::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::FuzzReplay => fuzz::replay(),
        Task::Lab(args) => lab::run(&args),
        Task::Sim(args) => sim::run(&args),
        Task::Independent => independent::run(),
        Task::Tidy => tidy::run(),
        Task::Limits => limits::run(),
        Task::Schemas => schemas::run(),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
