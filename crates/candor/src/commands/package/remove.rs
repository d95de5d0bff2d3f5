//! `candor package remove`: an installed package is taken away.

use candor_core::package::Change;
use candor_path::Act;
use clap::Args;
use serde_json::json;

use super::install::{hint_reload, record};
use crate::{
    cli::Global,
    config::Config,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
    package::{self, Lock, Selection},
};

#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The package, NAME@VERSION
    package: String,
    /// Also when it is in use: what comes with this program holds again
    #[arg(long)]
    in_use: bool,
}

/// Takes the package away.
pub fn run(global: &Global, args: &RemoveArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let lock = Lock::take(&home)?;
    let selected = Selection::read(&home)?;
    let in_use = selected.as_ref().is_some_and(|of| of.id() == args.package);
    if in_use && !args.in_use {
        return Err(Failure::new(Exit::Refused, format!("`{}` is in use", args.package)).hint(
            "let another take its place with `candor package upgrade` or `downgrade`, or go back to what comes with this program with `--in-use`",
        ));
    }
    let found = package::find(&home, &args.package);
    if let Err(missing) = &found
        && missing.exit == Exit::NotFound
        && !in_use
    {
        return Err(missing.clone());
    }
    // One that was damaged goes too: then the selection says what it was, or nobody went by it.
    let known = match (&found, &selected) {
        (Ok(installed), _) => Some((installed.digest.clone(), installed.receipt.key.clone())),
        (Err(_), Some(of)) if in_use => Some((of.manifest_sha256.clone(), "unknown".to_owned())),
        (Err(_), _) => None,
    };
    if let Some((manifest_sha256, key)) = known {
        let after = if in_use { None } else { package::selected(&home)? };
        let config = Config::load_over(&home, after).map_err(|failure| {
            let why = format!("this machine's configuration doesn't hold without it: {}", failure.message);
            Failure::new(failure.exit, why).hint("mend the configuration first; nothing was removed")
        })?;
        let before = selected.as_ref().map(Selection::id);
        let act = Act::Package { change: Change::Removed, package: args.package.clone(), manifest_sha256, key, before };
        record(global, &home, config, act)?;
    }
    if in_use {
        package::deselect(&home, &lock)?;
    }
    if found.as_ref().err().is_none_or(|failure| failure.exit != Exit::NotFound) {
        package::remove(&home, &lock, &args.package)?;
    }
    if global.json {
        output::json(&json!({ "removed": args.package, "was_in_use": in_use }))?;
    } else {
        output::line(format!("{} is gone", args.package));
        if in_use {
            output::line("what comes with this program holds again");
            hint_reload(&home);
        }
    }
    Ok(Exit::Ok)
}
