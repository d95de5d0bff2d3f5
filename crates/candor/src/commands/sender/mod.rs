//! `candor sender`: set a sender up, from its credential to a notice that arrived.

mod ask;
mod telegram;

use clap::Subcommand;

use crate::{cli::Global, exit::Outcome};

/// Set senders up.
#[derive(Debug, Subcommand)]
pub enum SenderCommand {
    /// Add a target with its sender: credential, approval, and a test
    #[command(subcommand, after_help = "Example:\n  candor sender add telegram")]
    Add(AddCommand),
}

/// Senders that can be set up so.
#[derive(Debug, Subcommand)]
pub enum AddCommand {
    /// Notices by a Telegram bot: from its token to a message in your chat
    Telegram(telegram::TelegramArgs),
}

/// Runs the command.
pub fn run(global: &Global, command: SenderCommand) -> Outcome {
    match command {
        SenderCommand::Add(AddCommand::Telegram(args)) => telegram::run(global, &args),
    }
}
