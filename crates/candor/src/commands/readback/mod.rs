//! `candor readback`: what could be read back, and what was.

mod kept;
mod notice;
mod readiness;
mod run;

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
    /// Run a canonical readback plan; a dry run first, which asks nobody
    #[command(
        after_help = "Examples:\n  candor readback run runtime-tasks --dry-run\n  candor readback run runtime-tasks\n\nExit code: 0 it was read and kept, 3 it waits for its gate, 7 nothing was kept."
    )]
    Run(run::RunArgs),
    /// List the plans, their dry runs and what was kept of runs
    #[command(after_help = "Example:\n  candor readback list")]
    List,
    /// Show what was kept of a plan's last run
    #[command(after_help = "Example:\n  candor readback show runtime-tasks")]
    Show(kept::ShowArgs),
    /// Build the stage before an approval package from what is so, and put it on record
    #[command(after_help = "Example:\n  candor readback readiness")]
    Readiness(readiness::ReadinessArgs),
}

/// Runs the command.
pub fn run(global: &Global, command: ReadbackCommand) -> Outcome {
    match command {
        ReadbackCommand::Notice(args) => notice::run(global, &args),
        ReadbackCommand::Run(args) => run::run(global, &args),
        ReadbackCommand::List => kept::list(global),
        ReadbackCommand::Show(args) => kept::show(global, &args),
        ReadbackCommand::Readiness(args) => readiness::run(global, &args),
    }
}
