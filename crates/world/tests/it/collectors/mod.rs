//! Collectors against real files, repositories and processes.

mod command;
mod file;
mod git;
mod parsers;
mod test_report;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use candor_core::{
    claim::ClaimKind,
    evidence::{Evidence, Finding, Freshness, Origin, Subject, strength},
    ids::{EventNo, EvidenceNo},
    time::Timestamp,
};
use candor_world::collectors::{CollectorConfig, collect};
use tempfile::TempDir;

/// An allowed root, and a folder beside it that isn't allowed.
struct Fence {
    _all: TempDir,
    root: PathBuf,
    outside: PathBuf,
    config: CollectorConfig,
}

impl Fence {
    fn new() -> Self {
        let all = tempfile::tempdir().unwrap();
        let (root, outside) = (all.path().join("root"), all.path().join("outside"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        let config = CollectorConfig { roots: vec![root.clone()], ..CollectorConfig::default() };
        Self { _all: all, root, outside, config }
    }

    /// Writes a file below the root.
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn collect(&self, subject: &Subject, claims: &[ClaimKind]) -> Finding {
        collect(subject, claims, &self.config, now)
    }
}

fn now() -> Timestamp {
    Timestamp::from_micros(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap())
}

/// Sets when a file was written: so many seconds ago.
fn age(path: &Path, seconds: u64) {
    let at = SystemTime::now() - Duration::from_secs(seconds);
    File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
}

/// Whether evidence with this finding still counts.
fn freshness(subject: Subject, finding: Finding) -> Freshness {
    let evidence = Evidence {
        no: EvidenceNo(1),
        event: EventNo(1),
        task: "nightly".parse().unwrap(),
        supports: vec![ClaimKind::TestsPassed],
        subject,
        origin: Origin::Agent,
        strength: strength(finding.method, Origin::Agent),
        added_at: finding.looked_at,
        finding,
    };
    evidence.freshness(now(), None, None, Duration::from_secs(24 * 3600))
}
