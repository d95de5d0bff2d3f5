//! What runtimes are asked about, from what is on record, and how their answers become rows.

use std::collections::BTreeMap;

use candor_approval::reading::Row;
use candor_core::{
    evidence::{Bearing, Evidence},
    ids::{RuntimeName, TargetName},
    outcome::{ClaimOutcome, TaskResult},
    time::Timestamp,
    work::DocumentKind,
};
use candor_store::{Listing, NoticeFilter, StoreError, TaskFilter};
use candor_world::runtimes::{READ_ITEMS_MAX, Reading, RuntimeRead};
use serde::Serialize;
use serde_json::Value;

use super::{plans::Askable, question};

/// Most tasks and notices that are looked through.
const ROWS_MAX: usize = 10_000;
/// Most pieces of evidence of one task that are looked at.
const EVIDENCE_MAX: usize = 1_000;
/// The sender that hands notices to a gateway.
const GATEWAY: &str = "openclaw-cli@";
/// Names by which runtimes call what they have on record.
const IDS: [&str; 7] = ["taskId", "task_id", "runId", "run_id", "queueId", "queue_id", "id"];
/// Names under which they say how it stands, the most telling first.
const STATES: [&str; 7] =
    ["recoveryState", "recovery_state", "state", "status", "terminalOutcome", "terminal_outcome", "outcome"];

/// Something that a runtime is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The names by which the runtime may know it.
    ids: Vec<String>,
    /// What is on record of it here.
    known: Row,
}

/// By runtime, what it is asked about.
type ByRuntime = BTreeMap<RuntimeName, Vec<About>>;

fn row<const N: usize>(fields: [(&str, String); N]) -> Row {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The word that a value is written as.
fn word(of: impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// The notices that were handed to a gateway, newest first.
pub(super) fn handed_over(store: &impl Listing, of: Askable<'_>) -> Result<Vec<About>, StoreError> {
    let to_gateway = |target: &TargetName| of.bindings.get(target).is_some_and(|of| of.describe().starts_with(GATEWAY));
    let mut about = Vec::new();
    for row_of in store.notices(&NoticeFilter::default(), ROWS_MAX)? {
        for delivery in
            row_of.deliveries.iter().filter(|delivery| delivery.attempts > 0 && to_gateway(&delivery.target))
        {
            let Some(asked) = question::about(store, delivery.notice, &delivery.target, of.node)? else { continue };
            let key = asked.message.key;
            let known = row([("notice", delivery.notice.to_string()), ("idempotency_key", key.clone())]);
            about.push(About { ids: asked.provider_id.into_iter().chain([key]).collect(), known });
            if about.len() == READ_ITEMS_MAX {
                return Ok(about);
            }
        }
    }
    Ok(about)
}

/// The tasks that are known here, by their runtimes.
pub(super) fn tasks(store: &impl Listing) -> Result<ByRuntime, StoreError> {
    let mut by = ByRuntime::new();
    for task in store.tasks(&TaskFilter::default(), ROWS_MAX)? {
        let of = by.entry(task.runtime.clone()).or_default();
        let known = row([
            ("task", task.id.to_string()),
            ("runtime", task.runtime.to_string()),
            ("candor_state", word(task.state)),
        ]);
        of.push(About { ids: vec![task.id.to_string()], known });
    }
    newest(by)
}

/// A runtime's answer is read up to a bound; so is what it is asked about, the newest of it.
fn newest(mut by: ByRuntime) -> Result<ByRuntime, StoreError> {
    for about in by.values_mut() {
        let beyond = about.len().saturating_sub(READ_ITEMS_MAX);
        about.drain(..beyond);
    }
    Ok(by)
}

/// The captured results whose task has evidence that was looked at since, by their runtimes.
pub(super) fn captured(store: &impl Listing) -> Result<ByRuntime, StoreError> {
    let mut by = ByRuntime::new();
    for document in store.documents(DocumentKind::Result, ROWS_MAX)?.into_iter().rev() {
        let Ok(result) = serde_json::from_value::<TaskResult>(document.body) else { continue };
        let evidence = store.evidence_for(&result.task, EVIDENCE_MAX)?;
        let since = since(&evidence, document.at, &result.claims);
        if since.is_empty() {
            continue;
        }
        let claim = |of: &ClaimOutcome| format!("{} {}", of.kind, word(of.standing));
        let known = row([
            ("task", result.task.to_string()),
            ("runtime", result.runtime.to_string()),
            ("claims", result.claims.iter().map(claim).collect::<Vec<_>>().join(", ")),
            ("standing", since.join(", ")),
        ]);
        by.entry(result.runtime).or_default().push(About { ids: vec![result.task.to_string()], known });
    }
    newest(by)
}

/// What evidence that was looked at since then says of these claims.
fn since(evidence: &[Evidence], at: Timestamp, claims: &[ClaimOutcome]) -> Vec<String> {
    let later = evidence.iter().filter(|of| of.finding.looked_at > at || of.added_at > at);
    let says = |of: &Evidence| {
        let word = match of.finding.bearing {
            Bearing::Supports => "supports",
            Bearing::Contradicts => "contradicts",
            Bearing::Inconclusive => "says nothing of",
        };
        let about = claims.iter().map(|claim| &claim.kind).filter(|kind| of.supports.contains(kind));
        about.map(|kind| format!("{} {word} {kind} ({})", of.no, of.strength.as_str())).collect::<Vec<_>>()
    };
    let mut said: Vec<String> = later.flat_map(says).collect();
    said.sort();
    said.dedup();
    said
}

/// One row for each thing that the answer names.
pub(super) fn of_reading(about: &[About], reading: &Reading, at: Timestamp) -> Vec<Row> {
    let named = |about: &About, item: &BTreeMap<String, String>| {
        IDS.iter().filter_map(|name| item.get(*name)).any(|id| about.ids.contains(id))
    };
    let state_field = if reading.plan == RuntimeRead::GatewayQueue { "gateway_state" } else { "state" };
    let one = |about: &About| {
        let item = reading.items.iter().find(|item| named(about, item))?;
        let mut row = about.known.clone();
        let state = STATES.iter().find_map(|name| item.get(*name));
        row.extend(state.map(|state| (state_field.to_owned(), state.clone())));
        row.insert("answer_digest".to_owned(), reading.sha256.clone());
        row.insert("asked_at".to_owned(), at.to_string());
        Some(row)
    };
    about.iter().filter_map(one).collect()
}
