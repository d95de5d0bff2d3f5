//! Strict ingest of JSON from outside.
//!
//! Everything is refused that two readers could read as two documents (duplicate keys, numbers that are rounded on
//! the way), that would clash with the audit format (`$redacted`), or that costs without bound (size, depth). What is
//! accepted survives canonical form: `parse(canonical(parse(x))) == parse(x)`.

mod admit;
mod difference;
mod numbers;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

pub use admit::{Unfit, admit};
pub use difference::first_difference;

/// How many arrays and objects may stand inside one another.
pub const MAX_DEPTH: usize = 64;

/// The largest magnitude of a number, 2^53: beyond it a double skips integers, so two numbers become one.
pub const MAX_INTEGER: u64 = 1 << 53;

/// The key that marks a removed value in a redacted copy; no document may bring it.
pub const REDACTED_KEY: &str = "$redacted";

/// How much of the sender's text an error repeats, in characters.
const MAX_QUOTED_CHARS: usize = 40;

/// Why a document was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} column {column}: {refusal}")]
pub struct JsonError {
    /// Line of the fault, from 1.
    pub line: usize,
    /// Column of the fault in bytes, from 1 (0 at a line's very start).
    pub column: usize,
    /// What is wrong and what to do.
    pub refusal: Refusal,
}

/// What is wrong with a document or a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not one JSON document in UTF-8.
    #[error("not valid JSON: {0}; send exactly one JSON document in UTF-8")]
    Syntax(String),
    /// The same key twice in one object.
    #[error("key `{0}` stands twice in one object; keep one of them")]
    DuplicateKey(String),
    /// The key that redacted copies use.
    #[error("key `{REDACTED_KEY}` is reserved for redacted copies; rename it")]
    ReservedKey,
    /// A magnitude beyond [`MAX_INTEGER`].
    #[error("number `{0}` is beyond 2^53; send it as a string")]
    NumberTooLarge(String),
    /// More digits than a double keeps.
    #[error("number `{0}` would be rounded; send fewer digits, or send it as a string")]
    NumberRounded(String),
    /// Deeper than [`MAX_DEPTH`].
    #[error("nested more than {MAX_DEPTH} levels deep; send a flatter document")]
    TooDeep,
    /// Longer than the caller's limit.
    #[error("{bytes} bytes are more than the {max_bytes} taken here; send less, or send a digest of it")]
    TooLarge {
        /// Length of the document.
        bytes: usize,
        /// The caller's limit.
        max_bytes: usize,
    },
}

/// Parses one JSON document of at most `max_bytes` bytes.
///
/// Numbers with a whole value come back as integers, however they were written (`1.0`, `1e2`, `-0`), as canonical
/// form knows one way only to write them.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn parse(bytes: &[u8], max_bytes: usize) -> Result<Value, JsonError> {
    read(bytes, max_bytes, Walk::default())
}

/// As [`parse`], for a redacted copy: the key that stands for removed values is taken.
///
/// # Errors
/// As [`parse`].
pub fn parse_copy(bytes: &[u8], max_bytes: usize) -> Result<Value, JsonError> {
    read(bytes, max_bytes, Walk { redacted: true, ..Walk::default() })
}

fn read(bytes: &[u8], max_bytes: usize, mut walk: Walk) -> Result<Value, JsonError> {
    if bytes.len() > max_bytes {
        return Err(at_offset(bytes, max_bytes, Refusal::TooLarge { bytes: bytes.len(), max_bytes }));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = Reader { walk: &mut walk, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    let value = parsed.map_err(|error| JsonError {
        line: error.line(),
        column: error.column(),
        refusal: walk.refusal.take().unwrap_or_else(|| Refusal::Syntax(without_position(&error))),
    })?;
    if walk.saw_fraction
        && let Some(token) = numbers::first_rounded(bytes)
    {
        let refusal = Refusal::NumberRounded(quoted(token.text));
        return Err(at_offset(bytes, token.offset, refusal));
    }
    Ok(value)
}

/// What one parse has noticed so far.
#[derive(Default)]
struct Walk {
    refusal: Option<Refusal>,
    saw_fraction: bool,
    /// Whether this is a copy with values removed.
    redacted: bool,
}

/// Reads the value at one place of the document.
struct Reader<'w> {
    walk: &'w mut Walk,
    depth: usize,
}

impl Reader<'_> {
    /// The refusal travels beside serde's error, which holds text only but knows the place.
    fn refuse<E: serde::de::Error>(&mut self, refusal: Refusal) -> E {
        self.walk.refusal = Some(refusal);
        E::custom("refused")
    }

    fn descend<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.refuse(Refusal::TooDeep)) } else { Ok(()) }
    }

    fn inner(&mut self) -> Reader<'_> {
        Reader { walk: &mut *self.walk, depth: self.depth }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(mut self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER {
            return Err(self.refuse(Refusal::NumberTooLarge(value.to_string())));
        }
        Ok(Value::from(value))
    }

    fn visit_i64<E: serde::de::Error>(mut self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INTEGER {
            return Err(self.refuse(Refusal::NumberTooLarge(value.to_string())));
        }
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(mut self, value: f64) -> Result<Value, E> {
        self.walk.saw_fraction = true;
        if let Some(whole) = numbers::as_whole(value) {
            return Ok(Value::from(whole));
        }
        // Beyond 2^53 every double is whole, so that what is left and in range is a fraction.
        match Number::from_f64(value) {
            Some(number) if value.abs() < MAX_INTEGER as f64 => Ok(Value::Number(number)),
            _ => Err(self.refuse(Refusal::NumberTooLarge(format!("{value:e}")))),
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.descend()?;
        let mut array = Vec::new();
        while let Some(value) = items.next_element_seed(self.inner())? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        self.descend()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == REDACTED_KEY && !self.walk.redacted {
                return Err(self.refuse(Refusal::ReservedKey));
            }
            match object.entry(key) {
                Entry::Occupied(twin) => {
                    return Err(self.refuse(Refusal::DuplicateKey(quoted(twin.key()))));
                }
                Entry::Vacant(place) => {
                    place.insert(entries.next_value_seed(self.inner())?);
                }
            }
        }
        Ok(Value::Object(object))
    }
}

fn at_offset(bytes: &[u8], offset: usize, refusal: Refusal) -> JsonError {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    JsonError { line, column: 1 + before.len() - line_start, refusal }
}

/// serde_json ends its message with the place, which we give at the front.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((text, _)) => text.to_owned(),
        None => message,
    }
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
