//! A file that grows: a transcript or a log. One `stat`; its content is never read.

use std::{fs::Metadata, path::Path, time::UNIX_EPOCH};

use candor_core::{task::Reading, time::Timestamp};

use super::gone;

/// Reads length and modification time of the file that `path` leads to. Symlinks are followed, since runtimes keep a `latest`
/// link to the running transcript. What isn't a regular file, can't be looked at, or isn't there reads as not there.
#[must_use]
pub fn read(path: &Path, now: Timestamp) -> Reading {
    match std::fs::metadata(path) {
        Ok(seen) if seen.is_file() => {
            Reading { exists: true, amount: seen.len(), changed_at: modified_at(&seen), read_at: now }
        }
        _ => gone(now),
    }
}

/// A file's modification time, where the file system keeps one that fits.
#[must_use]
pub(crate) fn modified_at(of: &Metadata) -> Option<Timestamp> {
    let at = of.modified().ok()?;
    let micros = match at.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).ok()?,
        Err(before) => -i64::try_from(before.duration().as_micros()).ok()?,
    };
    Some(Timestamp::from_micros(micros))
}
