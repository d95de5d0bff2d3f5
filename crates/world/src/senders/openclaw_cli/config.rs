//! The sender's own fields of a target.

use std::{fmt, path::PathBuf, time::Duration};

use candor_core::time::duration_text;
use serde::{Deserialize, Deserializer, de::Visitor};

use crate::{secrets::SecretRef, senders::http::timeout_in_bounds};

/// Longest run unless the target says otherwise: OpenClaw gives up on its gateway after 60 s, and takes up to 30 s on a busy machine
/// before it asks.
pub const TIMEOUT: Duration = Duration::from_secs(120);
/// Longest name of a channel or an account, in bytes.
pub const CHANNEL_BYTES_MAX: usize = 64;
/// Longest place (a chat, a thread), in bytes.
pub const PLACE_BYTES_MAX: usize = 256;
/// Most variables that `pass_env` may name.
pub const PASS_ENV_MAX: usize = 16;

/// Which OpenClaw, and where it is to send.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The program `openclaw`, by its absolute path. No shell is involved.
    pub program: PathBuf,
    /// OpenClaw's name of the channel, such as `telegram`.
    pub channel: String,
    /// Where in the channel, as `--target` takes it: a chat's number or name.
    #[serde(deserialize_with = "word")]
    pub to: String,
    /// Which of the channel's accounts. Default: OpenClaw's own choice.
    #[serde(default)]
    pub account: Option<String>,
    /// The thread or topic in it.
    #[serde(default, deserialize_with = "some_word")]
    pub thread: Option<String>,
    /// Where the gateway's token lies. Default: OpenClaw looks into its own configuration.
    #[serde(default)]
    pub token: Option<SecretRef>,
    /// Further variables of this process that OpenClaw gets, by name. What they hold is kept out of receipts.
    #[serde(default)]
    pub pass_env: Vec<String>,
    /// Longest run; then OpenClaw and what it started are killed, and the outcome is unknown. Default: 2 m.
    #[serde(default = "default_timeout", with = "duration_text")]
    pub timeout: Duration,
}

fn default_timeout() -> Duration {
    TIMEOUT
}

impl Config {
    /// Checks every field by itself.
    pub(super) fn check(&self) -> Result<(), String> {
        timeout_in_bounds(self.timeout)?;
        if !self.program.is_absolute() {
            return Err(format!(
                "`program` must be an absolute path, not `{}`; `command -v openclaw` shows it",
                self.program.display()
            ));
        }
        name("channel", &self.channel)?;
        if let Some(account) = &self.account {
            name("account", account)?;
        }
        place("to", &self.to)?;
        if let Some(thread) = &self.thread {
            place("thread", thread)?;
        }
        if self.pass_env.len() > PASS_ENV_MAX {
            return Err(format!("`pass_env` takes at most {PASS_ENV_MAX} names"));
        }
        match self.pass_env.iter().find(|name| !is_variable(name)) {
            Some(bad) => Err(format!(
                "`pass_env` takes names of variables, not `{bad}`; write `OPENCLAW_GATEWAY_PORT` or the like, without a value"
            )),
            None => Ok(()),
        }
    }
}

/// A name that can't be taken for an option.
fn name(field: &str, text: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if text.is_empty() || text.len() > CHANNEL_BYTES_MAX || text.starts_with('-') || !text.bytes().all(plain) {
        return Err(format!("`{field}` is a name of letters, digits, `-`, `_` and `.`, not `{text}`"));
    }
    Ok(())
}

/// A place that can't be taken for an option: what begins with `-` is a negative number.
fn place(field: &str, text: &str) -> Result<(), String> {
    let option = text.strip_prefix('-').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    if text.trim().is_empty() || text.len() > PLACE_BYTES_MAX || option || text.chars().any(char::is_control) {
        return Err(format!(
            "`{field}` is a place as OpenClaw's own command takes it, such as `123456789`, in at most {PLACE_BYTES_MAX} bytes, not \
             `{}`",
            text.chars().take(PLACE_BYTES_MAX).filter(|c| !c.is_control()).collect::<String>()
        ));
    }
    Ok(())
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A text, or a whole number as YAML writes a chat's.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    struct Form;

    impl Visitor<'_> for Form {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a whole number")
        }

        fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }

    from.deserialize_any(Form)
}

fn some_word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    word(from).map(Some)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(more: &str) -> Result<Config, String> {
        let text = format!(r#"{{"program":"/bin/openclaw","channel":"telegram"{more}}}"#);
        let config: Config = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        config.check().map(|()| config)
    }

    #[test]
    fn places_read_as_numbers_or_texts() {
        for (own, to) in [
            (r#","to":111"#, "111"),
            (r#","to":-1001234567890"#, "-1001234567890"),
            (r#","to":"@night_watch""#, "@night_watch"),
            (r#","to":"channel:1""#, "channel:1"),
        ] {
            let config = read(own).unwrap();
            assert_eq!((config.to.as_str(), config.timeout), (to, TIMEOUT), "{own}");
        }
        let all =
            read(r#","to":"1","account":"night","thread":5,"pass_env":["OPENCLAW_GATEWAY_PORT"],"timeout":"90s""#);
        assert_eq!(all.unwrap().thread.as_deref(), Some("5"));
    }

    #[test]
    fn nothing_can_pass_for_an_option() {
        for (bad, says) in [
            (r#","to":"--help""#, "`to` is a place"),
            (r#","to":"-x""#, "`to` is a place"),
            (r#","to":"-""#, "`to` is a place"),
            (r#","to":" ""#, "`to` is a place"),
            (r#","to":"a\u0000b""#, "`to` is a place"),
            (r#","to":1.5"#, "a text or a whole number"),
            (r#","to":"1","thread":"--dry-run""#, "`thread` is a place"),
            (r#","to":"1","account":"--dry-run""#, "`account` is a name"),
            (r#","to":"1","account":"a b""#, "`account` is a name"),
            (r#","to":"1","pass_env":["A=b"]"#, "names of variables, not `A=b`"),
            (r#","to":"1","pass_env":["1A"]"#, "names of variables"),
            (r#","to":"1","pass_env":[""]"#, "names of variables"),
            (r#","to":"1","timeout":"3m""#, "at most 2m"),
            (r#","to":"1","timeout":"0s""#, "more than zero"),
            (r#","to":"1","token":"abc""#, "a secret is never written here"),
            (r#","to":"1","args":["--dry-run"]"#, "unknown field `args`"),
            ("", "missing field `to`"),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
        let relative = r#"{"program":"openclaw","channel":"telegram","to":"1"}"#;
        let config: Config = serde_json::from_str(relative).unwrap();
        assert!(config.check().unwrap_err().contains("absolute path, not `openclaw`"));
    }
}
