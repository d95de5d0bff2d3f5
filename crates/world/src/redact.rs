//! Removing secrets from what is kept: a channel's raw answer, a reason in words, an id that a provider gave.

use std::borrow::Cow;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use candor_core::{
    disclosure,
    limits::{LINE_BYTES_MAX, RAW_ANSWER_BYTES_MAX},
    notice::{Outcome, Proof},
    read_back::ReadBack,
};
use secrecy::{ExposeSecret, SecretString};

/// What stands where a secret stood.
const REDACTED: &str = "[redacted]";
/// What stands at the end of a text that was cut.
const CUT: &str = "...";
/// Parts shorter than this, in bytes, are not scrubbed: they would match ordinary text.
const PART_BYTES_MIN: usize = 6;
/// Words before a credential in a header or a log line; what follows them up to a space or a quote goes.
const CREDENTIAL_WORDS: [&str; 2] = ["bearer ", "basic "];
/// Prefixes of Standard Webhooks keys.
const KEY_PREFIXES: [&str; 2] = ["whsec_", "whsk_"];
/// Shape of a Telegram bot token: digits, a colon, and a long tail. The shortest tail that counts, in characters.
const BOT_TOKEN_TAIL_MIN: usize = 30;

/// Knows a binding's secrets in the forms in which a channel might echo them, and removes them from texts.
#[derive(Default)]
pub struct Redactor {
    /// Longest first, so that no form leaves the rest of a longer one behind.
    known: Vec<String>,
}

impl Redactor {
    /// A redactor that knows these secrets.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut known: Vec<String> = secrets.into_iter().flat_map(|secret| forms(secret.expose_secret())).collect();
        known.retain(|form| form.len() >= PART_BYTES_MIN);
        known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.dedup();
        Self { known }
    }

    /// The text without known secrets and without what looks like one; control characters become spaces.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.known {
            if text.contains(form) {
                text = text.replace(form, REDACTED);
            }
        }
        for pattern in [bot_tokens, after_words, keys, user_info] {
            if let Some(changed) = pattern(&text) {
                text = changed;
            }
        }
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// A channel's raw answer as a receipt keeps it: scrubbed, then cut to [`RAW_ANSWER_BYTES_MAX`]. None for an empty one.
    #[must_use]
    pub fn raw(&self, bytes: &[u8]) -> Option<String> {
        let text = self.scrub(&String::from_utf8_lossy(bytes));
        let text = text.trim();
        (!text.is_empty()).then(|| cut(text, RAW_ANSWER_BYTES_MAX).into_owned())
    }

    /// One line in words: scrubbed, then cut to [`LINE_BYTES_MAX`].
    #[must_use]
    pub fn line(&self, text: &str) -> String {
        cut(self.scrub(text).trim(), LINE_BYTES_MAX).into_owned()
    }

    /// An outcome whose texts are all scrubbed and cut.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> Outcome {
        let id = |id: Option<String>| id.map(|id| self.line(&id));
        match outcome {
            Outcome::Proved { proof } => {
                Outcome::Proved { proof: Proof { level: proof.level, provider_id: id(proof.provider_id) } }
            }
            Outcome::Relayed { provider_id } => Outcome::Relayed { provider_id: id(provider_id) },
            Outcome::Failed { why, retry_after_ms } => Outcome::Failed { why: self.line(&why), retry_after_ms },
            Outcome::Refused { reason, why } => Outcome::Refused { reason, why: self.line(&why) },
            Outcome::Unknown { why } => Outcome::Unknown { why: self.line(&why) },
            Outcome::GateClosed { why } => Outcome::GateClosed { why: self.line(&why) },
            same @ (Outcome::Simulated | Outcome::RateLimited { .. }) => same,
        }
    }
}

impl Redactor {
    /// A line that other programs' answers may be shown by: also without prompts, transcripts and the like.
    fn displayed(&self, text: &str) -> String {
        let line = self.line(text);
        match disclosure::every() {
            Ok(scanner) => cut(&scanner.shown(&line), LINE_BYTES_MAX).into_owned(),
            // Without the shapes nobody can say what it holds.
            Err(_) => REDACTED.to_owned(),
        }
    }

    /// What was read back, as it may be kept: every text scrubbed, held against what is never displayed, and cut to a line.
    #[must_use]
    pub fn read_back(&self, read: ReadBack) -> ReadBack {
        match read {
            ReadBack::Found { proof: Proof { level, provider_id }, fields } => ReadBack::Found {
                proof: Proof { level, provider_id: provider_id.map(|id| self.displayed(&id)) },
                fields: fields.iter().map(|(name, value)| (self.displayed(name), self.displayed(value))).collect(),
            },
            ReadBack::Absent { why } => ReadBack::Absent { why: self.displayed(&why) },
            ReadBack::Unknown { why } => ReadBack::Unknown { why: self.displayed(&why) },
            ReadBack::Unable { why } => ReadBack::Unable { why: self.displayed(&why) },
        }
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} forms)", self.known.len())
    }
}

/// Cuts a text to at most `bytes_max` bytes at a character's border, with a mark when something is gone.
pub(crate) fn cut(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub(CUT.len()));
    Cow::Owned(format!("{}{CUT}", text.get(..end).unwrap_or_default()))
}

/// The forms in which a secret may come back: as is, without its prefix, in base64, URL-encoded, and with JSON's escapes.
fn forms(secret: &str) -> Vec<String> {
    let mut bare: Vec<&str> = vec![secret];
    bare.extend(KEY_PREFIXES.iter().filter_map(|prefix| secret.strip_prefix(prefix)));
    let mut forms = Vec::new();
    for text in bare {
        forms.push(text.to_owned());
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            forms.push(engine.encode(text));
        }
        forms.push(percent_encoded(text, |byte| format!("%{byte:02X}")));
        forms.push(percent_encoded(text, |byte| format!("%{byte:02x}")));
        let json = serde_json::to_string(text).unwrap_or_default();
        let json = json.trim_matches('"').to_owned();
        forms.push(json.replace('/', "\\/"));
        forms.push(json);
    }
    forms
}

/// Every byte but RFC 3986's unreserved ones as `%XX`.
pub(crate) fn percent_encoded(text: &str, escape: fn(u8) -> String) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => escape(byte),
        })
        .collect()
}

/// Cuts out the parts of a text that a finder names, as byte ranges within what is left.
fn replace_found(text: &str, mut find: impl FnMut(&str) -> Option<(usize, usize)>) -> Option<String> {
    let (mut done, mut rest, mut changed) = (String::new(), text, false);
    while let Some((from, to)) = find(rest) {
        let (Some(before), Some(after)) = (rest.get(..from), rest.get(to..)) else {
            break;
        };
        done.push_str(before);
        done.push_str(REDACTED);
        rest = after;
        changed = true;
    }
    changed.then(|| done + rest)
}

fn token_end(text: &str, from: usize) -> usize {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=:%".contains(c);
    text.get(from..).map_or(from, |rest| from + rest.find(|c: char| !is_part(c)).unwrap_or(rest.len()))
}

fn bot_tokens(text: &str) -> Option<String> {
    replace_found(text, |rest| {
        rest.match_indices(':').find_map(|(colon, _)| {
            let before = rest.get(..colon)?;
            let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            let after = rest.get(colon + 1..)?;
            let is_tail = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let tail = after.find(|c: char| !is_tail(c)).unwrap_or(after.len());
            (digits >= 6 && tail >= BOT_TOKEN_TAIL_MIN).then_some((colon - digits, colon + 1 + tail))
        })
    })
}

fn after_words(text: &str) -> Option<String> {
    replace_found(text, |rest| {
        let lower = rest.to_ascii_lowercase();
        CREDENTIAL_WORDS
            .iter()
            .filter_map(|word| {
                lower.match_indices(word).find_map(|(at, _)| {
                    let from = at + word.len();
                    let to = token_end(rest, from);
                    // Short words after "basic" are prose, and "[redacted]" is done already.
                    (to - from >= 8).then_some((from, to))
                })
            })
            .min()
    })
}

fn keys(text: &str) -> Option<String> {
    replace_found(text, |rest| {
        KEY_PREFIXES
            .iter()
            .filter_map(|prefix| {
                rest.match_indices(prefix).find_map(|(at, _)| {
                    let to = token_end(rest, at);
                    (to - at > prefix.len()).then_some((at, to))
                })
            })
            .min()
    })
}

/// `user:password@` after `://`.
fn user_info(text: &str) -> Option<String> {
    replace_found(text, |rest| {
        rest.match_indices("://").find_map(|(at, mark)| {
            let from = at + mark.len();
            let tail = rest.get(from..)?;
            let end = tail.find(|c: char| c == '/' || c == '?' || c.is_whitespace() || c == '"').unwrap_or(tail.len());
            let at_sign = tail.get(..end)?.rfind('@')?;
            (tail.get(..at_sign)? != REDACTED).then_some((from, from + at_sign))
        })
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use candor_core::notice::BlockReason;

    use super::*;

    const TOKEN: &str = "123456789:AAExample_token-with-35-characters_";
    const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYs/ob7oD";

    fn redactor() -> Redactor {
        Redactor::new([&SecretString::from(KEY), &SecretString::from("p\"ss w/rd é")])
    }

    #[test]
    fn every_form_of_a_known_secret_goes() {
        let redactor = redactor();
        for secret in [KEY, "p\"ss w/rd é"] {
            for form in forms(secret) {
                let text = redactor.scrub(&format!("before{form}after"));
                assert!(text.contains(REDACTED) && !text.contains(&form), "{form} in {text}");
                assert!(text.starts_with("before"), "{text}");
            }
        }
        assert!(redactor.scrub("C2FVsBQIhrscChlQIMV%2bb5sSYs%2fob7oD").contains(REDACTED));
        assert!(redactor.scrub(r"C2FVsBQIhrscChlQIMV+b5sSYs\/ob7oD").contains(REDACTED));
    }

    #[test]
    fn what_looks_like_a_secret_goes_too() {
        let nothing = Redactor::default();
        for (text, kept) in [
            (format!("POST /bot{TOKEN}/sendMessage"), "POST /bot[redacted]/sendMessage".to_owned()),
            (format!("{TOKEN} and {TOKEN}"), "[redacted] and [redacted]".to_owned()),
            ("Authorization: Bearer abc.def-ghi\"".to_owned(), "Authorization: Bearer [redacted]\"".to_owned()),
            ("authorization: basic dXNlcjpwYXNz".to_owned(), "authorization: basic [redacted]".to_owned()),
            (format!("key={KEY};"), "key=[redacted];".to_owned()),
            ("https://user:hunter2@host/x".to_owned(), "https://[redacted]@host/x".to_owned()),
        ] {
            assert_eq!(nothing.scrub(&text), kept, "{text}");
        }
    }

    #[test]
    fn ordinary_text_stays() {
        let nothing = Redactor::default();
        for text in [
            "Bad Request: chat not found",
            "a basic test of bearer bonds",
            "at 12:30:45 on http://host:8080/path?mail=a@b",
            "retry 1234567:short",
            "é — 日本語",
        ] {
            assert_eq!(nothing.scrub(text), text);
        }
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        assert_eq!(Redactor::default().scrub("a\u{1b}[31mb\nc\0"), "a [31mb c ");
    }

    #[test]
    fn raw_answers_are_scrubbed_before_they_are_cut() {
        let redactor = redactor();
        for padding in 0..RAW_ANSWER_BYTES_MAX + 8 {
            let raw = redactor.raw(format!("{}{KEY}{}", "x".repeat(padding), "y".repeat(600)).as_bytes()).unwrap();
            assert!(raw.len() <= RAW_ANSWER_BYTES_MAX, "{}", raw.len());
            assert!(!raw.contains("C2FV"), "a cut secret is left: {raw}");
        }
        assert_eq!(redactor.raw(b" \n"), None);
        assert_eq!(cut("ééé", 5), "é...");
    }

    #[test]
    fn every_text_of_an_outcome_is_scrubbed() {
        let redactor = redactor();
        let secret = || format!("it said {KEY}");
        let outcomes = [
            Outcome::Proved {
                proof: Proof { level: candor_core::notice::ProofLevel::Stored, provider_id: Some(secret()) },
            },
            Outcome::Relayed { provider_id: Some(secret()) },
            Outcome::Failed { why: secret(), retry_after_ms: Some(1) },
            Outcome::Refused { reason: BlockReason::MessageRefused, why: secret() },
            Outcome::Unknown { why: secret() },
            Outcome::GateClosed { why: secret() },
        ];
        for outcome in outcomes {
            let kept = format!("{:?}", redactor.outcome(outcome));
            assert!(kept.contains("it said [redacted]") && !kept.contains("C2FV"), "{kept}");
        }
    }
}
