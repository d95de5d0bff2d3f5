//! How long contents are kept: one window for all classes of artifacts, or one per class.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap as _,
};

use super::ArtifactClass;
use crate::{
    limits::KEEP_FOR_MIN,
    time::{DurationText, format_duration},
};

/// The word for what has no window of its own.
const OTHER: &str = "other";

/// How long contents are kept at least; what is older may be pruned. Written `90d`, or `{receipts: 365d, other: 90d}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeepFor {
    /// The window of what has none of its own; none is for ever.
    pub other: Option<Duration>,
    /// The windows of classes.
    pub classes: BTreeMap<ArtifactClass, Duration>,
}

impl KeepFor {
    /// The window of a class, or of what belongs to none; none is for ever.
    #[must_use]
    pub fn window(&self, class: Option<ArtifactClass>) -> Option<Duration> {
        class.and_then(|class| self.classes.get(&class)).copied().or(self.other)
    }

    /// Whether everything is kept for ever.
    #[must_use]
    pub fn is_for_ever(&self) -> bool {
        self.other.is_none() && self.classes.is_empty()
    }

    /// Whether something is kept for a shorter time than `was` has it.
    #[must_use]
    pub fn is_shorter(&self, was: &Self) -> bool {
        let shorter = |class| match (self.window(class), was.window(class)) {
            (Some(next), Some(was)) => next < was,
            (Some(_), None) => true,
            (None, _) => false,
        };
        shorter(None) || ArtifactClass::ALL.iter().any(|class| shorter(Some(*class)))
    }

    /// The shortest window that it names.
    #[must_use]
    pub fn shortest(&self) -> Option<Duration> {
        self.classes.values().chain(self.other.iter()).min().copied()
    }

    /// As it is written.
    #[must_use]
    pub fn words(&self) -> String {
        let other = self.other.map(format_duration);
        if self.classes.is_empty() {
            return other.unwrap_or_else(|| "for ever".to_owned());
        }
        let classes =
            self.classes.iter().map(|(class, window)| format!("{} {}", class.as_str(), format_duration(*window)));
        classes
            .chain([format!("{OTHER} {}", other.unwrap_or_else(|| "for ever".to_owned()))])
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl Serialize for KeepFor {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self.other, self.classes.is_empty()) {
            (Some(one), true) => DurationText(one).serialize(to),
            _ => {
                let mut map = to.serialize_map(None)?;
                for (class, window) in &self.classes {
                    map.serialize_entry(class.as_str(), &DurationText(*window))?;
                }
                if let Some(other) = self.other {
                    map.serialize_entry(OTHER, &DurationText(other))?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for KeepFor {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Windows)
    }
}

struct Windows;

impl<'de> Visitor<'de> for Windows {
    type Value = KeepFor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as `90d`, or a duration per class")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<KeepFor, E> {
        let window = DurationText::try_from(text.to_owned()).map_err(E::custom)?;
        bounded(window).map(|window| KeepFor { other: Some(window), classes: BTreeMap::new() }).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeepFor, A::Error> {
        let mut keep = KeepFor::default();
        while let Some(key) = map.next_key::<String>()? {
            let window = bounded(map.next_value::<DurationText>()?).map_err(A::Error::custom)?;
            let twice = match (key.as_str(), ArtifactClass::parse(&key)) {
                (OTHER, _) => keep.other.replace(window),
                (_, Some(ArtifactClass::Profile | ArtifactClass::Capabilities)) => {
                    return Err(A::Error::custom(format!("`{key}`: documents in force are kept for ever")));
                }
                (_, Some(class)) => keep.classes.insert(class, window),
                _ => {
                    let classes: Vec<&str> = ArtifactClass::ALL.iter().map(|class| class.as_str()).collect();
                    let known = format!("`{key}` is no class of artifacts; there are {}, {OTHER}", classes.join(", "));
                    return Err(A::Error::custom(known));
                }
            };
            if twice.is_some() {
                return Err(A::Error::custom(format!("`{key}` stands twice")));
            }
        }
        Ok(keep)
    }
}

fn bounded(window: DurationText) -> Result<Duration, String> {
    if window.0 < KEEP_FOR_MIN {
        return Err(format!("contents are kept for {} at least", format_duration(KEEP_FOR_MIN)));
    }
    Ok(window.0)
}

/// The two ways of writing it, for the schema.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum KeepForText {
    /// One window for all classes.
    One(String),
    /// A window per class, and one for `other`.
    PerClass(BTreeMap<String, String>),
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn days(days: u64) -> Duration {
        Duration::from_secs(days * 24 * 3600)
    }

    fn read(text: &str) -> Result<KeepFor, String> {
        crate::yaml::read_plain(text).map_err(|wrong| wrong.message)
    }

    #[test]
    fn it_is_one_window_or_one_per_class_and_reads_back_as_it_was_written() {
        let one = read("90d").unwrap();
        assert_eq!((one.window(None), one.window(Some(ArtifactClass::Receipts))), (Some(days(90)), Some(days(90))));
        let per_class = read("{receipts: 365d, other: 90d}").unwrap();
        assert_eq!(per_class.window(Some(ArtifactClass::Receipts)), Some(days(365)));
        assert_eq!(per_class.window(Some(ArtifactClass::Events)), Some(days(90)));
        let some = read("{events: 7d}").unwrap();
        assert_eq!((some.window(Some(ArtifactClass::Events)), some.window(None)), (Some(days(7)), None));
        for keep in [one, per_class, some, KeepFor::default()] {
            let text = serde_json::to_string(&keep).unwrap();
            assert_eq!(serde_json::from_str::<KeepFor>(&text).unwrap(), keep, "{text}");
        }
    }

    #[test]
    fn what_reads_as_no_window_is_refused_and_named() {
        for (text, named) in [
            ("{recipts: 90d}", "recipts"),
            ("30m", "at least"),
            ("{events: 90d, events: 91d}", "events"),
            ("soon", "soon"),
            ("{profile: 90d}", "for ever"),
            ("[90d]", "duration"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn shorter_in_one_class_is_shorter() {
        let was = read("{receipts: 365d, other: 90d}").unwrap();
        for (next, shorter) in [
            ("{receipts: 365d, other: 90d}", false),
            ("365d", false),
            ("90d", true),
            ("{receipts: 400d, other: 30d}", true),
            ("{receipts: 400d}", false),
            ("{receipts: 400d, other: 90d, events: 89d}", true),
        ] {
            assert_eq!(read(next).unwrap().is_shorter(&was), shorter, "{next}");
        }
    }
}
