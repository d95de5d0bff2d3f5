//! `candor audit`: the log's key and head, bundles of its records, and their check.

mod checkpoint;
mod export;
mod key;
mod redactions;
mod source;
mod verify;

use clap::Subcommand;
pub use verify::key as public_key;

use crate::{cli::Global, exit::Outcome};

/// Export records of the log, and check what others exported.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Write a bundle of records that a stranger can check
    #[command(
        after_help = "Examples:\n  candor audit export --task nightly --out nightly.tar\n  candor audit export --since 2026-11-27T00:00:00Z --until 2026-11-28T00:00:00Z\n  candor audit export --incident i-3 --redact /event/data/text\n\nCheck it anywhere: candor audit verify nightly.tar --key \"$(candor audit key)\""
    )]
    Export(export::ExportArgs),
    /// Check a bundle; needs nothing but the file and the node's public key
    #[command(
        after_help = "Example:\n  candor audit verify nightly.tar --key candor-node-1a2b3c4d+5e6f7a8b+AQ… --known head.txt\n\nEnds with 0 if it is intact, 1 if something is wrong with it, 2 if it couldn't be checked."
    )]
    Verify(verify::VerifyArgs),
    /// Print the node's public key: what others need to check its bundles, by another way than the bundles
    #[command(after_help = "Example:\n  candor audit key > node.pub")]
    Key,
    /// Print the log's signed head; kept elsewhere, it shows later that the log wasn't cut or rewritten
    #[command(after_help = "Example:\n  candor audit checkpoint > head-$(date +%F).txt")]
    Checkpoint,
}

/// Runs the command.
pub fn run(global: &Global, command: AuditCommand) -> Outcome {
    match command {
        AuditCommand::Export(args) => export::run(global, args),
        AuditCommand::Verify(args) => verify::run(global, &args),
        AuditCommand::Key => key::run(global),
        AuditCommand::Checkpoint => checkpoint::run(global),
    }
}
