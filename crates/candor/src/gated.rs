//! Work that a gate stands before, as commands want it: handed in, waited for, told.

use std::time::{Duration, Instant};

use candor_core::{
    ids::WorkNo,
    work::{Wanted, Work, WorkState},
};
use candor_path::Act;
use candor_store::{Listing as _, sqlite::Reader};
use serde_json::json;

use crate::{
    approvals::shown,
    cli::Global,
    config::Config,
    desk::{self, Desk, store_failure},
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

/// How often it is looked whether work is done.
const POLL: Duration = Duration::from_millis(20);
/// How long a command waits for work that goes on; it goes on without it.
const PATIENCE: Duration = Duration::from_secs(600);

/// Has work done and waits until it is, or until it waits for its gate. `tick` is called while it goes on.
///
/// # Errors
/// When it makes no sense, or the store can't be used.
pub fn want(global: &Global, wanted: Wanted, tick: &dyn Fn()) -> Result<Work, Failure> {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    want_by(global, Config::load(&home)?, wanted, tick)
}

/// The same where this configuration is gone by, if no daemon runs.
///
/// # Errors
/// As [`want`].
pub fn want_by(global: &Global, config: Config, wanted: Wanted, tick: &dyn Fn()) -> Result<Work, Failure> {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    desk::block_on(async {
        let desk = Desk::open_by(global, config).await?;
        let told = desk.act(Act::Want { wanted }).await;
        let done = match told.and_then(|told| read(&told)) {
            Ok(work) if work.is_started() => over(&home, work.no, tick).await,
            other => other,
        };
        desk.close().await?;
        done
    })
}

/// The work that an act was answered with.
fn read(told: &serde_json::Value) -> Result<Work, Failure> {
    let work = told.get("work").cloned().unwrap_or_default();
    serde_json::from_value(work).map_err(|error| Failure::new(Exit::Internal, format!("no work was answered: {error}")))
}

async fn over(home: &Home, no: WorkNo, tick: &dyn Fn()) -> Result<Work, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        let reader = Reader::open(&home.store()).map_err(store_failure)?;
        let found = reader.work_by_no(no).map_err(store_failure)?;
        let work = found.ok_or_else(|| Failure::new(Exit::NotFound, format!("no work `{no}`")))?;
        if !work.is_started() || Instant::now() >= until {
            return Ok(work);
        }
        tick();
        tokio::time::sleep(POLL).await;
    }
}

/// Tells how work stands: exit code 3 where it waits for its gate, 7 where it failed.
///
/// # Errors
/// When it failed, with why.
pub fn tell(global: &Global, work: &Work) -> Outcome {
    if global.json {
        output::json(&shown::of(work)?)?;
    }
    let (exit, line) = said(work)?;
    if !global.json {
        output::line(shown::text(&line));
    }
    Ok(exit)
}

/// The same of several pieces of work: exit code 3 where one waits.
///
/// # Errors
/// When one failed, with why.
pub fn tell_all(global: &Global, all: &[Work]) -> Outcome {
    if global.json {
        output::json(&shown::document(&json!({ "work": all })))?;
    }
    let mut worst = Exit::Ok;
    for work in all {
        let (exit, line) = said(work)?;
        if exit == Exit::Pending {
            worst = exit;
        }
        if !global.json {
            output::line(shown::text(&line));
        }
    }
    Ok(worst)
}

/// How work stands, in words.
fn said(work: &Work) -> Result<(Exit, String), Failure> {
    Ok(match &work.state {
        WorkState::Pending => {
            let gate = work.gate.as_str();
            let line = format!(
                "{} waits for the gate `{gate}`: {}\nopen it with `candor gate open {gate} --reason \"...\" --expires 1h`; then it is done, once",
                work.no,
                work.wanted.says()
            );
            (Exit::Pending, line)
        }
        WorkState::Started { .. } => (Exit::Pending, format!("{} goes on: {}", work.no, work.wanted.says())),
        WorkState::Done { outcome, .. } => (Exit::Ok, format!("{}: {outcome}", work.no)),
        WorkState::Failed { why, .. } => {
            return Err(Failure::new(Exit::Refused, shown::text(&format!("{} wasn't done: {why}", work.no))));
        }
    })
}
