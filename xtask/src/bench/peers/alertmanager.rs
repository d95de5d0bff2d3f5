//! Prometheus Alertmanager: the fastest of those that people trust, and it accepts from memory. Every alert is a group of its own, sent at
//! once; there is no receipt per notice, so the time is that of the sink.

use std::{
    fs,
    process::{Command, Stdio},
    sync::Arc,
};

use serde_json::json;

use super::{
    super::{
        daemon::fresh,
        load::Shape,
        notices::{Pace, Run, WARM, arrived, free_port, latencies, rate, text},
        process,
        sink::Sink,
    },
    Running,
};
use crate::shell::{TaskError, Trying as _, answers};

/// Alertmanager's program.
pub(crate) struct Alertmanager(&'static str);

impl Alertmanager {
    /// The program, if it is here.
    pub(crate) fn find() -> Option<Self> {
        ["prometheus-alertmanager", "alertmanager"].into_iter().find(|name| answers(name, &["--version"])).map(Self)
    }

    /// A run through a fresh one.
    pub(crate) async fn run(&self, sink: &Sink, count: u64, pace: Pace) -> Result<Run, TaskError> {
        sink.take();
        let folder = fresh("alertmanager")?;
        let config = format!(
            "route: {{receiver: sink, group_by: ['...'], group_wait: 1ms, group_interval: 1m, repeat_interval: 24h}}\n\
             receivers: [{{name: sink, webhook_configs: [{{url: 'http://{}/hook', send_resolved: false}}]}}]\n",
            sink.address
        );
        fs::write(folder.join("am.yml"), config).trying("cannot write the configuration")?;
        let address = free_port()?;
        let child = Command::new(self.0)
            .arg(format!("--config.file={}", folder.join("am.yml").display()))
            .arg(format!("--storage.path={}", folder.display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--cluster.listen-address=", "--log.level=error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .trying("cannot start Alertmanager")?;
        let running = Running(child);
        running.answers_at(address).await?;
        let shape = Arc::new(Shape {
            path: "/api/v2/alerts",
            content_type: "application/json",
            headers: String::new(),
            body: Box::new(|no| {
                json!([{"labels": {"alertname": "notice", "id": format!("bn-{no}")},
                    "annotations": {"text": text()}, "endsAt": "2099-01-01T00:00:00Z"}])
                .to_string()
            }),
        });
        Pace::Burst.load(address, Arc::clone(&shape), 0, WARM).await?;
        arrived(sink, WARM).await?;
        let before = process::cpu_secs(running.0.id());
        let sent = pace.load(address, shape, WARM, count).await?;
        arrived(sink, WARM + count).await?;
        let cpu = (process::cpu_secs(running.0.id()) - before) / (count as f64 / 1e3);
        let seen = sink.take().into_iter().filter(|(no, _)| *no >= WARM).collect();
        Ok(Run { rate: rate(&sent, &seen), cpu, latencies: latencies(&sent, &seen), disk: 0.0 })
    }
}
