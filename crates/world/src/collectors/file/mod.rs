//! The file collector: whether a file is there, its digest, its size and when it last changed.
//!
//! It checks `file_written`. For any other claim a file's digest pins what was offered and proves nothing, so it counts as
//! recorded only. A missing file contradicts `file_written`; an empty one leaves it open, since an empty file is what a
//! failed backup leaves behind and what some tools mean to write.

use candor_core::{claim::ClaimKind, evidence::Subject};

use super::{
    Collector, CollectorConfig, Look, Saw, Seen,
    paths::{self, Refusal},
};
use crate::signals::file::modified_at;

/// Looks at files.
pub struct File;

impl Collector for File {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn checks(&self, _: &Subject, claim: &ClaimKind, _: &CollectorConfig) -> bool {
        *claim == ClaimKind::FileWritten
    }

    fn look(&self, subject: &Subject, look: Look<'_>) -> Seen {
        let Subject::File { path } = subject else {
            return Seen::new(Saw::Nothing, "not a file");
        };
        look_at(path, look).unwrap_or_else(|refusal| match refusal {
            Refusal::Missing(_) => Seen::new(Saw::Bad, refusal.to_string()),
            _ => Seen::new(Saw::Nothing, refusal.to_string()),
        })
    }
}

fn look_at(given: &str, look: Look<'_>) -> Result<Seen, Refusal> {
    let found = paths::resolve(given, &look.config.roots)?;
    let (file, metadata) = paths::open(&found, given)?;
    let (sha256, bytes) = paths::hash(file, given, look.config.limits.hashed_bytes)?;
    let (saw, summary) = match bytes {
        0 => (Saw::Unclear, format!("`{given}` is there and empty")),
        _ => (Saw::Good, format!("`{given}` is there, {bytes} bytes")),
    };
    let mut seen = Seen::new(saw, summary);
    seen.sha256 = Some(sha256);
    seen.subject_at = modified_at(&metadata);
    Ok(seen)
}
