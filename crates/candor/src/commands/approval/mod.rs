//! `candor approval`: packages that say what an owner could open, and what owners sign of them.

mod review;
mod sign;

use clap::Subcommand;

use crate::{cli::Global, exit::Outcome};

/// Approval packages: review, approve, reject, revoke.
#[derive(Debug, Subcommand)]
pub enum ApprovalCommand {
    /// Sign that a packet of the newest package may happen: its gates open
    #[command(
        after_help = "Example:\n  candor approval approve operator-messages --gate bot_api_call --gate secret_read --target phone --reason \"night run\" --uses 20 --expires 12h"
    )]
    Approve(sign::ApproveArgs),
    /// Sign that a packet may not happen; whoever asked for it is told so
    #[command(
        after_help = "Example:\n  candor approval reject operator-messages --reason \"not at night\" --expires 1h --request q-3"
    )]
    Reject(sign::ApproveArgs),
    /// Add another owner's signature to an approval that waits for it
    #[command(after_help = "Example:\n  candor approval countersign ap-3")]
    Countersign(sign::CountersignArgs),
    /// Sign that an approval is taken back: what it opened is closed from the next attempt on
    #[command(after_help = "Example:\n  candor approval revoke ap-3 --reason \"the run is over\"")]
    Revoke(sign::RevokeArgs),
    /// Record that you did one of the package's operator actions
    #[command(
        after_help = "Example:\n  candor approval review review_approval_package --note \"looked at all five packets\""
    )]
    Review(review::ReviewArgs),
}

/// Runs the command.
pub fn run(global: &Global, command: ApprovalCommand) -> Outcome {
    match command {
        ApprovalCommand::Approve(args) => sign::approve(global, &args),
        ApprovalCommand::Reject(args) => sign::reject(global, &args),
        ApprovalCommand::Countersign(args) => sign::countersign(global, &args),
        ApprovalCommand::Revoke(args) => sign::revoke(global, &args),
        ApprovalCommand::Review(args) => review::run(global, &args),
    }
}
