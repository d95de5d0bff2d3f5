//! What opens an artifact's commitment: its nonce, or the salts of what a redacted copy still shows.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    canonical::{self, lay_out},
    commit::{Commitment, Nonce, OpeningError, Salt, commit_layout, commit_redacted, covering, removed_places},
    json as strict,
    seal::MAX_BODY_BYTES,
};

/// What opens one artifact's commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// All of it is shown.
    Whole(Nonce),
    /// A redacted copy is shown.
    Redacted(BTreeMap<String, Salt>),
}

/// A line of `openings.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpeningLine {
    /// The artifact's place in the log.
    pub index: u64,
    /// What opens it.
    pub opening: Opening,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    index: u64,
    nonce: Option<String>,
    salts: Option<BTreeMap<String, String>>,
}

impl OpeningLine {
    /// The line, without newline.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        let value = match &self.opening {
            Opening::Whole(nonce) => json!({"index": self.index, "nonce": STANDARD.encode(nonce.0)}),
            Opening::Redacted(salts) => {
                let salts: BTreeMap<&String, String> =
                    salts.iter().map(|(pointer, salt)| (pointer, STANDARD.encode(salt.0))).collect();
                json!({"index": self.index, "salts": salts})
            }
        };
        canonical::to_bytes(&value)
    }

    /// Reads one line: the bytes that [`OpeningLine::line`] writes, and no others.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<OpeningLine> {
        let wire: Wire = serde_json::from_slice(line).ok()?;
        let opening = match (wire.nonce, wire.salts) {
            (Some(nonce), None) => Opening::Whole(Nonce(STANDARD.decode(nonce).ok()?.try_into().ok()?)),
            (None, Some(salts)) => {
                let read = |(pointer, salt): (String, String)| {
                    Some((pointer, Salt(STANDARD.decode(salt).ok()?.try_into().ok()?)))
                };
                Opening::Redacted(salts.into_iter().map(read).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        let parsed = OpeningLine { index: wire.index, opening };
        (parsed.line() == line).then_some(parsed)
    }
}

/// Why an artifact can't be held against its header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// It is no JSON that could have been recorded.
    #[error("its content is no artifact: {0}")]
    Json(String),
    /// It is the same JSON in other bytes.
    #[error("its bytes are not canonical")]
    NotCanonical,
    /// Copy and salts don't belong together.
    #[error(transparent)]
    Opening(#[from] OpeningError),
}

impl Opening {
    /// What these bytes of an artifact commit to, if this opens them.
    ///
    /// # Errors
    /// When they are no artifact, or this doesn't open them.
    pub fn commitment(&self, body: &[u8]) -> Result<Commitment, ContentError> {
        let bad = |error: String| ContentError::Json(error);
        match self {
            Opening::Whole(nonce) => {
                let value = strict::parse(body, MAX_BODY_BYTES).map_err(|error| bad(error.to_string()))?;
                let content = lay_out(&value);
                if content.bytes != body {
                    return Err(ContentError::NotCanonical);
                }
                Ok(commit_layout(nonce, &content))
            }
            Opening::Redacted(salts) => {
                let value: Value = strict::parse_copy(body, MAX_COPY_BYTES).map_err(|error| bad(error.to_string()))?;
                if canonical::to_bytes(&value) != body {
                    return Err(ContentError::NotCanonical);
                }
                Ok(commit_redacted(&value, salts)?)
            }
        }
    }
}

impl Opening {
    /// Whether what was removed from these bytes is what these JSON pointers name: each removed value is at or below one, each has
    /// one, and none stands twice.
    #[must_use]
    pub fn removes(&self, body: &[u8], pointers: &[String]) -> bool {
        match self {
            Opening::Whole(_) => pointers.is_empty(),
            Opening::Redacted(_) => {
                let Ok(copy) = strict::parse_copy(body, MAX_COPY_BYTES) else { return false };
                let named: BTreeSet<String> = pointers.iter().cloned().collect();
                let mut met = BTreeSet::new();
                for place in removed_places(&copy) {
                    let by: Vec<&str> = covering(&named, &place).collect();
                    if by.is_empty() {
                        return false;
                    }
                    met.extend(by);
                }
                !met.is_empty() && met.len() == pointers.len()
            }
        }
    }
}

/// The largest redacted copy, in bytes: markers are longer than what they stand for.
pub const MAX_COPY_BYTES: usize = 64 * MAX_BODY_BYTES;
