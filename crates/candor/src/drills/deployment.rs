//! Lane `deployment-rollback`: the deployment before this one can be gone back to, and what was on the machine before it is known.

use std::{fs, path::Path};

use candor_approval::drill::{BEFORE_IS_KEPT, JOURNAL_READS, STAGES_VERIFY};
use candor_audit::kind::Kind;
use candor_store::Listing as _;
use serde_json::{Value, json};

use super::{Scene, Steps, found};
use crate::{
    config::ConfigFile,
    deploy::{Active, Deployments, Stage},
    files,
};

/// Most operator's acts among which a deployment's record is looked for: the newest.
const ACTS_MAX: usize = 20_000;
/// The stages whose artifacts are on record by digest: the export comes after the record.
const RECORDED: [Stage; 5] = [Stage::Package, Stage::Capability, Stage::Profile, Stage::Validation, Stage::Activation];

pub(super) fn rehearse(scene: &Scene<'_>, steps: &mut Steps) {
    let deployments = Deployments::of(scene.home);
    let Some(active) = steps.go(JOURNAL_READS, || journal(&deployments)) else { return };
    steps.go(STAGES_VERIFY, || match &active {
        None => Ok(((), "nothing is active here, so there is nothing to go back from".to_owned())),
        Some(active) => earlier(scene, &deployments, active).map(|found| ((), found)),
    });
    steps.go(BEFORE_IS_KEPT, || before(active.as_ref()).map(|found| ((), found)));
}

fn journal(deployments: &Deployments) -> Result<(Option<Active>, String), String> {
    if let Some(begun) = deployments.journal().map_err(found)? {
        let what = begun.no.map_or_else(|| "a deactivation".to_owned(), |no| format!("deployment {no}"));
        return Err(format!("{what} was begun and not finished; the same `candor deploy` command finishes it"));
    }
    let active = deployments.active().map_err(found)?;
    let words = match &active {
        Some(active) => {
            format!("deployment {} is active, with {} pieces on this machine", active.no, active.placed.len())
        }
        None => "nothing is active here, and nothing was begun".to_owned(),
    };
    Ok((active, words))
}

/// The deployment that `candor deploy rollback` would go back to; without one, the first deployment is taken away by `deactivate`.
fn earlier(scene: &Scene<'_>, deployments: &Deployments, active: &Active) -> Result<String, String> {
    let Some(no) = deployments.numbers().into_iter().rev().find(|no| *no < active.of) else {
        return Ok(format!("there is none before deployment {}: `candor deploy deactivate` takes it away", active.no));
    };
    let folder = deployments.artifacts(no);
    let acts = scene.store.of_kind(Kind::OperatorAct, ACTS_MAX).map_err(|error| error.to_string())?;
    let is_it = |body: &Value| body.get("act") == Some(&json!("deploy")) && body.get("deployment") == Some(&json!(no));
    let record = acts.iter().find(|record| is_it(&record.body)).ok_or_else(|| {
        format!("what deployment {no} was isn't among the newest {ACTS_MAX} operator's acts on record")
    })?;
    for stage in RECORDED {
        let path = folder.join(stage.file());
        let is = files::digest(&path).map_err(|error| format!("`{}` can't be read: {error}", path.display()))?;
        let was =
            record.body.pointer(&format!("/stages/{}", stage.as_str())).and_then(Value::as_str).unwrap_or_default();
        if is != was {
            return Err(format!("`{}` isn't what deployment {no} left there: its digest is on record", path.display()));
        }
    }
    binding(&folder.join("binding"))?;
    Ok(format!(
        "the {} stages of deployment {no} are as they are on record, and its configuration reads",
        RECORDED.len()
    ))
}

/// The configuration that would be put back.
fn binding(folder: &Path) -> Result<(), String> {
    let path = folder.join("candor.yaml");
    match fs::read_to_string(&path) {
        Ok(text) => ConfigFile::parse(&text, &path).map(drop).map_err(found),
        // It went by the defaults, without a file.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("`{}` can't be read: {error}", path.display())),
    }
}

/// What `deactivate` would take away and put back.
fn before(active: Option<&Active>) -> Result<String, String> {
    let Some(active) = active else { return Ok("no piece of Candor is on this machine".to_owned()) };
    for placed in &active.placed {
        let found = placed.piece.found().map_err(|error| error.to_string())?;
        if found == candor_world::schedulers::Found::Changed {
            return Err(format!(
                "{} was changed by somebody since; `candor deploy status` shows it, and going back keeps theirs aside",
                placed.piece.place()
            ));
        }
    }
    Ok(format!("each of {} pieces is known, with what was there before it", active.placed.len()))
}
