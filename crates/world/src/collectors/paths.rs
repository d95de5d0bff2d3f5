//! The fence of the operator's roots: which path a subject means, and opening it without leaving them.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Longest path of a subject, in bytes: Linux's `PATH_MAX`.
const PATH_BYTES_MAX: usize = 4096;

/// A path below a root, with every symlink in it resolved at the time of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The root, resolved.
    pub(super) root: PathBuf,
    /// The whole path, resolved.
    pub(super) path: PathBuf,
}

/// Why a path isn't looked at.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    /// No roots are configured.
    #[error("no folder is allowed to be looked at; the operator lists them under `evidence.collectors.roots`")]
    NoRoots,
    /// Too long, empty or with a zero byte.
    #[error("the path is empty, longer than {PATH_BYTES_MAX} bytes or holds a zero byte")]
    NotAPath,
    /// It is, or leads through a symlink to, somewhere outside every root. A symlink that leads nowhere is refused in the same
    /// words, so that the answer tells nothing of what lies outside.
    #[error("`{0}` lies outside the folders that the operator allows, by itself or through a symlink")]
    Outside(String),
    /// Below a root, and not there.
    #[error("`{0}` is not there")]
    Missing(String),
    /// Below a root, and not what the collector looks at.
    #[error("`{0}` is not a {1}")]
    WrongKind(String, &'static str),
    /// Larger than the limit.
    #[error("`{path}` is larger than the {max} bytes that are read")]
    TooLarge {
        /// The path as given.
        path: String,
        /// The limit in bytes.
        max: u64,
    },
    /// It can't be read.
    #[error("`{path}` can't be read: {error}")]
    Unreadable {
        /// The path as given.
        path: String,
        /// What the system said.
        error: io::Error,
    },
}

/// Finds what `given` means: absolute, or relative to the first root.
///
/// # Errors
/// A [`Refusal`] unless it lies below a root after all symlinks are resolved.
pub(super) fn resolve(given: &str, roots: &[PathBuf]) -> Result<Found, Refusal> {
    if given.is_empty() || given.len() > PATH_BYTES_MAX || given.contains('\0') {
        return Err(Refusal::NotAPath);
    }
    let path = roots.first().ok_or(Refusal::NoRoots)?.join(given);
    // A root that isn't there has nothing below it.
    let roots: Vec<PathBuf> = roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
    let below =
        |path: &Path| roots.iter().filter(|root| path.starts_with(root)).max_by_key(|root| root.as_os_str().len());
    match path.canonicalize() {
        Ok(path) => match below(&path) {
            Some(root) => Ok(Found { root: root.clone(), path }),
            None => Err(Refusal::Outside(given.to_owned())),
        },
        Err(error) if is_plainly_below(&path, |at| below(at).is_some()) => Err(match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Refusal::Missing(given.to_owned()),
            _ => Refusal::Unreadable { path: given.to_owned(), error },
        }),
        Err(_) => Err(Refusal::Outside(given.to_owned())),
    }
}

/// Whether a path that doesn't resolve would lie below a root: its deepest part that does resolve lies there, and the rest neither
/// climbs nor is a symlink.
fn is_plainly_below(path: &Path, below: impl Fn(&Path) -> bool) -> bool {
    for part in path.ancestors() {
        if let Ok(resolved) = part.canonicalize() {
            return below(&resolved);
        }
        let climbs = !matches!(part.components().next_back(), Some(Component::Normal(_)));
        if climbs || part.is_symlink() {
            return false;
        }
    }
    false
}

/// Opens a regular file that [`resolve`] found.
///
/// # Errors
/// [`Refusal::WrongKind`] for anything but a regular file, [`Refusal::Missing`] or [`Refusal::Unreadable`] where opening fails. A
/// symlink put in its place since it was resolved fails, too.
pub(super) fn open(found: &Found, given: &str) -> Result<(File, Metadata), Refusal> {
    let refuse = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Refusal::Missing(given.to_owned()),
        _ => Refusal::Unreadable { path: given.to_owned(), error },
    };
    let file = open_beneath(found).map_err(refuse)?;
    let seen = file.metadata().map_err(refuse)?;
    if seen.is_file() { Ok((file, seen)) } else { Err(Refusal::WrongKind(given.to_owned(), "regular file")) }
}

/// Linux resolves the path below the root's own descriptor and refuses every symlink on the way, so a folder that is swapped for a
/// symlink between finding and opening leads nowhere. Kernels and sandboxes without openat2(2) fall back to [`open_plainly`].
#[cfg(target_os = "linux")]
fn open_beneath(found: &Found) -> io::Result<File> {
    use rustix::fs::{Mode, ResolveFlags, openat2};

    let Ok(rest) = found.path.strip_prefix(&found.root) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // The root itself, when the operator allows a single file.
    if rest.as_os_str().is_empty() {
        return open_plainly(&found.path);
    }
    let root = File::open(&found.root)?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(&root, rest, open_flags(), Mode::empty(), resolve) {
        Ok(file) => Ok(File::from(file)),
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => open_plainly(&found.path),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(found: &Found) -> io::Result<File> {
    open_plainly(&found.path)
}

/// Opens a resolved path, refusing a symlink as its last part. A folder on the way that is swapped for a symlink between finding and
/// opening would be followed: where openat2(2) is missing, that race stays open.
fn open_plainly(path: &Path) -> io::Result<File> {
    rustix::fs::open(path, open_flags(), rustix::fs::Mode::empty()).map(File::from).map_err(io::Error::from)
}

/// `NONBLOCK` because opening a named pipe would otherwise wait for a writer.
fn open_flags() -> rustix::fs::OFlags {
    use rustix::fs::OFlags;
    OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY
}

/// SHA-256 in hex and length in bytes of what `from` holds, at most `max` bytes of it.
///
/// # Errors
/// [`Refusal::TooLarge`] or [`Refusal::Unreadable`].
pub(super) fn hash(from: impl Read, given: &str, max: u64) -> Result<(String, u64), Refusal> {
    let mut hasher = Sha256::new();
    let mut from = from.take(max.saturating_add(1));
    let (mut buffer, mut total) = ([0; 64 * 1024], 0);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(buffer.get(..read).unwrap_or_default());
                total += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Refusal::Unreadable { path: given.to_owned(), error });
            }
        }
    }
    if total > max {
        return Err(Refusal::TooLarge { path: given.to_owned(), max });
    }
    Ok((hex(&hasher.finalize()), total))
}

/// All bytes of `from`, at most `max`.
///
/// # Errors
/// [`Refusal::TooLarge`] or [`Refusal::Unreadable`].
pub(super) fn read(from: impl Read, given: &str, max: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    from.take(max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Refusal::Unreadable { path: given.to_owned(), error })?;
    if bytes.len() as u64 > max { Err(Refusal::TooLarge { path: given.to_owned(), max }) } else { Ok(bytes) }
}

/// Bytes as lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{fs, os::unix::fs::symlink};

    use super::*;

    /// A folder swapped for a symlink after its path was found, which is how a fence of paths is climbed.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_becomes_a_symlink_is_not_followed() {
        let all = tempfile::tempdir().unwrap();
        let (root, outside) = (all.path().join("root"), all.path().join("outside"));
        for folder in [&root.join("work"), &outside] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("file"), "abc").unwrap();
        }
        let found = resolve("work/file", std::slice::from_ref(&root)).unwrap();
        assert!(open(&found, "work/file").is_ok());
        fs::rename(root.join("work"), root.join("gone")).unwrap();
        symlink(&outside, root.join("work")).unwrap();
        assert!(fs::read(&found.path).is_ok(), "the trap is set");
        assert!(matches!(open(&found, "work/file"), Err(Refusal::Unreadable { .. })));
    }
}
