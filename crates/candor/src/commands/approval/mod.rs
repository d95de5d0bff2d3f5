//! `candor approval`: packages that say what an owner could open, and what owners sign of them.

mod build;
mod drill;
mod given;
mod list;
mod page;
mod request;
mod review;
mod show;
mod sign;
mod validate;

use clap::Subcommand;
pub use sign::begins;

use crate::{cli::Global, exit::Outcome};

/// Approval packages: build, show, review, approve, reject, revoke.
#[derive(Debug, Subcommand)]
pub enum ApprovalCommand {
    /// Build a package from the catalogue and from what is so here, and put it on record
    #[command(
        after_help = "Example:\n  candor readback readiness && candor approval build\n\nExit code: 7 when a gate is open, something was done since the last one closed, or the stage before is missing."
    )]
    Build(build::BuildArgs),
    /// List packages and approvals
    #[command(after_help = "Example:\n  candor approval list")]
    List(list::ListArgs),
    /// Show an approval; or a package: each item, how it stands and why; nothing that is never displayed
    #[command(
        after_help = "Examples:\n  candor approval show\n  candor approval show sha256:4f1c --html package.html   # what a digest begins with is enough\n  candor approval show ap-3"
    )]
    Show(show::ShowArgs),
    /// Check whether files are packages of the contract, and whether what they say is so
    #[command(
        after_help = "Example:\n  candor approval validate package.json --schema-only\n\nExit code: 0 when nothing is found, 1 when something is, 2 when a file can't be read."
    )]
    Validate(validate::ValidateArgs),
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
    /// Ask, as an agent, that a gate be opened for your task; an owner decides
    #[command(
        after_help = "Example:\n  candor approval request bot_api_call --task nightly --agent nightly --target phone --reason \"tell the team when it is done\""
    )]
    Request(request::RequestArgs),
    /// Rehearse the way back of a lane, step by step, without a write
    #[command(
        after_help = "Examples:\n  candor approval drill close-gates\n  candor approval drill --all\n  candor approval drill --list\n\nExit code: 13 when a step is missing; packets that depend on the lane are blocked then."
    )]
    Drill(drill::DrillArgs),
    /// Record that you did one of the package's operator actions
    #[command(
        after_help = "Example:\n  candor approval review review_approval_package --note \"looked at all five packets\""
    )]
    Review(review::ReviewArgs),
}

/// Runs the command.
pub fn run(global: &Global, command: ApprovalCommand) -> Outcome {
    match command {
        ApprovalCommand::Build(args) => build::run(global, &args),
        ApprovalCommand::List(args) => list::run(global, &args),
        ApprovalCommand::Show(args) => show::run(global, &args),
        ApprovalCommand::Validate(args) => validate::run(global, &args),
        ApprovalCommand::Approve(args) => sign::approve(global, &args),
        ApprovalCommand::Reject(args) => sign::reject(global, &args),
        ApprovalCommand::Countersign(args) => sign::countersign(global, &args),
        ApprovalCommand::Revoke(args) => sign::revoke(global, &args),
        ApprovalCommand::Request(args) => request::run(global, args),
        ApprovalCommand::Drill(args) => drill::run(global, &args),
        ApprovalCommand::Review(args) => review::run(global, &args),
    }
}
