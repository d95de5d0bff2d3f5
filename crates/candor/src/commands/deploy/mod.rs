//! `candor deploy`: the lifecycle of a deployment on this machine, stage by stage.

mod activate;
mod deactivate;
mod rollback;
mod show;
mod status;

use candor_world::schedulers::Way;
use clap::{Args, Subcommand, ValueEnum};
pub(crate) use status::drift as deployment_drift;

use crate::{
    cli::Global,
    deploy::{Runner, validate},
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

/// Check a deployment, install what runs it, and take it away again.
#[derive(Debug, Subcommand)]
pub enum DeployCommand {
    /// Say everything that is wrong or missing here; installs nothing
    #[command(
        after_help = "Example:\n  candor deploy validate\n\nRuns the probes and keeps what they showed. Exit code: 0 when it may be activated, 13 when it may not."
    )]
    Validate(ChoiceArgs),
    /// Show what activation would put where; installs nothing
    #[command(after_help = "Example:\n  candor deploy plan --scheduler cron")]
    Plan(ChoiceArgs),
    /// Install what runs Candor here, and show that it can be exported and verified
    #[command(
        after_help = "Examples:\n  candor deploy activate\n  candor deploy activate --scheduler cron\n\nOnce more with nothing changed does nothing. After a crash, the same command finishes. Exit code: 13 when\nsomething is refused, or runs not as it was installed."
    )]
    Activate(ChoiceArgs),
    /// Show what runs here, whether it is as it was installed, and what it can't do
    #[command(
        after_help = "Example:\n  candor deploy status --json\n\nExit code: 0 when all is as it was installed, 11 when nothing is, 13 when something isn't."
    )]
    Status,
    /// Take away all that activation put there; the record stays
    #[command(after_help = "Example:\n  candor deploy deactivate")]
    Deactivate,
    /// Go back to the configuration of an earlier deployment
    #[command(
        after_help = "Examples:\n  candor deploy rollback\n  candor deploy rollback --to 2\n\nWhat it replaces is kept in the new deployment's folder."
    )]
    Rollback(RollbackArgs),
}

#[derive(Clone, Debug, Args)]
pub struct ChoiceArgs {
    /// What runs Candor: systemd-user, launchd, cron, systemd-system, manual [default: the first of the user's that answers]
    #[arg(long, value_name = "NAME")]
    scheduler: Option<String>,
    /// How it is run [default: what is usual there]
    #[arg(long, value_enum)]
    run: Option<RunWay>,
    /// Go on where something that the profile requires is missing, with the fallback that is listed
    #[arg(long)]
    degrade: bool,
}

/// How Candor is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunWay {
    /// `candor up`, always
    Daemon,
    /// `candor run`, every minute
    Passes,
}

#[derive(Debug, Args)]
pub struct RollbackArgs {
    #[command(flatten)]
    choice: ChoiceArgs,
    /// The deployment's number [default: the one before the one that runs]
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
}

impl ChoiceArgs {
    fn runner(&self) -> Result<Runner, Failure> {
        let way = self.run.map(|run| match run {
            RunWay::Daemon => Way::Daemon,
            RunWay::Passes => Way::Passes,
        });
        Runner::choose(self.scheduler.as_deref(), way)
    }
}

/// Runs the command.
pub fn run(global: &Global, command: DeployCommand) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    match command {
        DeployCommand::Validate(args) => check(global, &home, &args),
        DeployCommand::Plan(args) => plan(global, &home, &args),
        DeployCommand::Activate(args) => activate::run(global, &home, &args),
        DeployCommand::Status => status::run(global, &home),
        DeployCommand::Deactivate => deactivate::run(global, &home),
        DeployCommand::Rollback(args) => rollback::run(global, &home, &args),
    }
}

fn check(global: &Global, home: &Home, args: &ChoiceArgs) -> Outcome {
    let checked = validate(home, args.runner()?, args.degrade)?;
    activate::leave_candidate(home, &checked)?;
    if global.json {
        output::json(&show::json(&checked))?;
    } else {
        show::people(&checked);
    }
    Ok(if checked.holds() { Exit::Ok } else { Exit::Unhealthy })
}

fn plan(global: &Global, home: &Home, args: &ChoiceArgs) -> Outcome {
    let runner = args.runner()?;
    let checked = validate(home, runner, args.degrade)?;
    let planned = activate::plan(home, runner)?;
    activate::leave_candidate(home, &checked)?;
    if global.json {
        let mut shown = show::json(&checked);
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("scheduler".to_owned(), runner.name().into());
            fields.insert("plan".to_owned(), serde_json::to_value(&planned.placed).unwrap_or_default());
            fields.insert("taken_away".to_owned(), serde_json::to_value(&planned.stale).unwrap_or_default());
        }
        output::json(&shown)?;
    } else {
        show::people(&checked);
        output::line("");
        show::pieces(runner, &planned);
    }
    Ok(if checked.holds() { Exit::Ok } else { Exit::Unhealthy })
}
