//! What an operator does with the record itself: exports, reads, packages, deployments, changes of the key, heads that are told, prunings.

use candor_audit::sign::{checkpoint::Checkpoint, rotation::Rotation};
use candor_core::{
    gate::Grant,
    ids::{TargetName, WorkNo},
    limits::TEXT_BYTES_MAX,
    package::Change,
    work::Wanted,
};
use serde_json::{Value, json};

use super::act::{line, tell};
use crate::{
    input::Deployed,
    machine::{Step, StepError, json},
    plan::{ArtifactKind, Refusal, Write},
    retention::{Cutoffs, Pruning, are_stretches},
};

/// Most stages or gaps that one deployment names.
const DEPLOYED_PAIRS_MAX: usize = 64;

/// Who has a copy of what is part of the record.
pub(super) fn exported(
    step: &mut Step<'_>,
    bundle: &str,
    about: &str,
    records: u64,
    tree_size: u64,
) -> Result<(), StepError> {
    let body = json!({ "act": "export", "bundle": bundle, "about": about, "records": records, "tree_size": tree_size });
    of_bundle(step, bundle, about, body)
}

/// Who looked at a copy of it.
pub(super) fn read(step: &mut Step<'_>, bundle: &str, about: &str, how: &str) -> Result<(), StepError> {
    line("how", how)?;
    of_bundle(step, bundle, about, json!({ "act": "read", "bundle": bundle, "about": about, "how": how }))
}

fn of_bundle(step: &mut Step<'_>, bundle: &str, about: &str, body: Value) -> Result<(), StepError> {
    line("about", about)?;
    digest("bundle", bundle)?;
    let no = step.plan.numbers.take_record();
    step.record(ArtifactKind::OperatorAct, format!("o-{no}"), None, None, body);
    Ok(())
}

/// What is decided by comes from another package from now on, or one was taken away.
pub(super) fn package(
    step: &mut Step<'_>,
    change: Change,
    package: &str,
    manifest_sha256: &str,
    key: &str,
    before: Option<&str>,
) -> Result<(), StepError> {
    line("package", package)?;
    line("key", key)?;
    before.map_or(Ok(()), |before| line("before", before))?;
    digest("manifest_sha256", manifest_sha256)?;
    let body = json!({
        "act": "package", "change": change, "package": package, "manifest_sha256": manifest_sha256, "key": key,
        "before": before,
    });
    let no = step.plan.numbers.take_record();
    step.record(ArtifactKind::OperatorAct, format!("o-{no}"), None, None, body);
    Ok(())
}

/// What is meant to run here, with what it can't do.
pub(super) fn deployed(step: &mut Step<'_>, of: &Deployed) -> Result<(), StepError> {
    let lines =
        [("profile", &of.profile), ("adapter", &of.adapter), ("package", &of.package), ("scheduler", &of.scheduler)];
    lines.iter().try_for_each(|(field, text)| line(field, text))?;
    for (field, pairs) in [("stages", &of.stages), ("gaps", &of.gaps)] {
        if pairs.len() > DEPLOYED_PAIRS_MAX {
            return Err(Refusal::LongList { field, max: DEPLOYED_PAIRS_MAX }.into());
        }
        pairs.iter().try_for_each(|(name, text)| line(field, name).and_then(|()| line(field, text)))?;
    }
    let no = step.plan.numbers.take_record();
    let mut body = json(of);
    if let Some(body) = body.as_object_mut() {
        body.insert("act".to_owned(), json!("deploy"));
    }
    step.record(ArtifactKind::OperatorAct, format!("o-{no}"), None, None, body);
    Ok(())
}

fn digest(field: &'static str, text: &str) -> Result<(), Refusal> {
    let hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hex { Ok(()) } else { Err(Refusal::Text { field, max: 64 }) }
}

/// Another key signs from now on. Only what both keys signed goes on record.
pub(super) fn rotate_key(step: &mut Step<'_>, rotation: &str) -> Result<(), StepError> {
    let field = candor_audit::sign::rotation::FIELD;
    Rotation::open(rotation).map_err(|error| Refusal::NotSigned { field, why: error.to_string() })?;
    let no = step.plan.numbers.take_record();
    step.record(ArtifactKind::Key, format!("y-{no}"), None, None, json!({ field: rotation }));
    Ok(())
}

/// The log's head goes to a target as a notice does: through the queue, the gate and the sender, with a receipt.
pub(super) fn tell_head(step: &mut Step<'_>, target: &TargetName, head: &str) -> Result<(), StepError> {
    if step.settings().target(target).is_none() {
        return Err(Refusal::UnknownTarget(target.clone()).into());
    }
    let said = Checkpoint::said(head).map_err(|error| Refusal::NotSigned { field: "head", why: error.to_string() })?;
    if head.len() > TEXT_BYTES_MAX {
        return Err(Refusal::Text { field: "head", max: TEXT_BYTES_MAX }.into());
    }
    tell(step, Some(target), |_| format!("Signed head of the log: {} records", said.size), head)
}

/// Contents that are past their time may go. What may go was looked up before; whether it still may is looked at again when it goes.
/// One that isn't finished goes on under the use that was taken now.
pub(super) fn prune(
    step: &mut Step<'_>,
    work: WorkNo,
    grants: Vec<Grant>,
    stretches: Vec<(u64, u64)>,
    archive: Option<&str>,
) -> Result<(), StepError> {
    if let Some(archive) = archive {
        digest("archive", archive)?;
    }
    let started = step.view.work(work)?.is_some_and(|of| of.is_started() && of.wanted == Wanted::Prune);
    if !started {
        return Err(Refusal::NoWork(work).into());
    }
    if let Some(mut open) = step.view.pruning()? {
        open.grants = grants;
        step.write(Write::Pruning(Box::new(open)));
        return Ok(());
    }
    let cutoffs = Cutoffs::of(&step.settings().keep_for, step.now);
    if cutoffs.0.is_empty() {
        return Err(Refusal::NotPrunable("everything is kept for ever; `keep_for` sets a window").into());
    }
    if !are_stretches(&stretches, step.view.log_length()?) {
        return Err(Refusal::NotPrunable("the stretches are not in order, or not of this log").into());
    }
    let no = step.plan.numbers.take_record();
    let body = json!({
        "act": "prune", "cutoffs": json(&cutoffs), "stretches": stretches, "archive": archive, "work": work,
        "opening": grants.first().map(|grant| grant.opening.no),
    });
    step.record(ArtifactKind::OperatorAct, format!("o-{no}"), None, None, body);
    let pruning = Pruning { no, cutoffs, stretches, next: 0, taken: 0, done: false, grants };
    step.write(Write::Pruning(Box::new(pruning)));
    Ok(())
}
