//! `package-manifest.json`: which package it is, what it fits, and every file's digest.

use std::{cmp::Ordering, collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Version;
use crate::{
    limits::{LINE_BYTES_MAX, PACKAGE_FILES_MAX, PACKAGE_MANIFEST_BYTES_MAX},
    pack::is_name,
    profile::{API_VERSION, SenderMode, Surface},
};

/// The version of this manifest's own form.
pub const MANIFEST_VERSION: &str = "1.0.0";
/// Most entry points.
const ADAPTERS_MAX: usize = 32;

/// A package's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this form, `1.0.0`.
    pub package_manifest_version: String,
    /// The package's name: lower case words joined by `-`.
    pub name: String,
    /// Its version, `0.1.0-mainline`.
    pub version: Version,
    /// What it is for, in a sentence.
    pub summary: String,
    /// The programs and contracts that it fits.
    pub compatibility: Compatibility,
    /// Between which versions it may be exchanged.
    pub exchange: Exchange,
    /// The entry points of its adapters: roles of the program.
    pub adapters: Vec<EntryPoint>,
    /// Every other file, in the order of the paths. Empty in a source tree, and filled in when the package is built.
    #[serde(default)]
    pub files: Vec<FileEntry>,
}

/// The programs and contracts that a package fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Compatibility {
    /// Versions of the program.
    pub candor: Bound,
    /// The `apiVersion` of its profiles and descriptors.
    pub documents: String,
    /// The version of the bundles in which its records are exported.
    pub bundles: String,
}

/// A range of versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The first version that fits.
    pub from: Version,
    /// The first version after it that doesn't.
    pub below: Version,
}

/// Between which versions a package may be exchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The oldest version that this one may take the place of.
    pub upgrade_from: Version,
    /// The oldest version that may take the place of this one.
    pub downgrade_to: Version,
}

/// An entry point of an adapter: roles of the program, and no program of the package's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EntryPoint {
    /// The surface that it is.
    pub surface: Surface,
    /// The commands of the program that run it, without the program's name: `run watchdog`.
    pub roles: Vec<String>,
    /// The piece of the reference chain that it stands for.
    pub reference: String,
    /// What it does, in a sentence.
    pub does: String,
    /// The folders of an export in which its artifacts lie.
    #[serde(default)]
    pub artifacts: Vec<String>,
    /// For `sender_binding`: the senders that a profile may choose from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub senders: BTreeSet<SenderMode>,
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its path in the package.
    pub path: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// Why a manifest isn't taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// It is larger than a manifest may be.
    #[error("package-manifest.json has {0} bytes; at most {PACKAGE_MANIFEST_BYTES_MAX} are read")]
    Large(usize),
    /// It doesn't read.
    #[error("package-manifest.json: {0}")]
    Shape(String),
    /// It is of another form than this program reads.
    #[error(
        "package-manifest.json has the form {0}, and this program reads {MANIFEST_VERSION}; take a candor that reads it"
    )]
    Form(String),
    /// A value can't be so.
    #[error("package-manifest.json: {0}")]
    Value(String),
}

impl Manifest {
    /// Reads a manifest strictly: unknown fields, fields that stand twice and other forms are refused.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > PACKAGE_MANIFEST_BYTES_MAX {
            return Err(ManifestError::Large(bytes.len()));
        }
        // The form first: what a newer one has besides would read as a typo.
        #[derive(Deserialize)]
        struct Head {
            package_manifest_version: String,
        }
        let wrong = |error: serde_json::Error| ManifestError::Shape(error.to_string());
        let head: Head = serde_json::from_slice(bytes).map_err(wrong)?;
        if head.package_manifest_version != MANIFEST_VERSION {
            return Err(ManifestError::Form(head.package_manifest_version.chars().take(64).collect()));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(wrong)?;
        manifest.check().map_err(ManifestError::Value)?;
        Ok(manifest)
    }

    /// The bytes that are signed: one form for the same manifest.
    ///
    /// # Errors
    /// Never in practice: a manifest is plain JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| ManifestError::Shape(error.to_string()))?;
        Ok((text + "\n").into_bytes())
    }

    /// `name@version`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    fn check(&self) -> Result<(), String> {
        if !is_name(&self.name, b'-') {
            return Err(format!("`{}` is not a package's name; use lower case words joined by `-`", self.name));
        }
        let lines = self.adapters.iter().flat_map(|of| [&of.does, &of.reference].into_iter().chain(&of.roles));
        if let Some(line) = lines.chain([&self.summary]).find(|line| line.is_empty() || line.len() > LINE_BYTES_MAX) {
            let start: String = line.chars().take(40).collect();
            return Err(format!("the text `{start}` is empty or longer than {LINE_BYTES_MAX} bytes"));
        }
        let fits = &self.compatibility.candor;
        if fits.from.compared(&fits.below) != Ordering::Less {
            return Err(format!("`compatibility.candor` ends with {} before it begins with {}", fits.below, fits.from));
        }
        for (field, bound) in
            [("upgrade_from", &self.exchange.upgrade_from), ("downgrade_to", &self.exchange.downgrade_to)]
        {
            if bound.compared(&self.version) == Ordering::Greater {
                return Err(format!("`exchange.{field}` is {bound}, newer than the package's own {}", self.version));
            }
        }
        if self.adapters.is_empty() || self.adapters.len() > ADAPTERS_MAX {
            return Err(format!("`adapters` names none, or more than {ADAPTERS_MAX}"));
        }
        for adapter in &self.adapters {
            let surface = adapter.surface.as_str();
            if adapter.roles.is_empty() {
                return Err(format!("the entry point `{surface}` names no role"));
            }
            if adapter.senders.is_empty() == (adapter.surface == Surface::SenderBinding) {
                return Err(format!("`senders` stand at `sender_binding` and nowhere else, not at `{surface}`"));
            }
        }
        if self.files.len() > PACKAGE_FILES_MAX {
            return Err(format!("{} files are more than {PACKAGE_FILES_MAX}", self.files.len()));
        }
        let is_hex = |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if let Some(file) = self.files.iter().find(|file| !is_hex(&file.sha256)) {
            return Err(format!("`{}` has no SHA-256 in lower case hex", file.path));
        }
        let unordered = self.files.iter().zip(self.files.iter().skip(1)).find(|(one, next)| one.path >= next.path);
        unordered
            .map_or(Ok(()), |(_, file)| Err(format!("`{}` stands twice, or not in the order of the paths", file.path)))
    }
}

/// The program that would go by a package.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its version.
    pub candor: Version,
    /// The version of the bundles that it writes.
    pub bundles: &'static str,
    /// The commands that run its roles.
    pub roles: &'static [&'static str],
    /// The senders that it has.
    pub senders: &'static [&'static str],
}

/// Why a package doesn't fit where it would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// What doesn't fit.
    pub why: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl Manifest {
    /// Whether the program can go by this package.
    ///
    /// # Errors
    /// The first thing that doesn't fit.
    pub fn fits(&self, host: &Host) -> Result<(), Misfit> {
        let misfit = |why: String, hint: &str| Err(Misfit { why, hint: hint.to_owned() });
        let (bound, id) = (&self.compatibility.candor, self.id());
        if host.candor.compared(&bound.from) == Ordering::Less || host.candor.compared(&bound.below) != Ordering::Less {
            let why = format!(
                "`{id}` fits candor from {} and below {}, and this is candor {}",
                bound.from, bound.below, host.candor
            );
            return misfit(why, "take the package that was made for this candor, or another candor");
        }
        for (what, is, here) in [
            ("documents", self.compatibility.documents.as_str(), API_VERSION),
            ("bundles", self.compatibility.bundles.as_str(), host.bundles),
        ] {
            if is != here {
                let why = format!("`{id}` speaks `{is}` for its {what}, and this candor speaks `{here}`");
                return misfit(why, "take the package that was made for this candor, or another candor");
            }
        }
        for adapter in &self.adapters {
            let surface = adapter.surface.as_str();
            if let Some(role) = adapter.roles.iter().find(|role| !host.roles.contains(&role.as_str())) {
                let why = format!("the entry point `{surface}` of `{id}` names `candor {role}`, which isn't there");
                return misfit(why, "take another candor");
            }
            if let Some(sender) = adapter.senders.iter().find(|sender| !host.senders.contains(&sender.as_str())) {
                let why = format!("`{id}` counts on the sender `{}`, which isn't there", sender.as_str());
                return misfit(why, "take another candor");
            }
        }
        Ok(())
    }

    /// Whether this package may take the place of another, and which way that goes.
    ///
    /// # Errors
    /// When it is another package, has the same version, or lies outside the bounds of the newer one of both.
    pub fn replaces(&self, other: &Self) -> Result<Ordering, Misfit> {
        let misfit = |why: String, hint: &str| Err(Misfit { why, hint: hint.to_owned() });
        let (new, old) = (self.id(), other.id());
        if self.name != other.name {
            return misfit(
                format!("`{new}` is another package than `{old}`, which is in use"),
                "take that one out of use first: `candor package remove NAME@VERSION --in-use`",
            );
        }
        let way = self.version.compared(&other.version);
        match way {
            Ordering::Equal => misfit(
                format!("`{new}` is neither newer nor older than `{old}`, which is in use"),
                "`candor package list` shows what there is",
            ),
            Ordering::Greater if other.version.compared(&self.exchange.upgrade_from) == Ordering::Less => misfit(
                format!("`{new}` takes the place of {} or newer, not of `{old}`", self.exchange.upgrade_from),
                "upgrade by the versions between, one after the other",
            ),
            Ordering::Less if self.version.compared(&other.exchange.downgrade_to) == Ordering::Less => misfit(
                format!("`{old}` makes room for {} or newer, not for `{new}`", other.exchange.downgrade_to),
                "downgrade by the versions between, one after the other",
            ),
            way => Ok(way),
        }
    }
}
