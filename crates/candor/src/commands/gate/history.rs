//! `candor gate history`: what passed gates, from the effect ledger.

use candor_core::gate::{Gate, LedgerEntry};
use candor_store::Listing as _;
use clap::Args;
use serde_json::json;

use super::gate;
use crate::{
    approvals::shown,
    cli::Global,
    desk,
    exit::{Exit, Outcome},
    output,
};

/// Entries that are looked through for those of one gate.
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

/// Lists entries, and the approvals.
pub fn run(global: &Global, args: &HistoryArgs) -> Outcome {
    let store = desk::reader(global)?;
    let limit = usize::from(args.limit);
    let searched = if args.gate.is_some() { SEARCHED_MAX } else { limit };
    let mut entries = store.ledger(searched).map_err(desk::store_failure)?;
    entries.retain(|entry| args.gate.is_none_or(|gate| gate == entry.gate));
    entries.truncate(limit);
    let approvals = store.approvals(limit).map_err(desk::store_failure)?;
    if global.json {
        output::json(&shown::document(&json!({ "entries": entries, "approvals": approvals })))?;
        return Ok(Exit::Ok);
    }
    if entries.is_empty() {
        output::line("nothing passed a gate");
    } else {
        let row = |entry: &LedgerEntry| {
            vec![
                entry.no.to_string(),
                entry.at.to_string(),
                entry.gate.as_str().to_owned(),
                format!("{} use {}", entry.approval, entry.use_no),
                shown::text(&entry.what),
            ]
        };
        output::table(&["ENTRY", "AT", "GATE", "UNDER", "WHAT"], entries.iter().map(row));
    }
    for approval in &approvals {
        output::line(shown::text(&format!(
            "{} {} {:?} of packet {} by {}: {}",
            approval.at,
            approval.no,
            approval.terms.verdict,
            approval.terms.packet_id,
            approval.signed_by.join(", "),
            approval.terms.reason()
        )));
    }
    Ok(Exit::Ok)
}
