//! `candor profile`: which profiles there are, and what holds under them.

use std::{collections::BTreeMap, path::Path};

use candor_core::profile::{Line, SAFE_DEFAULT};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    cli::Global,
    config::{self, ConfigFile, Deployment, Document, Gap, Shelf},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

/// Look at deployment profiles: what they set, and what limits it.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// List the profiles that can be selected
    #[command(after_help = "Example:\n  candor profile list")]
    List,
    /// Print a profile as it is written
    #[command(
        after_help = "Example:\n  candor profile show strict-manager-mode\n\nExit code: 11 when there is no such profile."
    )]
    Show(IdArgs),
    /// Say everything that is wrong with a profile
    #[command(
        after_help = "Examples:\n  candor profile validate ./my-mode.yaml\n  candor profile validate strict-manager-mode\n\nExit code: 8 when something is wrong, with line, column and rule."
    )]
    Validate(ValidateArgs),
    /// Say for every value who set it and what limits it, and what is missing here
    #[command(
        after_help = "Examples:\n  candor profile explain\n  candor profile explain strict-manager-mode\n\nWithout an id: what holds here. With one: what would hold here, were it selected."
    )]
    Explain(ExplainArgs),
    /// Show the values in which two profiles differ
    #[command(
        after_help = "Example:\n  candor profile diff standard-team-mode strict-manager-mode\n\nThe local binding is left out of both."
    )]
    Diff(DiffArgs),
}

#[derive(Debug, Args)]
pub struct IdArgs {
    /// The profile's id
    id: String,
}

#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The profile's file, or its id
    profile: String,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The profile's id; the one that is selected when none is named
    id: Option<String>,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// One profile's id
    from: String,
    /// The other's
    to: String,
}

/// Runs the command.
pub fn run(global: &Global, command: ProfileCommand) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    match command {
        ProfileCommand::List => list(global, &home),
        ProfileCommand::Show(args) => show(global, &home, &args.id),
        ProfileCommand::Validate(args) => validate(global, &home, &args.profile),
        ProfileCommand::Explain(args) => explain(global, &home, args.id),
        ProfileCommand::Diff(args) => diff(global, &home, &args),
    }
}

/// What would hold under this profile, with or without the local binding.
fn under(home: &Home, id: &str, local: (ConfigFile, Option<String>)) -> Result<Deployment, Failure> {
    let (file, text) = local;
    Deployment::of(&ConfigFile { profile: id.to_owned(), ..file }, text.as_deref(), home, Clock::from_env().now())
}

/// Fails with [`Exit::NotFound`] where there is no such profile.
fn known(home: &Home, id: &str) -> Result<(), Failure> {
    if id == SAFE_DEFAULT { Ok(()) } else { Shelf::Profiles.find(home, id, Exit::NotFound).map(|_| ()) }
}

fn list(global: &Global, home: &Home) -> Outcome {
    let (file, _) = config::file(home)?;
    let mut profiles = vec![json!({
        "id": SAFE_DEFAULT, "version": "", "runtime": "", "from": "built in", "selected": file.profile == SAFE_DEFAULT,
        "summary": "The package's own defaults; without targets nothing leaves this machine.",
    })];
    for document in Shelf::Profiles.list(home)? {
        let selected = document.id == file.profile;
        profiles.push(match config::profile(&document) {
            Ok(profile) => json!({
                "id": document.id, "version": profile.metadata.version, "runtime": profile.metadata.runtime,
                "from": document.from, "selected": selected, "summary": profile.metadata.summary,
            }),
            Err(failure) => json!({
                "id": document.id, "version": "", "runtime": "", "from": document.from, "selected": selected,
                "summary": format!("can't be used: {}", failure.message),
            }),
        });
    }
    if global.json {
        output::json(&json!({ "profiles": profiles }))?;
        return Ok(Exit::Ok);
    }
    let row = |profile: &serde_json::Value| {
        let text = |field: &str| profile.get(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let selected = profile.get("selected") == Some(&json!(true));
        vec![
            if selected { "*" } else { "" }.to_owned(),
            text("id"),
            text("version"),
            text("runtime"),
            text("from"),
            text("summary"),
        ]
    };
    output::table(&["", "PROFILE", "VERSION", "RUNTIME", "FROM", "WHAT IT IS FOR"], profiles.iter().map(row));
    Ok(Exit::Ok)
}

fn show(global: &Global, home: &Home, id: &str) -> Outcome {
    if id == SAFE_DEFAULT {
        return Err(Failure::new(Exit::NotFound, format!("`{SAFE_DEFAULT}` is no document: it sets nothing"))
            .hint("`candor profile explain dry-run` shows what holds under it"));
    }
    let document = Shelf::Profiles.find(home, id, Exit::NotFound)?;
    if global.json {
        output::json(&config::profile(&document)?)?;
    } else {
        output::line(document.text.trim_end());
    }
    Ok(Exit::Ok)
}

/// Reads it, and lays it on the package and the adapter, without the local binding.
fn validate(global: &Global, home: &Home, profile: &str) -> Outcome {
    let path = Path::new(profile);
    let document: Document = if path.is_file() {
        config::read_document(path)?
    } else {
        Shelf::Profiles.find(home, profile, Exit::NotFound)?
    };
    let checked = Deployment::with(&document, home, Clock::from_env().now());
    if global.json {
        let wrong = checked.as_ref().err().map(|failure| failure.message.lines().collect::<Vec<_>>());
        output::json(&json!({ "profile": document.id, "from": document.from, "errors": wrong.unwrap_or_default() }))?;
        return Ok(if checked.is_ok() { Exit::Ok } else { Exit::Config });
    }
    let deployment = checked?;
    output::line(format!("{}: nothing is wrong with it", deployment.name()));
    Ok(Exit::Ok)
}

fn explain(global: &Global, home: &Home, id: Option<String>) -> Outcome {
    let local = config::file(home)?;
    let id = id.unwrap_or_else(|| local.0.profile.clone());
    known(home, &id)?;
    let approvals = local.0.approvals.lines(&home.config);
    let deployment = under(home, &id, local)?;
    let (mut lines, gaps) = (deployment.resolved.lines(), deployment.gaps());
    lines.extend(approvals);
    let adapter = deployment.descriptor.metadata.name();
    if global.json {
        output::json(&json!({ "profile": deployment.name(), "adapter": adapter, "values": lines, "gaps": gaps }))?;
        return Ok(Exit::Ok);
    }
    output::line(format!("profile {}, adapter {adapter}", deployment.name()));
    output::line("");
    let row =
        |line: &Line| vec![line.key.clone(), line.value.clone(), line.layer.as_str().to_owned(), line.bound.clone()];
    output::table(&["VALUE", "IS", "SET BY", "BOUND"], lines.iter().map(row));
    output::line("");
    show_gaps(&gaps);
    Ok(Exit::Ok)
}

/// What is counted on and missing, and what happens instead.
pub fn show_gaps(gaps: &[Gap]) {
    if gaps.is_empty() {
        output::line("nothing that is counted on here is missing");
        return;
    }
    let row = |gap: &Gap| {
        vec![
            gap.ability.as_str().to_owned(),
            if gap.required { "required" } else { "optional" }.to_owned(),
            gap.why.to_owned(),
            gap.instead.to_owned(),
        ]
    };
    output::table(&["MISSING HERE", "", "WHY", "INSTEAD"], gaps.iter().map(row));
}

fn diff(global: &Global, home: &Home, args: &DiffArgs) -> Outcome {
    let values = |id: &str| -> Result<BTreeMap<String, String>, Failure> {
        known(home, id)?;
        let lines = under(home, id, (ConfigFile::default(), None))?.resolved.lines();
        Ok(lines.into_iter().map(|line| (line.key, line.value)).collect())
    };
    let (from, to) = (values(&args.from)?, values(&args.to)?);
    let keys: std::collections::BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let value = |of: &BTreeMap<String, String>, key: &str| of.get(key).cloned().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<Vec<String>> = keys
        .into_iter()
        .map(|key| vec![key.clone(), value(&from, key), value(&to, key)])
        .filter(|row| row.get(1) != row.get(2))
        .collect();
    if global.json {
        let differences: Vec<_> =
            rows.iter().map(|row| json!({ "key": row.first(), "from": row.get(1), "to": row.get(2) })).collect();
        output::json(&json!({ "from": args.from, "to": args.to, "differences": differences }))?;
    } else if rows.is_empty() {
        output::line("the same values hold under both");
    } else {
        output::table(&["VALUE", &args.from, &args.to], rows);
    }
    Ok(Exit::Ok)
}
