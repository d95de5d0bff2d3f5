//! `candor task`: report on a task, and look at tasks.

use candor_core::{
    decision::Verdict,
    ids::{AgentId, RuntimeName, TaskId},
    task::{Task, TaskState},
    time::{format_duration, parse_duration},
};
use candor_store::{Listing, TaskFilter};
use candor_web::ViewRequest;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    cli::Global,
    desk::{self, Credential, Desk, Told},
    exit::{Exit, Failure, Outcome},
    output,
    report::{self, Envelope},
    views,
};

/// Report on a task, and look at tasks.
#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// Start a task, or start it again
    #[command(after_help = "Example:\n  candor task start nightly --period 5m --grace 1m --file build.log")]
    Start(StartArgs),
    /// Say that a task is alive
    #[command(after_help = "Example:\n  candor task checkpoint nightly --note \"3 of 7 modules done\"")]
    Checkpoint(CheckpointArgs),
    /// Say that a task waits for a person: its silence is no fault
    #[command(after_help = "Example:\n  candor task wait nightly --on \"the review of PR 12\"")]
    Wait(WaitArgs),
    /// Say that a task can't go on without help
    #[command(
        after_help = "Example:\n  candor task block nightly --reason \"no credentials for staging\" --needs \"a token\""
    )]
    Block(BlockArgs),
    /// Say that a blocked task goes on
    #[command(after_help = "Example:\n  candor task unblock nightly")]
    Unblock(UnblockArgs),
    /// Claim that a task is done; policy decides whether that stands
    #[command(after_help = "Example:\n  candor task complete nightly --summary \"all seven modules migrated\"")]
    Complete(CompleteArgs),
    /// Say that a task failed
    #[command(after_help = "Example:\n  candor task fail nightly --reason \"out of disk\"")]
    Fail(FailArgs),
    /// List tasks
    #[command(after_help = "Example:\n  candor task list --in running")]
    List(ListArgs),
    /// Show one task with its claims, evidence and notices
    #[command(after_help = "Example:\n  candor task show nightly --json")]
    Show(ShowArgs),
}

/// The task, and who reports.
#[derive(Debug, Args)]
pub struct Who {
    /// The task's id
    pub task: TaskId,
    #[command(flatten)]
    pub as_whom: AsWhom,
}

/// Whose report it is. Nobody's word weighs more than an agent's unless that is asked for.
#[derive(Clone, Debug, Default, Args)]
pub struct AsWhom {
    /// Report as this agent
    #[arg(long, env = "CANDOR_AGENT")]
    pub agent: Option<AgentId>,
    /// File that holds the agent's token, where the operator gave it one
    #[arg(long, env = "CANDOR_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<std::path::PathBuf>,
    /// Report as the operator, with the operator's token: it stands on a person's word
    #[arg(long, conflicts_with = "agent")]
    pub as_operator: bool,
}

impl AsWhom {
    /// What the report comes with.
    #[must_use]
    pub fn credential(&self) -> Credential {
        if self.as_operator { Credential::Operator } else { Credential::Agent { token_file: self.token_file.clone() } }
    }
}

#[derive(Debug, Args)]
pub struct StartArgs {
    #[command(flatten)]
    who: Who,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    /// Longest time between two reports
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    period: Option<String>,
    /// What is allowed beyond the period
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    grace: Option<String>,
    /// How long the task should take; beyond it, it is told to be slow
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expected: Option<String>,
    /// The task that this one is part of
    #[arg(long)]
    parent: Option<TaskId>,
    /// The runtime that it works in
    #[arg(long, default_value = "cli")]
    runtime: RuntimeName,
    /// Watch this file: while it grows, the task lives. May be repeated
    #[arg(long, value_name = "PATH")]
    file: Vec<std::path::PathBuf>,
    /// Watch this process: while it uses CPU time, the task lives. May be repeated
    #[arg(long, value_name = "PID")]
    pid: Vec<u32>,
}

#[derive(Debug, Args)]
pub struct CheckpointArgs {
    #[command(flatten)]
    who: Who,
    /// What is going on
    #[arg(long)]
    note: Option<String>,
    /// How far it is
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100))]
    percent: Option<u8>,
    /// The status that the task claims
    #[arg(long, value_parser = ["running", "waiting", "blocked", "done", "failed"])]
    status: Option<String>,
    /// Files or code changed since the last report: older evidence goes stale
    #[arg(long)]
    changed: bool,
}

#[derive(Debug, Args)]
pub struct WaitArgs {
    #[command(flatten)]
    who: Who,
    /// For what, or for whom
    #[arg(long)]
    on: String,
}

#[derive(Debug, Args)]
pub struct BlockArgs {
    #[command(flatten)]
    who: Who,
    /// What stands in the way
    #[arg(long)]
    reason: String,
    /// What would help
    #[arg(long)]
    needs: Option<String>,
}

#[derive(Debug, Args)]
pub struct UnblockArgs {
    #[command(flatten)]
    who: Who,
    /// What happened
    #[arg(long)]
    note: Option<String>,
}

#[derive(Debug, Args)]
pub struct CompleteArgs {
    #[command(flatten)]
    who: Who,
    /// What was done
    #[arg(long)]
    summary: Option<String>,
}

#[derive(Debug, Args)]
pub struct FailArgs {
    #[command(flatten)]
    who: Who,
    /// What went wrong
    #[arg(long)]
    reason: String,
    /// The exit code, where there was a process
    #[arg(long)]
    exit_code: Option<i32>,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only tasks in this state
    #[arg(id = "in_state", long = "in", value_name = "STATE", value_parser = state)]
    state: Option<TaskState>,
    /// Only tasks with an open incident
    #[arg(long)]
    incident: bool,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The task's id
    task: TaskId,
}

/// Keeps the text of a duration, once it reads as one.
pub fn duration(text: &str) -> Result<String, String> {
    parse_duration(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn state(text: &str) -> Result<TaskState, String> {
    TaskState::parse(text).ok_or_else(|| {
        let known: Vec<&str> = TaskState::ALL.iter().map(|state| state.as_str()).collect();
        format!("`{text}` is no state; use {}", known.join(", "))
    })
}

/// Runs the command.
pub fn run(global: &Global, command: TaskCommand) -> Outcome {
    match command {
        TaskCommand::Start(args) => start(global, args),
        TaskCommand::Checkpoint(args) => {
            let data = json!({ "note": args.note, "percent": args.percent, "status": args.status, "changed": args.changed.then_some(true) });
            tell(global, "task.checkpointed", &args.who, data)
        }
        TaskCommand::Wait(args) => tell(global, "task.waiting", &args.who, json!({ "on": args.on })),
        TaskCommand::Block(args) => {
            tell(global, "task.blocked", &args.who, json!({ "reason": args.reason, "needs": args.needs }))
        }
        TaskCommand::Unblock(args) => tell(global, "task.unblocked", &args.who, json!({ "note": args.note })),
        TaskCommand::Complete(args) => tell(global, "task.completed", &args.who, json!({ "summary": args.summary })),
        TaskCommand::Fail(args) => {
            tell(global, "task.failed", &args.who, json!({ "reason": args.reason, "exit_code": args.exit_code }))
        }
        TaskCommand::List(args) => list(global, &args),
        TaskCommand::Show(args) => show(global, &args),
    }
}

fn start(global: &Global, args: StartArgs) -> Outcome {
    let mut signals = Vec::new();
    for path in &args.file {
        let path = std::path::absolute(path)
            .map_err(|error| Failure::new(Exit::Refused, format!("`{}`: {error}", path.display())))?;
        signals.push(json!({ "signal": "file", "path": path.to_string_lossy() }));
    }
    for pid in &args.pid {
        let started_ticks = candor_world::signals::process::identify(*pid);
        if started_ticks.is_none() {
            return Err(Failure::new(Exit::Refused, format!("no process `{pid}` to watch"))
                .hint("give the id of a process that runs"));
        }
        signals.push(json!({ "signal": "process", "pid": pid, "started_ticks": started_ticks }));
    }
    let data = json!({
        "name": args.name, "period": args.period, "grace": args.grace, "expected": args.expected, "parent": args.parent,
        "signals": if signals.is_empty() { serde_json::Value::Null } else { signals.into() },
    });
    tell_in(global, "task.started", &args.who, Some(args.runtime), data)
}

fn tell(global: &Global, event_type: &str, who: &Who, data: serde_json::Value) -> Outcome {
    tell_in(
        global,
        event_type,
        who,
        Some("cli".parse().map_err(|_| Failure::new(Exit::Internal, "no runtime name"))?),
        data,
    )
}

fn tell_in(
    global: &Global,
    event_type: &str,
    who: &Who,
    runtime: Option<RuntimeName>,
    data: serde_json::Value,
) -> Outcome {
    let envelope =
        Envelope { task: Some(who.task.clone()), agent: who.as_whom.agent.clone(), runtime, ..Envelope::default() };
    let told = hand_in(global, report::event(event_type, &envelope, report::data(data))?, &who.as_whom.credential())?;
    show_told(global, &told, Some(&who.task))
}

/// Hands one report in and waits for what it started.
///
/// # Errors
/// As for [`Desk::report`].
pub fn hand_in(global: &Global, event: serde_json::Value, credential: &Credential) -> Result<Told, Failure> {
    desk::block_on(async {
        let desk = Desk::open(global).await?;
        let told = desk.report(event, credential).await;
        desk.close().await?;
        told
    })
}

/// Prints what became of a report; policy that doesn't let it stand is an exit code of its own.
///
/// # Errors
/// When it can't be printed as JSON.
pub fn show_told(global: &Global, told: &Told, task: Option<&TaskId>) -> Outcome {
    let verdict = told.decision.as_ref().and_then(|decision| decision.effective);
    if global.json {
        output::json(told)?;
    } else {
        let numbers = [&told.event, &told.claim, &told.evidence, &told.request, &told.notice];
        let numbers: Vec<&str> = numbers.into_iter().flatten().map(String::as_str).collect();
        let word = match (told.folded, told.duplicate) {
            (Some(true), _) => "alive".to_owned(),
            (_, Some(true)) => format!("accepted before as {}", numbers.join(", ")),
            _ => format!("accepted as {}", numbers.join(", ")),
        };
        output::line(word);
        if let Some(decision) = &told.decision
            && let (Some(requested), Some(effective)) = (decision.requested, decision.effective)
            && !decision.rules.is_empty()
        {
            let asked = if requested == effective {
                String::new()
            } else {
                format!(" (policy asked for {})", requested.as_str())
            };
            output::line(format!("{}: {}{asked}", decision.no, effective.as_str()));
            for rule in decision.rules.iter().filter(|rule| !rule.message.is_empty()) {
                output::line(format!("  - {}", rule.message));
            }
            output::line(format!("  why: candor explain {}", decision.no));
            if let (Verdict::BlockCompletion, Some(task)) = (effective, task) {
                output::line(format!(
                    "`{task}` is not done: it runs on and stays watched. Bring evidence, then complete it:"
                ));
                output::line(format!("  candor evidence add {task} --supports completion --test-report PATH"));
            }
        }
    }
    let stands = verdict.is_none_or(|verdict| verdict < Verdict::DowngradeStatus);
    Ok(if stands { Exit::Ok } else { Exit::Policy })
}

fn list(global: &Global, args: &ListArgs) -> Outcome {
    let store = desk::reader(global)?;
    let filter = TaskFilter { state: args.state, with_incident: args.incident, after: None };
    let tasks = store.tasks(&filter, args.limit).map_err(desk::store_failure)?;
    if global.json {
        output::json(&json!({ "tasks": tasks }))?;
        return Ok(Exit::Ok);
    }
    if tasks.is_empty() {
        output::line("no tasks; `candor task start NAME` or `candor exec --task NAME -- CMD` begins one");
        return Ok(Exit::Ok);
    }
    let now = crate::engine::Clock::from_env().now();
    let row = |task: &Task| {
        vec![
            task.id.to_string(),
            state_words(task),
            format!("{} ago", format_duration(whole(now.since(task.seen_at)))),
            format_duration(task.cadence.limit()),
            task.incident.map(|no| no.to_string()).unwrap_or_default(),
            task.note.clone().or_else(|| task.because.clone()).unwrap_or_default().chars().take(60).collect(),
        ]
    };
    output::table(&["TASK", "STATE", "SEEN", "ALLOWED", "INCIDENT", "NOTE"], tasks.iter().map(row));
    Ok(Exit::Ok)
}

/// A duration in whole seconds, for people.
#[must_use]
pub fn whole(of: std::time::Duration) -> std::time::Duration {
    std::time::Duration::from_secs(of.as_secs())
}

fn state_words(task: &Task) -> String {
    if task.unproved { format!("{} (unproved)", task.state.as_str()) } else { task.state.as_str().to_owned() }
}

fn show(global: &Global, args: &ShowArgs) -> Outcome {
    let store = desk::reader(global)?;
    let now = crate::engine::Clock::from_env().now();
    let view = views::view(&store, &ViewRequest::Task(args.task.clone()), now).map_err(desk::store_failure)?;
    let Some(view) = view else {
        return Err(Failure::new(Exit::NotFound, format!("no task `{}`", args.task))
            .hint("`candor task list` shows what there is"));
    };
    if global.json {
        output::json(&view)?;
    } else {
        output::document(&view);
    }
    Ok(Exit::Ok)
}
