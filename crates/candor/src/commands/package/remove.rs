//! `candor package remove`: an installed package is taken away.

use candor_core::{
    package::Change,
    work::{Wanted, WorkState},
};
use clap::Args;
use serde_json::json;

use super::install::{hint_reload, record};
use crate::{
    cli::Global,
    config::Config,
    exit::{Exit, Outcome},
    gated,
    home::Home,
    output,
    package::{self, Lock},
};

#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The package, NAME@VERSION
    package: String,
    /// Also when it is in use: what comes with this program holds again, at once
    #[arg(long)]
    in_use: bool,
}

/// Has the package taken away, once the gate is open. Nobody goes by it from now on, also while its files wait for that.
pub fn run(global: &Global, args: &RemoveArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    // Whoever takes the lock clears away what a removal left that was killed.
    drop(Lock::take(&home)?);
    let leaving = package::leaving(&home, &args.package, args.in_use)?;
    let (was_in_use, is_there) = (leaving.in_use, leaving.is_there);
    if was_in_use {
        let lock = Lock::take(&home)?;
        if let Some(act) = leaving.act(Change::LeftUse) {
            record(global, &home, leaving.after, act)?;
        }
        package::deselect(&home, &lock)?;
    }
    let told = |files: &str| {
        if global.json {
            return output::json(&json!({ "removed": args.package, "was_in_use": was_in_use, "files": files }));
        }
        output::line(format!("{} is gone", args.package));
        if was_in_use {
            output::line("what comes with this program holds again");
            hint_reload(&home);
        }
        Ok(())
    };
    if !is_there {
        told("were gone")?;
        return Ok(Exit::Ok);
    }
    let wanted = Wanted::RemovePackage { package: args.package.clone() };
    let work = gated::want_by(global, Config::load(&home)?, wanted, &|| ())?;
    if matches!(work.state, WorkState::Done { .. }) {
        told("gone")?;
        return Ok(Exit::Ok);
    }
    if was_in_use && !global.json {
        output::line("what comes with this program holds again; the files are there still");
        hint_reload(&home);
    }
    gated::tell(global, &work)
}
