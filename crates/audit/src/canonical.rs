//! Canonical JSON, RFC 8785 (JCS): one byte string per value.
//!
//! Every number is written as a double, as the RFC has it; what [`crate::json`] lets in loses nothing by that.

use std::ops::Range;

use serde_json::{Map, Number, Value};

use crate::json::{MAX_INTEGER, REDACTED_KEY};

/// The canonical bytes of `value`.
#[must_use]
pub fn to_bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    write(value, &mut out);
    out
}

/// Appends the canonical bytes of `value` to `out`.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    walk(value, out, &mut |_| ());
}

/// A value's canonical bytes, and where its leaves stand in them.
pub(crate) struct Layout {
    /// The canonical bytes.
    pub(crate) bytes: Vec<u8>,
    /// Where each leaf stands, in the order of the bytes: scalars, empty `{}` and `[]`, and what stands for a removed value.
    pub(crate) leaves: Vec<Range<usize>>,
}

/// Lays `value` out.
pub(crate) fn lay_out(value: &Value) -> Layout {
    let mut layout = Layout { bytes: Vec::with_capacity(1024), leaves: Vec::with_capacity(48) };
    walk(value, &mut layout.bytes, &mut |leaf| layout.leaves.push(leaf));
    layout
}

/// Appends the canonical bytes of `value` to `out`, and tells where each leaf stands.
fn walk(value: &Value, out: &mut Vec<u8>, on_leaf: &mut impl FnMut(Range<usize>)) {
    let start = out.len();
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                walk(item, out, on_leaf);
            }
            return out.push(b']');
        }
        Value::Object(object) if !object.is_empty() && !is_marker(object) => {
            out.push(b'{');
            for (index, (key, item)) in in_order(object).enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                walk(item, out, on_leaf);
            }
            return out.push(b'}');
        }
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_string(text, out),
        Value::Array(_) => out.extend_from_slice(b"[]"),
        Value::Object(marker) => {
            out.push(b'{');
            for (key, hash) in marker {
                write_string(key, out);
                out.push(b':');
                write(hash, out);
            }
            out.push(b'}');
        }
    }
    on_leaf(start..out.len());
}

/// Whether this stands in a redacted copy for a removed value. Ingest keeps the key out of originals.
pub(crate) fn is_marker(object: &Map<String, Value>) -> bool {
    object.len() == 1 && object.contains_key(REDACTED_KEY)
}

/// Appends `text` as a JSON string: only what JSON forces is escaped, the short way where there is one.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if text.bytes().fold(false, |found, byte| found | must_escape(byte)) {
        text.bytes().for_each(|byte| write_escaped(byte, out));
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

// Without an early exit the search above becomes vector instructions, which is most of the writer's speed.
fn must_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn write_escaped(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        0x00..0x20 => {
            let digit = |nibble: u8| {
                if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
            };
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)]);
            return;
        }
        _ => return out.push(byte),
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn write_number(number: &Number, out: &mut Vec<u8>) {
    if let Some(value) = number.as_u64().filter(|value| *value <= MAX_INTEGER) {
        return write_integer(value, out);
    }
    if let Some(value) = number.as_i64().filter(|value| value.unsigned_abs() <= MAX_INTEGER) {
        out.push(b'-');
        return write_integer(value.unsigned_abs(), out);
    }
    // A `Number` holds no NaN and no infinity.
    let mut buffer = ryu_js::Buffer::new();
    out.extend_from_slice(buffer.format(number.as_f64().unwrap_or_default()).as_bytes());
}

/// Appends a whole number in decimal.
pub(crate) fn write_integer(mut value: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        out.push(b'0' + (value % 10) as u8);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// The entries of an object by the UTF-16 code units of their keys, as the RFC orders them.
///
/// How `Map` orders them itself depends on a feature of serde_json that any crate of the build may turn on.
pub(crate) fn in_order(object: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let KeyOrder { ascending, ascii } = KeyOrder::of(object);
    let stored = (ascending && ascii).then(|| object.iter());
    let mut sorted: Vec<_> = if stored.is_some() { Vec::new() } else { object.iter().collect() };
    if ascii {
        sorted.sort_unstable_by_key(|(key, _)| key.as_bytes());
    } else {
        sorted.sort_unstable_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    }
    stored.into_iter().flatten().chain(sorted)
}

/// What makes sorting cheap: among ASCII keys the order of bytes is the order of UTF-16 units.
struct KeyOrder {
    ascending: bool,
    ascii: bool,
}

impl KeyOrder {
    fn of(object: &Map<String, Value>) -> KeyOrder {
        let mut order = KeyOrder { ascending: true, ascii: true };
        let mut before: Option<&str> = None;
        for key in object.keys() {
            order.ascending &= before.is_none_or(|before| before < key.as_str());
            order.ascii &= key.is_ascii();
            before = Some(key);
        }
        order
    }
}
