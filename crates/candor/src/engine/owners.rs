//! Who may approve, as the file says at each turn: whoever is taken out of it opens nothing from the next turn on.

use std::{fs, os::unix::fs::MetadataExt as _, path::PathBuf};

use candor_approval::signers::Owners;

use crate::config::{parse_signers, read_signers};

/// `allowed_signers`, and how it looked when it was last read.
pub struct OwnersFile {
    path: PathBuf,
    /// The folder that the file really lies in, as of the last reading: another one makes it another file.
    folder: Option<PathBuf>,
    seen: Option<[Look; 2]>,
}

/// Whatever tells that a file, or who may write it or put another in its place, is another than before; none where it isn't there.
type Look = Option<(u64, u64, u64, u32, u32, i64, i64)>;

impl OwnersFile {
    /// The file at this path, not looked at yet.
    pub fn at(path: PathBuf) -> Self {
        Self { path, folder: None, seen: None }
    }

    /// What it says now, where it may be something else than at the last call. A file that can't be trusted or read names nobody: no gate
    /// that an owner opened lets anything pass until it is mended.
    pub(super) fn changed(&mut self) -> Option<(String, Owners)> {
        let looks = [self.look(), self.folder()];
        if self.seen == Some(looks) {
            return None;
        }
        self.folder = fs::canonicalize(&self.path).ok().and_then(|real| real.parent().map(PathBuf::from));
        self.seen = Some([self.look(), self.folder()]);
        let read = read_signers(&self.path).and_then(|text| {
            let text = text.unwrap_or_default();
            let owners = parse_signers(&self.path, &text)?;
            Ok((text, owners))
        });
        Some(read.unwrap_or_else(|failure| {
            tracing::warn!(why = %failure.message, "nobody may approve, and what was approved is held");
            (String::new(), Owners::default())
        }))
    }

    fn look(&self) -> Look {
        let of = fs::metadata(&self.path).ok()?;
        Some((of.dev(), of.ino(), of.len(), of.mode(), of.uid(), of.ctime(), of.ctime_nsec()))
    }

    /// The folder changes with each file in it, so only who may write there counts.
    fn folder(&self) -> Look {
        let of = fs::metadata(self.folder.as_deref()?).ok()?;
        Some((of.dev(), of.ino(), 0, of.mode(), of.uid(), 0, 0))
    }
}
