//! Texts of the approval chain as they may be displayed: the display redaction contract, in one place.

use candor_core::disclosure;
use serde::Serialize;
use serde_json::Value;

use crate::{
    commands::audit::visible,
    exit::{Exit, Failure},
};

/// What stands in place of a text when it can't be looked at.
const NOT_SHOWN: &str = "[not shown]";

/// A text as it may be displayed: without what is never displayed, and without what acts on a terminal.
#[must_use]
pub fn text(text: &str) -> String {
    visible(&redacted(text))
}

/// A text without what is never displayed.
#[must_use]
pub fn redacted(text: &str) -> String {
    disclosure::every().map_or_else(|_| NOT_SHOWN.to_owned(), |scanner| scanner.shown(text).into_owned())
}

/// What can be written as JSON, as it may be displayed.
///
/// # Errors
/// Never for types of ours.
pub fn of(it: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(it)
        .map(|value| document(&value))
        .map_err(|error| Failure::new(Exit::Internal, format!("it can't be shown: {error}")))
}

/// A document as it may be displayed: each text and each field's name.
#[must_use]
pub fn document(of: &Value) -> Value {
    match of {
        Value::String(text) => Value::String(redacted(text)),
        Value::Array(items) => items.iter().map(document).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (redacted(name), document(value))).collect(),
        other => other.clone(),
    }
}
