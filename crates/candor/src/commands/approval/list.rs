//! `candor approval list`: the packages and approvals on record.

use candor_core::approval::{Approval, PackageRow, Standing};
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
    if global.json {
        let all = json!({ "packages": packages, "approvals": approvals.iter().map(row_of).collect::<Vec<_>>() });
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
    Ok(Exit::Ok)
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
