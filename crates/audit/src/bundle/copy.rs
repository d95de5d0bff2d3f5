//! What a copy of a bundle keeps of it.

use std::io::Read as _;

use sha2::{Digest as _, Sha256};

use super::{
    manifest::Rest,
    verdict::{Class, Failure, Finding},
    verify::{Source, cursor},
};
use crate::hex;

/// One of the four files that the manifest names, if it still is what was checked.
///
/// # Errors
/// When it can't be read, or was changed meanwhile.
pub fn file(bundle: &dyn Source, rest: &Rest, name: &str) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    cursor(bundle, name)?.read_to_end(&mut content).map_err(Failure::io)?;
    if rest.files.get(name) == Some(&hex(&Sha256::digest(&content))) {
        return Ok(content);
    }
    Err(Finding::new(Class::Changed, name, "it was changed while it was read").into())
}
