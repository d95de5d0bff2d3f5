//! The folder of all deployments: which one runs, and what was begun and not finished.

use std::{
    fs,
    path::{Path, PathBuf},
};

use candor_core::time::Timestamp;
use candor_world::schedulers::{Placed, Way};
use serde::{Deserialize, Serialize};

use super::stage::{read_json, write_json, write_whole};
use crate::{
    exit::{Exit, Failure},
    home::Home,
};

/// Most deployments whose artifacts are kept: the newest.
const KEPT_MAX: u64 = 50;

/// The deployment that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Active {
    /// Its number on this node.
    pub no: u64,
    /// The deployment whose configuration it has: another, when it was rolled back to.
    pub of: u64,
    /// Since when.
    pub at: Timestamp,
    /// The profile, `name@version`.
    pub profile: String,
    /// The capability descriptor, `name@version`.
    pub adapter: String,
    /// The package, `name@version`.
    pub package: String,
    /// What runs it.
    pub scheduler: String,
    /// How.
    pub way: Option<Way>,
    /// What was installed.
    pub placed: Vec<Placed>,
    /// The state folder that it is of: a copy of the folder is another deployment, and not this one.
    pub state: PathBuf,
    /// The program that is run.
    pub program: PathBuf,
    /// Which configuration, as `Config::digest`.
    pub digest: String,
}

/// What is being changed; there only while it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Journal {
    /// The deployment that is to run; none is when all is to be taken away.
    pub no: Option<u64>,
    /// What is to be there, with what was there before.
    pub placed: Vec<Placed>,
    /// What is to be taken away.
    pub stale: Vec<Placed>,
}

/// The folder, held by one process at a time for changes.
pub struct Deployments {
    folder: PathBuf,
}

impl Deployments {
    /// The deployments of a state folder.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self { folder: home.state.join("deploy") }
    }

    /// Keeps others from changing a deployment as long as the answer lives.
    ///
    /// # Errors
    /// When another process is at it.
    pub fn hold(&self) -> Result<fs::File, Failure> {
        let path = self.folder.join("lock");
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Store, format!("`{}` can't be written: {error}", path.display()))
        };
        fs::create_dir_all(&self.folder).map_err(|error| failed(&error))?;
        let file = fs::File::create(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                Err(Failure::new(Exit::Held, "another `candor deploy` changes this deployment right now")
                    .hint("wait until it has ended"))
            }
            Err(fs::TryLockError::Error(error)) => Err(failed(&error)),
        }
    }

    /// The folder of one deployment's artifacts.
    #[must_use]
    pub fn artifacts(&self, no: u64) -> PathBuf {
        self.folder.join(no.to_string())
    }

    /// Where what was validated or planned last leaves its artifacts.
    #[must_use]
    pub fn candidate(&self) -> PathBuf {
        self.folder.join("candidate")
    }

    /// Where files lie that somebody had changed before they were taken away.
    #[must_use]
    pub fn aside(&self) -> PathBuf {
        self.folder.join("kept-aside")
    }

    /// The one that runs.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn active(&self) -> Result<Option<Active>, Failure> {
        let active: Option<Active> = read_json(&self.folder.join("active.json"))?;
        if let Some(of) = active.as_ref().filter(|active| !self.folder.starts_with(&active.state)) {
            return Err(Failure::new(
                Exit::Config,
                format!("`{}` is a copy: deployment {} is of `{}`", self.folder.display(), of.no, of.state.display()),
            )
            .hint(
                "remove the folder `deploy` in the copy to begin a deployment of its own; the other one isn't touched",
            ));
        }
        Ok(active)
    }

    /// What was begun and not finished.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn journal(&self) -> Result<Option<Journal>, Failure> {
        read_json(&self.folder.join("journal.json"))
    }

    /// Begins a change: what is written here is what a rerun goes by.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin(&self, journal: &Journal) -> Result<(), Failure> {
        write_json(&self.folder.join("journal.json"), journal).map(drop)
    }

    /// Ends a change.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(&self, active: Option<&Active>) -> Result<(), Failure> {
        let path = self.folder.join("active.json");
        match active {
            Some(active) => write_json(&path, active).map(drop)?,
            None => remove(&path)?,
        }
        remove(&self.folder.join("journal.json"))
    }

    /// The number for a new deployment.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.numbers().into_iter().max().unwrap_or(0) + 1
    }

    /// The numbers of those whose artifacts are there, in order.
    #[must_use]
    pub fn numbers(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut numbers: Vec<u64> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Removes the artifacts of the oldest beyond those that are kept.
    pub fn forget_oldest(&self) {
        let newest = self.numbers().last().copied().unwrap_or(0);
        for no in self.numbers().into_iter().filter(|no| no + KEPT_MAX <= newest) {
            let _ = fs::remove_dir_all(self.artifacts(no));
        }
    }

    /// Keeps this machine's own configuration as it is, for a rollback. It holds references to secrets, never secrets.
    ///
    /// # Errors
    /// When it can't be kept.
    pub fn snapshot(&self, home: &Home, no: u64) -> Result<(), Failure> {
        let to = self.artifacts(no).join("binding");
        for (from, name) in bound(home) {
            if let Ok(bytes) = fs::read(&from) {
                write_whole(&to.join(name), &bytes)?;
            }
        }
        Ok(())
    }

    /// Puts the configuration of an earlier deployment back, and keeps what it replaces in `replaced`.
    ///
    /// # Errors
    /// When there is none, or it can't be written.
    pub fn restore(&self, home: &Home, no: u64, replaced: &Path) -> Result<(), Failure> {
        let from = self.artifacts(no).join("binding");
        if !self.artifacts(no).is_dir() {
            return Err(Failure::new(Exit::NotFound, format!("no deployment `{no}`"))
                .hint("`candor deploy status` lists those that there are"));
        }
        // Whole folders, so that a document that came later doesn't stay.
        for (path, name) in bound(home) {
            if let Ok(bytes) = fs::read(&path) {
                write_whole(&replaced.join(&name), &bytes)?;
            }
            if !from.join(&name).exists() {
                remove(&path)?;
            }
        }
        for name in files(&from) {
            let bytes = fs::read(from.join(&name))
                .map_err(|error| Failure::new(Exit::Store, format!("`{}`: {error}", from.join(&name).display())))?;
            let to = if name == Path::new(CONFIG) { home.config.clone() } else { home.state.join(&name) };
            write_whole(&to, &bytes)?;
        }
        Ok(())
    }
}

/// The configuration file's name among the artifacts, wherever it lies.
const CONFIG: &str = "candor.yaml";

/// The files that make this machine's own layer, and the name of each among the artifacts.
fn bound(home: &Home) -> Vec<(PathBuf, PathBuf)> {
    let own = ["profiles", "capabilities"].into_iter().flat_map(|folder| {
        let names = files(&home.state.join(folder)).into_iter();
        names
            .map(move |name| Path::new(folder).join(name))
            .filter(|name| name.extension().is_some_and(|end| end == "yaml"))
    });
    // Which package is selected belongs to it; the package itself stays where it is.
    let own = own.chain([PathBuf::from("packages/selected.json")]).map(|name| (home.state.join(&name), name));
    std::iter::once((home.config.clone(), PathBuf::from(CONFIG))).chain(own).collect()
}

/// The files in a folder and its own folders, one level deep, by their names from there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = PathBuf::from(entry.file_name());
        if entry.path().is_dir() {
            let below = fs::read_dir(entry.path()).into_iter().flatten().flatten();
            all.extend(below.filter(|entry| entry.path().is_file()).map(|entry| name.join(entry.file_name())));
        } else {
            all.push(name);
        }
    }
    all.sort();
    all
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(Exit::Store, format!("`{}` can't be removed: {error}", path.display())))
        }
        _ => Ok(()),
    }
}
