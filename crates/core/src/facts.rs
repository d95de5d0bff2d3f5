//! Facts: the closed, typed set of things that a rule may read. Candor computes them; no input sets one.
//!
//! The groups below are the only place that lists facts: the Cedar schema, the catalogue that messages and docs use, the
//! recorded form and the reading and setting by name all come from it. The recorded form leaves out what has its default
//! value, so a changed default changes the meaning of old records and needs a new fact name instead.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};
use thiserror::Error;

use crate::{
    capability::{CAPABILITIES, Capabilities, Capability},
    evidence::{Bearing, Freshness, Strength},
};

/// A fact's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// True or false.
    Bool,
    /// A whole number.
    Long,
    /// A text.
    Text,
}

impl FactKind {
    /// The type's word, as messages name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Long => "a whole number",
            Self::Text => "a text",
        }
    }
}

/// A fact's value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactValue {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A text.
    Text(String),
}

impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Long(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "`{value}`"),
        }
    }
}

impl FactValue {
    /// The value as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Long(value) => Value::from(*value),
            Self::Text(value) => Value::String(value.clone()),
        }
    }

    /// The value of a JSON scalar. None for anything else than a truth value, a whole number or a text.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(number) => number.as_i64().map(Self::Long),
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// A fact as the catalogue lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactInfo {
    /// Its group, as in `claim`.
    pub group: &'static str,
    /// Its name in the group, as in `strength`.
    pub name: &'static str,
    /// Its type.
    pub kind: FactKind,
    /// For a text with a closed vocabulary, its words. Empty for a free text.
    pub words: &'static [&'static str],
    /// What it means.
    pub doc: &'static str,
}

/// Why a fact could not be read or set by name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FactError {
    /// No such fact.
    #[error("`{0}` is not a fact; docs/adding-a-pack.md lists them")]
    Unknown(String),
    /// A value of another type, or a word outside the fact's vocabulary.
    #[error("`{path}` can't be {value}; it takes {takes}")]
    Value {
        /// The fact.
        path: String,
        /// What was given.
        value: String,
        /// What it takes.
        takes: String,
    },
    /// Not an object of objects.
    #[error("recorded facts are an object of groups, each an object of facts; `{0}` is not")]
    Shape(String),
}

/// How a Rust type of a fact maps to its kind and value.
trait FactType: Sized {
    const KIND: FactKind;
    fn to_fact(&self) -> FactValue;
    fn from_fact(value: &FactValue) -> Option<Self>;
}

impl FactType for bool {
    const KIND: FactKind = FactKind::Bool;
    fn to_fact(&self) -> FactValue {
        FactValue::Bool(*self)
    }
    fn from_fact(value: &FactValue) -> Option<Self> {
        if let FactValue::Bool(value) = value { Some(*value) } else { None }
    }
}

impl FactType for i64 {
    const KIND: FactKind = FactKind::Long;
    fn to_fact(&self) -> FactValue {
        FactValue::Long(*self)
    }
    fn from_fact(value: &FactValue) -> Option<Self> {
        if let FactValue::Long(value) = value { Some(*value) } else { None }
    }
}

impl FactType for String {
    const KIND: FactKind = FactKind::Text;
    fn to_fact(&self) -> FactValue {
        FactValue::Text(self.clone())
    }
    fn from_fact(value: &FactValue) -> Option<Self> {
        if let FactValue::Text(value) = value { Some(value.clone()) } else { None }
    }
}

macro_rules! fact_groups {
    ($($(#[$gdoc:meta])* $group:ident $key:ident {
        $(#[doc = $doc:literal] $field:ident : $kind:ty = $default:literal $(in [$($word:literal),+])? ,)+
    })+) => {
        $(
            $(#[$gdoc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $group { $(#[doc = $doc] pub $field: $kind,)+ }

            impl Default for $group {
                fn default() -> Self {
                    Self { $($field: $default.into(),)+ }
                }
            }

            impl $group {
                fn get(&self, name: &str) -> Option<FactValue> {
                    match name { $(stringify!($field) => Some(self.$field.to_fact()),)+ _ => None }
                }

                /// Sets a fact of the group; false when the value has another type or the name is unknown.
                fn set(&mut self, name: &str, value: &FactValue) -> bool {
                    match name {
                        $(stringify!($field) => match <$kind>::from_fact(value) {
                            Some(value) => { self.$field = value; true }
                            None => false,
                        },)+
                        _ => false,
                    }
                }
            }
        )+

        /// Every fact of the closed groups. Capabilities and thresholds are facts as well: see [`catalog`].
        const FACTS: &[FactInfo] = &[$($(FactInfo {
            group: stringify!($key),
            name: stringify!($field),
            kind: <$kind as FactType>::KIND,
            words: &[$($($word,)+)?],
            doc: $doc.trim_ascii(),
        },)+)+];

        /// What Candor knows when it evaluates an event. `Default` is nothing known: no task, no claim, an agent's report.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Facts {
            $($(#[$gdoc])* pub $key: $group,)+
            /// What the runtime was probed to do: a truth value per capability.
            pub capability: Capabilities,
            /// The thresholds that were tuned away from their packs' defaults, for the record. Evaluation takes thresholds from
            /// the loaded packs, never from here, so nobody can hand in a weaker one.
            pub threshold: BTreeMap<String, i64>,
        }

        impl Facts {
            /// The value of a fact, by group and name.
            #[must_use]
            pub fn get(&self, group: &str, name: &str) -> Option<FactValue> {
                match group {
                    $(stringify!($key) => self.$key.get(name),)+
                    "capability" => capability_named(name)
                        .map(|capability| FactValue::Bool(self.capability.supports(capability))),
                    "threshold" => self.threshold.get(name).map(|value| FactValue::Long(*value)),
                    _ => None,
                }
            }

            fn put(&mut self, group: &str, name: &str, value: &FactValue) -> bool {
                match group {
                    $(stringify!($key) => self.$key.set(name, value),)+
                    "capability" => self.put_capability(name, value),
                    "threshold" => match value {
                        FactValue::Long(value) => { self.threshold.insert(name.to_owned(), *value); true }
                        FactValue::Bool(_) | FactValue::Text(_) => false,
                    },
                    _ => false,
                }
            }
        }
    };
}

fact_groups! {
    /// The task that the event is about, as it stood before the event.
    TaskFacts task {
        /// Whether the task was ever started.
        known: bool = false,
        /// Its state on record before this event.
        state: String = "unknown" in ["running", "waiting", "blocked", "completed", "failed", "unknown"],
        /// Whether it has a parent task.
        is_subagent: bool = false,
        /// Children that have not ended.
        open_children: i64 = 0,
        /// Children that ended without proof of what they claim.
        unproven_children: i64 = 0,
        /// Seconds since its last sign of life.
        silent_s: i64 = 0,
        /// Its checkpoint period in seconds; 0 when it has none.
        period_s: i64 = 0,
        /// Its grace in seconds.
        grace_s: i64 = 0,
        /// Silence in percent of period and grace together: 100 is when they are used up.
        overdue_percent: i64 = 0,
        /// Seconds since it started.
        running_s: i64 = 0,
        /// Seconds that it was declared to take; 0 when nothing was declared.
        expected_s: i64 = 0,
        /// Seconds since it was blocked; 0 when it isn't.
        blocked_s: i64 = 0,
        /// Whether an incident is open for it.
        incident_open: bool = false,
        /// The incident's level: 0 without one, 1 when first told, then one more per escalation.
        incident_level: i64 = 0,
        /// Whether a person took the incident on.
        incident_acknowledged: bool = false,
    }
    /// The claim that the event makes or speaks to, and what the evidence makes of it.
    ClaimFacts claim {
        /// Whether there is a claim.
        present: bool = false,
        /// What is claimed, such as `completion` or `tests_passed`; empty without a claim.
        kind: String = "",
        /// Rank of the strongest fresh supporting record: 0 none, 1 asserted, 2 recorded, 3 observed, 4 verified, 5 attested.
        strength: i64 = 0,
        /// Rank of the strongest supporting record, fresh or not.
        best_any: i64 = 0,
        /// Records stronger than the agent's word support it, none of them is fresh, and what one of them speaks of changed later.
        stale: bool = false,
        /// Records stronger than the agent's word support it, none of them is fresh, and one of them is older than policy allows.
        expired: bool = false,
        /// Records stronger than the agent's word are offered for it, none of them is fresh, and one speaks of a time before the task.
        predates: bool = false,
        /// A fresh record of strength recorded or more contradicts it.
        contradicted: bool = false,
        /// A record says nothing either way, for example because its runner isn't known here.
        inconclusive: bool = false,
        /// How many records speak to it.
        records: i64 = 0,
        /// Its statement has placeholder wording.
        placeholder: bool = false,
        /// Its statement itself says that it is unverified, failing or not run.
        admits_unverified: bool = false,
    }
    /// The event itself.
    EventFacts event {
        /// Whose credential it came with.
        origin: String = "agent" in ["agent", "adapter", "operator", "candor"],
        /// Its text has placeholder wording.
        placeholder: bool = false,
        /// The status that its text or data claims.
        status_claimed: String = "none" in ["running", "waiting", "blocked", "done", "failed", "none"],
        /// The severity that it asks for.
        severity: String = "info" in ["info", "warning", "critical"],
        /// It reports an exit code other than zero.
        exit_code_nonzero: bool = false,
    }
    /// The delivery that an `operator_notified` claim speaks of.
    DeliveryFacts delivery {
        /// Whether there is one on record.
        known: bool = false,
        /// Whether the destination's own proof is on record.
        acked: bool = false,
        /// Its state.
        state: String = "none"
            in ["none", "prepared", "queued", "dispatched", "pending_external_send", "acked", "blocked"],
        /// The proof's level: 0 none, 1 stored, 2 read back, 3 a person answered.
        proof: i64 = 0,
        /// A stand-in answered instead of the destination.
        simulated: bool = false,
    }
}

/// Every fact but the thresholds: the closed groups and one per capability. Thresholds come with the packs.
pub fn catalog() -> impl Iterator<Item = FactInfo> {
    let capabilities = CAPABILITIES.into_iter().map(|capability| FactInfo {
        group: "capability",
        name: capability.as_str(),
        kind: FactKind::Bool,
        words: &[],
        doc: "Whether a probe showed this capability.",
    });
    FACTS.iter().copied().chain(capabilities)
}

/// The catalogue's entry of a fact. None for a threshold, which only its pack knows.
#[must_use]
pub fn info(group: &str, name: &str) -> Option<FactInfo> {
    catalog().find(|fact| fact.group == group && fact.name == name)
}

fn capability_named(word: &str) -> Option<Capability> {
    CAPABILITIES.into_iter().find(|capability| capability.as_str() == word)
}

impl Facts {
    fn put_capability(&mut self, name: &str, value: &FactValue) -> bool {
        let (Some(capability), FactValue::Bool(supported)) = (capability_named(name), value) else {
            return false;
        };
        if *supported {
            self.capability.0.insert(capability);
        } else {
            self.capability.0.remove(&capability);
        }
        true
    }

    /// Sets a fact by its path, as in `claim.strength`.
    ///
    /// # Errors
    /// [`FactError`] when there is no such fact, or the value has another type or isn't one of the fact's words.
    pub fn set(&mut self, path: &str, value: &FactValue) -> Result<(), FactError> {
        let (group, name) = path.split_once('.').ok_or_else(|| FactError::Unknown(shorten(path)))?;
        let known = info(group, name);
        if known.is_none() && group != "threshold" {
            return Err(FactError::Unknown(shorten(path)));
        }
        let words = known.map_or(&[][..], |fact| fact.words);
        let in_words = match value {
            FactValue::Text(text) => words.is_empty() || words.contains(&text.as_str()),
            FactValue::Bool(_) | FactValue::Long(_) => true,
        };
        if in_words && self.put(group, name, value) {
            return Ok(());
        }
        let takes = if words.is_empty() {
            known.map_or(FactKind::Long, |fact| fact.kind).as_str().to_owned()
        } else {
            format!("one of `{}`", words.join("`, `"))
        };
        Err(FactError::Value { path: shorten(path), value: shorten(&value.to_string()), takes })
    }

    /// The recorded form: an object of groups, with only what differs from [`Facts::default`].
    #[must_use]
    pub fn to_value(&self) -> Value {
        let nothing = Self::default();
        let mut groups = Map::new();
        for fact in catalog() {
            let value = self.get(fact.group, fact.name);
            if value == nothing.get(fact.group, fact.name) {
                continue;
            }
            if let (Some(value), Value::Object(group)) =
                (value, groups.entry(fact.group).or_insert_with(|| Value::Object(Map::new())))
            {
                group.insert(fact.name.to_owned(), value.to_value());
            }
        }
        if !self.threshold.is_empty() {
            let thresholds = self.threshold.iter().map(|(name, value)| (name.clone(), Value::from(*value))).collect();
            groups.insert("threshold".to_owned(), Value::Object(thresholds));
        }
        Value::Object(groups)
    }

    /// Facts from their recorded form.
    ///
    /// # Errors
    /// [`FactError`] for an unknown group or fact, a wrong type, or a word that the fact doesn't have.
    pub fn from_value(value: &Value) -> Result<Self, FactError> {
        let shape = |at: &str| FactError::Shape(shorten(at));
        let mut facts = Self::default();
        for (group, members) in value.as_object().ok_or_else(|| shape("the whole"))? {
            for (name, value) in members.as_object().ok_or_else(|| shape(group))? {
                let path = format!("{group}.{name}");
                let value = FactValue::from_value(value).ok_or_else(|| shape(&path))?;
                facts.set(&path, &value)?;
            }
        }
        Ok(facts)
    }
}

/// Keeps a message readable whatever was given.
fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

impl ClaimFacts {
    /// Fills in what the records about the claim make of it: `strength`, `best_any`, `stale`, `expired`, `predates`,
    /// `contradicted`, `inconclusive` and `records`. The agent's own word supports a claim, but is neither stale nor a backing.
    #[must_use]
    pub fn weighed(mut self, records: impl IntoIterator<Item = (Bearing, Strength, Freshness)>) -> Self {
        let (mut fresh_backing, mut stale, mut expired, mut predates, mut silent) = (false, false, false, false, false);
        (self.strength, self.best_any, self.records, self.contradicted) = (0, 0, 0, false);
        for (bearing, strength, freshness) in records {
            self.records = self.records.saturating_add(1);
            let fresh = freshness == Freshness::Fresh;
            let backing = strength >= Strength::Recorded;
            match bearing {
                Bearing::Supports if freshness == Freshness::Predates => predates |= backing,
                Bearing::Supports => {
                    self.best_any = self.best_any.max(strength.rank());
                    if fresh {
                        self.strength = self.strength.max(strength.rank());
                    }
                    fresh_backing |= backing && fresh;
                    stale |= backing && freshness == Freshness::Stale;
                    expired |= backing && freshness == Freshness::Expired;
                }
                Bearing::Contradicts => self.contradicted |= backing && fresh,
                Bearing::Inconclusive => silent = true,
            }
        }
        self.stale = stale && !fresh_backing;
        self.expired = expired && !fresh_backing;
        self.predates = predates && !fresh_backing;
        self.inconclusive = silent;
        self
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_form_is_sparse_and_round_trips() {
        assert_eq!(Facts::default().to_value(), serde_json::json!({}));
        let mut facts = Facts::default();
        for fact in catalog() {
            let value = match (fact.kind, fact.words.last()) {
                (FactKind::Bool, _) => FactValue::Bool(true),
                (FactKind::Long, _) => FactValue::Long(7),
                (FactKind::Text, Some(word)) => FactValue::Text((*word).to_owned()),
                (FactKind::Text, None) => FactValue::Text("tests_passed".to_owned()),
            };
            facts.set(&format!("{}.{}", fact.group, fact.name), &value).unwrap();
        }
        facts.threshold.insert("completion_min_strength".to_owned(), 4);
        assert_eq!(Facts::from_value(&facts.to_value()).unwrap(), facts);
    }

    #[test]
    fn unknown_facts_wrong_types_and_unknown_words_are_refused() {
        let refused = |value| Facts::from_value(&value).unwrap_err().to_string();
        assert_eq!(
            refused(serde_json::json!({"claim": {"strenght": 3}})),
            "`claim.strenght` is not a fact; docs/adding-a-pack.md lists them"
        );
        assert_eq!(
            refused(serde_json::json!({"claim": {"strength": true}})),
            "`claim.strength` can't be true; it takes a whole number"
        );
        assert_eq!(
            refused(serde_json::json!({"event": {"severity": "loud"}})),
            "`event.severity` can't be `loud`; it takes one of `info`, `warning`, `critical`"
        );
        assert!(refused(serde_json::json!({"claim": 3})).contains("`claim` is not"));
    }

    #[test]
    fn the_agents_own_word_is_neither_stale_nor_a_backing() {
        use {Bearing as B, Freshness as F, Strength as S};
        let weigh = |records: &[_]| ClaimFacts::default().weighed(records.iter().copied());
        let told = weigh(&[(B::Supports, S::Asserted, F::Stale), (B::Inconclusive, S::Observed, F::Fresh)]);
        assert!(!told.stale && told.inconclusive && told.strength == 0 && told.best_any == 1);
        let stale = weigh(&[(B::Supports, S::Verified, F::Stale), (B::Supports, S::Asserted, F::Fresh)]);
        assert!(stale.stale && !stale.inconclusive && stale.strength == 1 && stale.best_any == 4);
        let fresh = weigh(&[(B::Supports, S::Verified, F::Stale), (B::Supports, S::Recorded, F::Fresh)]);
        assert!(!fresh.stale && fresh.strength == 2);
        let before = weigh(&[(B::Supports, S::Verified, F::Predates), (B::Contradicts, S::Verified, F::Predates)]);
        assert!(before.predates && !before.contradicted && before.best_any == 0, "it is of other work: {before:?}");
        assert!(!weigh(&[(B::Supports, S::Verified, F::Predates), (B::Supports, S::Recorded, F::Fresh)]).predates);
        assert!(!weigh(&[(B::Contradicts, S::Asserted, F::Fresh)]).contradicted);
        assert!(!weigh(&[(B::Contradicts, S::Observed, F::Stale)]).contradicted);
        assert!(weigh(&[(B::Contradicts, S::Recorded, F::Fresh)]).contradicted);
    }
}
