//! `kill -9` of the real process: at random times, at every named crash point, and of one role among several.
//!
//! `CANDOR_KILLS` and `CANDOR_SEED` make the run longer or another one; `cargo xtask crash` sets them. A line of JSON ends each run.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::common::{Daemon, Home, Moods, PATIENCE, Sink, post, wait};

const POSTERS: u64 = 4;
/// Tasks that are reported on meanwhile.
const TASKS: u64 = 40;
/// How the receiver behaves: one in five late, and now and then silent, failing or busy.
const MOODS: Moods = Moods { late: 5, by: Duration::from_millis(120), silent: 23, failing: 31, busy: 97 };

/// What was answered as accepted.
#[derive(Default)]
struct Accepted {
    notices: BTreeSet<String>,
    /// Checkpoints and claims by task.
    checkpoints: BTreeMap<String, u64>,
    claims: BTreeMap<String, u64>,
}

/// Reports from several threads.
#[derive(Clone, Default)]
struct Load {
    accepted: Arc<Mutex<Accepted>>,
    next: Arc<AtomicU64>,
}

impl Load {
    /// Posts until told to stop, or until an answer doesn't come.
    fn run(&self, at: std::net::SocketAddr, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
        let poster = |_| {
            let (load, stop) = (self.clone(), Arc::clone(stop));
            std::thread::spawn(move || while !stop.load(Ordering::Relaxed) && load.post_one(at).is_some() {})
        };
        (0..POSTERS).map(poster).collect()
    }

    fn post_one(&self, at: std::net::SocketAddr) -> Option<()> {
        let no = self.next.fetch_add(1, Ordering::Relaxed);
        let (id, task) = (format!("bn-{no:07}"), format!("task-{}", no / 8 % TASKS));
        let (kind, data) = match no % 8 {
            6 => ("task.checkpointed", json!({})),
            7 => ("claim.made", json!({"claim": "fixed", "statement": id})),
            // One in sixteen goes to the program as well.
            of => (
                "notice.requested",
                json!({"title": id, "severity": if of == 0 && no.is_multiple_of(16) { "critical" } else { "info" }}),
            ),
        };
        let mut event = json!({"specversion": "1.0", "id": id, "source": "/load",
            "type": format!("reporting-governance.{kind}"), "data": data});
        if kind != "notice.requested" {
            event["subject"] = json!(task);
        }
        match post(at, &event) {
            Some((200, _)) => {
                let mut accepted = self.accepted.lock().unwrap();
                match kind {
                    "task.checkpointed" => *accepted.checkpoints.entry(task).or_default() += 1,
                    "claim.made" => *accepted.claims.entry(task).or_default() += 1,
                    _ => drop(accepted.notices.insert(id)),
                }
                Some(())
            }
            _ => None,
        }
    }
}

fn env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Dice that come out the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A home with two targets: a receiver that knows repeats by their key, and a program that doesn't and keeps a log of what it was given.
struct Place {
    home: Home,
    sink: Sink,
}

impl Place {
    fn new(moods: Moods) -> Self {
        let sink = Sink::start(moods);
        let home = Home::owned("");
        let (program, log) = (home.folder.path().join("teller"), home.folder.path().join("told.log"));
        let script = format!(
            "#!/bin/sh\ncat >/dev/null\necho \"$CANDOR_NOTICE\" >> '{}'\nsleep 0.03\nprintf '{{\"notice\":\"%s\",\"level\":\"stored\"}}' \"$CANDOR_NOTICE\"\n",
            log.display()
        );
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let config = format!(
            "{}- name: teller\n  sender: command\n  program: {}\n  may_prove: stored\n  from_severity: critical\n",
            sink.config(),
            program.display()
        );
        std::fs::write(home.state().join("candor.yaml"), config).unwrap();
        home.ends(
            0,
            &["gate", "open", "production_write", "--reason", "crash test", "--uses", "1000000", "--expires", "1d"],
        );
        for task in 0..TASKS {
            home.ends(0, &["task", "start", &format!("task-{task}"), "--period", "10d"]);
        }
        Self { home, sink }
    }

    /// How often the program was given each notice, by its key.
    fn told(&self) -> BTreeMap<String, u64> {
        let log = std::fs::read_to_string(self.home.folder.path().join("told.log")).unwrap_or_default();
        let mut told = BTreeMap::new();
        log.lines().for_each(|key| *told.entry(key.to_owned()).or_default() += 1);
        told
    }

    /// Waits until nothing moves by itself any more; how long that took from the start of `daemon`.
    fn rest(&self, since: Instant) -> Duration {
        // However much there is to do, something must go on: as long as it does, the patience starts anew.
        let (mut before, mut until) = (Value::Null, Instant::now() + PATIENCE);
        // What is planned may begin between a look at what moves and one at what is planned, so both must be still around the other.
        let mut still = 0;
        while still < 2 {
            let deliveries = self.home.json(&["status"])["deliveries"].clone();
            let moving = deliveries.as_array().unwrap().iter().any(is_moving);
            still = if moving || self.is_planned() { 0 } else { still + 1 };
            assert!(Instant::now() < until, "nothing goes on any more, and not everything is at rest: {deliveries}");
            if deliveries != before {
                (before, until) = (deliveries, Instant::now() + PATIENCE);
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        since.elapsed()
    }

    /// Whether an unknown outcome has a time of its own, and so is still on its way.
    fn is_planned(&self) -> bool {
        let planned = |row: &Value| {
            let deliveries = row["deliveries"].as_array().unwrap();
            deliveries.iter().any(|of| of["state"]["next_at"].is_string())
        };
        let pending = ["notice", "list", "--in", "pending_external_send", "--limit", "100000"];
        self.home.json(&pending)["notices"].as_array().unwrap().iter().any(planned)
    }
}

/// Whether a count of `status` is of deliveries that go on by themselves.
fn is_moving(count: &Value) -> bool {
    let (state, reason) = (count["state"].as_str().unwrap(), count["reason"].as_str().unwrap_or_default());
    !(matches!(state, "acked" | "blocked") || reason == "outcome_unknown")
}

/// What a whole run came to.
#[derive(Default)]
struct Tally {
    notices: usize,
    acked: u64,
    unknown: u64,
    repeats: u64,
}

/// Holds the whole record against what was accepted and what receivers saw.
fn hold(place: &Place, load: &Load) -> Tally {
    let rows = place.home.json(&["notice", "list", "--limit", "10000000"]);
    let rows = rows["notices"].as_array().unwrap();
    let asked = |row: &&Value| row["notice"]["title"].as_str().unwrap().starts_with("bn-");
    let titles: Vec<&str> = rows.iter().filter(asked).map(|row| row["notice"]["title"].as_str().unwrap()).collect();
    let known: BTreeSet<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    assert_eq!(known.len(), titles.len(), "one event, one notice");
    let accepted = load.accepted.lock().unwrap();
    let lost: Vec<&String> = accepted.notices.difference(&known).collect();
    assert!(lost.is_empty(), "accepted and lost: {lost:?}");
    for (task, least) in &accepted.checkpoints {
        let shown = place.home.json(&["task", "show", task]);
        assert!(shown["task"]["checkpoints"].as_u64().unwrap() >= *least, "{task} lost checkpoints: {shown}");
        let claims = shown["claims"].as_array().unwrap().len() as u64;
        assert!(claims >= accepted.claims.get(task).copied().unwrap_or_default(), "{task} lost claims");
    }
    let (seen, told) = (place.sink.seen.lock().unwrap().clone(), place.told());
    let mut tally = Tally { notices: rows.len(), ..Tally::default() };
    for (row, delivery) in
        rows.iter().flat_map(|row| row["deliveries"].as_array().unwrap().iter().map(move |of| (row, of)))
    {
        let ending = format!("-{}-{}", row["notice"]["no"].as_str().unwrap(), delivery["target"].as_str().unwrap());
        let by_key =
            |of: &BTreeMap<String, u64>| of.iter().find(|(key, _)| key.ends_with(&ending)).map_or(0, |(_, n)| *n);
        let knows_keys = delivery["target"] == "sink";
        let copies = if knows_keys { by_key(&seen) } else { by_key(&told) };
        let state = delivery["state"]["state"].as_str().unwrap();
        assert!(state != "acked" || copies > 0 || delivery["digest_of"].is_string(), "acked and never seen: {row}");
        assert!(state != "blocked" || copies == 0, "blocked, and the receiver has it: {row}");
        let settled = matches!(state, "acked") || delivery["state"]["reason"] == "outcome_unknown";
        assert!(copies == 0 || settled, "the receiver has it, and the record says {state}: {row}");
        assert!(copies <= 1 || knows_keys, "told twice by a channel that knows no keys: {row}");
        assert!(copies <= 1 || delivery["maybe_repeat"] == true, "seen twice and not marked: {row}");
        tally.acked += u64::from(state == "acked");
        tally.unknown += u64::from(delivery["state"]["reason"] == "outcome_unknown");
        tally.repeats += u64::from(copies > 1);
    }
    let status = place.home.json(&["status"]);
    assert_eq!(status["stranded"], json!([]), "every notice has a next step");
    tally
}

/// The end of a run: a last start, rest, and the reckoning.
fn settle(place: &Place, load: &Load) -> Value {
    let started = Instant::now();
    let daemon = place.home.up();
    let rested = place.rest(started);
    drop(daemon);
    let tally = hold(place, load);
    let accepted = load.accepted.lock().unwrap();
    json!({
        "accepted_notices": accepted.notices.len(),
        "accepted_checkpoints": accepted.checkpoints.values().sum::<u64>(),
        "accepted_claims": accepted.claims.values().sum::<u64>(),
        "notices": tally.notices, "acked": tally.acked, "outcome_unknown": tally.unknown, "seen_twice_and_marked": tally.repeats,
        "lost": 0, "false_acked": 0, "false_blocked": 0, "unmarked": 0, "without_next_step": 0,
        "at_rest_after_ms": u64::try_from(rested.as_millis()).unwrap(),
    })
}

#[test]
fn killed_at_random_nothing_is_lost_and_nothing_is_made_up() {
    let (kills, seed) = (env("CANDOR_KILLS", 6), env("CANDOR_SEED", 1));
    let (place, load, mut dice) = (Place::new(MOODS), Load::default(), Dice(seed));
    let (mut slowest, mut resumed, mut told) = (Duration::ZERO, Duration::ZERO, Instant::now());
    for kill in 0..kills {
        let (started, before) = (Instant::now(), place.sink.requests());
        let daemon = place.home.up();
        slowest = slowest.max(started.elapsed());
        let stop = Arc::new(AtomicBool::new(false));
        let posters = load.run(daemon.address.unwrap(), &stop);
        let until = Instant::now() + Duration::from_millis(20 + dice.below(300));
        let mut sends = None;
        wait("its time has come", || {
            if sends.is_none() && place.sink.requests() > before {
                sends = Some(started.elapsed());
            }
            Instant::now() >= until
        });
        resumed = resumed.max(sends.unwrap_or_default());
        drop(daemon);
        stop.store(true, Ordering::Relaxed);
        posters.into_iter().for_each(|poster| poster.join().unwrap());
        if told.elapsed() > Duration::from_secs(10) {
            println!("… {kill} of {kills} kills");
            told = Instant::now();
        }
    }
    let mut table = settle(&place, &load);
    table["kills"] = json!(kills);
    table["seed"] = json!(seed);
    table["slowest_start_ms"] = json!(u64::try_from(slowest.as_millis()).unwrap());
    table["slowest_first_send_ms"] = json!(u64::try_from(resumed.as_millis()).unwrap());
    println!("random {table}");
}

/// Every point of `engine/crash.rs`, and at which passings.
#[cfg(feature = "crash-points")]
const POINTS: [(&str, &[u64]); 9] = [
    ("start.before_recover", &[1]),
    ("start.after_recover", &[1]),
    ("commit.before", &[1, 2, 5]),
    ("commit.after", &[1, 2, 5]),
    ("send.before_call", &[1, 2, 5]),
    ("send.after_call", &[1, 2, 5]),
    ("receipt.before_commit", &[1, 2, 5]),
    ("receipt.after_commit", &[1, 2, 5]),
    ("stop.before_end", &[1]),
];

#[cfg(feature = "crash-points")]
#[test]
fn killed_at_every_named_point_nothing_is_lost_and_nothing_is_made_up() {
    for (point, passings) in POINTS {
        for nth in passings {
            let (place, load) =
                (Place::new(Moods { late: 5, by: Duration::from_millis(50), ..Moods::default() }), Load::default());
            let mut daemon = place.home.up_with(&[("CANDOR_CRASH_AT", &format!("{point}:{nth}"))]);
            let stop = Arc::new(AtomicBool::new(false));
            let posters = daemon.address.map(|at| load.run(at, &stop)).unwrap_or_default();
            if point == "stop.before_end" {
                daemon.signal("-TERM");
            }
            wait("it kills itself", || daemon.child.try_wait().unwrap().is_some());
            stop.store(true, Ordering::Relaxed);
            posters.into_iter().for_each(|poster| poster.join().unwrap());
            println!("{point}:{nth} {}", settle(&place, &load));
        }
    }
}

/// A role as a process of its own.
fn role(home: &Home, name: &str) -> Daemon {
    let mut command = home.command(&["run", name, "--loop"]);
    Daemon { child: command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap(), address: None }
}

#[test]
fn one_role_of_three_is_killed_and_the_others_go_on() {
    let (kills, seed) = (env("CANDOR_KILLS", 6), env("CANDOR_SEED", 1));
    let (place, load, mut dice) = (Place::new(MOODS), Load::default(), Dice(seed ^ 0xB0));
    let names = ["watchdog", "dispatcher", "bridge"];
    let mut roles = names.map(|name| role(&place.home, name));
    for _ in 0..kills.min(100) {
        for _ in 0..3 {
            let no = load.next.fetch_add(16, Ordering::Relaxed);
            let id = format!("bn-{no:07}");
            place.home.ends(0, &["notify", &id, "--severity", "critical"]);
            load.accepted.lock().unwrap().notices.insert(id);
        }
        let (dies, until) = (dice.below(3) as usize, Instant::now() + Duration::from_millis(dice.below(200)));
        wait("its time has come", || Instant::now() >= until);
        roles[dies] = role(&place.home, names[dies]);
    }
    // A lease of a process that died is taken back within its time; no other process has to end for that.
    place.rest(Instant::now());
    for role in &roles {
        role.signal("-TERM");
    }
    drop(roles);
    println!("roles {}", settle(&place, &load));
}
