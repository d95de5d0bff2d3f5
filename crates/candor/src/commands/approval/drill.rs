//! `candor approval drill`: a way back is rehearsed, and what came of it is on record.

use candor_approval::drill::{Drill, Lane, LaneStanding, lane};
use candor_store::sqlite::Reader;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::Global,
    config::Config,
    desk::{self, Desk, store_failure},
    drills,
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

#[derive(Debug, Args)]
pub struct DrillArgs {
    /// The lane
    lane: Option<String>,
    /// Every lane
    #[arg(long, conflicts_with = "lane")]
    all: bool,
    /// Only say how each lane stands
    #[arg(long, conflicts_with_all = ["lane", "all"])]
    list: bool,
}

/// Runs the command.
pub fn run(global: &Global, args: &DrillArgs) -> Outcome {
    if args.list {
        return list(global);
    }
    let known = drills::lanes().iter().map(|lane| lane.id).collect::<Vec<_>>().join(", ");
    let chosen: Vec<&Lane> = match &args.lane {
        None if args.all => drills::lanes().iter().collect(),
        None => {
            return Err(Failure::new(Exit::Usage, "no lane is named").hint(format!("name one of {known}, or `--all`")));
        }
        Some(id) => vec![lane(id).ok_or_else(|| {
            Failure::new(Exit::NotFound, format!("no lane `{id}`")).hint(format!("there are {known}"))
        })?],
    };
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    let config = Config::load(&home)?;
    let drilled = desk::block_on(async {
        // The store is there once the desk is open.
        let desk = Desk::open(global).await?;
        let mut drilled = Vec::new();
        for lane in chosen {
            drilled.push((lane, drills::record(&desk, &home, &config, lane).await?));
        }
        desk.close().await?;
        Ok(drilled)
    })?;
    tell(global, &drilled)
}

fn tell(global: &Global, drilled: &[(&Lane, Drill)]) -> Outcome {
    let good = drilled.iter().all(|(_, drill)| drill.good);
    if global.json {
        output::json(&json!({ "good": good, "drills": drilled.iter().map(|(_, drill)| drill).collect::<Vec<_>>() }))?;
        return Ok(if good { Exit::Ok } else { Exit::Unhealthy });
    }
    for (place, (lane, drill)) in drilled.iter().enumerate() {
        if place > 0 {
            output::line("");
        }
        output::line(format!("{} ({})", lane.name, lane.id));
        let row = |step: &candor_approval::drill::Rehearsed| {
            let word = if step.done { "done" } else { "MISSING" };
            vec![word.to_owned(), step.step.clone(), step.found.clone()]
        };
        output::table(&["", "STEP", "FOUND"], drill.steps.iter().map(row));
        if let Some(failure) = &drill.failure {
            output::line(format!("MISSING: {failure}"));
        }
    }
    Ok(if good { Exit::Ok } else { Exit::Unhealthy })
}

fn list(global: &Global) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let now = Clock::from_env().now();
    let standings = match Reader::open(&home.store()) {
        Ok(store) => drills::standings(&store, now)?,
        Err(candor_store::StoreError::Absent { .. }) => {
            drills::lanes().iter().map(|lane| (lane, LaneStanding::Never)).collect()
        }
        Err(error) => return Err(store_failure(error)),
    };
    if global.json {
        let lane = |(lane, standing): &(&Lane, LaneStanding)| {
            let steps = lane.steps.iter().map(|step| json!({ "step": step.id, "says": step.says }));
            json!({
                "lane": lane.id, "name": lane.name, "rollback_owner": lane.rollback_owner, "good": standing.is_good(),
                "standing": standing.words(lane), "steps": steps.collect::<Vec<Value>>(),
                "failure_if_missing": lane.failure_if_missing,
            })
        };
        output::json(&json!({ "lanes": standings.iter().map(lane).collect::<Vec<_>>() }))?;
        return Ok(Exit::Ok);
    }
    let row = |(lane, standing): &(&Lane, LaneStanding)| {
        let word = if standing.is_good() { "good" } else { "NOT GOOD" };
        vec![lane.id.to_owned(), word.to_owned(), standing.words(lane)]
    };
    output::table(&["LANE", "", "STANDS"], standings.iter().map(row));
    Ok(Exit::Ok)
}
