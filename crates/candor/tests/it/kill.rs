//! `kill -9` of the real process: at random times, and at every named crash point when it was built with them.
//!
//! `CANDOR_KILLS` and `CANDOR_SEED` make the run longer or another one; the seed is printed.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::common::{Home, Sink, post, wait};

const POSTERS: u64 = 4;

struct Load {
    accepted: Arc<Mutex<BTreeSet<String>>>,
    next: Arc<AtomicU64>,
}

impl Load {
    /// Posts notices from several threads until told to stop. An event without an answer is posted again later, under its own id.
    fn run(&self, at: std::net::SocketAddr, stop: &Arc<AtomicBool>) -> Vec<std::thread::JoinHandle<()>> {
        let poster = |_| {
            let (accepted, next, stop) = (Arc::clone(&self.accepted), Arc::clone(&self.next), Arc::clone(stop));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let id = format!("bn-{:06}", next.fetch_add(1, Ordering::Relaxed));
                    match post(at, &event(&id)) {
                        Some((200, _)) => drop(accepted.lock().unwrap().insert(id)),
                        _ => break,
                    }
                }
            })
        };
        (0..POSTERS).map(poster).collect()
    }
}

fn event(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/load", "type": "reporting-governance.notice.requested",
        "data": {"title": id}})
}

fn env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn open_gate(home: &Home) {
    home.ends(0, &["gate", "open", "production_write", "--reason", "crash test", "--expires", "1d"]);
}

/// Waits until nothing is on its way, then holds the whole record against what the receiver saw.
fn settle(home: &Home, sink: &Sink, load: &Load) -> String {
    let daemon = home.up();
    let resumed = Instant::now();
    let moving = |status: &Value| {
        let counts = status["deliveries"].as_array().cloned().unwrap_or_default();
        counts.iter().any(|count| count["state"] != "acked" && count["state"] != "blocked")
    };
    wait("everything has come to rest", || !moving(&home.json(&["status"])));
    let rested = resumed.elapsed();
    drop(daemon);
    let rows = home.json(&["notice", "list", "--limit", "1000000"]);
    let rows = rows["notices"].as_array().unwrap();
    let titles: Vec<&str> = rows.iter().map(|row| row["notice"]["title"].as_str().unwrap()).collect();
    let known: BTreeSet<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    assert_eq!(known.len(), titles.len(), "one event, one notice");
    let accepted = load.accepted.lock().unwrap().clone();
    let lost: Vec<&String> = accepted.difference(&known).collect();
    assert!(lost.is_empty(), "accepted and lost: {lost:?}");
    let seen = sink.seen.lock().unwrap().clone();
    let (mut repeats, mut unmarked, mut false_acks) = (0, Vec::new(), Vec::new());
    for row in rows {
        let (no, delivery) = (row["notice"]["no"].as_str().unwrap(), &row["deliveries"][0]);
        let copies = seen.iter().find(|(key, _)| key.contains(&format!("-{no}-"))).map_or(0, |(_, copies)| *copies);
        if delivery["state"]["state"] == "acked" && copies == 0 {
            false_acks.push(no);
        }
        if copies > 1 {
            repeats += 1;
            if delivery["maybe_repeat"] != true {
                unmarked.push(no);
            }
        }
    }
    assert!(false_acks.is_empty(), "acked and never seen: {false_acks:?}");
    assert!(unmarked.is_empty(), "seen twice and not marked: {unmarked:?}");
    let stranded = home.json(&["status"])["stranded"].as_array().unwrap().len();
    assert_eq!(stranded, 0, "every notice has a next step");
    format!(
        "accepted {}, notices {}, lost 0, false acked 0, seen twice {repeats} (all marked), at rest after {} ms",
        accepted.len(),
        rows.len(),
        rested.as_millis()
    )
}

#[test]
fn killed_at_random_nothing_is_lost_and_nothing_is_made_up() {
    let (kills, mut seed) = (env("CANDOR_KILLS", 6), env("CANDOR_SEED", 1));
    println!("kills {kills}, seed {seed}");
    let sink = Sink::start(5, Duration::from_millis(120));
    let home = Home::new(&sink.config());
    open_gate(&home);
    let load = Load { accepted: Arc::default(), next: Arc::default() };
    let mut slowest = Duration::ZERO;
    for _ in 0..kills {
        let started = Instant::now();
        let daemon = home.up();
        slowest = slowest.max(started.elapsed());
        let stop = Arc::new(AtomicBool::new(false));
        let posters = load.run(daemon.address.unwrap(), &stop);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let until = Instant::now() + Duration::from_millis(20 + (seed >> 33) % 300);
        wait("its time has come", || Instant::now() >= until);
        drop(daemon);
        stop.store(true, Ordering::Relaxed);
        posters.into_iter().for_each(|poster| poster.join().unwrap());
    }
    println!("{} kills: {}; slowest start {} ms", kills, settle(&home, &sink, &load), slowest.as_millis());
}

#[cfg(feature = "crash-points")]
#[test]
fn killed_at_every_named_point_nothing_is_lost_and_nothing_is_made_up() {
    let points = [
        "start.after_recover",
        "commit.before",
        "commit.after",
        "send.before_call",
        "send.after_call",
        "receipt.before_commit",
        "receipt.after_commit",
    ];
    for point in points {
        for nth in [1, 2, 5] {
            let sink = Sink::start(5, Duration::from_millis(50));
            let home = Home::new(&sink.config());
            open_gate(&home);
            let load = Load { accepted: Arc::default(), next: Arc::default() };
            let nth = if point == "start.after_recover" { 1 } else { nth };
            let mut daemon = home.up_with(&[("CANDOR_CRASH_AT", &format!("{point}:{nth}"))]);
            let stop = Arc::new(AtomicBool::new(false));
            let posters = daemon.address.map(|at| load.run(at, &stop)).unwrap_or_default();
            wait("it kills itself", || daemon.child.try_wait().unwrap().is_some());
            stop.store(true, Ordering::Relaxed);
            posters.into_iter().for_each(|poster| poster.join().unwrap());
            println!("{point}:{nth}: {}", settle(&home, &sink, &load));
        }
    }
}
