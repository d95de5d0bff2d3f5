//! `candor doctor`: an auditor that looks for what would keep the truth from the operator.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use candor_audit::{merkle, seal};
use candor_core::{
    notice::{PendingReason, StateName},
    pack::lint,
    task::TaskState,
    time::{Timestamp, format_duration},
};
use candor_path::OwnerRow;
use candor_store::{DeliveryCount, Listing, StoreError, sqlite::Reader};
use candor_world::probes::writable;
use clap::Args;
use serde::Serialize;
use serde_json::json;

mod record;

use super::{
    deploy::deployment_drift,
    owner,
    status::{ALIVE_SECS, OWNERS_MAX},
};
use crate::{
    cli::Global,
    config::{Config, pack_sources},
    desk::{self, reader},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
    package::Installed,
};

/// How many of the newest records are verified again.
const RECORDS_VERIFIED_MAX: u64 = 1_000;
/// Below this much room on the state folder's disk, in bytes, new work may soon be refused.
const ROOM_MIN: u64 = 64 * 1024 * 1024;
/// How far the log's last record may lie ahead of the clock.
const AHEAD_MAX: Duration = Duration::from_secs(5);

/// Audit this deployment, and say what is wrong
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  candor doctor --json\n\nExit code: 0 when nothing is wrong, 13 when something is.")]
pub struct DoctorArgs {}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Weight {
    /// Wrong; the exit code says so.
    Problem,
    /// Worth knowing.
    Note,
    /// Looked at, and in order.
    Fine,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    weight: Weight,
    what: String,
    next: String,
}

/// The findings so far.
#[derive(Default)]
struct Audit(Vec<Finding>);

impl Audit {
    fn add(&mut self, weight: Weight, what: impl Into<String>, next: impl Into<String>) {
        self.0.push(Finding { weight, what: what.into(), next: next.into() });
    }
}

/// Runs the command.
pub fn run(global: &Global, _: DoctorArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let now = Clock::from_env().now();
    let mut audit = Audit::default();
    if !home.state.exists() {
        audit.add(Weight::Note, "nothing is here yet", "`candor up` makes the state folder and its store");
        return finish(global, audit);
    }
    match Config::load(&home) {
        Ok(config) => {
            targets(&mut audit, &config);
            owners(&mut audit, &config, &home, now);
            packs(&mut audit, &home)?;
        }
        Err(failure) => audit.add(Weight::Problem, failure.message, failure.hint.unwrap_or_default()),
    }
    folder(&mut audit, &home);
    for (what, next) in deployment_drift(&home)? {
        audit.add(Weight::Problem, what, next);
    }
    match reader(global) {
        Ok(store) => {
            store_findings(&mut audit, &store, now).map_err(desk::store_failure)?;
            record::findings(&mut audit, &home, &store, now)?;
        }
        Err(failure) if failure.exit == Exit::NotFound => {
            audit.add(Weight::Note, "there is no store yet", "`candor up` makes one");
        }
        Err(failure) => audit.add(Weight::Problem, failure.message, failure.hint.unwrap_or_default()),
    }
    finish(global, audit)
}

/// Shows what was found.
fn finish(global: &Global, mut audit: Audit) -> Outcome {
    audit.0.sort_by_key(|finding| finding.weight);
    let wrong = audit.0.iter().any(|finding| finding.weight == Weight::Problem);
    if global.json {
        output::json(&json!({ "healthy": !wrong, "findings": audit.0 }))?;
    } else {
        let word = |weight| match weight {
            Weight::Problem => "PROBLEM",
            Weight::Note => "note",
            Weight::Fine => "fine",
        };
        let row = |finding: &Finding| vec![word(finding.weight).to_owned(), finding.what.clone(), finding.next.clone()];
        output::table(&["", "WHAT", "NEXT STEP"], audit.0.iter().map(row));
    }
    Ok(if wrong { Exit::Unhealthy } else { Exit::Ok })
}

fn targets(audit: &mut Audit, config: &Config) {
    let settings = &config.machine.settings;
    audit.add(Weight::Fine, format!("configuration and {} packs are loaded", config.machine.packs.packs().len()), "");
    if !settings.targets.iter().any(|target| target.from_level <= 1) {
        audit.add(Weight::Problem, "no target takes notices of level 1", "give a target `from_level: 1`");
    }
    if settings.targets.iter().all(|target| target.gate.is_none()) {
        audit.add(
            Weight::Note,
            "every target only pretends: nothing reaches a person",
            "add a target to the configuration; docs/configuration.md shows how",
        );
    }
    // What is gone by was held against the manifest; this holds all of it against its builder's key.
    if let Some(Err(failure)) = config.deployment.package.as_ref().map(Installed::check) {
        audit.add(Weight::Problem, failure.message, failure.hint.unwrap_or_default());
    }
    for gap in config.deployment.gaps() {
        let weight = if gap.required { Weight::Problem } else { Weight::Note };
        let what = format!("{} is counted on here: {}; instead: {}", gap.ability, gap.why, gap.instead);
        audit.add(weight, what, "candor capability probe; candor capability show");
    }
    for binding in config.bindings.values() {
        for warning in binding.warnings() {
            audit.add(Weight::Note, format!("target {}: {warning}", binding.target()), "");
        }
    }
    for (name, reader) in &config.runtimes {
        for warning in reader.warnings() {
            audit.add(Weight::Note, format!("runtime {name}: {warning}"), "");
        }
    }
}

/// Who may approve, and what weakens their word.
fn owners(audit: &mut Audit, config: &Config, home: &Home, now: Timestamp) {
    let names = config.approvals.owners.names();
    if !names.is_empty() {
        audit.add(Weight::Fine, format!("may approve: {}", names.join(", ")), "");
    }
    for warning in owner::warnings(config, home, now) {
        let weight = if warning.blocks { Weight::Problem } else { Weight::Note };
        audit.add(weight, warning.what, warning.next);
    }
}

/// Packs that load may still hold cases that fail, and rules that no case shows.
fn packs(audit: &mut Audit, home: &Home) -> Result<(), Failure> {
    for source in pack_sources(home)? {
        for error in lint(&source) {
            audit.add(Weight::Problem, error.to_string(), "candor pack lint FOLDER");
        }
    }
    Ok(())
}

fn folder(audit: &mut Audit, home: &Home) {
    let Ok(meta) = std::fs::metadata(&home.state) else { return };
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        audit.add(
            Weight::Problem,
            format!("others can look into the state folder (mode {mode:03o})"),
            format!("chmod 700 {}", home.state.display()),
        );
    }
    if let Err(why) = writable(&home.state) {
        audit.add(Weight::Problem, why, "check the disk; nothing new is accepted until it can be written");
    }
    if let Ok(stat) = rustix::fs::statvfs(&home.state) {
        let room = stat.f_bavail.saturating_mul(stat.f_frsize);
        if room < ROOM_MIN {
            audit.add(
                Weight::Problem,
                format!("only {} MiB left for the state folder", room / 1024 / 1024),
                "free some space; new work is refused when it is full, nothing accepted is lost",
            );
        }
    }
}

fn store_findings(audit: &mut Audit, store: &Reader, now: Timestamp) -> Result<(), StoreError> {
    if let Err(error) = store.check() {
        audit.add(Weight::Problem, error.to_string(), "");
    }
    let alive_since = now.before(Duration::from_secs(ALIVE_SECS));
    for stranded in store.stranded(alive_since, 100)? {
        audit.add(
            Weight::Problem,
            format!("{} to {} has no next step ({})", stranded.notice, stranded.target, stranded.state.as_str()),
            format!("candor notice retry {}", stranded.notice),
        );
    }
    deliveries(audit, store, now)?;
    liveness(audit, store, alive_since, now)?;
    log(audit, store, now)
}

fn deliveries(audit: &mut Audit, store: &Reader, now: Timestamp) -> Result<(), StoreError> {
    for count in store.delivery_counts()? {
        let since = format!("{} since {}", count.count, format_duration(super::task::whole(now.since(count.oldest))));
        let reason = count.reason.as_deref().unwrap_or_default();
        let is = |of: PendingReason| reason == of.as_str();
        match count.state {
            StateName::Blocked => audit.add(
                Weight::Problem,
                format!("blocked ({reason}): {since}"),
                "candor notice list --in blocked; then mend the target and `candor notice retry`",
            ),
            StateName::PendingExternalSend if is(PendingReason::OutcomeUnknown) => audit.add(
                Weight::Problem,
                format!("outcome unknown: {since}; they may or may not have arrived"),
                "look at the destination, then `candor notice resolve` or `candor notice retry`",
            ),
            StateName::PendingExternalSend if is(PendingReason::GateClosed) => audit.add(
                Weight::Problem,
                format!("held by a closed gate: {since}"),
                "candor gate list; candor gate open NAME --reason … --expires 8h",
            ),
            StateName::PendingExternalSend if is(PendingReason::NoSender) => {
                audit.add(Weight::Problem, format!("no sender here: {since}"), "mend the target in the configuration");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether somebody does a kind of work.
enum Working {
    /// Now, in this role.
    Now(String),
    /// In passes: the last ended in order, a short while ago.
    Passes(Timestamp),
    /// No longer, since then; in order or not.
    Gone {
        since: Timestamp,
        in_order: bool,
    },
    Never,
}

impl Working {
    fn of(owners: &[OwnerRow], roles: &[&str], alive_since: Timestamp, now: Timestamp) -> Self {
        let able = owners.iter().filter(|owner| roles.contains(&owner.role.as_str()));
        if let Some(owner) = able.clone().find(|owner| owner.is_alive(alive_since)) {
            return Self::Now(owner.role.clone());
        }
        match able.max_by_key(|owner| owner.beat_at) {
            Some(owner) if owner.comes_by(now) => Self::Passes(owner.beat_at),
            Some(owner) => Self::Gone { since: owner.beat_at, in_order: owner.ended },
            None => Self::Never,
        }
    }
}

/// The watcher is watched: work that waits, and nobody who does it.
fn liveness(audit: &mut Audit, store: &Reader, alive_since: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let owners = store.owners(OWNERS_MAX)?;
    let running = store.task_counts()?.get(&TaskState::Running).copied().unwrap_or(0);
    let due = |count: &&DeliveryCount| match count.state {
        StateName::Queued => true,
        StateName::PendingExternalSend => count.reason.as_deref() == Some(PendingReason::RetryScheduled.as_str()),
        _ => false,
    };
    let waiting: u64 = store.delivery_counts()?.iter().filter(due).map(|count| count.count).sum();
    let work = [
        ("watchdog", &OwnerRow::WATCHING, running, "running tasks whose silence would not be noticed"),
        ("dispatcher", &OwnerRow::DISPATCHING, waiting, "deliveries wait"),
    ];
    for (role, roles, count, what) in work {
        let idle = count == 0;
        let (weight, found) = match Working::of(&owners, roles, alive_since, now) {
            Working::Now(as_role) => (Weight::Fine, format!("the {role} lives ({as_role})")),
            Working::Passes(at) => (Weight::Note, format!("the {role} comes by in passes; the last was at {at}")),
            _ if idle => (Weight::Note, format!("no {role} runs, and nothing waits for one")),
            Working::Gone { since, in_order: true } => {
                (Weight::Problem, format!("no {role}: {count} {what}; the last one was stopped at {since}"))
            }
            Working::Gone { since, in_order: false } => {
                let age = format_duration(super::task::whole(now.since(since)));
                (Weight::Problem, format!("no {role}: {count} {what}; the last one fell silent {age} ago"))
            }
            Working::Never => (Weight::Problem, format!("no {role} has ever run: {count} {what}")),
        };
        audit.add(weight, found, if weight == Weight::Fine { "" } else { "candor up" });
    }
    Ok(())
}

/// Verifies the newest records again: each body against its commitment, each header against its place.
fn log(audit: &mut Audit, store: &Reader, now: Timestamp) -> Result<(), StoreError> {
    let head = store.head()?;
    if head.last_at.is_some_and(|last| last > now.after(AHEAD_MAX)) {
        audit.add(Weight::Problem, "the log's last record lies ahead of this machine's clock", "check the clock");
    }
    let from = head.length.saturating_sub(RECORDS_VERIFIED_MAX);
    let entries = store.log(from, usize::try_from(RECORDS_VERIFIED_MAX).unwrap_or(usize::MAX))?;
    let upto = from + entries.len() as u64;
    if upto < head.length {
        let what = format!("record {upto} of {} is missing: the log lost its end", head.length);
        audit.add(Weight::Problem, what, "keep a copy of the state folder as it is");
    }
    for (entry, index) in entries.iter().zip(from..) {
        let leaf = merkle::log_leaf(&entry.header_line);
        // Of a content that was pruned, the header is left.
        let sound = match entry.is_pruned() {
            true => seal::check_header(&entry.header_line, &leaf),
            false => seal::check(&entry.header_line, &leaf, &entry.nonce, &entry.body),
        };
        match sound {
            Ok(header) if header.index == index => {}
            Ok(header) => {
                audit.add(
                    Weight::Problem,
                    format!("record {index} says that it is record {}", header.index),
                    "keep a copy of the state folder as it is",
                );
            }
            Err(mismatch) => {
                audit.add(
                    Weight::Problem,
                    format!("record {index} was changed: {mismatch}"),
                    "keep a copy of the state folder as it is",
                );
            }
        }
    }
    audit.add(Weight::Fine, format!("{} of {} records verified again", entries.len(), head.length), "");
    Ok(())
}
