//! `candor deploy rollback`: the configuration of an earlier deployment, as a new one.

use candor_path::Deploy;

use super::{
    RollbackArgs,
    activate::{Change, begun, install, refused, told},
};
use crate::{
    cli::Global,
    deploy::{Deployments, validate},
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
