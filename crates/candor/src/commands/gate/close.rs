//! `candor gate close`: at once, and nobody has to sign it.

use candor_core::{
    gate::{GATES, Gate, Opening},
    time::Timestamp,
};
use candor_path::Act;
use candor_store::{Listing as _, sqlite::Reader};
use clap::Args;
use serde_json::json;

use super::gate;
use crate::{
    approvals::{shown, standing::OPENINGS_MAX},
    cli::Global,
    desk::{self, Desk, store_failure},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    output,
};

#[derive(Debug, Args)]
pub struct CloseArgs {
    /// The gate
    #[arg(value_parser = gate, required_unless_present = "all")]
    gate: Option<Gate>,
    /// Every gate that is open, or is to open
    #[arg(long, conflicts_with = "gate")]
    all: bool,
}

/// Closes what is meant, and tells each opening that it closed.
pub(super) fn run(global: &Global, args: &CloseArgs) -> Outcome {
    let store = desk::reader(global)?;
    let before = live(&store, Clock::from_env().now())?;
    let gates: Vec<Gate> = match args.gate {
        // One that isn't open is refused, and says so.
        Some(gate) => vec![gate],
        None => GATES.iter().copied().filter(|gate| before.iter().any(|of| of.gate == *gate)).collect(),
    };
    desk::block_on(async {
        let desk = Desk::open(global).await?;
        let mut told = Ok(());
        for gate in &gates {
            told = told.and(desk.act(Act::CloseGate { gate: *gate, under: None }).await.map(drop));
        }
        desk.close().await?;
        told
    })?;
    let mut closed = Vec::new();
    for opening in before.iter().filter(|opening| gates.contains(&opening.gate)) {
        closed.extend(store.opening_by_no(opening.no).map_err(store_failure)?.filter(|of| of.closed_at.is_some()));
    }
    if global.json {
        output::json(&shown::document(&json!({ "gates": gates, "openings": closed })))?;
        return Ok(Exit::Ok);
    }
    for gate in &gates {
        let under: Vec<String> =
            closed.iter().filter(|of| of.gate == *gate).map(|of| of.approval.to_string()).collect();
        let under = if under.is_empty() { String::new() } else { format!(": it was open under {}", under.join(", ")) };
        output::line(format!("gate `{}` is closed{under}", gate.as_str()));
    }
    if gates.is_empty() {
        output::line("no gate is open");
    }
    Ok(Exit::Ok)
}

fn live(store: &Reader, now: Timestamp) -> Result<Vec<Opening>, Failure> {
    let mut openings = store.all_openings(OPENINGS_MAX).map_err(store_failure)?;
    openings.retain(|opening| opening.ended_at(now).is_none());
    Ok(openings)
}
