//! Looking for a notice among the latest messages that OpenClaw reads from its channel. Pure.
//!
//! `openclaw message read` exists for some channels only, and not for Telegram. Its gateway's own queue and audit tell nothing that could be
//! tied to one send: the queue forgets what it settled, and the audit names neither text nor message id.

use candor_core::{
    notice::{Proof, ProofLevel},
    read_back::ReadBack,
    time::Timestamp,
};
use serde_json::{Map, Value};

use crate::senders::{
    Ended, Run,
    found::{denied, fields, find, id, unknown},
};

/// The channels that OpenClaw can read messages from by its command line, after its documentation.
pub const READABLE: [&str; 4] = ["discord", "slack", "matrix", "msteams"];
/// How many of the latest messages are asked for.
pub(super) const MESSAGES_MAX: u32 = 20;
/// How far a channel's clock may be behind this machine's.
const CLOCKS_APART_MAX_SECS: i64 = 60;
/// Fields that hold a message's text.
const TEXTS: [&str; 4] = ["text", "content", "body", "message"];
/// Fields that hold a message's id.
const IDS: [&str; 5] = ["id", "messageId", "message_id", "eventId", "event_id"];
/// Fields that hold a message's time.
const TIMES: [&str; 7] =
    ["timestamp", "timestampMs", "timestampUtc", "ts", "createdAt", "createdDateTime", "origin_server_ts"];

/// What the run says of the message with this text.
///
/// Found is only a message whose whole text is this one, with a time that isn't before its first attempt: an older one of the same words is
/// another. Whether it is missing can't be told: the latest messages are not all of them, and a channel may have changed the text.
#[must_use]
pub fn classify(run: &Run, text: &str, sent_at: Timestamp) -> ReadBack {
    match &run.ended {
        Ended::Exited(0) => {}
        ended => return unknown(run.with_words(&ended.says())),
    }
    let Ok(said) = serde_json::from_slice::<Value>(&run.stdout) else {
        return unknown("what openclaw printed is not one JSON document of at most 64 KiB");
    };
    let denies = said.as_object().and_then(denied);
    let denies = denies.or_else(|| said.get("payload").and_then(Value::as_object).and_then(denied));
    if let Some(denies) = denies {
        return unknown(format!("openclaw's answer is no list of messages: {denies}"));
    }
    if said.get("dryRun") == Some(&Value::Bool(true)) {
        return unknown("openclaw's answer is a dry run's");
    }
    let ours = |object: &Map<String, Value>| is_text(object, text) && id(object, &IDS).is_some();
    let Some(with_text) = find(&said, &ours) else {
        return unknown(format!(
            "it isn't among the latest {MESSAGES_MAX} messages as it was sent, which proves nothing"
        ));
    };
    let since = sent_at.shifted(-CLOCKS_APART_MAX_SECS * 1_000_000);
    let fresh = |object: &Map<String, Value>| ours(object) && at(object).is_some_and(|at| at >= since);
    match find(&said, &fresh) {
        Some(object) => ReadBack::Found {
            proof: Proof { level: ProofLevel::ReadBack, provider_id: id(object, &IDS) },
            fields: fields(object),
        },
        None if at(with_text).is_none() => {
            unknown("a message of this text is there, but without a time: it may be an older one")
        }
        None => unknown("a message of this text is there, but from before it was sent"),
    }
}

fn is_text(object: &Map<String, Value>, text: &str) -> bool {
    TEXTS.iter().filter_map(|field| object.get(*field)?.as_str()).any(|own| own.trim() == text.trim())
}

/// A message's time, as text of RFC 3339, or as a number of seconds (Slack's have digits after the point) or milliseconds.
fn at(object: &Map<String, Value>) -> Option<Timestamp> {
    TIMES.iter().find_map(|field| match object.get(*field)? {
        Value::String(text) => text.parse().ok().or_else(|| from_number(text.split('.').next()?.parse().ok()?)),
        Value::Number(number) => from_number(number.as_i64().or_else(|| number.as_u64()?.try_into().ok())?),
        _ => None,
    })
}

fn from_number(number: i64) -> Option<Timestamp> {
    /// Seconds reach this in the year 5138, milliseconds passed it in 1973.
    const MILLISECONDS_FROM: i64 = 100_000_000_000;
    let per = if number >= MILLISECONDS_FROM { 1_000 } else { 1_000_000 };
    number.checked_mul(per).map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "critical: nightly is silent\n\nNo checkpoint\n\nn-3";

    fn read(stdout: &str) -> ReadBack {
        let run = Run { ended: Ended::Exited(0), stdout: stdout.as_bytes().to_vec(), stderr: Vec::new() };
        classify(&run, TEXT, Timestamp::from_micros(1_795_593_600_000_000))
    }

    fn listed(more: &str) -> String {
        let text = serde_json::to_string(TEXT).unwrap_or_default();
        format!(
            r#"{{"action":"read","payload":{{"ok":true,"messages":[{{"id":"9","text":"x"}},{{"id":"7",{more}"content":{text}}}]}}}}"#
        )
    }

    #[test]
    fn only_the_whole_text_from_after_the_send_is_found() {
        for (more, word) in [
            (r#""timestamp":"2026-11-25T08:00:05Z","#, "found"),
            (r#""ts":"1795593601.000200","#, "found"),
            (r#""timestampMs":1795593600123,"#, "found"),
            // A clock that is a little behind is no older message.
            (r#""ts":"1795593570.000200","#, "found"),
            (r#""ts":"1795593000.000200","#, "unknown"),
            (r#""timestamp":"2026-10-25T08:00:05Z","#, "unknown"),
            (r#""timestamp":"soon","#, "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(read(&listed(more)).as_str(), word, "{more}");
        }
        let ReadBack::Found { proof, fields } = read(&listed(r#""ts":"1795593601.0","#)) else { unreachable!("found") };
        assert_eq!((proof.level, proof.provider_id.as_deref()), (ProofLevel::ReadBack, Some("7")));
        assert_eq!(fields.get("ts").map(String::as_str), Some("1795593601.0"));
    }

    #[test]
    fn what_is_not_this_message_proves_nothing() {
        let found = listed(r#""ts":"1795593601.0","#);
        for (stdout, why) in [
            (found.replace("No checkpoint", "No checkpoints"), "another text"),
            (found.replace(r#""id":"7""#, r#""of":"7""#), "no id"),
            (found.replace(r#""ok":true"#, r#""ok":false"#), "a denial"),
            (found.replace(r#"{"action""#, r#"{"dryRun":true,"action""#), "a dry run"),
            (found.replace("]}}", ""), "half an answer"),
            (String::new(), "nothing"),
            (r#"{"ok":false,"error":{"message":"Gateway not reachable"}}"#.to_owned(), "an error"),
            ("[]".to_owned(), "an empty list"),
        ] {
            assert_eq!(read(&stdout).as_str(), "unknown", "{why}");
        }
    }

    #[test]
    fn another_end_says_nothing_whatever_was_printed() {
        let stdout = listed(r#""ts":"1795593601.0","#).into_bytes();
        let why = || "because".to_owned();
        for ended in [
            Ended::Exited(1),
            Ended::Killed(9),
            Ended::TimedOut(std::time::Duration::from_secs(1)),
            Ended::Lost(why()),
            Ended::NotStarted { missing: true, why: why() },
        ] {
            let run = Run { ended, stdout: stdout.clone(), stderr: Vec::new() };
            assert_eq!(classify(&run, TEXT, Timestamp::from_micros(0)).as_str(), "unknown");
        }
    }
}
