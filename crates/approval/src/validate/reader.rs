//! JSON as every validator reads it: what the contract can't tell apart is read, whatever its size.
//!
//! The strict reader of the record refuses fields that stand twice and integers beyond 2^53. A verdict on the contract must be the one that any
//! JSON Schema validator gives, so this one takes what JSON takes: the last of two fields counts, an integer has any length, numbers with a
//! fraction or an exponent are doubles, and one beyond a double's range is no integer.

use serde::de::IgnoredAny;
use serde_json::Value;
use thiserror::Error;

/// How deep a document is read: the contract says nothing of anything below its fifth level, so deeper values are as good as empty.
pub const READ_DEPTH_MAX: usize = 100;

/// Why a text isn't JSON.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("it is no JSON: {0}")]
pub struct NotJson(String);

/// Reads a document.
///
/// # Errors
/// [`NotJson`].
pub fn read(bytes: &[u8]) -> Result<Value, NotJson> {
    let text = std::str::from_utf8(bytes).map_err(|error| NotJson(error.to_string()))?;
    let told = |error: serde_json::Error| NotJson(error.to_string());
    // Without recursion, and without making anything of it: whether it is JSON at all.
    serde_json::from_str::<IgnoredAny>(text).map_err(told)?;
    serde_json::from_str(&tamed(text)).map_err(told)
}

/// The same document, without what a reader with limits can't take. The text is JSON.
fn tamed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut depth) = (text, 0_usize);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string(rest, if depth > READ_DEPTH_MAX { None } else { Some(&mut out) }),
            '-' | '0'..='9' => {
                let length =
                    rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
                if depth <= READ_DEPTH_MAX {
                    out.push_str(number(rest.get(..length).unwrap_or_default()));
                }
                length
            }
            _ => {
                let opens = matches!(first, '{' | '[');
                if opens && depth == READ_DEPTH_MAX {
                    out.push_str("null");
                }
                depth = depth.saturating_add(usize::from(opens));
                if depth <= READ_DEPTH_MAX {
                    out.push(first);
                }
                depth = depth.saturating_sub(usize::from(matches!(first, '}' | ']')));
                first.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// A number that the reader can take. One beyond a double's range becomes the largest of its kind, or no number at all.
fn number(token: &str) -> &str {
    let is_finite = token.parse::<f64>().is_ok_and(f64::is_finite);
    match (is_finite, token.contains(['.', 'e', 'E']), token.starts_with('-')) {
        (true, ..) => token,
        (false, true, _) => "null",
        (false, false, true) => "-1e308",
        (false, false, false) => "1e308",
    }
}

/// Copies a string, with half of a pair replaced. Gives its length with both quotes.
fn string(text: &str, mut out: Option<&mut String>) -> usize {
    let mut push = |piece: &str| {
        if let Some(out) = &mut out {
            out.push_str(piece);
        }
    };
    push("\"");
    let mut at = 1;
    while let Some(next) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        let (length, piece) = match next {
            '"' => break,
            '\\' if rest.starts_with("\\u") => escape(rest),
            '\\' => (2, rest.get(..2).unwrap_or_default()),
            _ => (next.len_utf8(), rest.get(..next.len_utf8()).unwrap_or_default()),
        };
        push(piece);
        at += length;
    }
    push("\"");
    at + 1
}

/// An escape `\uXXXX`, both halves where it is a pair: its length, and what stands for it.
fn escape(text: &str) -> (usize, &str) {
    let unit = |at: usize| {
        let is_escape = text.get(at..at + 2) == Some("\\u");
        is_escape.then(|| text.get(at + 2..at + 6).and_then(|hex| u16::from_str_radix(hex, 16).ok())).flatten()
    };
    match (unit(0), unit(6)) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, text.get(..12).unwrap_or_default()),
        (Some(0xD800..=0xDFFF), _) => (6, "\\ufffd"),
        _ => (6, text.get(..6).unwrap_or_default()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_read_and_nothing_else() {
        for (text, value) in [
            (r#"{"a": [1, -0.5e3, "x\"y\\", true, null]}"#, json!({"a": [1, -500.0, "x\"y\\", true, null]})),
            (r#"{"a": 1, "a": 2}"#, json!({"a": 2})),
            ("1e400", json!(null)),
            ("-1e400", json!(null)),
            (r#""\ud83d\ude00 \ud800 \udc00x""#, json!("\u{1f600} \u{fffd} \u{fffd}x")),
            ("\"k\u{e4}se\"", json!("k\u{e4}se")),
            ("  7 ", json!(7)),
            ("1e-400", json!(0.0)),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), value, "{text}");
        }
        let long = "9".repeat(400);
        assert_eq!(read(long.as_bytes()).unwrap(), json!(1e308));
        assert_eq!(read(format!("-{long}").as_bytes()).unwrap(), json!(-1e308));
        for text in [
            "",
            "{",
            "NaN",
            "Infinity",
            "{'a': 1}",
            "[1,]",
            "01",
            "1.",
            "\"\u{1}\"",
            "{} {}",
            "\u{feff}{}",
            "\"\\x\"",
            "tru",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"\"\xff\"").is_err());
    }

    #[test]
    fn depth_is_no_limit() {
        let deep = |levels: usize| "[".repeat(levels) + "1" + &"]".repeat(levels);
        for levels in [1, READ_DEPTH_MAX - 1, READ_DEPTH_MAX, READ_DEPTH_MAX + 1, 200, 100_000] {
            let text = format!(r#"{{"a": {}, "b": "[{{", "c": 2}}"#, deep(levels));
            let value = read(text.as_bytes()).unwrap();
            assert_eq!((&value["b"], &value["c"]), (&json!("[{"), &json!(2)), "{levels}");
        }
        let objects = "{\"a\":".repeat(5_000) + "\"}]\"" + &"}".repeat(5_000);
        assert!(read(objects.as_bytes()).unwrap().is_object());
    }
}
