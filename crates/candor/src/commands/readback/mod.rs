//! `candor readback`: what could be read back, and what was.

mod notice;
mod readiness;

use clap::Subcommand;

use crate::{cli::Global, exit::Outcome};

/// Ask channels and runtimes what really happened, and see what was read.
#[derive(Debug, Subcommand)]
pub enum ReadbackCommand {
    /// Ask a channel what became of a notice, and settle it on that alone
    #[command(
        after_help = "Example:\n  candor readback notice n-3 --target phone\n\nExit code: 0 it is there, 3 it waits for its gate or goes out again, 5 still unknown."
    )]
    Notice(notice::NoticeArgs),
    /// Build the stage before an approval package from what is so, and put it on record
    #[command(after_help = "Example:\n  candor readback readiness")]
    Readiness(readiness::ReadinessArgs),
}

/// Runs the command.
pub fn run(global: &Global, command: ReadbackCommand) -> Outcome {
    match command {
        ReadbackCommand::Notice(args) => notice::run(global, &args),
        ReadbackCommand::Readiness(args) => readiness::run(global, &args),
    }
}
