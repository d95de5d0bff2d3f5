//! The log as a command reads it.

use candor_audit::{
    header::Header,
    merkle::{Frontier, Log, log_leaf},
    sign::checkpoint::Checkpoint,
};
use candor_core::time::Timestamp;
use candor_store::{Listing as _, LogEntry, sqlite::Reader};

use super::progress::Progress;
use crate::{
    desk,
    exit::{Exit, Failure},
};

/// Records that are read at once.
const AT_ONCE: usize = 512;

/// One record and its header.
pub struct Entry {
    /// As it is stored.
    pub stored: LogEntry,
    /// Its header.
    pub header: Header,
}

/// The first `size` records of the log, in order.
pub fn each(reader: &Reader, size: u64, on_entry: impl FnMut(Entry) -> Result<(), Failure>) -> Result<(), Failure> {
    span(reader, 0, size, on_entry)
}

/// The records `from` up to `size`, in order.
pub fn span(
    reader: &Reader,
    from: u64,
    size: u64,
    mut on_entry: impl FnMut(Entry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut at, mut progress) = (from, Progress::new("reading the log"));
    while at < size {
        let most = AT_ONCE.min(usize::try_from(size - at).unwrap_or(AT_ONCE));
        let batch = reader.log(at, most).map_err(desk::store_failure)?;
        if batch.is_empty() {
            return Err(damaged(format!("record {at} of {size} is missing")));
        }
        for stored in batch {
            let header = Header::parse(&stored.header_line)
                .ok()
                .filter(|header| header.index == at)
                .ok_or_else(|| damaged(format!("record {at} has no header that fits")))?;
            on_entry(Entry { stored, header })?;
            progress.tick();
            at += 1;
        }
    }
    Ok(())
}

/// The log's head, computed from its records and held against what the store keeps. Each record is shown to `on_entry` on the way.
pub fn head(
    reader: &Reader,
    origin: &str,
    now: Timestamp,
    mut on_entry: impl FnMut(&Entry),
) -> Result<Checkpoint, Failure> {
    let kept = reader.head().map_err(desk::store_failure)?;
    let mut tree = Frontier::<Log>::new();
    each(reader, kept.length, |entry| {
        tree.push(log_leaf(&entry.stored.header_line));
        on_entry(&entry);
        Ok(())
    })?;
    let root = tree.root();
    if candor_audit::hex(&root) != kept.root {
        return Err(damaged("its records don't add up to the root that it keeps".to_owned()));
    }
    Ok(Checkpoint { origin: origin.to_owned(), size: kept.length, root, at_us: now.as_micros() })
}

pub(super) fn damaged(why: String) -> Failure {
    Failure::new(Exit::Store, format!("the log is damaged: {why}"))
        .hint("keep a copy of the state folder before anything else; `candor doctor` says more")
}
