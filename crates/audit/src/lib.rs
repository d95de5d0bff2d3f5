//! What an audit artifact needs from its first write on: strict ingest, canonical bytes, a salted commitment, a
//! log header, and the hashes of the log. Pure: time, nonces and storage come from the caller.
//!
//! [`seal::seal`] is the one call that the store makes per artifact, [`seal::check`] the one that an auditor makes.
//! `FORMAT.md` beside this crate writes the format down for someone who checks it without this code.

pub mod archive;
pub mod at;
mod begun;
pub mod bundle;
pub mod canonical;
pub mod commit;
pub mod header;
pub mod json;
pub mod kind;
pub mod merkle;
pub mod package;
pub mod proof;
pub mod seal;
pub mod sign;

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.push(DIGITS.get(usize::from(half)).map_or('0', |digit| char::from(*digit)));
        }
    }
    text
}
