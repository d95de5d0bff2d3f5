//! The log on disk: the artifacts of one commit, compressed together.
//!
//! A segment's `body` is a zstd frame, made with the dictionary `segment.dict`, of three lines per artifact: its header line; the log
//! indexes of the artifact before it in the same task and under the same correlation id (`-` for none); its canonical content. None
//! of the three holds a newline. `nonces` holds 32 bytes per artifact: being random, they don't compress. `size` is the body's size
//! before compression.

use std::cell::RefCell;

use candor_audit::commit::Nonce;
use zstd::bulk::{Compressor, Decompressor};

use super::{db::Db, rows::int};
use crate::{LogEntry, StoreError};

/// Bytes of text after which a commit's log is cut into another segment, so that reading one artifact stays cheap.
pub(super) const SEGMENT_BYTES_MAX: usize = 256 * 1024;
/// Texts shorter than this, in bytes, are kept as they are.
const PACK_BYTES_MIN: usize = 128;
/// Longest text that is packed, in bytes; the contracts' own limit is lower.
const PACK_BYTES_MAX: usize = 64 * 1024;
/// Compression level: more costs CPU time in the writer and saves little on such short texts.
const LEVEL: i32 = 3;
/// What every artifact repeats. Changing one byte of it makes older segments unreadable: a new one gets a new file and layout.
const DICTIONARY: &[u8] = include_bytes!("segment.dict");

/// The compressors, kept because making them costs more than using them.
pub(super) struct Press {
    compressor: Compressor<'static>,
    decompressor: Decompressor<'static>,
}

impl std::fmt::Debug for Press {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Press")
    }
}

impl Press {
    pub(super) fn new(db: &Db) -> Result<Self, StoreError> {
        let unusable = |error: std::io::Error| StoreError::Io { path: db.path.clone(), why: error.to_string() };
        let mut compressor = Compressor::with_dictionary(LEVEL, DICTIONARY).map_err(unusable)?;
        compressor.include_checksum(true).map_err(unusable)?;
        let decompressor = Decompressor::with_dictionary(DICTIONARY).map_err(unusable)?;
        Ok(Self { compressor, decompressor })
    }

    /// A long text in fewer bytes; none where that saves nothing.
    pub(super) fn pack(&mut self, text: &str) -> Option<Vec<u8>> {
        let worth = (PACK_BYTES_MIN..=PACK_BYTES_MAX).contains(&text.len());
        let packed = worth.then(|| self.compressor.compress(text.as_bytes()).ok()).flatten()?;
        (packed.len() < text.len()).then_some(packed)
    }
}

thread_local! {
    /// Rows are read by plain functions, so what unpacks their texts is kept by the thread.
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The text that [`Press::pack`] packed.
pub(super) fn unpack(packed: &[u8]) -> Option<String> {
    UNPACKER.with_borrow_mut(|kept| {
        let unpacker = match kept {
            Some(unpacker) => unpacker,
            None => kept.insert(Decompressor::with_dictionary(DICTIONARY).ok()?),
        };
        String::from_utf8(unpacker.decompress(packed, PACK_BYTES_MAX).ok()?).ok()
    })
}

/// Artifacts on their way into a segment.
#[derive(Debug, Default)]
pub(super) struct Block {
    count: i64,
    nonces: Vec<u8>,
    pub(super) text: Vec<u8>,
}

impl Block {
    pub(super) fn push(&mut self, header_line: &[u8], nonce: &Nonce, links: [Option<u64>; 2], body: &[u8]) {
        self.count += 1;
        self.nonces.extend_from_slice(&nonce.0);
        self.text.extend_from_slice(header_line);
        let [task, correlation] = links.map(|link| link.map_or_else(|| "-".to_owned(), |index| index.to_string()));
        self.text.extend_from_slice(format!("\n{task} {correlation}\n").as_bytes());
        self.text.extend_from_slice(body);
        self.text.push(b'\n');
    }

    /// Writes the segment that begins at log index `next - count`, and begins anew.
    pub(super) fn write(&mut self, db: &Db, press: &mut Press, next: u64) -> Result<(), StoreError> {
        if self.count == 0 {
            return Ok(());
        }
        let body = press.compressor.compress(&self.text);
        let body = body.map_err(|error| StoreError::Io { path: db.path.clone(), why: error.to_string() })?;
        let first = i64::try_from(next).unwrap_or(i64::MAX) - self.count;
        db.run(
            "INSERT INTO segment(first, count, size, nonces, body) VALUES(?1, ?2, ?3, ?4, ?5)",
            (first, self.count, i64::try_from(self.text.len()).unwrap_or(i64::MAX), &self.nonces, &body),
        )?;
        self.count = 0;
        self.nonces.clear();
        self.text.clear();
        Ok(())
    }
}

impl Segment {
    /// Writes the segment again as it now is, which a pruning alone may do.
    pub(super) fn rewrite(&self, db: &Db, press: &mut Press, pruning: u64) -> Result<(), StoreError> {
        let mut block = Block::default();
        for Kept { entry, task_prev, correlation_prev } in &self.artifacts {
            block.push(&entry.header_line, &entry.nonce, [*task_prev, *correlation_prev], &entry.body);
        }
        let body = press.compressor.compress(&block.text);
        let body = body.map_err(|error| StoreError::Io { path: db.path.clone(), why: error.to_string() })?;
        let (first, size) = (int(self.first), i64::try_from(block.text.len()).unwrap_or(i64::MAX));
        db.run(
            "UPDATE segment SET size = ?2, nonces = ?3, body = ?4, pruning = ?5 WHERE first = ?1",
            (first, size, &block.nonces, &body, int(pruning)),
        )?;
        Ok(())
    }
}

/// One artifact as it lies in its segment.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) entry: LogEntry,
    /// The one before it of the same task.
    pub(super) task_prev: Option<u64>,
    /// The one before it under the same correlation id, or under another of the same hash.
    pub(super) correlation_prev: Option<u64>,
}

/// A segment, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) artifacts: Vec<Kept>,
}

impl Segment {
    /// The segment that holds an index; none when the log is shorter.
    pub(super) fn holding(db: &Db, press: &mut Press, index: u64) -> Result<Option<Self>, StoreError> {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        let found = db.one(
            "SELECT first, count, size, nonces, body FROM segment WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
            [index],
            |row| {
                let (first, count, size): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let (nonces, body) = (row.get_ref(3)?.as_blob()?.to_vec(), row.get_ref(4)?.as_blob()?);
                let size = usize::try_from(size).unwrap_or_default().min(SEGMENT_BYTES_MAX + (2 << 20));
                Ok((first, count, nonces, press.decompressor.decompress(body, size)))
            },
        )?;
        let Some((first, count, nonces, text)) = found else { return Ok(None) };
        if first + count <= index {
            return Ok(None);
        }
        let broken = |why: &str| db.damaged(format!("the log's segment {first} {why}"));
        let text = text.map_err(|error| broken(&format!("can't be unpacked: {error}")))?;
        let artifacts = split(&text, &nonces).ok_or_else(|| broken("is incomplete"))?;
        if i64::try_from(artifacts.len()) != Ok(count) {
            return Err(broken("doesn't hold as many artifacts as it says"));
        }
        Ok(Some(Self { first: u64::try_from(first).unwrap_or_default(), artifacts }))
    }

    pub(super) fn at(&self, index: u64) -> Option<&Kept> {
        self.artifacts.get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }
}

fn split(text: &[u8], nonces: &[u8]) -> Option<Vec<Kept>> {
    let lines: Vec<&[u8]> = text.strip_suffix(b"\n")?.split(|byte| *byte == b'\n').collect();
    let (artifacts, rest) = lines.as_chunks::<3>();
    let (nonces, left) = nonces.as_chunks::<32>();
    if !rest.is_empty() || !left.is_empty() || nonces.len() != artifacts.len() {
        return None;
    }
    let kept = artifacts.iter().zip(nonces).map(|([header_line, links, body], nonce)| {
        let (task, correlation) = std::str::from_utf8(links).ok()?.split_once(' ')?;
        let entry = LogEntry { header_line: header_line.to_vec(), nonce: Nonce(*nonce), body: body.to_vec() };
        Some(Kept { entry, task_prev: task.parse().ok(), correlation_prev: correlation.parse().ok() })
    });
    kept.collect()
}
