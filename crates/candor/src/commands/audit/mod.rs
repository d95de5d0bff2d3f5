//! `candor audit`: the log's key and head, bundles of its records, and their check.

mod basis;
pub mod bundles;
mod checkpoint;
mod compare;
mod export;
mod fresh;
mod indexed;
mod key;
mod packed;
mod progress;
mod prune;
mod reads;
mod redact;
mod redactions;
mod replay;
mod show;
mod source;
mod ssh;
mod threads;
mod verify;

use clap::Subcommand;
pub(super) use fresh::{Fresh, unwritten};
pub(super) use show::html;
pub use show::visible;
pub use verify::key as public_key;

use crate::{cli::Global, exit::Outcome};

/// Export records of the log, and check what others exported.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Write a bundle of records that a stranger can check
    #[command(
        after_help = "Examples:\n  candor audit export --task nightly --out nightly.tar\n  candor audit export --since 2026-11-27T00:00:00Z --until 2026-11-28T00:00:00Z\n  candor audit export --incident i-3 --redact /event/data/text --scan --out i-3.tar.zst\n\nCheck it anywhere: candor audit verify nightly.tar --key \"$(candor audit key)\""
    )]
    Export(export::ExportArgs),
    /// Check a bundle; needs nothing but the file and the node's public key
    #[command(
        after_help = "Example:\n  candor audit verify nightly.tar --key candor-node-1a2b3c4d+5e6f7a8b+AQ… --known head.txt\n\nEnds with 0 if it is intact, 1 if something is wrong with it, 2 if it couldn't be checked."
    )]
    Verify(verify::VerifyArgs),
    /// Tell what a bundle holds, as a timeline or as one page
    #[command(
        after_help = "Examples:\n  candor audit show nightly.tar --key @node.pub\n  candor audit show nightly.tar --key @node.pub --html nightly.html\n\nThe page needs no network and runs no script. It is made of an intact bundle only."
    )]
    Show(show::ShowArgs),
    /// Make every decision of a bundle again from what the bundle says was in force, and compare byte for byte
    #[command(
        after_help = "Example:\n  candor audit replay nightly.tar --key @node.pub\n\nEnds with 0 if all decisions come out as recorded, 1 if one doesn't or the bundle isn't intact, 2 if one couldn't be made again."
    )]
    Replay(verify::VerifyArgs),
    /// Write a copy of a bundle without what others shouldn't see; the copy still proves the rest
    #[command(
        after_help = "Examples:\n  candor audit redact nightly.tar --key @node.pub --out public.tar\n  candor audit redact nightly.tar --key @node.pub --out public.tar --pointer /event/data/text --texts names.txt\n\nWhat has the shape of a secret is always taken out, unless `--no-scan` is given. The copy is kept only if none is left in it."
    )]
    Redact(redact::RedactArgs),
    /// Print the node's public key (what others need to check its bundles, by another way than the bundles), change it, list them all
    #[command(
        after_help = "Examples:\n  candor audit key > node.pub\n  candor audit key rotate\n  candor audit key list"
    )]
    Key(key::KeyArgs),
    /// Print the log's signed head; kept elsewhere, it shows later that the log wasn't cut or rewritten
    #[command(
        after_help = "Examples:\n  candor audit checkpoint > head-$(date +%F).txt\n  candor audit checkpoint publish\n  candor audit checkpoint compare /mnt/heads"
    )]
    Checkpoint(checkpoint::CheckpointArgs),
    /// Take contents that are past their time out of the log; headers stay, so that it still verifies
    #[command(
        after_help = "Examples:\n  candor audit prune --dry-run\n  candor gate open destructive_operation --reason 'retention' --expires 1h && candor audit prune\n\nHow long contents are kept: `keep_for` in the profile or in candor.yaml."
    )]
    Prune(prune::PruneArgs),
}

/// Runs the command.
pub fn run(global: &Global, command: AuditCommand) -> Outcome {
    match command {
        AuditCommand::Export(args) => export::run(global, args),
        AuditCommand::Verify(args) => verify::run(global, &args),
        AuditCommand::Show(args) => show::run(global, &args),
        AuditCommand::Replay(args) => replay::run(global, &args),
        AuditCommand::Redact(args) => redact::run(global, &args),
        AuditCommand::Key(args) => key::run(global, &args),
        AuditCommand::Checkpoint(args) => checkpoint::run(global, args),
        AuditCommand::Prune(args) => prune::run(global, &args),
    }
}
