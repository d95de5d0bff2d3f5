//! When the source that a report speaks about last changed.

use std::{
    fs::DirEntry,
    path::{Path, PathBuf},
};

use candor_core::time::Timestamp;

use crate::{
    collectors::{CollectorConfig, config::NOT_SOURCE, paths::Found},
    signals::file::modified_at,
};

/// What a walk found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Newest {
    /// The newest change.
    pub(super) at: Option<Timestamp>,
    /// Whether the walk ended before it saw every file.
    pub(super) cut: bool,
}

/// The newest change of a source file in the repository that holds a report: the nearest folder above it with a `.git`, or else the
/// allowed root. Hidden files and folders, folders of build output and symlinks are passed over, and so are files beside the report
/// with its extension, which are reports, too.
///
/// A file that was deleted leaves no trace here, and whoever can write the files can set their times: this finds honest mistakes.
pub(super) fn newest_change(report: &Found, config: &CollectorConfig) -> Newest {
    let mut newest = Newest::default();
    let mut folders = vec![repository(report)];
    let mut left = config.limits.files_walked;
    while let Some(folder) = folders.pop() {
        // A folder that can't be listed is one that the report's run couldn't read either.
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            if left == 0 {
                return Newest { cut: true, ..newest };
            }
            left -= 1;
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() && may_hold_source(&entry, config) {
                folders.push(entry.path());
            } else if kind.is_file() && may_be_source(&entry, &report.path) {
                newest.at = newest.at.max(entry.metadata().ok().as_ref().and_then(modified_at));
            }
        }
    }
    newest
}

fn repository(report: &Found) -> PathBuf {
    let above = report.path.ancestors().skip(1).take_while(|folder| folder.starts_with(&report.root));
    above.into_iter().find(|folder| folder.join(".git").exists()).unwrap_or(&report.root).to_owned()
}

fn may_hold_source(folder: &DirEntry, config: &CollectorConfig) -> bool {
    let name = folder.file_name();
    let name = name.to_string_lossy();
    !name.starts_with('.') && !NOT_SOURCE.contains(&name.as_ref()) && !config.not_source.contains(name.as_ref())
}

fn may_be_source(file: &DirEntry, report: &Path) -> bool {
    let path = file.path();
    let is_report = path.parent() == report.parent() && path.extension() == report.extension();
    !is_report && !file.file_name().to_string_lossy().starts_with('.')
}
