//! `candor deploy deactivate`: the machine is as it was before the first activation. State folder and record stay.

use std::collections::BTreeMap;

use candor_path::{Deploy, Deployed};
use candor_world::schedulers::Placed;
use serde_json::json;

use super::activate::{record, unmade};
use crate::{
    cli::Global,
    deploy::{Deployments, Journal},
    engine::crash,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

/// Runs the command.
pub(super) fn run(global: &Global, home: &Home) -> Outcome {
    let deployments = Deployments::of(home);
    let nothing = || {
        Failure::new(Exit::NotFound, "nothing is active here")
            .hint("`candor deploy activate` installs what runs Candor")
    };
    if !home.state.exists() {
        return Err(nothing());
    }
    let _held = deployments.hold()?;
    let (active, journal) = (deployments.active()?, deployments.journal()?);
    if active.is_none() && journal.is_none() {
        return Err(nothing());
    }
    let mut all: Vec<Placed> = Vec::new();
    let begun = journal.into_iter().flat_map(|journal| journal.placed.into_iter().chain(journal.stale));
    for placed in active.iter().flat_map(|active| active.placed.clone()).chain(begun) {
        if !all.iter().any(|known| known.piece.same_place(&placed.piece)) {
            all.push(placed);
        }
    }
    deployments.begin(&Journal { no: None, placed: Vec::new(), stale: all.clone() })?;
    crash::point("deploy.after_journal");
    let mut kept = Vec::new();
    for placed in all.iter().rev() {
        kept.extend(placed.take_away(&deployments.aside()).map_err(unmade)?);
        crash::point("deploy.after_piece");
    }
    if let Some(active) = active {
        record(
            global,
            Deployed {
                what: Deploy::Deactivate,
                deployment: active.no,
                profile: active.profile,
                adapter: active.adapter,
                package: active.package,
                scheduler: active.scheduler,
                stages: BTreeMap::new(),
                gaps: BTreeMap::new(),
            },
        )?;
    }
    deployments.finish(None)?;
    if global.json {
        output::json(
            &json!({ "taken_away": all.iter().map(|placed| placed.piece.place()).collect::<Vec<_>>(), "kept": kept }),
        )?;
        return Ok(Exit::Ok);
    }
    output::line(format!("{} pieces were taken away; nothing runs Candor here by itself any more", all.len()));
    for path in kept {
        output::line(format!("one had been changed since; its text is kept in {}", path.display()));
    }
    Ok(Exit::Ok)
}
