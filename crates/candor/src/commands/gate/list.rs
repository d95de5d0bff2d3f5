//! `candor gate list` and `candor gate show`.

use candor_core::{
    gate::{GATES, Gate, Opening},
    time::Timestamp,
    work::Work,
};
use candor_store::{Listing as _, WorkFilter, sqlite::Reader};
use clap::Args;
use serde_json::json;

use super::gate;
use crate::{
    approvals::{shown, standing::of_opening},
    cli::Global,
    desk,
    engine::Clock,
    exit::{Exit, Outcome},
    openings::{self, Void},
    output,
};

/// Openings that are looked at.
const OPENINGS_MAX: usize = 1_000;
/// Pieces of work that a list shows.
const WORK_SHOWN_MAX: usize = 50;
/// Entries of the ledger that one gate shows.
const ENTRIES_SHOWN_MAX: usize = 10;

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Show past openings too
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The gate
    #[arg(value_parser = gate)]
    gate: Gate,
}

/// Says why of each.
fn told(void: &Void, openings: &[Opening]) {
    for opening in openings {
        if let Some(why) = void.get(&opening.no) {
            let line = format!("{} lets nothing through `{}`: {why}", opening.approval, opening.gate.as_str());
            output::line(shown::text(&line));
        }
    }
}

/// An opening under [`COLUMNS`].
pub fn row(opening: &Opening, void: &Void, now: Timestamp) -> Vec<String> {
    let state = if void.contains_key(&opening.no) { "void" } else { of_opening(opening, now) };
    vec![
        opening.gate.as_str().to_owned(),
        state.to_owned(),
        opening.scope.to_string(),
        format!("{}/{}", opening.used, opening.max_uses),
        opening.closed_at.unwrap_or(opening.expires_at).to_string(),
        shown::text(&format!("{} ({})", opening.approved_by.join(", "), opening.approval)),
        shown::text(&opening.reason),
    ]
}

/// What is shown of an opening.
pub const COLUMNS: [&str; 7] = ["GATE", "STATE", "FOR", "USED", "UNTIL", "BY", "REASON"];

/// Lists gates, what is open and what waits.
pub fn list(global: &Global, args: &ListArgs) -> Outcome {
    let store = desk::reader(global)?;
    let now = Clock::from_env().now();
    let openings = store.all_openings(OPENINGS_MAX).map_err(desk::store_failure)?;
    let void = openings::void(global, &store, &openings, now).map_err(desk::store_failure)?;
    let work = store.all_work(WorkFilter::Open, WORK_SHOWN_MAX).map_err(desk::store_failure)?;
    let requests = store.requests(OPENINGS_MAX).map_err(desk::store_failure)?;
    let requests: Vec<_> = requests.into_iter().filter(|request| request.answered_by.is_none()).collect();
    let meant = |opening: &&Opening| args.all || opening.is_open(now) || of_opening(opening, now) == "not yet";
    if global.json {
        let openings: Vec<&Opening> = openings.iter().filter(meant).collect();
        let all = json!({ "now": now, "openings": openings, "void": void, "waiting": work, "requests": requests });
        output::json(&shown::document(&all))?;
        return Ok(Exit::Ok);
    }
    let mut rows = Vec::new();
    for gate in GATES {
        let mut mine = openings.iter().filter(|opening| opening.gate == *gate).filter(meant).peekable();
        if mine.peek().is_none() {
            let mut row = vec![gate.as_str().to_owned(), "closed".to_owned()];
            row.resize(COLUMNS.len(), String::new());
            rows.push(row);
        }
        rows.extend(mine.map(|opening| row(opening, &void, now)));
    }
    output::table(&COLUMNS, rows);
    told(&void, &openings);
    waiting(&work);
    for request in &requests {
        let (agent, gate) = (&request.agent, request.gate.as_str());
        let line = format!("{} agent `{agent}` asks for gate `{gate}` ({}): ", request.no, request.scope);
        output::line(shown::text(&(line + &request.reason)));
    }
    Ok(Exit::Ok)
}

fn waiting(work: &[Work]) {
    if work.is_empty() {
        return;
    }
    let row = |work: &Work| {
        let state = if work.is_started() { "goes on" } else { "waits" };
        vec![
            work.no.to_string(),
            work.gate.as_str().to_owned(),
            state.to_owned(),
            shown::text(&work.wanted.says()),
            work.at.to_string(),
        ]
    };
    output::table(&["WORK", "GATE", "STATE", "WHAT", "SINCE"], work.iter().map(row));
}

/// Shows one gate.
pub fn show(global: &Global, args: &ShowArgs) -> Outcome {
    let store = desk::reader(global)?;
    let now = Clock::from_env().now();
    let found = look(&store, args.gate).map_err(desk::store_failure)?;
    let void = openings::void(global, &store, &found.openings, now).map_err(desk::store_failure)?;
    if global.json {
        let all = json!({
            "gate": args.gate, "guards": guards(args.gate), "now": now, "openings": found.openings, "void": void,
            "uses": found.uses, "entries": found.entries, "waiting": found.work,
        });
        output::json(&shown::document(&all))?;
        return Ok(Exit::Ok);
    }
    output::line(format!("{}: {}", args.gate.as_str(), guards(args.gate)));
    if !found.openings.iter().any(|opening| opening.is_open(now) && !void.contains_key(&opening.no)) {
        output::line(format!(
            "closed; `candor gate open {} --reason \"...\" --expires 1h` opens it",
            args.gate.as_str()
        ));
    }
    output::line(format!("used {} in all", output::counted(found.uses, "time")));
    if !found.openings.is_empty() {
        output::table(&COLUMNS, found.openings.iter().map(|opening| row(opening, &void, now)));
        told(&void, &found.openings);
    }
    for entry in &found.entries {
        let what = shown::text(&entry.what);
        output::line(format!("{} {} {what} ({}, use {})", entry.at, entry.no, entry.approval, entry.use_no));
    }
    waiting(&found.work);
    Ok(Exit::Ok)
}

struct Found {
    openings: Vec<Opening>,
    uses: u64,
    entries: Vec<candor_core::gate::LedgerEntry>,
    work: Vec<Work>,
}

fn look(store: &Reader, gate: Gate) -> Result<Found, candor_store::StoreError> {
    let mut openings = store.all_openings(OPENINGS_MAX)?;
    openings.retain(|opening| opening.gate == gate);
    let uses = store.ledger_counts(None)?.get(&gate).copied().unwrap_or_default();
    let mut entries = store.ledger(OPENINGS_MAX)?;
    entries.retain(|entry| entry.gate == gate);
    entries.truncate(ENTRIES_SHOWN_MAX);
    let mut work = store.all_work(WorkFilter::Open, OPENINGS_MAX)?;
    work.retain(|work| work.gate == gate);
    Ok(Found { openings, uses, entries, work })
}

/// What stands behind a gate here.
fn guards(gate: Gate) -> &'static str {
    match gate {
        Gate::CanonicalRuntimeReadback => {
            "asking a channel or runtime what really happened (`candor readback notice`, `candor readback run`)"
        }
        Gate::RuntimeResultCaptureWrite => {
            "keeping how a task ended (`candor result capture`, `approvals.follow_up: [results]`), and what a readback plan read"
        }
        Gate::RuntimeScoreWrite => {
            "keeping an agent's honesty score (`candor score write`, `approvals.follow_up: [scores]`)"
        }
        Gate::RuntimeLearningWrite => {
            "keeping what was learned of an agent's reports (`candor learning write`, `approvals.follow_up: [learning]`)"
        }
        Gate::PlaybookTrustWrite => {
            "keeping the trust in an agent by pack (`candor trust write`, `approvals.follow_up: [trust]`)"
        }
        Gate::ReviewerQueueWrite => {
            "putting a task before a reviewer (`candor review add`, `approvals.follow_up: [reviews]`)"
        }
        Gate::GatewayQueueWrite => "handing a notice to a gateway of agents (sender `openclaw-cli`)",
        Gate::TelegramFailureReceiptSend => {
            "telling the operator by Telegram that a notice failed elsewhere (`approvals.failure_receipts`)"
        }
        Gate::BotApiCall => "calling a Bot API (sender `telegram`)",
        Gate::RollbackWorkItemWrite => {
            "asking a person to take back what a task did, or to mend a way back (`candor rollback add`, `approvals.follow_up: [rollbacks]`, a failed drill)"
        }
        Gate::ProductionWrite => "a live write outside Candor: webhooks, commands, places, recipes that say `writes`",
        Gate::SecretRead => "reading a secret for any of the others",
        Gate::DestructiveOperation => {
            "removing what can't be brought back (`candor audit prune`, `candor package remove`)"
        }
    }
}
