//! `candor config`: check the configuration, or print one to start from.

use candor_core::time::format_duration;
use clap::Subcommand;
use serde_json::json;

use crate::{
    cli::Global,
    config::{Config, EXAMPLE},
    exit::{Exit, Outcome},
    home::Home,
    output,
};

/// Check the configuration, or print one to start from.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a configuration with every default, to start from
    #[command(after_help = "Example:\n  candor config example > ~/.local/state/candor/candor.yaml")]
    Example,
    /// Read the configuration and say what is wrong with it
    #[command(after_help = "Example:\n  candor config check")]
    Check,
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
    let packs = &config.machine.packs;
    if global.json {
        output::json(&json!({
            "from": from, "settings": settings, "packs": packs.names(), "thresholds": packs.thresholds(),
        }))?;
        return Ok(Exit::Ok);
    }
    output::line(format!("profile {}, from {from}", settings.profile));
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
    output::line(format!("packs {}", packs.names().join(", ")));
    for (name, value) in packs.thresholds() {
        output::line(format!("threshold {name} = {value}"));
    }
    Ok(Exit::Ok)
}
