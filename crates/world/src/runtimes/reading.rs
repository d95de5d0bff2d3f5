//! What a runtime answered, cut down to what its plan needs. Pure.

use std::collections::BTreeMap;

use candor_core::disclosure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{READ_BYTES_MAX, RuntimeRead};
use crate::redact::Redactor;

/// Most objects of an answer that are kept.
pub const READ_ITEMS_MAX: usize = 200;
/// What a kept text may be made of: words, numbers and times, no sentences.
const WORD_BYTES_MAX: usize = 96;

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The plan.
    pub plan: RuntimeRead,
    /// SHA-256 in hex of the whole answer, as it was read.
    pub sha256: String,
    /// How long that was, in bytes.
    pub bytes: u64,
    /// The objects that have fields which the plan needs, with those fields and nothing else.
    pub items: Vec<BTreeMap<String, String>>,
    /// How many further objects there were.
    pub left_out: u64,
    /// How many fields that the plan needs were dropped, since what they held is no word, number or time, or is never displayed.
    pub dropped: u64,
    /// How many of them held what is never displayed, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub found: BTreeMap<disclosure::Kind, u64>,
}

/// Cuts an answer down.
///
/// # Errors
/// Why it is no answer, in words.
pub(super) fn of(plan: RuntimeRead, answer: &[u8], redactor: &Redactor) -> Result<Reading, String> {
    if answer.len() >= READ_BYTES_MAX {
        return Err(format!("it is {READ_BYTES_MAX} bytes or longer, and a part of it would mislead"));
    }
    let value: Value = serde_json::from_slice(answer).map_err(|_| "what was printed is not one JSON document")?;
    let mut reading = Reading {
        plan,
        sha256: Sha256::digest(answer).iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes: answer.len() as u64,
        items: Vec::new(),
        left_out: 0,
        dropped: 0,
        found: BTreeMap::new(),
    };
    let Some(list) = list(&value) else {
        return Err("what was printed holds no list of objects".to_owned());
    };
    for object in list.iter().filter_map(Value::as_object) {
        if reading.items.len() == READ_ITEMS_MAX {
            reading.left_out += 1;
            continue;
        }
        let kept = needed(&mut reading, object, redactor);
        if kept.is_empty() {
            reading.left_out += 1;
        } else {
            reading.items.push(kept);
        }
    }
    Ok(reading)
}

/// The list itself, or the longest one that an object around it holds.
fn list(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::Array(list) => Some(list),
        Value::Object(object) => object.values().filter_map(list).max_by_key(|list| list.len()),
        _ => None,
    }
}

/// The fields that the plan needs. Those that hold something that isn't kept are counted.
fn needed(reading: &mut Reading, object: &Map<String, Value>, redactor: &Redactor) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (name, value) in reading.plan.fields().iter().filter_map(|name| Some((*name, object.get(*name)?))) {
        match word(value, redactor) {
            Ok(word) => drop(kept.insert(name.to_owned(), word)),
            Err(_) if value.is_null() => {}
            Err(kind) => {
                reading.dropped += 1;
                if let Some(kind) = kind {
                    *reading.found.entry(kind).or_default() += 1;
                }
            }
        }
    }
    kept
}

/// A value that is a word, a number or a time; else what it holds, where that is never displayed. A field of the right name with a sentence
/// in it isn't what the plan needs.
fn word(value: &Value, redactor: &Redactor) -> Result<String, Option<disclosure::Kind>> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is) => is.to_string(),
        _ => return Err(None),
    };
    if redactor.scrub(&text) != text {
        return Err(Some(disclosure::Kind::Secret));
    }
    let Ok(scanner) = disclosure::every() else { return Err(None) };
    if let Some(found) = scanner.find(&text).first() {
        return Err(Some(found.kind));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/+@#".contains(c);
    let short = !text.is_empty() && text.len() <= WORD_BYTES_MAX && text.chars().all(plain);
    if short { Ok(text) } else { Err(None) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use secrecy::SecretString;

    use super::*;

    fn read(answer: &str) -> Result<Reading, String> {
        of(RuntimeRead::RuntimeTasks, answer.as_bytes(), &Redactor::new([&SecretString::from("planted-secret")]))
    }

    #[test]
    fn only_what_the_plan_needs_is_kept() {
        let answer = r#"{"count": 2, "tasks": [
            {"taskId": "t-1", "status": "running", "task": "You are a helpful agent. Do X.", "progressSummary": "thinking…", "startedAt": 1795593600123},
            {"taskId": "t-2", "status": "I'm done, all tests pass", "runId": "planted-secret", "endedAt": null},
            {"taskId": "ghp_0123456789abcdefghijABCDEFGHIJ012345"},
            {"note": "nothing that is needed"}, 7]}"#;
        let reading = read(answer).unwrap();
        assert_eq!(reading.items.len(), 2);
        let first: Vec<_> =
            reading.items.first().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(first, ["startedAt=1795593600123", "status=running", "taskId=t-1"]);
        assert_eq!(
            reading.items.get(1).unwrap().keys().collect::<Vec<_>>(),
            ["taskId"],
            "a sentence and a secret are no words"
        );
        assert_eq!((reading.left_out, reading.dropped, reading.bytes), (2, 3, answer.len() as u64));
        assert_eq!(reading.found, BTreeMap::from([(disclosure::Kind::Secret, 2)]));
        let kept = serde_json::to_string(&reading).unwrap();
        for text in ["helpful", "thinking", "tests pass", "planted", "ghp_"] {
            assert!(!kept.contains(text), "{text} in {kept}");
        }
    }

    #[test]
    fn the_digest_is_of_the_whole_answer() {
        let one = read(r#"[{"id": "a", "task": "x"}]"#).unwrap();
        let other = read(r#"[{"id": "a", "task": "y"}]"#).unwrap();
        assert_eq!(one.items, other.items);
        assert_ne!(one.sha256, other.sha256);
        assert_eq!(read("[]").unwrap().sha256, "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945");
    }

    #[test]
    fn it_is_bounded_and_says_so() {
        let items: Vec<String> = (0..READ_ITEMS_MAX + 5).map(|n| format!(r#"{{"id": "t-{n}"}}"#)).collect();
        let reading = read(&format!("[{}]", items.join(","))).unwrap();
        assert_eq!((reading.items.len(), reading.left_out), (READ_ITEMS_MAX, 5));
        let long = format!("[{}]", " ".repeat(READ_BYTES_MAX));
        assert!(read(&long).unwrap_err().contains("mislead"));
    }

    #[test]
    fn what_is_no_list_is_no_answer() {
        for answer in ["", "tasks: none", "{}", "7", r#"{"ok": false, "error": {"message": "x"}}"#, "[{}"] {
            assert!(read(answer).is_err(), "{answer}");
        }
        assert!(read(r#"{"ok": true, "payload": {"tasks": []}}"#).is_ok(), "an empty list is an answer");
    }
}
