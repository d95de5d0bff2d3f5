//! `candor audit prune`: contents that are past their time leave the log; headers stay, so that it still verifies.

use candor_core::time::Timestamp;
use candor_store::{Fate, Prunable};
use clap::Args;
use serde_json::json;

use crate::{
    cli::Global,
    config::Config,
    desk::{self, Desk},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    heads::keeper,
    home::Home,
    output,
    pruning::{Hands, Pruner},
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
    let internal = |error: std::io::Error| Failure::new(Exit::Internal, format!("no runtime: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(internal)?;
    desk::reader(global)?;
    let desk = runtime.block_on(Desk::open(global))?;
    let bar = indicatif::ProgressBar::new_spinner();
    let passed = pruner.pass(&Hands {
        act: &|act| runtime.block_on(desk.act(act)).map(drop),
        put: &|place, document| {
            let keeper = keeper(&home)?;
            let now = || clock.now();
            runtime.block_on(place.put(&keeper, document, &now)).map_err(|error| {
                Failure::new(Exit::Refused, format!("the archive isn't sent: {error}; nothing is pruned"))
            })
        },
        progress: &|taken| {
            bar.set_message(format!("{taken} contents gone"));
            bar.tick();
        },
    });
    bar.finish_and_clear();
    let closed = runtime.block_on(desk.close());
    let passed = passed?;
    closed?;
    if global.json {
        output::json(&json!({ "taken": passed.taken, "archives": passed.archives }))?;
        return Ok(Exit::Ok);
    }
    for archive in &passed.archives {
        output::line(format!("archived in {}", archive.display()));
    }
    output::line(match passed.taken {
        0 => "nothing is past its time".to_owned(),
        taken => format!("the contents of {taken} records are gone; their headers stay, and the log still verifies"),
    });
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
