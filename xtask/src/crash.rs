//! `cargo xtask crash`: `kill -9` of the real process, at every named crash point and at random. The test that does it lives with the
//! binary (`crates/candor/tests/it/kill.rs`); this makes the run as long as one likes.

use crate::shell::{TaskError, cargo, show};

/// How long a run, and which.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often the process is killed at random.
    #[arg(long, default_value_t = 100)]
    kills: u64,
    /// Which random run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs it and shows the table.
pub(crate) fn run(args: &Args) -> Result<bool, TaskError> {
    let test =
        ["test", "--package", "candor", "--features", "crash-points", "--test", "it", "kill", "--", "--nocapture"];
    let mut command = cargo(&test);
    command.env("CANDOR_KILLS", args.kills.to_string()).env("CANDOR_SEED", args.seed.to_string());
    show(&mut command)
}
