//! The header of an artifact: one line of the log, and all that the log says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::at::{self, MAX_AT_US, MIN_AT_US};
use crate::canonical::{write_integer, write_string};
use crate::commit::Commitment;
use crate::json::MAX_INTEGER;
use crate::kind::{ArtifactId, BadId, Kind};
use crate::merkle::{Hash, log_leaf};

/// The version of the format, `v` in each header.
pub const VERSION: u64 = 1;

/// The longest header line, in bytes without a newline; bounds what a task or correlation id can bring.
pub const MAX_HEADER_BYTES: usize = 4096;

/// One header. Built by [`crate::seal::seal`] and read by [`Header::parse`] only, so that each one can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Place in the log, from 0.
    pub index: u64,
    /// When it was recorded, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// What the artifact records.
    pub kind: Kind,
    /// Which one of its kind.
    pub id: ArtifactId,
    /// Its place among the artifacts of its task, if it belongs to one.
    pub task: Option<TaskLink>,
    /// The incident or firing that it belongs to, if any.
    pub correlation_id: Option<String>,
    /// What its content is known by.
    pub commit: Commitment,
}

/// An artifact's place in the chain of its task's artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLink {
    /// The task.
    pub task_id: String,
    /// 1, 2, 3 … within the task.
    pub seq: u64,
    /// Log leaf hash of the task's artifact before this one; none for the first.
    pub prev: Option<Hash>,
}

/// Why something is no header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The line is not an object of the header's fields.
    #[error("not a header line: {0}; take it from the log unchanged")]
    Shape(String),
    /// A field holds what no header has.
    #[error("header field `{0}` does not hold what it should; take the line from the log unchanged")]
    Field(&'static str),
    /// The fields are right and the bytes are not the canonical ones.
    #[error("the header line is not canonical; take it from the log unchanged")]
    NotCanonical,
    /// Longer than [`MAX_HEADER_BYTES`].
    #[error("a header line of {0} bytes is longer than {MAX_HEADER_BYTES}; use a shorter task or correlation id")]
    TooLong(usize),
    /// An index or sequence number beyond 2^53.
    #[error("`{0}` of {1} is beyond 2^53; start a new log")]
    NumberTooLarge(&'static str, u64),
    /// A time that RFC 3339 has no four-digit year for.
    #[error("the time {0} µs is outside the years 0000 to 9999; check the clock")]
    Time(i64),
    /// The first artifact of a task with a predecessor, a later one without, or number 0.
    #[error(
        "artifact {seq} of task `{task_id}` has the wrong link; the first is 1 and only later ones have a predecessor"
    )]
    Link {
        /// The task.
        task_id: String,
        /// The number given.
        seq: u64,
    },
    /// An id that cannot be a file name.
    #[error(transparent)]
    Id(#[from] BadId),
}

/// The header as it stands in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    at: String,
    commit: String,
    correlation_id: Option<String>,
    index: u64,
    kind: String,
    r#ref: String,
    task_id: Option<String>,
    task_prev: Option<String>,
    task_seq: Option<u64>,
    v: u64,
}

impl Header {
    /// Reads one log line, without newline. Only the bytes that [`Header::line`] writes are taken.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Header, HeaderError> {
        if line.len() > MAX_HEADER_BYTES {
            return Err(HeaderError::TooLong(line.len()));
        }
        let wire: Wire = serde_json::from_slice(line).map_err(|error| HeaderError::Shape(error.to_string()))?;
        let header = Header::from_wire(wire)?;
        header.validate()?;
        // The comparison refuses every other spelling: spaces, order, missing nulls, another time or ref.
        if header.line() == line { Ok(header) } else { Err(HeaderError::NotCanonical) }
    }

    fn from_wire(wire: Wire) -> Result<Header, HeaderError> {
        if wire.v != VERSION {
            return Err(HeaderError::Field("v"));
        }
        let kind = Kind::parse(&wire.kind).ok_or(HeaderError::Field("kind"))?;
        let in_folder = wire.r#ref.strip_prefix(kind.folder()).and_then(|rest| rest.strip_prefix('/'));
        let id = in_folder.and_then(|file| file.strip_suffix(".json")).ok_or(HeaderError::Field("ref"))?;
        let prev = wire.task_prev.map(|text| hash(&text).ok_or(HeaderError::Field("task_prev"))).transpose()?;
        let task = match (wire.task_id, wire.task_seq, prev) {
            (Some(task_id), Some(seq), prev) => Some(TaskLink { task_id, seq, prev }),
            (None, None, None) => None,
            _ => return Err(HeaderError::Field("task_seq")),
        };
        Ok(Header {
            index: wire.index,
            at_us: at::parse(&wire.at).ok_or(HeaderError::Field("at"))?,
            kind,
            id: ArtifactId::parse(id)?,
            task,
            correlation_id: wire.correlation_id,
            commit: Commitment(hash(&wire.commit).ok_or(HeaderError::Field("commit"))?),
        })
    }

    /// What the types leave open.
    pub(crate) fn validate(&self) -> Result<(), HeaderError> {
        if self.index > MAX_INTEGER {
            return Err(HeaderError::NumberTooLarge("index", self.index));
        }
        if !(MIN_AT_US..=MAX_AT_US).contains(&self.at_us) {
            return Err(HeaderError::Time(self.at_us));
        }
        let Some(TaskLink { task_id, seq, prev }) = &self.task else {
            return Ok(());
        };
        if *seq > MAX_INTEGER {
            return Err(HeaderError::NumberTooLarge("task_seq", *seq));
        }
        if *seq == 0 || (*seq == 1) != prev.is_none() {
            return Err(HeaderError::Link { task_id: task_id.clone(), seq: *seq });
        }
        Ok(())
    }

    /// The log line: canonical JSON without newline, each field always there.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        let task = self.task.as_ref();
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(b"{\"at\":\"");
        at::write(self.at_us, &mut out);
        out.extend_from_slice(b"\",\"commit\":");
        write_hash(Some(&self.commit.0), &mut out);
        out.extend_from_slice(b",\"correlation_id\":");
        write_text(self.correlation_id.as_deref(), &mut out);
        out.extend_from_slice(b",\"index\":");
        write_integer(self.index, &mut out);
        out.extend_from_slice(b",\"kind\":");
        write_string(self.kind.as_str(), &mut out);
        out.extend_from_slice(b",\"ref\":\"");
        // Folder and id hold nothing that JSON escapes.
        out.extend_from_slice(self.kind.folder().as_bytes());
        out.push(b'/');
        out.extend_from_slice(self.id.as_str().as_bytes());
        out.extend_from_slice(b".json\",\"task_id\":");
        write_text(task.map(|task| task.task_id.as_str()), &mut out);
        out.extend_from_slice(b",\"task_prev\":");
        write_hash(task.and_then(|task| task.prev.as_ref()), &mut out);
        out.extend_from_slice(b",\"task_seq\":");
        match task {
            Some(task) => write_integer(task.seq, &mut out),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"v\":");
        write_integer(VERSION, &mut out);
        out.push(b'}');
        out
    }

    /// The leaf of the log: RFC 6962 over [`Header::line`].
    #[must_use]
    pub fn leaf_hash(&self) -> Hash {
        log_leaf(&self.line())
    }

    /// Where the artifact lies in an export.
    #[must_use]
    pub fn artifact_ref(&self) -> String {
        format!("{}/{}.json", self.kind.folder(), self.id.as_str())
    }
}

fn hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn write_text(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => write_string(text, out),
        None => out.extend_from_slice(b"null"),
    }
}

fn write_hash(hash: Option<&Hash>, out: &mut Vec<u8>) {
    let Some(hash) = hash else {
        return out.extend_from_slice(b"null");
    };
    let mut text = [0; 44];
    out.push(b'"');
    if STANDARD.encode_slice(hash, &mut text).is_ok() {
        out.extend_from_slice(&text);
    }
    out.push(b'"');
}
