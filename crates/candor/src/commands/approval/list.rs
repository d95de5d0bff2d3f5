//! `candor approval list`: the packages and approvals on record, and what agents ask for.

use candor_core::approval::{Approval, PackageRow, Request};
use candor_store::Listing as _;
use clap::Args;
use serde_json::json;

use crate::{
    approvals::{self, shown, standing},
    cli::Global,
    desk::{reader, store_failure},
    engine::Clock,
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
    let openings = store.all_openings(standing::OPENINGS_MAX).map_err(store_failure)?;
    let now = Clock::from_env().now();
    if global.json {
        let approvals: Vec<_> = approvals.iter().map(|of| standing::row(of, &openings, now)).collect();
        let reviews = approvals::reviews(&store, None).map_err(store_failure)?;
        let all = json!({ "packages": packages, "approvals": approvals, "requests": requests, "reviews": reviews });
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
            standing::of_approval(row, &openings, now),
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
