//! `candor audit prune`: contents that are past their time leave the log; headers stay, so that it still verifies.

use candor_core::{
    time::Timestamp,
    work::{Wanted, Work, WorkState},
};
use candor_store::{Fate, Listing as _, Prunable};
use clap::Args;
use serde_json::json;

use crate::{
    cli::Global,
    config::Config,
    desk,
    engine::Clock,
    exit::{Exit, Outcome},
    gated,
    home::Home,
    output,
    pruning::Pruner,
};

#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
}

/// Prunes, or says what would go.
pub fn run(global: &Global, args: &PruneArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let config = Config::load(&home)?;
    let clock = Clock::from_env();
    let pruner = Pruner { home: &home, plan: &config.audit, clock: &clock };
    if args.dry_run {
        let reader = desk::reader(global)?;
        return would_go(global, &config, &pruner.found(&reader)?);
    }
    if config.audit.keep_for.is_for_ever() {
        output::line("nothing to prune: everything is kept for ever; `keep_for` sets a window");
        return Ok(Exit::Ok);
    }
    // There must be a store: a pruning makes none.
    let reader = desk::reader(global)?;
    let found = pruner.found(&reader)?;
    if found.records == 0 && reader.open_pruning().map_err(desk::store_failure)?.is_none() {
        return told(global, None, "nothing is past its time");
    }
    let bar = indicatif::ProgressBar::new_spinner();
    let work = gated::want(global, Wanted::Prune, &|| {
        let taken = reader.last_pruning().ok().flatten().map_or(0, |pruning| pruning.taken);
        bar.set_message(format!("{taken} contents gone"));
        bar.tick();
    });
    bar.finish_and_clear();
    let work = work?;
    match &work.state {
        WorkState::Done { outcome, .. } => {
            told(global, Some(&work), &format!("{outcome}; headers stay, and the log still verifies"))
        }
        _ => gated::tell(global, &work),
    }
}

fn told(global: &Global, work: Option<&Work>, said: &str) -> Outcome {
    if global.json {
        output::json(&json!({ "work": work, "outcome": said }))?;
    } else {
        output::line(said);
    }
    Ok(Exit::Ok)
}

fn would_go(global: &Global, config: &Config, found: &Prunable) -> Outcome {
    if global.json {
        output::json(&json!({ "keep_for": config.audit.keep_for, "would_go": found }))?;
        return Ok(Exit::Ok);
    }
    output::line(format!("kept for: {}", config.audit.keep_for.words()));
    let word = |fate: Fate| match fate {
        Fate::Goes => "would go",
        Fate::Gone => "gone already",
        Fate::Young => "their time isn't over",
        Fate::KeptForEver => "kept for ever",
        Fate::OpenTask => "needed: their task hasn't ended",
        Fate::Unsettled => "needed: a delivery or an incident isn't settled",
    };
    output::table(
        &["RECORDS", ""],
        found.fates.iter().map(|(fate, count)| vec![count.to_string(), word(*fate).to_owned()]),
    );
    if let Some((first, last)) = found.times {
        let (first, last): (Timestamp, Timestamp) = (first, last);
        output::line(format!(
            "would go: {} records of {} to {}, {} KiB",
            found.records,
            first,
            last,
            found.bytes / 1024
        ));
    }
    if found.more {
        output::line("that is as much as one pruning takes; more may follow it");
    }
    match &config.audit.archive {
        Some(to) => output::line(format!("archived before in {}", to.folder.display())),
        None => output::line("not archived: `audit.archive` names no folder"),
    }
    Ok(Exit::Ok)
}
