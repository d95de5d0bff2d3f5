//! `candor approval build`: a package from the catalogue and from what is so.

use candor_approval::package::PacketStatus;
use candor_core::time::Timestamp;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    approvals::{self, shown},
    cli::Global,
    exit::{Exit, Outcome},
    output,
};

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Count effects since this time, too, not only since the last gate closed
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
}

/// Builds a package and puts it on record.
pub fn run(global: &Global, args: &BuildArgs) -> Outcome {
    let (built, told) = approvals::build(global, args.since)?;
    let row = told.get("package").cloned().unwrap_or_default();
    let digest = row.get("sha256").and_then(Value::as_str).unwrap_or_default().to_owned();
    if global.json {
        output::json(
            &json!({ "sha256": digest, "no": row.get("no"), "rollups": built.package.rollups, "program_status": built.package.program_status }),
        )?;
        return Ok(Exit::Ok);
    }
    output::line(format!("{digest}: {}", shown::text(&built.package.program_status.status_note)));
    let rows = built.package.approval_packet_templates.iter().map(|packet| {
        [packet.packet_id.clone(), packet.status.as_str().to_owned(), packet.risk_tier.as_str().to_owned()]
    });
    output::table(&["PACKET", "STATUS", "RISK"], rows);
    let open = built.package.approval_packet_templates.iter().any(|of| of.status != PacketStatus::BlockedByPolicy);
    output::line(if open { "look at it: candor approval show" } else { "why: candor approval show" });
    Ok(Exit::Ok)
}
