//! The audit log of Microsoft's agent-governance-toolkit (crate `agentmesh`, MIT), doing what Candor's benches do with the same three texts:
//! append in memory, verify, and append to a file. The first argument is an empty folder. Prints lines of `figure NAME VALUE`.

use std::{hint::black_box, path::PathBuf, time::Instant};

use agentmesh::{AuditLogger, AuditSink, FileAuditSink, HashChainVerifier};

/// Its own cap on entries in memory.
const CAP: u32 = 100_000;
/// Appends that are measured beyond the cap.
const BEYOND: u32 = 500;
/// Appends to the file.
const FILED: u32 = 1_000;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("name an empty folder"));
    let logger = AuditLogger::new();
    let append = |count: u32| {
        let start = Instant::now();
        for step in 0..count {
            black_box(logger.log("builder-2", &format!("task-{step:07}"), "allow"));
        }
        start.elapsed().as_secs_f64() / f64::from(count)
    };
    println!("figure toolkit_append_us {:.3}", append(CAP) * 1e6);
    let entries = logger.entries();
    let start = Instant::now();
    assert!(HashChainVerifier::verify(&entries));
    println!("figure toolkit_check_us {:.3}", start.elapsed().as_secs_f64() / f64::from(CAP) * 1e6);
    println!("figure toolkit_append_full_us {:.3}", append(BEYOND) * 1e6);
    let sink = FileAuditSink::new(folder.join("audit.json"));
    let start = Instant::now();
    for entry in entries.iter().take(FILED as usize) {
        sink.record(entry).expect("the file can't be written");
    }
    println!("figure toolkit_durable_us {:.1}", start.elapsed().as_secs_f64() / f64::from(FILED) * 1e6);
}
