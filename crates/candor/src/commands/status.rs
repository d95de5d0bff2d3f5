//! `candor status`: what stands where.

use candor_core::{
    task::TaskState,
    time::{Timestamp, format_duration},
};
use candor_store::{Listing, StoreError, TaskFilter};
use clap::Args;
use serde_json::{Value, json};

use super::task::whole;
use crate::{
    cli::Global,
    config::Config,
    desk::{self, reader},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

/// How old a heartbeat may be before its owner counts as gone: three beats.
pub const ALIVE_SECS: u64 = 15;
/// Most open incidents listed.
const INCIDENTS_MAX: usize = 100;

/// Show what stands where
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  candor status --json")]
pub struct StatusArgs {}

/// The status as JSON.
///
/// # Errors
/// When the store can't be read.
pub fn view(store: &impl Listing, now: Timestamp) -> Result<Value, StoreError> {
    let alive_since = now.before(std::time::Duration::from_secs(ALIVE_SECS));
    let owners: Vec<_> =
        store.owners(50)?.into_iter().filter(|owner| !owner.ended && owner.beat_at >= alive_since).collect();
    let watched = store.task_counts()?.get(&TaskState::Running).copied().unwrap_or(0);
    let watching = owners.iter().any(|owner| ["up", "run", "watchdog"].contains(&owner.role.as_str()));
    let openings: Vec<_> = store
        .all_openings(200)?
        .into_iter()
        .filter(|opening| opening.closed_at.is_none() && opening.expires_at > now)
        .collect();
    let overdue = store
        .tasks(&TaskFilter { with_incident: true, ..TaskFilter::default() }, INCIDENTS_MAX)?
        .into_iter()
        .map(|task| task.id)
        .collect::<Vec<_>>();
    Ok(json!({
        "now": now,
        "deliveries": store.delivery_counts()?,
        "tasks": store.task_counts()?,
        "tasks_with_incident": overdue,
        "incidents": store.incidents(true, INCIDENTS_MAX)?,
        "owners": owners,
        "watchdog": { "alive": watching, "running_tasks": watched, "unwatched": watched > 0 && !watching },
        "gates_open": openings,
        "parked": store.parked()?,
        "stranded": store.stranded(alive_since, 100)?,
        "log": store.head()?,
        "size": store.size()?,
    }))
}

/// Runs the command.
pub fn run(global: &Global, _: StatusArgs) -> Outcome {
    let now = Clock::from_env().now();
    let store = match reader(global) {
        Ok(store) => store,
        Err(failure) if failure.exit == Exit::NotFound => {
            return Err(Failure::new(Exit::NotFound, failure.message)
                .hint("start with `candor up`, or see it all with `candor demo`"));
        }
        Err(failure) => return Err(failure),
    };
    let mut status = view(&store, now).map_err(desk::store_failure)?;
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let config = Config::load(&home)?;
    if let Value::Object(fields) = &mut status {
        let settings = &config.machine.settings;
        fields.insert("profile".to_owned(), json!(settings.profile));
        fields.insert("targets".to_owned(), json!(settings.targets));
        fields.insert("state".to_owned(), json!(home.state));
    }
    if global.json {
        output::json(&status)?;
        return Ok(Exit::Ok);
    }
    people(&status, now);
    Ok(Exit::Ok)
}

fn text(value: &Value, at: &str) -> String {
    match value.pointer(at) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

fn list<'a>(value: &'a Value, at: &str) -> &'a [Value] {
    value.pointer(at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn ago(value: &Value, at: &str, now: Timestamp) -> String {
    text(value, at).parse::<Timestamp>().map_or_else(|_| String::new(), |at| format_duration(whole(now.since(at))))
}

fn people(status: &Value, now: Timestamp) {
    deployment(status, now);
    output::line("");
    work(status, now);
}

/// Who runs, and where notices go.
fn deployment(status: &Value, now: Timestamp) {
    output::line(format!("profile {}, state in {}", text(status, "/profile"), text(status, "/state")));
    match list(status, "/owners") {
        [] => output::line("nobody runs here: `candor up` watches and sends"),
        owners => {
            for owner in owners {
                output::line(format!(
                    "{} runs, last heartbeat {} ago",
                    text(owner, "/role"),
                    ago(owner, "/beat_at", now)
                ));
            }
        }
    }
    if status.pointer("/watchdog/unwatched") == Some(&Value::Bool(true)) {
        output::line(format!(
            "WARNING: {} running tasks, and no watchdog watches them",
            text(status, "/watchdog/running_tasks")
        ));
    }
    for target in list(status, "/targets") {
        let gate = text(target, "/gate");
        let open = list(status, "/gates_open").iter().any(|opening| {
            text(opening, "/gate") == gate && [String::new(), text(target, "/name")].contains(&text(opening, "/target"))
        });
        let gate = match (gate.as_str(), open) {
            ("", _) => "pretends only".to_owned(),
            (gate, true) => format!("gate {gate} is open"),
            (gate, false) => format!("gate {gate} is CLOSED: candor gate open {gate} --reason … --expires 8h"),
        };
        output::line(format!("target {}: {}, {gate}", text(target, "/name"), text(target, "/sender")));
    }
    for parked in list(status, "/parked") {
        output::line(format!(
            "target {} is parked until {} by a rate limit",
            text(parked, "/target"),
            text(parked, "/until")
        ));
    }
}

/// What stands where.
fn work(status: &Value, now: Timestamp) {
    let tasks = status.pointer("/tasks").and_then(Value::as_object);
    let counts: Vec<String> = tasks.into_iter().flatten().map(|(state, count)| format!("{count} {state}")).collect();
    output::line(format!("tasks: {}", if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }));
    for incident in list(status, "/incidents") {
        let by = text(incident, "/acknowledged_by");
        let by = if by.is_empty() { "nobody took it on".to_owned() } else { format!("taken on by {by}") };
        output::line(format!(
            "  {} {} {} for {}, level {}, {by}",
            text(incident, "/no"),
            text(incident, "/task"),
            text(incident, "/kind"),
            ago(incident, "/opened_at", now),
            text(incident, "/level"),
        ));
    }
    let deliveries = list(status, "/deliveries");
    if deliveries.is_empty() {
        output::line("notices: none");
    } else {
        output::line("");
        let row = |count: &Value| {
            vec![text(count, "/state"), text(count, "/reason"), text(count, "/count"), ago(count, "/oldest", now)]
        };
        output::table(&["DELIVERIES", "REASON", "COUNT", "OLDEST"], deliveries.iter().map(row));
    }
    for stranded in list(status, "/stranded") {
        output::line(format!(
            "WARNING: {} to {} has no next step",
            text(stranded, "/notice"),
            text(stranded, "/target")
        ));
    }
    output::line("");
    output::line(format!(
        "log: {} records, last at {}; {} KiB on disk",
        text(status, "/log/length"),
        text(status, "/log/last_at"),
        status.pointer("/size/database").and_then(Value::as_u64).unwrap_or(0) / 1024
    ));
}
