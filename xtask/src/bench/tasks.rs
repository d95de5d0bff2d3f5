//! What a task costs when there are many: taking a checkpoint in, and noticing a deadline.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Bench, Row,
    daemon::Daemon,
    load::{Caller, Shape},
    notices::micros,
    sink::now_micros,
    stats::percentile,
};
use crate::shell::{TaskError, Trying as _, failed};

/// Events per request.
const BATCH: u64 = 256;
/// Checkpoints that are timed per size.
const CHECKPOINTS: u64 = 256 * 100;
/// Tasks whose deadline is timed per size, started evenly over [`SPREAD`].
const DEADLINES: u64 = 400;
const SPREAD: Duration = Duration::from_secs(8);
/// Period and grace of those: the shortest that there is, so that a size takes seconds.
const PERIOD: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(1);

/// Batches of reports, as one request each.
fn batches(each: impl Fn(u64) -> Value + Send + Sync + 'static) -> Shape {
    Shape {
        path: "/v1/events",
        content_type: "application/cloudevents-batch+json",
        headers: String::new(),
        body: Box::new(move |batch| {
            Value::Array((batch * BATCH..(batch + 1) * BATCH).map(&each).collect()).to_string()
        }),
    }
}

fn report(kind: &str, id: String, task: String, data: Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/bench", "subject": task,
        "type": format!("reporting-governance.task.{kind}"), "data": data})
}

/// Starts tasks `from..to`, in whole batches.
async fn grow(daemon: &Daemon, from: u64, to: u64) -> Result<(), TaskError> {
    let started = batches(|no| {
        report("started", format!("s-{no}"), format!("task-{no:07}"), json!({"period": "30d", "grace": "1d"}))
    });
    let mut caller = Caller::connect(daemon.address).await.trying("load")?;
    for batch in from / BATCH..to.div_ceil(BATCH) {
        caller.post(&started, batch).await.trying("load")?;
    }
    Ok(())
}

/// Microseconds per checkpoint, over tasks spread evenly among all that exist.
async fn checkpoints(daemon: &Daemon, tasks: u64, round: u64) -> Result<f64, TaskError> {
    let stride = (tasks / 1_000).max(1);
    let beats = Arc::new(batches(move |no| {
        let task = no.wrapping_mul(7) % 1_000 * stride;
        report("checkpointed", format!("c-{tasks}-{round}-{no}"), format!("task-{task:07}"), json!({}))
    }));
    // The load is made before the clock starts: it costs more than what is measured.
    let mut caller = Caller::connect(daemon.address).await.trying("load")?;
    let cpu = daemon.cpu_secs();
    for batch in 0..CHECKPOINTS / BATCH {
        caller.post(&beats, batch).await.trying("load")?;
    }
    Ok((daemon.cpu_secs() - cpu) / CHECKPOINTS as f64 * 1e6)
}

/// How late each deadline was noticed, in milliseconds: from the last sign of life plus period and grace until the notice.
async fn deadlines(daemon: &Daemon, tasks: u64) -> Result<Vec<f64>, TaskError> {
    let shape = Shape {
        path: "/v1/events",
        content_type: "application/cloudevents+json",
        headers: String::new(),
        body: Box::new(move |no| {
            let cadence = json!({"period": format!("{}s", PERIOD.as_secs()), "grace": format!("{}s", GRACE.as_secs())});
            report("started", format!("d-{tasks}-{no}"), format!("due-{tasks}-{no}"), cadence).to_string()
        }),
    };
    let mut caller = Caller::connect(daemon.address).await.trying("load")?;
    let start = tokio::time::Instant::now();
    for no in 0..DEADLINES {
        tokio::time::sleep_until(
            start + SPREAD / u32::try_from(DEADLINES).unwrap_or(1) * u32::try_from(no).unwrap_or(0),
        )
        .await;
        caller.post(&shape, no).await.trying("load")?;
    }
    let limit = micros_of(PERIOD + GRACE);
    let until = now_micros() + limit + 10_000_000;
    // Whoever looks takes CPU time from what is measured: not before the last one must have been noticed.
    tokio::time::sleep(PERIOD + GRACE).await;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let late = lateness(daemon, tasks, limit)?;
        if late.len() as u64 >= DEADLINES {
            return Ok(late);
        }
        if now_micros() > until {
            return failed(format!("only {} of {DEADLINES} deadlines were noticed", late.len()));
        }
    }
}

fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn lateness(daemon: &Daemon, tasks: u64, limit: i64) -> Result<Vec<f64>, TaskError> {
    let told = daemon.ask(&["notice", "list", "--limit", "2000"])?;
    let seen = daemon.ask(&["task", "list", "--limit", "3000", "--incident"])?;
    let rows = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let started: std::collections::BTreeMap<String, i64> = rows(&seen, "tasks")
        .iter()
        .filter_map(|task| Some((task.get("id")?.as_str()?.to_owned(), micros(task.get("seen_at")?.as_str()?)?)))
        .collect();
    let prefix = format!("due-{tasks}-");
    Ok(rows(&told, "notices")
        .iter()
        .filter_map(|row| {
            let task = row.pointer("/notice/task")?.as_str().filter(|task| task.starts_with(&prefix))?;
            let at = micros(row.pointer("/notice/at")?.as_str()?)?;
            Some((at - started.get(task)? - limit) as f64 / 1e3)
        })
        .collect())
}

/// Measures at 1,000 tasks and at 1,000,000.
pub(crate) async fn measure(bench: &mut Bench) -> Result<(), TaskError> {
    let sizes: [u64; 2] = if bench.quick { [1_000, 20_000] } else { [1_000, 1_000_000] };
    let daemon = Daemon::start("tasks", None)?;
    let (mut grown, mut costs, mut middles) = (0, Vec::new(), Vec::new());
    for tasks in sizes {
        bench.progress(&format!("{tasks} tasks"));
        grow(&daemon, grown, tasks).await?;
        grown = tasks.div_ceil(BATCH) * BATCH;
        let mut best = f64::MAX;
        for round in 0..3 {
            best = best.min(checkpoints(&daemon, tasks, round).await?);
        }
        let late = deadlines(&daemon, tasks).await?;
        let (p50, p99) = (percentile(&late, 0.5), percentile(&late, 0.99));
        bench.raw.push(json!({"bench": "tasks", "tasks": tasks, "checkpoint_cpu_us": best, "late_ms": late}));
        bench.row(Row::fact(format!("checkpoint by HTTP, CPU, with {tasks} tasks"), best, "µs"));
        bench.row(Row::fact(format!("deadline noticed late, p50, with {tasks} tasks"), p50, "ms"));
        bench.row(Row::most(format!("deadline noticed late, p99, with {tasks} tasks"), p99, "ms", 250.0));
        costs.push(best);
        middles.push(p50);
    }
    let times = |of: &[f64]| of.last().zip(of.first()).map_or(f64::NAN, |(last, first)| last / first);
    bench.row(Row::most("checkpoint cost, many tasks beside few", times(&costs), "×", 1.2));
    bench.row(Row::most("deadline lateness (p50), many tasks beside few", times(&middles), "×", 1.2));
    bench.row(Row::fact("memory with all of them (PSS)", daemon.pss_mib(), "MiB"));
    Ok(())
}
