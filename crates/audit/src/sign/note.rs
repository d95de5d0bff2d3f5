//! Signed notes as C2SP has them (<https://c2sp.org/signed-note>): a text, an empty line, and a line per signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::{NodeKey, PublicKey};

/// The longest note, in bytes.
pub const MAX_NOTE_BYTES: usize = 16 * 1024;
/// Most signatures of one note.
pub const MAX_SIGNATURES: usize = 16;

/// Why a note says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is no note at all.
    #[error("not a signed note: {0}; take it from the log unchanged")]
    Shape(&'static str),
    /// No line of it is by the key that the reader has.
    #[error("the note has no signature by the key `{0}`; give the key of the node that wrote it")]
    Unsigned(String),
    /// The line by that key doesn't fit the text.
    #[error("the signature by the key `{0}` doesn't fit the text: one of them was changed")]
    Forged(String),
}

/// The note with this text, which ends with a newline, signed by these keys.
#[must_use]
pub fn sign(text: &str, keys: &[&NodeKey]) -> String {
    let mut note = format!("{text}\n");
    for key in keys {
        let public = key.public();
        let mut typed = public.id().to_vec();
        typed.extend_from_slice(&key.sign(text.as_bytes()));
        note.push_str(&format!("\u{2014} {} {}\n", public.name(), STANDARD.encode(typed)));
    }
    note
}

/// The text of `note`, if `key` signed it. Signatures by other keys are left aside.
///
/// # Errors
/// When it is no note, or not signed by that key.
pub fn open<'n>(note: &'n str, key: &PublicKey) -> Result<&'n str, NoteError> {
    let (text, signatures) = split(note)?;
    let mut found = false;
    for (name, typed) in signatures {
        let Some((id, signature)) = typed.split_at_checked(4) else { continue };
        if name != key.name() || id != key.id() {
            continue;
        }
        found = true;
        let fits = signature.try_into().is_ok_and(|signature| key.verifies(text.as_bytes(), signature));
        if !fits {
            return Err(NoteError::Forged(key.name().to_owned()));
        }
    }
    if found { Ok(text) } else { Err(NoteError::Unsigned(key.name().to_owned())) }
}

/// The text of `note` with its newline, whoever signed it: what it says before anybody is asked who said it.
///
/// # Errors
/// When it is no note.
pub fn text(note: &str) -> Result<&str, NoteError> {
    split(note).map(|(text, _)| text)
}

/// A signature's line: the key's name, and its id with the signature.
type Line<'n> = (&'n str, Vec<u8>);

/// The text, with its newline, and its signatures.
fn split(note: &str) -> Result<(&str, Vec<Line<'_>>), NoteError> {
    if note.len() > MAX_NOTE_BYTES {
        return Err(NoteError::Shape("it is too long"));
    }
    if note.chars().any(|letter| letter.is_control() && letter != '\n') {
        return Err(NoteError::Shape("it has control characters"));
    }
    let at = note.rfind("\n\n").ok_or(NoteError::Shape("it has no empty line before signatures"))?;
    let (text, rest) = note.split_at(at + 1);
    let lines = rest.strip_prefix('\n').and_then(|rest| rest.strip_suffix('\n'));
    let lines = lines.ok_or(NoteError::Shape("it doesn't end with a signature line"))?;
    let mut signatures = Vec::new();
    for line in lines.split('\n') {
        let parts = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' '));
        let (name, typed) = parts.ok_or(NoteError::Shape("a signature line is none"))?;
        signatures.push((name, STANDARD.decode(typed).map_err(|_| NoteError::Shape("a signature is no base64"))?));
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Shape("it has too many signatures"));
        }
    }
    Ok((text, signatures))
}
