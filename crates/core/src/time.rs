//! Time as data: instants and durations that are handed in, never asked for.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

/// An instant: microseconds since 1970-01-01T00:00:00Z. In JSON it is RFC 3339 in UTC with six digits and `Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is not an instant or a duration.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TimeError {
    /// Not RFC 3339.
    #[error("`{0}` is not a time; write it as `2026-01-31T12:00:00Z`")]
    Instant(String),
    /// Not a duration.
    #[error("`{0}` is not a duration; write a number and a unit, as in `90s`, `5m`, `2h` or `1d`")]
    Duration(String),
}

impl Timestamp {
    /// An instant from microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant moved by a number of microseconds, which may be negative.
    #[must_use]
    pub const fn shifted(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// This instant and a duration later.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(micros(by)))
    }

    /// This instant less a duration.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(micros(by)))
    }

    /// How long after `earlier` this instant lies; zero when it doesn't.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn micros(by: Duration) -> i64 {
    i64::try_from(by.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => write!(f, "{at:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        text.parse::<jiff::Timestamp>()
            .map(|at| Self(at.as_microsecond()))
            .map_err(|_| TimeError::Instant(text.chars().take(64).collect()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Reads a duration such as `500ms`, `90s`, `5m`, `2h`, `1d` or `1h 30m`.
///
/// # Errors
/// [`TimeError::Duration`] when the text has no number, an unknown unit, or overflows.
pub fn parse_duration(text: &str) -> Result<Duration, TimeError> {
    let refuse = || TimeError::Duration(text.chars().take(64).collect());
    // Microseconds in 64 bits hold 584,000 years, and every number that `exact` can write of them.
    let (mut total, mut digits, mut unit) = (0_u64, String::new(), String::new());
    let mut take = |digits: &mut String, unit: &mut String| {
        let count: u64 = digits.parse().map_err(|_| refuse())?;
        let each: u64 = match unit.as_str() {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60 * 1_000_000,
            "h" => 3_600 * 1_000_000,
            "d" => 86_400 * 1_000_000,
            _ => return Err(refuse()),
        };
        total = count.checked_mul(each).and_then(|more| total.checked_add(more)).ok_or_else(refuse)?;
        digits.clear();
        unit.clear();
        Ok(())
    };
    for letter in text.chars().filter(|c| !c.is_whitespace()) {
        if letter.is_ascii_digit() {
            if !unit.is_empty() {
                take(&mut digits, &mut unit)?;
            }
            digits.push(letter);
        } else {
            unit.push(letter);
        }
    }
    take(&mut digits, &mut unit)?;
    Ok(Duration::from_micros(total))
}

/// Writes a duration as [`parse_duration`] reads it, with the two largest units: `1h 30m`, `45s`, `250ms`.
#[must_use]
pub fn format_duration(of: Duration) -> String {
    let micros = of.as_micros();
    if micros == 0 {
        return "0s".to_owned();
    }
    let units: [(&str, u128); 6] =
        [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];
    let mut left = micros;
    let mut words = Vec::new();
    for (unit, each) in units {
        let count = left / each;
        left %= each;
        if count > 0 {
            words.push(format!("{count}{unit}"));
        } else if !words.is_empty() {
            break;
        }
        if words.len() == 2 {
            break;
        }
    }
    words.join(" ")
}

/// A duration as it is written: `5m`, `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DurationText(pub Duration);

impl TryFrom<String> for DurationText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_duration(&text).map(Self).map_err(|error| error.to_string())
    }
}

impl From<DurationText> for String {
    fn from(of: DurationText) -> Self {
        exact(of.0)
    }
}

/// Serde form of a duration as text, for `#[serde(with = "duration_text")]`. Exact: microseconds are kept.
pub mod duration_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    /// Writes the exact duration.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(of: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::exact(*of))
    }

    /// Reads a duration.
    ///
    /// # Errors
    /// A message that quotes the text.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        super::parse_duration(&String::deserialize(from)?).map_err(D::Error::custom)
    }

    /// The same for an optional duration.
    pub mod option {
        use std::time::Duration;

        use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

        /// Writes the exact duration or null.
        ///
        /// # Errors
        /// The serializer's own.
        pub fn serialize<S: Serializer>(of: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
            match of {
                Some(of) => to.serialize_str(&super::super::exact(*of)),
                None => to.serialize_none(),
            }
        }

        /// Reads a duration or null.
        ///
        /// # Errors
        /// A message that quotes the text.
        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
            Option::<String>::deserialize(from)?
                .map(|text| super::super::parse_duration(&text).map_err(D::Error::custom))
                .transpose()
        }
    }
}

fn exact(of: Duration) -> String {
    let micros = of.as_micros();
    if micros.is_multiple_of(1_000_000) {
        format!("{}s", micros / 1_000_000)
    } else if micros.is_multiple_of(1_000) && micros / 1_000 <= u128::from(u32::MAX) {
        format!("{}ms", micros / 1_000)
    } else {
        format!("{}s {}us", micros / 1_000_000, micros % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_round_trip_with_six_digits() {
        let at: Timestamp = "2026-11-23T08:00:00.5+00:00".parse().unwrap_or_default();
        assert_eq!(at.to_string(), "2026-11-23T08:00:00.500000Z");
    }

    #[test]
    fn durations_read_and_write() {
        for (text, secs) in [("90s", 90), ("5m", 300), ("1h 30m", 5400), ("1d", 86_400), ("0s", 0)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for bad in ["", "5", "m", "5 parsecs", "-5s", "99999999999999d"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(format_duration(Duration::from_secs(5400)), "1h 30m");
        assert_eq!(format_duration(Duration::from_millis(1500)), "1s 500ms");
    }

    /// `60d 5ms` was kept as `5184000005ms`, and that number was more than could be read back.
    #[test]
    fn a_kept_duration_reads_back_however_long_it_is() {
        for text in ["60d 5ms", "2h 1us", "50000d", "18551615us", "213503982d"] {
            let read = parse_duration(text);
            assert!(read.is_ok(), "{text}");
            assert_eq!(parse_duration(text).map(exact).and_then(|kept| parse_duration(&kept)), read, "{text}");
        }
    }
}
