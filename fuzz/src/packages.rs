//! What a stranger hands to whoever installs a package.

use candor_audit::{
    package::{Bounds, Listed, check_paths, read},
    sign::key::NodeKey,
};
use candor_core::package::{Content, Manifest, check_content};

/// Small, so that inputs at the limits are small.
const BOUNDS: Bounds = Bounds { manifest_bytes_max: 16 * 1024, files_max: 8, file_bytes_max: 4096, bytes_max: 8192 };

fn list(manifest: &[u8]) -> Result<Vec<Listed>, String> {
    let manifest = Manifest::parse(manifest).map_err(|error| error.to_string())?;
    let files = manifest.files.into_iter();
    Ok(files.map(|file| Listed { path: file.path, sha256: file.sha256, bytes: file.bytes }).collect())
}

/// Bytes are a package of this key, or something is wrong with them. What is taken stays in its folder, within the bounds, and holds to the
/// last byte.
pub(crate) fn package(bytes: &[u8]) {
    let Ok(key) = NodeKey::from_seed("builder", &[7; 32]) else { return };
    let opened = |bytes: &[u8]| read(bytes, &key.public(), &BOUNDS, list);
    let Ok(package) = opened(bytes) else { return };
    assert!(check_paths(package.files.keys().map(String::as_str)).is_ok(), "a path that leads elsewhere was taken");
    assert!(package.files.len() <= BOUNDS.files_max, "more files than are taken");
    assert!(package.files.values().map(Vec::len).sum::<usize>() <= BOUNDS.bytes_max, "more bytes than are taken");
    if let Some((last, front)) = bytes.split_last() {
        assert!(opened(&[front, &[last ^ 1]].concat()).is_err(), "a package is intact whatever its last byte is");
    }
    if let Ok(manifest) = Manifest::parse(&package.manifest) {
        let held: Option<Content> = check_content(&manifest, &package.files).ok();
        assert!(held.is_none_or(|held| !held.packs.is_empty()), "a package without a policy was taken");
    }
}

/// A manifest that reads is written in one form, which reads as the same manifest.
pub(crate) fn manifest(bytes: &[u8]) {
    let Ok(manifest) = Manifest::parse(bytes) else { return };
    let Ok(written) = manifest.to_bytes() else { return };
    assert_eq!(Manifest::parse(&written).as_ref(), Ok(&manifest), "a manifest reads back as another one");
    assert!(manifest.replaces(&manifest).is_err(), "a package takes its own place");
}
