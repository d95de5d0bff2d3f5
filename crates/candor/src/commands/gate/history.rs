//! `candor gate history`: what opened gates, what passed them and what closed them, in one list by time.

use std::cmp::Reverse;

use candor_core::{
    approval::{Approval, Standing},
    gate::{Closing, Gate, LedgerEntry, Opening},
    ids::ApprovalNo,
    time::Timestamp,
};
use candor_store::Listing as _;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::gate;
use crate::{
    approvals::{
        shown,
        standing::{self, OPENINGS_MAX},
    },
    cli::Global,
    desk,
    engine::Clock,
    exit::{Exit, Outcome},
    output,
};

/// Entries and approvals that are looked through for those of one gate.
const SEARCHED_MAX: usize = 10_000;

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Only this gate
    #[arg(long, value_parser = gate)]
    gate: Option<Gate>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    limit: u16,
}

/// Something that happened to gates.
#[derive(Serialize)]
struct Happened {
    at: Timestamp,
    event: String,
    gates: Vec<&'static str>,
    approval: ApprovalNo,
    by: String,
    what: String,
}

/// Lists what happened.
pub fn run(global: &Global, args: &HistoryArgs) -> Outcome {
    let store = desk::reader(global)?;
    let now = Clock::from_env().now();
    let limit = usize::from(args.limit);
    let meant = |gate: Gate| args.gate.is_none_or(|only| only == gate);
    let searched = if args.gate.is_some() { SEARCHED_MAX } else { limit };
    let mut entries = store.ledger(searched).map_err(desk::store_failure)?;
    entries.retain(|entry| meant(entry.gate));
    entries.truncate(limit);
    let mut approvals = store.approvals(searched).map_err(desk::store_failure)?;
    approvals.retain(|approval| approval.terms.gates.iter().any(|gate| meant(*gate)));
    approvals.truncate(limit);
    let openings = store.all_openings(OPENINGS_MAX).map_err(desk::store_failure)?;
    let mut all: Vec<Happened> = entries.iter().map(|entry| used(entry, &openings)).collect();
    all.extend(approvals.iter().flat_map(signed));
    all.extend(openings.iter().filter(|opening| meant(opening.gate)).filter_map(|opening| ended(opening, now)));
    // What one moment brought stands in the order in which it is taken up here: the newest first.
    all.sort_by_key(|of| Reverse(of.at));
    all.truncate(limit);
    if global.json {
        let approvals: Vec<_> = approvals.iter().map(|of| standing::row(of, &openings, now)).collect();
        output::json(&shown::document(&json!({ "entries": entries, "approvals": approvals, "history": all })))?;
        return Ok(Exit::Ok);
    }
    if entries.is_empty() {
        output::line("nothing passed a gate");
    }
    if !all.is_empty() {
        let row = |of: &Happened| {
            let (by, what) = (shown::text(&of.by), shown::text(&of.what));
            [of.at.to_string(), of.event.clone(), of.gates.join(", "), of.approval.to_string(), by, what]
        };
        output::table(&["AT", "EVENT", "GATE", "UNDER", "SIGNED BY", "WHAT"], all.iter().map(row));
    }
    Ok(Exit::Ok)
}

fn used(entry: &LedgerEntry, openings: &[Opening]) -> Happened {
    let opening = openings.iter().find(|opening| opening.no == entry.opening);
    Happened {
        at: entry.at,
        event: format!("use {}", entry.use_no),
        gates: vec![entry.gate.as_str()],
        approval: entry.approval,
        by: opening.map(|opening| opening.approved_by.join(", ")).unwrap_or_default(),
        what: format!("{}: {}", entry.no, entry.what),
    }
}

/// An approval when it came in, and when it was taken back.
fn signed(approval: &Approval) -> Vec<Happened> {
    let terms = &approval.terms;
    let happened = |at, event: &str, by: String, what| Happened {
        at,
        event: event.to_owned(),
        gates: terms.gates.iter().map(|gate| gate.as_str()).collect(),
        approval: approval.no,
        by,
        what,
    };
    let came = match &approval.standing {
        Standing::WaitsForOwner => "signed, waits",
        Standing::Rejected => "rejected",
        Standing::Given | Standing::Revoked { .. } => "approved",
    };
    let what = format!("packet {}, for {}: {}", terms.packet_id, terms.scope, terms.reason());
    let mut all = vec![happened(approval.at, came, approval.signed_by.join(", "), what)];
    if let Standing::Revoked { at, by, reason } = &approval.standing {
        all.insert(0, happened(*at, "revoked", by.clone(), reason.clone()));
    }
    all
}

/// The end of an opening, unless the revocation of its approval tells of it.
fn ended(opening: &Opening, now: Timestamp) -> Option<Happened> {
    let at = opening.ended_at(now)?;
    if opening.closed_by == Some(Closing::Revoked) {
        return None;
    }
    Some(Happened {
        at,
        event: standing::of_opening(opening, now).to_owned(),
        gates: vec![opening.gate.as_str()],
        approval: opening.approval,
        by: String::new(),
        what: format!("{}, after {}", opening.no, output::counted(opening.used, "use")),
    })
}
