//! Strict YAML: unknown fields and keys that stand twice are refused, each with line and column.

use serde::de::DeserializeOwned;

use crate::pack::Position;

/// Why a text doesn't read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// Where, when that is known.
    pub(crate) at: Option<Position>,
    /// What is wrong, without the place.
    pub(crate) message: String,
}

/// Reads a document.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    serde_saphyr::from_str(text).map_err(|error| told(&error))
}

/// Reads a document in which nothing stands for anything else: anchors and aliases are refused too.
pub(crate) fn read_plain<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_anchors: 0, max_aliases: 0 } };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let wrong = told(&error);
        if wrong.message.contains("budget") && (wrong.message.contains("nchors") || wrong.message.contains("liases")) {
            return YamlError {
                message: "anchors (`&`) and aliases (`*`) are refused; write the value out".to_owned(),
                ..wrong
            };
        }
        wrong
    })
}

fn told(error: &serde_saphyr::Error) -> YamlError {
    let at = error.location().map(|at| Position {
        line: usize::try_from(at.line()).unwrap_or(0),
        column: usize::try_from(at.column()).unwrap_or(0),
    });
    // The parser's own text ends with the place, which the caller's error says already.
    let told = error.without_snippet().to_string();
    let message = told.lines().next().unwrap_or_default();
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    YamlError { at, message: message.trim_start_matches("error: ").to_owned() }
}
