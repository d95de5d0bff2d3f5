//! Targets as an operator writes them: the fields that every target has, and its sender's own.

use std::collections::BTreeMap;

use candor_core::{
    decision::Severity,
    ids::TargetName,
    limits::ESCALATION_LEVELS_MAX,
    notice::ProofLevel,
    settings::{OnUnknown, Retry, Target},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;
use thiserror::Error;

use super::{
    SenderConfig,
    binding::{Binding, versioned},
};

/// Why a target can't be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A field that every target has is missing.
    #[error("{target} has no `{field}`; {hint}")]
    Missing {
        /// Which target.
        target: String,
        /// The field.
        field: &'static str,
        /// What to write.
        hint: String,
    },
    /// No sender of that name exists here.
    #[error("{target} names sender `{sender}`, which doesn't exist; known: {}", known.join(", "))]
    UnknownSender {
        /// Which target.
        target: String,
        /// The name that was given.
        sender: String,
        /// Those that exist.
        known: &'static [&'static str],
    },
    /// A field doesn't read.
    #[error("{target}: {why}")]
    Field {
        /// Which target.
        target: String,
        /// What is wrong with it.
        why: String,
    },
}

/// One target: a place that notices go to, and its sender. Holds no secret, only where secrets lie. The gate isn't a field: it belongs
/// to the sender.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetConfig {
    /// Its name.
    pub name: TargetName,
    /// The sender, with its own fields.
    pub sender: SenderConfig,
    /// What to do when an outcome is unknown and the sender isn't idempotent. Default: `hold`.
    pub on_unknown: OnUnknown,
    /// The proof below which a delivery stays pending. Default: `stored`.
    pub needs: ProofLevel,
    /// How failed attempts are repeated.
    pub retry: Retry,
    /// Lowest escalation level that goes here. Default: 1.
    pub from_level: u8,
    /// Lowest severity that goes here. Default: `info`.
    pub from_severity: Severity,
}

impl TargetConfig {
    /// What the path knows about this target. Without a binding (the sender isn't built in, or lives in another process) it is not
    /// available, and its notices wait as `no_sender`.
    #[must_use]
    pub fn target(&self, binding: Option<&Binding>) -> Target {
        Target {
            name: self.name.clone(),
            sender: versioned(self.sender.name()),
            available: binding.is_some(),
            gate: binding.and_then(Binding::gate),
            reads_secrets: binding.is_some_and(|binding| !binding.secrets().is_empty()),
            idempotent: binding.is_some_and(Binding::idempotent),
            on_unknown: self.on_unknown,
            needs: self.needs,
            retry: self.retry,
            from_level: self.from_level,
            from_severity: self.from_severity,
        }
    }

    fn read(mut fields: BTreeMap<String, Value>) -> Result<Self, ConfigError> {
        let target = match fields.get("name") {
            Some(Value::String(name)) => {
                format!("target `{}`", name.chars().take(64).collect::<String>())
            }
            _ => "a target".to_owned(),
        };
        let missing = |field, hint: String| ConfigError::Missing { target: target.clone(), field, hint };
        let name = take(&mut fields, &target, "name")?
            .ok_or_else(|| missing("name", "write `name: ops` or the like".to_owned()))?;
        let sender: String = take(&mut fields, &target, "sender")?
            .ok_or_else(|| missing("sender", format!("write one of {}", super::SENDERS.join(", "))))?;
        let on_unknown = take(&mut fields, &target, "on_unknown")?.unwrap_or_default();
        let needs = take(&mut fields, &target, "needs")?.unwrap_or(ProofLevel::Stored);
        let retry: Retry = take(&mut fields, &target, "retry")?.unwrap_or_default();
        let from_level = take(&mut fields, &target, "from_level")?.unwrap_or(1);
        let from_severity = take(&mut fields, &target, "from_severity")?.unwrap_or(Severity::Info);
        let bad = |why: &str| Err(ConfigError::Field { target: target.clone(), why: why.to_owned() });
        if retry.attempts_max == 0 || retry.first > retry.longest {
            return bad("`retry` needs `attempts_max` of at least 1 and `first` no longer than `longest`");
        }
        if from_level == 0 || usize::from(from_level) > ESCALATION_LEVELS_MAX {
            return bad(&format!("`from_level` goes from 1 to {ESCALATION_LEVELS_MAX}"));
        }
        // What is left is the sender's own, and it refuses what it doesn't know.
        let own = Value::Object(fields.into_iter().collect());
        let sender = SenderConfig::read(&target, &sender, own)?;
        Ok(Self { name, sender, on_unknown, needs, retry, from_level, from_severity })
    }
}

fn take<T: DeserializeOwned>(
    fields: &mut BTreeMap<String, Value>,
    target: &str,
    field: &'static str,
) -> Result<Option<T>, ConfigError> {
    fields
        .remove(field)
        .map(|value| {
            serde_json::from_value(value)
                .map_err(|error| ConfigError::Field { target: target.to_owned(), why: format!("`{field}`: {error}") })
        })
        .transpose()
}

impl<'de> Deserialize<'de> for TargetConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::read(BTreeMap::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// Makes the list of senders: one line each.
macro_rules! registry {
    ($($name:ident => $sender:ty,)+) => {
        /// Every sender's name.
        pub const SENDERS: &[&str] = &[$(<$sender as $crate::senders::Sender>::NAME,)+];

        /// A sender's own fields of a target.
        #[derive(Clone, Debug, PartialEq)]
        pub enum SenderConfig {
            $(
                #[doc = concat!("See [`", stringify!($sender), "`].")]
                $name(<$sender as $crate::senders::Sender>::Config),
            )+
        }

        impl SenderConfig {
            /// The sender's name.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => <$sender as $crate::senders::Sender>::NAME,)+ }
            }

            fn read(target: &str, sender: &str, own: serde_json::Value) -> Result<Self, ConfigError> {
                $(if sender == <$sender as $crate::senders::Sender>::NAME {
                    return serde_json::from_value(own).map(Self::$name).map_err(|error| ConfigError::Field {
                        target: target.to_owned(),
                        why: format!("sender `{sender}`: {error}"),
                    });
                })+
                Err(ConfigError::UnknownSender {
                    target: target.to_owned(),
                    sender: sender.chars().take(64).collect(),
                    known: SENDERS,
                })
            }
        }

        impl TargetConfig {
            fn bind(&self, pool: &HttpPool) -> Result<Binding, ConfigError> {
                match &self.sender {
                    $(SenderConfig::$name(own) => <$sender as $crate::senders::Sender>::bind(own, pool)
                        .map(|sender| Binding::new(self.name.clone(), sender)),)+
                }
                .map_err(|why| ConfigError::Field { target: format!("target `{}`", self.name), why })
            }
        }
    };
}
pub(super) use registry;
