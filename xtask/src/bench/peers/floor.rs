//! What Candor itself is held against: `crates/candor/examples/floor.rs`, the least that takes a notice in, keeps it, sends it on and keeps the
//! answer, from the same crates.

use std::process::{Command, Stdio};

use super::{
    super::{
        daemon::{fresh, release},
        notices::{Pace, Run, WARM, arrived, free_port, latencies, rate, shape},
        process,
        sink::Sink,
    },
    Running,
};
use crate::shell::{TaskError, Trying as _, cargo, failed, show};

/// The example's program, built.
pub(crate) struct Floor(());

impl Floor {
    /// Builds it.
    pub(crate) fn build() -> Result<Self, TaskError> {
        if show(&mut cargo(&["build", "--release", "--package", "candor", "--example", "floor"]))? {
            return Ok(Self(()));
        }
        failed("the example `floor` can't be built")
    }

    /// A run through a fresh one.
    pub(crate) async fn run(&self, sink: &Sink, count: u64, pace: Pace) -> Result<Run, TaskError> {
        sink.take();
        let database = fresh("floor")?.join("floor.db");
        let address = free_port()?;
        let child = Command::new(release("examples/floor"))
            .arg(&database)
            .arg(address.to_string())
            .arg(format!("http://{}/hook", sink.address))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .trying("cannot start the example `floor`")?;
        let running = Running(child);
        running.answers_at(address).await?;
        Pace::Burst.load(address, shape(), 0, WARM).await?;
        arrived(sink, WARM).await?;
        let before = process::cpu_secs(running.0.id());
        let sent = pace.load(address, shape(), WARM, count).await?;
        arrived(sink, WARM + count).await?;
        let cpu = (process::cpu_secs(running.0.id()) - before) / (count as f64 / 1e3);
        let seen = sink.take().into_iter().filter(|(no, _)| *no >= WARM).collect();
        Ok(Run { rate: rate(&sent, &seen), cpu, latencies: latencies(&sent, &seen), disk: 0.0 })
    }
}
