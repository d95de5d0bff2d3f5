//! `candor readback`: what could be read back, and what was.

mod readiness;

use clap::Subcommand;

use crate::{cli::Global, exit::Outcome};

/// What could be read back, and what was.
#[derive(Debug, Subcommand)]
pub enum ReadbackCommand {
    /// Build the stage before an approval package from what is so, and put it on record
    #[command(after_help = "Example:\n  candor readback readiness")]
    Readiness(readiness::ReadinessArgs),
}

/// Runs the command.
pub fn run(global: &Global, command: ReadbackCommand) -> Outcome {
    match command {
        ReadbackCommand::Readiness(args) => readiness::run(global, &args),
    }
}
