//! `candor owner`: who may approve. Their public keys stand in `allowed_signers`, whose agents are whose in the configuration.

mod add;
mod check;
mod found;
mod remove;
mod signers;

use std::path::PathBuf;

use candor_approval::signers::{NAMESPACE, OwnerKey};
use candor_core::{ids::AgentId, time::Timestamp};
use clap::{Args, Subcommand};
pub use found::warnings;
use serde_json::{Value, json};

use crate::{
    cli::Global,
    config::{ApprovalsPlan, Config},
    engine::Clock,
    exit::{Exit, Outcome},
    home::Home,
    output,
};

/// Say who may approve: whose signature opens gates here.
#[derive(Debug, Subcommand)]
pub enum OwnerCommand {
    /// Make someone an owner, by their public key
    #[command(
        after_help = "Examples:\n  candor owner add --principal ann@example.org --key ~/.ssh/id_ed25519.pub --agents nightly\n  candor owner add --principal ann@example.org --generate ~/.ssh/candor_owner\n\nA running daemon goes by a key at once, and by whose agents are whose after `candor config reload`."
    )]
    Add(AddArgs),
    /// List owners, their keys and their agents, and say what weakens them
    #[command(after_help = "Example:\n  candor owner list --json")]
    List,
    /// Sign something that approves nothing, to see whether a key is an owner's here
    #[command(
        after_help = "Examples:\n  candor owner check\n  candor owner check --ssh-key ~/.ssh/candor_owner\n\nExit code: 2 when nothing signs, 7 when the signature is no owner's."
    )]
    Check(CheckArgs),
    /// Take an owner out, or one of their keys: what they approved is closed with it
    #[command(
        after_help = "Examples:\n  candor owner remove ann@example.org\n  candor owner remove ann@example.org --key SHA256:Yd2m…\n\nExit code: 11 when there is no such owner."
    )]
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub struct AddArgs {
    /// The owner's name, as approvals show it
    #[arg(long, value_name = "NAME")]
    principal: String,
    /// Their public key: a `.pub` file
    #[arg(long, value_name = "PUB", required_unless_present = "generate")]
    key: Option<PathBuf>,
    /// Make a new key there; `ssh-keygen` asks for its passphrase
    #[arg(long, value_name = "PATH", conflicts_with = "key")]
    generate: Option<PathBuf>,
    /// Make it in the hardware key that is plugged in
    #[arg(long, requires = "generate")]
    hardware: bool,
    /// Make it without a passphrase, so that whatever runs as you can approve in your name
    #[arg(long, requires = "generate", conflicts_with = "hardware")]
    no_passphrase: bool,
    /// Their agents: what one of these asked for, they can't approve
    #[arg(long, value_name = "AGENT,…", value_delimiter = ',')]
    agents: Vec<AgentId>,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The key's file; the one that `ssh-agent` holds when absent
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The owner's name
    principal: String,
    /// Only this key of theirs
    #[arg(long, value_name = "FINGERPRINT")]
    key: Option<String>,
}

/// Runs the command.
pub fn run(global: &Global, command: OwnerCommand) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    match command {
        OwnerCommand::Add(args) => add::run(global, &home, &args),
        OwnerCommand::List => list(global, &home),
        OwnerCommand::Check(args) => check::run(global, &home, &args),
        OwnerCommand::Remove(args) => remove::run(global, &home, &args),
    }
}

/// Every owner as JSON.
#[must_use]
pub fn view(plan: &ApprovalsPlan, now: Timestamp) -> Value {
    let owner = |name: &&str| {
        let keys: Vec<&OwnerKey> = plan.owners.keys().iter().filter(|key| key.name() == *name).collect();
        let mut names: Vec<&String> = keys.iter().flat_map(|key| key.names()).collect();
        names.sort_unstable();
        names.dedup();
        json!({
            "name": name,
            "names": names,
            "agents": plan.agents.get(*name),
            "keys": keys.iter().map(|one| key(one, now)).collect::<Vec<_>>(),
        })
    };
    json!({
        "allowed_signers": plan.path,
        "there": plan.there,
        "owners": plan.owners.names().iter().map(owner).collect::<Vec<_>>(),
    })
}

fn key(of: &OwnerKey, now: Timestamp) -> Value {
    let counts = of.counts(NAMESPACE, now);
    json!({
        "fingerprint": of.fingerprint(),
        "type": of.kind(),
        "hardware": of.hardware(),
        "line": of.line(),
        "valid_from": of.valid_from(),
        "valid_until": of.valid_until(),
        "counts": counts.is_ok(),
        "why_not": counts.err().map(|why| why.to_string()),
    })
}

fn list(global: &Global, home: &Home) -> Outcome {
    let now = Clock::from_env().now();
    let config = Config::load(home)?;
    let plan = &config.approvals;
    let warnings = warnings(&config, home, now);
    if global.json {
        let mut told = view(plan, now);
        if let Value::Object(fields) = &mut told {
            fields.insert("two_owners".to_owned(), json!(config.machine.settings.approvals.two_owners));
            fields.insert("warnings".to_owned(), json!(warnings));
        }
        output::json(&told)?;
        return Ok(Exit::Ok);
    }
    output::line(format!("owners by {}", plan.path.display()));
    output::line("");
    if plan.owners.is_empty() {
        output::line("nobody may approve");
    } else {
        output::table(
            &["OWNER", "KEY", "TYPE", "COUNTS", "AGENTS"],
            plan.owners.keys().iter().map(|of| row(of, plan, now)),
        );
    }
    let gates = &config.machine.settings.approvals.two_owners;
    if !gates.is_empty() {
        let gates: Vec<&str> = gates.iter().map(|gate| gate.as_str()).collect();
        output::line("");
        output::line(format!("two different owners must open: {}", gates.join(", ")));
    }
    for warning in &warnings {
        output::line("");
        output::line(format!("note: {}; {}", warning.what, warning.next));
    }
    Ok(Exit::Ok)
}

fn row(of: &OwnerKey, plan: &ApprovalsPlan, now: Timestamp) -> Vec<String> {
    let agents =
        plan.agents.get(of.name()).map(|agents| agents.iter().map(AgentId::as_str).collect::<Vec<_>>().join(", "));
    let counts = match (of.counts(NAMESPACE, now), of.valid_until()) {
        (Ok(()), None) => "yes".to_owned(),
        (Ok(()), Some(until)) => format!("until {until}"),
        (Err(why), _) => format!("no: {why}"),
    };
    vec![of.names().join(", "), of.fingerprint(), of.kind(), counts, agents.unwrap_or_else(|| "-".to_owned())]
}

/// What a daemon that runs has to be told.
fn after(global: &Global, told: &Value, words: &str) -> Outcome {
    if global.json {
        output::json(told)?;
    } else {
        output::line(words);
        output::line(
            "a daemon that runs goes by the keys at once, and by whose agents are whose after `candor config reload`",
        );
    }
    Ok(Exit::Ok)
}
