//! Lane `close-gates`: what an owner opened can be closed again, by revocation, by its count and by its end.

use std::time::Duration;

use candor_approval::{
    GateKeeper,
    drill::{END_CLOSES, OWNERS_READ, REVOCATION_CLOSES},
    kinds::DestructiveOperation,
    signers::NAMESPACE,
};
use candor_core::{gate::Gate, time::Timestamp};

use super::{Scene, Steps, stage::Stage};

/// The gate that is opened on the stage: the one with the most behind it.
const GATE: Gate = Gate::DestructiveOperation;
/// How long what is opened there lasts.
const LASTS: Duration = Duration::from_secs(3600);

pub(super) fn rehearse(scene: &Scene<'_>, steps: &mut Steps) {
    steps.go(OWNERS_READ, || owners(scene));
    steps.go(REVOCATION_CLOSES, || revoked(scene));
    steps.go(END_CLOSES, || ended(scene));
}

fn owners(scene: &Scene<'_>) -> Result<((), String), String> {
    let plan = &scene.config.approvals;
    let path = plan.path.display();
    let counting = plan.owners.keys().iter().filter(|key| key.counts(NAMESPACE, scene.now).is_ok()).count();
    match (plan.owners.is_empty(), counting) {
        (true, _) => Err(format!("`{path}` names nobody; candor owner add")),
        (false, 0) => Err(format!("no key of `{path}` counts now; candor owner list says why")),
        (false, counting) => {
            let names = plan.owners.names().join(", ");
            Ok(((), format!("`{path}` has keys of {names}: {counting} of them count now")))
        }
    }
}

/// Whether an effect would get its permit now. What fails for another reason says nothing of the gate.
fn permitted(stage: &mut Stage) -> Result<bool, String> {
    let Some(grants) = stage.take(GATE)? else { return Ok(false) };
    let mut keeper = GateKeeper::from_record(stage.owners.clone(), grants);
    Ok(keeper.permit::<DestructiveOperation>(None, stage.now).is_ok())
}

/// What an approval opens must open: otherwise closed would say nothing.
fn opened(stage: &mut Stage) -> Result<(), String> {
    let gate = GATE.as_str();
    permitted(stage)?.then_some(()).ok_or_else(|| format!("on a copy, an approval of `{gate}` opened nothing"))
}

fn closed(stage: &mut Stage, after: &str) -> Result<String, String> {
    match permitted(stage)? {
        false => Ok(format!("{after} there was no permit")),
        true => Err(format!("on a copy, {after} the gate keeper still gave a permit")),
    }
}

fn revoked(scene: &Scene<'_>) -> Result<((), String), String> {
    let mut stage = Stage::of(&scene.config.machine, scene.now, |_| ())?;
    let approval = stage.approve(GATE, 10, stage.now.after(LASTS))?;
    opened(&mut stage)?;
    stage.revoke(approval)?;
    let found = closed(&mut stage, "after its revocation")?;
    Ok(((), format!("an approval of `{}` gave a permit; {found}", GATE.as_str())))
}

fn ended(scene: &Scene<'_>) -> Result<((), String), String> {
    let mut stage = Stage::of(&scene.config.machine, scene.now, |_| ())?;
    stage.approve(GATE, 1, stage.now.after(LASTS))?;
    opened(&mut stage)?;
    let spent = closed(&mut stage, "after its only use")?;
    let mut stage = Stage::of(&scene.config.machine, scene.now, |_| ())?;
    stage.approve(GATE, 10, stage.now.after(LASTS))?;
    let end: Timestamp = stage.now.after(LASTS);
    // A use that was taken in time, and an effect that comes too late.
    let grants = stage.take(GATE)?.ok_or("on a copy, an approval opened nothing")?;
    stage.now = end;
    let mut keeper = GateKeeper::from_record(stage.owners.clone(), grants);
    if keeper.permit::<DestructiveOperation>(None, end).is_ok() {
        return Err("at its end the gate keeper still gave a permit for a use that was taken before".to_owned());
    }
    let over = closed(&mut stage, "at its end")?;
    Ok(((), format!("{spent}; {over}")))
}
