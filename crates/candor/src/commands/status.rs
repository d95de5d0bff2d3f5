//! `candor status`: what stands where.

use std::collections::BTreeMap;

use candor_core::{
    settings::Settings,
    task::TaskState,
    time::{Timestamp, format_duration},
};
use candor_path::OwnerRow;
use candor_store::{Listing, StoreError, TaskFilter, WorkFilter};
use clap::Args;
use serde_json::{Value, json};

use super::{owner, task::whole};
use crate::{
    approvals,
    cli::Global,
    config::Config,
    desk::{self, DaemonFile, reader},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    heads::Shelf,
    home::Home,
    openings, output,
};

/// Most owners looked at: those that live, and the few that are kept after they ended.
pub const OWNERS_MAX: usize = 1_000;
/// Pieces of work and requests that wait for gates, as many as are shown.
const WAITING_SHOWN_MAX: usize = 200;
/// Openings that are looked at, the newest first.
const OPENINGS_MAX: usize = 200;
/// How old a heartbeat may be before its owner counts as gone: three beats.
pub const ALIVE_SECS: u64 = 15;
/// Most open incidents listed.
const INCIDENTS_MAX: usize = 100;

/// Show what stands where
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  candor status --json")]
pub struct StatusArgs {}

/// Whether an owner is at work: it lives, or it watches in passes of which the last ended a short while ago.
fn is_here(owner: &OwnerRow, now: Timestamp) -> bool {
    let alive_since = now.before(std::time::Duration::from_secs(ALIVE_SECS));
    owner.is_alive(alive_since) || (watches(owner) && owner.comes_by(now))
}

fn watches(owner: &OwnerRow) -> bool {
    OwnerRow::WATCHING.contains(&owner.role.as_str())
}

/// Whether somebody would notice a silence.
///
/// # Errors
/// When the store can't be read.
pub fn watched(store: &impl Listing, now: Timestamp) -> Result<bool, StoreError> {
    Ok(store.owners(OWNERS_MAX)?.iter().any(|owner| watches(owner) && is_here(owner, now)))
}

/// The status as JSON.
///
/// # Errors
/// When the store can't be read.
pub fn view(store: &impl Listing, now: Timestamp) -> Result<Value, StoreError> {
    let alive_since = now.before(std::time::Duration::from_secs(ALIVE_SECS));
    let owners: Vec<_> = store.owners(OWNERS_MAX)?.into_iter().filter(|owner| is_here(owner, now)).collect();
    let watched = store.task_counts()?.get(&TaskState::Running).copied().unwrap_or(0);
    let watching = owners.iter().any(watches);
    let openings: Vec<_> =
        store.all_openings(OPENINGS_MAX)?.into_iter().filter(|opening| opening.is_open(now)).collect();
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
        "gated_work": store.all_work(WorkFilter::Open, WAITING_SHOWN_MAX)?,
        "approval_requests": store.requests(WAITING_SHOWN_MAX)?.into_iter().filter(|of| of.answered_by.is_none()).collect::<Vec<_>>(),
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
    let config = Config::load(&home);
    if let Ok(config) = &config {
        say_void(&config.machine.settings, &store, &mut status, now).map_err(desk::store_failure)?;
    }
    if let Value::Object(fields) = &mut status {
        fields.insert("state".to_owned(), json!(home.state));
        match config {
            Ok(config) => {
                fields.extend(configured(&config));
                fields.insert("heads".to_owned(), heads(&config, &home));
                fields.insert("approvals".to_owned(), may_approve(&config, &home, now));
                let daemon = DaemonFile::read(&home).filter(desk::is_reachable).map(|daemon| daemon.configuration);
                let differs = daemon.as_ref().is_some_and(|adopted| adopted.digest != config.digest);
                let configuration = json!({ "file": config.digest, "daemon": daemon, "differs": differs });
                fields.insert("configuration".to_owned(), configuration);
            }
            // What is on record is shown all the same.
            Err(failure) => {
                fields.insert("configuration_error".to_owned(), json!(failure.message));
            }
        }
    }
    let status = approvals::shown::document(&status);
    if global.json {
        output::json(&status)?;
        return Ok(Exit::Ok);
    }
    people(&status, now);
    Ok(Exit::Ok)
}

/// Says of each open gate that lets nothing pass by the owners of now why it doesn't.
fn say_void(settings: &Settings, store: &impl Listing, status: &mut Value, now: Timestamp) -> Result<(), StoreError> {
    let void = openings::void_by(settings, store, &store.all_openings(OPENINGS_MAX)?, now)?;
    for opening in status.pointer_mut("/gates_open").and_then(Value::as_array_mut).into_iter().flatten() {
        let why = void.iter().find(|(no, _)| no.to_string() == text(opening, "/no"));
        if let (Some((_, why)), Value::Object(fields)) = (why, opening) {
            fields.insert("void".to_owned(), json!(why));
        }
    }
    Ok(())
}

/// What the configuration says of this deployment.
fn configured(config: &Config) -> serde_json::Map<String, Value> {
    let settings = &config.machine.settings;
    let warnings: BTreeMap<_, _> =
        config.bindings.iter().map(|(name, binding)| (name.to_string(), binding.warnings())).collect();
    serde_json::Map::from_iter([
        ("profile".to_owned(), json!(settings.profile)),
        ("package".to_owned(), json!(config.deployment.package_id())),
        ("adapter".to_owned(), json!(config.deployment.descriptor.metadata.name())),
        ("gaps".to_owned(), json!(config.deployment.gaps())),
        ("targets".to_owned(), json!(settings.targets)),
        ("target_warnings".to_owned(), json!(warnings)),
    ])
}

/// Who may approve, and what weakens their word.
fn may_approve(config: &Config, home: &Home, now: Timestamp) -> Value {
    let mut told = owner::view(&config.approvals, now);
    if let Value::Object(fields) = &mut told {
        fields.insert("warnings".to_owned(), json!(owner::warnings(config, home, now)));
    }
    told
}

/// The last signed head, and what became of sending heads to their places.
fn heads(config: &Config, home: &Home) -> Value {
    let shelf = Shelf::of(home);
    let states = shelf.states();
    let last = shelf.newest(1).ok().and_then(|mut heads| heads.pop());
    let last = last.map(|kept| json!({ "size": kept.head.size, "at": Timestamp::from_micros(kept.head.at_us) }));
    let places = config.audit.publish.iter().map(|place| {
        let state = states.get(place.name.as_str()).cloned().unwrap_or_default();
        json!({ "name": place.name, "kind": place.kind(), "last": state.last, "failing": state.failing })
    });
    json!({ "last": last, "places": places.collect::<Vec<_>>() })
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
    match text(status, "/configuration_error").as_str() {
        "" => {
            let (profile, package) = (text(status, "/profile"), text(status, "/package"));
            output::line(format!("profile {profile} of package {package}, state in {}", text(status, "/state")));
        }
        error => {
            output::line(format!("state in {}", text(status, "/state")));
            output::line(format!("WARNING: the configuration can't be used: {error}"));
        }
    }
    owners(status, now);
    if status.pointer("/configuration/differs") == Some(&Value::Bool(true)) {
        let since = ago(status, "/configuration/daemon/at", now);
        output::line(format!(
            "WARNING: the daemon goes by what it read {since} ago, not by what stands there now: candor config reload"
        ));
    }
    targets(status);
    approvers(status);
    gates(status);
    gaps(status);
    output::line("");
    tasks(status, now);
    deliveries(status, now);
    output::line("");
    published(status, now);
    output::line(format!(
        "log: {} records, last at {}; {} KiB on disk",
        text(status, "/log/length"),
        text(status, "/log/last_at"),
        status.pointer("/size/database").and_then(Value::as_u64).unwrap_or(0) / 1024
    ));
}

/// What became of sending the log's head to its places.
fn published(status: &Value, now: Timestamp) {
    for place in list(status, "/heads/places") {
        let (name, since) = (text(place, "/name"), ago(place, "/failing/since", now));
        if place.pointer("/failing").is_some_and(|failing| !failing.is_null()) {
            let why = text(place, "/failing/why");
            output::line(format!("WARNING: heads of the log don't reach `{name}` for {since}: {why}"));
        } else if place.pointer("/last").is_some_and(|last| !last.is_null()) {
            let (size, when) = (text(place, "/last/size"), ago(place, "/last/at", now));
            output::line(format!("head of {size} records is at `{name}` since {when}"));
        } else {
            output::line(format!("no head of the log is at `{name}` yet"));
        }
    }
}

fn owners(status: &Value, now: Timestamp) {
    match list(status, "/owners") {
        [] => output::line("nobody runs here: `candor up` watches and sends"),
        owners => {
            for owner in owners {
                let (role, beat) = (text(owner, "/role"), ago(owner, "/beat_at", now));
                let passed = owner.pointer("/ended") == Some(&Value::Bool(true));
                let how = if passed { "comes by in passes, the last" } else { "runs, last heartbeat" };
                output::line(format!("`{role}` {how} {beat} ago"));
            }
        }
    }
    if status.pointer("/watchdog/unwatched") == Some(&Value::Bool(true)) {
        let count = text(status, "/watchdog/running_tasks");
        output::line(format!("WARNING: nobody watches: {count} running, and no watchdog would notice their silence"));
    }
}

fn targets(status: &Value) {
    for target in list(status, "/targets") {
        let (name, gate) = (text(target, "/name"), text(target, "/gate"));
        let opening = list(status, "/gates_open").iter().find(|opening| {
            text(opening, "/gate") == gate && [String::new(), name.clone()].contains(&text(opening, "/scope/channel"))
        });
        let gate = match (gate.as_str(), opening) {
            ("", _) => "pretends only".to_owned(),
            (_, Some(opening)) => open(opening),
            (gate, None) => format!("gate {gate} is CLOSED: candor gate open {gate} --reason … --expires 8h"),
        };
        output::line(format!("target {name}: {}, {gate}", text(target, "/sender")));
        for warning in list(status, &format!("/target_warnings/{name}")) {
            output::line(format!("  note: {}", text(warning, "")));
        }
    }
    for parked in list(status, "/parked") {
        let (target, until) = (text(parked, "/target"), text(parked, "/until"));
        output::line(format!("target {target} is parked until {until} by a rate limit"));
    }
}

/// How an open gate stands.
fn open(opening: &Value) -> String {
    if let Some(why) = opening.pointer("/void").and_then(Value::as_str) {
        return format!(
            "gate {} was opened by {} and lets NOTHING pass: {why}",
            text(opening, "/gate"),
            text(opening, "/approval")
        );
    }
    let by = list(opening, "/approved_by").iter().map(|name| text(name, "")).collect::<Vec<_>>().join(", ");
    format!(
        "gate {} is open until {}, used {} of {} times, by {by} ({})",
        text(opening, "/gate"),
        text(opening, "/expires_at"),
        text(opening, "/used"),
        text(opening, "/max_uses"),
        text(opening, "/reason")
    )
}

/// What is open beside the gates of targets, what waits for gates, and who asks for one.
fn gates(status: &Value) {
    let of_targets: Vec<String> = list(status, "/targets").iter().map(|target| text(target, "/gate")).collect();
    for opening in list(status, "/gates_open").iter().filter(|of| !of_targets.contains(&text(of, "/gate"))) {
        output::line(open(opening));
    }
    for work in list(status, "/gated_work") {
        output::line(format!("{} waits for gate {}: candor gate list", text(work, "/no"), text(work, "/gate")));
    }
    for request in list(status, "/approval_requests") {
        let (no, agent, gate) = (text(request, "/no"), text(request, "/agent"), text(request, "/gate"));
        output::line(format!("{no} agent {agent} asks for gate {gate}: candor approval list"));
    }
}

/// Who may open gates, where there is one to open.
fn approvers(status: &Value) {
    let names: Vec<String> = list(status, "/approvals/owners").iter().map(|owner| text(owner, "/name")).collect();
    if names.is_empty() && list(status, "/targets").iter().all(|target| text(target, "/gate").is_empty()) {
        return;
    }
    if !names.is_empty() {
        output::line(format!("may approve: {}", names.join(", ")));
    }
    for warning in list(status, "/approvals/warnings") {
        output::line(format!("note: {}; {}", text(warning, "/what"), text(warning, "/next")));
    }
}

/// What the profile counts on and this machine can't do.
fn gaps(status: &Value) {
    for gap in list(status, "/gaps") {
        let required = gap.pointer("/required") == Some(&Value::Bool(true));
        output::line(format!(
            "{}: no {} ({}); instead: {}",
            if required { "WARNING" } else { "note" },
            text(gap, "/ability"),
            text(gap, "/why"),
            text(gap, "/instead")
        ));
    }
}

fn tasks(status: &Value, now: Timestamp) {
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
}

fn deliveries(status: &Value, now: Timestamp) {
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
        let (notice, target) = (text(stranded, "/notice"), text(stranded, "/target"));
        output::line(format!("WARNING: {notice} to {target} has no next step"));
    }
}
