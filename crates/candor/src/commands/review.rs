//! `candor review`: tasks before a reviewer.

use candor_core::work::{DocumentKind, Wanted};
use clap::Subcommand;

use super::items::{self, AddArgs, DoneArgs};
use crate::{cli::Global, exit::Outcome, gated};

#[derive(Debug, Subcommand)]
pub enum ReviewCommand {
    /// Put a task before a reviewer
    #[command(
        after_help = "Example:\n  candor review add nightly --why \"its tests were never run\"\n\nExit code: 3 when it waits for the gate reviewer_queue_write; it is done by itself, once, when that opens."
    )]
    Add(AddArgs),
    /// List them, open and done
    #[command(after_help = "Example:\n  candor review list --json")]
    List,
    /// Say that you dealt with one
    #[command(after_help = "Example:\n  candor review done nightly --note \"ran the tests: they pass\"")]
    Done(DoneArgs),
}

/// Runs the command.
pub fn run(global: &Global, command: ReviewCommand) -> Outcome {
    match command {
        ReviewCommand::Add(AddArgs { task, why }) => {
            gated::tell(global, &gated::want(global, Wanted::Review { task, why }, &|| {})?)
        }
        ReviewCommand::List => items::list(global, DocumentKind::ReviewItem, "reviews"),
        ReviewCommand::Done(args) => items::done(global, DocumentKind::ReviewItem, args),
    }
}
