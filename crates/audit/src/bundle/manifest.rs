//! The manifest: the deployment model's seven fields unchanged, then ours.
//!
//! A million artifacts make it hundreds of megabytes, so it is written and read as a stream: of canonical key order, all that is known
//! before the list of artifacts is the bundle's version, and all else comes after it.

use std::{collections::BTreeMap, fmt, io::Read};

use serde::{
    Deserialize, Serialize,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};

use super::BUNDLE_VERSION;
use crate::{canonical, json::MAX_INTEGER};

/// The version of the hashes: of commitments, headers and tree.
pub const HASH_VERSION: u64 = 1;
/// Most fields removed from one artifact that a manifest lists.
pub const MAX_REDACTED: usize = 10_000;
/// Most records that a manifest says are withheld or lost.
pub const MAX_LISTED: usize = 100_000;

/// One artifact in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it records; a name of [`crate::kind::Kind`].
    pub kind: String,
    /// Where it lies in the archive.
    pub r#ref: String,
    /// SHA-256 of its bytes as shipped, in hex.
    pub sha256: String,
    /// Its size as shipped, in bytes.
    pub bytes: u64,
    /// Its place in the log.
    pub index: u64,
    /// JSON pointers of what was removed from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<String>,
}

/// By what the records were chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Selection {
    /// All records of a task.
    Task {
        /// The task.
        task_id: String,
        /// Which headers are shown.
        headers: Headers,
    },
    /// All records under a correlation id.
    Correlation {
        /// The correlation id.
        correlation_id: String,
        /// Which headers are shown.
        headers: Headers,
    },
    /// All records of a time.
    Window {
        /// Its first instant.
        from: String,
        /// Its last instant.
        to: String,
        /// Which headers are shown.
        headers: Headers,
    },
}

/// Which headers a bundle shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Headers {
    /// All, from the first chosen record to the log's end: nothing can be left out unseen.
    Range,
    /// Those of the chosen records: that no later one was left out rests on the signer.
    Selected,
}

/// The log that the records are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogHead {
    /// Its name.
    pub origin: String,
    /// How many artifacts it has.
    pub tree_size: u64,
    /// Its root, in base64.
    pub root: String,
}

/// A record whose header is shown and whose artifact isn't.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Withheld {
    /// Its place in the log.
    pub index: u64,
    /// Why it is withheld.
    pub why: String,
}

/// Of what a bundle is a copy with values taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// The public key of who made the copy, and signed its manifest.
    pub by: String,
    /// SHA-256 of the manifest of what it is a copy of, in hex. It tells nothing of what was taken out: that manifest has the hash of the
    /// openings, and with them of the secret salts that went with the values.
    pub of: String,
}

/// All of a manifest but the list of artifacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rest {
    /// The capability descriptor in force, `name@version`.
    pub capability_descriptor: Option<String>,
    /// The incident or firing that the bundle is about, where it is about one.
    pub correlation_id: Option<String>,
    /// How many artifacts it has.
    pub count: u64,
    /// The profile in force, `name@version`.
    pub deployment_profile: Option<String>,
    /// Of what it is a copy, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derived>,
    /// When it was made.
    pub exported_at: String,
    /// What made it, `candor 0.1.0`.
    pub exporter: String,
    /// SHA-256 of the other files, in hex.
    pub files: BTreeMap<String, String>,
    /// Shown records that say something was lost.
    pub gaps: Vec<u64>,
    /// See [`HASH_VERSION`].
    pub hash_version: u64,
    /// The log that it is of.
    pub log: LogHead,
    /// The version of the package that made the records.
    pub plugin_package_version: String,
    /// By what the records were chosen.
    pub selection: Selection,
    /// The task that the bundle is about, where it is about one.
    pub task_id: Option<String>,
    /// Chosen records that aren't in it.
    pub withheld: Vec<Withheld>,
}

/// The whole of a manifest, for its schema alone: it is read and written as a stream.
#[cfg(feature = "schema")]
#[derive(Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The bundle format's version.
    pub artifact_bundle_version: String,
    /// The artifacts, in the log's order.
    pub artifacts: Vec<Entry>,
    /// All else.
    #[serde(flatten)]
    pub rest: Rest,
}

/// The bytes of a manifest, entry by entry.
#[derive(Debug)]
pub struct ManifestWriter {
    bytes: Vec<u8>,
    count: u64,
}

impl Default for ManifestWriter {
    fn default() -> Self {
        let bytes = format!("{{\"artifact_bundle_version\":\"{BUNDLE_VERSION}\",\"artifacts\":[").into_bytes();
        ManifestWriter { bytes, count: 0 }
    }
}

impl ManifestWriter {
    /// Adds an artifact; they come in the log's order.
    ///
    /// # Errors
    /// Never in practice: an entry is plain JSON.
    pub fn add(&mut self, entry: &Entry) -> Result<(), serde_json::Error> {
        if self.count > 0 {
            self.bytes.push(b',');
        }
        self.count += 1;
        canonical::write(&serde_json::to_value(entry)?, &mut self.bytes);
        Ok(())
    }

    /// How many were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The whole of it.
    ///
    /// # Errors
    /// Never in practice: the rest is plain JSON.
    pub fn finish(mut self, rest: &Rest) -> Result<Vec<u8>, serde_json::Error> {
        self.bytes.extend_from_slice(b"],");
        let rest = canonical::to_bytes(&serde_json::to_value(rest)?);
        self.bytes.extend_from_slice(rest.get(1..).unwrap_or_default());
        Ok(self.bytes)
    }
}

/// Reads a manifest as a stream, hands each artifact to `on_entry`, and gives the rest. What `on_entry` refuses ends the reading; it
/// keeps its own reason.
///
/// # Errors
/// When the text is no manifest. Whether its bytes are canonical isn't looked at here: a signature binds them.
pub fn read(
    from: impl Read,
    mut on_entry: impl FnMut(Entry) -> Result<(), Refused>,
) -> Result<Rest, serde_json::Error> {
    let mut text = serde_json::Deserializer::from_reader(from);
    let rest = Whole { on_entry: &mut on_entry }.deserialize(&mut text)?;
    text.end()?;
    Ok(rest)
}

/// Someone who was handed an artifact wants no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

struct Whole<'f> {
    on_entry: &'f mut dyn FnMut(Entry) -> Result<(), Refused>,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Rest;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Rest, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Rest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rest, A::Error> {
        let mut rest = serde_json::Map::new();
        let mut place = 0;
        while let Some(key) = map.next_key::<String>()? {
            match (place, key.as_str()) {
                (0, "artifact_bundle_version") => {
                    let version: String = map.next_value()?;
                    if version != BUNDLE_VERSION {
                        return Err(A::Error::custom(format!(
                            "bundle version `{version}`; this program reads {BUNDLE_VERSION}"
                        )));
                    }
                }
                (1, "artifacts") => map.next_value_seed(List { on_entry: &mut *self.on_entry })?,
                (0 | 1, _) => return Err(A::Error::custom("its fields are not in canonical order")),
                _ => {
                    let value = map.next_value()?;
                    if rest.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("the field `{key}` stands twice")));
                    }
                }
            }
            place += 1;
        }
        let rest: Rest = serde_json::from_value(rest.into()).map_err(A::Error::custom)?;
        let listed = rest.withheld.len().max(rest.gaps.len());
        if listed > MAX_LISTED || rest.log.tree_size > MAX_INTEGER {
            return Err(A::Error::custom(format!("more than {MAX_LISTED} records withheld or lost")));
        }
        Ok(rest)
    }
}

struct List<'f> {
    on_entry: &'f mut dyn FnMut(Entry) -> Result<(), Refused>,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of artifacts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element::<Entry>()? {
            if entry.redacted.len() > MAX_REDACTED {
                return Err(A::Error::custom(format!("more than {MAX_REDACTED} fields removed from one artifact")));
            }
            (self.on_entry)(entry).map_err(|Refused| A::Error::custom("refused"))?;
        }
        Ok(())
    }
}
