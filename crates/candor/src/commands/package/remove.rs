//! `candor package remove`: an installed package is taken away.

use candor_core::work::{Wanted, WorkState};
use clap::Args;
use serde_json::json;

use super::install::hint_reload;
use crate::{
    cli::Global,
    config::Config,
    exit::{Exit, Outcome},
    gated,
    home::Home,
    output,
    package::{self, Selection},
};

#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The package, NAME@VERSION
    package: String,
    /// Also when it is in use: what comes with this program holds again
    #[arg(long)]
    in_use: bool,
}

/// Has the package taken away, once the gate is open.
pub fn run(global: &Global, args: &RemoveArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let was_in_use = Selection::read(&home)?.is_some_and(|of| of.id() == args.package);
    let leaving = package::leaving(&home, &args.package, args.in_use)?;
    let config = Config::load(&home).unwrap_or(leaving.after);
    let wanted = Wanted::RemovePackage { package: args.package.clone(), in_use: args.in_use };
    let work = gated::want_by(global, config, wanted, &|| ())?;
    if !matches!(work.state, WorkState::Done { .. }) {
        return gated::tell(global, &work);
    }
    if global.json {
        output::json(&json!({ "removed": args.package, "was_in_use": was_in_use, "work": work }))?;
    } else {
        output::line(format!("{} is gone", args.package));
        if was_in_use {
            output::line("what comes with this program holds again");
            hint_reload(&home);
        }
    }
    Ok(Exit::Ok)
}
