//! `candor gate`: an operator opens and closes gates for live effects. Each act is recorded.

use candor_core::{
    gate::{GATES, Gate, Opening},
    ids::TargetName,
    time::{format_duration, parse_duration},
};
use candor_path::Act;
use candor_store::Listing;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    cli::Global,
    desk::{self, Desk},
    engine::Clock,
    exit::{Exit, Outcome},
    output,
};

/// Open and close gates for live effects.
#[derive(Debug, Subcommand)]
pub enum GateCommand {
    /// List gates, and what is open
    #[command(after_help = "Example:\n  candor gate list --all")]
    List(ListArgs),
    /// Open a gate for a time
    #[command(
        after_help = "Example:\n  candor gate open bot_api_call --target phone --reason \"night run\" --expires 12h"
    )]
    Open(OpenArgs),
    /// Close a gate now
    #[command(after_help = "Example:\n  candor gate close bot_api_call")]
    Close(CloseArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Show past openings too
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub struct OpenArgs {
    /// The gate
    #[arg(value_parser = gate)]
    gate: Gate,
    /// Only for this target
    #[arg(long)]
    target: Option<TargetName>,
    /// Why
    #[arg(long)]
    reason: String,
    /// For how long
    #[arg(long, value_name = "DURATION", value_parser = lasts)]
    expires: std::time::Duration,
}

#[derive(Debug, Args)]
pub struct CloseArgs {
    /// The gate
    #[arg(value_parser = gate)]
    gate: Gate,
}

fn gate(text: &str) -> Result<Gate, String> {
    Gate::parse(text).ok_or_else(|| {
        let known: Vec<&str> = GATES.iter().map(|gate| gate.as_str()).collect();
        format!("`{text}` is no gate; the gates are {}", known.join(", "))
    })
}

fn lasts(text: &str) -> Result<std::time::Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// Runs the command.
pub fn run(global: &Global, command: GateCommand) -> Outcome {
    match command {
        GateCommand::List(args) => list(global, args.all),
        GateCommand::Open(args) => {
            let act = Act::OpenGate { gate: args.gate, target: args.target, reason: args.reason, lasts: args.expires };
            act_on(global, act, &format!("gate `{}` is open for {}", args.gate.as_str(), format_duration(args.expires)))
        }
        GateCommand::Close(args) => {
            act_on(global, Act::CloseGate { gate: args.gate }, &format!("gate `{}` is closed", args.gate.as_str()))
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
        output::json(&told)?;
    } else {
        output::line(done);
    }
    Ok(Exit::Ok)
}

fn list(global: &Global, all: bool) -> Outcome {
    let store = desk::reader(global)?;
    let now = Clock::from_env().now();
    let openings = store.all_openings(1_000).map_err(desk::store_failure)?;
    let is_open =
        |opening: &&Opening| opening.closed_at.is_none() && opening.expires_at > now && opening.opened_at <= now;
    if global.json {
        let shown: Vec<&Opening> = openings.iter().filter(|opening| all || is_open(opening)).collect();
        output::json(&json!({ "now": now, "openings": shown }))?;
        return Ok(Exit::Ok);
    }
    let mut rows = Vec::new();
    for gate in GATES {
        let mut mine = openings.iter().filter(|opening| opening.gate == *gate && (all || is_open(opening))).peekable();
        if mine.peek().is_none() {
            rows.push(vec![gate.as_str().to_owned(), "closed".to_owned(), String::new(), String::new(), String::new()]);
        }
        for opening in mine {
            let state = match opening.closed_at {
                Some(_) => "was closed",
                None if opening.expires_at <= now => "expired",
                None => "open",
            };
            let target = opening.target.as_ref().map_or_else(|| "all targets".to_owned(), ToString::to_string);
            let until = opening.closed_at.unwrap_or(opening.expires_at);
            rows.push(vec![
                gate.as_str().to_owned(),
                state.to_owned(),
                target,
                until.to_string(),
                opening.reason.clone(),
            ]);
        }
    }
    output::table(&["GATE", "STATE", "FOR", "UNTIL", "REASON"], rows);
    Ok(Exit::Ok)
}
