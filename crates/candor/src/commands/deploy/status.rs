//! `candor deploy status`: what runs here, and whether it is as it was installed.

use candor_world::schedulers::{Found, Way};
use serde_json::json;

use crate::{
    cli::Global,
    commands::profile::show_gaps,
    config::Config,
    deploy::{Deployments, Stage},
    desk::{self, DaemonFile},
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

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
    let daemon = active.way == Some(Way::Daemon) && active.scheduler != "cron";
    if daemon && !DaemonFile::read(home).is_some_and(|file| desk::is_reachable(&file)) {
        wrong.push((format!("the daemon that {} should run doesn't answer", active.scheduler), again));
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
