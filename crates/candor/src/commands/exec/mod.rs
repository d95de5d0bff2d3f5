//! `candor exec`: runs any command as a governed task. Candor's own failures never keep the command from running, and its exit code
//! is passed through.

mod child;
mod reports;
mod signals;
mod words;

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use candor_core::{
    claim::ClaimKind,
    ids::{AgentId, TaskId},
};
use clap::Args;

use self::{
    child::{Child, Ended},
    reports::Reporter,
    signals::Signals,
};
use super::task::duration;
use crate::{
    cli::Global,
    exit::{Exit, Failure, Outcome},
};

/// Run a command as a governed task
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  candor exec --task nightly --period 10m -- ./migrate.sh\n  candor exec --task tests --report target/nextest/ci/junit.xml --supports tests_passed -- cargo nextest run\n\nThe command's exit code is passed through. 125: candor failed first; 126: can't be run; 127: not found.\nStandard output and error of the command are pipes, passed on byte for byte.\nSignals are passed on; without a terminal, to all that the command started."
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
    let mut signals = Signals::catch();
    match Child::spawn(&args.command) {
        Ok(child) => {
            let reporter = Reporter::start(global, args, child.id(), child.tally());
            let ended = child.wait(&mut signals).await;
            let code = ended.code;
            reporter.finish(ended).await;
            Ok(code)
        }
        Err(failure) => {
            let reporter = Reporter::start(global, args, None, Arc::default());
            reporter.finish(Ended::before_start(&failure)).await;
            Err(failure)
        }
    }
}
