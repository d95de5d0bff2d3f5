//! What is never displayed: secrets, raw prompts, private reasoning, raw Telegram payloads and transcripts of a work window, known by their
//! shape.
//!
//! One scanner for all who ask: what a plugin package may hold, what is cut out of a copy of a bundle, and what a person is shown. It is a net
//! and no proof: what has none of the [shapes](shapes.txt) passes, so nothing that may hold such a thing is displayed on its word alone.

mod document;
#[cfg(test)]
mod planted;
mod scanner;

use std::{borrow::Cow, ops::Range, sync::LazyLock};

use thiserror::Error;

use self::document::mark;
pub use self::scanner::{Scanner, Secret};
use crate::decision::words;

words! {
    /// A kind of thing that is never displayed. The names are those of the display redaction contract.
    Kind {
        /// A key, token or password, known by the form that its issuer gives it.
        Secret = "secret",
        /// What is given to a name that only credentials have.
        Credential = "credential",
        /// What a model was told.
        RawPrompt = "raw_prompt",
        /// What a model wrote for itself.
        PrivateReasoning = "private_reasoning",
        /// An update, message or answer of the Bot API as it came.
        RawTelegramPayload = "raw_telegram_payload",
        /// Turns, tool calls or a terminal's session.
        WorkWindowTranscript = "work_window_transcript",
    }
}

impl Kind {
    /// The kind, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Secret => "a secret",
            Self::Credential => "a credential",
            Self::RawPrompt => "a raw prompt",
            Self::PrivateReasoning => "private reasoning",
            Self::RawTelegramPayload => "a raw Telegram payload",
            Self::WorkWindowTranscript => "a transcript",
        }
    }

    /// Whether it ends where its shape ends. Of a prompt the shape is a mark; where its text ends can't be seen.
    fn ends_with_its_shape(self) -> bool {
        matches!(self, Self::Secret | Self::Credential)
    }
}

/// Something that was found, by what it is and where. Its text is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// The name of its shape.
    pub rule: &'static str,
    /// Where it stands, in bytes. Of something encoded, the whole run of letters that it stands in.
    pub at: Range<usize>,
}

/// The shapes don't compile: a defect, and a test holds that they do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the shapes of what is never displayed can't be read: {0}")]
pub struct ShapesError(pub(super) String);

static EVERY: LazyLock<Result<Scanner, ShapesError>> = LazyLock::new(Scanner::every);
static SECRETS: LazyLock<Result<Scanner, ShapesError>> = LazyLock::new(Scanner::secrets);

/// The scanner for everything that is never displayed. Made once, when it is first asked for.
///
/// # Errors
/// See [`ShapesError`].
pub fn every() -> Result<&'static Scanner, ShapesError> {
    EVERY.as_ref().map_err(Clone::clone)
}

/// The scanner for secrets alone. Made once, when it is first asked for.
///
/// # Errors
/// See [`ShapesError`].
pub fn secrets() -> Result<&'static Scanner, ShapesError> {
    SECRETS.as_ref().map_err(Clone::clone)
}

impl Scanner {
    /// The text as it may be displayed: each found part is replaced by `[redacted: <kind>]`; the whole text, where the end of what was found
    /// can't be seen.
    #[must_use]
    pub fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let found = self.find(text);
        if let Some(whole) = found.iter().find(|one| !one.kind.ends_with_its_shape()) {
            return Cow::Owned(mark(whole.kind));
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut places: Vec<(Range<usize>, Kind)> = found.into_iter().map(|one| (one.at, one.kind)).collect();
        places.sort_by_key(|(at, _)| (at.start, std::cmp::Reverse(at.end)));
        let (mut out, mut from) = (String::new(), 0);
        for (at, kind) in places {
            if at.end <= from {
                continue;
            }
            if at.start >= from {
                out.push_str(text.get(from..at.start).unwrap_or_default());
                out.push_str(&mark(kind));
            }
            from = at.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        // What was cut may have laid bare another: then nothing of it is shown.
        match self.find(&out).first() {
            Some(left) => Cow::Owned(mark(left.kind)),
            None => Cow::Owned(out),
        }
    }
}

#[cfg(test)]
mod tests;
