//! Documents: what is never displayed may stand in a text, in a field's name, in a name and its text together, or in a text that is a document.

use serde_json::Value;

use super::{Kind, Scanner};

impl Scanner {
    /// The first thing of a document that is never displayed.
    #[must_use]
    pub fn find_in(&self, of: &Value) -> Option<Kind> {
        match of {
            Value::String(text) => {
                let found = self.find(text).first().map(|found| found.kind);
                found.or_else(|| self.find_in(&inner(text)?))
            }
            Value::Array(items) => items.iter().find_map(|item| self.find_in(item)),
            Value::Object(fields) => fields.iter().find_map(|(name, value)| self.find_field(name, value)),
            _ => None,
        }
    }

    fn find_field(&self, name: &str, value: &Value) -> Option<Kind> {
        let alone = || self.find(name).first().map(|found| found.kind).or_else(|| self.find_in(value));
        alone().or_else(|| self.find_named(name, value))
    }

    /// What a name makes of the text that is given to it.
    fn find_named(&self, name: &str, value: &Value) -> Option<Kind> {
        let text = value.as_str().filter(|text| !is_mark(text))?;
        self.find(&format!("{name}: {text}")).first().map(|found| found.kind)
    }

    /// The document as it may be displayed: each text and each field's name. A text that is a document with such a thing in it isn't shown.
    #[must_use]
    pub fn shown_in(&self, of: &Value) -> Value {
        match of {
            Value::String(text) => {
                let shown = self.shown(text);
                let hidden = inner(&shown).and_then(|inner| self.find_in(&inner));
                Value::String(hidden.map_or_else(|| shown.into_owned(), mark))
            }
            Value::Array(items) => items.iter().map(|item| self.shown_in(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(name, value)| self.shown_field(name, value)).collect(),
            other => other.clone(),
        }
    }

    fn shown_field(&self, name: &str, value: &Value) -> (String, Value) {
        let (shown_name, shown) = (self.shown(name).into_owned(), self.shown_in(value));
        match self.find_named(&shown_name, &shown) {
            Some(kind) => (shown_name, Value::String(mark(kind))),
            None => (shown_name, shown),
        }
    }
}

/// What stands in the place of what isn't shown.
pub(super) fn mark(kind: Kind) -> String {
    format!("[redacted: {}]", kind.as_str())
}

fn is_mark(text: &str) -> bool {
    Kind::ALL.iter().any(|kind| mark(*kind) == text)
}

/// The document that a text is, if it is one.
fn inner(text: &str) -> Option<Value> {
    let looks_so = text.trim_start().starts_with(['{', '[']);
    looks_so.then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::disclosure::every;

    #[test]
    fn what_is_planted_anywhere_in_a_document_is_found_and_not_shown() {
        let session = "$ cat planted\nplanted\n$ ls planted";
        for (of, kind) in [
            (json!("password=planted-hunter2"), Kind::Credential),
            (json!({"a": [{"b": session}]}), Kind::WorkWindowTranscript),
            (json!({"<think>planted</think>": 1}), Kind::PrivateReasoning),
            // Neither the name nor the text says it alone.
            (json!({"fields": {"password": "planted-hunter2"}}), Kind::Credential),
            // A document in a text: its own line ends are written otherwise there.
            (json!({"document": json!({"reason": session}).to_string()}), Kind::WorkWindowTranscript),
            (json!(json!([json!({"x": session}).to_string()]).to_string()), Kind::WorkWindowTranscript),
        ] {
            let scanner = every().unwrap();
            assert_eq!(scanner.find_in(&of), Some(kind), "{of}");
            let shown = scanner.shown_in(&of);
            assert!(!shown.to_string().contains("planted"), "{shown}");
            assert_eq!(scanner.find_in(&shown), None, "what is shown can be shown again: {shown}");
        }
    }

    #[test]
    fn what_holds_none_is_shown_as_it_is() {
        let of = json!({"reason": "a night run", "n": [1, null, true], "document": "{\"max_uses\":20}", "text": "{not json"});
        let scanner = every().unwrap();
        assert_eq!((scanner.find_in(&of), scanner.shown_in(&of)), (None, of.clone()));
        assert_eq!(of["n"][0], 1);
    }
}
