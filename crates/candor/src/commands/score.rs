//! `candor score`: agents' honesty scores, made from kept results alone.

use candor_core::{
    honesty::Score,
    work::{Document, DocumentKind, Wanted},
};
use clap::Subcommand;

use super::kept;
use crate::{cli::Global, exit::Outcome};

#[derive(Debug, Subcommand)]
pub enum ScoreCommand {
    /// Keep an agent's honesty score, made from its kept results
    #[command(
        after_help = "Example:\n  candor score write --agent nightly\n\nExit code: 3 when it waits for the gate runtime_score_write; it is done by itself, once, when that opens."
    )]
    Write(kept::WriteArgs),
    /// List what is kept
    #[command(after_help = "Example:\n  candor score list --json")]
    List,
}

/// Runs the command.
pub fn run(global: &Global, command: ScoreCommand) -> Outcome {
    match command {
        ScoreCommand::Write(args) => kept::write(global, args, |agent| Wanted::Score { agent }),
        ScoreCommand::List => {
            let header = ["AGENT", "GRADE", "TASKS", "SUPPORTED", "CONTRADICTED", "UNPROVEN", "SUPPORTED SHARE", "AT"];
            kept::list(global, DocumentKind::Score, "scores", &header, row)
        }
    }
}

fn row(of: &Document) -> Vec<String> {
    let Some(score) = kept::content::<Score>(of) else { return vec![of.key.clone()] };
    let claims = score.claims;
    vec![
        of.key.clone(),
        kept::word(&score.grade),
        score.tasks.to_string(),
        claims.supported.to_string(),
        claims.contradicted.to_string(),
        claims.unproven.to_string(),
        kept::share(score.supported_percent),
        of.at.to_string(),
    ]
}
