//! From the Bot API's answer to an outcome. Pure.

use candor_core::notice::{BlockReason, Outcome, Proof, ProofLevel};
use serde::Deserialize;

use super::Chat;
use crate::senders::{HttpAnswer, Wire};

/// The API's answer object (<https://core.telegram.org/bots/api#making-requests>). Other fields are of no use here.
#[derive(Deserialize)]
struct Reply {
    ok: bool,
    result: Option<Sent>,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

/// The part of a `Message` that proves something.
#[derive(Deserialize)]
struct Sent {
    message_id: i64,
    chat: SentChat,
}

#[derive(Deserialize)]
pub(super) struct SentChat {
    id: i64,
    username: Option<String>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// What the answer proves about a message to `asked`.
///
/// Only the API's own object says anything: `ok: true` with the message's id in the chat that was asked for is proof; `ok: false` is its
/// statement that the call failed, so it had no effect, also with a 5xx. Whatever else answers (a proxy's page, half a body) says
/// nothing about what happened behind it.
#[must_use]
pub fn classify(wire: &Wire, asked: &Chat) -> Outcome {
    let answer = match wire {
        Wire::Answered(answer) => answer,
        Wire::NotSent(why) => {
            return Outcome::Failed { why: format!("no connection: {why}"), retry_after_ms: None };
        }
        Wire::Unfit(why) => {
            let why = format!("the request can't be made: {why}");
            return Outcome::Refused { reason: BlockReason::BadConfiguration, why };
        }
        Wire::Lost(why) => return Outcome::Unknown { why: why.clone() },
    };
    match serde_json::from_slice::<Reply>(&answer.body) {
        Ok(Reply { ok: true, result: Some(sent), .. }) if answer.status == 200 => stored(&sent, asked),
        Ok(Reply { ok: false, error_code: Some(code), description, parameters, .. }) => {
            refused(code, &description.unwrap_or_default(), &parameters.unwrap_or_default(), answer.retry_after_ms)
        }
        _ => no_object(answer),
    }
}

/// Whether this is the chat that was asked for.
pub(super) fn is_asked(chat: &SentChat, asked: &Chat) -> bool {
    match asked {
        Chat::Number(number) => chat.id == *number,
        Chat::Name(name) => {
            let name = name.trim_start_matches('@');
            chat.username.as_deref().is_some_and(|username| username.eq_ignore_ascii_case(name))
        }
    }
}

fn stored(sent: &Sent, asked: &Chat) -> Outcome {
    if is_asked(&sent.chat, asked) {
        let provider_id = Some(sent.message_id.to_string());
        Outcome::Proved { proof: Proof { level: ProofLevel::Stored, provider_id } }
    } else {
        let why = format!("message {} was stored in chat {}, not provably in {asked}", sent.message_id, sent.chat.id);
        Outcome::Unknown { why }
    }
}

fn refused(code: u16, description: &str, parameters: &Parameters, header_ms: Option<u64>) -> Outcome {
    let body_ms = parameters.retry_after.map(|seconds| seconds.saturating_mul(1_000));
    // Both are floors: the longer one holds.
    let retry_after_ms = body_ms.max(header_ms);
    let why = format!("the Bot API answered {code}: {description}");
    let blocked = |reason| Outcome::Refused { reason, why: why.clone() };
    if let Some(chat) = parameters.migrate_to_chat_id {
        let why = format!("the group is a supergroup now; set `chat: {chat}`");
        return Outcome::Refused { reason: BlockReason::BadConfiguration, why };
    }
    match code {
        // 404 is the answer to a token that no bot has.
        401 | 404 => blocked(BlockReason::BadCredential),
        403 => blocked(BlockReason::RecipientRefused),
        // 420 is the older form of 429.
        420 | 429 => Outcome::RateLimited { retry_after_ms },
        400 if names_no_place(description) => blocked(BlockReason::NoSuchDestination),
        400..=499 => blocked(BlockReason::MessageRefused),
        500..=599 => Outcome::Failed { why, retry_after_ms },
        _ => Outcome::Unknown { why },
    }
}

/// Whether a 400 says that the chat or the topic doesn't exist. The API has no finer code than its description.
fn names_no_place(description: &str) -> bool {
    let description = description.to_ascii_lowercase();
    ["chat not found", "message thread not found", "peer_id_invalid", "chat_id is empty", "group chat was deactivated"]
        .iter()
        .any(|words| description.contains(words))
}

fn no_object(answer: &HttpAnswer) -> Outcome {
    let status = answer.status;
    match status {
        300..=399 => {
            let to = answer.location.as_deref().unwrap_or("nowhere");
            let why = format!("status {status}: a redirect to {to}, which is not followed; set `api_base`");
            Outcome::Refused { reason: BlockReason::BadConfiguration, why }
        }
        429 => Outcome::RateLimited { retry_after_ms: answer.retry_after_ms },
        _ => Outcome::Unknown {
            why: format!("status {status} without a Bot API object; the message may have been sent"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Chat = Chat::Number(111);

    fn word(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Proved { proof } => {
                format!("proved {} {}", proof.level.as_str(), proof.provider_id.as_deref().unwrap_or("-"))
            }
            Outcome::Failed { retry_after_ms, .. } => format!("failed {retry_after_ms:?}"),
            Outcome::RateLimited { retry_after_ms } => format!("rate_limited {retry_after_ms:?}"),
            Outcome::Refused { reason, .. } => format!("refused {}", reason.as_str()),
            Outcome::Unknown { .. } => "unknown".to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn of(status: u16, header_ms: Option<u64>, body: &str, asked: &Chat) -> String {
        let answer =
            HttpAnswer { status, retry_after_ms: header_ms, body: body.as_bytes().to_vec(), ..HttpAnswer::default() };
        word(&classify(&Wire::Answered(answer), asked))
    }

    #[test]
    fn only_an_id_in_the_chat_that_was_asked_for_is_proof() {
        for (status, body, expected) in [
            (200, r#"{"ok":true,"result":{"message_id":7,"chat":{"id":111},"date":1,"text":"x"}}"#, "proved stored 7"),
            (200, r#"{"ok":true,"result":{"message_id":7,"chat":{"id":-111}}}"#, "unknown"),
            (200, r#"{"ok":true,"result":{"message_id":7}}"#, "unknown"),
            (200, r#"{"ok":true,"result":{"chat":{"id":111}}}"#, "unknown"),
            (200, r#"{"ok":true,"result":{"message_id":"7","chat":{"id":111}}}"#, "unknown"),
            (200, r#"{"ok":true,"result":true}"#, "unknown"),
            (200, r#"{"ok":true}"#, "unknown"),
            (200, r#"{"ok":"true","result":{"message_id":7,"chat":{"id":111}}}"#, "unknown"),
            (200, r#"{"result":{"message_id":7,"chat":{"id":111}}}"#, "unknown"),
            (200, "{not json", "unknown"),
            (200, "", "unknown"),
            (200, "<html>ok</html>", "unknown"),
            // A 2xx that isn't 200, or an error's status over a success, is not the API's way of saying yes.
            (202, r#"{"ok":true,"result":{"message_id":7,"chat":{"id":111}}}"#, "unknown"),
            (502, r#"{"ok":true,"result":{"message_id":7,"chat":{"id":111}}}"#, "unknown"),
        ] {
            assert_eq!(of(status, None, body, &ASKED), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_channels_name_is_compared_with_the_chats_own() {
        let asked = Chat::Name("@Night_Watch".to_owned());
        for (chat, expected) in [
            (r#"{"id":-1001,"username":"night_watch"}"#, "proved stored 7"),
            (r#"{"id":-1001,"username":"night_watch2"}"#, "unknown"),
            (r#"{"id":-1001}"#, "unknown"),
        ] {
            let body = format!(r#"{{"ok":true,"result":{{"message_id":7,"chat":{chat}}}}}"#);
            assert_eq!(of(200, None, &body, &asked), expected, "{chat}");
        }
    }

    fn error(code: u16, description: &str, parameters: &str) -> String {
        format!(r#"{{"ok":false,"error_code":{code},"description":"{description}","parameters":{parameters}}}"#)
    }

    #[test]
    fn every_error_of_the_api_has_its_outcome() {
        for (code, description, expected) in [
            (400, "Bad Request: chat not found", "refused no_such_destination"),
            (400, "Bad Request: message thread not found", "refused no_such_destination"),
            (400, "Bad Request: PEER_ID_INVALID", "refused no_such_destination"),
            (400, "Bad Request: message is too long", "refused message_refused"),
            (400, "", "refused message_refused"),
            (401, "Unauthorized", "refused bad_credential"),
            (403, "Forbidden: bot was blocked by the user", "refused recipient_refused"),
            (404, "Not Found", "refused bad_credential"),
            (413, "Request Entity Too Large", "refused message_refused"),
            (420, "FLOOD_WAIT", "rate_limited None"),
            (429, "Too Many Requests", "rate_limited None"),
            (500, "Internal Server Error", "failed None"),
            (502, "Bad Gateway", "failed None"),
            (599, "", "failed None"),
            (200, "", "unknown"),
            (302, "", "unknown"),
            (600, "", "unknown"),
        ] {
            assert_eq!(of(code, None, &error(code, description, "null"), &ASKED), expected, "{code} {description}");
        }
    }

    #[test]
    fn the_longer_floor_holds() {
        let limited = |parameters: &str, header| of(429, header, &error(429, "", parameters), &ASKED);
        assert_eq!(limited(r#"{"retry_after":2}"#, None), "rate_limited Some(2000)");
        assert_eq!(limited(r#"{"retry_after":3600}"#, Some(2_000)), "rate_limited Some(3600000)");
        assert_eq!(limited(r#"{"retry_after":2}"#, Some(9_000)), "rate_limited Some(9000)");
        assert_eq!(limited("{}", Some(9_000)), "rate_limited Some(9000)");
        assert_eq!(
            limited(&format!(r#"{{"retry_after":{}}}"#, u64::MAX), None),
            format!("rate_limited Some({})", u64::MAX)
        );
        assert_eq!(of(503, Some(9_000), &error(503, "", "null"), &ASKED), "failed Some(9000)");
    }

    #[test]
    fn a_group_that_moved_is_named_by_its_new_number() {
        let body = error(400, "Bad Request: group chat was upgraded", r#"{"migrate_to_chat_id":-1009}"#);
        let answer = HttpAnswer { status: 400, body: body.into_bytes(), ..HttpAnswer::default() };
        let Outcome::Refused { reason: BlockReason::BadConfiguration, why } = classify(&Wire::Answered(answer), &ASKED)
        else {
            unreachable!("a refusal")
        };
        assert!(why.contains("chat: -1009"), "{why}");
    }

    #[test]
    fn whatever_else_answers_proves_nothing() {
        for status in 100..=999_u16 {
            let expected = match status {
                300..=399 => "refused bad_configuration",
                429 => "rate_limited None",
                _ => "unknown",
            };
            for body in ["<html>Bad Gateway</html>", "", r#"{"ok":false}"#, r#"{"error_code":400}"#, "[]"] {
                assert_eq!(of(status, None, body, &ASKED), expected, "{status} {body}");
            }
        }
        assert_eq!(of(429, Some(5_000), "slow down", &ASKED), "rate_limited Some(5000)");
    }

    #[test]
    fn without_an_answer_it_depends_on_what_may_have_left() {
        let why = || "because".to_owned();
        assert_eq!(word(&classify(&Wire::NotSent(why()), &ASKED)), "failed None");
        assert_eq!(word(&classify(&Wire::Unfit(why()), &ASKED)), "refused bad_configuration");
        assert_eq!(word(&classify(&Wire::Lost(why()), &ASKED)), "unknown");
    }
}
