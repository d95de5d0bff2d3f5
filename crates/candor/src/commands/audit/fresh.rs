//! Files that are there whole or not at all.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    exit::{Exit, Failure},
    files,
};

/// A file that is there whole or not at all, readable by its owner alone.
pub(in crate::commands) struct Fresh {
    /// What is written to.
    pub(in crate::commands) file: fs::File,
    /// Where it is until it is kept.
    pub(super) temporary: PathBuf,
    path: PathBuf,
}

impl Fresh {
    /// Begins a file.
    pub(in crate::commands) fn create(path: &Path, force: bool) -> Result<Self, Failure> {
        if path.exists() && !force {
            return Err(Failure::new(Exit::Usage, format!("`{}` is there already", path.display()))
                .hint("name another file, or write over it with `--force`"));
        }
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".part");
        let temporary = PathBuf::from(temporary);
        // What is left of a run that was ended, or what somebody else put there: neither is written into.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritten(error)),
            _ => {}
        }
        let mut how = OpenOptions::new();
        let file = how.read(true).write(true).create_new(true).mode(0o600).open(&temporary).map_err(unwritten)?;
        Ok(Self { file, path: path.to_owned(), temporary })
    }

    /// Gives it its name.
    pub(in crate::commands) fn keep(mut self) -> Result<(), Failure> {
        let kept = self.file.flush().and_then(|()| self.file.sync_all());
        kept.and_then(|()| fs::rename(&self.temporary, &self.path)).map_err(unwritten)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // Gone already where the file was kept.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// SHA-256 of a file, in hex.
pub(super) fn digest(path: &Path) -> Result<String, Failure> {
    let unread = |error: io::Error| Failure::new(Exit::Store, format!("`{}` can't be read: {error}", path.display()));
    files::digest(path).map_err(unread)
}

/// Why a file can't be written.
pub(in crate::commands) fn unwritten(error: io::Error) -> Failure {
    Failure::new(Exit::Store, format!("the file can't be written: {error}"))
        .hint("name another place with `--out FILE`")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn nothing_that_lay_there_is_written_into_and_half_a_file_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (other, out) = (folder.path().join("other"), folder.path().join("out"));
        fs::write(&other, "theirs").unwrap();
        symlink(&other, folder.path().join("out.part")).unwrap();
        let mut fresh = Fresh::create(&out, false).unwrap();
        fresh.file.write_all(b"ours").unwrap();
        drop(fresh);
        assert!(!out.exists() && !folder.path().join("out.part").exists());
        fs::write(folder.path().join("out.part"), "left by a run that was killed").unwrap();
        fs::set_permissions(folder.path().join("out.part"), fs::Permissions::from_mode(0o666)).unwrap();
        let mut fresh = Fresh::create(&out, false).unwrap();
        fresh.file.write_all(b"ours").unwrap();
        fresh.keep().unwrap();
        assert_eq!((fs::read(&out).unwrap(), fs::read(&other).unwrap()), (b"ours".to_vec(), b"theirs".to_vec()));
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Fresh::create(&out, false).is_err());
    }
}
