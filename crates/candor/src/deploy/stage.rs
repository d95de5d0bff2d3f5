//! The six stages of a deployment, and the artifact that each leaves.

use std::{collections::BTreeMap, fs, path::Path};

use candor_core::{
    capability::{Ability, ProbeRecord},
    time::Timestamp,
};
use candor_world::schedulers::{Placed, Way};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::check::Check;
use crate::{
    config::Gap,
    exit::{Exit, Failure},
    files,
};

/// Largest artifact of a stage that is read, in bytes.
const STAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A stage of the deployment model's lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Which package, and which contracts.
    Package,
    /// What the runtime declares, and what probes showed.
    Capability,
    /// The profile with this machine's bindings: the values that hold.
    Profile,
    /// What was checked, and what can't be done here.
    Validation,
    /// What was installed.
    Activation,
    /// That artifacts can be exported, and verify.
    Export,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 6] =
        [Self::Package, Self::Capability, Self::Profile, Self::Validation, Self::Activation, Self::Export];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Capability => "capability",
            Self::Profile => "profile",
            Self::Validation => "validation",
            Self::Activation => "activation",
            Self::Export => "export",
        }
    }

    /// Its file's name, in order when listed.
    #[must_use]
    pub fn file(self) -> String {
        let place = Self::ALL.iter().position(|stage| *stage == self).unwrap_or_default() + 1;
        format!("{place}-{}.json", self.as_str())
    }
}

/// The artifacts of the stages before anything is installed.
#[derive(Clone, Debug, Serialize)]
pub struct Stages {
    /// Stage 1.
    pub package: Value,
    /// Stage 2.
    pub capability: CapabilityStage,
    /// Stage 3.
    pub profile: Value,
    /// Stage 4.
    pub validation: ValidationStage,
}

/// What the runtime declares, and what probes showed.
#[derive(Clone, Debug, Serialize)]
pub struct CapabilityStage {
    /// `name@version`.
    pub descriptor: String,
    /// Where it comes from.
    pub from: String,
    /// SHA-256 of its text, in hex.
    pub sha256: String,
    /// What was looked at, how, when, and what it showed.
    pub probes: ProbeRecord,
    /// What counts as supported.
    pub supported: Vec<Ability>,
}

/// What was checked, and what can't be done here.
#[derive(Clone, Debug, Serialize)]
pub struct ValidationStage {
    /// When.
    pub at: Timestamp,
    /// Every check.
    pub checks: Vec<Check>,
    /// What is counted on and missing, with the fallback that holds instead.
    pub degradations: Vec<Gap>,
    /// Whether missing what is required was accepted by the operator.
    pub degrade: bool,
}

/// What was installed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Activation {
    /// When.
    pub at: Timestamp,
    /// What runs it.
    pub scheduler: String,
    /// How; nothing where the operator runs it.
    pub way: Option<Way>,
    /// Piece by piece.
    pub placed: Vec<Placed>,
}

impl Stages {
    /// Leaves the artifacts in a folder; the digest of each.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn leave(&self, folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
        [
            leave(folder, Stage::Package, &self.package),
            leave(folder, Stage::Capability, &self.capability),
            leave(folder, Stage::Profile, &self.profile),
            leave(folder, Stage::Validation, &self.validation),
        ]
        .into_iter()
        .collect()
    }
}

/// Leaves one artifact; its stage and digest.
///
/// # Errors
/// When it can't be written.
pub fn leave(folder: &Path, stage: Stage, of: &impl Serialize) -> Result<(String, String), Failure> {
    let text = write_json(&folder.join(stage.file()), of)?;
    Ok((stage.as_str().to_owned(), candor_audit::hex(&Sha256::digest(text))))
}

/// Writes a document whole or not at all; what was written.
///
/// # Errors
/// When it can't be written.
pub fn write_json(path: &Path, of: &impl Serialize) -> Result<String, Failure> {
    let text =
        serde_json::to_string_pretty(of).map_err(|error| Failure::new(Exit::Internal, error.to_string()))? + "\n";
    write_whole(path, text.as_bytes())?;
    Ok(text)
}

/// Writes a file whole or not at all, readable by its owner alone; when this returns it is on disk.
///
/// # Errors
/// When it can't be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Store, format!("`{}` can't be written: {error}", path.display()))
            .hint("check the owner, the permissions and the space of the state folder")
    };
    fs::create_dir_all(path.parent().unwrap_or(path)).and_then(|()| files::write_whole(path, bytes)).map_err(failed)
}

/// Reads a document; nothing where there is none.
///
/// # Errors
/// When it can't be read, or isn't what it should be.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::new(Exit::Store, format!("`{}` can't be read: {why}", path.display())).hint(
            "keep a copy, remove it, and run `candor deploy activate`; `candor deploy deactivate` then takes all away",
        )
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(&error)),
        Ok(meta) if meta.len() > STAGE_BYTES_MAX => return Err(wrong(&format!("more than {STAGE_BYTES_MAX} bytes"))),
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map(Some).map_err(|error| wrong(&error))
}
