//! The store's folder can be written, so that a notice can be queued.

use std::path::Path;

use candor_core::capability::Probe;

use super::{Place, Saw};

pub(super) fn method(_: &Probe) -> String {
    "a file is written in the state folder, synced and removed".to_owned()
}

pub(super) fn look(_: &Probe, place: &Place) -> Saw {
    writable(&place.state)
}

/// Whether a file can be written there: one is, synced, and removed again.
///
/// # Errors
/// Why it can't, in words.
pub fn writable(folder: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| format!("`{}` can't be written: {error}", folder.display());
    let mut file = tempfile::Builder::new().prefix(".probe-").tempfile_in(folder).map_err(told)?;
    std::io::Write::write_all(&mut file, b"candor").map_err(told)?;
    file.as_file().sync_all().map_err(told)?;
    file.close().map_err(told)?;
    Ok(format!("`{}` can be written", folder.display()))
}
