//! The version of a package: three numbers, and the line that it is built from.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

use crate::pack::is_version;

/// Longest line of a version, in bytes.
const LINE_BYTES_MAX: usize = 32;

/// A version such as `0.1.0-mainline`. Only the numbers say what is older: builds of two lines with the same numbers are neither.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// Major, minor and patch.
    pub numbers: (u32, u32, u32),
    /// The line that it is built from.
    pub line: Option<String>,
}

/// Why a text is no version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a version such as `0.1.0-mainline`")]
pub struct VersionError(pub String);

impl Version {
    /// How it stands to another by the numbers.
    #[must_use]
    pub fn compared(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers)
    }

    /// Whether both are versions between which nothing breaks: below 1.0 the second number is the line that stays compatible, from there
    /// on the first.
    #[must_use]
    pub fn is_compatible(&self, other: &Self) -> bool {
        let (one, two) = (self.numbers, other.numbers);
        one.0 == two.0 && (one.0 > 0 || one.1 == two.1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        self.line.as_ref().map_or(Ok(()), |line| write!(f, "-{line}"))
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let wrong = || VersionError(text.chars().take(64).collect());
        let (numbers, line) = match text.split_once('-') {
            Some((numbers, line)) => (numbers, Some(line)),
            None => (text, None),
        };
        let is_line = |line: &str| {
            (1..=LINE_BYTES_MAX).contains(&line.len())
                && line.starts_with(|first: char| first.is_ascii_alphanumeric())
                && line.ends_with(|last: char| last.is_ascii_alphanumeric())
                && line.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        };
        if !is_version(numbers) || !line.is_none_or(is_line) {
            return Err(wrong());
        }
        let mut parts = numbers.split('.').map(|part| part.parse::<u32>().map_err(|_| wrong()));
        let mut part = || parts.next().unwrap_or_else(|| Err(wrong()));
        Ok(Self { numbers: (part()?, part()?, part()?), line: line.map(str::to_owned) })
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn versions_read_write_and_compare_by_their_numbers() {
        let of = |text: &str| text.parse::<Version>().unwrap();
        for text in ["0.1.0", "0.1.0-mainline", "10.20.30-acme.2"] {
            assert_eq!(of(text).to_string(), text);
        }
        assert_eq!(of("0.2.0-a").compared(&of("0.10.0-b")), Ordering::Less);
        assert_eq!(of("0.1.0-a").compared(&of("0.1.0-b")), Ordering::Equal);
        assert!(of("0.1.9").is_compatible(&of("0.1.0")) && !of("0.2.0").is_compatible(&of("0.1.0")));
        assert!(of("1.9.0").is_compatible(&of("1.0.0")) && !of("2.0.0").is_compatible(&of("1.0.0")));
    }

    #[test]
    fn what_is_no_version_or_no_folder_name_is_refused() {
        for bad in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "01.0.0",
            "1.0.0-",
            "1.0.0-..",
            "1.0.0-.a",
            "1.0.0-a/b",
            "1.0.0-a b",
            "v1.0.0",
            "../1",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
