//! The connection, and what its errors mean.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, Params, Row, ffi};

use crate::StoreError;

/// A connection that speaks [`StoreError`].
#[derive(Debug)]
pub(super) struct Db {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
}

impl Db {
    /// Runs a statement, and says how many rows it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        self.conn.prepare_cached(sql).and_then(|mut run| run.execute(params)).map_err(|error| self.fault(error))
    }

    /// The first row, if there is one.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let found = self.conn.prepare_cached(sql).and_then(|mut query| {
            let mut rows = query.query(params)?;
            rows.next()?.map(read).transpose()
        });
        found.map_err(|error| self.fault(error))
    }

    /// Every row.
    pub(super) fn many<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let found = self.conn.prepare_cached(sql).and_then(|mut query| query.query_map(params, read)?.collect());
        found.map_err(|error| self.fault(error))
    }

    /// What an error of SQLite means for the store.
    pub(super) fn fault(&self, error: rusqlite::Error) -> StoreError {
        fault(&self.path, &error)
    }

    /// What is stored can't be true.
    pub(super) fn damaged(&self, why: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), why: why.into() }
    }
}

/// What an error of SQLite means for the store at `path`.
pub(super) fn fault(path: &Path, error: &rusqlite::Error) -> StoreError {
    let (path, why) = (path.to_owned(), error.to_string());
    let Some(code) = error.sqlite_error() else {
        // Every other error of ours is a value that is stored and can't be read.
        return StoreError::Damaged { path, why };
    };
    match (code.code, code.extended_code) {
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE) => {
            StoreError::Full { path, why }
        }
        (ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen, _) => {
            StoreError::ReadOnly { path, why }
        }
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => {
            StoreError::Held { path, by: "another process that is writing".to_owned() }
        }
        (ErrorCode::DatabaseCorrupt, _) => StoreError::Damaged { path, why },
        (ErrorCode::NotADatabase, _) => StoreError::NotOurs { path, why },
        (ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch, _) => {
            StoreError::Unfit { what: "a row".to_owned(), why }
        }
        _ => StoreError::Io { path, why },
    }
}
