//! The `audit:` section: when the log's head is signed, where it goes, how long contents are kept, and where they go before they are pruned.

use std::time::Duration;

use candor_core::{ids::TargetName, profile::KeepFor, time::DurationText};
use candor_world::{
    places::{ObjectConfig, Place, PlaceConfig},
    senders::{HttpPool, webhook},
};
use serde::Deserialize;

/// Most places that heads go to.
pub const PLACES_MAX: usize = 16;
/// Records after which a head is signed, where nothing else is said.
const RECORDS: u64 = 1_000;
/// Time after which a head is signed, also of an idle log, where nothing else is said.
const TIME: Duration = Duration::from_secs(3600);
/// Shortest time between two heads that are signed for their time.
const TIME_MIN: Duration = Duration::from_secs(1);
/// How often a target is told, where nothing else is said: people read it.
const TARGET_EVERY: Duration = Duration::from_secs(24 * 3600);

/// The section.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSection {
    /// When a head is signed.
    pub every: Every,
    /// Where heads go.
    pub publish: Vec<PublishTo>,
    /// How long contents are kept.
    pub keep_for: Option<KeepFor>,
    /// Where contents go, as bundles, before they are pruned.
    pub archive: Option<ArchiveTo>,
    /// How often the daemon prunes what is past its time; never without it.
    pub prune_every: Option<PruneEvery>,
}

/// When a head is signed: after so many records, or so much time, whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, try_from = "EveryFields")]
pub struct Every {
    /// After so many records.
    pub records: u64,
    /// After so much time, also when nothing was recorded.
    pub time: Duration,
}

impl Default for Every {
    fn default() -> Self {
        Self { records: RECORDS, time: TIME }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EveryFields {
    records: Option<u64>,
    time: Option<DurationText>,
}

impl TryFrom<EveryFields> for Every {
    type Error = String;

    fn try_from(fields: EveryFields) -> Result<Self, String> {
        let every = Self { records: fields.records.unwrap_or(RECORDS), time: fields.time.map_or(TIME, |time| time.0) };
        if every.records == 0 || every.time < TIME_MIN {
            return Err("`every` needs at least 1 record and a time of at least 1s".to_owned());
        }
        Ok(every)
    }
}

/// How often the daemon prunes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "DurationText")]
pub struct PruneEvery(pub Duration);

impl TryFrom<DurationText> for PruneEvery {
    type Error = String;

    fn try_from(every: DurationText) -> Result<Self, String> {
        if every.0 < TIME_MIN { Err("`prune_every` is at least 1s".to_owned()) } else { Ok(Self(every.0)) }
    }
}

/// A place that heads go to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "PublishFields")]
pub struct PublishTo {
    /// Its name: in `status`, and for the gate.
    pub name: TargetName,
    /// Shortest time between two heads there; none for each head.
    pub every: Option<Duration>,
    /// What it is.
    pub to: Where,
}

/// What a place for heads is.
#[derive(Clone, Debug, PartialEq)]
pub enum Where {
    /// A place for documents.
    Place(PlaceConfig),
    /// A target, which gets a notice.
    Target(TargetName),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishFields {
    name: TargetName,
    every: Option<DurationText>,
    folder: Option<std::path::PathBuf>,
    webhook: Option<webhook::Config>,
    object_store: Option<ObjectConfig>,
    target: Option<TargetName>,
}

impl TryFrom<PublishFields> for PublishTo {
    type Error = String;

    fn try_from(fields: PublishFields) -> Result<Self, String> {
        let all = [
            fields.folder.map(|path| Where::Place(PlaceConfig::Folder(path))),
            fields.webhook.map(|own| Where::Place(PlaceConfig::Webhook(own))),
            fields.object_store.map(|own| Where::Place(PlaceConfig::ObjectStore(own))),
            fields.target.map(Where::Target),
        ];
        let mut given = all.into_iter().flatten();
        let (Some(to), None) = (given.next(), given.next()) else {
            return Err(format!("`{}` needs one of `folder`, `webhook`, `object_store`, `target`", fields.name));
        };
        let every = fields.every.map(|every| every.0);
        let every = every.or_else(|| matches!(to, Where::Target(_)).then_some(TARGET_EVERY));
        Ok(Self { name: fields.name, every, to })
    }
}

/// Where contents go before they are pruned.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveTo {
    /// A folder, as an absolute path.
    pub folder: std::path::PathBuf,
    /// A store that gets the same file as well, before anything is pruned.
    #[serde(default)]
    pub object_store: Option<ObjectConfig>,
}

/// The section, checked and bound.
#[derive(Debug, Default)]
pub struct AuditPlan {
    /// When a head is signed.
    pub every: Every,
    /// Where heads go.
    pub publish: Vec<PublishPlace>,
    /// Where contents go before they are pruned.
    pub archive: Option<Archive>,
    /// How often the daemon prunes.
    pub prune_every: Option<Duration>,
    /// How long contents are kept.
    pub keep_for: KeepFor,
}

/// A place that heads go to, bound.
#[derive(Debug)]
pub struct PublishPlace {
    /// Its name.
    pub name: TargetName,
    /// Shortest time between two heads there.
    pub every: Option<Duration>,
    /// What it is.
    pub to: Bound,
}

/// What a place for heads is, bound.
#[derive(Debug)]
pub enum Bound {
    /// A place for documents.
    Place(Place),
    /// A target, which gets a notice.
    Target(TargetName),
}

impl PublishPlace {
    /// Its kind, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.to {
            Bound::Place(place) => place.kind(),
            Bound::Target(_) => "target",
        }
    }
}

/// Where contents go before they are pruned, bound.
#[derive(Debug)]
pub struct Archive {
    /// The folder.
    pub folder: std::path::PathBuf,
    /// A store that gets the same file.
    pub store: Option<Place>,
}

impl AuditPlan {
    /// Checks the section against the targets.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn bind(
        section: &AuditSection,
        keep_for: &KeepFor,
        targets: &[TargetName],
        pool: &HttpPool,
    ) -> Result<Self, String> {
        if section.publish.len() > PLACES_MAX {
            return Err(format!("`audit.publish` names more than {PLACES_MAX} places"));
        }
        let mut publish: Vec<PublishPlace> = Vec::new();
        for to in &section.publish {
            if publish.iter().any(|other| other.name == to.name) {
                return Err(format!("`audit.publish` names `{}` twice", to.name));
            }
            let bound = match &to.to {
                Where::Target(target) if targets.contains(target) => Bound::Target(target.clone()),
                Where::Target(target) => {
                    return Err(format!("`audit.publish`: `{}` names no target: `{target}`", to.name));
                }
                Where::Place(_) if targets.contains(&to.name) => {
                    return Err(format!(
                        "`audit.publish`: `{}` is the name of a target; call the place otherwise",
                        to.name
                    ));
                }
                Where::Place(config) => Bound::Place(
                    Place::bind(to.name.clone(), config, pool)
                        .map_err(|why| format!("`audit.publish`: `{}`: {why}", to.name))?,
                ),
            };
            publish.push(PublishPlace { name: to.name.clone(), every: to.every, to: bound });
        }
        let archive = section.archive.as_ref().map(|to| Self::archive(to, pool)).transpose()?;
        Ok(Self {
            every: section.every,
            publish,
            archive,
            prune_every: section.prune_every.map(|every| every.0),
            keep_for: keep_for.clone(),
        })
    }

    fn archive(to: &ArchiveTo, pool: &HttpPool) -> Result<Archive, String> {
        if !to.folder.is_absolute() {
            return Err(format!("`audit.archive.folder: {}` is not an absolute path", to.folder.display()));
        }
        let bind = |own: &ObjectConfig| {
            let name = "archive".parse::<TargetName>().map_err(|error| error.to_string())?;
            Place::bind(name, &PlaceConfig::ObjectStore(own.clone()), pool)
                .map_err(|why| format!("`audit.archive`: {why}"))
        };
        Ok(Archive { folder: to.folder.clone(), store: to.object_store.as_ref().map(bind).transpose()? })
    }

    /// The names that a gate may be opened for beside targets.
    #[must_use]
    pub fn places(&self) -> Vec<TargetName> {
        self.gated_places().into_iter().map(|place| place.name().clone()).collect()
    }

    /// The places that documents reach through gates.
    #[must_use]
    pub fn gated_places(&self) -> Vec<&Place> {
        let live = self.publish.iter().filter_map(|place| match &place.to {
            Bound::Place(to) if !to.gates().is_empty() => Some(to),
            _ => None,
        });
        live.chain(self.archive.iter().filter_map(|to| to.store.as_ref())).collect()
    }
}
