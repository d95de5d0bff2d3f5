//! A package as a file: made from a source tree or from what the program has within, and opened against a key.

use std::{
    fs::{self, File},
    io::{BufReader, Read as _},
    path::Path,
};

use candor_audit::{
    package::{self, Bounds, Files, Listed, MANIFEST, PackageError, digest},
    sign::key::{NodeKey, PublicKey},
};
use candor_core::{
    limits::{PACKAGE_BYTES_MAX, PACKAGE_FILE_BYTES_MAX, PACKAGE_FILES_MAX, PACKAGE_MANIFEST_BYTES_MAX},
    package::{CORE_MANIFEST, Content, FileEntry, Manifest, check_content, core_files},
};
use serde_json::json;

use super::host;
use crate::exit::{Exit, Failure};

/// What a package may at most be.
const BOUNDS: Bounds = Bounds {
    manifest_bytes_max: PACKAGE_MANIFEST_BYTES_MAX,
    files_max: PACKAGE_FILES_MAX,
    file_bytes_max: PACKAGE_FILE_BYTES_MAX,
    bytes_max: PACKAGE_BYTES_MAX,
};
/// What of a source tree goes into a package.
const FOLDERS: [&str; 7] = ["approvals", "schemas", "policy-packs", "profiles", "capabilities", "docs", "examples"];
/// Files of its root that go into a package, where they are.
const ROOT_FILES: [&str; 1] = ["LICENSE"];
/// How deep folders of a source tree may lie in one another.
const DEPTH_MAX: usize = 8;

/// A package that was opened: intact, signed by the key that was asked for, and with nothing in it that may not be.
pub struct Opened {
    /// Its manifest.
    pub manifest: Manifest,
    /// What it holds.
    pub content: Content,
    /// The bytes as they came.
    pub package: package::Package,
}

impl Opened {
    /// SHA-256 of the manifest, in hex: it stands for the whole package.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&self.package.manifest)
    }
}

/// A package that was made.
pub struct Built {
    /// The file's bytes.
    pub archive: Vec<u8>,
    /// The manifest, with every file.
    pub manifest: Manifest,
    /// The manifest's bytes.
    pub manifest_bytes: Vec<u8>,
    /// What it holds.
    pub content: Content,
}

/// Opens a package's file.
///
/// # Errors
/// [`Exit::Usage`] when it can't be read, [`Exit::NotIntact`] when it isn't what the key's owner signed, [`Exit::Config`] when it holds what
/// no package may hold. Whether it fits this program isn't asked.
pub fn open(path: &Path, key: &PublicKey) -> Result<Opened, Failure> {
    let unread = |error: std::io::Error| {
        Failure::new(Exit::Usage, format!("`{}` can't be read: {error}; nothing is said about it", path.display()))
    };
    // Looked at before it is opened: a pipe would wait for whoever writes into it.
    if !fs::metadata(path).map_err(unread)?.is_file() {
        return Err(Failure::new(Exit::Usage, format!("`{}` is no file", path.display())));
    }
    let file = File::open(path).map_err(unread)?;
    let package =
        package::read(BufReader::new(file), key, &BOUNDS, list).map_err(|error| refused(path, &error, key))?;
    let manifest = parse(&package.manifest)?;
    let content =
        check_content(&manifest, &package.files).map_err(|errors| Failure::new(Exit::Config, errors.to_string()))?;
    Ok(Opened { manifest, content, package })
}

fn refused(path: &Path, error: &PackageError, key: &PublicKey) -> Failure {
    let failure = Failure::new(Exit::NotIntact, format!("`{}` isn't intact: {error}", path.display()));
    match error {
        PackageError::Signature(_) => failure.hint(format!(
            "it must be signed by `{}`; get the builder's key from the builder, not from the package",
            key.name()
        )),
        _ => failure.hint("get it again from its builder"),
    }
}

/// The files that a manifest names.
fn list(manifest: &[u8]) -> Result<Vec<Listed>, String> {
    let manifest = Manifest::parse(manifest).map_err(|error| error.to_string())?;
    let listed = |file: FileEntry| Listed { path: file.path, sha256: file.sha256, bytes: file.bytes };
    Ok(manifest.files.into_iter().map(listed).collect())
}

fn parse(manifest: &[u8]) -> Result<Manifest, Failure> {
    Manifest::parse(manifest)
        .map_err(|error| Failure::new(Exit::Config, error.to_string()).hint("docs/packages.md has every field"))
}

/// The package that comes with the program: its manifest and files.
///
/// # Errors
/// Never for a released Candor: a test reads it.
pub fn core() -> Result<(Manifest, Files), Failure> {
    Ok((parse(CORE_MANIFEST.as_bytes())?, core_files()))
}

/// The manifest and the files of a source tree.
///
/// # Errors
/// When one can't be read, is a link, or is too large.
pub fn from_tree(root: &Path) -> Result<(Manifest, Files), Failure> {
    let manifest = parse(&read(&root.join(MANIFEST), PACKAGE_MANIFEST_BYTES_MAX)?)?;
    let mut files = Files::new();
    for name in ROOT_FILES {
        if root.join(name).exists() {
            files.insert(name.to_owned(), read(&root.join(name), PACKAGE_FILE_BYTES_MAX)?);
        }
    }
    for name in FOLDERS {
        if fs::symlink_metadata(root.join(name)).is_ok() {
            walk(&root.join(name), name, 1, &mut files)?;
        }
    }
    Ok((manifest, files))
}

fn walk(folder: &Path, name: &str, depth: usize, files: &mut Files) -> Result<(), Failure> {
    let unread = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Config, format!("`{}` can't be packed: {error}", folder.display()))
    };
    if depth > DEPTH_MAX {
        return Err(unread(&format!("folders lie more than {DEPTH_MAX} deep in one another")));
    }
    // A link would bring in what lies elsewhere.
    if !fs::symlink_metadata(folder).map_err(|error| unread(&error))?.is_dir() {
        return Err(unread(&"it is no folder"));
    }
    for entry in fs::read_dir(folder).map_err(|error| unread(&error))? {
        let entry = entry.map_err(|error| unread(&error))?;
        let file = entry.file_name();
        let Some(file) = file.to_str() else {
            return Err(unread(&format!("`{}` is no name in UTF-8", file.to_string_lossy())));
        };
        let path = format!("{name}/{file}");
        if entry.file_type().map_err(|error| unread(&error))?.is_dir() {
            walk(&entry.path(), &path, depth + 1, files)?;
            continue;
        }
        if files.len() >= PACKAGE_FILES_MAX {
            return Err(unread(&format!("there are more than {PACKAGE_FILES_MAX} files")));
        }
        files.insert(path, read(&entry.path(), PACKAGE_FILE_BYTES_MAX)?);
    }
    Ok(())
}

/// A plain file's bytes, up to a limit.
pub(super) fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let unread = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Config, format!("`{}` can't be read: {error}", path.display()))
    };
    if !fs::symlink_metadata(path).map_err(|error| unread(&error))?.is_file() {
        return Err(unread(&"it is no plain file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unread(&error))?;
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
    if bytes.len() > bytes_max {
        return Err(unread(&format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

/// Makes a package: the same manifest, files and key give the same bytes.
///
/// # Errors
/// [`Exit::Config`] with everything that may not be in it, [`Exit::Refused`] when it wouldn't fit this program, so that nothing is signed
/// that nobody could use.
pub fn build(mut manifest: Manifest, files: &Files, key: &NodeKey) -> Result<Built, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(Exit::Config, error.to_string());
    package::check_paths(files.keys().map(String::as_str)).map_err(|error| wrong(&error))?;
    if files.values().map(Vec::len).sum::<usize>() > PACKAGE_BYTES_MAX {
        return Err(wrong(&format!("the files have more than {PACKAGE_BYTES_MAX} bytes together")));
    }
    let entry = |file: Listed| FileEntry { path: file.path, sha256: file.sha256, bytes: file.bytes };
    manifest.files = package::listing(files).into_iter().map(entry).collect();
    let content = check_content(&manifest, files).map_err(|errors| wrong(&errors))?;
    manifest.fits(&host()).map_err(|misfit| Failure::new(Exit::Refused, misfit.why).hint(misfit.hint))?;
    let manifest_bytes = manifest.to_bytes().map_err(|error| wrong(&error))?;
    // Read back as whoever opens it will.
    parse(&manifest_bytes)?;
    let about = json!({ "package": manifest.name, "version": manifest.version.to_string() });
    let envelope = package::seal(&manifest_bytes, &about, key);
    let archive = package::write(&manifest_bytes, &envelope, files, Vec::new())
        .map_err(|error| wrong(&format!("the archive can't be made: {error}")))?;
    Ok(Built { archive, manifest, manifest_bytes, content })
}
