//! `candor trust`: how far each pack proved right about an agent.

use candor_core::{
    honesty::Trust,
    work::{Document, DocumentKind, Wanted},
};
use clap::Subcommand;

use super::kept;
use crate::{cli::Global, exit::Outcome};

#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Keep how far each pack proved right about an agent, made from its kept results
    #[command(
        after_help = "Example:\n  candor trust write --agent nightly\n\nExit code: 3 when it waits for the gate playbook_trust_write; it is done by itself, once, when that opens."
    )]
    Write(kept::WriteArgs),
    /// List what is kept
    #[command(after_help = "Example:\n  candor trust list --json")]
    List,
}

/// Runs the command.
pub fn run(global: &Global, command: TrustCommand) -> Outcome {
    match command {
        TrustCommand::Write(args) => kept::write(global, args, |agent| Wanted::Trust { agent }),
        TrustCommand::List => {
            let header = ["AGENT", "GRADE", "TASKS", "PACKS", "AT"];
            kept::list(global, DocumentKind::Trust, "trusts", &header, row)
        }
    }
}

fn row(of: &Document) -> Vec<String> {
    let Some(trust) = kept::content::<Trust>(of) else { return vec![of.key.clone()] };
    let packs = trust
        .packs
        .iter()
        .map(|(name, pack)| format!("{name}: {} ({} of {} right)", kept::word(&pack.level), pack.right, pack.spoke));
    vec![
        of.key.clone(),
        kept::word(&trust.grade),
        trust.tasks.to_string(),
        packs.collect::<Vec<_>>().join(", "),
        of.at.to_string(),
    ]
}
