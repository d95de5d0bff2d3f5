//! The node's signing key: its file, the file of the next one, and the change from one to the other.
//!
//! A change is made in three steps, each durable before the next, so that a crash leaves the old key working and a rerun goes on:
//! 1. the new key is written to `audit.key.next`;
//! 2. the change, signed by both keys, goes on record in the log;
//! 3. `audit.key.next` takes the place of `audit.key`, and the old secret is gone.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use candor_audit::{
    bundle::keys,
    kind::Kind,
    sign::{
        key::{KeyError, NodeKey, PublicKey},
        rotation::{Rotation, chain},
    },
};
use candor_store::{Listing, StoreError};
use candor_world::places::settle;

use crate::{
    exit::{Exit, Failure},
    home::{Home, random, unreadable},
};

/// The largest key file, in bytes.
const KEY_BYTES_MAX: u64 = 4 * 1024;
/// Most changes of keys that are looked at.
const CHANGES_MAX: usize = keys::MAX_ROTATIONS;

impl Home {
    fn key_path(&self) -> PathBuf {
        self.state.join("audit.key")
    }

    fn next_key_path(&self) -> PathBuf {
        self.state.join("audit.key.next")
    }

    /// The key that signs the log: made at first use, readable by its owner alone.
    ///
    /// # Errors
    /// When it can be neither read nor made, or others can read it.
    pub fn audit_key(&self) -> Result<NodeKey, Failure> {
        match read(&self.key_path())? {
            Some(key) => Ok(key),
            None => self.fresh_key(&self.key_path(), &format!("candor-node-{}", self.node()?)),
        }
    }

    /// The key that signs the log, if it was made already.
    ///
    /// # Errors
    /// When it can't be read, or others can read it.
    pub fn audit_key_if_made(&self) -> Result<Option<NodeKey>, Failure> {
        read(&self.key_path())
    }

    /// The key that a change under way leads to, if one is.
    ///
    /// # Errors
    /// As with [`Home::audit_key`].
    pub fn next_audit_key(&self) -> Result<Option<NodeKey>, Failure> {
        read(&self.next_key_path())
    }

    /// The same, made if there is none.
    ///
    /// # Errors
    /// As with [`Home::audit_key`].
    pub fn make_next_audit_key(&self, name: &str) -> Result<NodeKey, Failure> {
        match self.next_audit_key()? {
            Some(key) => Ok(key),
            None => self.fresh_key(&self.next_key_path(), name),
        }
    }

    /// Puts the next key in the place of the one before, whose secret is gone then.
    ///
    /// # Errors
    /// When the state folder can't be written.
    pub fn take_next_audit_key(&self) -> Result<(), Failure> {
        let (from, to) = (self.next_key_path(), self.key_path());
        fs::rename(&from, &to).and_then(|()| sync_folder(&to)).map_err(|error| unreadable(&to, &error))
    }

    /// A file appears under its name whole or not at all: what was cut in the middle is no key that could be read.
    fn fresh_key(&self, path: &Path, name: &str) -> Result<NodeKey, Failure> {
        let mut seed = [0; 32];
        random(&mut seed)?;
        let key = NodeKey::from_seed(name, &seed).map_err(|error| unfit(path, &error))?;
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".part-{}", std::process::id()));
        let draft = PathBuf::from(draft);
        let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let linked = made.and_then(|mut file| {
            writeln!(file, "{}", key.secret())?;
            file.sync_all()?;
            settle(&draft, path)
        });
        let _ = fs::remove_file(&draft);
        match linked {
            Ok(()) => Ok(key),
            // Another process was faster: its key is the one that holds.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                read(path)?.ok_or_else(|| unreadable(path, &error))
            }
            Err(error) => Err(unreadable(path, &error)),
        }
    }
}

/// Makes a rename or a new name in a file's folder durable.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn unfit(path: &Path, error: &KeyError) -> Failure {
    Failure::new(Exit::Config, format!("`{}`: {error}", path.display()))
}

/// Reads a key, if nobody but its owner can.
fn read(path: &Path) -> Result<Option<NodeKey>, Failure> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, &error)),
    };
    // Of the opened file, so that it is the one that is read.
    let meta = file.metadata().map_err(|error| unreadable(path, &error))?;
    if meta.mode() & 0o077 != 0 {
        let mode = meta.mode() & 0o777;
        let message =
            format!("others can read the signing key `{}` (mode {mode:03o}), so it isn't used", path.display());
        return Err(Failure::new(Exit::Config, message)
            .hint(format!("chmod 600 {}; if others may have read it: candor audit key rotate", path.display())));
    }
    let mut text = String::new();
    Read::by_ref(&mut file).take(KEY_BYTES_MAX).read_to_string(&mut text).map_err(|error| unreadable(path, &error))?;
    NodeKey::from_secret(text.trim()).map(Some).map_err(|error| unfit(path, &error))
}

/// A key of this log, and from when to when it signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The key.
    pub key: PublicKey,
    /// Since when it signs, in microseconds since the Unix epoch; none for the first, which signs from the log's beginning.
    pub from_us: Option<i64>,
    /// Until when it signed; none for the one that signs now.
    pub until_us: Option<i64>,
}

/// The changes of keys on record that both keys signed, oldest first.
///
/// # Errors
/// When the store can't be read.
pub fn rotations(store: &impl Listing) -> Result<Vec<Rotation>, StoreError> {
    let mut records = store.of_kind(Kind::Key, CHANGES_MAX)?;
    records.reverse();
    Ok(records.iter().filter_map(|record| keys::parse(record.body.to_string().as_bytes())).collect())
}

/// Every key that signed this log, oldest first; the last is the one that signs now.
#[must_use]
pub fn terms(rotations: &[Rotation], current: &PublicKey) -> Vec<Term> {
    let origin = current.name();
    let first = rotations.iter().find(|rotation| rotation.origin == origin).map(|rotation| rotation.old.clone());
    let mut terms = vec![Term { key: first.unwrap_or_else(|| current.clone()), from_us: None, until_us: None }];
    let start = terms.first().map_or_else(|| current.clone(), |term| term.key.clone());
    for step in chain(&start, origin, rotations) {
        if let Some(before) = terms.last_mut() {
            before.until_us = Some(step.at_us);
        }
        terms.push(Term { key: step.new.clone(), from_us: Some(step.at_us), until_us: None });
    }
    terms
}
