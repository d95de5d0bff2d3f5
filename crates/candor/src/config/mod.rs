//! Configuration: one YAML file of this machine's own bindings. Unknown fields are refused, with line and column.

mod file;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use candor_core::{
    capability::{Capabilities, Capability},
    ids::{RuntimeName, TargetName},
    pack::{PackSet, PackSource, core_sources},
    settings::{Settings, Target},
};
use candor_path::Machine;
use candor_world::{
    collectors::CollectorConfig,
    senders::{Binding, HttpPool},
};
pub use file::{AgentToken, ConfigFile, EXAMPLE};
use sha2::{Digest as _, Sha256};

use crate::{
    engine::Rules,
    exit::{Exit, Failure},
    home::Home,
};

/// Largest configuration file, in bytes.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// A configuration, read, checked and bound.
pub struct Config {
    /// Settings and policy.
    pub machine: Machine,
    /// Each target's sender.
    pub bindings: BTreeMap<TargetName, Binding>,
    /// What collectors may look at.
    pub collectors: CollectorConfig,
    /// Where the API listens.
    pub listen: std::net::SocketAddr,
    /// Credentials of agents.
    pub agents: Vec<AgentToken>,
    /// Whether an agent without a credential is turned away.
    pub require_agent_token: bool,
    /// Whether a file was read, or the safe defaults hold.
    pub from_file: bool,
    /// SHA-256 over the file and the packs that it names, in hexadecimal: whether a daemon runs this one.
    pub digest: String,
}

impl Config {
    /// Reads the configuration; without a file, the safe defaults: everything is recorded, nothing leaves this machine.
    ///
    /// # Errors
    /// What is wrong, with line and column, and what to do.
    pub fn load(home: &Home) -> Result<Self, Failure> {
        let text = read(&home.config)?;
        let file = match &text {
            Some(text) => ConfigFile::parse(text, &home.config)?,
            None => ConfigFile::default(),
        };
        Self::bind(file, home, text.as_deref())
    }

    /// What an engine goes by.
    #[must_use]
    pub fn into_rules(self) -> Rules {
        Rules { machine: self.machine, bindings: Arc::new(self.bindings), collectors: Arc::new(self.collectors) }
    }

    fn bind(file: ConfigFile, home: &Home, text: Option<&str>) -> Result<Self, Failure> {
        let wrong = |message: String| {
            Failure::new(Exit::Config, format!("{}: {message}", home.config.display()))
                .hint("`candor config check` reads it again; docs/configuration.md has every field")
        };
        if !file.listen.ip().is_loopback() {
            return Err(wrong(format!("`listen: {}` is not a loopback address; use 127.0.0.1", file.listen)));
        }
        file.evidence.collectors.validate().map_err(|error| wrong(error.to_string()))?;
        let pool = HttpPool::default();
        let mut bindings = BTreeMap::new();
        let mut targets = Vec::new();
        for target in file.targets() {
            let binding = Binding::from_config(&target, &pool).map_err(|error| wrong(error.to_string()))?;
            targets.push(target.target(Some(&binding)));
            if bindings.insert(target.name.clone(), binding).is_some() {
                return Err(wrong(format!("target `{}` is defined twice", target.name)));
            }
        }
        if targets.len() > candor_core::limits::TARGETS_MAX {
            return Err(wrong(format!("at most {} targets", candor_core::limits::TARGETS_MAX)));
        }
        let settings = Settings {
            profile: file.profile.clone(),
            node: home.node()?,
            cadence: file.watch.cadence(),
            escalate_after: file.watch.escalate_after(),
            targets: targets.clone(),
            default_verdict: file.default_verdict,
            evidence_lives_for: file.evidence.lives_for,
            deployment: deployment(&targets),
            capabilities: capabilities(),
            lease: Duration::from_secs(15),
            handover: Duration::from_secs(600),
            fold_every: file.watch.fold_every,
        };
        let sources = sources(&file, home)?;
        let packs = PackSet::load(&sources, &file.packs.tune)
            .map_err(|errors| Failure::new(Exit::Config, errors.to_string()))?;
        Ok(Self {
            machine: Machine { settings, packs },
            bindings,
            collectors: file.evidence.collectors,
            listen: file.listen,
            agents: file.agents.tokens,
            require_agent_token: file.agents.require_token,
            from_file: text.is_some(),
            digest: digest(text, &sources),
        })
    }
}

/// What each runtime can do. `candor task complete` and `candor claim` answer before the claim takes effect, so there a completion
/// can be held back; a command that runs under `candor exec` has ended when Candor hears of it, and an event by HTTP tells
/// nothing of what its sender does with the answer.
fn capabilities() -> BTreeMap<RuntimeName, Capabilities> {
    let known = [("cli", vec![Capability::InlineCompletionBlock])];
    known
        .into_iter()
        .filter_map(|(name, able)| Some((name.parse().ok()?, Capabilities(able.into_iter().collect()))))
        .collect()
}

/// What the targets let this deployment do. Whether a watchdog runs is known to the store.
fn deployment(targets: &[Target]) -> Capabilities {
    let live = |target: &&Target| target.available && target.gate.is_some();
    let mut able = Capabilities::default();
    if targets.iter().any(|target| live(&target)) {
        able.0.extend([Capability::DirectSend, Capability::DeliveryProof]);
    }
    if targets.iter().filter(live).any(|target| target.from_level <= 2) {
        able.0.insert(Capability::EscalationChannel);
    }
    able
}

/// The packs that the configuration enables, as text.
///
/// # Errors
/// When the configuration or a pack's folder can't be read.
pub fn pack_sources(home: &Home) -> Result<Vec<PackSource>, Failure> {
    let file = match read(&home.config)? {
        Some(text) => ConfigFile::parse(&text, &home.config)?,
        None => ConfigFile::default(),
    };
    sources(&file, home)
}

/// Core packs by id, further ones by folder.
fn sources(file: &ConfigFile, home: &Home) -> Result<Vec<PackSource>, Failure> {
    let core = core_sources();
    let mut sources: Vec<PackSource> = Vec::new();
    match &file.packs.enable {
        None => sources.extend(core),
        Some(enabled) => {
            for id in enabled {
                match core.iter().find(|source| &source.folder == id) {
                    Some(source) => sources.push(source.clone()),
                    None => {
                        let known: Vec<&str> = core.iter().map(|source| source.folder.as_str()).collect();
                        return Err(Failure::new(Exit::Config, format!("no core pack `{id}`"))
                            .hint(format!("the core packs are {}", known.join(", "))));
                    }
                }
            }
        }
    }
    for folder in &file.packs.folders {
        sources.push(crate::packs::read_folder(&home.state.join(folder))?);
    }
    Ok(sources)
}

fn digest(text: Option<&str>, sources: &[PackSource]) -> String {
    let mut hash = Sha256::new();
    // Each part with its length before it, so that nothing can move from one to the next.
    let mut part = |bytes: &str| {
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    };
    part(text.unwrap_or_default());
    for source in sources {
        part(&source.folder);
        source.files.iter().for_each(|(name, content)| {
            part(name);
            part(content);
        });
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(Exit::Config, format!("configuration `{}` can't be read: {error}", path.display()))
    };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        Ok(meta) if meta.len() > CONFIG_BYTES_MAX => {
            return Err(Failure::new(
                Exit::Config,
                format!("configuration `{}` is larger than {CONFIG_BYTES_MAX} bytes", path.display()),
            ));
        }
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map(Some).map_err(unreadable)
}
