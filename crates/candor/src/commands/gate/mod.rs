//! `candor gate`: what is open, by whose signature, used how often and until when; and what waits.

mod close;
mod history;
mod list;
mod open;

pub use list::{COLUMNS as OPENING_COLUMNS, row as opening_row};
pub use open::packet;

use candor_core::{
    gate::{GATES, Gate},
    ids::WorkNo,
};
use candor_path::Act;
use clap::{Args, Subcommand};

use crate::{
    approvals::shown,
    cli::Global,
    desk::{self, Desk},
    exit::{Exit, Outcome},
    output,
};

/// Gates before live effects: what is open, what waits, what happened.
#[derive(Debug, Subcommand)]
pub enum GateCommand {
    /// List gates, what is open, and what waits
    #[command(after_help = "Example:\n  candor gate list --all")]
    List(list::ListArgs),
    /// Show one gate: what it guards, what opens it, how it was used, what waits for it
    #[command(after_help = "Example:\n  candor gate show bot_api_call")]
    Show(list::ShowArgs),
    /// Show what opened gates, what passed them and what closed them, newest first
    #[command(after_help = "Example:\n  candor gate history --gate bot_api_call --limit 20")]
    History(history::HistoryArgs),
    /// Sign an approval that opens gates, of the newest approval package (built where there is none)
    #[command(
        after_help = "Examples:\n  candor gate open bot_api_call --target phone --reason \"night run\" --uses 20 --expires 12h\n  candor gate open destructive_operation --reason retention --expires 1h --field rollback_plan=\"archives on disk b\" --field reviewed_by=ann"
    )]
    Open(Box<open::OpenArgs>),
    /// Close a gate now; nobody has to sign that
    #[command(after_help = "Examples:\n  candor gate close bot_api_call\n  candor gate close --all")]
    Close(close::CloseArgs),
    /// Take back work that waits for its gate
    #[command(after_help = "Example:\n  candor gate withdraw w-3")]
    Withdraw(WithdrawArgs),
}

#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// The work, as `candor gate list` names it
    work: WorkNo,
}

/// Reads a gate's name.
///
/// # Errors
/// In words.
pub fn gate(text: &str) -> Result<Gate, String> {
    Gate::parse(text).ok_or_else(|| {
        let known: Vec<&str> = GATES.iter().map(|gate| gate.as_str()).collect();
        format!("`{text}` is no gate; the gates are {}", known.join(", "))
    })
}

/// Runs the command.
pub fn run(global: &Global, command: GateCommand) -> Outcome {
    match command {
        GateCommand::List(args) => list::list(global, &args),
        GateCommand::Show(args) => list::show(global, &args),
        GateCommand::History(args) => history::run(global, &args),
        GateCommand::Open(args) => open::run(global, &args),
        GateCommand::Close(args) => close::run(global, &args),
        GateCommand::Withdraw(args) => {
            act_on(global, Act::Withdraw { work: args.work }, &format!("{} is taken back", args.work))
        }
    }
}

/// Hands an act in and prints what became of it.
///
/// # Errors
/// As for [`Desk::act`].
pub fn act_on(global: &Global, act: Act, done: &str) -> Outcome {
    let told = desk::block_on(async {
        let desk = Desk::open(global).await?;
        let told = desk.act(act).await;
        desk.close().await?;
        told
    })?;
    if global.json {
        output::json(&shown::document(&told))?;
    } else {
        output::line(shown::text(done));
    }
    Ok(Exit::Ok)
}
