//! A notice's way from durable accept to receipt, beside systems that others trust with the same work.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Bench, Row,
    daemon::Daemon,
    load::{self, Sent, Shape},
    peers,
    sink::Sink,
    stats::{median, percentile},
};
use crate::shell::{TaskError, Trying as _, failed};

/// Candor's own name among the systems.
const CANDOR: &str = "candor";
/// Callers that a burst has.
pub(crate) const CALLERS: u64 = 32;
/// Notices per second of the paced run.
const RATE: u64 = 20;
/// Notices before those that are measured.
pub(crate) const WARM: u64 = 200;
/// How long what was sent may take to be recorded.
pub(crate) const REST_MAX: Duration = Duration::from_secs(60);

/// How notices come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as they are accepted.
    Burst,
    /// [`RATE`] a second.
    Paced,
}

impl Pace {
    /// Posts `count` notices from number `first` on.
    pub(crate) async fn load(
        self,
        address: SocketAddr,
        shape: Arc<Shape>,
        first: u64,
        count: u64,
    ) -> Result<Sent, TaskError> {
        match self {
            Self::Burst => load::burst(address, shape, first, count, CALLERS).await,
            Self::Paced => load::paced(address, shape, first, RATE, Duration::from_secs(count / RATE)).await,
        }
        .trying("load")
    }
}

/// One run of one system.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// Notices from the first post until the last receipt, per second.
    pub(crate) rate: f64,
    /// CPU seconds per 1,000 notices, everything that the system needs.
    pub(crate) cpu: f64,
    /// Latencies in milliseconds, from due to receipt; for a system without receipts, to the sink.
    pub(crate) latencies: Vec<f64>,
    /// Bytes on disk per notice: all that the database has grown to, divided by all notices in it.
    pub(crate) disk: f64,
}

/// What is told, the same for all: about 250 bytes.
pub(crate) fn text() -> String {
    format!("task stalled {}", "x".repeat(200))
}

/// A notice's event, by structured CloudEvents.
pub(crate) fn shape() -> Arc<Shape> {
    let body = |no: u64| {
        json!({"specversion": "1.0", "id": format!("bn-{no}"), "source": "/bench",
            "type": "reporting-governance.notice.requested",
            "data": {"title": format!("bn-{no}"), "text": text()}})
        .to_string()
    };
    Arc::new(Shape {
        path: "/v1/events",
        content_type: "application/cloudevents+json",
        headers: String::new(),
        body: Box::new(body),
    })
}

/// When each notice's receipt was stored, by its number.
fn receipts(daemon: &Daemon) -> Result<BTreeMap<u64, i64>, TaskError> {
    let told = daemon.ask(&["notice", "list", "--limit", "1000000"])?;
    let rows = told.get("notices").and_then(Value::as_array).cloned().unwrap_or_default();
    let row = |row: &Value| {
        let no = row.pointer("/notice/title")?.as_str()?.strip_prefix("bn-")?.parse().ok()?;
        let delivery = row.pointer("/deliveries/0")?;
        let acked = delivery.pointer("/state/state").or(delivery.get("state"))?.as_str()? == "acked";
        acked.then_some((no, micros(delivery.get("since")?.as_str()?)?))
    };
    Ok(rows.iter().filter_map(row).collect())
}

/// Microseconds since the Unix epoch of an RFC 3339 instant in UTC.
pub(crate) fn micros(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
}

/// Waits until the sink has seen `count` notices.
pub(crate) async fn arrived(sink: &Sink, count: u64) -> Result<(), TaskError> {
    let until = tokio::time::Instant::now() + REST_MAX;
    while u64::try_from(sink.count()).unwrap_or(u64::MAX) < count {
        if tokio::time::Instant::now() > until {
            return failed(format!("only {} of {count} notices arrived", sink.count()));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// The rate of a burst: all of it, from the first post until the last receipt.
pub(crate) fn rate(sent: &Sent, recorded: &BTreeMap<u64, i64>) -> f64 {
    let first = sent.iter().map(|(_, at)| *at).min().unwrap_or(0);
    let last = recorded.values().copied().max().unwrap_or(first);
    let secs = (last - first) as f64 / 1e6;
    recorded.len() as f64 / secs.max(1e-9)
}

/// Latencies in milliseconds.
pub(crate) fn latencies(sent: &Sent, recorded: &BTreeMap<u64, i64>) -> Vec<f64> {
    sent.iter().filter_map(|(no, due)| Some((recorded.get(no)? - due) as f64 / 1e3)).collect()
}

/// One run of Candor.
async fn candor(sink: &Sink, count: u64, pace: Pace) -> Result<Run, TaskError> {
    sink.take();
    let daemon = Daemon::start("notices", Some(sink.address))?;
    let warm = WARM;
    Pace::Burst.load(daemon.address, shape(), 0, warm).await?;
    arrived(sink, warm).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let cpu = daemon.cpu_secs();
    let sent = pace.load(daemon.address, shape(), warm, count).await?;
    arrived(sink, warm + count).await?;
    let recorded = loop {
        let recorded: BTreeMap<u64, i64> = receipts(&daemon)?.into_iter().filter(|(no, _)| *no >= warm).collect();
        if recorded.len() >= sent.len() {
            break recorded;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    Ok(Run {
        rate: rate(&sent, &recorded),
        cpu: (daemon.cpu_secs() - cpu) / (sent.len() as f64 / 1e3),
        latencies: latencies(&sent, &recorded),
        disk: daemon.stop_and_weigh() as f64 / (warm + count) as f64,
    })
}

/// Runs all that can be had in turn, so that a moment's noise meets all of them, and compares medians.
pub(crate) async fn measure(bench: &mut Bench) -> Result<(), TaskError> {
    let sink = Sink::start().await.trying("the sink")?;
    let peers = peers::present(&mut bench.missing).await?;
    let (rounds, count, paced_count) = if bench.quick { (1, 1_000, 100) } else { (3, 3_000, 400) };
    let mut bursts: BTreeMap<&'static str, Vec<Run>> = BTreeMap::new();
    let mut paced: BTreeMap<&'static str, Vec<Run>> = BTreeMap::new();
    for _ in 0..rounds {
        bench.progress("candor, burst");
        bursts.entry(CANDOR).or_default().push(candor(&sink, count, Pace::Burst).await?);
        for peer in &peers {
            bench.progress(&format!("{}, burst", peer.name()));
            bursts.entry(peer.name()).or_default().push(peer.burst(&sink, count).await?);
        }
        bench.progress("candor, paced");
        paced.entry(CANDOR).or_default().push(candor(&sink, paced_count, Pace::Paced).await?);
        for peer in &peers {
            if let Some(run) = peer.paced(&sink, paced_count).await? {
                paced.entry(peer.name()).or_default().push(run);
            }
        }
    }
    for (system, runs) in &bursts {
        let raw: Vec<Value> =
            runs.iter().map(|run| json!({"rate": run.rate, "cpu": run.cpu, "disk": run.disk})).collect();
        bench.raw.push(json!({"bench": "burst", "system": system, "notices": count, "runs": raw}));
    }
    for (system, runs) in &paced {
        let raw: Vec<Value> =
            runs.iter().map(|run| json!({"latencies_ms": run.latencies, "cpu": run.cpu, "disk": run.disk})).collect();
        bench.raw.push(json!({"bench": "paced", "system": system, "notices": paced_count, "runs": raw}));
    }
    tell_bursts(bench, &peers, &bursts);
    tell_paced(bench, &paced);
    Ok(())
}

/// Candor's bursts without the peers: a quick look at what a change costs.
pub(crate) async fn tune(bench: &mut Bench) -> Result<(), TaskError> {
    let sink = Sink::start().await.trying("the sink")?;
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(candor(&sink, 6_000, Pace::Burst).await?);
    }
    tell_bursts(bench, &[], &BTreeMap::from([(CANDOR, runs)]));
    Ok(())
}

/// The median of one figure over runs.
fn of(runs: &[Run], figure: fn(&Run) -> f64) -> f64 {
    median(runs.iter().map(figure).collect())
}

fn tell_bursts(bench: &mut Bench, peers: &[peers::Peer], bursts: &BTreeMap<&'static str, Vec<Run>>) {
    let runs = |name: &str| bursts.get(name).map(Vec::as_slice).unwrap_or_default();
    let ours = runs(CANDOR);
    let rate = of(ours, |run| run.rate);
    bench.row(Row::least("accept to receipt, burst of 32 callers", rate, "notices/s", 2_500.0));
    for peer in peers {
        let theirs = of(runs(peer.name()), |run| run.rate);
        let what = format!("— {}, same sink and text", peer.name());
        bench.row(Row::beside(what, theirs, "notices/s", rate, peer.bar()));
    }
    bench.row(Row::most("CPU per 1,000 notices, burst", of(ours, |run| run.cpu), "s", 0.25));
    for peer in peers {
        bench.row(Row::fact(format!("— {}", peer.name()), of(runs(peer.name()), |run| run.cpu), "s"));
    }
    let disk = of(ours, |run| run.disk) / 1e3;
    bench.row(Row::most("disk per 1,000 notices, full receipts, burst", disk, "MB", 1.2));
}

/// Latencies of all runs are taken together: a percentile of few says little.
fn tell_paced(bench: &mut Bench, paced: &BTreeMap<&'static str, Vec<Run>>) {
    let ours = paced.get(CANDOR).map(Vec::as_slice).unwrap_or_default();
    let latencies: Vec<f64> = ours.iter().flat_map(|run| run.latencies.iter().copied()).collect();
    bench.row(Row::most("paced 20/s, due to receipt, p50", percentile(&latencies, 0.5), "ms", 3.0));
    bench.row(Row::most("paced 20/s, due to receipt, p99", percentile(&latencies, 0.99), "ms", 7.0));
    let cpu = of(ours, |run| run.cpu);
    bench.row(Row::most("CPU per 1,000 notices, paced", cpu, "s", 1.0));
    for (system, runs) in paced.iter().filter(|(system, _)| **system != CANDOR) {
        bench.row(Row::fact(format!("— {system}"), of(runs, |run| run.cpu), "s"));
    }
    bench.row(Row::fact("disk per 1,000 notices, full receipts, paced", of(ours, |run| run.disk) / 1e3, "MB"));
}

/// Where a peer's programs are kept between runs.
pub(crate) fn peers_folder() -> PathBuf {
    crate::shell::root().join("target/bench-peers")
}

/// A free port on loopback.
pub(crate) fn free_port() -> Result<SocketAddr, TaskError> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").trying("no free port")?;
    listener.local_addr().trying("no free port")
}
