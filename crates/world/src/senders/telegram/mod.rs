//! `telegram`: one message through a bot (<https://core.telegram.org/bots/api#sendmessage>), as plain text.
//!
//! The Bot API has no key against repeats, so an attempt without a usable answer is `unknown` and isn't repeated unless the target
//! says so. An answer with the message's id in the chat that was asked for proves `stored`; nothing proves that a person saw it.

mod classify;
mod find;
mod read_back;

use std::{fmt, time::Duration};

use candor_approval::{
    Permit,
    kinds::{BotApiCall, CanonicalRuntimeReadback},
};
use candor_core::{
    notice::{Answer, BlockReason, Message, Outcome},
    read_back::{Question, ReadBack},
    time::duration_text,
};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

pub use self::{
    classify::classify,
    find::{Bot, Found},
    read_back::classify as classify_read_back,
};
use super::{
    HttpPool, Now, Sender, Wire,
    binding::{answer, scrubbed},
    found::unknown,
    http::{Request, TIMEOUT, is_loopback, origin, timeout_in_bounds},
    text::text,
};
use crate::{redact::Redactor, secrets::SecretRef};

/// Where the Bot API is.
const API_BASE: &str = "https://api.telegram.org";
/// Longest text that `sendMessage` takes, in UTF-16 code units (the API's "1-4096 characters after entities parsing").
pub const TEXT_UNITS_MAX: usize = 4096;
/// Longest channel name, in characters (with its `@`).
const CHANNEL_CHARS_MAX: usize = 64;

/// Which bot, and which chat.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the bot's token lies.
    pub token: SecretRef,
    /// The chat: its number, or a public channel's `@name`.
    pub chat: Chat,
    /// The topic in a forum group.
    #[serde(default)]
    pub thread: Option<i64>,
    /// Another Bot API server: `https`, or this machine. Default: Telegram's.
    #[serde(default)]
    pub api_base: Option<String>,
    /// Longest wait for the answer. Default: 20 s.
    #[serde(default = "default_timeout", with = "duration_text")]
    pub timeout: Duration,
}

fn default_timeout() -> Duration {
    TIMEOUT
}

/// A chat as the Bot API names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chat {
    /// A private chat, group or channel by number.
    Number(i64),
    /// A public channel or group by `@name`.
    Name(String),
}

impl fmt::Display for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Serialize for Chat {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => to.serialize_i64(*number),
            Self::Name(name) => to.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for Chat {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Form;

        impl Visitor<'_> for Form {
            type Value = Chat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a chat's number, such as `123456789` or `-100123456789`, or a channel's `@name`")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Chat, E> {
                Ok(Chat::Number(number))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Chat, E> {
                i64::try_from(number).map(Chat::Number).map_err(|_| E::custom("the chat's number is too large"))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Chat, E> {
                if let Ok(number) = text.parse() {
                    return Ok(Chat::Number(number));
                }
                let is_name =
                    |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                match text.strip_prefix('@') {
                    Some(name) if is_name(name) && text.len() <= CHANNEL_CHARS_MAX => Ok(Chat::Name(text.to_owned())),
                    _ => Err(E::custom("a chat is its number or a channel's `@name`")),
                }
            }
        }

        from.deserialize_any(Form)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Telegram {
    config: Config,
    base: Base,
    pool: HttpPool,
}

/// The server's address, shown as its origin.
struct Base(Url);

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&origin(&self.0))
    }
}

#[derive(Serialize)]
struct Body<'a> {
    chat_id: &'a Chat,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
    text: String,
    link_preview_options: LinkPreview,
}

/// A notice may quote an address; nobody should fetch it for being told.
#[derive(Serialize)]
struct LinkPreview {
    is_disabled: bool,
}

impl Sender for Telegram {
    type Gate = BotApiCall;
    type Config = Config;
    const NAME: &'static str = "telegram";

    fn bind(config: &Config, pool: &HttpPool) -> Result<Self, String> {
        timeout_in_bounds(config.timeout)?;
        let base = Base(base(config.api_base.as_deref())?);
        Ok(Self { config: config.clone(), base, pool: pool.clone() })
    }

    fn idempotent(&self) -> bool {
        false
    }

    fn payload(&self, message: &Message) -> Vec<u8> {
        let body = Body {
            chat_id: &self.config.chat,
            message_thread_id: self.config.thread,
            text: text(message, TEXT_UNITS_MAX),
            link_preview_options: LinkPreview { is_disabled: true },
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }

    fn warnings(&self) -> Vec<String> {
        self.config.token.check().err().map(|error| error.to_string()).into_iter().collect()
    }

    fn secrets(&self) -> Vec<SecretRef> {
        vec![self.config.token.clone()]
    }

    async fn send(
        &self,
        permit: Permit<BotApiCall>,
        secrets: &[SecretString],
        message: &Message,
        now: Now<'_>,
    ) -> Answer {
        let called_at = now();
        let token = secrets.first();
        let Some((token, url)) = token.and_then(|token| Some((token, method(&self.base.0, token, "sendMessage")?)))
        else {
            let reason = BlockReason::BadCredential;
            return answer(Outcome::Refused { reason, why: self.no_token() }, called_at, now());
        };
        let redactor = Redactor::new([token, &tail(token)]);
        let wire = self.pool.call(permit, self.request(url, self.payload(message)), called_at).await;
        let outcome = classify(&wire, &self.config.chat);
        let (status, raw) = match wire {
            Wire::Answered(answer) => (Some(i64::from(answer.status)), answer.body),
            Wire::NotSent(_) | Wire::Unfit(_) | Wire::Lost(_) => (None, Vec::new()),
        };
        scrubbed(&redactor, Answer { status, ..answer(outcome, called_at, now()) }, &raw)
    }

    fn reads_back(&self) -> Result<(), String> {
        Ok(())
    }

    async fn read_back(
        &self,
        permit: Permit<CanonicalRuntimeReadback>,
        secrets: &[SecretString],
        question: &Question,
        now: Now<'_>,
    ) -> ReadBack {
        let asked = match read_back::message_id(question.provider_id.as_deref()) {
            Ok(asked) => asked,
            Err(unable) => return unable,
        };
        let token = secrets.first();
        let Some((token, url)) = token.and_then(|token| Some((token, method(&self.base.0, token, read_back::METHOD)?)))
        else {
            return unknown(self.no_token());
        };
        let body = serde_json::to_vec(&read_back::Body::new(&self.config.chat, asked)).unwrap_or_default();
        let wire = self.pool.call(permit, self.request(url, body), now()).await;
        let text = text(&question.message, TEXT_UNITS_MAX);
        let read = classify_read_back(&wire, &self.config.chat, asked, &text);
        Redactor::new([token, &tail(token)]).read_back(read)
    }
}

impl Telegram {
    fn request(&self, url: Url, body: Vec<u8>) -> Request {
        Request { method: Method::POST, url, headers: Vec::new(), body, timeout: self.config.timeout }
    }

    fn no_token(&self) -> String {
        format!("{} holds no bot token; it is written `123456789:letters-and-digits`", self.config.token.describe())
    }
}

/// The server's address, if the token may go there.
fn base(api_base: Option<&str>) -> Result<Url, String> {
    let base =
        Url::parse(api_base.unwrap_or(API_BASE)).map_err(|_| "`api_base` doesn't read; write it as `https://host`")?;
    let plain = base.username().is_empty() && base.password().is_none() && base.query().is_none();
    let safe = base.scheme() == "https" || (base.scheme() == "http" && is_loopback(&base));
    if !plain || !safe || base.host_str().is_none() {
        return Err(
            "`api_base` must be `https://host`, or `http` on this machine: the token is part of the address".to_owned()
        );
    }
    Ok(base)
}

/// Whether a text is a bot's token, by its form.
#[must_use]
pub fn is_token(text: &SecretString) -> bool {
    Url::parse(API_BASE).is_ok_and(|base| method(&base, text, "getMe").is_some())
}

/// A method's address, if the token is one: digits, a colon, and characters that need no escape.
fn method(base: &Url, token: &SecretString, name: &str) -> Option<Url> {
    let token = token.expose_secret();
    let (bot, key) = token.split_once(':')?;
    let is_key = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if bot.is_empty() || !bot.bytes().all(|b| b.is_ascii_digit()) || key.is_empty() || !key.bytes().all(is_key) {
        return None;
    }
    let mut url = base.clone();
    url.set_path(&format!("{}/bot{token}/{name}", base.path().trim_end_matches('/')));
    Some(url)
}

/// The token's secret part, which must not be shown by itself either.
fn tail(token: &SecretString) -> SecretString {
    SecretString::from(token.expose_secret().split_once(':').map(|(_, key)| key).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn bind(own: &str) -> Result<Telegram, String> {
        let config: Config = serde_json::from_str(own).map_err(|error| error.to_string())?;
        Telegram::bind(&config, &HttpPool::default())
    }

    #[test]
    fn chats_read_as_numbers_or_channel_names() {
        for (text, chat) in [
            ("42", Chat::Number(42)),
            ("-1001234567890", Chat::Number(-1_001_234_567_890)),
            (r#""-1001234567890""#, Chat::Number(-1_001_234_567_890)),
            (r#""@night_watch""#, Chat::Name("@night_watch".to_owned())),
        ] {
            assert_eq!(serde_json::from_str::<Chat>(text).unwrap(), chat);
        }
        for bad in [r#""night_watch""#, r#""@""#, r#""@a b""#, "1.5", "18446744073709551615", "null"] {
            assert!(serde_json::from_str::<Chat>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_token_never_leaves_this_machine_unencrypted() {
        let with = |base: &str| bind(&format!(r#"{{"token":{{"env":"T"}},"chat":1,"api_base":"{base}"}}"#));
        assert!(bind(r#"{"token":{"env":"T"},"chat":1}"#).is_ok());
        assert!(with("https://bots.example.org").is_ok());
        assert!(with("http://127.0.0.1:8081").is_ok());
        for bad in [
            "http://bots.example.org",
            "ftp://bots.example.org",
            "https://u:p@bots.example.org",
            "bots",
            "https://b?x=1",
        ] {
            assert!(with(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_made_of_a_token_only() {
        let base = Url::parse("http://127.0.0.1:8081/api/").unwrap();
        let url = method(&base, &SecretString::from("123:AA-b_c"), "sendMessage").unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:8081/api/bot123:AA-b_c/sendMessage");
        for bad in ["123", ":AA", "123:", "12a:AA", "123:A/../x", "123:A?b", "123:A A", "123:A:B"] {
            assert!(method(&base, &SecretString::from(bad), "sendMessage").is_none(), "{bad}");
        }
    }
}
