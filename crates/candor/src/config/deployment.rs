//! What this deployment goes by: profile, capability descriptor, and the values that all four layers come to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use candor_core::{
    capability::{
        Ability, Capabilities, Capability, Counts, Descriptor, ProbeRecord, Standing, parse_descriptor, standing,
        supported,
    },
    ids::RuntimeName,
    pack::{PackSource, manifests},
    profile::{
        Overlay, PACKAGE_VERSION, Packs, Profile, ProfileErrors, Resolved, SAFE_DEFAULT, parse_profile_for, resolve,
    },
    time::Timestamp,
};
use serde::Serialize;

use super::{
    file::ConfigFile,
    library::{Document, Shelf},
};
use crate::{
    exit::{Exit, Failure},
    home::Home,
    package::{self, Installed},
};

/// The descriptor where neither profile nor configuration names one.
const DEFAULT_DESCRIPTOR: &str = "generic-cli";
/// Largest record of probes, in bytes.
const RECORD_BYTES_MAX: u64 = 1024 * 1024;
/// The name of the package that comes with the program.
const CORE_PACKAGE: &str = "reporting-governance";
/// The runtime of what is reported by Candor's own commands.
const OWN_COMMANDS: &str = "cli";
/// What a runtime does, and no target: only a probe of the runtime can show it.
const OF_THE_RUNTIME: [Capability; 3] =
    [Capability::InlineCompletionBlock, Capability::InlineDispatchBlock, Capability::ForcedCheckpoint];

/// What this deployment goes by.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The profile; none is the safe default, which sets nothing.
    pub profile: Option<Profile>,
    /// What the runtime's adapter declares.
    pub descriptor: Descriptor,
    /// The values that hold.
    pub resolved: Resolved,
    /// The packs that are enabled, as text.
    pub sources: Vec<PackSource>,
    /// How every ability stands here and now.
    pub standing: Vec<Standing>,
    /// The documents' text and the package, for the digest.
    pub texts: String,
    /// The package in use; none where what comes with the program holds.
    pub package: Option<Installed>,
}

/// Something that is counted on here and not supported, and what happens instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// What is missing.
    pub ability: Ability,
    /// Whether the profile requires it.
    pub required: bool,
    /// Why it counts as missing.
    pub why: &'static str,
    /// What was asked for, in the model's words.
    pub asked: &'static str,
    /// What happens instead.
    pub instead: &'static str,
}

impl Deployment {
    /// What a configuration file comes to.
    ///
    /// # Errors
    /// A profile or descriptor that doesn't exist or doesn't read, or a value that a layer may not set.
    pub fn of(file: &ConfigFile, text: Option<&str>, home: &Home, now: Timestamp) -> Result<Self, Failure> {
        Self::over(package::selected(home)?, file, text, home, now)
    }

    /// What it would come to over this package.
    ///
    /// # Errors
    /// As with [`Deployment::of`].
    pub fn over(
        package: Option<Installed>,
        file: &ConfigFile,
        text: Option<&str>,
        home: &Home,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let document = Shelf::Profiles.selected_over(home, package.as_ref(), &file.profile)?;
        Self::laid(package, document, file, text, home, now)
    }

    /// What a profile comes to without a local binding.
    ///
    /// # Errors
    /// As with [`Deployment::of`].
    pub fn with(profile: &Document, home: &Home, now: Timestamp) -> Result<Self, Failure> {
        let package = package::selected(home)?;
        let version = package.as_ref().map(|package| package.manifest.version.clone());
        let profile = Document { package: version, ..profile.clone() };
        Self::laid(package, Some(profile), &ConfigFile::default(), None, home, now)
    }

    fn laid(
        package: Option<Installed>,
        document: Option<Document>,
        file: &ConfigFile,
        text: Option<&str>,
        home: &Home,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let profile = document.as_ref().map(profile).transpose()?;
        let named = file.adapter.as_deref().or(profile.as_ref().map(|of| of.spec.adapters.descriptor.as_str()));
        let adapter = named.unwrap_or(DEFAULT_DESCRIPTOR);
        let adapter = Shelf::Capabilities.find_over(home, package.as_ref(), adapter, Exit::Config)?;
        let descriptor = descriptor(&adapter)?;
        let local: Vec<PackSource> = file
            .packs
            .folders
            .iter()
            .map(|folder| crate::packs::read_folder(&home.state.join(folder)))
            .collect::<Result<_, _>>()?;
        let core = crate::packs::core(package.as_ref())?;
        let wrong = |errors: candor_core::pack::PackErrors| Failure::new(Exit::Config, errors.to_string());
        let manifest = manifests(&core).map_err(wrong)?;
        let extra = manifests(&local).map_err(wrong)?;
        let resolved = resolve(
            Packs { core: &manifest, local: &extra },
            &Overlay::from(&descriptor.spec.defaults),
            &profile.as_ref().map(Overlay::from).unwrap_or_default(),
            &file.overlay(),
        )
        .map_err(|errors| refused(errors, document.as_ref(), &adapter, text.unwrap_or_default(), home))?;
        let enabled = core.into_iter().filter(|source| resolved.packs.value.contains(&source.folder));
        Ok(Self {
            standing: stands(&descriptor, read_record(home, &descriptor).as_ref(), now),
            sources: enabled.chain(local).collect(),
            texts: texts(document, adapter, package.as_ref()),
            package,
            profile,
            descriptor,
            resolved,
        })
    }

    /// The profile's name, as artifacts record it.
    #[must_use]
    pub fn name(&self) -> String {
        self.profile.as_ref().map_or_else(|| SAFE_DEFAULT.to_owned(), |profile| profile.metadata.name())
    }

    /// The package in use, `name@version`.
    #[must_use]
    pub fn package_id(&self) -> String {
        self.package.as_ref().map_or_else(|| format!("{CORE_PACKAGE}@{PACKAGE_VERSION}"), Installed::id)
    }

    /// What each runtime can do: what probes showed, and what Candor's own commands do wherever they run. A command that runs under
    /// `candor exec` has ended when Candor hears of it, and an event by HTTP tells nothing of what its sender does with the answer.
    #[must_use]
    pub fn capabilities(&self) -> BTreeMap<RuntimeName, Capabilities> {
        let shown = supported(&self.standing);
        let shown = shown.into_iter().filter_map(Ability::capability).filter(|one| OF_THE_RUNTIME.contains(one));
        let mut able = BTreeMap::from([(self.descriptor.metadata.runtime.clone(), Capabilities(shown.collect()))]);
        if let Ok(cli) = OWN_COMMANDS.parse::<RuntimeName>() {
            able.entry(cli).or_default().0.insert(Capability::InlineCompletionBlock);
        }
        able
    }

    /// What is counted on here and not supported.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let none = BTreeSet::new();
        let expected = self.profile.as_ref().map(|profile| &profile.spec.capability_expectations);
        let required = expected.map_or(&none, |of| &of.required);
        let surfaces = self.resolved.surfaces.iter().filter(|(_, on)| on.value && self.profile.is_some());
        let wanted = surfaces.filter_map(|(surface, _)| surface.needs());
        let wanted: BTreeSet<Ability> =
            wanted.chain(expected.into_iter().flat_map(|of| of.required.union(&of.optional)).copied()).collect();
        let shown = supported(&self.standing);
        wanted
            .difference(&shown)
            .map(|ability| {
                let fallback = ability.fallback();
                let stands = self.standing.iter().find(|one| one.ability == *ability);
                Gap {
                    ability: *ability,
                    required: required.contains(ability),
                    why: stands.map_or("unsupported", |one| one.counts.as_str()),
                    asked: fallback.asked,
                    instead: fallback.instead,
                }
            })
            .collect()
    }
}

/// Reads a profile.
///
/// # Errors
/// What is wrong with it, with line and column.
pub fn profile(document: &Document) -> Result<Profile, Failure> {
    let profile = parse_profile_for(&document.from, &document.text, &document.package()?)
        .map_err(|errors| unread(&errors, "docs/profiles.md"))?;
    same_name(document, &profile.metadata.id)?;
    Ok(profile)
}

/// Reads a capability descriptor.
///
/// # Errors
/// What is wrong with it, with line and column.
pub fn descriptor(document: &Document) -> Result<Descriptor, Failure> {
    let read = parse_descriptor(&document.from, &document.text);
    let descriptor = read.map_err(|errors| unread(&errors, "docs/capabilities.md"))?;
    same_name(document, &descriptor.metadata.id)?;
    Ok(descriptor)
}

/// What is gone by, as text; the manifest's digest stands for the package.
fn texts(document: Option<Document>, adapter: Document, package: Option<&Installed>) -> String {
    let profile = document.map(|document| document.text).unwrap_or_default();
    let package = package.map(|package| package.digest.clone()).unwrap_or_default();
    format!("{profile}{}{package}", adapter.text)
}

fn unread(errors: &ProfileErrors, page: &str) -> Failure {
    Failure::new(Exit::Config, errors.to_string()).hint(format!("{page} has every field"))
}

fn same_name(document: &Document, id: &str) -> Result<(), Failure> {
    if document.id == id {
        return Ok(());
    }
    Err(Failure::new(Exit::Config, format!("{}: the id `{id}` is not the file's name", document.from))
        .hint("make them the same"))
}

/// What layers may not set, each error under its layer's file.
fn refused(errors: ProfileErrors, profile: Option<&Document>, adapter: &Document, local: &str, home: &Home) -> Failure {
    let placed = errors.0.into_iter().flat_map(|mut error| {
        let text = match (error.file.as_str(), profile) {
            ("profile", Some(document)) => {
                error.file.clone_from(&document.from);
                document.text.as_str()
            }
            ("adapter", _) => {
                error.file.clone_from(&adapter.from);
                adapter.text.as_str()
            }
            _ => {
                error.file = home.config.display().to_string();
                local
            }
        };
        ProfileErrors(vec![error]).placed(text).0
    });
    Failure::new(Exit::Config, ProfileErrors(placed.collect()).to_string())
        .hint("`candor profile explain` shows who set each value and what limits it")
}

/// How every ability of a descriptor stands here. `candor task complete` and `candor claim` answer before the claim takes effect, so there a
/// completion can be held back: the program that asks is its own proof, and needs no other probe.
#[must_use]
pub fn stands(descriptor: &Descriptor, record: Option<&ProbeRecord>, now: Timestamp) -> Vec<Standing> {
    let mut stands = standing(descriptor, record, now);
    let own = descriptor.metadata.runtime.as_str() == OWN_COMMANDS;
    for one in stands.iter_mut().filter(|one| own && one.declared && one.ability == Ability::InlineCompletionBlock) {
        one.counts = Counts::Supported;
    }
    stands
}

/// Where the record of a descriptor's probes lies.
#[must_use]
pub fn record_path(home: &Home, descriptor: &Descriptor) -> PathBuf {
    home.state.join("probes").join(format!("{}.json", descriptor.metadata.id))
}

/// What the probes showed, if they ran. A record that doesn't read shows nothing.
#[must_use]
pub fn read_record(home: &Home, descriptor: &Descriptor) -> Option<ProbeRecord> {
    let path = record_path(home, descriptor);
    fs::metadata(&path).ok().filter(|meta| meta.len() <= RECORD_BYTES_MAX)?;
    serde_json::from_str(&fs::read_to_string(&path).ok()?).ok()
}
