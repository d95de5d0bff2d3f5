//! Packages that are installed here, and the one that is in use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use candor_audit::{
    package::{self, ENVELOPE, Files, Listed, MANIFEST, digest},
    sign::{dsse::MAX_ENVELOPE_BYTES, key::PublicKey},
};
use candor_core::{
    limits::{PACKAGE_FILE_BYTES_MAX, PACKAGE_MANIFEST_BYTES_MAX},
    pack::PackSource,
    package::{Manifest, Version},
};

use super::{
    archive::read,
    host,
    place::{self, Receipt, Selection},
};
use crate::{
    exit::{Exit, Failure},
    home::Home,
};

/// A package that is installed here.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Its manifest.
    pub manifest: Manifest,
    /// SHA-256 of the manifest, in hex.
    pub digest: String,
    /// What was written down when it was installed.
    pub receipt: Receipt,
    folder: PathBuf,
}

impl Installed {
    /// Reads what lies in a package's folder. Its manifest must be the one that was installed; each file is held against it when it is read.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let again = |failure: Failure| failure.hint(AGAIN);
        let receipt = Receipt::read(folder).map_err(again)?;
        let bytes = read(&folder.join(MANIFEST), PACKAGE_MANIFEST_BYTES_MAX).map_err(again)?;
        let digest = digest(&bytes);
        if digest != receipt.manifest_sha256 {
            return Err(changed(folder, MANIFEST));
        }
        let manifest = Manifest::parse(&bytes)
            .map_err(|error| Failure::new(Exit::Config, format!("`{}`: {error}", folder.display())).hint(AGAIN))?;
        Ok(Self { manifest, digest, receipt, folder: folder.to_path_buf() })
    }

    /// `name@version`.
    #[must_use]
    pub fn id(&self) -> String {
        self.manifest.id()
    }

    /// The documents of one of its folders (`profiles`, `capabilities`), as id, text and file.
    ///
    /// # Errors
    /// When one was changed after it was installed.
    pub fn documents(&self, folder: &str) -> Result<Vec<(String, String, PathBuf)>, Failure> {
        let mut documents = Vec::new();
        for file in &self.manifest.files {
            let id = file.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')?.strip_suffix(".yaml"));
            if let Some(id) = id {
                documents.push((id.to_owned(), self.text(&file.path)?, self.folder.join(&file.path)));
            }
        }
        Ok(documents)
    }

    /// Its policy packs, as text.
    ///
    /// # Errors
    /// When a file was changed after it was installed.
    pub fn packs(&self) -> Result<Vec<PackSource>, Failure> {
        let mut packs: Vec<PackSource> = Vec::new();
        // The files come in the order of their paths, so a pack's stand together.
        for file in &self.manifest.files {
            let Some((id, name)) = file.path.strip_prefix("policy-packs/").and_then(|rest| rest.split_once('/')) else {
                continue;
            };
            let text = self.text(&file.path)?;
            match packs.last_mut().filter(|pack| pack.folder == id) {
                Some(pack) => {
                    pack.files.insert(name.to_owned(), text);
                }
                None => packs.push(PackSource::new(id, [(name, text.as_str())])),
            }
        }
        Ok(packs)
    }

    fn text(&self, path: &str) -> Result<String, Failure> {
        let bytes = read(&self.folder.join(path), PACKAGE_FILE_BYTES_MAX)?;
        let listed = self.manifest.files.iter().find(|file| file.path == path);
        if listed.is_none_or(|file| file.sha256 != digest(&bytes)) {
            return Err(changed(&self.folder, path));
        }
        String::from_utf8(bytes).map_err(|_| changed(&self.folder, path))
    }

    /// Holds everything against the signature and the key under which it was installed.
    ///
    /// # Errors
    /// The first thing that isn't as it was signed.
    pub fn check(&self) -> Result<(), Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::NotIntact, format!("`{}` isn't intact: {error}", self.id())).hint(AGAIN)
        };
        let key: PublicKey = self.receipt.key.parse().map_err(|error| wrong(&error))?;
        let manifest = read(&self.folder.join(MANIFEST), PACKAGE_MANIFEST_BYTES_MAX)?;
        let envelope = read(&self.folder.join(ENVELOPE), MAX_ENVELOPE_BYTES)?;
        package::check_seal(&manifest, &envelope, &key).map_err(|error| wrong(&error))?;
        let mut files = Files::new();
        let mut listed = Vec::new();
        for file in &self.manifest.files {
            files.insert(file.path.clone(), read(&self.folder.join(&file.path), PACKAGE_FILE_BYTES_MAX)?);
            listed.push(Listed { path: file.path.clone(), sha256: file.sha256.clone(), bytes: file.bytes });
        }
        package::check_files(&files, &listed).map_err(|error| wrong(&error))
    }
}

/// What to do about a damaged package.
const AGAIN: &str = "remove it with `candor package remove NAME@VERSION --in-use`, and install it again";

fn changed(folder: &Path, file: &str) -> Failure {
    Failure::new(Exit::Config, format!("`{}` was changed after the package was installed", folder.join(file).display()))
        .hint(AGAIN)
}

/// The package that is in use; none where what comes with the program holds.
///
/// # Errors
/// When it was changed after it was installed, or doesn't fit this program any more.
pub fn selected(home: &Home) -> Result<Option<Installed>, Failure> {
    let Some(selection) = Selection::read(home)? else { return Ok(None) };
    let installed = Installed::read(&place::folder(home, &selection.name, &selection.version))?;
    if installed.digest != selection.manifest_sha256 {
        return Err(changed(&installed.folder, MANIFEST));
    }
    installed.manifest.fits(&host()).map_err(|misfit| {
        Failure::new(Exit::Config, misfit.why)
            .hint("`candor package upgrade FILE --key KEY` brings one that fits; `candor package remove NAME@VERSION --in-use` goes back to what comes with the program")
    })?;
    Ok(Some(installed))
}

/// Every package that is installed here, by name and version; one that can't be read as the reason why.
#[must_use]
pub fn all(home: &Home) -> Vec<(String, Result<Installed, Failure>)> {
    let mut found = Vec::new();
    for name in folders(&place::packages(home)) {
        for version in folders(&place::packages(home).join(&name)) {
            let folder = place::packages(home).join(&name).join(&version);
            found.push((format!("{name}@{version}"), Installed::read(&folder)));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

fn folders(of: &Path) -> Vec<String> {
    let entries = fs::read_dir(of).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| !name.starts_with('.')).collect()
}

/// The installed package of this name and version, `name@version`.
///
/// # Errors
/// When there is none.
pub fn find(home: &Home, id: &str) -> Result<Installed, Failure> {
    let (name, version) = parts(id)?;
    let folder = place::folder(home, &name, &version);
    if !folder.is_dir() {
        return Err(Failure::new(Exit::NotFound, format!("no package `{id}` is installed"))
            .hint("`candor package list` shows what is"));
    }
    Installed::read(&folder)
}

/// Name and version of a package's id.
pub(super) fn parts(id: &str) -> Result<(String, Version), Failure> {
    let wrong = || {
        Failure::new(Exit::Usage, format!("`{id}` is not a package; write it as `reporting-governance@0.1.0-mainline`"))
    };
    let (name, version) = id.split_once('@').ok_or_else(wrong)?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let version = version.parse::<Version>().map_err(|_| wrong())?;
    if is_name { Ok((name.to_owned(), version)) } else { Err(wrong()) }
}
