//! The command collector: runs a recipe of the operator's again, and goes by its exit code.
//!
//! Evidence names a recipe; what it says was run is text, and is never run. Exit code 0 supports the claims that the recipe
//! speaks to, another contradicts them. A run that couldn't start, was stopped, or tested nothing is inconclusive.

use std::path::Path;

use candor_core::{claim::ClaimKind, evidence::Subject, time::format_duration};

use super::{
    Collector, CollectorConfig, Look, Recipe, Saw, Seen,
    paths::{self, Refusal},
    run::{Ended, Run, Streams, run},
    test_report::{in_words, summary},
};

/// Runs recipes.
pub struct Command;

/// Exit codes by which shells and `env` say that a program can't be run or isn't there (POSIX, 2.8.2).
const NOT_RUN: [i32; 2] = [126, 127];
/// Signals that a program brings on itself: SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV. Others come from outside.
const CRASHES: [i32; 6] = [4, 5, 6, 7, 8, 11];

impl Collector for Command {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn checks(&self, subject: &Subject, claim: &ClaimKind, config: &CollectorConfig) -> bool {
        recipe(subject, config).is_some_and(|(_, recipe)| recipe.speaks_to.contains(claim))
    }

    fn look(&self, subject: &Subject, look: Look<'_>) -> Seen {
        let Some((name, recipe)) = recipe(subject, look.config) else {
            return Seen::new(Saw::Nothing, refusal(subject));
        };
        if !look.claims.iter().any(|claim| recipe.speaks_to.contains(claim)) {
            return Seen::new(
                Saw::Nothing,
                format!("the recipe `{name}` speaks to none of these claims, so it wasn't run"),
            );
        }
        if recipe.writes && look.may_write.is_none() {
            return Seen::new(
                Saw::Nothing,
                format!("the recipe `{name}` writes; it runs when its gate is open, not before"),
            );
        }
        look_at(name, recipe, look).unwrap_or_else(|refusal| {
            Seen::new(Saw::Nothing, format!("the recipe `{name}` wasn't run: its folder {refusal}"))
        })
    }
}

fn recipe<'a>(subject: &'a Subject, config: &'a CollectorConfig) -> Option<(&'a str, &'a Recipe)> {
    match subject {
        Subject::Command { recipe: Some(name), .. } => Some((name, config.recipes.get(name)?)),
        _ => None,
    }
}

fn refusal(subject: &Subject) -> String {
    match subject {
        Subject::Command { recipe: Some(name), .. } => {
            let name: String = name.chars().take(64).collect();
            format!("there is no recipe `{name}`; the operator lists recipes under `collectors.recipes`")
        }
        _ => "a command is never run as told; name a recipe of the operator's".to_owned(),
    }
}

fn look_at(name: &str, recipe: &Recipe, look: Look<'_>) -> Result<Seen, Refusal> {
    let cwd = recipe.cwd.to_string_lossy();
    let cwd = paths::resolve(&cwd, &look.config.roots)?;
    let began_at = (look.now)();
    let run = run_in(&cwd.path, recipe, look.config.limits.output_bytes);
    let summary = summary::recognise(&run.tail);
    let (saw, told) = judge(&run, &summary, recipe);
    let runners: Vec<_> = summary.runners.iter().copied().collect();
    let tests = (!runners.is_empty()).then_some(summary.counts);
    let tests_told = tests.map_or_else(String::new, |counts| format!("; {}: {}", runners.join(", "), in_words(counts)));
    let took =
        format_duration(std::time::Duration::from_millis(u64::try_from(run.took.as_millis()).unwrap_or(u64::MAX)));
    let mut seen = Seen::new(saw, format!("recipe `{name}`: {told} after {took}{tests_told}"));
    // Source that is edited while the recipe runs may not be in its result, so it speaks of the moment that it began.
    seen.subject_at = Some(began_at);
    seen.sha256 = run.started().then_some(run.output_sha256);
    seen.exit_code = match run.ended {
        Ended::Exited(code) => Some(code),
        _ => None,
    };
    seen.tests = tests;
    Ok(seen)
}

fn run_in(folder: &Path, recipe: &Recipe, tail_max: usize) -> Run {
    let mut command = std::process::Command::new(recipe.run.first().map_or("", String::as_str));
    command.args(recipe.run.iter().skip(1)).current_dir(folder);
    run(command, recipe.env.iter().map(String::as_str), Streams::Both, recipe.timeout, tail_max)
}

fn judge(run: &Run, summary: &summary::Summary, recipe: &Recipe) -> (Saw, String) {
    match &run.ended {
        Ended::NotStarted(why) => (Saw::Nothing, format!("couldn't be started: {why}")),
        Ended::TimedOut => (Saw::Unclear, format!("stopped at its timeout of {}", format_duration(recipe.timeout))),
        Ended::Signalled(signal) if CRASHES.contains(signal) => (Saw::Bad, format!("crashed by signal {signal}")),
        Ended::Signalled(signal) => (Saw::Unclear, format!("was ended by signal {signal}")),
        Ended::Exited(code) if NOT_RUN.contains(code) => {
            (Saw::Unclear, format!("exit code {code}: a program wasn't found or can't be run"))
        }
        Ended::Exited(code) if summary.is_vacuous() => (Saw::Unclear, format!("exit code {code}, but no test ran")),
        Ended::Exited(0) if summary.counts.failed > 0 => {
            (Saw::Unclear, "exit code 0, but its output tells of failed tests".to_owned())
        }
        Ended::Exited(0) => (Saw::Good, "exit code 0".to_owned()),
        Ended::Exited(code) => (Saw::Bad, format!("exit code {code}")),
    }
}
