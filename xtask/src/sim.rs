//! `cargo xtask sim`: the simulator's long searches. What of it belongs into every run of the tests is in `crates/sim/tests/it`.

use crate::shell::{TaskError, cargo, show};

/// What to play.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 10_000)]
    runs: u64,
    /// Stop after so many minutes, whatever is left.
    #[arg(long)]
    minutes: Option<u64>,
    /// Play every story with up to so many crashes instead of seeds.
    #[arg(long)]
    crashes: Option<usize>,
    /// Print what happens in the first seed.
    #[arg(long)]
    log: bool,
}

/// Plays it, with progress.
pub(crate) fn run(args: &Args) -> Result<bool, TaskError> {
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "candor-sim", "--"]);
    command.args(["--seed", &args.seed.to_string(), "--runs", &args.runs.to_string()]);
    command.args(args.minutes.iter().flat_map(|minutes| ["--minutes".to_owned(), minutes.to_string()]));
    command.args(args.crashes.iter().flat_map(|crashes| ["--crashes".to_owned(), crashes.to_string()]));
    if args.log {
        command.arg("--log");
    }
    show(&mut command)
}
