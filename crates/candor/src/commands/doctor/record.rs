//! What keeps the record from being shown: a key that can't sign, heads that go nowhere, a pruning that stands still.

use candor_core::{
    gate::{Gate, Scope},
    time::{Timestamp, format_duration},
};
use candor_store::{Listing, sqlite::Reader};

use super::{Audit, Weight};
use crate::{
    commands::task::whole,
    config::{AuditPlan, Config},
    desk::{self, DaemonFile},
    exit::Failure,
    heads::Shelf,
    home::Home,
};

/// After so many times the configured time without a head, a running daemon doesn't sign.
const LATE: u32 = 3;
/// Openings that are looked at.
const OPENINGS_MAX: usize = 1_000;

/// Looks at all of it.
///
/// # Errors
/// When the store can't be read.
pub(super) fn findings(audit: &mut Audit, home: &Home, store: &Reader, now: Timestamp) -> Result<(), Failure> {
    key(audit, home);
    if let Ok(config) = Config::load(home) {
        heads(audit, home, store, &config.audit, now)?;
    }
    pruning(audit, store, now)
}

fn key(audit: &mut Audit, home: &Home) {
    match home.audit_key_if_made() {
        Ok(None) => {}
        Ok(Some(_)) => audit.add(Weight::Fine, "the signing key is its owner's alone", ""),
        Err(failure) => audit.add(Weight::Problem, failure.message, failure.hint.unwrap_or_default()),
    }
    match home.next_audit_key() {
        Ok(None) => {}
        Ok(Some(_)) => {
            audit.add(
                Weight::Note,
                "a change of the signing key was begun and isn't finished",
                "candor audit key rotate",
            );
        }
        Err(failure) => audit.add(Weight::Problem, failure.message, failure.hint.unwrap_or_default()),
    }
}

fn heads(audit: &mut Audit, home: &Home, store: &Reader, plan: &AuditPlan, now: Timestamp) -> Result<(), Failure> {
    let shelf = Shelf::of(home);
    let states = shelf.states();
    for place in &plan.publish {
        let Some(failing) = states.get(place.name.as_str()).and_then(|state| state.failing.as_ref()) else { continue };
        let since = format_duration(whole(now.since(failing.since)));
        audit.add(
            Weight::Problem,
            format!("heads of the log don't reach `{}` for {since}: {}", place.name, failing.why),
            "mend the place, then candor audit checkpoint publish",
        );
    }
    if plan.publish.is_empty() {
        audit.add(
            Weight::Note,
            "signed heads of the log stay on this machine: whoever owns it could rewrite the log unseen",
            "name places in `audit.publish`; docs/audit.md shows how",
        );
    }
    if plan.prune_every.is_some() && plan.keep_for.is_for_ever() {
        audit.add(Weight::Note, "`audit.prune_every` is set, and everything is kept for ever", "set `keep_for`");
    } else if plan.prune_every.is_some() && !is_open(store, now)? {
        audit.add(
            Weight::Problem,
            "`audit.prune_every` is set, and the gate `destructive_operation` is closed: nothing is pruned",
            "candor gate open destructive_operation --reason … --expires 31d",
        );
    }
    let last = shelf.newest(1)?.pop();
    let length = store.head().map_err(desk::store_failure)?.length;
    if let Some(last) = &last
        && last.head.size > length
    {
        audit.add(
            Weight::Problem,
            format!("the log has {length} records, and had {} when its last head was signed", last.head.size),
            "was an older copy put back? candor audit checkpoint compare FOLDER",
        );
    }
    let Some(daemon) = DaemonFile::read(home).filter(desk::is_reachable) else { return Ok(()) };
    let late = plan.every.time.saturating_mul(LATE);
    let signed = last.map_or(daemon.started_at, |kept| Timestamp::from_micros(kept.head.at_us).max(daemon.started_at));
    if now.since(signed) > late {
        let age = format_duration(whole(now.since(signed)));
        audit.add(Weight::Problem, format!("the daemon runs and has signed no head for {age}"), "look at its log");
    }
    Ok(())
}

/// Whether contents may be taken out now.
fn is_open(store: &Reader, now: Timestamp) -> Result<bool, Failure> {
    let openings = store.all_openings(OPENINGS_MAX).map_err(desk::store_failure)?;
    Ok(openings.iter().any(|opening| opening.allows(Gate::DestructiveOperation, &Scope::default(), now)))
}

/// A pruning that isn't finished goes on by itself, unless its gate is closed or nobody runs.
fn pruning(audit: &mut Audit, store: &Reader, now: Timestamp) -> Result<(), Failure> {
    let Some(pruning) = store.open_pruning().map_err(desk::store_failure)? else { return Ok(()) };
    let open = is_open(store, now)?;
    let what = format!("pruning {} isn't finished: {} contents are gone so far", pruning.no, pruning.taken);
    match open {
        true => audit.add(Weight::Note, what, "candor up goes on with it, and so does candor audit prune"),
        false => audit.add(
            Weight::Problem,
            format!("{what}; its gate is closed"),
            "candor gate open destructive_operation --reason … --expires 1h; candor audit prune",
        ),
    }
    Ok(())
}
