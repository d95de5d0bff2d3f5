//! Asking a receiver what it has under a notice's key: one GET, and a pure reading of its answer.

use std::{fmt, str::FromStr};

use candor_core::{
    notice::{Message, Proof, ProofLevel},
    read_back::ReadBack,
};
use reqwest::Url;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::Address;
use crate::{
    redact::percent_encoded,
    senders::{
        HttpAnswer, Wire,
        found::{denied, fields, find, holds, id, names, unknown},
        http::origin,
    },
};

/// Where the notice's key stands in the address.
const KEY: &str = "{key}";

/// The address that answers for a key: `https://host/notices/{key}`. Like a receiver's own, it may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// The address for a key.
    pub(super) fn of(&self, key: &str) -> Result<Address, &'static str> {
        self.0.replace(KEY, &percent_encoded(key, |byte| format!("%{byte:02X}"))).parse()
    }

    /// The same without a key, to look at.
    pub(super) fn any(&self) -> Result<Url, &'static str> {
        self.of("key").map(|address| address.0)
    }
}

impl FromStr for Template {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.matches(KEY).count() != 1 {
            return Err("`readback` is an address with `{key}` in it, once: `https://host/notices/{key}`");
        }
        let template = Self(text.to_owned());
        let (one, other) = (template.of("a")?, template.of("b")?);
        // The key names what is asked for, never whom.
        if origin(&one.0) != origin(&other.0) {
            return Err("`{key}` stands in the path or the query of `readback`, not in its host");
        }
        Ok(template)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({})", self.any().map(|url| origin(&url)).unwrap_or_default())
    }
}

/// What the receiver's answer says of a message.
///
/// - 200 with JSON in which an object names the key: it has it. Where the answer holds the text as well, it gave the message itself back.
/// - 404 is the receiver's word that nothing is there under this key; that is what the operator names the address for.
/// - Everything else says nothing: another status, an answer that names another key or none, half a body, silence.
#[must_use]
pub fn classify(wire: &Wire, message: &Message) -> ReadBack {
    match wire {
        Wire::Answered(answer) if answer.status == 200 => found(answer, message),
        Wire::Answered(answer) if answer.status == 404 => {
            ReadBack::Absent { why: "status 404: the receiver has nothing under this key".to_owned() }
        }
        Wire::Answered(answer) => unknown(format!("status {}, which says nothing about the message", answer.status)),
        Wire::NotSent(why) => unknown(format!("no connection: {why}")),
        Wire::Unfit(why) => unknown(format!("the request can't be made: {why}")),
        Wire::Lost(why) => unknown(why.clone()),
    }
}

fn found(answer: &HttpAnswer, message: &Message) -> ReadBack {
    if !answer.whole {
        return unknown("status 200, but its body didn't come whole");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return unknown("status 200, but its body is no JSON");
    };
    let Some(object) = find(&body, &|object| names(object, &message.key)) else {
        return unknown("status 200, but its body doesn't name the key");
    };
    let denies = denied(object).or_else(|| body.as_object().and_then(denied));
    if let Some(denies) = denies {
        return unknown(format!("status 200 and the key, but {denies}"));
    }
    let level = if holds(&body, &message.text) { ProofLevel::ReadBack } else { ProofLevel::Stored };
    let provider_id = id(object, &["id"]).filter(|id| *id != message.key);
    ReadBack::Found { proof: Proof { level, provider_id }, fields: fields(object) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_address_takes_the_key_in_its_path_or_query_only() {
        for (good, asked) in [
            ("https://hooks.example.org/notices/{key}", "https://hooks.example.org/notices/candor%2Fn-3%2Fops"),
            ("http://127.0.0.1:9/x?id={key}&all=1", "http://127.0.0.1:9/x?id=candor%2Fn-3%2Fops&all=1"),
        ] {
            let template: Template = good.parse().unwrap();
            assert_eq!(template.of("candor/n-3/ops").unwrap().0.as_str(), asked);
            assert!(!format!("{template:?}").contains("key"), "{template:?}");
        }
        for bad in ["https://a/x", "https://a/{key}/{key}", "https://{key}.example.org/", "ftp://a/{key}", "{key}"] {
            assert!(bad.parse::<Template>().is_err(), "{bad}");
        }
    }
}
