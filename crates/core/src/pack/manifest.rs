//! `pack.yaml`: who a pack is, and what of it can be tuned within which bounds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    error::{PackError, PackErrors, Position, check, nearest},
    source::PackSource,
};
use crate::{
    limits::{LINE_BYTES_MAX, TEXT_BYTES_MAX},
    yaml,
};

/// Most tunables in a pack.
const TUNABLES_MAX: usize = 64;
/// Longest name of a pack, a rule or a tunable, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 64;
/// The file that this module reads.
pub(super) const MANIFEST: &str = "pack.yaml";

/// Which way a tunable may be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From its default only toward the stricter end.
    StrengthenOnly,
    /// Anywhere between `min` and `max`.
    Range,
}

/// Which end of a tunable is the stricter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stricter {
    /// A higher value asks for more.
    Higher,
    /// A lower value asks for more.
    Lower,
}

/// A number that a profile may tune. Rules read it as `context.threshold.<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tunable {
    /// Its name, unique over all packs.
    pub name: String,
    /// Its value when nobody tunes it.
    pub default: i64,
    /// Smallest value.
    pub min: i64,
    /// Largest value.
    pub max: i64,
    /// Which way it may be moved.
    pub direction: Direction,
    /// Which end is the stricter one.
    pub stricter: Stricter,
    /// What it counts: `seconds`, `strength`, `level`.
    pub unit: String,
    /// What it does, in a sentence.
    pub does: String,
}

impl Tunable {
    /// The values that a profile may give.
    #[must_use]
    pub fn bounds(&self) -> std::ops::RangeInclusive<i64> {
        match (self.direction, self.stricter) {
            (Direction::Range, _) => self.min..=self.max,
            (Direction::StrengthenOnly, Stricter::Higher) => self.default..=self.max,
            (Direction::StrengthenOnly, Stricter::Lower) => self.min..=self.default,
        }
    }
}

/// A pack's identity and tunables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Its id, which is its folder's name.
    pub id: String,
    /// Its version, `major.minor.patch`.
    pub version: String,
    /// What it is called.
    pub title: String,
    /// What it watches over, in a sentence or two.
    pub summary: String,
    /// What can be tuned.
    #[serde(default)]
    pub tunables: Vec<Tunable>,
}

impl Pack {
    /// `id@version`, as decisions record it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}@{}", self.id, self.version)
    }
}

/// Reads YAML strictly; an error has the file's line and column.
pub(super) fn read_yaml<T: DeserializeOwned>(pack: &str, file: &str, text: &str) -> Result<T, PackError> {
    yaml::read(text).map_err(|error| PackError { at: error.at, ..PackError::new(pack, file, error.message) })
}

/// Reads and checks a pack's manifest.
pub(super) fn read(source: &PackSource) -> Result<Pack, PackErrors> {
    let text = source.required(MANIFEST)?;
    let pack: Pack = read_yaml(&source.folder, MANIFEST, text)?;
    let mut errors = Vec::new();
    let mut wrong = |what: &str, message: String, hint: &str| {
        let error = PackError::new(&source.folder, MANIFEST, message).hint(hint);
        errors.push(match text.find(what) {
            Some(offset) => error.at(Position::of(text, offset)),
            None => error,
        });
    };
    if pack.id != source.folder {
        wrong(
            "id:",
            format!("the id `{}` is not the folder's name `{}`", pack.id, source.folder),
            "make them the same",
        );
    }
    if !is_name(&pack.id, b'-') {
        wrong("id:", format!("`{}` is not a pack id", pack.id), "use lower case words joined by `-`");
    }
    if !is_version(&pack.version) {
        wrong("version:", format!("`{}` is not a version", pack.version), "write it as `1.0.0`");
    }
    if pack.title.is_empty() || pack.title.len() > LINE_BYTES_MAX {
        wrong("title:", "the title is empty or too long".to_owned(), "say in a few words what the pack is");
    }
    if pack.summary.is_empty() || pack.summary.len() > TEXT_BYTES_MAX {
        wrong(
            "summary:",
            "the summary is empty or too long".to_owned(),
            "say in a sentence what the pack watches over",
        );
    }
    if pack.tunables.len() > TUNABLES_MAX {
        wrong("tunables:", format!("more than {TUNABLES_MAX} tunables"), "split the pack");
    }
    for tunable in &pack.tunables {
        let name = &tunable.name;
        if !is_name(name, b'_') {
            wrong(name, format!("`{name}` is not a tunable's name"), "use lower case words joined by `_`");
        }
        if !(tunable.min..=tunable.max).contains(&tunable.default) {
            let message =
                format!("`{name}` has the default {} outside {} to {}", tunable.default, tunable.min, tunable.max);
            wrong(name, message, "put it between `min` and `max`");
        }
        if tunable.does.is_empty() || tunable.unit.is_empty() {
            wrong(name, format!("`{name}` doesn't say what it does or counts"), "fill in `does` and `unit`");
        }
    }
    check(errors)?;
    Ok(pack)
}

/// The thresholds of several packs: the defaults, and what a profile makes of them.
///
/// # Errors
/// A name that two packs share, a tuned name that no pack has, or a value outside the bounds that its tunable allows.
pub(super) fn thresholds(packs: &[Pack], tuned: &BTreeMap<String, i64>) -> Result<BTreeMap<String, i64>, PackErrors> {
    let mut errors = Vec::new();
    let mut values = BTreeMap::new();
    let mut owners: BTreeSet<&str> = BTreeSet::new();
    for pack in packs {
        for tunable in &pack.tunables {
            if !owners.insert(&tunable.name) {
                let message = format!("`{}` is a tunable of another pack as well, or twice of this one", tunable.name);
                errors.push(PackError::new(&pack.id, MANIFEST, message).hint("give it a name of its own"));
            }
            let value = tuned.get(&tunable.name).copied().unwrap_or(tunable.default);
            let bounds = tunable.bounds();
            if !bounds.contains(&value) {
                let why = match tunable.direction {
                    Direction::StrengthenOnly => {
                        format!("it can only be made stricter than its default {}", tunable.default)
                    }
                    Direction::Range => "that is its range".to_owned(),
                };
                let message = format!(
                    "`{}` is tuned to {value}, outside {} to {} {}: {why}",
                    tunable.name,
                    bounds.start(),
                    bounds.end(),
                    tunable.unit
                );
                errors.push(PackError::new(&pack.id, "", message).hint("change the profile"));
            }
            values.insert(tunable.name.clone(), value);
        }
    }
    for name in tuned.keys().filter(|name| !owners.contains(name.as_str())) {
        let error = PackError::new("", "", format!("`{name}` is tuned, but no loaded pack has such a tunable"));
        errors.push(match nearest(name, owners.iter().copied()) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint("`candor pack show PACK` lists a pack's tunables"),
        });
    }
    check(errors)?;
    Ok(values)
}

/// Lower case words joined by `joint`.
pub(crate) fn is_name(text: &str, joint: u8) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == joint)
}

pub(crate) fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok_and(|number| number.to_string() == *part))
}
