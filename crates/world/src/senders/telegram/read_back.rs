//! Asking the Bot API whether a message is there. Pure.
//!
//! The API has no way to fetch a message. What it has is `editMessageReplyMarkup`: asked to leave a message's keyboard as it is, it says
//! whether there is such a message. That takes the message's id, which only an answer to the send could have given.

use candor_core::{
    notice::{Proof, ProofLevel},
    read_back::ReadBack,
};
use serde::{Deserialize, Serialize};

use super::{Chat, classify::is_asked};
use crate::senders::{
    HttpAnswer, Wire,
    found::{fields, unable, unknown},
};

/// The method that is called.
pub(super) const METHOD: &str = "editMessageReplyMarkup";
/// What the API says of a message that is there, and that this leaves as it is.
const UNCHANGED: &str = "message is not modified";
/// What it says where there is no such message.
const GONE: &str = "message to edit not found";

/// The body: the message, and the keyboard that Candor's messages have, which is none.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    chat_id: &'a Chat,
    message_id: i64,
    reply_markup: Markup,
}

#[derive(Serialize)]
struct Markup {
    inline_keyboard: [(); 0],
}

impl<'a> Body<'a> {
    pub(super) fn new(chat_id: &'a Chat, message_id: i64) -> Self {
        Self { chat_id, message_id, reply_markup: Markup { inline_keyboard: [] } }
    }
}

/// The message's id in this chat, where an answer gave it.
pub(super) fn message_id(provider_id: Option<&str>) -> Result<i64, ReadBack> {
    provider_id.and_then(|id| id.parse().ok()).ok_or_else(|| {
        unable("the Bot API can only be asked about a message's id, and no answer gave one: look into the chat")
    })
}

#[derive(Deserialize)]
struct Reply {
    ok: bool,
    result: Option<serde_json::Value>,
    description: Option<String>,
}

/// The part of an edited `Message` that proves something.
#[derive(Deserialize)]
struct Edited {
    message_id: i64,
    chat: super::classify::SentChat,
    text: Option<String>,
}

/// What the answer says of the message with this id, whose text would be `text`.
///
/// "Not modified" is the API's word that it has the message; an edited message in the answer is the message itself. Only "to edit not
/// found" says that it isn't there. A chat that isn't found, a token that isn't taken, and whatever else answers say nothing of it.
#[must_use]
pub fn classify(wire: &Wire, chat: &Chat, asked: i64, text: &str) -> ReadBack {
    let answer = match wire {
        Wire::Answered(answer) => answer,
        Wire::NotSent(why) => return unknown(format!("no connection: {why}")),
        Wire::Unfit(why) => return unknown(format!("the request can't be made: {why}")),
        Wire::Lost(why) => return unknown(why.clone()),
    };
    match serde_json::from_slice::<Reply>(&answer.body) {
        Ok(Reply { ok: true, result: Some(result), .. }) if answer.status == 200 => edited(result, chat, asked, text),
        Ok(Reply { ok: false, description: Some(words), .. }) if answer.status == 400 => refused(&words, asked),
        _ => no_word(answer),
    }
}

fn edited(result: serde_json::Value, chat: &Chat, asked: i64, text: &str) -> ReadBack {
    let own = result.as_object().map(fields).unwrap_or_default();
    match serde_json::from_value::<Edited>(result) {
        Ok(edited) if edited.message_id == asked && is_asked(&edited.chat, chat) => {
            let whole = edited.text.as_deref() == Some(text);
            let level = if whole { ProofLevel::ReadBack } else { ProofLevel::Stored };
            ReadBack::Found { proof: Proof { level, provider_id: Some(asked.to_string()) }, fields: own }
        }
        _ => unknown("the Bot API answered for something else than this message in this chat"),
    }
}

fn refused(words: &str, asked: i64) -> ReadBack {
    let lower = words.to_ascii_lowercase();
    if lower.contains(UNCHANGED) {
        let proof = Proof { level: ProofLevel::Stored, provider_id: Some(asked.to_string()) };
        return ReadBack::Found { proof, fields: [("description".to_owned(), words.to_owned())].into() };
    }
    if lower.contains(GONE) {
        return ReadBack::Absent { why: format!("the Bot API has no message {asked} in this chat: {words}") };
    }
    unknown(format!("the Bot API answered 400: {words}"))
}

fn no_word(answer: &HttpAnswer) -> ReadBack {
    unknown(format!("status {}, which says nothing about the message", answer.status))
}
