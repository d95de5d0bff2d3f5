//! What is reported of a governed command, on a thread of its own: a store that is slow, held or gone never holds the command up.
//! A report that can't be made is said once.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use candor_core::{
    claim::ClaimKind,
    evidence::{Bearing, Evidence, Method},
    ids::EvidenceNo,
    time::parse_duration,
};
use candor_store::Listing as _;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    ExecArgs,
    child::{Ended, Tally},
    words::command_line,
};
use crate::{
    cli::Global,
    commands::status,
    config::Config,
    desk::{self, Credential, Desk, Told},
    engine::Clock,
    exit::{Exit, Failure},
    home::Home,
    output,
    report::{self, Envelope},
};

/// How long the end of a command is held up for its reports.
const END_MAX: Duration = Duration::from_secs(20);
/// How long a report is tried again while a daemon starts or stops.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is tried meanwhile.
const RETRY_EVERY: Duration = Duration::from_millis(250);
/// How long the look at a test report is waited for.
const LOOK_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether that is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A file that is older than the command's start by more than this wasn't written by it. File times can be coarse.
const FILE_TIME_SLACK: Duration = Duration::from_secs(2);
/// The longest and shortest time between two looks at how much the command has written.
const LOOKS: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(60));

/// Reports on one command.
pub(super) struct Reporter {
    ended: oneshot::Sender<Ended>,
    done: oneshot::Receiver<()>,
}

impl Reporter {
    /// Begins to report. Without a process id, the command couldn't be started.
    pub(super) fn start(global: &Global, args: &ExecArgs, pid: Option<u32>, tally: Arc<Tally>) -> Self {
        let (ended, end) = oneshot::channel();
        let (tell_done, done) = oneshot::channel();
        let mut reports = Reports {
            global: global.clone(),
            args: args.clone(),
            pid,
            tally,
            began: SystemTime::now(),
            start: None,
            recorded: false,
            complained: false,
        };
        let work = move || {
            if let Err(failure) = desk::block_on(async {
                reports.follow(end).await;
                Ok(())
            }) {
                output::note(format!("candor: not recorded: {}", failure.message));
            }
            let _ = tell_done.send(());
        };
        if let Err(error) = std::thread::Builder::new().name("reports".to_owned()).spawn(work) {
            output::note(format!("candor: not recorded: no thread can be started: {error}"));
        }
        Self { ended, done }
    }

    /// Reports the end, and waits for that within a bound.
    pub(super) async fn finish(self, ended: Ended) {
        let _ = self.ended.send(ended);
        if tokio::time::timeout(END_MAX, self.done).await.is_err() {
            output::note(format!("candor: not all is recorded: it took longer than {} s", END_MAX.as_secs()));
        }
    }
}

struct Reports {
    global: Global,
    args: ExecArgs,
    pid: Option<u32>,
    tally: Arc<Tally>,
    began: SystemTime,
    /// The report of the start, which is the same each time it is tried.
    start: Option<Value>,
    recorded: bool,
    complained: bool,
}

impl Reports {
    /// Reports the start, growing output as life, and the end.
    async fn follow(&mut self, mut end: oneshot::Receiver<Ended>) {
        self.try_start(PATIENCE).await;
        let mut tick = tokio::time::interval(self.looks_every());
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told = (0, 0);
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut end => break ended,
                _ = tick.tick() => {
                    let written = self.tally.bytes();
                    if !self.recorded {
                        self.try_start(Duration::ZERO).await;
                    } else if written != told {
                        let alive = self.tell("task.checkpointed", json!({}), Duration::ZERO).await;
                        self.complain(alive.err());
                    }
                    told = written;
                }
            }
        };
        let Ok(ended) = ended else { return };
        if !self.recorded {
            self.try_start(PATIENCE).await;
        }
        if self.recorded {
            let told = self.tell_end(&ended).await;
            self.complain(told.err());
        }
    }

    /// Three times per period.
    fn looks_every(&self) -> Duration {
        let named = self.args.period.as_deref().and_then(|text| parse_duration(text).ok());
        let period = named.or_else(|| {
            let home = Home::find(self.global.state.clone(), self.global.config.clone()).ok()?;
            Some(Config::load(&home).ok()?.machine.settings.cadence.period)
        });
        let (least, most) = LOOKS;
        period.map_or(most, |period| period / 3).clamp(least, most)
    }

    async fn try_start(&mut self, patience: Duration) {
        match self.tell_start(patience).await {
            Ok(watched) => {
                self.recorded = true;
                if self.complained {
                    output::note("candor: recorded after all");
                    self.complained = false;
                }
                let seen = || {
                    desk::reader(&self.global)
                        .ok()
                        .and_then(|store| status::watched(&store, Clock::from_env().now()).ok())
                };
                if !watched && self.pid.is_some() && seen() != Some(true) {
                    output::note("candor: recorded, but nobody watches for silence until `candor up` runs");
                }
            }
            Err(failure) => self.complain(Some(failure)),
        }
    }

    async fn tell_start(&mut self, patience: Duration) -> Result<bool, Failure> {
        let event = match &self.start {
            Some(event) => event.clone(),
            None => {
                let args = &self.args;
                let signals: Vec<Value> = self.pid.into_iter().filter_map(signal).collect();
                let data = json!({
                    "period": args.period, "grace": args.grace, "expected": args.expected, "parent": args.parent,
                    "signals": if signals.is_empty() { Value::Null } else { signals.into() },
                });
                self.event("task.started", data)?
            }
        };
        self.start = Some(event.clone());
        let (_, watched) = self.hand_in(event, patience).await?;
        Ok(watched)
    }

    async fn tell_end(&mut self, ended: &Ended) -> Result<(), Failure> {
        if let Some(why) = &ended.not_started {
            let data = json!({ "reason": why, "exit_code": ended.code });
            return self.tell("task.failed", data, PATIENCE).await.map(|_| ());
        }
        let mut supports = vec![ClaimKind::Completion];
        supports.extend(self.args.supports.iter().filter(|kind| **kind != ClaimKind::Completion).cloned());
        let command = json!({
            "kind": "command", "recipe": Value::Null, "command": command_line(&self.args.command),
            "exit_code": ended.code, "output_sha256": ended.stdout_sha256,
        });
        self.tell("evidence.added", json!({ "supports": supports, "evidence": command }), PATIENCE).await?;
        for path in self.args.report.clone() {
            self.pick_up(&path).await?;
        }
        let (out, err) = self.tally.bytes();
        let wrote = format!("{out} bytes on standard output, {err} on standard error");
        let (event_type, data) = match (ended.code, ended.signal) {
            (0, _) => ("task.completed", json!({ "summary": format!("ended with exit code 0; {wrote}") })),
            (code, Some(signal)) => {
                ("task.failed", json!({ "reason": format!("ended by signal {signal}; {wrote}"), "exit_code": code }))
            }
            (code, None) => {
                ("task.failed", json!({ "reason": format!("ended with exit code {code}; {wrote}"), "exit_code": code }))
            }
        };
        self.tell(event_type, data, PATIENCE).await.map(|_| ())
    }

    /// Brings a test report that the command wrote, and waits until it was looked at, so that the completion is held against it.
    async fn pick_up(&mut self, path: &Path) -> Result<(), Failure> {
        let shown = path.display();
        let Some(path) = self.written_meanwhile(path) else {
            output::note(format!("candor: no test report at `{shown}` that this run wrote"));
            return Ok(());
        };
        let subject = json!({ "kind": "test_report", "path": path.to_string_lossy() });
        let data = json!({ "supports": [ClaimKind::TestsPassed], "evidence": subject });
        let told = self.tell("evidence.added", data, PATIENCE).await?;
        let no = told.evidence.and_then(|no| no.parse::<EvidenceNo>().ok());
        if let Some(no) = no
            && let Some(evidence) = self.looked_at(no).await
        {
            let word = match evidence.finding.bearing {
                Bearing::Supports => return Ok(()),
                Bearing::Contradicts => "contradicts `tests_passed`",
                Bearing::Inconclusive => "says nothing of `tests_passed`",
            };
            output::note(format!("candor: test report `{shown}` ({no}) {word}: {}", evidence.finding.summary));
        }
        Ok(())
    }

    fn written_meanwhile(&self, path: &Path) -> Option<PathBuf> {
        let path = std::path::absolute(path).ok()?;
        let meta = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
        let since = self.began.checked_sub(FILE_TIME_SLACK)?;
        (meta.modified().ok()? >= since).then_some(path)
    }

    async fn looked_at(&self, no: EvidenceNo) -> Option<Evidence> {
        let until = Instant::now() + LOOK_MAX;
        loop {
            let evidence = desk::reader(&self.global).ok()?.evidence_by_no(no).ok()??;
            if evidence.finding.method != Method::Told || evidence.finding.looked_at > evidence.added_at {
                return Some(evidence);
            }
            if Instant::now() >= until {
                return None;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn event(&self, event_type: &str, data: Value) -> Result<Value, Failure> {
        let envelope = Envelope {
            task: Some(self.args.task.clone()),
            agent: self.args.agent.clone(),
            runtime: "exec".parse().ok(),
            ..Envelope::default()
        };
        report::event(event_type, &envelope, report::data(data))
    }

    async fn tell(&self, event_type: &str, data: Value, patience: Duration) -> Result<Told, Failure> {
        let event = self.event(event_type, data)?;
        self.hand_in(event, patience).await.map(|(told, _)| told)
    }

    /// Hands a report in; the same one again while a daemon starts or stops. Says too whether a daemon took it, which watches.
    async fn hand_in(&self, event: Value, patience: Duration) -> Result<(Told, bool), Failure> {
        let until = Instant::now() + patience;
        loop {
            match self.hand_in_once(event.clone()).await {
                Err(failure) if matches!(failure.exit, Exit::Unreachable | Exit::Held) && Instant::now() < until => {
                    tokio::time::sleep(RETRY_EVERY).await;
                }
                other => return other,
            }
        }
    }

    async fn hand_in_once(&self, event: Value) -> Result<(Told, bool), Failure> {
        let desk = Desk::open(&self.global).await?;
        let told = desk.report(event, &Credential::Adapter).await;
        let watched = matches!(desk, Desk::Daemon(_));
        desk.close().await?;
        Ok((told?, watched))
    }

    fn complain(&mut self, failure: Option<Failure>) {
        let Some(failure) = failure else { return };
        if !self.complained {
            output::note(format!("candor: not recorded: {}", failure.message));
        }
        self.complained = true;
    }
}

/// The process as a signal: its CPU time is life. None where processes can't be watched, or when it has ended already.
fn signal(pid: u32) -> Option<Value> {
    let started_ticks = candor_world::signals::process::identify(pid)?;
    Some(json!({ "signal": "process", "pid": pid, "started_ticks": started_ticks }))
}
