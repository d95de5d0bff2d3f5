//! What is reported of a governed command. A report that can't be made is said once, and never stops the command.

use candor_core::{claim::ClaimKind, evidence::Origin};
use serde_json::{Value, json};

use super::{ExecArgs, child::Ended};
use crate::{
    cli::Global,
    desk::Desk,
    exit::Failure,
    output,
    report::{self, Envelope},
};

/// Longest command line kept, in characters.
const COMMAND_CHARS_MAX: usize = 200;

/// Reports on one command.
pub(super) struct Reports {
    global: Global,
    args: ExecArgs,
    complained: bool,
    recorded: bool,
}

impl Reports {
    pub(super) fn new(global: Global, args: ExecArgs) -> Self {
        Self { global, args, complained: false, recorded: false }
    }

    /// The command runs.
    pub(super) async fn started(&mut self, pid: Option<u32>) {
        let signals: Vec<Value> = pid
            .into_iter()
            .map(|pid| {
                let started_ticks = candor_world::signals::process::identify(pid);
                json!({ "signal": "process", "pid": pid, "started_ticks": started_ticks })
            })
            .collect();
        let args = &self.args;
        let data = json!({
            "name": Value::Null, "period": args.period, "grace": args.grace, "expected": args.expected,
            "parent": args.parent, "signals": signals,
        });
        match self.tell("task.started", report::data(data)).await {
            Ok(watched) => {
                self.recorded = true;
                if !watched {
                    output::note("candor: recorded, but nobody watches for silence until `candor up` runs");
                }
            }
            Err(failure) => self.complain(&failure),
        }
    }

    /// It wrote something since the last time.
    pub(super) async fn alive(&mut self) {
        if self.recorded
            && let Err(failure) = self.tell("task.checkpointed", json!({})).await
        {
            self.complain(&failure);
        }
    }

    /// It ended.
    pub(super) async fn ended(&mut self, ended: &Ended) {
        if !self.recorded {
            return;
        }
        if let Err(failure) = self.tell_end(ended).await {
            self.complain(&failure);
        }
    }

    async fn tell_end(&mut self, ended: &Ended) -> Result<(), Failure> {
        let mut supports = vec![ClaimKind::Completion];
        supports.extend(self.args.supports.iter().filter(|kind| **kind != ClaimKind::Completion).cloned());
        let command = json!({
            "kind": "command", "recipe": Value::Null, "command": self.command_line(), "exit_code": ended.code,
            "output_sha256": ended.stdout_sha256,
        });
        self.tell("evidence.added", json!({ "supports": supports, "evidence": command })).await?;
        for path in self.args.report.clone() {
            match std::path::absolute(&path).ok().filter(|path| path.is_file()) {
                Some(path) => {
                    let subject = json!({ "kind": "test_report", "path": path.to_string_lossy() });
                    let data = json!({ "supports": [ClaimKind::TestsPassed], "evidence": subject });
                    self.tell("evidence.added", data).await?;
                }
                None => output::note(format!("candor: no test report at `{}`", path.display())),
            }
        }
        match (ended.code, ended.signal) {
            (0, _) => self.tell("task.completed", json!({})).await?,
            (code, Some(signal)) => {
                let reason = format!("ended by signal {signal}");
                self.tell("task.failed", json!({ "reason": reason, "exit_code": code })).await?
            }
            (code, None) => {
                let reason = format!("ended with exit code {code}");
                self.tell("task.failed", json!({ "reason": reason, "exit_code": code })).await?
            }
        };
        Ok(())
    }

    /// The command line, shortened. Arguments may hold secrets, so only the program and what looks like a plain word are kept.
    fn command_line(&self) -> String {
        let plain =
            |word: &str| word.len() <= 40 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:".contains(&b));
        let words = self.args.command.iter().enumerate().map(|(at, word)| {
            let word = word.to_string_lossy();
            if at == 0 || plain(&word) { word.into_owned() } else { "…".to_owned() }
        });
        words.collect::<Vec<_>>().join(" ").chars().take(COMMAND_CHARS_MAX).collect()
    }

    /// Hands a report in. True when a daemon took it, which watches too.
    async fn tell(&self, event_type: &str, data: Value) -> Result<bool, Failure> {
        let envelope = Envelope {
            task: Some(self.args.task.clone()),
            agent: self.args.agent.clone(),
            runtime: "exec".parse().ok(),
            ..Envelope::default()
        };
        let event = report::event(event_type, &envelope, data)?;
        let desk = Desk::open(&self.global).await?;
        let told = desk.report(event, Origin::Adapter).await;
        let watched = matches!(desk, Desk::Daemon(_));
        desk.close().await?;
        told.map(|_| watched)
    }

    fn complain(&mut self, failure: &Failure) {
        if !self.complained {
            output::note(format!("candor: not recorded: {}", failure.message));
        }
        self.complained = true;
    }
}
