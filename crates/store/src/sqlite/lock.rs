//! Who may use the store: `candor.lock` beside the database, held by `flock` for as long as the process lives.
//!
//! The kernel lets go of it when the process ends, however it ends. So whoever gets it alone knows that nobody else has the store,
//! and that every lease in it is dead.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read as _, Seek as _, Write as _},
    path::Path,
};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::StoreError;

/// How the store is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// By this process alone, for its life.
    Alone,
    /// Together with others.
    Shared,
}

/// The lock, let go of when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    pub(super) alone_at_start: bool,
}

const NAME: &str = "candor.lock";
/// Longest note of a holder that is read, in bytes.
const NOTE_BYTES_MAX: u64 = 256;

impl Lock {
    /// Takes the lock, or says who holds it. First alone, which proves that nobody else is there, then as wanted.
    pub(super) fn take(database: &Path, hold: Hold, role: &str) -> Result<Self, StoreError> {
        let path = database.with_file_name(NAME);
        let io = |error: std::io::Error| match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                StoreError::ReadOnly { path: path.clone(), why: error.to_string() }
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                StoreError::Full { path: path.clone(), why: error.to_string() }
            }
            _ => StoreError::Io { path: path.clone(), why: error.to_string() },
        };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        let tried = |wanted| match flock(&file, wanted) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(io(error.into())),
        };
        let alone = tried(FlockOperation::NonBlockingLockExclusive)?;
        let held = match hold {
            Hold::Alone => alone,
            Hold::Shared => tried(FlockOperation::NonBlockingLockShared)?,
        };
        if !held {
            return Err(StoreError::Held { path: database.to_owned(), by: holder(&mut file) });
        }
        if alone {
            // A note for whoever finds the lock held. A store that can't take these few bytes will say so at its first write.
            let note = match hold {
                Hold::Alone => format!("`{role}` (process {})", std::process::id()),
                Hold::Shared => String::new(),
            };
            file.set_len(0).and_then(|()| file.write_all(note.as_bytes())).map_err(io)?;
        }
        Ok(Self { _file: file, alone_at_start: alone })
    }
}

fn holder(file: &mut File) -> String {
    let mut note = String::new();
    let read = file.rewind().and_then(|()| file.take(NOTE_BYTES_MAX).read_to_string(&mut note));
    match read {
        Ok(_) if !note.is_empty() => note,
        _ => "other processes of Candor".to_owned(),
    }
}
