//! A file registers a hook of Candor.

use std::{fs, path::PathBuf};

use candor_core::capability::Probe;

use super::{Place, Saw};

/// Largest file that is looked at, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

pub(super) fn method(probe: &Probe) -> String {
    let text = |of: &Option<String>| of.clone().unwrap_or_default();
    format!("`{}` holds `{}`", text(&probe.file), text(&probe.holds))
}

pub(super) fn look(probe: &Probe, place: &Place) -> Saw {
    let file = probe.file.as_deref().ok_or("no file")?;
    let path = match (file.strip_prefix("~/"), &place.home) {
        (Some(rest), Some(home)) => home.join(rest),
        (Some(_), None) => return Err("`HOME` is not set".to_owned()),
        (None, _) => PathBuf::from(file),
    };
    let meta = fs::metadata(&path).map_err(|error| format!("`{file}` can't be read: {error}"))?;
    if !meta.is_file() || meta.len() > FILE_BYTES_MAX {
        return Err(format!("`{file}` is no file of at most {FILE_BYTES_MAX} bytes"));
    }
    let text = fs::read_to_string(&path).map_err(|error| format!("`{file}` can't be read: {error}"))?;
    let holds = probe.holds.as_deref().unwrap_or_default();
    // What else stands there is nobody's business.
    let missing = || format!("`{file}` doesn't hold `{holds}`: no hook is registered");
    text.lines().position(|line| line.contains(holds)).map(|at| format!("`{file}` line {}", at + 1)).ok_or_else(missing)
}
