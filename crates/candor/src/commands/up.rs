//! `candor up`: the daemon. Watchdog, dispatcher, bridge and the HTTP API in one process that holds the store alone.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use candor_core::time::{Timestamp, format_duration};
use candor_path::Input;
use candor_store::sqlite::{Hold, Reader, Sqlite};
use candor_web::{About, App, Bounds, Desk, DeskError, DeskFuture, Secret, Tokens, ViewRequest};
use clap::Args;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    cli::Global,
    config::{AgentToken, Config},
    desk::{Adopted, DaemonFile, store_failure},
    engine::{Clock, Engine, Roles, Setup, SubmitError, Submitter},
    exit::{Exit, Failure, Outcome},
    heads::Herald,
    home::{Home, TokenKind},
    output,
    pruning::Warden,
    reload::Reloader,
    views,
};

/// Run the daemon: watchdog, dispatcher, bridge and the HTTP API
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  candor up --listen 127.0.0.1:7717\n\nStops in order on Ctrl-C and SIGTERM: what is being sent is finished first. SIGHUP, or `candor config reload`, reads\nthe configuration again."
)]
pub struct UpArgs {
    /// Where the API listens; a loopback address. Port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// Runs the command.
pub fn run(global: &Global, args: UpArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    let mut config = Config::load(&home)?;
    if let Some(listen) = args.listen {
        if !listen.ip().is_loopback() {
            return Err(Failure::new(Exit::Config, format!("`{listen}` is not a loopback address"))
                .hint("listen on 127.0.0.1; reach it from elsewhere through a tunnel of yours"));
        }
        config.listen = listen;
    }
    let first_run = !home.store().exists();
    let store = Sqlite::open(&home.store(), Hold::Alone, "up").map_err(store_failure)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(16)
        .thread_keep_alive(Duration::from_secs(2))
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("no runtime: {error}")))?;
    runtime.block_on(serve(home, config, store, first_run))
}

async fn serve(home: Home, config: Config, store: Sqlite, first_run: bool) -> Outcome {
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        Failure::new(Exit::Config, format!("can't listen on {}: {error}", config.listen))
            .hint("another program may use the port; choose one with `--listen 127.0.0.1:PORT`")
    })?;
    let listen = listener.local_addr().unwrap_or(config.listen);
    let clock = Clock::from_env();
    let tokens = tokens(&home, &config)?;
    let greeting = greeting(&home, &config, listen, first_run);
    let digest = config.digest.clone();
    let (upkeep, plan) = watch::channel(config.upkeep());
    let engine = Engine::start(Setup {
        home: home.clone(),
        rules: config.into_rules(),
        store,
        roles: Roles::ALL,
        role: "up",
        once: false,
        takes_reports: true,
        clock: clock.clone(),
    })?;
    let front = Front { submitter: engine.submitter(), store: home.store(), clock: clock.clone() };
    let about = About { role: "up".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let app = App::new(Arc::new(front), tokens, about, Bounds::default())
        .map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    let now = clock.now();
    let configuration = Adopted { digest, at: now, refused: None };
    let daemon = DaemonFile { pid: std::process::id(), listen, started_at: now, configuration };
    daemon.write(&home)?;
    let herald = Herald { home: home.clone(), submitter: engine.submitter(), plan, clock };
    let warden = Warden {
        home: home.clone(),
        submitter: engine.submitter(),
        plan: upkeep.subscribe(),
        clock: herald.clock.clone(),
    };
    let heralding = tokio::spawn(herald.run());
    let pruning = tokio::spawn(warden.run());
    let reloader = Reloader { home: home.clone(), submitter: engine.submitter(), app: app.clone(), daemon, upkeep };
    let reloading = tokio::spawn(reloader.on_hangup());
    for line in greeting {
        output::line(line);
    }
    let served = candor_web::serve(listener, app, stop_signal()).await;
    output::note("stopping: what is being sent is finished first");
    reloading.abort();
    heralding.abort();
    pruning.abort();
    let stopped = engine.stop().await;
    let _ = std::fs::remove_file(home.daemon());
    served.map_err(|error| Failure::new(Exit::Internal, format!("the API ended: {error}")))?;
    stopped?;
    Ok(Exit::Ok)
}

/// Waits until this process is asked to end.
pub async fn stop_signal() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

/// Every credential that the configuration knows.
///
/// # Errors
/// When one can't be read or used.
pub fn tokens(home: &Home, config: &Config) -> Result<Tokens, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(Exit::Config, error.to_string());
    let mut agents = BTreeMap::new();
    for AgentToken { agent, token } in &config.agents {
        let secret = token.read_inbound().map_err(|error| wrong(&format!("token of agent `{agent}`: {error}")))?;
        let secret = Secret::new(secret.expose_secret())
            .map_err(|error| wrong(&format!("token of agent `{agent}`: {error}")))?;
        agents.insert(secret, agent.clone());
    }
    let own = |kind| Secret::new(home.token(kind)?).map_err(|error| wrong(&error));
    Ok(Tokens {
        operator: own(TokenKind::Operator)?,
        adapter: own(TokenKind::Adapter)?,
        agents,
        require_agent_token: config.require_agent_token,
    })
}

/// What is said at the start: where things lie, what is not watched or sent, and what to type next.
fn greeting(home: &Home, config: &Config, listen: SocketAddr, first_run: bool) -> Vec<String> {
    let settings = &config.machine.settings;
    let mut lines = vec![
        format!("candor {} is up: http://{listen}, state in {}", env!("CARGO_PKG_VERSION"), home.state.display()),
        format!(
            "profile {}: a task is silent after {} without a sign of life",
            settings.profile,
            format_duration(settings.cadence.limit())
        ),
    ];
    for target in &settings.targets {
        let gate = match target.gate {
            None => "pretends only; nothing leaves this machine".to_owned(),
            Some(gate) => format!("needs gate `{}`", gate.as_str()),
        };
        lines.push(format!("target {}: {}, {gate}", target.name, target.sender));
    }
    if first_run {
        lines.extend([
            String::new(),
            "Type next, in another terminal (the same `--state`, if you gave one):".to_owned(),
            "  candor exec --task hello --period 5s --grace 1s -- sleep 30   # goes silent; a notice follows"
                .to_owned(),
            "  candor status".to_owned(),
            "  candor notice list".to_owned(),
            format!("  candor config example > {}   # then add a target of yours", home.config.display()),
        ]);
    }
    lines
}

/// What stands behind the API.
struct Front {
    submitter: Submitter,
    store: PathBuf,
    clock: Clock,
}

impl Desk for Front {
    fn submit(&self, inputs: Vec<Input>) -> DeskFuture<'_, Vec<Result<candor_path::Reply, DeskError>>> {
        Box::pin(async move {
            let answers = self.submitter.submit(inputs).await;
            answers.into_iter().map(|answer| answer.map_err(told)).collect()
        })
    }

    fn view(&self, view: ViewRequest) -> DeskFuture<'_, Result<Value, DeskError>> {
        let (path, now) = (self.store.clone(), self.clock.now());
        Box::pin(async move {
            let read = move || {
                let store = Reader::open(&path).map_err(|error| DeskError::Internal(error.to_string()))?;
                views::view(&store, &view, now)
                    .map_err(|error| DeskError::Internal(error.to_string()))?
                    .ok_or(DeskError::NotFound)
            };
            tokio::task::spawn_blocking(read)
                .await
                .map_err(|_| DeskError::Internal("a read ended unexpectedly".to_owned()))?
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn told(error: SubmitError) -> DeskError {
    match error {
        SubmitError::Refused(refusal) => DeskError::Refused(refusal),
        SubmitError::Busy => DeskError::Full { retry_after: Duration::from_secs(1) },
        SubmitError::StoreFull(_) => DeskError::StoreFull,
        SubmitError::Store(why) => DeskError::Internal(why),
        SubmitError::Stopping => DeskError::Stopping,
    }
}
