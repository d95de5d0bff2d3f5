//! The desk: where a command hands in reports and acts. A running daemon takes them by HTTP; without one, this process opens the
//! store itself, for as long as the command lasts.

use std::time::Duration;

use candor_core::{event::Event, evidence::Origin, limits::EVENT_BYTES_MAX, time::Timestamp};
use candor_path::{Accepted, Act, Input, Reply};
use candor_store::{
    StoreError,
    sqlite::{Hold, Reader, Sqlite},
};
use candor_world::secrets::SecretRef;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    cli::Global,
    config::Config,
    engine::{Clock, Engine, Roles, Setup},
    exit::{Exit, Failure},
    home::{Home, TokenKind},
};

/// How long the daemon may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How a running daemon is reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DaemonFile {
    /// Its process id.
    pub pid: u32,
    /// Where its API listens.
    pub listen: std::net::SocketAddr,
    /// When it started.
    pub started_at: Timestamp,
    /// The configuration that it goes by.
    pub configuration: Adopted,
}

/// A configuration that a daemon goes by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Adopted {
    /// Which: as [`Config::digest`].
    pub digest: String,
    /// When it was read.
    pub at: Timestamp,
    /// One that it was asked to go by since, and couldn't.
    pub refused: Option<RefusedConfig>,
}

/// A configuration that a daemon couldn't go by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefusedConfig {
    /// Which, if it could be read.
    pub digest: Option<String>,
    /// When it was asked.
    pub at: Timestamp,
    /// What is wrong.
    pub why: String,
}

impl DaemonFile {
    /// What the daemon of a state folder wrote about itself, whether it still lives or not.
    #[must_use]
    pub fn read(home: &Home) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(home.daemon()).ok()?).ok()
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When the state folder can't be written.
    pub fn write(&self, home: &Home) -> Result<(), Failure> {
        let text = serde_json::to_string(self).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        let (path, fresh) = (home.daemon(), home.state.join("daemon.json.new"));
        std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(|error| Failure::new(Exit::Store, format!("`{}` can't be written: {error}", path.display())))
    }
}

/// What became of a report, in the words of the API.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    pub accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folded: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<ToldDecision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// What policy made of a report.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldDecision {
    pub no: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<candor_core::decision::Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<candor_core::decision::Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<candor_core::decision::CapabilityGap>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<ToldRule>,
}

/// One rule that contributed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldRule {
    pub rule: String,
    pub verdict: String,
    pub message: String,
}

impl From<&Accepted> for Told {
    fn from(accepted: &Accepted) -> Self {
        let decision = accepted.decision_no.map(|no| match &accepted.decision {
            None => ToldDecision { no: no.to_string(), ..ToldDecision::default() },
            Some(decision) => ToldDecision {
                no: no.to_string(),
                requested: Some(decision.requested),
                effective: Some(decision.effective),
                gap: decision.gap.clone(),
                rules: decision
                    .rules
                    .iter()
                    .map(|hit| ToldRule {
                        rule: hit.rule.clone(),
                        verdict: hit.verdict.as_str().to_owned(),
                        message: hit.message.clone(),
                    })
                    .collect(),
            },
        });
        Self {
            accepted: true,
            event: accepted.event.map(|no| no.to_string()),
            duplicate: accepted.event.map(|_| accepted.duplicate),
            folded: accepted.event.is_none().then_some(true),
            decision,
            claim: accepted.claim.map(|no| no.to_string()),
            evidence: accepted.evidence.map(|no| no.to_string()),
            request: accepted.request.map(|no| no.to_string()),
            notice: accepted.notice.map(|no| no.to_string()),
        }
    }
}

/// Whose report it is, and how that is shown to a daemon.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An agent's, or nobody's in particular: with the agent's token, where the operator gave it one.
    Agent {
        /// The file that holds it.
        token_file: Option<std::path::PathBuf>,
    },
    /// Candor's own adapter.
    Adapter,
    /// The operator's.
    Operator,
}

impl Credential {
    fn origin(&self) -> Origin {
        match self {
            Self::Agent { .. } => Origin::Agent,
            Self::Adapter => Origin::Adapter,
            Self::Operator => Origin::Operator,
        }
    }

    /// What is presented to a daemon.
    fn token(&self, home: &Home) -> Result<Option<String>, Failure> {
        match self {
            Self::Agent { token_file: None } => Ok(None),
            Self::Agent { token_file: Some(path) } => {
                let token = SecretRef::File(path.clone()).read_inbound();
                let token = token.map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
                Ok(Some(token.expose_secret().to_owned()))
            }
            Self::Adapter => home.token(TokenKind::Adapter).map(Some),
            Self::Operator => home.token(TokenKind::Operator).map(Some),
        }
    }
}

/// Where a command hands in reports and acts.
pub enum Desk {
    /// A daemon runs; it takes them.
    Daemon(Daemon),
    /// None runs; this process writes.
    Here(Box<Engine>),
}

/// A running daemon.
pub struct Daemon {
    client: reqwest::Client,
    base: String,
    home: Home,
}

impl Desk {
    /// Finds the daemon, or opens the store.
    ///
    /// # Errors
    /// When neither can be had.
    pub async fn open(global: &Global) -> Result<Self, Failure> {
        let home = Home::find(global.state.clone(), global.config.clone())?;
        if let Some(url) = &global.url {
            return Daemon::at(&home, url.clone()).map(Self::Daemon);
        }
        if let Some(daemon) = Daemon::find(&home).await? {
            return Ok(Self::Daemon(daemon));
        }
        home.create()?;
        Self::here(&home, Config::load(&home)?)
    }

    /// The same where this configuration is gone by, if no daemon runs.
    ///
    /// # Errors
    /// When neither can be had.
    pub async fn open_by(global: &Global, config: Config) -> Result<Self, Failure> {
        let home = Home::find(global.state.clone(), global.config.clone())?;
        match Daemon::find(&home).await? {
            Some(daemon) => Ok(Self::Daemon(daemon)),
            None => Self::here(&home, config),
        }
    }

    fn here(home: &Home, config: Config) -> Result<Self, Failure> {
        let store = Sqlite::open(&home.store(), Hold::Shared, "command").map_err(store_failure)?;
        let engine = Engine::start(Setup {
            home: home.clone(),
            rules: config.into_rules(),
            store,
            roles: Roles::NONE,
            role: "command",
            once: false,
            takes_reports: false,
            clock: Clock::from_env(),
        })?;
        Ok(Self::Here(Box::new(engine)))
    }

    /// Hands a report in.
    ///
    /// # Errors
    /// When it is refused, or can't be made durable.
    pub async fn report(&self, event: Value, credential: &Credential) -> Result<Told, Failure> {
        match self {
            Self::Daemon(daemon) => daemon.report(&event, credential).await,
            Self::Here(engine) => {
                let submitter = engine.submitter();
                let (event, origin) = (read_event(event, submitter.now())?, credential.origin());
                let reply = submitter.submit_one(Input::Report { event: Box::new(event), origin }).await?;
                match reply {
                    Reply::Accepted(accepted) => Ok(Told::from(&*accepted)),
                    other => Err(Failure::new(Exit::Internal, format!("a report was answered with {other:?}"))),
                }
            }
        }
    }

    /// Hands an operator's act in; the answer is what the API would say.
    ///
    /// # Errors
    /// When it is refused, or can't be made durable.
    pub async fn act(&self, act: Act) -> Result<Value, Failure> {
        match self {
            Self::Daemon(daemon) => {
                daemon.post("/v1/acts", &candor_web::act_to_json(&act), &Credential::Operator).await
            }
            Self::Here(engine) => {
                let reply = engine.submitter().submit_one(Input::Operator { act, origin: Origin::Operator }).await?;
                Ok(candor_web::act_reply_to_json(&reply))
            }
        }
    }

    /// Waits for what the command started: collectors that look, for one.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Daemon(_) => Ok(()),
            Self::Here(engine) => engine.stop().await,
        }
    }
}

fn read_event(event: Value, now: Timestamp) -> Result<Event, Failure> {
    let bytes = event.to_string();
    if bytes.len() > EVENT_BYTES_MAX {
        return Err(Failure::new(Exit::Refused, format!("the report is larger than {EVENT_BYTES_MAX} bytes")));
    }
    Event::parse(event, now).map_err(|error| Failure::new(Exit::Refused, error.to_string()))
}

/// Whether something listens where a daemon said that it does: its file outlives a `kill -9`.
#[must_use]
pub fn is_reachable(daemon: &DaemonFile) -> bool {
    std::net::TcpStream::connect_timeout(&daemon.listen, std::time::Duration::from_secs(1)).is_ok()
}

impl Daemon {
    /// The daemon of this state folder, if one runs and answers.
    async fn find(home: &Home) -> Result<Option<Self>, Failure> {
        let Some(file) = DaemonFile::read(home) else { return Ok(None) };
        let daemon = Self::at(home, format!("http://{}", file.listen))?;
        match daemon.client.get(format!("{}/healthz", daemon.base)).send().await {
            Ok(answer) if answer.status().is_success() => Ok(Some(daemon)),
            // Its file outlived it: a daemon that was killed can't remove it.
            _ => Ok(None),
        }
    }

    /// A daemon at an address, whether it answers or not.
    fn at(home: &Home, base: String) -> Result<Self, Failure> {
        let client = candor_world::senders::daemon_client(ANSWER_TIMEOUT)
            .map_err(|error| Failure::new(Exit::Internal, format!("no HTTP client: {error}")))?;
        Ok(Self { client, base, home: home.clone() })
    }

    async fn report(&self, event: &Value, credential: &Credential) -> Result<Told, Failure> {
        let told = self.post("/v1/events", event, credential).await?;
        serde_json::from_value(told)
            .map_err(|error| Failure::new(Exit::Unreachable, format!("the daemon's answer can't be read: {error}")))
    }

    async fn post(&self, path: &str, body: &Value, credential: &Credential) -> Result<Value, Failure> {
        let content = if path == "/v1/events" { "application/cloudevents+json" } else { "application/json" };
        let mut request =
            self.client.post(format!("{}{path}", self.base)).header("content-type", content).body(body.to_string());
        if let Some(token) = credential.token(&self.home)? {
            request = request.bearer_auth(token);
        }
        let unreachable = |error: reqwest::Error| {
            Failure::new(
                Exit::Unreachable,
                format!("the daemon at {} doesn't answer: {}", self.base, error.without_url()),
            )
            .hint("`candor status` shows whether it runs")
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(unreachable)?;
        let body: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::new(Exit::Unreachable, format!("the daemon's answer can't be read: {error}")))?;
        if (200..300).contains(&status) { Ok(body) } else { Err(refused(status, &body)) }
    }
}

/// The daemon's refusal as the same command without a daemon would tell it.
fn refused(status: u16, body: &Value) -> Failure {
    let text = |field: &str| body.pointer(&format!("/error/{field}")).and_then(Value::as_str).unwrap_or_default();
    let message = match text("at") {
        "" => text("message").to_owned(),
        at => format!("at `{at}`: {}", text("message")),
    };
    let exit = match (status, text("code")) {
        (404, _) => Exit::NotFound,
        (503, _) => Exit::Unreachable,
        (507, _) | (500, _) => Exit::Store,
        _ => Exit::Refused,
    };
    let failure = Failure::new(exit, message);
    match text("help") {
        "" => failure,
        help => failure.hint(help),
    }
}

/// A store's failure with its exit code.
#[must_use]
pub fn store_failure(error: StoreError) -> Failure {
    let exit = match error {
        StoreError::Held { .. } => Exit::Held,
        StoreError::Absent { .. } => Exit::NotFound,
        _ => Exit::Store,
    };
    Failure::new(exit, error.to_string())
}

/// The store, for reading what is committed; a running daemon doesn't mind.
///
/// # Errors
/// When there is none, or it can't be read.
pub fn reader(global: &Global) -> Result<Reader, Failure> {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    Reader::open(&home.store()).map_err(store_failure)
}

/// Runs a command's asynchronous part.
///
/// # Errors
/// When no runtime can be made, or the command's own failure.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("no runtime: {error}")))?
        .block_on(work)
}
