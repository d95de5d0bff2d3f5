//! Values that a contract fixes, as types: one that is wrong can't be made, read or written.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

/// The number `N` and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exactly<const N: u64>(());

impl<const N: u64> Exactly<N> {
    /// It, if that many were counted.
    #[must_use]
    pub fn of(counted: u64) -> Option<Self> {
        (counted == N).then_some(Self(()))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        N
    }
}

impl<const N: u64> Serialize for Exactly<N> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(N)
    }
}

impl<'de, const N: u64> Deserialize<'de> for Exactly<N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = u64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
                Ok(number)
            }

            /// JSON doesn't tell 5.0 from 5.
            fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
                let text = format!("{number:.0}");
                let whole = text.parse::<u64>().ok().filter(|_| number.fract() == 0.0);
                whole.ok_or_else(|| E::custom(format_args!("`{number}` is no whole number")))
            }
        }
        let number = from.deserialize_any(Number)?;
        Self::of(number).ok_or_else(|| D::Error::custom(format_args!("`{number}` isn't {N}, which the contract fixes")))
    }
}

/// The truth value `B` and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Always<const B: bool>(());

impl<const B: bool> Always<B> {
    /// It, if that was found.
    #[must_use]
    pub fn of(found: bool) -> Option<Self> {
        (found == B).then_some(Self(()))
    }
}

impl Always<false> {
    /// What no package allows, whatever is found.
    pub const NEVER: Self = Self(());
}

impl Always<true> {
    /// What every package demands, whatever is found.
    pub const DEMANDED: Self = Self(());
}

impl<const B: bool> Serialize for Always<B> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bool(B)
    }
}

impl<'de, const B: bool> Deserialize<'de> for Always<B> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let found = bool::deserialize(from)?;
        Self::of(found).ok_or_else(|| D::Error::custom(format_args!("`{found}` isn't {B}, which the contract fixes")))
    }
}

/// Texts that a contract fixes.
macro_rules! fixed_texts {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl $name {
            /// The text.
            pub const TEXT: &'static str = $text;
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(Self::TEXT)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                if text == Self::TEXT {
                    return Ok(Self);
                }
                let wrong = format!("the contract fixes `{}` here", Self::TEXT);
                Err(serde::de::Error::custom(wrong))
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "const": Self::TEXT })
            }
        }
    )+};
}
pub(crate) use fixed_texts;

/// A list that isn't empty, of texts that aren't.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Texts(Vec<String>);

impl Texts {
    /// It, unless the list or one of its texts is empty.
    #[must_use]
    pub fn of(texts: Vec<String>) -> Option<Self> {
        (!texts.is_empty() && texts.iter().all(|text| !text.is_empty())).then_some(Self(texts))
    }

    /// The texts.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::of(Vec::deserialize(from)?).ok_or_else(|| D::Error::custom("the list, or a text in it, is empty"))
    }
}

/// `sha256:` and the digest of some evidence in lower case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// What it begins with.
    pub const PREFIX: &'static str = "sha256:";

    /// It, if the text is one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let hex = text.strip_prefix(Self::PREFIX)?;
        let is_hex = hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| Self(text.to_owned()))
    }

    /// That of a SHA-256 in bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8; 32]) -> Self {
        Self(format!("{}{}", Self::PREFIX, candor_audit::hex(bytes)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::of(&text).ok_or_else(|| D::Error::custom("it isn't `sha256:` and 64 hexadecimal digits in lower case"))
    }
}

/// Of a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Percent(u8);

impl Percent {
    /// How much `done` is of `all`, rounded down; all of it where there is nothing.
    #[must_use]
    pub fn of(done: u64, all: u64) -> Self {
        let share = done.saturating_mul(100).checked_div(all).unwrap_or(100);
        Self(u8::try_from(share.min(100)).unwrap_or(100))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = u8::deserialize(from)?;
        if number > 100 {
            return Err(D::Error::custom("it is more than 100"));
        }
        Ok(Self(number))
    }
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::{Always, Digest, Exactly, Percent, Texts};

    macro_rules! as_json {
        ($(($($generic:tt)*) $kind:ty, $inline:literal, $name:expr, $schema:tt;)+) => {$(
            impl$($generic)* JsonSchema for $kind {
                fn inline_schema() -> bool {
                    $inline
                }

                fn schema_name() -> Cow<'static, str> {
                    $name.into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($schema)
                }
            }
        )+};
    }

    as_json! {
        (<const N: u64>) Exactly<N>, true, format!("exactly_{N}"), { "const": N };
        (<const B: bool>) Always<B>, true, format!("always_{B}"), { "const": B };
        () Texts, false, "string_array", { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } };
        () Digest, false, "redacted_sha256", { "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" };
        () Percent, true, "percent", { "type": "integer", "minimum": 0, "maximum": 100 };
    }
}
