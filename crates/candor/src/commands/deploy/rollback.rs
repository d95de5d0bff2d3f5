//! `candor deploy rollback`: the configuration of an earlier deployment, as a new one.

use candor_path::Deploy;

use super::{
    RollbackArgs,
    activate::{Change, begun, install, refused, told},
};
use crate::{
    cli::Global,
    deploy::{Deployments, Journal, validate},
    engine::crash,
    exit::{Exit, Failure, Outcome},
    home::Home,
};

/// Runs the command.
pub(super) fn run(global: &Global, home: &Home, args: &RollbackArgs) -> Outcome {
    let deployments = Deployments::of(home);
    let nothing = |what: &str| Failure::new(Exit::NotFound, what).hint("`candor deploy status` shows what there is");
    if !home.state.exists() {
        return Err(nothing("nothing is active here"));
    }
    let _held = deployments.hold()?;
    let active = deployments.active()?;
    let to = match (args.to, &active) {
        (Some(to), _) => to,
        (None, Some(active)) => {
            let earlier = deployments.numbers().into_iter().rev().find(|no| *no < active.of);
            earlier.ok_or_else(|| nothing("there is no deployment before the one that runs"))?
        }
        (None, None) => return Err(nothing("nothing is active here")),
    };
    let no = begun(&deployments)?.unwrap_or_else(|| deployments.next());
    // What is to come is on disk before the configuration is touched; the same command finishes it.
    let placed = active.as_ref().map(|active| active.placed.clone()).unwrap_or_default();
    deployments.begin(&Journal { no: Some(no), placed, stale: Vec::new() })?;
    crash::point("deploy.after_journal");
    let replaced = deployments.artifacts(no).join("replaced");
    deployments.restore(home, to, &replaced)?;
    let runner = args.choice.runner()?;
    let checked = validate(home, runner, args.choice.degrade)?;
    if !checked.holds() {
        return refused(global, &checked);
    }
    let active = install(global, home, runner, &checked, Change { no, of: to, what: Deploy::Rollback })?;
    told(global, &active, &checked, &format!("active, with the configuration of deployment {to}"))
}
