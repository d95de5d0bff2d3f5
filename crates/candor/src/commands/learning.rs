//! `candor learning`: what is to be learned of agents' reports.

use candor_core::{
    honesty::Learning,
    work::{Document, DocumentKind, Wanted},
};
use clap::Subcommand;

use super::kept;
use crate::{cli::Global, exit::Outcome};

#[derive(Debug, Subcommand)]
pub enum LearningCommand {
    /// Keep which rules caught an agent, and which evidence was missing
    #[command(
        after_help = "Example:\n  candor learning write --agent nightly\n\nExit code: 3 when it waits for the gate runtime_learning_write; it is done by itself, once, when that opens."
    )]
    Write(kept::WriteArgs),
    /// List what is kept
    #[command(after_help = "Example:\n  candor learning list --json")]
    List,
}

/// Runs the command.
pub fn run(global: &Global, command: LearningCommand) -> Outcome {
    match command {
        LearningCommand::Write(args) => kept::write(global, args, |agent| Wanted::Learn { agent }),
        LearningCommand::List => {
            let header = ["AGENT", "TASKS", "CAUGHT BY", "MISSING", "AT"];
            kept::list(global, DocumentKind::Learning, "learnings", &header, row)
        }
    }
}

fn row(of: &Document) -> Vec<String> {
    let Some(learning) = kept::content::<Learning>(of) else { return vec![of.key.clone()] };
    let caught = learning.caught_by.iter().map(|by| format!("{} ({})", by.rule, by.tasks));
    let missing = learning.missing.iter().map(|of| format!("{}: {}", of.claim, of.wanted.join(" or ")));
    vec![
        of.key.clone(),
        learning.tasks.to_string(),
        caught.collect::<Vec<_>>().join(", "),
        missing.collect::<Vec<_>>().join("; "),
        of.at.to_string(),
    ]
}
