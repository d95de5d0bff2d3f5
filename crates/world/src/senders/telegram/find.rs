//! Setting a bot up: who it is, and which chat its operator writes from.
//!
//! Anybody may write to a bot. The chat is therefore the one from which a code comes that only the operator was shown, and no other.

use std::time::Duration;

use candor_approval::{GateKeeper, Permit, kinds::BotApiCall};
use candor_core::{ids::TargetName, time::Timestamp};
use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Base, base, method, tail};
use crate::{
    redact::Redactor,
    secrets::SecretRef,
    senders::{HttpPool, Wire, binding, http::Request},
};

/// How long one look for new messages waits for one, in seconds.
const LOOK_SECS: u64 = 10;
/// Longest wait for an answer: longer than a look waits.
const TIMEOUT: Duration = Duration::from_secs(25);
/// Most updates that one look takes.
const UPDATES_MAX: u8 = 10;

/// A bot that is being set up.
#[derive(Debug)]
pub struct Bot {
    token: SecretRef,
    base: Base,
    pool: HttpPool,
    /// What was looked at already.
    offset: Option<i64>,
}

/// A chat in which the code was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Its number.
    pub chat: i64,
    /// `private`, `group`, `supergroup` or `channel`.
    pub kind: String,
}

#[derive(Deserialize)]
struct Reply<T> {
    ok: bool,
    result: Option<T>,
    error_code: Option<u16>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Me {
    username: Option<String>,
}

#[derive(Deserialize)]
struct Update {
    update_id: i64,
    message: Option<Written>,
    channel_post: Option<Written>,
}

#[derive(Deserialize)]
struct Written {
    chat: Chat,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
    #[serde(default)]
    r#type: String,
}

impl Bot {
    /// A bot whose token lies there.
    ///
    /// # Errors
    /// When the address of its server can't be used.
    pub fn new(token: SecretRef, api_base: Option<&str>, pool: &HttpPool) -> Result<Self, String> {
        Ok(Self { token, base: Base(base(api_base)?), pool: pool.clone(), offset: None })
    }

    /// Its name, without the `@`. One call: it shows that the token is a bot's.
    ///
    /// # Errors
    /// Why it isn't known, without secrets.
    pub async fn name(&mut self, keeper: &mut GateKeeper, to: &TargetName, at: Timestamp) -> Result<String, String> {
        let me: Me = self.ask(keeper, to, at, "getMe", &Value::Null).await?;
        me.username.ok_or_else(|| "the Bot API named no bot".to_owned())
    }

    /// Looks once for a message with this code, for up to ten seconds.
    ///
    /// # Errors
    /// Why it can't, without secrets.
    pub async fn look(
        &mut self,
        keeper: &mut GateKeeper,
        to: &TargetName,
        at: Timestamp,
        code: &str,
    ) -> Result<Option<Found>, String> {
        let mut asked = serde_json::json!({
            "timeout": LOOK_SECS, "limit": UPDATES_MAX, "allowed_updates": ["message", "channel_post"],
        });
        if let (Some(offset), Some(fields)) = (self.offset, asked.as_object_mut()) {
            fields.insert("offset".to_owned(), offset.into());
        }
        let updates: Vec<Update> = self.ask(keeper, to, at, "getUpdates", &asked).await?;
        self.offset = updates.iter().map(|update| update.update_id.saturating_add(1)).max().or(self.offset);
        let written = updates.into_iter().filter_map(|update| update.message.or(update.channel_post));
        let mut ours = written.filter(|written| written.text.as_deref().is_some_and(|text| has_word(text, code)));
        Ok(ours.next().map(|written| Found { chat: written.chat.id, kind: written.chat.r#type }))
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        keeper: &mut GateKeeper,
        to: &TargetName,
        at: Timestamp,
        name: &str,
        asked: &Value,
    ) -> Result<T, String> {
        let refs = std::slice::from_ref(&self.token);
        let closed = |closed: candor_approval::GateClosed| closed.to_string();
        let permit = keeper.permit::<BotApiCall>(Some(to), at).map_err(closed)?;
        let leave = binding::leave_to_read(refs, keeper, Some(to), at).map_err(closed)?;
        let secrets = binding::read_with(leave, refs).await.map_err(|error| error.to_string())?;
        let token = secrets.first().ok_or("there is no token")?;
        self.call(permit, token, name, asked, at).await
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        permit: Permit<BotApiCall>,
        token: &SecretString,
        name: &str,
        asked: &Value,
        at: Timestamp,
    ) -> Result<T, String> {
        let url = method(&self.base.0, token, name).ok_or("what was given is no bot token")?;
        let redactor = Redactor::new([token, &tail(token)]);
        let body = if asked.is_null() { b"{}".to_vec() } else { serde_json::to_vec(asked).unwrap_or_default() };
        let request = Request { method: Method::POST, url, headers: Vec::new(), body, timeout: TIMEOUT };
        let answer = match self.pool.call(permit, request, at).await {
            Wire::Answered(answer) => answer,
            Wire::NotSent(why) | Wire::Unfit(why) | Wire::Lost(why) => {
                return Err(redactor.line(&format!("the Bot API gave no answer: {why}")));
            }
        };
        match serde_json::from_slice::<Reply<T>>(&answer.body) {
            Ok(Reply { ok: true, result: Some(result), .. }) => Ok(result),
            Ok(Reply { error_code: Some(401 | 404), .. }) => {
                Err("the Bot API knows no bot with this token; @BotFather shows it".to_owned())
            }
            Ok(Reply { error_code: Some(409), .. }) => Err(
                "something else takes this bot's messages: a webhook, or another program; name its chat with `--chat`"
                    .to_owned(),
            ),
            Ok(Reply { error_code: Some(code), description, .. }) => {
                Err(redactor.line(&format!("the Bot API answered {code}: {}", description.unwrap_or_default())))
            }
            _ => Err(format!("the Bot API's answer has status {} and says nothing usable", answer.status)),
        }
    }
}

/// Whether a text has this word: a code that is part of a longer number is another.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_word_of_its_own() {
        for (text, has) in
            [("candor 483920", true), ("483920", true), ("/start 483920!", true), ("4839201", false), ("", false)]
        {
            assert_eq!(has_word(text, "483920"), has, "{text}");
        }
    }
}
