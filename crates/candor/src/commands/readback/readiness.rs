//! `candor readback readiness`: the stage before a package, from what is so.

use candor_approval::readiness;
use candor_store::sqlite::Reader;
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
pub struct ReadinessArgs {
    /// Show it, and put nothing on record
    #[arg(long)]
    dry_run: bool,
}

/// Builds the document and puts it on record.
pub fn run(global: &Global, args: &ReadinessArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let config = Config::load(&home)?;
    let reader = Reader::open(&home.store()).map_err(store_failure)?;
    let truth = truth::of(&reader, &config, Clock::from_env().now(), None).map_err(store_failure)?;
    let document = readiness::build(&truth);
    if !args.dry_run {
        desk::block_on(async {
            let desk = Desk::open(global).await?;
            let told = approvals::record_readiness(&desk, &document).await;
            desk.close().await?;
            told
        })?;
    }
    if global.json {
        output::json(&shown::document(&json!(document)))?;
        return Ok(Exit::Ok);
    }
    output::line(shown::text(&document.readiness_note));
    let rows = document.readback_digests.iter().map(|of| {
        let waits: Vec<&str> = of.waits_for.iter().map(|stage| stage.as_str()).collect();
        [of.digest_id.clone(), of.status.as_str().to_owned(), of.gate.as_str().to_owned(), waits.join(", ")]
    });
    output::table(&["DIGEST", "STATUS", "GATE", "WAITS FOR"], rows);
    output::line("");
    let rows = document
        .reviewer_queue_previews
        .iter()
        .map(|of| [of.display_name.clone(), of.would_queue.to_string(), of.status.as_str().to_owned()]);
    output::table(&["REVIEWERS WOULD GET", "HOW MANY", "STATUS"], rows);
    output::line("");
    let rows = document.failure_lanes.iter().map(|of| [of.lane_id.clone(), shown::text(&of.standing)]);
    output::table(&["LANE", "STANDS"], rows);
    Ok(Exit::Ok)
}
