//! Packs on disk.

use std::{collections::BTreeMap, fs, path::Path};

use candor_core::pack::{PackSource, core_sources};

use crate::{
    exit::{Exit, Failure},
    package::Installed,
};

/// Largest file that is looked at, in bytes; loading has a tighter limit and names it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The packs that come with Candor; those of the package in use take the place of the ones with their names.
///
/// # Errors
/// When a file of the package was changed after it was installed.
pub fn core(package: Option<&Installed>) -> Result<Vec<PackSource>, Failure> {
    let mut packs = core_sources();
    for pack in package.map(Installed::packs).transpose()?.unwrap_or_default() {
        packs.retain(|other| other.folder != pack.folder);
        packs.push(pack);
    }
    packs.sort_unstable();
    Ok(packs)
}

/// Reads a pack's folder.
///
/// # Errors
/// When it isn't a folder, or a file in it can't be read.
pub fn read_folder(folder: &Path) -> Result<PackSource, Failure> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::new(Exit::Config, format!("pack `{}` can't be read: {error}", path.display()))
            .hint("name the pack's folder, the one with `pack.yaml` in it")
    };
    let mut files = BTreeMap::new();
    for (prefix, dir) in [("", folder.to_path_buf()), ("cases/", folder.join("cases"))] {
        if prefix == "cases/" && !dir.exists() {
            continue;
        }
        for entry in fs::read_dir(&dir).map_err(|error| failed(&dir, &error))? {
            let path = entry.map_err(|error| failed(&dir, &error))?.path();
            let meta = fs::metadata(&path).map_err(|error| failed(&path, &error))?;
            if meta.is_dir() {
                continue;
            }
            if meta.len() > FILE_BYTES_MAX {
                return Err(failed(&path, &format!("larger than {FILE_BYTES_MAX} bytes")));
            }
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            files.insert(format!("{prefix}{name}"), fs::read_to_string(&path).map_err(|error| failed(&path, &error))?);
        }
    }
    let canonical = fs::canonicalize(folder).map_err(|error| failed(folder, &error))?;
    let folder = canonical.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    Ok(PackSource { folder, files })
}
