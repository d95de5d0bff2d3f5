//! A pruning, step by step: each step is a commit of its own under a permit of its own.

use candor_approval::{GateKeeper, kinds::DestructiveOperation, signers::Owners};
use candor_path::{Act, Input};
use candor_store::{Listing as _, Store as _, StoreError, Txn as _, sqlite::Sqlite};

use super::{Clock, crash};

/// Records that one step looks at: some tens of milliseconds.
const STEP_RECORDS: u64 = 2_000;

/// What comes after a step.
pub(super) enum Next {
    /// The next one.
    Now,
    /// Nothing: no pruning is open any more.
    Nothing,
    /// A wait: the gate is closed.
    GateClosed,
}

/// Whether somebody asks for a pruning.
pub(super) fn is_asked(input: &Input) -> bool {
    matches!(input, Input::Operator { act: Act::Prune { .. }, .. })
}

/// Takes the next contents out, if a pruning is open and its gate still is.
pub(super) fn step(store: &mut Sqlite, owners: &Owners, clock: &Clock) -> Result<Next, StoreError> {
    if store.reads().open_pruning()?.is_none() {
        return Ok(Next::Nothing);
    }
    let Some(mut keeper) = keeper(store, owners)? else { return Ok(Next::GateClosed) };
    let Ok(permit) = keeper.permit::<DestructiveOperation>(None, clock.now()) else { return Ok(Next::GateClosed) };
    let mut txn = store.begin()?;
    let step = txn.prune(permit, STEP_RECORDS)?;
    crash::point("prune.before_commit");
    txn.commit()?;
    crash::point("prune.after_commit");
    if !step.done {
        return Ok(Next::Now);
    }
    // What went must not stand in the journal either.
    store.empty_journal()?;
    Ok(Next::Nothing)
}

/// A keeper over the use that was taken for the open pruning, as its opening stands now: one that was revoked meanwhile permits nothing.
fn keeper(store: &Sqlite, owners: &Owners) -> Result<Option<GateKeeper>, StoreError> {
    let Some(pruning) = store.reads().open_pruning()? else { return Ok(None) };
    let mut grants = pruning.grants;
    for grant in &mut grants {
        if let Some(now) = store.reads().opening_by_no(grant.opening.no)? {
            grant.opening = now;
        }
    }
    Ok(Some(GateKeeper::from_record(owners.clone(), grants)))
}
