//! `candor exec`: runs any command as a governed task. Candor's own failures never keep the command from running, and its exit code
//! is passed through.

mod child;
mod reports;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use candor_core::{
    claim::ClaimKind,
    ids::{AgentId, TaskId},
    time::parse_duration,
};
use clap::Args;

use super::task::duration;
use crate::{
    cli::Global,
    exit::{Exit, Failure, Outcome},
};

/// Run a command as a governed task
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  candor exec --task nightly --period 10m -- ./migrate.sh\n  candor exec --task tests --report target/nextest/ci/junit.xml --supports tests_passed -- cargo nextest run\n\nThe command's exit code is passed through. 125: candor failed first; 126: can't be run; 127: not found.\nStandard output and error of the command are pipes, passed on byte for byte."
)]
pub struct ExecArgs {
    /// The task's id
    #[arg(long)]
    pub task: TaskId,
    /// Longest time between two signs of life
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub period: Option<String>,
    /// What is allowed beyond the period
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub grace: Option<String>,
    /// How long the command should take
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub expected: Option<String>,
    /// The task that this one is part of
    #[arg(long)]
    pub parent: Option<TaskId>,
    /// The agent that the task belongs to
    #[arg(long, env = "CANDOR_AGENT")]
    pub agent: Option<AgentId>,
    /// A test report that the command writes; picked up as evidence. May be repeated
    #[arg(long, value_name = "PATH")]
    pub report: Vec<PathBuf>,
    /// A claim that the command's success supports, beside `completion`. May be repeated
    #[arg(long, value_name = "CLAIM")]
    pub supports: Vec<ClaimKind>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// Runs the command.
pub fn run(global: &Global, args: ExecArgs) -> Outcome {
    let failed =
        |error: std::io::Error| Failure::new(Exit::ExecFailed, format!("candor can't run the command: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let code = runtime.block_on(govern(global, &args))?;
    // The command's own code, which is not one of ours.
    std::process::exit(code);
}

async fn govern(global: &Global, args: &ExecArgs) -> Result<i32, Failure> {
    let mut child = child::Child::spawn(&args.command)?;
    let mut reports = reports::Reports::new(global.clone(), args.clone());
    reports.started(child.id()).await;
    let every = checkpoint_every(args);
    let ended = child.run(every, &mut reports).await;
    reports.ended(&ended).await;
    Ok(ended.code)
}

/// How often output growth is reported as life: three times per period, and at least once a minute.
fn checkpoint_every(args: &ExecArgs) -> Duration {
    let period = args.period.as_deref().and_then(|text| parse_duration(text).ok()).unwrap_or(Duration::from_secs(300));
    (period / 3).clamp(Duration::from_millis(300), Duration::from_secs(60))
}
