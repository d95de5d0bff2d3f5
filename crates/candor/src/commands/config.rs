//! `candor config`: check the configuration, or print one to start from.

use std::time::{Duration, Instant};

use candor_core::time::format_duration;
use candor_world::runtimes::RuntimeRead;
use clap::Subcommand;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{
    cli::Global,
    config::{Config, EXAMPLE},
    desk::{self, DaemonFile},
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

/// How long a daemon may take to go by another configuration.
const RELOAD_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether it does.
const RELOAD_POLL: Duration = Duration::from_millis(20);

/// Check the configuration, or print one to start from.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a configuration with every default, to start from
    #[command(after_help = "Example:\n  candor config example > ~/.local/state/candor/candor.yaml")]
    Example,
    /// Read the configuration and say what is wrong with it
    #[command(after_help = "Example:\n  candor config check")]
    Check,
    /// Check the configuration, and let the running daemon go by it
    #[command(
        after_help = "Example:\n  candor config reload\n\nWhat is being sent is finished by the old one. `listen` holds from the next start only."
    )]
    Reload,
    /// Show what holds: cadence, targets, packs and thresholds
    #[command(after_help = "Example:\n  candor config show --json")]
    Show,
}

/// Runs the command.
pub fn run(global: &Global, command: ConfigCommand) -> Outcome {
    if matches!(command, ConfigCommand::Example) {
        output::line(EXAMPLE.trim_end());
        return Ok(Exit::Ok);
    }
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    let config = Config::load(&home)?;
    let settings = &config.machine.settings;
    let from =
        if config.from_file { home.config.display().to_string() } else { "no file: the safe defaults".to_owned() };
    if matches!(command, ConfigCommand::Check) {
        if global.json {
            output::json(&json!({ "ok": true, "from": from }))?;
        } else {
            output::line(format!("the configuration is fine ({from})"));
        }
        return Ok(Exit::Ok);
    }
    if matches!(command, ConfigCommand::Reload) {
        return reload(global, &home, &config.digest);
    }
    let packs = &config.machine.packs;
    if global.json {
        output::json(&json!({
            "from": from, "settings": settings, "packs": packs.names(), "thresholds": packs.thresholds(),
        }))?;
        return Ok(Exit::Ok);
    }
    output::line(format!("profile {}, from {from}; candor profile explain says who set what", settings.profile));
    output::line(format!(
        "a task is silent after {} + {}",
        format_duration(settings.cadence.period),
        format_duration(settings.cadence.grace)
    ));
    for (level, after) in settings.escalate_after.iter().enumerate() {
        output::line(format!("level {} after another {}", level + 2, format_duration(*after)));
    }
    for target in &settings.targets {
        let gate = target.gate.map_or("no live effect", |gate| gate.as_str());
        output::line(format!("target {}: {} ({gate})", target.name, target.sender));
    }
    for (name, reader) in &config.runtimes {
        let plans = RuntimeRead::ALL.into_iter().filter(|plan| reader.would_ask(*plan).is_ok());
        let plans: Vec<&str> = plans.map(RuntimeRead::as_str).collect();
        output::line(format!("runtime {name}: can be asked for {}", plans.join(", ")));
    }
    output::line(format!("packs {}", packs.names().join(", ")));
    for (name, value) in packs.thresholds() {
        output::line(format!("threshold {name} = {value}"));
    }
    Ok(Exit::Ok)
}

fn reload(global: &Global, home: &Home, digest: &str) -> Outcome {
    let pid = adopt(home, digest)?;
    if global.json {
        output::json(&json!({ "ok": true, "digest": digest, "pid": pid }))?;
    } else {
        output::line(format!("the daemon (process {pid}) goes by it from now on"));
    }
    Ok(Exit::Ok)
}

/// Asks the daemon to read the configuration again, and waits until it goes by it; its process.
///
/// # Errors
/// When no daemon runs, it can't go by it, or doesn't say.
pub fn adopt(home: &Home, digest: &str) -> Result<u32, Failure> {
    let nobody = || {
        Failure::new(Exit::Unreachable, "no daemon runs on this state folder")
            .hint("the configuration is fine; `candor up` goes by it from its start")
    };
    let before = DaemonFile::read(home).ok_or_else(nobody)?;
    let asked_at = before.configuration.refused.as_ref().map(|refused| refused.at);
    i32::try_from(before.pid)
        .ok()
        .and_then(Pid::from_raw)
        .filter(|_| desk::is_reachable(&before))
        .and_then(|pid| kill_process(pid, Signal::HUP).ok())
        .ok_or_else(nobody)?;
    let until = Instant::now() + RELOAD_MAX;
    while Instant::now() < until {
        let now = DaemonFile::read(home).filter(|now| now.pid == before.pid).ok_or_else(nobody)?;
        if let Some(refused) = now.configuration.refused.filter(|refused| Some(refused.at) != asked_at) {
            return Err(Failure::new(Exit::Config, format!("the daemon can't go by it: {}", refused.why))
                .hint("the configuration that it had still holds"));
        }
        if now.configuration.digest == digest && now.configuration.at > before.configuration.at {
            return Ok(now.pid);
        }
        std::thread::sleep(RELOAD_POLL);
    }
    Err(Failure::new(Exit::Unreachable, format!("process {} didn't say what came of it", before.pid))
        .hint("`candor status` shows which configuration it goes by"))
}
