//! From the receiver's answer to an outcome. Pure.

use candor_core::notice::{BlockReason, Outcome, Proof, ProofLevel};
use serde::Deserialize;

use crate::senders::{HttpAnswer, Wire};

/// From this attempt on, 401, 403 and 404 count as final: a receiver that is just being deployed answers them too.
pub const GIVE_UP_ATTEMPT: u32 = 3;

/// Longest id that a receiver may give, in bytes.
const PROVIDER_ID_BYTES_MAX: usize = 128;

/// What the answer proves.
///
/// - 2xx is the receiver's word that it has the message, in this standard (`stored`).
/// - A 5xx or no answer may have had its effect: `unknown`, resolved by sending again under the same id.
/// - 408, 425 and 429 say that the request wasn't taken; a 5xx with `Retry-After` asks everybody to wait, and its floor counts.
/// - 401, 403 and 404 had no effect, and are final from [`GIVE_UP_ATTEMPT`] on; 410 is final at once, as the standard says.
/// - A redirect isn't followed: the notice, and its signature, go where the operator said and nowhere else.
#[must_use]
pub fn classify(wire: &Wire, attempt: u32) -> Outcome {
    match wire {
        Wire::Answered(answer) => answered(answer, attempt),
        Wire::NotSent(why) => Outcome::Failed { why: format!("no connection: {why}"), retry_after_ms: None },
        Wire::Unfit(why) => {
            Outcome::Refused { reason: BlockReason::BadConfiguration, why: format!("the request can't be made: {why}") }
        }
        Wire::Lost(why) => Outcome::Unknown { why: why.clone() },
    }
}

fn answered(answer: &HttpAnswer, attempt: u32) -> Outcome {
    let status = answer.status;
    let retry_after_ms = answer.retry_after_ms;
    let failed = |why: &str| Outcome::Failed { why: format!("status {status}: {why}"), retry_after_ms };
    let refused = |reason, why: &str| Outcome::Refused { reason, why: format!("status {status}: {why}") };
    let unknown = |why: &str| Outcome::Unknown { why: format!("status {status}: {why}") };
    let in_the_end = |reason, why: &str| {
        if attempt < GIVE_UP_ATTEMPT { failed(why) } else { refused(reason, why) }
    };
    match status {
        200..=299 => Outcome::Proved { proof: Proof { level: ProofLevel::Stored, provider_id: provider_id(answer) } },
        300..=399 => {
            let to = answer.location.as_deref().unwrap_or("nowhere");
            refused(
                BlockReason::BadConfiguration,
                &format!("a redirect to {to}, which is not followed; set `url` to the final address"),
            )
        }
        401 => in_the_end(BlockReason::BadCredential, "the receiver doesn't accept the credential or signature"),
        403 => in_the_end(BlockReason::RecipientRefused, "the receiver forbids it"),
        404 => in_the_end(BlockReason::NoSuchDestination, "no such address at the receiver"),
        405 => refused(BlockReason::BadConfiguration, "the address takes no POST"),
        408 => failed("the receiver gave up waiting for the request"),
        409 => unknown("a conflict; the receiver may have it already"),
        410 => refused(BlockReason::NoSuchDestination, "the receiver is gone"),
        425 => failed("the receiver wants it later"),
        429 => Outcome::RateLimited { retry_after_ms },
        400..=499 => refused(BlockReason::MessageRefused, "the receiver doesn't take this message"),
        500..=599 if retry_after_ms.is_some() => Outcome::RateLimited { retry_after_ms },
        500..=599 => unknown("the receiver failed after it had the request"),
        _ => unknown("no meaning in this standard"),
    }
}

/// The id in a small JSON body, where there is one: `{"id": "..."}`, text or number.
fn provider_id(answer: &HttpAnswer) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        id: serde_json::Value,
    }
    let id = match serde_json::from_slice::<Body>(&answer.body).ok()?.id {
        serde_json::Value::String(id) => id,
        serde_json::Value::Number(id) => id.to_string(),
        _ => return None,
    };
    (!id.is_empty() && id.len() <= PROVIDER_ID_BYTES_MAX && id.chars().all(|c| !c.is_control())).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome's word with what the path acts on.
    fn word(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Proved { proof } => format!("proved {}", proof.level.as_str()),
            Outcome::Failed { retry_after_ms, .. } => format!("failed {retry_after_ms:?}"),
            Outcome::RateLimited { retry_after_ms } => format!("rate_limited {retry_after_ms:?}"),
            Outcome::Refused { reason, .. } => format!("refused {}", reason.as_str()),
            Outcome::Unknown { .. } => "unknown".to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn of(status: u16, retry_after_ms: Option<u64>, attempt: u32) -> String {
        word(&classify(&Wire::Answered(HttpAnswer { status, retry_after_ms, ..HttpAnswer::default() }), attempt))
    }

    #[test]
    fn every_status_has_its_outcome() {
        for status in 100..=999_u16 {
            let expected = match status {
                200..=299 => "proved stored",
                300..=399 | 405 => "refused bad_configuration",
                401 | 403 | 404 | 408 | 425 => "failed None",
                409 => "unknown",
                410 => "refused no_such_destination",
                429 => "rate_limited None",
                400..=499 => "refused message_refused",
                _ => "unknown",
            };
            assert_eq!(of(status, None, 1), expected, "{status}");
        }
    }

    #[test]
    fn some_refusals_are_final_only_after_a_while() {
        for (status, reason) in [(401, "bad_credential"), (403, "recipient_refused"), (404, "no_such_destination")] {
            assert_eq!(of(status, None, GIVE_UP_ATTEMPT - 1), "failed None");
            assert_eq!(of(status, None, GIVE_UP_ATTEMPT), format!("refused {reason}"));
            assert_eq!(of(status, None, u32::MAX), format!("refused {reason}"));
        }
    }

    #[test]
    fn the_receivers_floor_is_kept_wherever_it_gives_one() {
        for status in [408, 425] {
            assert_eq!(of(status, Some(7_000), 1), "failed Some(7000)");
        }
        for status in [429, 500, 502, 503, 504, 599] {
            assert_eq!(of(status, Some(u64::MAX), 1), format!("rate_limited Some({})", u64::MAX));
        }
        assert_eq!(of(200, Some(1), 1), "proved stored");
    }

    #[test]
    fn without_an_answer_it_depends_on_what_may_have_left() {
        let why = || "because".to_owned();
        assert_eq!(word(&classify(&Wire::NotSent(why()), 9)), "failed None");
        assert_eq!(word(&classify(&Wire::Unfit(why()), 9)), "refused bad_configuration");
        assert_eq!(word(&classify(&Wire::Lost(why()), 9)), "unknown");
    }

    #[test]
    fn an_id_is_taken_from_a_body_that_gives_one_and_its_lack_takes_nothing_away() {
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(PROVIDER_ID_BYTES_MAX + 1));
        for (body, id) in [
            (r#"{"id":"abc","more":[1]}"#, Some("abc")),
            (r#"{"id":17}"#, Some("17")),
            (r#"{"id":""}"#, None),
            (r#"{"id":"a\nb"}"#, None),
            (r#"{"id":{"x":1}}"#, None),
            (r#"{"ok":true}"#, None),
            ("ok", None),
            ("", None),
            (long.as_str(), None),
        ] {
            let answer = HttpAnswer { status: 202, body: body.as_bytes().to_vec(), ..HttpAnswer::default() };
            let proof = Proof { level: ProofLevel::Stored, provider_id: id.map(str::to_owned) };
            assert_eq!(classify(&Wire::Answered(answer), 1), Outcome::Proved { proof }, "{body}");
        }
    }

    #[test]
    fn a_redirect_is_named_by_its_host() {
        let answer =
            HttpAnswer { status: 308, location: Some("https://new.example.org".to_owned()), ..HttpAnswer::default() };
        let Outcome::Refused { why, .. } = classify(&Wire::Answered(answer), 1) else { unreachable!("a refusal") };
        assert!(why.contains("https://new.example.org"), "{why}");
    }
}
