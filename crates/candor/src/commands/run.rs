//! `candor run`: roles without the daemon. One pass, for cron; or `--loop`, each role as its own process and user.

use candor_store::{
    StoreError,
    sqlite::{Hold, Sqlite},
};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::up::stop_signal;
use crate::{
    cli::Global,
    config::Config,
    desk::{self, DaemonFile},
    engine::{Clock, Engine, Roles, Setup, crash},
    exit::{Exit, Failure, Outcome},
    home::Home,
    output, reload,
};

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Looks at tasks that are due
    Watchdog,
    /// Hands due notices over
    Dispatcher,
    /// Opens attempts and sends
    Bridge,
}

/// Run roles without the daemon: one pass, or --loop
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  candor run                     # one pass of everything, for cron\n  candor run watchdog --loop     # one role, until it is stopped"
)]
pub struct RunArgs {
    /// Only this role; all of them when none is named
    role: Option<Role>,
    /// Keep running until stopped
    #[arg(long = "loop")]
    keep: bool,
}

impl RunArgs {
    /// One pass of everything.
    #[must_use]
    pub fn pass() -> Self {
        Self { role: None, keep: false }
    }
}

fn passed(global: &Global, role: &str, what: &str) -> Outcome {
    if global.json {
        output::json(&json!({ "role": role, "passed": true }))?;
    } else {
        output::note(format!("{role}: {what}"));
    }
    Ok(Exit::Ok)
}

/// Runs the command.
pub fn run(global: &Global, args: RunArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    let config = Config::load(&home)?;
    let (roles, name) = match args.role {
        None => (Roles::ALL, "run"),
        Some(Role::Watchdog) => (Roles { watchdog: true, ..Roles::NONE }, "watchdog"),
        Some(Role::Dispatcher) => (Roles { dispatcher: true, ..Roles::NONE }, "dispatcher"),
        Some(Role::Bridge) => (Roles { bridge: true, ..Roles::NONE }, "bridge"),
    };
    crash::point(match args.role {
        None => "run.all",
        Some(Role::Watchdog) => "run.watchdog",
        Some(Role::Dispatcher) => "run.dispatcher",
        Some(Role::Bridge) => "run.bridge",
    });
    let store = match Sqlite::open(&home.store(), Hold::Shared, name) {
        // A pass beside a daemon has nothing to do: no reason for cron to send mail each minute.
        Err(StoreError::Held { .. })
            if !args.keep && DaemonFile::read(&home).as_ref().is_some_and(desk::is_reachable) =>
        {
            return passed(global, name, "the daemon runs and does all of it");
        }
        opened => opened.map_err(desk::store_failure)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let engine = Engine::start(Setup {
            home: home.clone(),
            rules: config.into_rules(),
            store,
            roles,
            role: name,
            once: !args.keep,
            takes_reports: false,
            clock: Clock::from_env(),
        })?;
        if !args.keep {
            engine.finished().await?;
            return passed(global, name, "one pass done; `candor status` shows what stands where");
        }
        output::note(format!("{name} runs until it is stopped (Ctrl-C)"));
        let submitter = engine.submitter();
        tokio::select! {
            () = stop_signal() => {}
            never = reload::on_hangup(&home, &submitter) => match never {},
        }
        engine.stop().await?;
        Ok(Exit::Ok)
    })
}
