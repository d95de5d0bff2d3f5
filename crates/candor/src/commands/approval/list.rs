//! `candor approval list`: the packages and approvals on record, and what agents ask for.

use candor_core::approval::{Approval, PackageRow, Request, Standing};
use candor_store::Listing as _;
use clap::Args;
use serde_json::json;

use crate::{
    approvals::shown,
    cli::Global,
    desk::{reader, store_failure},
    exit::{Exit, Outcome},
    output,
};

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Most rows of each list, newest first
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
}

/// Lists them.
pub fn run(global: &Global, args: &ListArgs) -> Outcome {
    let store = reader(global)?;
    let packages = store.packages(args.limit).map_err(store_failure)?;
    let approvals = store.approvals(args.limit).map_err(store_failure)?;
    let requests = store.requests(args.limit).map_err(store_failure)?;
    if global.json {
        let approvals: Vec<_> = approvals.iter().map(row_of).collect();
        let all = json!({ "packages": packages, "approvals": approvals, "requests": requests });
        output::json(&shown::document(&all))?;
        return Ok(Exit::Ok);
    }
    let of = |row: &PackageRow| {
        let stands = |status: &str| row.packets.iter().filter(|packet| packet.status == status).count().to_string();
        let statuses = ["ready_for_owner_review", "approval_required", "blocked_by_policy"].map(stands);
        let [ready, required, blocked] = statuses;
        [row.sha256.clone(), row.at.to_string(), ready, required, blocked]
    };
    output::table(&["PACKAGE", "BUILT", "READY", "APPROVAL REQUIRED", "BLOCKED"], packages.iter().map(of));
    output::line("");
    let of = |row: &Approval| {
        [
            row.no.to_string(),
            shown::text(&row.terms.packet_id),
            standing(&row.standing),
            shown::text(&row.signed_by.join(", ")),
            row.terms.expires_at.to_string(),
            shown::text(row.terms.reason()),
        ]
    };
    output::table(&["APPROVAL", "PACKET", "STANDS", "SIGNED BY", "UNTIL", "REASON"], approvals.iter().map(of));
    if !requests.is_empty() {
        output::line("");
        asked(&requests);
    }
    Ok(Exit::Ok)
}

/// What agents asked for, as a table.
pub(super) fn asked(requests: &[Request]) {
    let of = |row: &Request| {
        [
            row.no.to_string(),
            row.agent.to_string(),
            row.task.to_string(),
            row.gate.as_str().to_owned(),
            row.scope.to_string(),
            row.answered_by.map_or_else(|| "waits".to_owned(), |no| format!("answered by {no}")),
            shown::text(&row.reason),
        ]
    };
    output::table(&["REQUEST", "AGENT", "TASK", "GATE", "FOR", "STANDS", "REASON"], requests.iter().map(of));
}

/// An approval without the text that was signed: that is in its artifact.
fn row_of(row: &Approval) -> serde_json::Value {
    json!({ "no": row.no, "terms": row.terms, "signed_by": row.signed_by, "at": row.at, "standing": row.standing })
}

fn standing(of: &Standing) -> String {
    match of {
        Standing::WaitsForOwner => "waits for another owner".to_owned(),
        Standing::Given => "given".to_owned(),
        Standing::Rejected => "rejected".to_owned(),
        Standing::Revoked { at, by, reason } => shown::text(&format!("revoked at {at} by {by}: {reason}")),
    }
}
