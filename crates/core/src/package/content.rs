//! What a package may hold, and the proof that it holds nothing that belongs to one machine.
//!
//! The proof is structural. Only files of known kinds are taken, none of which runs. Profiles, descriptors, packs and records are read
//! strictly by their types, which have no field for a target, a credential, a schedule, a root or a program to send with. What is left
//! are texts for people, in which nothing may look like a secret.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::Manifest;
use crate::{
    artifact::{EventRecord, NoticeRecord, ReceiptRecord},
    capability::{Descriptor, core_descriptors, parse_descriptor},
    catalogue::{CATALOGUE_FILE, parse_catalogue},
    decision::Decision,
    disclosure,
    evidence::Evidence,
    pack::{Pack, PackSet, PackSource, cases, core_sources, manifests},
    profile::{Overlay, Packs, Profile, SAFE_DEFAULT, parse_profile_for, resolve},
};

/// Contracts without which nothing could be validated.
const SCHEMAS: [&str; 8] = [
    "capability-descriptor",
    "decision",
    "deployment-profile",
    "event",
    "evidence",
    "notice",
    "policy-pack",
    "receipt",
];
/// Folders that a package must have something in.
const AREAS: [(&str, &str); 4] = [
    ("schemas/", "validation contracts"),
    ("policy-packs/", "policy packs"),
    ("profiles/", "deployment profiles"),
    ("capabilities/", "capability descriptors"),
];

/// What a package holds, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Policy packs, `id@version`.
    pub packs: Vec<String>,
    /// Deployment profiles, `id@version`.
    pub profiles: Vec<String>,
    /// Capability descriptors, `id@version`.
    pub capabilities: Vec<String>,
    /// The catalogue of approvals, `id@version`.
    pub catalogue: Option<String>,
    /// Schemas, by name.
    pub schemas: Vec<String>,
    /// Pages and examples.
    pub pages: usize,
}

/// One thing that a package may not hold, or hold so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ContentError {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The readers of documents name the file themselves, with line and column.
        if self.message.starts_with(&self.file) {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.file, self.message)
    }
}

/// Everything that is wrong, in the order of the files. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ContentErrors(pub Vec<ContentError>);

impl fmt::Display for ContentErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// What kind of file stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'a> {
    /// A JSON Schema, by name.
    Schema(&'a str),
    /// A file of the pack of that id.
    Pack(&'a str, &'a str),
    /// A profile, by id.
    Profile(&'a str),
    /// A capability descriptor, by id.
    Capability(&'a str),
    /// The catalogue of approvals.
    Catalogue,
    /// A record, by its kind.
    Record(&'a str),
    /// A profile to start from, by id.
    Example(&'a str),
    /// A text for people.
    Page,
}

impl<'a> Kind<'a> {
    /// None for a file that no package has: what runs, above all.
    fn of(path: &'a str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["LICENSE" | "README.md"] => Some(Self::Page),
            ["schemas", file] => file.strip_suffix(".json").map(Self::Schema),
            ["policy-packs", id, ..] => {
                let prefix = "policy-packs/".len() + id.len() + 1;
                Some(Self::Pack(id, path.get(prefix..).filter(|file| !file.is_empty())?))
            }
            ["profiles", file] => file.strip_suffix(".yaml").map(Self::Profile),
            ["capabilities", file] => file.strip_suffix(".yaml").map(Self::Capability),
            ["approvals", "catalogue.yaml"] => Some(Self::Catalogue),
            ["docs" | "examples", .., file] if file.ends_with(".md") => Some(Self::Page),
            ["examples", file] => match file.strip_suffix(".yaml") {
                Some(id) => Some(Self::Example(id)),
                None => file.strip_suffix(".json").map(Self::Record),
            },
            _ => None,
        }
    }
}

/// What a package holds, by what it is.
#[derive(Default)]
struct Sorted<'a> {
    errors: Vec<ContentError>,
    schemas: Vec<(&'a str, &'a str, &'a str)>,
    packs: BTreeMap<&'a str, PackSource>,
    profiles: Vec<(&'a str, &'a str, &'a str)>,
    capabilities: Vec<(&'a str, &'a str, &'a str)>,
    examples: Vec<(&'a str, &'a str, &'a str)>,
    records: Vec<(&'a str, &'a str, &'a str)>,
    catalogue: Option<&'a str>,
    pages: usize,
}

impl<'a> Sorted<'a> {
    fn of(files: &'a BTreeMap<String, Vec<u8>>) -> Self {
        let mut sorted = Self::default();
        for (path, bytes) in files {
            let Some(kind) = Kind::of(path) else {
                sorted.wrong(
                    path,
                    "a package has no such file; it holds schemas, policy packs, profiles, descriptors, a catalogue of approvals, pages and examples, and nothing that runs",
                );
                continue;
            };
            let Ok(text) = std::str::from_utf8(bytes) else {
                sorted.wrong(path, "it is no text in UTF-8");
                continue;
            };
            sorted.no_secret(path, text);
            sorted.put(path, kind, text);
        }
        sorted
    }

    fn put(&mut self, path: &'a str, kind: Kind<'a>, text: &'a str) {
        match kind {
            Kind::Schema(name) => self.schemas.push((path, name, text)),
            Kind::Pack(id, file) => {
                let source = self.packs.entry(id).or_insert_with(|| PackSource::new(id, []));
                source.files.insert(file.to_owned(), text.to_owned());
            }
            Kind::Profile(id) => self.profiles.push((path, id, text)),
            Kind::Capability(id) => self.capabilities.push((path, id, text)),
            Kind::Example(id) => self.examples.push((path, id, text)),
            Kind::Catalogue => self.catalogue = Some(text),
            Kind::Record(name) => self.records.push((path, name, text)),
            Kind::Page => self.pages += 1,
        }
    }

    /// Names the first line on which something looks like a secret, and never repeats it.
    fn no_secret(&mut self, path: &str, text: &str) {
        match disclosure::secrets() {
            Err(error) => self.wrong(path, error),
            Ok(scanner) => {
                if let Some(found) = scanner.find(text).first() {
                    let line = text.get(..found.at.start).unwrap_or_default().matches('\n').count() + 1;
                    let why = format!(
                        "line {line} looks like a secret (`{}`); a package holds none: take it out",
                        found.rule
                    );
                    self.wrong(path, why);
                }
            }
        }
    }

    fn wrong(&mut self, file: &str, message: impl fmt::Display) {
        self.errors.push(ContentError { file: file.to_owned(), message: message.to_string() });
    }
}

/// Reads everything that a package holds, and refuses what it may not.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_content(manifest: &Manifest, files: &BTreeMap<String, Vec<u8>>) -> Result<Content, ContentErrors> {
    let mut sorted = Sorted::of(files);
    for (area, what) in AREAS {
        if !files.keys().any(|path| path.starts_with(area)) {
            sorted.wrong(area, format!("the package has no {what}"));
        }
    }
    if let Ok(bytes) = manifest.to_bytes() {
        sorted.no_secret("package-manifest.json", &String::from_utf8_lossy(&bytes));
    }
    check_schemas(&mut sorted);
    let packs = check_packs(&mut sorted);
    let descriptors = check_descriptors(&mut sorted);
    let profiles = check_profiles(&mut sorted, manifest, &packs, &descriptors);
    check_records(&mut sorted);
    let catalogue = sorted.catalogue.map(|text| parse_catalogue(CATALOGUE_FILE, text)).transpose();
    let catalogue = catalogue.unwrap_or_else(|error| {
        sorted.wrong(CATALOGUE_FILE, error);
        None
    });
    if !sorted.errors.is_empty() {
        sorted.errors.sort_by(|one, other| one.file.cmp(&other.file));
        return Err(ContentErrors(sorted.errors));
    }
    Ok(Content {
        packs: packs.iter().map(Pack::name).collect(),
        profiles: profiles.iter().map(|of| of.metadata.name()).collect(),
        capabilities: descriptors.iter().map(|of| of.metadata.name()).collect(),
        catalogue: catalogue.map(|of| of.name()),
        schemas: sorted.schemas.iter().map(|(_, name, _)| (*name).to_owned()).collect(),
        pages: sorted.pages + sorted.examples.len() + sorted.records.len(),
    })
}

fn check_schemas(sorted: &mut Sorted<'_>) {
    for (path, _, text) in sorted.schemas.clone() {
        let schema: Option<Value> = serde_json::from_str(text).ok();
        let is_schema = schema.is_some_and(|of| of.get("$schema").is_some_and(Value::is_string));
        if !is_schema {
            sorted.wrong(path, "it is no JSON Schema: it has no `$schema`");
        }
    }
    for name in SCHEMAS {
        if !sorted.schemas.iter().any(|(_, of, _)| *of == name) {
            sorted.wrong(&format!("schemas/{name}.json"), "the contract is missing");
        }
    }
}

fn check_packs(sorted: &mut Sorted<'_>) -> Vec<Pack> {
    let sources: Vec<PackSource> = sorted.packs.values().cloned().collect();
    let loaded = match PackSet::load(&sources, &BTreeMap::new()) {
        Ok(loaded) => loaded,
        Err(errors) => {
            sorted.wrong("policy-packs/", errors);
            return Vec::new();
        }
    };
    for source in &sources {
        let folder = format!("policy-packs/{}", source.folder);
        match cases::run(source) {
            Err(errors) => sorted.wrong(&folder, errors),
            Ok(results) => {
                for result in results.iter().filter(|result| !result.differences.is_empty()) {
                    let differences = result.differences.join("; ");
                    sorted.wrong(
                        &format!("{folder}/{}", result.file),
                        format!("the case `{}`: {differences}", result.name),
                    );
                }
            }
        }
    }
    loaded.packs().to_vec()
}

fn check_descriptors(sorted: &mut Sorted<'_>) -> Vec<Descriptor> {
    let mut read = Vec::new();
    for (path, id, text) in sorted.capabilities.clone() {
        match parse_descriptor(path, text) {
            Err(errors) => sorted.wrong(path, errors),
            Ok(descriptor) => {
                if descriptor.metadata.id != id {
                    sorted.wrong(path, format!("the id `{}` is not the file's name", descriptor.metadata.id));
                }
                for (name, probe) in &descriptor.spec.probes {
                    // A probe looks for what users have; a place of one machine would be a root, and a path to a program a runtime.
                    if probe.file.as_ref().is_some_and(|file| !file.starts_with("~/")) {
                        sorted.wrong(
                            path,
                            format!("the probe `{name}` names a place of one machine; begin it with `~/`"),
                        );
                    }
                    if probe.program.as_ref().is_some_and(|program| program.contains(['/', '\\', ' '])) {
                        sorted.wrong(
                            path,
                            format!("the probe `{name}` names a program by its path; name it as users call it"),
                        );
                    }
                }
                read.push(descriptor);
            }
        }
    }
    read
}

/// Each profile, laid on the package's own defaults and on the descriptor that it names.
fn check_profiles(
    sorted: &mut Sorted<'_>,
    manifest: &Manifest,
    packs: &[Pack],
    descriptors: &[Descriptor],
) -> Vec<Profile> {
    let all = with_core(packs);
    let mut read = Vec::new();
    let documents = sorted.profiles.iter().chain(&sorted.examples).copied().collect::<Vec<_>>();
    for (path, id, text) in documents {
        let profile = match parse_profile_for(path, text, &manifest.version) {
            Ok(profile) => profile,
            Err(errors) => {
                sorted.wrong(path, errors);
                continue;
            }
        };
        if id == SAFE_DEFAULT {
            sorted.wrong(path, format!("`{SAFE_DEFAULT}` is the name of no profile: it stands for none"));
        }
        if profile.metadata.id != id {
            sorted.wrong(path, format!("the id `{}` is not the file's name", profile.metadata.id));
        }
        let named = &profile.spec.adapters.descriptor;
        let own = descriptors.iter().find(|of| of.metadata.id == *named).cloned();
        let built_in = || {
            let text = core_descriptors().into_iter().find(|(id, _)| id == named).map(|(_, text)| text);
            text.and_then(|text| parse_descriptor(named, text).ok())
        };
        match own.or_else(built_in) {
            None => sorted.wrong(path, format!("it counts on the descriptor `{named}`, which isn't in the package")),
            Some(descriptor) => {
                let adapter = Overlay::from(&descriptor.spec.defaults);
                let laid =
                    resolve(Packs { core: &all, local: &[] }, &adapter, &Overlay::from(&profile), &Overlay::default());
                if let Err(mut errors) = laid {
                    errors.0.iter_mut().for_each(|error| path.clone_into(&mut error.file));
                    sorted.wrong(path, errors.placed(text));
                }
            }
        }
        read.push(profile);
    }
    read.truncate(sorted.profiles.len());
    read
}

/// The package's packs, and those of the core that it leaves as they are.
fn with_core(packs: &[Pack]) -> Vec<Pack> {
    let own: BTreeSet<&str> = packs.iter().map(|pack| pack.id.as_str()).collect();
    let core = manifests(&core_sources()).unwrap_or_default();
    packs.iter().cloned().chain(core.into_iter().filter(|pack| !own.contains(pack.id.as_str()))).collect()
}

/// Records among the examples are what their file's name says, so that none is a configuration in disguise.
fn check_records(sorted: &mut Sorted<'_>) {
    fn reads<T: DeserializeOwned>(text: &str) -> Option<String> {
        serde_json::from_str::<T>(text).err().map(|error| error.to_string())
    }
    for (path, name, text) in sorted.records.clone() {
        let wrong = match name {
            "event" => reads::<EventRecord>(text),
            "evidence" => reads::<Evidence>(text),
            "decision" => reads::<Decision>(text),
            "notice" => reads::<NoticeRecord>(text),
            "receipt" => reads::<ReceiptRecord>(text),
            other => {
                Some(format!("`{other}` is no kind of record; name it event, evidence, decision, notice or receipt"))
            }
        };
        if let Some(why) = wrong {
            sorted.wrong(path, why);
        }
    }
}
