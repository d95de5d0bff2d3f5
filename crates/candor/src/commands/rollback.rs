//! `candor rollback`: tasks that a person is asked to take back.

use candor_core::work::{DocumentKind, Wanted};
use clap::Subcommand;

use super::items::{self, AddArgs, DoneArgs};
use crate::{cli::Global, exit::Outcome, gated};

#[derive(Debug, Subcommand)]
pub enum RollbackCommand {
    /// Ask a person to take back what a task did
    #[command(
        after_help = "Example:\n  candor rollback add nightly --why \"it claimed a release that is not there\"\n\nExit code: 3 when it waits for the gate rollback_work_item_write; it is done by itself, once, when that opens."
    )]
    Add(AddArgs),
    /// List them, open and done
    #[command(after_help = "Example:\n  candor rollback list --json")]
    List,
    /// Say that you dealt with one
    #[command(after_help = "Example:\n  candor rollback done nightly --note \"took the tag away\"")]
    Done(DoneArgs),
}

/// Runs the command.
pub fn run(global: &Global, command: RollbackCommand) -> Outcome {
    match command {
        RollbackCommand::Add(AddArgs { task, why }) => {
            gated::tell(global, &gated::want(global, Wanted::RollBack { task, why }, &|| {})?)
        }
        RollbackCommand::List => items::list(global, DocumentKind::RollbackItem, "rollbacks"),
        RollbackCommand::Done(args) => items::done(global, DocumentKind::RollbackItem, args),
    }
}
