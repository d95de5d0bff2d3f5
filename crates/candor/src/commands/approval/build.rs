//! `candor approval build`: a package from the catalogue and from what is so.

use candor_approval::{
    build::{self, Built, Refused},
    package::{PacketStatus, to_json},
};
use candor_core::{limits::DOCUMENT_BYTES_MAX, time::Timestamp};
use candor_path::Act;
use candor_store::{Listing as _, sqlite::Reader};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    approvals::{self, shown, truth},
    cli::Global,
    config::Config,
    desk::{self, Desk, store_failure},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
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
    let built = build::build(&catalogue, &truth).map_err(|against| refused(&against))?;
    let told = record(global, &built)?;
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

fn refused(against: &[Refused]) -> Failure {
    let lines: Vec<String> = against.iter().map(|why| shown::text(&why.to_string())).collect();
    Failure::new(Exit::Refused, format!("no package can be built:\n  {}", lines.join("\n  ")))
        .hint("a package says that nothing is open and that nothing happened; see docs/approval-package.md")
}

fn record(global: &Global, built: &Built) -> Result<Value, Failure> {
    let (package, evidence) = (to_json(&built.package), built.evidence_json());
    let bytes = package.to_string().len() + evidence.to_string().len();
    if bytes > DOCUMENT_BYTES_MAX {
        return Err(Failure::new(
            Exit::Refused,
            format!("the package has {bytes} bytes; at most {DOCUMENT_BYTES_MAX} are kept"),
        )
        .hint("shorten the texts of the catalogue"));
    }
    desk::block_on(async {
        let desk = Desk::open(global).await?;
        let told = desk.act(Act::RecordPackage { package, evidence }).await;
        desk.close().await?;
        told
    })
}
