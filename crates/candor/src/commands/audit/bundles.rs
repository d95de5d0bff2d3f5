//! Bundles that Candor makes for itself: archives of what is pruned.

use std::{io::BufWriter, path::Path};

use candor_audit::{
    bundle::{manifest::Headers, verdict::Failure as NoVerdict},
    sign::key::PublicKey,
};
use candor_core::time::Timestamp;
use candor_store::sqlite::Reader;

use super::{
    export,
    fresh::{Fresh, unwritten},
    packed::Packing,
    verify,
};
use crate::{exit::Failure, home::Home, keys};

/// Writes all records of a time, but those whose contents are gone already, as a bundle of this node.
///
/// # Errors
/// When the log can't be read, or the file can't be written.
pub fn write_window(
    home: &Home,
    reader: &Reader,
    (from, until): (Timestamp, Timestamp),
    now: Timestamp,
    path: &Path,
) -> Result<(), Failure> {
    let key = home.audit_key()?;
    let job = export::Job::window(reader, &key, (from, until), Headers::Selected, now)?;
    let file = Fresh::create(path, false)?;
    job.write(reader, &key, Packing::new(BufWriter::new(&file.file), path).map_err(unwritten)?)?;
    file.keep()
}

/// Checks a bundle by this node's own keys.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_own(home: &Home, reader: &Reader, path: &Path) -> Result<(), String> {
    let current = home.audit_key().map_err(|failure| failure.message)?.public();
    let rotations = keys::rotations(reader).map_err(|error| error.to_string())?;
    let mut known: Vec<PublicKey> = keys::terms(&rotations, &current).into_iter().map(|term| term.key).collect();
    known.push(current);
    match verify::read_by_any(path, &known, &[], None, &mut |_| ()) {
        Ok(_) => Ok(()),
        Err(NoVerdict::Found(finding)) => Err(finding.to_string()),
        Err(NoVerdict::Incomparable(why)) => Err(why),
        Err(NoVerdict::Unreadable(error)) => Err(error.to_string()),
    }
}
