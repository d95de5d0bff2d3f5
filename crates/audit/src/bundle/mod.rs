//! Bundles: records of the log in one file, which a stranger checks without the store that they come from.
//!
//! A plain ustar archive with the deployment model's manifest, one signature, the log's signed head, the shown headers, the roots of what
//! isn't shown, what opens the commitments, and each artifact under its `ref`. `BUNDLE.md` beside this crate is the format for
//! strangers; [`write::Draft`] makes one, [`verify::verify`] checks one as a stream.

pub mod copy;
mod explain;
pub mod hands;
pub mod keys;
pub mod manifest;
pub mod opening;
pub mod verdict;
pub mod verify;
mod walk;
pub mod write;

pub use crate::archive;

/// The bundle format's version, in each manifest.
pub const BUNDLE_VERSION: &str = "1.0.0";
/// What the signed statement is a statement of.
pub const PREDICATE_TYPE: &str = "urn:candor:audit-bundle:v1";

/// The manifest.
pub const MANIFEST: &str = "manifest.json";
/// The signature over the manifest's digest.
pub const ENVELOPE: &str = "manifest.dsse.json";
/// The log's signed head.
pub const CHECKPOINT: &str = "checkpoint.txt";
/// The shown headers, in the log's order, a line each.
pub const RECORDS: &str = "records.jsonl";
/// Roots of the subtrees of which nothing is shown: `from level hash`, a line each.
pub const NODES: &str = "nodes.txt";
/// What opens each artifact's commitment, in the log's order, a line each.
pub const OPENINGS: &str = "openings.jsonl";
/// For people and `sha256sum -c`.
pub const SUMS: &str = "SHA256SUMS";

/// The files before the artifacts, in the order in which they stand.
pub const FILES: [&str; 7] = [MANIFEST, ENVELOPE, CHECKPOINT, RECORDS, NODES, OPENINGS, SUMS];

/// The largest manifest, in bytes: 2,000,000 artifacts.
pub const MAX_MANIFEST_BYTES: u64 = 1 << 30;
/// The largest of the other files, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 32;
/// The longest line of `openings.jsonl`, in bytes: the salts of a redacted artifact with as many leaves as one can have.
pub const MAX_OPENING_BYTES: usize = 64 << 20;
/// The longest line of `nodes.txt`, in bytes.
pub const MAX_NODE_BYTES: usize = 96;
/// What is read at once, in bytes.
const READ_BYTES: usize = 128 * 1024;
