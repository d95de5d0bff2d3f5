//! Durable appends that are acknowledged one by one, from 16 and 64 producers that each wait for theirs, beside bare rusqlite with the same texts under
//! the same group commit; and what one append costs in a log of a thousand, a hundred thousand and a million records.
//! `cargo bench -p candor-store --bench appends`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench prints, and stops when something is wrong"
)]

use std::{
    path::Path,
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    time::{Duration, Instant},
};

use candor_core::time::Timestamp;
use candor_path::{Artifact, ArtifactKind, Plan, View as _};
use candor_store::{
    Store as _, Txn as _,
    sqlite::{Hold, Sqlite},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How long each run appends.
const RUN: Duration = Duration::from_secs(2);
/// Pairs of runs, ours and bare, in turns.
const ROUNDS: usize = 5;
/// Most appends in one commit.
const GROUP_MAX: usize = 256;
/// Tasks that the records are of.
const TASKS: u64 = 1_000;
/// Appends whose cost is measured at each size of the log.
const MEASURED: u64 = 4_096;

/// A record of about 1 KiB, as the reference has it.
fn body(no: u64) -> Value {
    json!({
        "specversion": "1.0", "id": format!("bn-{no}"), "source": "urn:candor:bench", "subject": task(no),
        "type": "reporting-governance.task.progressed", "time": "2026-11-23T09:02:58.123456Z", "agentid": "builder-2",
        "data": {"note": "no output since the last step ".repeat(24), "step": no, "of": 96, "waiting": false,
                 "last": {"exit_code": 0, "seconds": 12.25, "tests": {"passed": 41, "failed": 0}}},
    })
}

fn task(no: u64) -> String {
    format!("task-{:07}", no % TASKS)
}

/// What a producer hands in, and how it is told.
type Job = (u64, SyncSender<()>);

/// Lets producers hand in one record after the other until time is up; `commit` takes what waits. Appends per second.
fn acknowledged(producers: u64, mut commit: impl FnMut(&[u64])) -> f64 {
    let (to_writer, inbox): (Sender<Job>, Receiver<Job>) = channel();
    let start = Instant::now();
    let threads: Vec<_> = (0..producers)
        .map(|producer| {
            let to_writer = to_writer.clone();
            std::thread::spawn(move || {
                let (told, tells) = sync_channel(1);
                let mut no = producer;
                while start.elapsed() < RUN {
                    to_writer.send((no, told.clone())).unwrap();
                    tells.recv().unwrap();
                    no += producers;
                }
            })
        })
        .collect();
    drop(to_writer);
    let mut count = 0;
    while let Ok(first) = inbox.recv() {
        let group: Vec<Job> = std::iter::once(first).chain(inbox.try_iter().take(GROUP_MAX - 1)).collect();
        let numbers: Vec<u64> = group.iter().map(|(no, _)| *no).collect();
        commit(&numbers);
        count += numbers.len();
        group.iter().for_each(|(_, told)| told.send(()).unwrap());
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    count as f64 / start.elapsed().as_secs_f64()
}

struct Ours {
    store: Sqlite,
    now: Timestamp,
    appended: u64,
}

impl Ours {
    fn open(folder: &Path) -> Self {
        let store = Sqlite::open(&folder.join("candor.db"), Hold::Alone, "bench").unwrap();
        Self { store, now: Timestamp::from_micros(1_800_000_000_000_000), appended: 0 }
    }

    fn append(&mut self, numbers: &[u64]) {
        self.append_bodies(numbers.iter().map(|no| (*no, body(*no))));
    }

    fn append_bodies(&mut self, bodies: impl IntoIterator<Item = (u64, Value)>) {
        let mut txn = self.store.begin().unwrap();
        for (no, body) in bodies {
            self.appended += 1;
            let mut plan = Plan::new(txn.numbers().unwrap());
            plan.artifacts.push(Artifact {
                kind: ArtifactKind::Event,
                id: format!("e-{}", self.appended),
                task: Some(task(no).parse().unwrap()),
                correlation: None,
                body,
            });
            txn.apply(&plan, self.now).unwrap();
        }
        txn.commit().unwrap();
    }
}

/// The least: the same text in a row, its id unique, its task indexed, its SHA-256 beside it.
fn bare(folder: &Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(folder.join("bare.db")).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; \
         CREATE TABLE record(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, task TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, sha256 BLOB NOT NULL) STRICT; \
         CREATE INDEX of_task ON record(task, no);",
    )
    .unwrap();
    db
}

fn bare_append(db: &mut rusqlite::Connection, appended: &mut u64, numbers: &[u64]) {
    let txn = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    for no in numbers {
        *appended += 1;
        let text = body(*no).to_string();
        let hash: [u8; 32] = Sha256::digest(&text).into();
        let mut add =
            txn.prepare_cached("INSERT INTO record(id, task, at, body, sha256) VALUES(?1, ?2, ?3, ?4, ?5)").unwrap();
        add.execute((format!("e-{appended}"), task(*no), 1_800_000_000_000_000_i64, text, hash)).unwrap();
    }
    txn.commit().unwrap();
}

fn beside_bare(producers: u64) {
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let folder = tempfile::tempdir().unwrap();
            let (mut db, mut appended) = (bare(folder.path()), 0);
            let theirs = acknowledged(producers, |numbers| bare_append(&mut db, &mut appended, numbers));
            let mut ours = Ours::open(folder.path());
            (theirs, acknowledged(producers, |numbers| ours.append(numbers)))
        })
        .collect();
    rounds.sort_by(|one, other| (one.1 / one.0).total_cmp(&(other.1 / other.0)));
    let (theirs, ours) = rounds[ROUNDS / 2];
    println!(
        "acknowledged durable appends, {producers} producers: {ours:.0}/s, bare rusqlite {theirs:.0}/s, {:.2} x bare (median of {ROUNDS} pairs)",
        ours / theirs
    );
    println!("figure appends_{producers}_per_s {ours:.0}");
    println!("figure appends_{producers}_share_of_bare {:.3}", ours / theirs);
}

/// What an append costs, by how many records there are.
/// With `CANDOR_BENCH_KEEP`, in that folder, where it is kept for whoever exports from it.
fn curve() {
    let temporary = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("CANDOR_BENCH_KEEP").map(std::path::PathBuf::from);
    let mut ours = Ours::open(kept.as_deref().unwrap_or(temporary.path()));
    let mut costs = Vec::new();
    for size in [1_000, 100_000, 1_000_000] {
        while ours.appended < size {
            let from = ours.appended;
            ours.append(&(from..(from + 1_024).min(size)).collect::<Vec<_>>());
        }
        let from = ours.appended;
        let start = Instant::now();
        for group in 0..MEASURED / 64 {
            ours.append(&(from + group * 64..from + (group + 1) * 64).collect::<Vec<_>>());
        }
        let cost = start.elapsed().as_secs_f64() / MEASURED as f64 * 1e6;
        println!("an append, 64 per durable commit, in a log of {size}: {cost:.1} us");
        println!("figure append_us_at_{size} {cost:.2}");
        costs.push(cost);
    }
    println!("figure append_growth {:.3}", costs[2] / costs[0]);
}

/// One caller, who waits for each: three texts, as the peer's audit log has them (xtask/bench/agentmesh).
fn alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut ours = Ours::open(folder.path());
    let start = Instant::now();
    for step in 0..1_000 {
        let body = json!({"agent": "builder-2", "action": format!("task-{step:07}"), "decision": "allow"});
        ours.append_bodies([(step, body)]);
    }
    println!("figure append_alone_us {:.1}", start.elapsed().as_secs_f64() / 1_000.0 * 1e6);
}

fn main() {
    alone();
    beside_bare(16);
    beside_bare(64);
    curve();
}
