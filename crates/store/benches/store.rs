//! What the store costs, beside bare rusqlite doing the same batches: `cargo bench -p candor-store`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench prints, and stops when something is wrong"
)]

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use candor_core::{
    capability::Capabilities,
    decision::{Severity, Verdict},
    event::Event,
    evidence::Origin,
    ids::OwnerNo,
    notice::{Answer, Outcome, Proof, ProofLevel},
    pack::PackSet,
    settings::{Approvals, OnUnknown, Retry, Settings, Target},
    task::Cadence,
    time::Timestamp,
};
use candor_path::{Effect, Input, Machine, Reply, View as _, Vouched};
use candor_store::{
    Listing as _, Store as _, Txn as _,
    sqlite::{Hold, Sqlite},
};
use serde_json::json;

const BATCH: usize = 64;
const BATCHES: usize = 300;
const ACTIVE: usize = 1_000;
/// Where the numbers in the checkpoints' ids begin.
const FIRST_ID: usize = 1_000_000_000;
/// Pauses of 50 ms, as 20 notices a second leave them.
const PAUSES: u32 = 200;
/// Pairs of runs, ours and bare, in turns.
const ROUNDS: usize = 15;

fn machine() -> Machine {
    let target = Target {
        name: "ops".parse().unwrap(),
        sender: "webhook@0.1.0".to_owned(),
        available: true,
        gate: None,
        reads_secrets: false,
        idempotent: true,
        on_unknown: OnUnknown::Hold,
        needs: ProofLevel::Stored,
        retry: Retry::default(),
        from_level: 1,
        from_severity: Severity::Info,
    };
    let hour = Duration::from_secs(3_600);
    let settings = Settings {
        profile: "bench".to_owned(),
        node: "bench".to_owned(),
        cadence: Cadence { period: hour, grace: hour },
        escalate_after: Vec::new(),
        targets: vec![target],
        default_verdict: Verdict::Allow,
        evidence_lives_for: hour,
        deployment: Capabilities::default(),
        capabilities: BTreeMap::new(),
        lease: hour,
        handover: hour,
        fold_every: hour,
        keep_for: candor_core::profile::KeepFor::default(),
        places: Vec::new(),
        approvals: Approvals::default(),
    };
    Machine { settings, packs: PackSet::core().unwrap(), vouched: Vouched::default() }
}

fn event(kind: &str, id: usize, task: Option<usize>, data: serde_json::Value, now: Timestamp) -> Input {
    let mut event = json!({"specversion": "1.0", "id": format!("bn-{id}"), "source": "/bench",
        "type": format!("reporting-governance.{kind}"), "data": data});
    if let Some(task) = task {
        event["subject"] = json!(format!("task-{task:07}"));
    }
    Input::Report { event: Box::new(Event::parse(event, now).unwrap()), origin: Origin::Agent }
}

struct Bench {
    machine: Machine,
    store: Sqlite,
    now: Timestamp,
    tasks: usize,
    ids: usize,
}

impl Bench {
    fn new(folder: &Path) -> Self {
        let store = Sqlite::open(&folder.join("candor.db"), Hold::Alone, "bench").unwrap();
        Self { machine: machine(), store, now: Timestamp::from_micros(1_800_000_000_000_000), tasks: 0, ids: 0 }
    }

    fn batch(&mut self, inputs: Vec<Input>) -> Vec<(Reply, Vec<Effect>)> {
        let mut txn = self.store.begin().unwrap();
        let mut done = Vec::new();
        for input in inputs {
            let plan = self.machine.step(&txn, self.now, input).unwrap();
            txn.apply(&plan, self.now).unwrap();
            done.push((plan.reply, plan.effects));
        }
        txn.commit().unwrap();
        done
    }

    fn grow(&mut self, to: usize) {
        while self.tasks < to {
            let upto = (self.tasks + 4_096).min(to);
            let now = self.now;
            let inputs =
                (self.tasks..upto).map(|task| event("task.started", task, Some(task), json!({}), now)).collect();
            self.batch(inputs);
            self.tasks = upto;
        }
    }

    /// Seconds per checkpoint, over tasks spread evenly among all that exist.
    fn checkpoints(&mut self) -> f64 {
        let stride = (self.tasks / ACTIVE).max(1);
        let mut batches: Vec<Vec<Input>> = Vec::new();
        for _ in 0..BATCHES {
            let inputs = (0..BATCH).map(|_| {
                self.ids += 1;
                event(
                    "task.checkpointed",
                    FIRST_ID + self.ids,
                    Some(self.ids * 7 % ACTIVE * stride),
                    json!({}),
                    self.now,
                )
            });
            batches.push(inputs.collect());
        }
        let start = Instant::now();
        for inputs in batches {
            self.batch(inputs);
        }
        start.elapsed().as_secs_f64() / (BATCH * BATCHES) as f64
    }
}

/// The same batches with nothing but rusqlite: find the task's row, append the beat, the same row as Candor's, one durable commit per
/// batch.
fn bare(folder: &Path) -> f64 {
    let mut db = rusqlite::Connection::open(folder.join("bare.db")).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; \
         CREATE TABLE name(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seen_at INTEGER) STRICT; \
         CREATE TABLE beat(seq INTEGER PRIMARY KEY, task INTEGER NOT NULL, prev INTEGER, at INTEGER NOT NULL, id TEXT NOT NULL) STRICT;",
    )
    .unwrap();
    for task in 0..ACTIVE {
        db.execute("INSERT INTO name(id, seen_at) VALUES(?1, 0)", [format!("task-{task:07}")]).unwrap();
    }
    let start = Instant::now();
    let (mut id, active) = (0_usize, i64::try_from(ACTIVE).unwrap());
    for _ in 0..BATCHES {
        let txn = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
        for _ in 0..BATCH {
            id += 1;
            let name = format!("task-{:07}", id * 7 % ACTIVE);
            let mut find = txn.prepare_cached("SELECT no, seen_at FROM name WHERE id = ?1").unwrap();
            let no: i64 = find.query_row([name], |row| row.get(0)).unwrap();
            let mut add = txn.prepare_cached("INSERT INTO beat(task, prev, at, id) VALUES(?1, ?2, ?3, ?4)").unwrap();
            let event = format!("bn-{}", FIRST_ID + id);
            let before = i64::try_from(id).ok().filter(|id| *id > active).map(|id| id - active);
            add.execute((no, before, 1_800_000_000_000_000_i64, event)).unwrap();
        }
        txn.commit().unwrap();
    }
    start.elapsed().as_secs_f64() / (BATCH * BATCHES) as f64
}

/// CPU time of this thread so far, in milliseconds.
fn cpu_ms() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e6
}

/// What a paced notice can't do without: two durable commits, of one row each, after a pause. In milliseconds of CPU time.
fn two_commits_after_a_pause(folder: &Path) -> f64 {
    let db = rusqlite::Connection::open(folder.join("paced.db")).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE row(no INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;",
    )
    .unwrap();
    let start = cpu_ms();
    for _ in 0..PAUSES {
        std::thread::sleep(Duration::from_millis(50));
        for _ in 0..2 {
            db.prepare_cached("INSERT INTO row(body) VALUES(?1)").unwrap().execute([[7_u8; 300]]).unwrap();
        }
    }
    (cpu_ms() - start) / f64::from(PAUSES)
}

/// A notice's whole life, 32 at a time: accepted and opened in one commit, answered in another.
fn notices(folder: &Path, count: usize) {
    let mut bench = Bench::new(folder);
    let owner = bench.batch(vec![Input::OwnerStarted { role: "up".to_owned(), alone: true, away_since: None }]);
    let Reply::Owner(owner) = owner[0].0 else { panic!("no owner") };
    let cpu = Instant::now();
    for round in 0..count / 32 {
        bench.now = bench.now.after(Duration::from_millis(10));
        life(&mut bench, owner, round);
    }
    let each = cpu.elapsed().as_secs_f64() / count as f64;
    bench.store.reads().check().unwrap();
    let size = bench.store.reads().size().unwrap();
    println!(
        "notice, whole life: {:.1} us each with both durable commits, {:.2} MB of database per 1,000",
        each * 1e6,
        size.database as f64 / count as f64 / 1e3
    );
}

fn life(bench: &mut Bench, owner: OwnerNo, round: usize) {
    let now = bench.now;
    let data = |id: usize| json!({"title": format!("bn-{id} task stalled"), "text": "no output since the last step ".repeat(7)});
    let inputs = (0..32).map(|k| event("notice.requested", round * 32 + k, None, data(round * 32 + k), now)).collect();
    let told = bench.batch(inputs);
    let target: candor_core::ids::TargetName = "ops".parse().unwrap();
    let dispatch = told.iter().map(|(reply, _)| {
        let Reply::Accepted(accepted) = reply else { panic!("not accepted") };
        Input::Dispatch { notice: accepted.notice.unwrap(), target: target.clone(), owner, open: true }
    });
    let sent = bench.batch(dispatch.collect());
    let answers = sent.into_iter().flat_map(|(_, effects)| effects).map(|effect| {
        let Effect::Send(sending) = effect else { panic!("not a send") };
        let proof = Proof { level: ProofLevel::Stored, provider_id: None };
        let answer = Answer {
            outcome: Outcome::Proved { proof },
            status: Some(200),
            raw: None,
            simulated: false,
            called_at: now,
            answered_at: now,
        };
        let (notice, fence) = (sending.message.notice, sending.message.fence);
        let payload_sha256 = Some(format!("{:064x}", u128::from(fence.0) * 0x9E37_79B9_7F4A_7C15_F39C_C060));
        Input::Answered { notice, target: target.clone(), fence, answer: Box::new(answer), payload_sha256 }
    });
    bench.batch(answers.collect());
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.grow(ACTIVE);
    // In turns, each beside its neighbour in time: the disk's own pace moves.
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|round| {
            let bare_folder = folder.path().join(format!("bare-{round}"));
            std::fs::create_dir(&bare_folder).unwrap();
            (bare(&bare_folder), bench.checkpoints())
        })
        .collect();
    rounds.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
    let (theirs, ours) = rounds[ROUNDS / 2];
    println!(
        "checkpoint, {BATCH} per durable commit: {:.1} us, bare rusqlite {:.1} us, rate {:.2} x bare (median of {ROUNDS} pairs)",
        ours * 1e6,
        theirs * 1e6,
        theirs / ours
    );
    println!("figure checkpoint_share_of_bare {:.3}", theirs / ours);
    for tasks in [1_000, 100_000, 1_000_000] {
        bench.grow(tasks);
        let best = (0..3).map(|_| bench.checkpoints()).fold(f64::MAX, f64::min);
        let start = Instant::now();
        let txn = bench.store.begin().unwrap();
        for _ in 0..1_000 {
            assert!(txn.due(bench.now, 256).unwrap().is_empty());
        }
        let due = start.elapsed().as_secs_f64() / 1_000.0;
        drop(txn);
        println!("{tasks} tasks: checkpoint {:.1} us, nothing due found in {:.1} us", best * 1e6, due * 1e6);
    }
    let folder = tempfile::tempdir().unwrap();
    notices(folder.path(), 9_600);
    let floor = two_commits_after_a_pause(folder.path());
    println!("two bare commits of one row after a pause of 50 ms: {floor:.2} ms of CPU time");
    println!("figure two_commits_after_a_pause_ms {floor:.3}");
}
