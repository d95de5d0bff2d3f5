//! Why a store can't be read or written, and what to do about it.

use std::path::PathBuf;

use candor_path::Unreadable;
use thiserror::Error;

/// Why a store can't be read or written. Each says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// What is stored can't be true.
    #[error("the store `{}` is damaged: {why}; stop Candor, keep a copy of its folder as it is, and put back the last good copy", .path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// It may be read only.
    #[error("the store `{}` can't be written: {why}; give this user write access to its folder, or name another with `--state`", .path.display())]
    ReadOnly {
        /// The database or its folder.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// There is no room.
    #[error("no room left for the store `{}`: {why}; nothing that was accepted is lost, new work is refused until there is room", .path.display())]
    Full {
        /// The database.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// Another process has it.
    #[error("the store `{}` is held by {by}; talk to that process, or stop it first", .path.display())]
    Held {
        /// The database.
        path: PathBuf,
        /// Who holds it, as far as is known.
        by: String,
    },
    /// A newer Candor wrote it.
    #[error("the store `{}` has layout {found}, and this Candor knows layouts up to {known}; use the newer Candor", .path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// It is something else.
    #[error("`{}` is not a Candor store: {why}; name another folder with `--state`", .path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// There is none.
    #[error("no store at `{}`; `candor up` makes one", .path.display())]
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The system failed.
    #[error("the store `{}` can't be used: {why}; look at the disk and the system's log", .path.display())]
    Io {
        /// The database.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// A plan wants something written that can't be.
    #[error("can't record {what}: {why}; nothing of this transaction was kept")]
    Unfit {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// An apply had failed.
    #[error("this transaction failed before and nothing of it was kept; hand its inputs in again")]
    Spent,
}

impl From<StoreError> for Unreadable {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}
