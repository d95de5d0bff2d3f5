//! Gates: one use of each that an effect passes is taken in the commit that opens the effect, and goes into the effect ledger.

use std::{cell::RefCell, cmp::Reverse, collections::BTreeMap, time::Duration};

use candor_approval::{signers::Owners, vouched};
use candor_core::{
    approval::Approval,
    gate::{Gate, Grant, LedgerEntry, Opening, Scope},
    ids::{OpeningNo, TaskId},
    notice::Notice,
    settings::{Settings, Target},
    time::Timestamp,
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

/// A gate that isn't open for what would pass it.
pub(crate) struct Closed {
    /// Which.
    pub(crate) gate: Gate,
    /// What stands on record for it and opens nothing, in words.
    pub(crate) void: Option<String>,
}

impl Closed {
    /// In words.
    pub(crate) fn says(&self) -> String {
        let closed = format!("gate `{}` is closed", self.gate.as_str());
        match &self.void {
            Some(void) => format!("{closed}: {void}"),
            None => closed,
        }
    }
}

/// Takes one use of each gate; or none, and says which is closed.
pub(crate) fn pass(
    step: &mut Step<'_>,
    gates: impl IntoIterator<Item = Gate>,
    passing: &Passing<'_>,
) -> Result<Result<Vec<Grant>, Closed>, StepError> {
    let mut scope = passing.scope.clone();
    let mut found = Vec::new();
    for gate in gates {
        match open(step, gate, &mut scope, passing.task)? {
            Ok(opening) => found.push(opening),
            Err(closed) => return Ok(Err(closed)),
        }
    }
    let mut grants = Vec::with_capacity(found.len());
    for opening in found {
        // An opening without its approval is none: the permit couldn't be made either.
        let Some(approval) = step.view.approval(opening.approval)? else {
            return Ok(Err(Closed { gate: opening.gate, void: None }));
        };
        grants.push(take(step, opening, approval.signed, &scope, passing));
    }
    Ok(Ok(grants))
}

/// The opening that a use is taken of, among those that let it pass: the narrowest, for it was meant for this; of those the one that ends
/// first, for what would lapse is used before what lasts.
fn open(
    step: &Step<'_>,
    gate: Gate,
    scope: &mut Scope,
    task: Option<&TaskId>,
) -> Result<Result<Opening, Closed>, StepError> {
    let mut openings = step.view.openings(gate)?;
    if scope.runtime.is_none()
        && let Some(task) = task
        && openings.iter().any(|opening| opening.scope.runtime.is_some())
    {
        scope.runtime = step.view.task(task)?.map(|task| task.runtime);
    }
    openings.retain(|opening| opening.allows(gate, scope, step.now));
    openings.sort_by_key(|opening| (Reverse(opening.scope.narrowness()), opening.expires_at, opening.no));
    let mut void = None;
    for opening in openings {
        match why_void(step, &opening)? {
            None => return Ok(Ok(opening)),
            Some(why) => void = void.or(Some(why)),
        }
    }
    Ok(Err(Closed { gate, void }))
}

/// Why nothing passes under an opening by the owners and settings of now, in words; none where it holds. Without this, uses would be taken
/// of what the keeper then makes no permit from.
#[must_use]
pub fn void(settings: &Settings, opening: &Opening, approval: Option<&Approval>, now: Timestamp) -> Option<String> {
    let no = opening.approval;
    let Some(approval) = approval else { return Some(format!("{no} isn't on record")) };
    let owners = match Owners::parse(&settings.approvals.allowed_signers) {
        Ok(owners) => owners,
        Err(error) => return Some(format!("allowed_signers doesn't read: {error}")),
    };
    match vouched(&owners, opening, &approval.signed, now) {
        Err(why) => Some(format!("no owner signed what is on record as {no}: {why}")),
        Ok(_) if opening.approved_by.len() < 2 && settings.approvals.two_owners.contains(&opening.gate) => {
            Some(format!("two owners must sign for it now, and one signed {no}"))
        }
        Ok(_) => None,
    }
}

/// How long what was found of an opening counts here: 1 second. To verify a signature costs as much as a commit's share of a burst, and the
/// keeper does it anew before each effect in any case.
const VOUCHED_FOR: Duration = Duration::from_secs(1);
/// Most openings of which it is remembered; beyond that it is begun anew.
const VOUCHED_MAX: usize = 1_000;

/// When it was last asked of openings whether they hold, and why not, where one didn't.
#[derive(Clone, Debug, Default)]
pub struct Vouched(RefCell<BTreeMap<OpeningNo, (Timestamp, Option<String>)>>);

/// The same as [`void`], remembered for a moment: a release asks for each notice that waits.
pub(crate) fn why_void(step: &Step<'_>, opening: &Opening) -> Result<Option<String>, StepError> {
    let known = &step.machine.vouched.0;
    if let Some((at, found)) = known.borrow().get(&opening.no)
        && *at <= step.now
        && step.now.since(*at) < VOUCHED_FOR
    {
        return Ok(found.clone());
    }
    let approval = step.view.approval(opening.approval)?;
    let found = void(step.settings(), opening, approval.as_ref(), step.now);
    let mut known = known.borrow_mut();
    if known.len() >= VOUCHED_MAX {
        known.clear();
    }
    known.insert(opening.no, (step.now, found.clone()));
    Ok(found)
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
        if open(step, gate, &mut scope, task)?.is_err() {
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
