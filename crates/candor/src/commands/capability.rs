//! `candor capability`: what a runtime's adapter declares, what probes show here, and what happens where something is missing.

use candor_core::capability::{Counts, Descriptor, Standing};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    cli::Global,
    config::{self, Config, Shelf},
    engine::Clock,
    exit::{Exit, Outcome},
    home::Home,
    output, probing,
};

/// See what this machine can really do, and what happens where it can't.
#[derive(Debug, Subcommand)]
pub enum CapabilityCommand {
    /// Run the probes of a descriptor, and keep what they showed
    #[command(
        after_help = "Example:\n  candor capability probe\n\nWhat was shown counts for 7 days, and a running daemon goes by it after `candor config reload`.\nExit code: 0 when every probe showed it, 13 when one didn't."
    )]
    Probe(IdArgs),
    /// Show every ability: whether it counts as supported, and what happens where it doesn't
    #[command(
        after_help = "Examples:\n  candor capability show\n  candor capability show claude-code-hooks --json\n\nExit code: 11 when there is no such descriptor."
    )]
    Show(IdArgs),
    /// Hold what is declared against this machine, and keep nothing
    #[command(
        after_help = "Example:\n  candor capability diff claude-code-hooks\n\nExit code: 0 when all that is declared is so, 13 when something isn't."
    )]
    Diff(IdArgs),
}

#[derive(Debug, Args)]
pub struct IdArgs {
    /// The descriptor's id; the one that holds here when none is named
    id: Option<String>,
}

/// Runs the command.
pub fn run(global: &Global, command: CapabilityCommand) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    let config = Config::load(&home)?;
    let (CapabilityCommand::Probe(args) | CapabilityCommand::Show(args) | CapabilityCommand::Diff(args)) = &command;
    let descriptor = match &args.id {
        Some(id) => config::descriptor(&Shelf::Capabilities.find(&home, id, Exit::NotFound)?)?,
        None => config.deployment.descriptor.clone(),
    };
    match command {
        CapabilityCommand::Probe(_) => probe(global, &home, &config, &descriptor),
        CapabilityCommand::Show(_) => show(global, &home, &descriptor),
        CapabilityCommand::Diff(_) => diff(global, &home, &config, &descriptor),
    }
}

fn probe(global: &Global, home: &Home, config: &Config, descriptor: &Descriptor) -> Outcome {
    let record = probing::look(home, config, descriptor);
    probing::keep(home, descriptor, &record)?;
    let all = record.reports.values().all(|report| report.shown);
    if global.json {
        output::json(&record)?;
    } else {
        output::line(format!("{}, kept in {}", record.descriptor, config::record_path(home, descriptor).display()));
        let rows = record.reports.iter().map(|(name, report)| {
            vec![
                name.clone(),
                if report.shown { "shown" } else { "NOT SHOWN" }.to_owned(),
                report.at.to_string(),
                report.method.clone(),
                report.output.clone(),
            ]
        });
        output::table(&["PROBE", "", "AT", "HOW", "SAW"], rows);
    }
    Ok(if all { Exit::Ok } else { Exit::Unhealthy })
}

fn show(global: &Global, home: &Home, descriptor: &Descriptor) -> Outcome {
    let record = config::read_record(home, descriptor);
    let stands = config::stands(descriptor, record.as_ref(), Clock::from_env().now());
    let name = descriptor.metadata.name();
    if global.json {
        let abilities: Vec<_> = stands
            .iter()
            .map(|one| {
                let missing = one.counts != Counts::Supported;
                json!({ "standing": one, "instead": missing.then(|| one.ability.fallback().instead) })
            })
            .collect();
        output::json(&json!({ "descriptor": name, "abilities": abilities, "record": record }))?;
        return Ok(Exit::Ok);
    }
    output::line(format!("{name}: {}", descriptor.metadata.summary));
    let row = |one: &Standing| {
        let instead = if one.counts == Counts::Supported { "" } else { one.ability.fallback().instead };
        vec![
            one.ability.as_str().to_owned(),
            one.counts.as_str().to_owned(),
            one.shown_by.join(", "),
            instead.to_owned(),
            one.note.clone(),
        ]
    };
    output::table(&["ABILITY", "COUNTS AS", "SHOWN BY", "INSTEAD", "NOTE"], stands.iter().map(row));
    if stands.iter().any(|one| one.counts == Counts::Unprobed) {
        output::line("what is declared counts once it is shown: candor capability probe");
    }
    Ok(Exit::Ok)
}

fn diff(global: &Global, home: &Home, config: &Config, descriptor: &Descriptor) -> Outcome {
    let record = probing::look(home, config, descriptor);
    let stands = config::stands(descriptor, Some(&record), Clock::from_env().now());
    let wrong: Vec<&Standing> = stands.iter().filter(|one| one.declared && one.counts != Counts::Supported).collect();
    let why = |one: &Standing| {
        let failed = one.shown_by.iter().filter_map(|name| {
            record.reports.get(name).filter(|report| !report.shown).map(|report| format!("{name}: {}", report.output))
        });
        failed.collect::<Vec<_>>().join("; ")
    };
    if global.json {
        let differences: Vec<_> = wrong
            .iter()
            .map(|one| json!({ "ability": one.ability, "counts": one.counts, "why": why(one), "instead": one.ability.fallback().instead }))
            .collect();
        output::json(&json!({ "descriptor": descriptor.metadata.name(), "differences": differences }))?;
    } else if wrong.is_empty() {
        output::line(format!("{}: all that it declares is so here", descriptor.metadata.name()));
    } else {
        let row = |one: &&Standing| {
            vec![one.ability.as_str().to_owned(), why(one), one.ability.fallback().instead.to_owned()]
        };
        output::table(&["DECLARED, NOT SO HERE", "WHY", "INSTEAD"], wrong.iter().map(row));
    }
    Ok(if wrong.is_empty() { Exit::Ok } else { Exit::Unhealthy })
}
