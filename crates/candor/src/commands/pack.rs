//! `candor pack`: look at policy packs, and check them.

use std::path::{Path, PathBuf};

use candor_core::pack::{PackSet, PackSource, cases, lint};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    cli::Global,
    config::{Config, pack_sources},
    exit::{Exit, Failure, Outcome},
    home::Home,
    output, package, packs,
};

/// Look at policy packs, and check them.
#[derive(Debug, Subcommand)]
pub enum PackCommand {
    /// List the packs that are loaded
    #[command(after_help = "Example:\n  candor pack list")]
    List,
    /// Show a pack: its tunables, and what each rule asks for
    #[command(after_help = "Example:\n  candor pack show completion-integrity")]
    Show(ShowArgs),
    /// Say everything that is wrong with a pack
    #[command(after_help = "Example:\n  candor pack lint ./my-pack")]
    Lint(FolderArgs),
    /// Run golden cases: of one pack, or of all that the configuration enables
    #[command(after_help = "Examples:\n  candor pack test\n  candor pack test ./my-pack")]
    Test(TestArgs),
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The pack's id
    id: String,
}

#[derive(Debug, Args)]
pub struct FolderArgs {
    /// The pack's folder, or the id of a core pack
    pack: String,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    /// The pack's folder, or the id of a core pack; all that the configuration enables when none is named
    pack: Option<String>,
}

/// Runs the command.
pub fn run(global: &Global, command: PackCommand) -> Outcome {
    match command {
        PackCommand::List => list(global),
        PackCommand::Show(args) => show(global, &args.id),
        PackCommand::Lint(args) => lint_one(global, &source(global, &args.pack)?),
        PackCommand::Test(args) => match args.pack {
            Some(pack) => test(global, &[source(global, &pack)?]),
            None => test(global, &pack_sources(&Home::find(global.state.clone(), global.config.clone())?)?),
        },
    }
}

/// A core pack by id, or one of the package in use, or a folder.
fn source(global: &Global, pack: &str) -> Result<PackSource, Failure> {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    match packs::core(package::selected(&home)?.as_ref())?.into_iter().find(|source| source.folder == pack) {
        Some(core) if !Path::new(pack).is_dir() => Ok(core),
        _ => packs::read_folder(&PathBuf::from(pack)),
    }
}

fn loaded(global: &Global) -> Result<PackSet, Failure> {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    Ok(Config::load(&home)?.machine.packs)
}

fn list(global: &Global) -> Outcome {
    let packs = loaded(global)?;
    if global.json {
        output::json(&json!({ "packs": packs.packs(), "thresholds": packs.thresholds() }))?;
        return Ok(Exit::Ok);
    }
    let rules = |id: &str| packs.rules().filter(|rule| rule.name.starts_with(&format!("{id}/"))).count();
    let rows = packs.packs().iter().map(|pack| {
        vec![
            pack.id.clone(),
            pack.version.clone(),
            rules(&pack.id).to_string(),
            pack.tunables.len().to_string(),
            pack.summary.clone(),
        ]
    });
    output::table(&["PACK", "VERSION", "RULES", "TUNABLES", "WHAT IT WATCHES OVER"], rows);
    Ok(Exit::Ok)
}

fn show(global: &Global, id: &str) -> Outcome {
    let packs = loaded(global)?;
    let Some(pack) = packs.packs().iter().find(|pack| pack.id == id) else {
        return Err(
            Failure::new(Exit::NotFound, format!("no pack `{id}` is loaded")).hint("`candor pack list` shows what is")
        );
    };
    let rules: Vec<_> = packs.rules().filter(|rule| rule.name.starts_with(&format!("{id}/"))).collect();
    if global.json {
        let rules: Vec<_> = rules
            .iter()
            .map(|rule| {
                json!({
                    "rule": rule.name, "verdict": rule.verdict, "severity": rule.severity, "obligations": rule.obligations,
                    "message": rule.message, "change": rule.change, "events": rule.events, "line": rule.at.line,
                    "reads": rule.reads.iter().map(|(group, name)| format!("{group}.{name}")).collect::<Vec<_>>(),
                })
            })
            .collect();
        output::json(&json!({ "pack": pack, "rules": rules }))?;
        return Ok(Exit::Ok);
    }
    output::line(format!("{} {}: {}", pack.name(), pack.title, pack.summary));
    for tunable in &pack.tunables {
        let (now, bounds) =
            (packs.thresholds().get(&tunable.name).copied().unwrap_or(tunable.default), tunable.bounds());
        output::line(format!(
            "tunable {} = {now} {} ({} to {}): {}",
            tunable.name,
            tunable.unit,
            bounds.start(),
            bounds.end(),
            tunable.does
        ));
    }
    let row = |rule: &&candor_core::pack::Rule| {
        let events: Vec<&str> = rule.events.iter().copied().collect();
        vec![
            rule.name.clone(),
            rule.verdict.as_str().to_owned(),
            rule.severity.as_str().to_owned(),
            events.join(" "),
            rule.message.clone(),
        ]
    };
    output::table(&["RULE", "VERDICT", "SEVERITY", "ON", "SAYS"], rules.iter().map(row));
    Ok(Exit::Ok)
}

fn lint_one(global: &Global, source: &PackSource) -> Outcome {
    let errors = lint(source);
    if global.json {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        output::json(&json!({ "pack": source.folder, "errors": errors }))?;
    } else if errors.is_empty() {
        output::line(format!("{}: nothing is wrong with it", source.folder));
    } else {
        errors.iter().for_each(output::line);
    }
    Ok(if errors.is_empty() { Exit::Ok } else { Exit::Config })
}

fn test(global: &Global, sources: &[PackSource]) -> Outcome {
    let (mut all, mut rows, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for source in sources {
        let results = cases::run(source).map_err(|errors| Failure::new(Exit::Config, errors.to_string()))?;
        let failed = results.iter().filter(|result| !result.differences.is_empty()).count();
        rows.push(vec![source.folder.clone(), (results.len() - failed).to_string(), failed.to_string()]);
        for result in results {
            let passed = result.differences.is_empty();
            if !passed {
                failures.push(format!("{}/{}: {}", source.folder, result.file, result.name));
                failures.extend(result.differences.iter().map(|difference| format!("  {difference}")));
            }
            all.push(json!({ "pack": source.folder, "file": result.file, "case": result.name, "passed": passed, "differences": result.differences }));
        }
    }
    let failed = all.iter().filter(|case| case.get("passed") != Some(&json!(true))).count();
    let passed = all.len() - failed;
    if global.json {
        output::json(&json!({ "passed": passed, "failed": failed, "cases": all }))?;
    } else {
        output::table(&["PACK", "PASSED", "FAILED"], rows);
        failures.iter().for_each(output::line);
        output::line(format!("{passed} passed, {failed} failed"));
    }
    Ok(if failed == 0 { Exit::Ok } else { Exit::Config })
}
