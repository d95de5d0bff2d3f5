//! Gates: one use of each that an effect passes is taken in the commit that opens the effect, and goes into the effect ledger.

use candor_core::{
    gate::{Gate, Grant, LedgerEntry, Opening, Scope},
    ids::TaskId,
    notice::Notice,
    settings::Target,
};

use crate::{
    machine::{Step, StepError, json},
    plan::{ArtifactKind, Write},
};

/// What an effect is, for the ledger.
pub(crate) struct Passing<'a> {
    /// What it is about.
    pub(crate) scope: Scope,
    /// The task whose runtime narrows it, looked up where an opening is narrowed so.
    pub(crate) task: Option<&'a TaskId>,
    /// What is done, in words.
    pub(crate) what: String,
    /// The artifact or row that it belongs to.
    pub(crate) of: String,
}

/// Takes one use of each gate; or none, and says which is closed.
pub(crate) fn pass(
    step: &mut Step<'_>,
    gates: impl IntoIterator<Item = Gate>,
    passing: &Passing<'_>,
) -> Result<Result<Vec<Grant>, Gate>, StepError> {
    let mut scope = passing.scope.clone();
    let mut found = Vec::new();
    for gate in gates {
        match open(step, gate, &mut scope, passing.task)? {
            Some(opening) => found.push(opening),
            None => return Ok(Err(gate)),
        }
    }
    let mut grants = Vec::with_capacity(found.len());
    for opening in found {
        // An opening without its approval is none: the permit couldn't be made either.
        let Some(approval) = step.view.approval(opening.approval)? else { return Ok(Err(opening.gate)) };
        grants.push(take(step, opening, approval.signed, &scope, passing));
    }
    Ok(Ok(grants))
}

/// The opening that ends first among those that let it pass: what would lapse is used before what lasts.
fn open(step: &Step<'_>, gate: Gate, scope: &mut Scope, task: Option<&TaskId>) -> Result<Option<Opening>, StepError> {
    let openings = step.view.openings(gate)?;
    if scope.runtime.is_none()
        && let Some(task) = task
        && openings.iter().any(|opening| opening.scope.runtime.is_some())
    {
        scope.runtime = step.view.task(task)?.map(|task| task.runtime);
    }
    let allowed = openings.into_iter().filter(|opening| opening.allows(gate, scope, step.now));
    Ok(allowed.min_by_key(|opening| (opening.expires_at, opening.no)))
}

/// Whether it would pass now.
pub(crate) fn would_pass(
    step: &Step<'_>,
    gates: impl IntoIterator<Item = Gate>,
    scope: &Scope,
    task: Option<&TaskId>,
) -> Result<bool, StepError> {
    let mut scope = scope.clone();
    for gate in gates {
        if open(step, gate, &mut scope, task)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn take(
    step: &mut Step<'_>,
    opening: Opening,
    signed: candor_core::approval::Signed,
    scope: &Scope,
    passing: &Passing<'_>,
) -> Grant {
    let opening = opening.used_once(step.now);
    let entry = LedgerEntry {
        no: step.plan.numbers.take_effect(),
        at: step.now,
        gate: opening.gate,
        opening: opening.no,
        approval: opening.approval,
        use_no: opening.used,
        scope: scope.clone(),
        what: passing.what.clone(),
        of: passing.of.clone(),
    };
    step.record(ArtifactKind::Effect, entry.no, passing.task, None, json(&entry));
    step.write(Write::Ledger(Box::new(entry.clone())));
    if opening.closed_at.is_some() {
        closed(step, &opening);
    } else {
        step.write(Write::Opening(Box::new(opening.clone())));
    }
    Grant { effect: entry.no, use_no: opening.used, opening, signed }
}

/// Has it on record that an opening ended before its time.
pub(crate) fn closed(step: &mut Step<'_>, opening: &Opening) {
    let body = serde_json::json!({ "closed": opening });
    step.record(ArtifactKind::Gate, format!("{}-r2", opening.no), None, None, body);
    step.write(Write::Opening(Box::new(opening.clone())));
}

/// The gates that a notice passes on its way to a target: those of the target's sender, and that of failure receipts where it is one.
pub(crate) fn of_notice(target: &Target, notice: &Notice) -> Vec<Gate> {
    let live = target.gate.is_some();
    let receipt = notice.failure_of.is_some().then_some(Gate::TelegramFailureReceiptSend);
    target.gates().chain(receipt.filter(|_| live)).collect()
}
