//! The two files in which owners stand, and how they are changed: each whole or not at all, in an order that is valid at every moment.

use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use candor_approval::signers::Owners;
use candor_core::ids::AgentId;

use crate::{
    config::{self, ConfigFile, parse_signers, read_signers, with_owner},
    exit::{Exit, Failure},
    files,
    home::Home,
};

/// Public keys are no secret, and every role of Candor reads them.
const SIGNERS_MODE: u32 = 0o644;
/// The configuration is this user's.
const CONFIG_MODE: u32 = 0o600;

/// What stands in both files.
pub(super) struct Files {
    /// `allowed_signers`.
    pub(super) path: PathBuf,
    /// Its text.
    pub(super) text: String,
    /// Whom it names.
    pub(super) owners: Owners,
    config: PathBuf,
    config_text: String,
    config_file: ConfigFile,
}

impl Files {
    pub(super) fn read(home: &Home) -> Result<Self, Failure> {
        let (config_file, config_text) = config::file(home)?;
        let path = config_file.approvals.path(&home.config);
        let text = read_signers(&path)?.unwrap_or_default();
        let owners = parse_signers(&path, &text)?;
        let config_text = config_text.unwrap_or_default();
        Ok(Self { path, text, owners, config: home.config.clone(), config_text, config_file })
    }

    /// The agents of an owner, by this name in the configuration.
    pub(super) fn agents(&self, name: &str) -> BTreeSet<AgentId> {
        self.config_file.approvals.owners.get(name).map(|owner| owner.agents.clone()).unwrap_or_default()
    }

    /// The configuration's text with these agents of an owner.
    pub(super) fn with_agents(&self, name: &str, agents: &BTreeSet<AgentId>) -> Result<String, Failure> {
        with_owner(&self.config_text, &self.config, name, agents)
    }

    pub(super) fn write_signers(&self, text: &str) -> Result<(), Failure> {
        if text == self.text {
            return Ok(());
        }
        let added: Vec<&str> = text.lines().filter(|line| !self.text.lines().any(|old| old == *line)).collect();
        write(&self.path, text, SIGNERS_MODE).map_err(|failure| match added.as_slice() {
            [] => failure.hint(format!("as a user who may, take the lines out of `{}` yourself", self.path.display())),
            lines => failure.hint(format!("as a user who may, put this line into it yourself:\n{}", lines.join("\n"))),
        })
    }

    pub(super) fn write_config(&self, text: &str) -> Result<(), Failure> {
        if text == self.config_text { Ok(()) } else { write(&self.config, text, CONFIG_MODE) }
    }
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| {
        Failure::new(Exit::Store, format!("`{}` can't be written: {error}", path.display()))
            .hint("check the permissions of the file and of its folder")
    };
    // A link stays one, and who could read the file before can read it afterwards.
    let (path, mode) = match fs::canonicalize(path) {
        Ok(real) => {
            let mode = fs::metadata(&real).map_or(mode, |meta| meta.permissions().mode() & 0o777);
            (real, mode)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => (path.to_owned(), mode),
        Err(error) => return Err(wrong(error)),
    };
    files::write_whole_as(&path, text.as_bytes(), mode).map_err(wrong)
}
