//! A package's archive: its manifest, one signature over the manifest's digest, and the files that the manifest names.
//!
//! Every byte is bound: the envelope by its key, the manifest by the envelope, each file by the manifest, and what is neither of them
//! isn't taken. What a manifest says besides, and what may be in a package, is for the caller.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    archive::{ArchiveError, ArchiveReader, ArchiveWriter},
    hex,
    sign::{
        dsse::{self, EnvelopeError, MAX_ENVELOPE_BYTES},
        key::{NodeKey, PublicKey},
    },
};

/// What the signed statement is a statement of.
pub const PREDICATE_TYPE: &str = "urn:candor:package:v1";
/// The manifest, the first file.
pub const MANIFEST: &str = "package-manifest.json";
/// The signature over the manifest's digest, the second file.
pub const ENVELOPE: &str = "package-manifest.dsse.json";

/// What a package may at most be, so that reading one is bounded whatever it says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Largest manifest, in bytes.
    pub manifest_bytes_max: usize,
    /// Most files.
    pub files_max: usize,
    /// Largest file, in bytes.
    pub file_bytes_max: usize,
    /// All files together, in bytes.
    pub bytes_max: usize,
}

/// A file as a manifest names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its path in the package.
    pub path: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// What a package holds, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Why something isn't taken for a package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// It is no archive of ours.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A file stands where another must.
    #[error("`{found}` stands where `{expected}` must: this is no package, or its files were moved")]
    Order {
        /// What must stand there.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// The signature doesn't hold.
    #[error("the signature doesn't hold: {0}")]
    Signature(#[from] EnvelopeError),
    /// The manifest isn't the one that was signed.
    #[error("`{MANIFEST}` was changed after it was signed")]
    Manifest,
    /// The manifest doesn't read.
    #[error("{0}")]
    Listing(String),
    /// A path that could lead out of the package's folder, or be two files on some systems.
    #[error(
        "`{0}` is no path for a file of a package; use lower or upper case letters, digits, `.`, `_` and `-`, in folders joined by `/`"
    )]
    Path(String),
    /// Files aren't in the order of their paths, or one stands twice.
    #[error("`{0}` stands twice, or not in the order of the paths")]
    Unordered(String),
    /// Two paths that are one file where upper and lower case are the same, or a file that is also a folder.
    #[error("`{0}` and `{1}` are the same place on some systems; rename one of them")]
    Clash(String, String),
    /// A file that the manifest doesn't name.
    #[error("`{0}` is in the archive, and the manifest doesn't name it")]
    Extra(String),
    /// A file that the manifest names isn't there.
    #[error("`{0}` is named in the manifest, and isn't there")]
    Missing(String),
    /// A file isn't what the manifest says.
    #[error("`{0}` was changed: it isn't what the manifest says")]
    Changed(String),
    /// There are too many files.
    #[error("more than {0} files")]
    TooMany(usize),
    /// They are too large together.
    #[error("more than {0} bytes in all files together")]
    TooMuch(usize),
}

impl From<io::Error> for PackageError {
    fn from(error: io::Error) -> Self {
        Self::Archive(error.into())
    }
}

/// A package whose every byte is bound to the key that was asked for.
#[derive(Clone, Debug)]
pub struct Package {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The envelope's bytes.
    pub envelope: Vec<u8>,
    /// The files.
    pub files: Files,
}

/// SHA-256 of bytes, in hex.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// How a manifest names these files.
#[must_use]
pub fn listing(files: &Files) -> Vec<Listed> {
    let listed = |(path, bytes): (&String, &Vec<u8>)| Listed {
        path: path.clone(),
        sha256: digest(bytes),
        bytes: bytes.len() as u64,
    };
    files.iter().map(listed).collect()
}

/// Signs a manifest. `about` is kept in the statement, for people; the digest is what binds.
#[must_use]
pub fn seal(manifest: &[u8], about: &Value, key: &NodeKey) -> Vec<u8> {
    dsse::seal(&dsse::statement(MANIFEST, &digest(manifest), PREDICATE_TYPE, about), key)
}

/// Whether `key` signed this manifest.
///
/// # Errors
/// When it didn't.
pub fn check_seal(manifest: &[u8], envelope: &[u8], key: &PublicKey) -> Result<(), PackageError> {
    let signed = dsse::open(envelope, key, MANIFEST, PREDICATE_TYPE)?;
    if signed == digest(manifest) { Ok(()) } else { Err(PackageError::Manifest) }
}

/// Writes the archive: the same files, manifest and key give the same bytes.
///
/// # Errors
/// When it can't be written, or ustar has no room for a path.
pub fn write<W: Write>(manifest: &[u8], envelope: &[u8], files: &Files, to: W) -> io::Result<W> {
    let mut archive = ArchiveWriter::new(to);
    archive.add(MANIFEST, manifest)?;
    archive.add(ENVELOPE, envelope)?;
    for (path, bytes) in files {
        archive.add(path, bytes)?;
    }
    archive.finish()
}

/// Reads an archive to its end: signed by `key`, and with exactly the files that its manifest names. `list` reads the manifest, which
/// is known to be the signed one by then.
///
/// # Errors
/// The first thing that isn't so.
pub fn read(
    from: impl Read,
    key: &PublicKey,
    bounds: &Bounds,
    list: impl FnOnce(&[u8]) -> Result<Vec<Listed>, String>,
) -> Result<Package, PackageError> {
    let mut archive = ArchiveReader::new(from);
    let manifest = named(&mut archive, MANIFEST, bounds.manifest_bytes_max)?;
    let envelope = named(&mut archive, ENVELOPE, MAX_ENVELOPE_BYTES)?;
    check_seal(&manifest, &envelope, key)?;
    let listed = list(&manifest).map_err(PackageError::Listing)?;
    let mut files = Files::new();
    let mut left = bounds.bytes_max;
    while let Some(member) = archive.next_member()? {
        check_path(&member.name)?;
        if files.len() >= bounds.files_max {
            return Err(PackageError::TooMany(bounds.files_max));
        }
        if files.last_key_value().is_some_and(|(last, _)| *last >= member.name) {
            return Err(PackageError::Unordered(member.name));
        }
        let content = archive.content(bounds.file_bytes_max as u64)?;
        left = left.checked_sub(content.len()).ok_or(PackageError::TooMuch(bounds.bytes_max))?;
        files.insert(member.name, content);
    }
    check_files(&files, &listed)?;
    Ok(Package { manifest, envelope, files })
}

/// Whether these files are exactly the ones that a manifest names, each at a place of its own.
///
/// # Errors
/// The first one that isn't.
pub fn check_files(files: &Files, listed: &[Listed]) -> Result<(), PackageError> {
    check_paths(files.keys().map(String::as_str))?;
    let mut named = BTreeMap::new();
    for file in listed {
        if named.insert(file.path.as_str(), file).is_some() {
            return Err(PackageError::Unordered(file.path.clone()));
        }
    }
    for (path, bytes) in files {
        let file = named.remove(path.as_str()).ok_or_else(|| PackageError::Extra(path.clone()))?;
        if file.bytes != bytes.len() as u64 || file.sha256 != digest(bytes) {
            return Err(PackageError::Changed(path.clone()));
        }
    }
    match named.pop_first() {
        Some((path, _)) => Err(PackageError::Missing(path.to_owned())),
        None => Ok(()),
    }
}

/// Whether each of these paths stays inside a package's folder, and no two are one place on any file system.
///
/// # Errors
/// The first one for which that isn't so.
pub fn check_paths<'a>(paths: impl Iterator<Item = &'a str>) -> Result<(), PackageError> {
    let mut places: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths {
        check_path(path)?;
        if let Some(other) = places.insert(path.to_ascii_lowercase(), path) {
            return Err(PackageError::Clash(other.to_owned(), path.to_owned()));
        }
    }
    for (place, path) in &places {
        let folders = place.match_indices('/').filter_map(|(at, _)| place.get(..at));
        if let Some(file) = folders.into_iter().find_map(|folder| places.get(folder)) {
            return Err(PackageError::Clash((*file).to_owned(), (*path).to_owned()));
        }
    }
    Ok(())
}

/// Whether a path leads to a file below a folder, by every system's reading: no `..`, nothing absolute, no drive, no hidden file.
fn check_path(path: &str) -> Result<(), PackageError> {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            && !part.ends_with('.')
    };
    let fits = !path.is_empty() && path.split('/').all(is_part) && path != MANIFEST && path != ENVELOPE;
    if fits { Ok(()) } else { Err(PackageError::Path(path.escape_debug().take(200).collect())) }
}

fn named(
    archive: &mut ArchiveReader<impl Read>,
    expected: &'static str,
    bytes_max: usize,
) -> Result<Vec<u8>, PackageError> {
    match archive.next_member()? {
        Some(member) if member.name == expected => Ok(archive.content(bytes_max as u64)?),
        Some(member) => Err(PackageError::Order { expected, found: member.name.escape_debug().to_string() }),
        None => Err(PackageError::Order { expected, found: "the end".to_owned() }),
    }
}
