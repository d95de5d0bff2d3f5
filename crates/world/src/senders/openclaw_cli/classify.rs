//! From what `openclaw message send --json` printed to an outcome. Pure. Known forms: OpenClaw 2026.9.6.

use candor_core::{
    notice::{BlockReason, Outcome, Proof, ProofLevel},
    time::format_duration,
};
use serde::Deserialize;
use serde_json::Value;

use crate::senders::{Ended, Run};

/// Longest id of a message or a chat, in bytes.
const ID_BYTES_MAX: usize = 128;
/// Beginnings of what OpenClaw says before it asks its gateway anything: something in its configuration or the target's must change.
const NEVER_ASKED: [&str; 6] = [
    "Unknown channel \"",
    "Unknown account \"",
    "Channel is unavailable: ",
    "Missing required option ",
    "message required",
    "OpenClaw does not recognize option ",
];
/// Beginnings of what is said where OpenClaw itself can't run: its launcher, and `env` in its first line.
const CANNOT_RUN: [&str; 3] = ["openclaw: Node ", "/usr/bin/env: ", "env: "];
/// Beginning of what it says for a place that its channel can't be asked for.
const NO_TARGET: &str = "Unknown target \"";
/// What it adds wherever its gateway had the request: nothing is sure then.
const HAD_IT: &str = "request was already sent to the gateway";
/// Beginning of what OpenClaw says when it got no connection to its gateway, and the system's reasons that exclude that anything left.
const NO_GATEWAY: &str = "Gateway not reachable at ";
const NO_CONNECTION: [&str; 4] = ["(ECONNREFUSED)", "(EHOSTUNREACH)", "(ENETUNREACH)", "(ENOTFOUND)"];
/// What OpenClaw says for a Bot API's 400 without its number.
const NO_CHAT: &str = "OutboundDeliveryError: Telegram send failed: chat not found ";
/// What stands before a Bot API's own error code and description.
const API_SAID: &str = " failed! (";
/// Words in a Bot API's 400 that mean the place.
const NO_PLACE: [&str; 4] =
    ["chat not found", "message thread not found", "peer_id_invalid", "group chat was deactivated"];
/// Where a payload says which chat has the message.
const PLACES: [&str; 5] = ["chatId", "channelId", "roomId", "conversationId", "toJid"];

/// What OpenClaw prints: one JSON object, and nothing else. Other fields are of no use here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    ok: Option<bool>,
    error: Option<Wrong>,
    action: Option<String>,
    dry_run: Option<bool>,
    message_id: Option<String>,
    sent_before_error: Option<bool>,
    payload: Option<Value>,
}

#[derive(Deserialize)]
struct Wrong {
    message: String,
}

/// What the run proves about a message to `asked`.
///
/// - Proof is exit 0 with a message id that isn't a dry run's, in the chat that was asked for. Exit 0 alone is none: a message that a hook
///   dropped ends so too.
/// - What surely had no effect is known by its words, at their beginning, in the forms that were seen; the exit code is 1 for all of them.
/// - Everything else may have arrived, or may still arrive: the gateway goes on after OpenClaw gave up.
#[must_use]
pub fn classify(run: &Run, asked: &str) -> Outcome {
    let unknown = |why: String| Outcome::Unknown { why };
    match &run.ended {
        Ended::NotStarted { missing: true, why } => refused(BlockReason::SenderMissing, why),
        Ended::NotStarted { missing: false, why } => Outcome::Failed { why: why.clone(), retry_after_ms: None },
        Ended::Exited(code) => exited(*code, run, asked),
        Ended::Killed(signal) => unknown(run.with_words(&format!("openclaw was ended by signal {signal}"))),
        Ended::TimedOut(after) => unknown(format!("no end within {}; openclaw was killed", format_duration(*after))),
        Ended::Lost(why) => unknown(format!("openclaw's end wasn't seen: {why}")),
    }
}

fn refused(reason: BlockReason, why: &str) -> Outcome {
    Outcome::Refused { reason, why: why.to_owned() }
}

fn exited(code: i32, run: &Run, asked: &str) -> Outcome {
    if run.stdout.trim_ascii().is_empty() {
        return match code {
            0 => Outcome::Unknown { why: "exit code 0, but it printed no answer".to_owned() },
            _ => without_answer(code, run),
        };
    }
    let Ok(said) = serde_json::from_slice::<Said>(&run.stdout) else {
        let why = format!("exit code {code}, and what it printed is not one JSON object of `openclaw message send`");
        return Outcome::Unknown { why: run.with_words(&why) };
    };
    match (code, &said.error) {
        (0 | 1, None) if suppressed(&said).is_some() => {
            let why = format!(
                "OpenClaw sent nothing: {}; let the gateway's hooks pass Candor's notices",
                suppressed(&said).unwrap_or_default()
            );
            refused(BlockReason::MessageRefused, &why)
        }
        (0, None) => sent(&said, asked),
        (1, Some(wrong)) if said.ok == Some(false) => failed(&wrong.message, &said),
        _ => Outcome::Unknown { why: format!("exit code {code} doesn't go with the answer that it printed") },
    }
}

/// Nothing on standard output: OpenClaw didn't run, or stopped at its own command line. Only what is known counts.
fn without_answer(code: i32, run: &Run) -> Outcome {
    let text = String::from_utf8_lossy(&run.stderr);
    let words = text.trim_start();
    if CANNOT_RUN.iter().any(|known| words.starts_with(known)) && matches!(code, 1 | 126 | 127) {
        let why = run.with_words("openclaw can't run; put the folder of a Node that it takes into `PATH`");
        return refused(BlockReason::SenderMissing, &why);
    }
    match definite(words) {
        Some(outcome) if code == 1 => outcome,
        _ => Outcome::Unknown { why: run.with_words(&format!("exit code {code} without an answer")) },
    }
}

/// Why nothing was sent, if the answer says that a hook or a rule of the gateway dropped it.
fn suppressed(said: &Said) -> Option<String> {
    let payload = said.payload.as_ref()?;
    let dropped = payload.get("status").and_then(Value::as_str) == Some("suppressed");
    let has_id = said.message_id.is_some() || within(payload, "messageId").is_some();
    if !dropped || has_id || said.sent_before_error == Some(true) {
        return None;
    }
    Some(within(payload, "reason").and_then(|reason| id(&reason)).unwrap_or_else(|| "suppressed".to_owned()))
}

fn sent(said: &Said, asked: &str) -> Outcome {
    let unknown = |why: &str| Outcome::Unknown { why: format!("exit code 0, but {why}") };
    match said.dry_run {
        Some(false) => {}
        Some(true) => return unknown("it was a dry run"),
        None => return unknown("the answer doesn't say that it was no dry run"),
    }
    let payload = said.payload.as_ref().unwrap_or(&Value::Null);
    let status = payload.get("status").and_then(Value::as_str);
    let well = said.ok != Some(false)
        && said.sent_before_error != Some(true)
        && payload.get("ok") != Some(&Value::Bool(false))
        && status.is_none_or(|status| status == "sent")
        && said.action.as_deref() == Some("send");
    if !well {
        return unknown("the answer says something else than `sent`");
    }
    let Some(message) = said.message_id.as_deref().and_then(id) else {
        return unknown("the answer has no message id");
    };
    if within(payload, "messageId").is_some_and(|inner| inner != message) {
        return unknown("the answer has two message ids");
    }
    let Some(chat) = PLACES.iter().find_map(|place| within(payload, place)).and_then(|chat| id(&chat)) else {
        return Outcome::Relayed { provider_id: Some(message) };
    };
    if elsewhere(&chat, asked) {
        return unknown(&format!("message {message} was stored in chat {chat}, not in {asked}"));
    }
    let provider_id = Some(format!("{chat}/{message}"));
    Outcome::Proved { proof: Proof { level: ProofLevel::Stored, provider_id } }
}

/// A field of the payload, or of the result in it, as text.
fn within(payload: &Value, field: &str) -> Option<String> {
    let own = payload.get(field).or_else(|| payload.get("result")?.get(field))?;
    match own {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An id of some length without control characters.
fn id(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= ID_BYTES_MAX && text.chars().all(|c| !c.is_control())).then(|| text.to_owned())
}

/// Whether a chat is surely not the one that was asked for: both are numbers, and differ. `telegram:111:topic:5` asks for 111.
fn elsewhere(chat: &str, asked: &str) -> bool {
    let Ok(chat) = chat.parse::<i64>() else { return false };
    let mut numbers = asked.split(':').filter_map(|part| part.parse::<i64>().ok()).peekable();
    numbers.peek().is_some() && numbers.all(|number| number != chat)
}

fn failed(words: &str, said: &Said) -> Outcome {
    let unknown = || Outcome::Unknown { why: format!("openclaw failed: {words}") };
    // A part may have arrived; and an answer with an id speaks of one that did.
    if said.sent_before_error == Some(true) || said.message_id.is_some() || said.dry_run == Some(true) {
        return unknown();
    }
    definite(words).unwrap_or_else(unknown)
}

/// What surely had no effect, by OpenClaw's words; none for all others.
fn definite(words: &str) -> Option<Outcome> {
    let line = words.lines().next().unwrap_or_default();
    if words.contains(HAD_IT) {
        return None;
    }
    if NEVER_ASKED.iter().any(|known| words.starts_with(known)) {
        return Some(refused(BlockReason::BadConfiguration, line));
    }
    if words.starts_with(NO_GATEWAY) {
        let surely = NO_CONNECTION.iter().any(|reason| line.contains(reason));
        return surely.then(|| Outcome::Failed { why: line.to_owned(), retry_after_ms: None });
    }
    if words.starts_with(NO_CHAT) || words.starts_with(NO_TARGET) {
        return Some(refused(BlockReason::NoSuchDestination, line));
    }
    if !words.starts_with("OutboundDeliveryError: ") {
        return None;
    }
    let (_, answered) = words.split_once(API_SAID)?;
    let (code, description) = answered.split_once(": ")?;
    match code {
        "400" if names_no_place(description) => Some(refused(BlockReason::NoSuchDestination, line)),
        "400" => Some(refused(BlockReason::MessageRefused, line)),
        // 404 is a Bot API's answer to a token that no bot has.
        "401" | "404" => Some(refused(BlockReason::BadCredential, line)),
        "403" => Some(refused(BlockReason::RecipientRefused, line)),
        "429" => Some(Outcome::RateLimited { retry_after_ms: floor_ms(description) }),
        _ => None,
    }
}

fn names_no_place(description: &str) -> bool {
    let description = description.to_ascii_lowercase();
    NO_PLACE.iter().any(|words| description.contains(words))
}

/// The wait in `Too Many Requests: retry after 2`, in milliseconds.
fn floor_ms(description: &str) -> Option<u64> {
    let (_, after) = description.split_once("retry after ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    // More digits than fit is a wait without end, not none.
    (!digits.is_empty()).then(|| digits.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(1_000))
}
