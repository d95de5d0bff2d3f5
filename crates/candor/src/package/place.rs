//! Putting a package in its place, whole or not at all: staged beside it, made durable, renamed.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use candor_approval::{Permit, kinds::DestructiveOperation};
use candor_audit::package::{ENVELOPE, MANIFEST};
use candor_core::{limits::PACKAGES_MAX, package::Version, time::Timestamp};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{
    archive::{Opened, read},
    installed::{Installed, all, parts},
};
use crate::{
    engine::crash,
    exit::{Exit, Failure},
    files,
    home::Home,
};

/// Largest of the files that this module writes for itself, in bytes.
const OWN_BYTES_MAX: usize = 64 * 1024;
/// What is written down beside a package's files.
const RECEIPT: &str = "installed.json";

/// Where packages lie.
pub(super) fn packages(home: &Home) -> PathBuf {
    home.state.join("packages")
}

/// Where this version of this package lies.
pub(super) fn folder(home: &Home, name: &str, version: &Version) -> PathBuf {
    packages(home).join(name).join(version.to_string())
}

/// What is written down when a package is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The key that signed it.
    pub key: String,
    /// SHA-256 of its manifest, in hex.
    pub manifest_sha256: String,
    /// When it was installed.
    pub installed_at: Timestamp,
}

impl Receipt {
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(RECEIPT);
        serde_json::from_slice(&read(&path, OWN_BYTES_MAX)?)
            .map_err(|error| Failure::new(Exit::Config, format!("`{}` is damaged: {error}", path.display())))
    }
}

/// Which package is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// SHA-256 of its manifest, in hex.
    pub manifest_sha256: String,
    /// The version that was in use before, kept for the way back.
    pub before: Option<Version>,
}

impl Selection {
    fn path(home: &Home) -> PathBuf {
        packages(home).join("selected.json")
    }

    /// What is selected, whether it is there and intact or not.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn read(home: &Home) -> Result<Option<Self>, Failure> {
        let path = Self::path(home);
        if !path.exists() {
            return Ok(None);
        }
        serde_json::from_slice(&read(&path, OWN_BYTES_MAX)?).map(Some).map_err(|error| {
            Failure::new(Exit::Config, format!("`{}` is damaged: {error}", path.display()))
                .hint("remove it, and what comes with the program holds again")
        })
    }

    /// `name@version`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// The right to change what is installed; one process at a time has it.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it, and clears away what a crash left behind.
    ///
    /// # Errors
    /// When another process has it, or the folder can't be written.
    pub fn take(home: &Home) -> Result<Self, Failure> {
        home.create()?;
        let root = packages(home);
        private().recursive(true).create(&root).map_err(|error| unwritten(&root, &error))?;
        sync(&home.state).map_err(|error| unwritten(&home.state, &error))?;
        let path = root.join(".lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = opened.map_err(|error| unwritten(&path, &error))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Failure::new(Exit::Held, "another process is changing the installed packages")
                .hint("try again when it has ended")
        })?;
        for left in [staging(home), leaving(home)] {
            if left.exists() {
                fs::remove_dir_all(&left).map_err(|error| unwritten(&left, &error))?;
            }
        }
        Ok(Self { _file: file })
    }
}

fn staging(home: &Home) -> PathBuf {
    packages(home).join(".staging")
}

fn leaving(home: &Home) -> PathBuf {
    packages(home).join(".leaving")
}

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn unwritten(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Store, format!("`{}` can't be written: {error}", path.display()))
        .hint("check the owner, the permissions and the space of the state folder")
}

/// Puts a package in its place. One that lies there already and is the same is left as it is, so that a rerun finishes.
///
/// # Errors
/// When another build of this version lies there, too many versions are kept, or the folder can't be written.
pub fn place(home: &Home, _: &Lock, opened: &Opened, key: &str, now: Timestamp) -> Result<Installed, Failure> {
    let at = folder(home, &opened.manifest.name, &opened.manifest.version);
    if at.exists() {
        let there = Installed::read(&at)?;
        if there.digest != opened.digest() || there.receipt.key != key {
            return Err(Failure::new(
                Exit::Refused,
                format!("another build of `{}` is installed, or the same by another key", opened.manifest.id()),
            )
            .hint("give this one a version of its own, or remove the other with `candor package remove`"));
        }
        there.check()?;
        return Ok(there);
    }
    if all(home).len() >= PACKAGES_MAX {
        return Err(Failure::new(Exit::Refused, format!("{PACKAGES_MAX} versions of packages are installed already"))
            .hint("remove one with `candor package remove NAME@VERSION`"));
    }
    let receipt = Receipt { key: key.to_owned(), manifest_sha256: opened.digest(), installed_at: now };
    stage(home, opened, &receipt).map_err(|error| unwritten(&staging(home), &error))?;
    crash::point("package.staged");
    let put = || -> std::io::Result<()> {
        let name = packages(home).join(&opened.manifest.name);
        if !name.exists() {
            private().create(&name)?;
            sync(&packages(home))?;
        }
        fs::rename(staging(home), &at)?;
        sync(&name)
    };
    put().map_err(|error| unwritten(&at, &error))?;
    crash::point("package.placed");
    Installed::read(&at)
}

fn stage(home: &Home, opened: &Opened, receipt: &Receipt) -> std::io::Result<()> {
    let root = staging(home);
    private().create(&root)?;
    let receipt = serde_json::to_string(receipt)?;
    let own = [
        (MANIFEST, opened.package.manifest.as_slice()),
        (ENVELOPE, &opened.package.envelope),
        (RECEIPT, receipt.as_bytes()),
    ];
    let files = opened.package.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    let mut folders = vec![root.clone()];
    for (path, bytes) in files.chain(own) {
        let path = root.join(path);
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            private().recursive(true).create(folder)?;
        }
        folders.extend(path.ancestors().skip(1).take_while(|folder| *folder != root).map(Path::to_path_buf));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    folders.sort_unstable();
    folders.dedup();
    folders.iter().rev().try_for_each(|folder| sync(folder))
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Says that this package is in use from now on.
///
/// # Errors
/// When it can't be written.
pub fn select(home: &Home, _: &Lock, installed: &Installed, before: Option<Version>) -> Result<(), Failure> {
    let selection = Selection {
        name: installed.manifest.name.clone(),
        version: installed.manifest.version.clone(),
        manifest_sha256: installed.digest.clone(),
        before,
    };
    let path = Selection::path(home);
    let text = serde_json::to_string_pretty(&selection).map_err(|error| unwritten(&path, &error))?;
    files::write_whole(&path, text.as_bytes()).map_err(|error| unwritten(&path, &error))?;
    crash::point("package.selected");
    Ok(())
}

/// Says that what comes with the program is in use from now on.
///
/// # Errors
/// When it can't be written.
pub fn deselect(home: &Home, _: &Lock) -> Result<(), Failure> {
    let path = Selection::path(home);
    let removed = || -> std::io::Result<()> {
        fs::remove_file(&path)?;
        sync(&packages(home))
    };
    removed().map_err(|error| unwritten(&path, &error))
}

/// Takes a package away: from its place in one step, then from the disk.
///
/// # Errors
/// When it isn't there, or can't be removed.
pub(super) fn remove(home: &Home, _: &Lock, id: &str, _: Permit<DestructiveOperation>) -> Result<(), Failure> {
    let (name, version) = parts(id)?;
    let at = folder(home, &name, &version);
    if !at.is_dir() {
        return Err(Failure::new(Exit::NotFound, format!("no package `{id}` is installed"))
            .hint("`candor package list` shows what is"));
    }
    let gone = || -> std::io::Result<()> {
        fs::rename(&at, leaving(home))?;
        sync(&packages(home).join(&name))?;
        crash::point("package.leaving");
        fs::remove_dir_all(leaving(home))?;
        // The last version of a package takes its name along.
        let _ = fs::remove_dir(packages(home).join(&name));
        Ok(())
    };
    gone().map_err(|error| unwritten(&at, &error))
}
