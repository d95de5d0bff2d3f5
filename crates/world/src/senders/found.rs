//! Looking for a message in a JSON answer whose shape is the channel's own.

use std::collections::BTreeMap;

use candor_core::read_back::ReadBack;
use serde_json::{Map, Value};

/// Most fields of a read-back that are kept.
pub const READ_BACK_FIELDS_MAX: usize = 16;
/// Fields with which an answer takes back what its other fields seem to say, when they are false.
const DENIES: [&str; 6] = ["ok", "success", "found", "exists", "stored", "delivered"];

/// The first object, outermost first, that is wanted.
pub(super) fn find<'v>(
    value: &'v Value,
    wanted: &dyn Fn(&Map<String, Value>) -> bool,
) -> Option<&'v Map<String, Value>> {
    match value {
        Value::Object(object) if wanted(object) => Some(object),
        Value::Object(object) => object.values().find_map(|value| find(value, wanted)),
        Value::Array(items) => items.iter().find_map(|value| find(value, wanted)),
        _ => None,
    }
}

/// Whether a text stands anywhere in the answer, by itself.
pub(super) fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(own) => own == text,
        Value::Array(items) => items.iter().any(|value| holds(value, text)),
        Value::Object(object) => object.values().any(|value| holds(value, text)),
        _ => false,
    }
}

/// Whether one of an object's own fields is that text.
pub(super) fn names(object: &Map<String, Value>, text: &str) -> bool {
    object.values().any(|value| value.as_str() == Some(text))
}

/// The field by which an object denies, if one does.
pub(super) fn denied(object: &Map<String, Value>) -> Option<String> {
    if let Some(field) = DENIES.iter().find(|field| object.get(**field) == Some(&Value::Bool(false))) {
        return Some(format!("`{field}` is false"));
    }
    let error = object.get("error").filter(|error| !matches!(error, Value::Null | Value::Bool(false)));
    error.map(|_| "it speaks of an error".to_owned())
}

/// An object's plain fields, by name.
pub(super) fn fields(object: &Map<String, Value>) -> BTreeMap<String, String> {
    let plain = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    };
    object.iter().filter_map(|(name, value)| Some((name.clone(), plain(value)?))).take(READ_BACK_FIELDS_MAX).collect()
}

/// The first of these fields that holds an id of usual length.
pub(super) fn id(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match object.get(*name)? {
        Value::String(id) if !id.is_empty() && id.len() <= 128 && !id.chars().any(char::is_control) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    })
}

pub(super) fn unknown(why: impl Into<String>) -> ReadBack {
    ReadBack::Unknown { why: why.into() }
}

pub(super) fn unable(why: impl Into<String>) -> ReadBack {
    ReadBack::Unable { why: why.into() }
}
