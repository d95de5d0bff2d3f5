//! `candor deploy status`: what runs here, and whether it is as it was installed.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use candor_store::{Listing as _, sqlite::Reader};
use candor_world::schedulers::{Found, Way};
use serde_json::json;

use crate::{
    cli::Global,
    commands::{profile::show_gaps, status::OWNERS_MAX},
    config::Config,
    deploy::{Active, Deployments, Stage},
    desk::{self, DaemonFile},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

/// After how long without a pass, each of which is due after a minute, something is wrong.
const PASS_LATE: Duration = Duration::from_secs(180);

/// What isn't as it was installed, in words, with what to do.
pub(crate) fn drift(home: &Home) -> Result<Vec<(String, &'static str)>, Failure> {
    let deployments = Deployments::of(home);
    let mut wrong = Vec::new();
    let again = "candor deploy activate";
    if let Some(journal) = deployments.journal()? {
        wrong.push(match journal.no {
            Some(no) => (format!("the activation of deployment {no} was begun and not finished"), again),
            None => ("a deactivation was begun and not finished".to_owned(), "candor deploy deactivate"),
        });
    }
    let Some(active) = deployments.active()? else { return Ok(wrong) };
    for placed in &active.placed {
        let place = placed.piece.place();
        match placed.piece.found() {
            Ok(Found::InPlace | Found::NothingToSee) => {}
            Ok(Found::Missing) => wrong.push((format!("`{place}` is gone"), again)),
            Ok(Found::Changed) => wrong.push((format!("`{place}` was changed since"), again)),
            Err(error) => wrong.push((format!("`{place}` can't be looked at: {error}"), again)),
        }
    }
    if active.way.is_some() && !active.program.exists() {
        wrong.push((format!("the program `{}` is gone", active.program.display()), "install it again there"));
    }
    if !deployments.artifacts(active.no).is_dir() {
        wrong.push(("the artifacts of its stages are gone".to_owned(), again));
    }
    let answers = || DaemonFile::read(home).is_some_and(|file| desk::is_reachable(&file));
    match active.way {
        Some(Way::Daemon) if !answers() => {
            wrong.push((format!("the daemon that {} should run doesn't answer", active.scheduler), again));
        }
        Some(Way::Passes) if !answers() => wrong.extend(no_pass(home, &active)),
        _ => {}
    }
    for (what, mode, bad) in [("configuration", &home.config, 0o022), ("state folder", &home.state, 0o077)] {
        let open = std::fs::metadata(mode).is_ok_and(|meta| meta.permissions().mode() & bad != 0);
        if open {
            wrong.push((format!("the {what} `{}` is open to others", mode.display()), "candor deploy validate"));
        }
    }
    match Config::load(home) {
        Ok(config) if config.digest != active.digest => {
            wrong.push((
                "the configuration was changed since the activation".to_owned(),
                "candor deploy validate; candor deploy activate",
            ));
        }
        Ok(_) => {}
        Err(failure) => wrong.push((failure.message, "mend it, or `candor deploy rollback`")),
    }
    Ok(wrong)
}

/// Passes that should come and don't: none since the activation, or none for a while.
fn no_pass(home: &Home, active: &Active) -> Option<(String, &'static str)> {
    let now = Clock::from_env().now();
    let reader = Reader::open(&home.store()).ok()?;
    let owners = reader.owners(OWNERS_MAX).ok()?;
    let last = owners.iter().filter(|owner| owner.role == "run").map(|owner| owner.beat_at).max();
    let late = now.before(PASS_LATE);
    match last {
        Some(last) if last >= late => None,
        _ if active.at >= late => None,
        Some(last) => Some((format!("the last pass was at {last}"), "look whether the scheduler runs; candor run")),
        None => Some(("no pass ever came".to_owned(), "look whether the scheduler runs; candor run")),
    }
}

/// Runs the command.
pub(super) fn run(global: &Global, home: &Home) -> Outcome {
    let deployments = Deployments::of(home);
    let (active, wrong) = (deployments.active()?, drift(home)?);
    let gaps = Config::load(home).map(|config| config.deployment.gaps()).unwrap_or_default();
    let numbers = deployments.numbers();
    let exit = match (&active, wrong.is_empty()) {
        (_, false) => Exit::Unhealthy,
        (Some(_), true) => Exit::Ok,
        (None, true) => Exit::NotFound,
    };
    if global.json {
        let stages = active.as_ref().map(|active| {
            let folder = deployments.artifacts(active.no);
            Stage::ALL.map(|stage| json!({ "stage": stage.as_str(), "artifact": folder.join(stage.file()), "there": folder.join(stage.file()).exists() }))
        });
        let wrong: Vec<_> = wrong.iter().map(|(what, next)| json!({ "what": what, "next": next })).collect();
        output::json(
            &json!({ "active": active, "stages": stages, "wrong": wrong, "gaps": gaps, "deployments": numbers }),
        )?;
        return Ok(exit);
    }
    match &active {
        None => output::line("nothing is active here; `candor deploy activate` installs what runs Candor"),
        Some(active) => {
            let as_of =
                if active.of == active.no { String::new() } else { format!(", as deployment {} was", active.of) };
            output::line(format!("deployment {}{as_of}, since {}: profile {}", active.no, active.at, active.profile));
            output::line(format!(
                "adapter {}, package {}, run by {}",
                active.adapter, active.package, active.scheduler
            ));
            let folder = deployments.artifacts(active.no);
            output::line(format!("artifacts of its stages: {}", folder.display()));
            for placed in &active.placed {
                output::line(format!("- {}", placed.piece.place()));
            }
        }
    }
    if numbers.len() > 1 {
        let listed: Vec<String> = numbers.iter().map(u64::to_string).collect();
        output::line(format!("deployments that can be rolled back to: {}", listed.join(", ")));
    }
    for (what, next) in &wrong {
        output::line(format!("WRONG: {what}: {next}"));
    }
    output::line("");
    show_gaps(&gaps);
    Ok(exit)
}
