//! `candor approval show ap-N`: what was signed, by whom, and what became of it.

use candor_core::{
    gate::{LedgerEntry, Opening},
    ids::ApprovalNo,
};
use candor_store::{Listing as _, sqlite::Reader};
use serde_json::json;

use crate::{
    approvals::{
        shown,
        standing::{self, OPENINGS_MAX},
    },
    cli::Global,
    commands::gate::{OPENING_COLUMNS, opening_row},
    desk::store_failure,
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    openings, output,
};

/// Entries of the ledger that are looked through for an approval's, newest first.
const SEARCHED_MAX: usize = 10_000;

/// Shows an approval.
pub(super) fn show(global: &Global, store: &Reader, no: ApprovalNo) -> Outcome {
    let now = Clock::from_env().now();
    let approval = store.approval_by_no(no).map_err(store_failure)?.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("no approval `{no}`")).hint("`candor approval list` shows them")
    })?;
    let mut openings = store.all_openings(OPENINGS_MAX).map_err(store_failure)?;
    openings.retain(|opening| opening.approval == no);
    let void = openings::void(global, store, &openings, now).map_err(store_failure)?;
    let mut uses = store.ledger(SEARCHED_MAX).map_err(store_failure)?;
    uses.retain(|entry| entry.approval == no);
    if global.json {
        let approval = standing::row(&approval, &openings, now);
        output::json(&shown::document(
            &json!({ "approval": approval, "openings": openings, "void": void, "uses": uses }),
        ))?;
        return Ok(Exit::Ok);
    }
    let mut lines = vec![
        ("approval".to_owned(), no.to_string()),
        ("stands".to_owned(), standing::of_approval(&approval, &openings, now)),
        ("signed by".to_owned(), shown::text(&approval.signed_by.join(", "))),
        ("at".to_owned(), approval.at.to_string()),
    ];
    lines.extend(standing::terms(&approval.terms));
    for (name, text) in lines {
        output::line(format!("{name:<12} {text}"));
    }
    if !openings.is_empty() {
        output::line("");
        output::table(&OPENING_COLUMNS, openings.iter().map(|of: &Opening| opening_row(of, &void, now)));
    }
    output::line("");
    if uses.is_empty() {
        output::line("nothing passed under it");
    } else {
        let row = |of: &LedgerEntry| {
            let (gate, what) = (of.gate.as_str().to_owned(), shown::text(&of.what));
            [of.no.to_string(), of.at.to_string(), gate, of.use_no.to_string(), what]
        };
        output::table(&["ENTRY", "AT", "GATE", "USE", "WHAT"], uses.iter().map(row));
    }
    Ok(Exit::Ok)
}
