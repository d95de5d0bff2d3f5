//! `candor audit checkpoint`: the log's signed head: printed, listed, sent to its places, and held against heads kept elsewhere.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use candor_audit::{at, sign::key::NodeKey};
use candor_core::ids::TargetName;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{compare, source};
use crate::{
    cli::Global,
    config::{Bound, Config, PublishPlace},
    desk::{self, Desk},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    heads::{Kept, Publisher, Shelf, Teller},
    home::Home,
    output,
};

#[derive(Debug, Args)]
pub struct CheckpointArgs {
    #[command(subcommand)]
    command: Option<CheckpointCommand>,
}

#[derive(Debug, Subcommand)]
enum CheckpointCommand {
    /// Sign the head as it now is, keep it, and send it to the places of `audit.publish`
    #[command(
        after_help = "Examples:\n  candor audit checkpoint publish\n  candor audit checkpoint publish --to usb\n\nEnds with 13 if a place couldn't be reached; docs/audit.md tells how to name places."
    )]
    Publish {
        /// Only this place (repeatable)
        #[arg(long, value_name = "NAME")]
        to: Vec<String>,
    },
    /// Hold this log against heads that were published: is it cut, is it another, or does it go on from them
    #[command(
        after_help = "Example:\n  candor audit checkpoint compare /mnt/heads\n\nEnds with 0 if the log goes on from every head, 1 if not, 2 if there was none to compare."
    )]
    Compare(compare::CompareArgs),
    /// List the heads that were signed here, and what became of sending them
    #[command(after_help = "Example:\n  candor audit checkpoint list --limit 5")]
    List {
        /// Most heads
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
}

/// Prints the signed head of the log as it now is, or does what is asked with heads.
pub fn run(global: &Global, args: CheckpointArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    match args.command {
        None => show(global, &home),
        Some(CheckpointCommand::Publish { to }) => publish(global, &home, &to),
        Some(CheckpointCommand::Compare(args)) => compare::run(global, &home, &args),
        Some(CheckpointCommand::List { limit }) => list(global, &home, limit),
    }
}

/// The head, computed from the records and signed.
fn signed(global: &Global, key: &NodeKey) -> Result<Kept, Failure> {
    let reader = desk::reader(global)?;
    let head = source::head(&reader, key.public().name(), Clock::from_env().now(), |_| ())?;
    Ok(Kept { note: head.sign(&[key]), head })
}

fn show(global: &Global, home: &Home) -> Outcome {
    let Kept { head, note } = signed(global, &home.audit_key()?)?;
    if global.json {
        let root = STANDARD.encode(head.root);
        output::json(&json!({ "origin": head.origin, "size": head.size, "root": root, "note": note }))?;
    } else {
        output::line(note.trim_end());
    }
    Ok(Exit::Ok)
}

fn publish(global: &Global, home: &Home, to: &[String]) -> Outcome {
    let config = Config::load(home)?;
    let named = |place: &&PublishPlace| to.is_empty() || to.iter().any(|name| name == place.name.as_str());
    let places: Vec<&PublishPlace> = config.audit.publish.iter().filter(named).collect();
    if let Some(unknown) = to.iter().find(|name| !places.iter().any(|place| place.name.as_str() == **name)) {
        return Err(Failure::new(Exit::NotFound, format!("no place `{unknown}` in `audit.publish`")));
    }
    if places.is_empty() {
        return Err(Failure::new(Exit::Config, "`audit.publish` names no place")
            .hint("add one to candor.yaml: `audit: {publish: [{name: usb, folder: /mnt/heads}]}`"));
    }
    let kept = signed(global, &home.audit_key()?)?;
    Shelf::of(home).keep(&kept)?;
    let publisher = Publisher::new(home, candor_approval::signers::Owners::clone(&config.owners), Clock::from_env());
    let outcomes = desk::block_on(async {
        let desk = Desk::open(global).await?;
        let outcomes = publisher.publish(places.iter().copied(), &kept, &Teller::Desk(&desk), true).await?;
        desk.close().await?;
        Ok(outcomes)
    })?;
    let failed = outcomes.iter().any(|(_, outcome)| outcome.is_err());
    if global.json {
        let row = |(name, outcome): &(TargetName, Result<(), String>)| json!({ "place": name, "why": outcome.as_ref().err() });
        output::json(&json!({ "size": kept.head.size, "places": outcomes.iter().map(row).collect::<Vec<_>>() }))?;
    } else {
        let queued =
            |name: &TargetName| places.iter().any(|place| place.name == *name && matches!(place.to, Bound::Target(_)));
        let row = |(name, outcome): &(TargetName, Result<(), String>)| {
            let word = match outcome {
                Ok(()) if queued(name) => "queued as a notice".to_owned(),
                Ok(()) => "published".to_owned(),
                Err(why) => format!("FAILED: {why}"),
            };
            vec![name.to_string(), format!("{} records", kept.head.size), word]
        };
        output::table(&["PLACE", "HEAD", ""], outcomes.iter().map(row));
    }
    Ok(if failed { Exit::Unhealthy } else { Exit::Ok })
}

fn list(global: &Global, home: &Home, limit: usize) -> Outcome {
    let shelf = Shelf::of(home);
    let (heads, states) = (shelf.newest(limit)?, shelf.states());
    if global.json {
        let row = |kept: &Kept| json!({ "size": kept.head.size, "at": at::text(kept.head.at_us), "note": kept.note });
        output::json(&json!({ "heads": heads.iter().map(row).collect::<Vec<_>>(), "places": states }))?;
        return Ok(Exit::Ok);
    }
    if heads.is_empty() {
        output::line("no head was signed yet: the daemon does by itself, `candor audit checkpoint publish` at once");
    }
    let row = |kept: &Kept| {
        let root = STANDARD.encode(kept.head.root);
        vec![kept.head.size.to_string(), at::text(kept.head.at_us), root]
    };
    output::table(&["RECORDS", "SIGNED AT", "ROOT"], heads.iter().map(row));
    for (name, state) in states {
        let last = state.last.map_or_else(
            || "nothing is there yet".to_owned(),
            |last| format!("{} records since {}", last.size, last.at),
        );
        output::line(format!("{name}: {last}"));
        if let Some(failing) = state.failing {
            output::line(format!("  FAILING since {} ({} tries): {}", failing.since, failing.tries, failing.why));
        }
    }
    Ok(Exit::Ok)
}

/// Files and folders that heads are read from.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let unread = |path: &PathBuf, error: std::io::Error| {
        Failure::new(Exit::Usage, format!("`{}` can't be read: {error}", path.display()))
    };
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            std::fs::metadata(path).map_err(|error| unread(path, error))?;
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).map_err(|error| unread(path, error))?;
        let mut inside: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        inside.retain(|path| path.extension().is_some_and(|end| end == "txt"));
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}
