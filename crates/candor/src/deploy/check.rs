//! Stage 4: is this deployment fit to run here? Every check is made, and every answer kept, so that one look shows all that is wrong.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _, path::Path};

use candor_core::{
    capability::{ProbeRecord, supported},
    pack::lint,
};
use candor_store::{StoreError, sqlite::Reader};
use candor_world::{probes::writable, secrets::SecretRef};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Runner,
    stage::{CapabilityStage, Stages, ValidationStage},
};
use crate::{
    config::{self, Config, Deployment, Gap, Shelf},
    engine::Clock,
    exit::{Exit, Failure},
    home::Home,
    package::Installed,
    probing,
};

/// Below this much room for the state folder, in bytes, nothing is activated.
const ROOM_MIN: u64 = 64 * 1024 * 1024;

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Nothing is activated with it.
    Refused,
    /// It goes on with less, which is said wherever it matters.
    Degraded,
    /// In order.
    Fine,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    pub what: String,
    /// What it comes to.
    pub weight: Weight,
    /// What was seen.
    pub saw: String,
    /// What happens instead, or what to do.
    pub next: String,
}

/// All checks, and what they were made of.
pub struct Validation {
    /// Every check.
    pub checks: Vec<Check>,
    /// What is counted on and missing.
    pub gaps: Vec<Gap>,
    /// The artifacts of the first four stages; nothing where the configuration doesn't read.
    pub stages: Option<Stages>,
    /// The configuration; nothing where it doesn't read.
    pub config: Option<Config>,
}

impl Validation {
    /// Whether it may be activated.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.config.is_some() && self.checks.iter().all(|check| check.weight != Weight::Refused)
    }

    fn add(&mut self, what: impl Into<String>, weight: Weight, saw: impl Into<String>, next: impl Into<String>) {
        self.checks.push(Check { what: what.into(), weight, saw: saw.into(), next: next.into() });
    }

    /// Notes what a check saw, or why it is refused.
    fn note<T>(&mut self, what: &str, saw: Result<T, Failure>, fine: impl FnOnce(&T) -> String) -> Option<T> {
        match saw {
            Ok(of) => {
                self.add(what, Weight::Fine, fine(&of), "");
                Some(of)
            }
            Err(failure) => {
                self.add(what, Weight::Refused, failure.message, failure.hint.unwrap_or_default());
                None
            }
        }
    }
}

/// Looks at everything. Probes are run, and what they show is kept: it is the capability stage's artifact. With `degrade`, what a profile
/// requires may be missing: it goes on with the fallback.
///
/// # Errors
/// When the state folder can't be made: then nothing can be looked at.
pub fn validate(home: &Home, runner: Runner, degrade: bool) -> Result<Validation, Failure> {
    home.create()?;
    let mut all = Validation { checks: Vec::new(), gaps: Vec::new(), stages: None, config: None };
    binding_file(&mut all, home);
    storage(&mut all, home);
    let Some((file, text)) = all.note("binding", config::file(home), |(_, text)| match text {
        Some(_) => format!("`{}` reads", home.config.display()),
        None => "no configuration file: the safe defaults".to_owned(),
    }) else {
        return Ok(all);
    };
    let now = Clock::from_env().now();
    let profile = Shelf::Profiles.selected(home, &file.profile).and_then(|document| match &document {
        Some(document) => config::profile(document).map(|profile| profile.metadata.name()),
        None => Ok(file.profile.clone()),
    });
    if all.note("profile schema", profile, Clone::clone).is_none() {
        return Ok(all);
    }
    let laid = Deployment::of(&file, text.as_deref(), home, now);
    let Some(before) =
        all.note("policy references", laid, |of| format!("{} packs, each value inside its bound", of.sources.len()))
    else {
        return Ok(all);
    };
    let package = before.package.as_ref().map_or(Ok(()), Installed::check);
    all.note("package", package, |()| match &before.package {
        Some(package) => format!("{} is whole, and signed by the key that it was installed under", package.id()),
        None => format!("{} comes with this program", before.package_id()),
    });
    policies(&mut all, &before);
    let Some(config) = all.note("sender modes", Config::load(home), |config| {
        let targets: Vec<String> = config
            .machine
            .settings
            .targets
            .iter()
            .map(|target| format!("{}: {}", target.name, target.sender))
            .collect();
        targets.join(", ")
    }) else {
        return Ok(all);
    };
    let record = probing::look(home, &config, &config.deployment.descriptor);
    probing::keep(home, &config.deployment.descriptor, &record)?;
    // Once more, by what the probes show now.
    let config = Config::load(home)?;
    secrets(&mut all, &config, runner);
    scheduler(&mut all, runner);
    capabilities(&mut all, &config, degrade);
    all.stages = Some(stages(&all, home, &config, record, degrade)?);
    all.config = Some(config);
    Ok(all)
}

/// Nobody else may decide where notices go, or look into the record.
fn binding_file(all: &mut Validation, home: &Home) {
    let mode = |path: &Path| std::fs::metadata(path).map(|meta| meta.permissions().mode() & 0o777).ok();
    match mode(&home.config) {
        Some(mode) if mode & 0o022 != 0 => all.add(
            "binding file",
            Weight::Refused,
            format!("others can change `{}` (mode {mode:03o})", home.config.display()),
            format!("chmod 600 {}", home.config.display()),
        ),
        Some(mode) => {
            all.add("binding file", Weight::Fine, format!("only its owner can change it (mode {mode:03o})"), "")
        }
        None => {}
    }
    if let Some(mode) = mode(&home.state).filter(|mode| mode & 0o077 != 0) {
        all.add(
            "state folder",
            Weight::Refused,
            format!("others can look into `{}` (mode {mode:03o})", home.state.display()),
            format!("chmod 700 {}", home.state.display()),
        );
    }
}

/// Whether what must be written can be.
fn storage(all: &mut Validation, home: &Home) {
    let export = home.state.join("export");
    let _ = std::fs::create_dir(&export);
    for (what, folder) in [("storage: state folder", &home.state), ("storage: export folder", &export)] {
        match writable(folder) {
            Ok(saw) => all.add(what, Weight::Fine, saw, ""),
            Err(why) => all.add(
                what,
                Weight::Refused,
                why,
                "check the owner, the permissions and the space of the state folder",
            ),
        }
    }
    if let Ok(stat) = rustix::fs::statvfs(&home.state) {
        let room = stat.f_bavail.saturating_mul(stat.f_frsize);
        let (weight, next) = if room < ROOM_MIN { (Weight::Refused, "free some space") } else { (Weight::Fine, "") };
        all.add("storage: room", weight, format!("{} MiB left", room / 1024 / 1024), next);
    }
    if home.store().exists() {
        let sound = match Reader::open(&home.store()).and_then(|store| store.check()) {
            // Its maker was killed before anything was in it; whoever opens it next makes it anew.
            Err(StoreError::Absent { .. }) => Ok("nothing is in it yet"),
            sound => sound.map(|()| "the store is sound").map_err(crate::desk::store_failure),
        };
        all.note("storage: store", sound, |saw| (*saw).to_owned());
    }
}

/// A pack that loads may hold cases that fail.
fn policies(all: &mut Validation, deployment: &Deployment) {
    for source in &deployment.sources {
        for error in lint(source) {
            all.add("policy packs", Weight::Refused, error.to_string(), "candor pack lint FOLDER");
        }
    }
}

/// Whether each live target's secrets are there, and still are where nobody has a shell.
fn secrets(all: &mut Validation, config: &Config, runner: Runner) {
    for (name, binding) in &config.bindings {
        let what = format!("secrets: {name}");
        let next = "queue and a `pending_external_send` receipt until they are there";
        if let Err(error) = binding.check_secrets() {
            all.add(what, Weight::Degraded, error.to_string(), next);
            continue;
        }
        let by_environment = |secret: &SecretRef| matches!(secret, SecretRef::Env(_));
        if runner.way().is_some() && binding.secrets().iter().any(by_environment) {
            let saw = format!("it lies in this shell's environment, and {} starts Candor without that", runner.name());
            all.add(what, Weight::Degraded, saw, "name a file instead: `{file: PATH}`, chmod 600");
        } else if !binding.secrets().is_empty() {
            all.add(what, Weight::Fine, "they are there, and only their owner can read them", "");
        }
    }
}

fn scheduler(all: &mut Validation, runner: Runner) {
    match runner {
        Runner::Installed(scheduler, _) => {
            all.add("scheduler", Weight::Fine, format!("{} answers", scheduler.what), "")
        }
        Runner::Manual => all.add(
            "scheduler",
            Weight::Degraded,
            "nothing starts Candor here by itself",
            "run `candor up`, or `candor run` again and again, by hand",
        ),
    }
}

/// What is counted on here, and how it stands.
fn capabilities(all: &mut Validation, config: &Config, degrade: bool) {
    all.gaps = config.deployment.gaps();
    for gap in all.gaps.clone() {
        let required = if gap.required { "required, " } else { "" };
        let weight = if gap.required && !degrade { Weight::Refused } else { Weight::Degraded };
        let next = match weight {
            Weight::Refused => format!("mend it, or accept with `--degrade`: {}", gap.instead),
            _ => gap.instead.to_owned(),
        };
        all.add(format!("capability: {}", gap.ability), weight, format!("{required}{}", gap.why), next);
    }
    if all.gaps.is_empty() {
        all.add("capabilities", Weight::Fine, "all that is counted on here is supported", "");
    }
}

fn stages(
    all: &Validation,
    home: &Home,
    config: &Config,
    probes: ProbeRecord,
    degrade: bool,
) -> Result<Stages, Failure> {
    let deployment = &config.deployment;
    let digest = |text: &str| candor_audit::hex(&Sha256::digest(text));
    let adapter = Shelf::Capabilities.find(home, &deployment.descriptor.metadata.id, Exit::Config)?;
    let profile = match &deployment.profile {
        Some(profile) => Some(Shelf::Profiles.find(home, &profile.metadata.id, Exit::Config)?),
        None => None,
    };
    let values: BTreeMap<String, Value> = deployment
        .resolved
        .lines()
        .into_iter()
        .map(|line| (line.key, json!({ "value": line.value, "layer": line.layer.as_str(), "bound": line.bound })))
        .collect();
    let binding = std::fs::read_to_string(&home.config).ok();
    let packs: BTreeMap<&str, String> = deployment
        .sources
        .iter()
        .map(|source| {
            let text: String = source.files.iter().map(|(name, text)| format!("{name}\0{text}\0")).collect();
            (source.folder.as_str(), digest(&text))
        })
        .collect();
    Ok(Stages {
        package: json!({
            "package": config.package(), "manifest_sha256": deployment.package.as_ref().map(|of| &of.digest), "program": env!("CARGO_PKG_VERSION"), "packs": packs,
            "contracts": "reporting-governance/v1alpha1",
        }),
        capability: CapabilityStage {
            descriptor: deployment.descriptor.metadata.name(),
            sha256: digest(&adapter.text),
            from: adapter.from,
            supported: supported(&deployment.standing).into_iter().collect(),
            probes,
        },
        profile: json!({
            "profile": deployment.name(), "sha256": profile.as_ref().map(|document| digest(&document.text)),
            "from": profile.as_ref().map(|document| document.from.clone()),
            "binding_sha256": binding.as_deref().map(digest), "values": values,
        }),
        validation: ValidationStage {
            at: Clock::from_env().now(),
            checks: all.checks.clone(),
            degradations: all.gaps.clone(),
            degrade,
        },
    })
}
