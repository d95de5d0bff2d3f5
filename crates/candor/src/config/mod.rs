//! Configuration: one YAML file of this machine's own bindings. Unknown fields are refused, with line and column.

mod approvals;
mod audit;
mod deployment;
mod edit;
mod file;
pub mod in_force;
mod library;
mod targets;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

pub use approvals::{ApprovalsPlan, ApprovalsSection, parse_signers, read_signers};
pub use audit::{AuditPlan, AuditSection, Bound, Every, PublishPlace};
use candor_approval::signers::Owners;
use candor_core::{
    capability::{Capabilities, Capability, supported},
    catalogue::{Catalogue, PlanEntry},
    ids::{RuntimeName, TargetName},
    pack::{PackSet, PackSource},
    profile::{Rule, SenderMode},
    settings::{Approvals, Settings, Target},
    task::Cadence,
};
use candor_path::{Machine, Vouched};
use candor_world::{
    collectors::CollectorConfig,
    runtimes::Reader,
    senders::{Binding, HttpPool},
};
pub use deployment::{Deployment, Gap, descriptor, profile, read_record, record_path, stands};
pub use edit::with_owner;
pub use file::{AgentToken, ConfigFile, EXAMPLE};
pub use library::{Document, Shelf, read as read_document};
use sha2::{Digest as _, Sha256};
pub use targets::with_target;

use crate::{
    approvals::catalogue_of,
    engine::{Clock, OwnersFile, Rules},
    exit::{Exit, Failure},
    home::Home,
    package::{self, Installed},
    readbacks,
};

/// Largest configuration file, in bytes.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// A configuration, read, checked and bound.
pub struct Config {
    /// Settings and policy.
    pub machine: Machine,
    /// Each target's sender.
    pub bindings: BTreeMap<TargetName, Binding>,
    /// Each runtime that can be asked what it has on record.
    pub runtimes: BTreeMap<RuntimeName, Reader>,
    /// The readback plans of the catalogue in use.
    pub plans: Vec<PlanEntry>,
    /// Profile, descriptor, and what the layers come to.
    pub deployment: Deployment,
    /// What collectors may look at.
    pub collectors: CollectorConfig,
    /// Where the API listens.
    pub listen: std::net::SocketAddr,
    /// Credentials of agents.
    pub agents: Vec<AgentToken>,
    /// Whether an agent without a credential is turned away.
    pub require_agent_token: bool,
    /// Heads of the log, windows and archives.
    pub audit: Arc<AuditPlan>,
    /// Whose signatures open gates.
    pub owners: Arc<Owners>,
    /// Who may approve.
    pub approvals: ApprovalsPlan,
    /// Whether a file was read, or the safe defaults hold.
    pub from_file: bool,
    /// SHA-256 over the file, the owners, the package in use and the packs, in hexadecimal: whether a daemon runs this one.
    pub digest: String,
}

/// What is done while a daemon runs goes by these: heads, prunings, and whose signatures open their gates.
#[derive(Clone)]
pub struct Upkeep {
    /// Heads of the log, windows and archives.
    pub audit: Arc<AuditPlan>,
    /// Whose signatures open gates.
    pub owners: Arc<Owners>,
}

impl Config {
    /// What upkeep goes by.
    #[must_use]
    pub fn upkeep(&self) -> Upkeep {
        Upkeep { audit: Arc::clone(&self.audit), owners: Arc::clone(&self.owners) }
    }

    /// Reads the configuration; without a file, the safe defaults: everything is recorded, nothing leaves this machine.
    ///
    /// # Errors
    /// What is wrong, with line and column, and what to do.
    pub fn load(home: &Home) -> Result<Self, Failure> {
        Self::load_over(home, package::selected(home)?)
    }

    /// The same over this package, whichever is in use.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_over(home: &Home, package: Option<Installed>) -> Result<Self, Failure> {
        let (file, text) = file(home)?;
        Self::bind(file, home, text.as_deref(), package)
    }

    /// The package that this deployment goes by, `name@version`.
    #[must_use]
    pub fn package(&self) -> String {
        self.deployment.package_id()
    }

    /// What an engine goes by.
    #[must_use]
    pub fn into_rules(self) -> Rules {
        let in_force = Box::new(in_force::of(&self.deployment, &self.machine.settings));
        Rules {
            machine: self.machine,
            bindings: Arc::new(self.bindings),
            runtimes: Arc::new(self.runtimes),
            plans: Arc::new(self.plans),
            collectors: Arc::new(self.collectors),
            audit: self.audit,
            owners: self.owners,
            owners_file: OwnersFile::at(self.approvals.path),
            in_force,
        }
    }

    /// Binds a file: the values that the four layers come to are the ones that hold.
    fn bind(file: ConfigFile, home: &Home, text: Option<&str>, package: Option<Installed>) -> Result<Self, Failure> {
        let wrong = |message: String| {
            Failure::new(Exit::Config, format!("{}: {message}", home.config.display()))
                .hint("`candor config check` reads it again; docs/configuration.md has every field")
        };
        if !file.listen.ip().is_loopback() {
            return Err(wrong(format!("`listen: {}` is not a loopback address; use 127.0.0.1", file.listen)));
        }
        file.evidence.collectors.validate().map_err(|error| wrong(error.to_string()))?;
        let catalogue = catalogue_of(package.as_ref())?;
        let deployment = Deployment::over(package, &file, text, home, Clock::from_env().now())?;
        let pool = HttpPool::default();
        let mut bindings = BTreeMap::new();
        let mut targets = Vec::new();
        for config in file.targets() {
            let binding = Binding::from_config(&config, &pool).map_err(|error| wrong(error.to_string()))?;
            let sender = config.sender.name();
            if !SenderMode::parse(sender).is_some_and(|mode| deployment.resolved.lets_out(mode)) {
                let rule = Rule::SenderModes;
                return Err(wrong(format!(
                    "target `{}` uses `{sender}`, which the profile `{}` doesn't let out (rule `{}`: {})",
                    config.name,
                    deployment.name(),
                    rule.as_str(),
                    rule.says()
                ))
                .hint("`candor profile explain` shows the senders that it does; name another profile or sender"));
            }
            let mut target = config.target(Some(&binding));
            target.needs = target.needs.max(deployment.resolved.needs.value);
            targets.push(target);
            if bindings.insert(config.name.clone(), binding).is_some() {
                return Err(wrong(format!("target `{}` is defined twice", config.name)));
            }
        }
        if targets.len() > candor_core::limits::TARGETS_MAX {
            return Err(wrong(format!("at most {} targets", candor_core::limits::TARGETS_MAX)));
        }
        let runtimes = file.runtimes.iter().map(|(name, config)| {
            let reader = Reader::bind(config).map_err(|why| wrong(format!("runtime `{name}`: {why}")))?;
            Ok((name.clone(), reader))
        });
        let runtimes: BTreeMap<RuntimeName, Reader> = runtimes.collect::<Result<_, Failure>>()?;
        let names: Vec<TargetName> = targets.iter().map(|target| target.name.clone()).collect();
        let audit = AuditPlan::bind(&file.audit, &deployment.resolved.keep_for.value, &names, &pool).map_err(wrong)?;
        let mut settings = settings(&deployment, targets, &bindings, home.node()?);
        settings.places = audit.places();
        let approvals = ApprovalsPlan::bind(&file.approvals, &home.config, &settings.targets)?;
        approvals.put_in(&mut settings);
        let askable = readbacks::Askable { bindings: &bindings, runtimes: &runtimes, node: &settings.node };
        let gated = gated(settings.approvals.clone(), &file.evidence.collectors, &catalogue, askable);
        settings.approvals = gated;
        let packs = PackSet::load(&deployment.sources, &deployment.resolved.tuned())
            .map_err(|errors| Failure::new(Exit::Config, errors.to_string()))?;
        let digest = digest(text, &approvals.text, &deployment);
        Ok(Self {
            machine: Machine { settings, packs, vouched: Vouched::default() },
            bindings,
            runtimes,
            plans: catalogue.plans,
            collectors: file.evidence.collectors,
            listen: file.listen,
            agents: file.agents.tokens,
            require_agent_token: file.agents.require_token,
            audit: Arc::new(audit),
            owners: Arc::new(approvals.owners.clone()),
            approvals,
            from_file: text.is_some(),
            deployment,
            digest,
        })
    }
}

/// What the path reads of it.
fn settings(
    deployment: &Deployment,
    targets: Vec<Target>,
    bindings: &BTreeMap<TargetName, Binding>,
    node: String,
) -> Settings {
    let resolved = &deployment.resolved;
    Settings {
        profile: deployment.name(),
        node,
        cadence: Cadence { period: resolved.period.value, grace: resolved.grace.value },
        escalate_after: resolved.escalate_after.value.clone(),
        deployment: able(&targets, bindings),
        targets,
        default_verdict: resolved.default_verdict.value,
        evidence_lives_for: resolved.evidence_lives_for.value,
        capabilities: deployment.capabilities(),
        lease: Duration::from_secs(15),
        handover: Duration::from_secs(600),
        fold_every: resolved.fold_every.value,
        keep_for: resolved.keep_for.value.clone(),
        places: Vec::new(),
        approvals: Approvals { two_owners: resolved.two_owners.keys().copied().collect(), ..Approvals::default() },
    }
}

/// What passes gates beside notices: recipes that write, and questions to channels and runtimes.
fn gated(
    approvals: Approvals,
    collectors: &CollectorConfig,
    catalogue: &Catalogue,
    of: readbacks::Askable<'_>,
) -> Approvals {
    let writes = collectors.recipes.iter().filter(|(_, recipe)| recipe.writes);
    let asked = of.bindings.values().filter(|binding| binding.reads_back().is_ok());
    Approvals {
        writing_recipes: writes.map(|(name, _)| name.clone()).collect(),
        asked: asked.map(|binding| binding.target().clone()).collect(),
        plans: readbacks::terms(catalogue, of),
        ..approvals
    }
}

/// What the targets let this deployment do: those whose secrets are there. Whether a watchdog runs is known to the store.
fn able(targets: &[Target], bindings: &BTreeMap<TargetName, Binding>) -> Capabilities {
    let ready = |target: &&Target| bindings.get(&target.name).is_some_and(|binding| binding.check_secrets().is_ok());
    let live: Vec<&Target> =
        targets.iter().filter(|target| target.available && target.gate.is_some()).filter(ready).collect();
    let mut able = Capabilities::default();
    if !live.is_empty() {
        able.0.extend([Capability::DirectSend, Capability::DeliveryProof]);
    }
    if live.iter().any(|target| target.from_level <= 2) {
        able.0.insert(Capability::EscalationChannel);
    }
    able
}

/// The configuration file as it is written, and its text; the safe defaults where there is none.
///
/// # Errors
/// When it can't be read.
pub fn file(home: &Home) -> Result<(ConfigFile, Option<String>), Failure> {
    let text = read(&home.config)?;
    let file = text.as_ref().map(|text| ConfigFile::parse(text, &home.config)).transpose()?.unwrap_or_default();
    Ok((file, text))
}

/// The packs that the configuration enables, as text.
///
/// # Errors
/// When the configuration or a pack's folder can't be read.
pub fn pack_sources(home: &Home) -> Result<Vec<PackSource>, Failure> {
    let (file, text) = file(home)?;
    Ok(Deployment::of(&file, text.as_deref(), home, Clock::from_env().now())?.sources)
}

fn digest(text: Option<&str>, owners: &str, deployment: &Deployment) -> String {
    let mut hash = Sha256::new();
    // Each part with its length before it, so that nothing can move from one to the next.
    let mut part = |bytes: &str| {
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    };
    part(text.unwrap_or_default());
    part(owners);
    part(&deployment.texts);
    supported(&deployment.standing).iter().for_each(|ability| part(ability.as_str()));
    for source in &deployment.sources {
        part(&source.folder);
        source.files.iter().for_each(|(name, content)| {
            part(name);
            part(content);
        });
    }
    candor_audit::hex(&hash.finalize())
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(Exit::Config, format!("configuration `{}` can't be read: {error}", path.display()))
    };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        // Opening a pipe would wait for its writer.
        Ok(meta) if !meta.is_file() => {
            return Err(Failure::new(
                Exit::Config,
                format!("configuration `{}` is not a regular file", path.display()),
            ));
        }
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

#[cfg(test)]
mod tests {
    use candor_core::{ids::NoticeNo, profile::SenderMode, work::Wanted};
    use candor_path::gates_of_work;
    use candor_world::senders::SENDERS;

    use super::*;

    const TARGETS: &str = "
targets:
  - {name: plain, sender: webhook, url: 'http://127.0.0.1:1/', secrets: [{env: SECRET}]}
  - {name: asked, sender: webhook, url: 'http://127.0.0.1:1/', readback: 'http://127.0.0.1:1/{key}'}
  - {name: signed, sender: webhook, url: 'http://127.0.0.1:1/', readback: 'http://127.0.0.1:1/{key}', secrets: [{env: SECRET}]}
  - {name: phone, sender: telegram, chat: 1, token: {env: TOKEN}}
  - {name: pager, sender: command, program: /bin/pager, readback: /bin/asked}
  - {name: silent, sender: command, program: /bin/pager}
  - {name: claw, sender: openclaw-cli, program: /bin/claw, channel: discord, to: '1', token: {env: TOKEN}}
  - {name: here, sender: dry-run}
runtimes:
  hermes: {reader: command, plans: {runtime-tasks: [/bin/hermes]}}
  claw: {reader: openclaw, program: /bin/claw, token: {env: TOKEN}}
";

    /// The uses that the machine takes for a read-back are those that the world asks for, no fewer and no more.
    #[test]
    #[expect(clippy::unwrap_used, reason = "a test")]
    fn the_machine_takes_a_use_of_each_gate_that_a_read_back_passes() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home { state: folder.path().to_owned(), config: folder.path().join("candor.yaml") };
        std::fs::write(&home.config, TARGETS).unwrap();
        let config = Config::load(&home).unwrap();
        let settings = &config.machine.settings;
        let mut asked = 0;
        for (target, binding) in &config.bindings {
            let wanted = Wanted::ReadBack { notice: NoticeNo(1), target: target.clone() };
            let can = settings.approvals.asked.contains(target);
            let taken = if can { gates_of_work(settings, &wanted) } else { Vec::new() };
            assert_eq!(taken, binding.read_back_gates(), "{target}");
            asked += usize::from(can);
        }
        assert_eq!(asked, 5, "{:?}", settings.approvals.asked);
        // A plan passes `secret_read` where anyone whom it could ask takes a secret.
        let secret: Vec<(&str, bool)> =
            settings.approvals.plans.iter().map(|(plan, of)| (plan.as_str(), of.reads_secrets)).collect();
        let all = ["captured-results", "gateway-queue", "outcome-unknown-notices", "runtime-tasks"];
        assert_eq!(secret, all.map(|plan| (plan, true)));
    }

    /// A sender that no mode names could be let out by no profile.
    #[test]
    fn every_sender_is_a_mode() {
        for sender in SENDERS {
            assert!(SenderMode::parse(sender).is_some(), "{sender}");
        }
    }
}
