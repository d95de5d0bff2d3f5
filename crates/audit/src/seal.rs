//! Making an artifact's record, and checking one.

use serde_json::Value;

use crate::canonical::lay_out;
use crate::commit::{Commitment, Nonce, commit_layout};
use crate::header::{Header, HeaderError, MAX_HEADER_BYTES, TaskLink};
use crate::json::{self, JsonError, Unfit};
use crate::kind::{ArtifactId, Kind};
use crate::merkle::{Hash, log_leaf};

/// The largest artifact, in canonical bytes. What is larger is recorded by its digest.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// All that goes into one artifact's record.
#[derive(Debug)]
pub struct SealInput<'a> {
    /// Its place in the log, from 0.
    pub index: u64,
    /// When it is recorded, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// What it records.
    pub kind: Kind,
    /// Which one of its kind; see [`ArtifactId`].
    pub id: &'a str,
    /// Its place in its task's chain, if it belongs to a task.
    pub task: Option<TaskLink>,
    /// The incident or firing that it belongs to, if any.
    pub correlation_id: Option<String>,
    /// Its content.
    pub body: &'a Value,
    /// Fresh random bytes, never used for another artifact.
    pub nonce: &'a Nonce,
}

/// One artifact's record, to be stored with its nonce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The log line, without newline.
    pub header_line: Vec<u8>,
    /// The line's hash, the log's next leaf.
    pub leaf_hash: Hash,
    /// The commitment in the header.
    pub commit: Commitment,
    /// The content's canonical bytes.
    pub body: Vec<u8>,
}

/// Why an artifact cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The content breaks the rules of ingest.
    #[error("the artifact's content cannot be recorded: {0}")]
    Body(#[from] Unfit),
    /// The content is larger than [`MAX_BODY_BYTES`].
    #[error("{0} canonical bytes are more than the {MAX_BODY_BYTES} of an artifact; record a digest instead")]
    BodyTooLarge(usize),
    /// The header cannot be written.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// Makes the record of one artifact.
///
/// # Errors
/// When the content would not survive canonical form, or the header would not be valid. Nothing is rounded or cut.
pub fn seal(input: SealInput<'_>) -> Result<Sealed, SealError> {
    json::admit(input.body)?;
    let body = lay_out(input.body);
    if body.bytes.len() > MAX_BODY_BYTES {
        return Err(SealError::BodyTooLarge(body.bytes.len()));
    }
    let header = Header {
        index: input.index,
        at_us: input.at_us,
        kind: input.kind,
        id: ArtifactId::parse(input.id).map_err(HeaderError::Id)?,
        task: input.task,
        correlation_id: input.correlation_id,
        commit: commit_layout(input.nonce, &body),
    };
    header.validate()?;
    let header_line = header.line();
    if header_line.len() > MAX_HEADER_BYTES {
        return Err(HeaderError::TooLong(header_line.len()).into());
    }
    Ok(Sealed { leaf_hash: log_leaf(&header_line), header_line, commit: header.commit, body: body.bytes })
}

/// What does not fit in an artifact's record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The line is not the one that the log holds.
    #[error("the header line is not the one in the log")]
    Leaf,
    /// The line is in the log and is no header.
    #[error("the log holds something that is no header: {0}")]
    Header(#[from] HeaderError),
    /// The content is no valid artifact.
    #[error("the artifact's content is damaged: {0}")]
    Body(#[from] JsonError),
    /// The content is the same JSON in other bytes.
    #[error("the artifact's content is not in canonical form")]
    NotCanonical,
    /// The content or the nonce is not what was recorded.
    #[error("the artifact's content or its nonce is not what the header commits to")]
    Commitment,
}

/// Whether a header line is the one of the log leaf `leaf_hash`: all that can be checked where the content is gone.
///
/// # Errors
/// What does not fit.
pub fn check_header(header_line: &[u8], leaf_hash: &Hash) -> Result<Header, Mismatch> {
    if log_leaf(header_line) != *leaf_hash {
        return Err(Mismatch::Leaf);
    }
    Ok(Header::parse(header_line)?)
}

/// Whether header line, nonce and content belong together and to the log leaf `leaf_hash`. Nothing but the log binds
/// the header's own fields, which is why the leaf is needed.
///
/// # Errors
/// The first thing that does not fit.
pub fn check(header_line: &[u8], leaf_hash: &Hash, nonce: &Nonce, body: &[u8]) -> Result<Header, Mismatch> {
    let header = check_header(header_line, leaf_hash)?;
    let content = lay_out(&json::parse(body, MAX_BODY_BYTES)?);
    if content.bytes != body {
        return Err(Mismatch::NotCanonical);
    }
    if commit_layout(nonce, &content) != header.commit {
        return Err(Mismatch::Commitment);
    }
    Ok(header)
}
