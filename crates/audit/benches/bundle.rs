//! What checking a bundle costs, beside the least that a check of the same bytes does: parse, canonical form, SHA-256.
//!
//! `cargo bench -p candor-audit --bench bundle [-- RECORDS]`, 100,000 records without a number. The bundle is written to a file and
//! checked from there; `rss_mib` is the most memory that the check took, in a process that did nothing else.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench prints, reads a clock and uses files"
)]

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use candor_audit::{
    bundle::{
        archive::ArchiveReader,
        manifest::{Headers, Selection},
        opening::Opening,
        verify::{Source, Trust, verify},
        write::{About, Draft, Shipped},
    },
    canonical,
    commit::Nonce,
    header::{Header, TaskLink},
    json,
    kind::Kind,
    merkle::{Frontier, Hash, Log},
    seal::{MAX_BODY_BYTES, SealInput, Sealed, seal},
    sign::{checkpoint::Checkpoint, key::NodeKey},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

struct InFile<'a>(&'a Path);

impl Source for InFile<'_> {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.0)?))
    }
}

fn key() -> NodeKey {
    NodeKey::from_seed("candor-node-7", &[7; 32]).unwrap()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let records = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bundle-{records}.tar"));
    if arguments.iter().any(|argument| argument == "check") {
        return check(&path);
    }
    write(&path, records);
    let size = path.metadata().unwrap().len() as f64 / 1e6;
    println!("{records} records, {size:.1} MB");
    let started = Instant::now();
    floor(&path);
    let floor = started.elapsed().as_secs_f64();
    println!("parse, canonical form and SHA-256 alone   {floor:8.2} s  {:9.0} records/s", records as f64 / floor);
    let child = Command::new(&arguments[0]).args([&records.to_string(), "check"]).output().unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    print!("{told}");
    let took: f64 = told.lines().find_map(|line| line.strip_prefix("took ")?.parse().ok()).unwrap_or(f64::NAN);
    println!("figure verify_share_of_bare {:.3}", floor / took);
    let rss = told.lines().find_map(|line| line.strip_prefix("rss_mib ")).unwrap_or("NaN");
    println!("figure verify_rss_mib {rss}");
    println!("figure bare_s {floor:.3}");
    match std::env::var_os("CANDOR_BENCH_KEEP") {
        // For whoever checks it as a user does.
        Some(folder) => {
            let folder = PathBuf::from(folder);
            std::fs::write(folder.join("node.pub"), key().public().to_string()).unwrap();
            std::fs::rename(&path, folder.join("bundle.tar")).unwrap();
        }
        None => std::fs::remove_file(&path).unwrap(),
    }
}

fn check(path: &Path) {
    let started = Instant::now();
    let key = key().public();
    let verdict = verify(&InFile(path), &Trust { key: &key, known: &[], copier: None }).unwrap();
    let took = started.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    let rss: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
    println!(
        "verify                                    {took:8.2} s  {:9.0} records/s",
        verdict.artifacts as f64 / took
    );
    println!("took {took:.4}");
    println!("rss_mib {:.1}", rss / 1024.0);
}

fn floor(path: &Path) {
    let mut archive = ArchiveReader::new(BufReader::new(File::open(path).unwrap()));
    while let Some(member) = archive.next_member().unwrap() {
        if member.name.starts_with("state/") {
            let bytes = archive.content(1 << 20).unwrap();
            let value = json::parse(&bytes, MAX_BODY_BYTES).unwrap();
            assert_eq!(canonical::to_bytes(&value), bytes);
            std::hint::black_box(Sha256::digest(&bytes));
        }
    }
}

fn record(index: u64, prev: Option<Hash>) -> (Sealed, Nonce) {
    let body = json!({
        "specversion": "1.0", "id": format!("e-{index}"), "source": "urn:candor:node-7:watchdog", "subject": "task-123",
        "type": "reporting-governance.checkpoint.missed", "time": "2026-11-23T09:02:58.123456Z", "taskid": "task-123",
        "agentid": "builder-2", "runtime": "command", "note": "x".repeat(200),
        "data": {"level": 1, "silent_for_s": 1391.25, "in_flight": [], "last": {"note": "41 of 96", "waiting": false}},
    });
    let mut nonce = [0; 32];
    nonce[..8].copy_from_slice(&index.to_be_bytes());
    let nonce = Nonce(nonce);
    let sealed = seal(SealInput {
        index,
        at_us: 1_795_424_578_123_456 + index as i64,
        kind: Kind::Event,
        id: &format!("e-{index}"),
        task: Some(TaskLink { task_id: "task-123".into(), seq: index + 1, prev }),
        correlation_id: Some("corr-123".into()),
        body: &body,
        nonce: &nonce,
    });
    (sealed.unwrap(), nonce)
}

fn write(path: &Path, records: u64) {
    let mut draft = Draft::default();
    let mut tree = Frontier::<Log>::new();
    let mut prev = None;
    let mut leaves = Vec::new();
    for index in 0..records {
        leaves.push(prev);
        let (sealed, nonce) = record(index, prev);
        let header = Header::parse(&sealed.header_line).unwrap();
        let shipped = Shipped { body: &sealed.body, opening: Opening::Whole(nonce), redacted: Vec::new() };
        draft.ship(&sealed.header_line, &header, shipped).unwrap();
        tree.push(sealed.leaf_hash);
        prev = Some(sealed.leaf_hash);
    }
    let head =
        Checkpoint { origin: "candor-node-7".into(), size: records, root: tree.root(), at_us: 1_795_424_578_123_456 };
    let about = About {
        selection: Selection::Task { task_id: "task-123".into(), headers: Headers::Range },
        task_id: Some("task-123".into()),
        correlation_id: None,
        deployment_profile: None,
        capability_descriptor: None,
        plugin_package_version: "0.1.0".into(),
        exporter: "candor 0.1.0".into(),
        exported_at_us: 1_795_424_578_123_456,
        derived: None,
    };
    let file = BufWriter::new(File::create(path).unwrap());
    let mut archive = draft.seal(about, &head, &head.sign(&[&key()]), &key(), file).unwrap();
    for (index, prev) in (0..).zip(leaves) {
        archive.add(&format!("state/long-task-watchdog-events/e-{index}.json"), &record(index, prev).0.body).unwrap();
    }
    archive.finish().unwrap();
}
