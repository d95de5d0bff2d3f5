//! `candor approval build`: a package from the catalogue and from what is so.

use candor_approval::{build, package::PacketStatus};
use candor_core::time::Timestamp;
use candor_store::{Listing as _, sqlite::Reader};
use clap::Args;
use serde_json::json;

use crate::{
    approvals::{self, shown, truth},
    cli::Global,
    config::Config,
    desk::{self, Desk, store_failure},
    engine::Clock,
    exit::{Exit, Outcome},
    home::Home,
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
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let config = Config::load(&home)?;
    let catalogue = approvals::catalogue(&home)?;
    let reader = Reader::open(&home.store()).map_err(store_failure)?;
    let now = Clock::from_env().now();
    let closed = reader.last_closed_at(now).map_err(store_failure)?;
    // Wider, never narrower: what happened since the last gate closed always counts.
    let since = args.since.filter(|since| closed.is_none_or(|closed| *since < closed)).filter(|_| closed.is_some());
    let truth = truth::of(&reader, &config, now, since).map_err(store_failure)?;
    let built = build::build(&catalogue, &truth).map_err(|against| approvals::refused(&against))?;
    let row = desk::block_on(async {
        let desk = Desk::open(global).await?;
        let row = approvals::record_package(&desk, &built).await;
        desk.close().await?;
        row
    })?;
    let digest = row.sha256;
    if global.json {
        output::json(
            &json!({ "sha256": digest, "no": row.no, "rollups": built.package.rollups, "program_status": built.package.program_status }),
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
