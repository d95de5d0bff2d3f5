//! Views: what the API and `--json` show, made from what is committed.

use candor_core::{
    ids::{EvidenceNo, NoticeNo, TaskId},
    time::Timestamp,
};
use candor_store::{Artifacts, Listing, NoticeFilter, StoreError, TaskFilter, WorkFilter};
use candor_web::ViewRequest;
use serde_json::{Value, json};

use crate::approvals::shown;

/// Most rows of a list inside a view.
const ROWS_MAX: usize = 1_000;

/// Makes a view. None when there is no such thing.
///
/// # Errors
/// When the store can't be read.
pub fn view(store: &impl Listing, request: &ViewRequest, now: Timestamp) -> Result<Option<Value>, StoreError> {
    Ok(match request {
        ViewRequest::Status => Some(shown::document(&crate::commands::status::view(store, now)?)),
        ViewRequest::Tasks { state, after, limit } => {
            let filter = TaskFilter { state: *state, with_incident: false, after: after.clone() };
            Some(json!({ "tasks": store.tasks(&filter, (*limit).min(ROWS_MAX))? }))
        }
        ViewRequest::Task(id) => task(store, id)?,
        ViewRequest::Notices { state, task, before, limit } => {
            let filter = NoticeFilter { state: *state, task: task.clone() };
            let mut rows = store.notices(&filter, if before.is_some() { ROWS_MAX } else { (*limit).min(ROWS_MAX) })?;
            if let Some(before) = before {
                rows.retain(|row| row.notice.no < *before);
                rows.truncate(*limit);
            }
            Some(json!({ "notices": rows }))
        }
        ViewRequest::Notice(no) => notice(store, *no)?,
        ViewRequest::Decision(no) => store.decision(*no)?.map(|record| record.body),
        ViewRequest::Event(no) => store.event(*no)?.map(|record| record.body),
        ViewRequest::EvidenceOf(task) => Some(json!({ "evidence": store.evidence_for(task, ROWS_MAX)? })),
        ViewRequest::Evidence(no) => evidence(store, *no)?,
        ViewRequest::Gates => Some(shown::document(&json!({
            "openings": store.all_openings(ROWS_MAX)?,
            "waiting": store.all_work(WorkFilter::Open, ROWS_MAX)?,
            "requests": store.requests(ROWS_MAX)?,
            "uses": store.ledger_counts(None)?,
        }))),
    })
}

fn task(store: &impl Listing, id: &TaskId) -> Result<Option<Value>, StoreError> {
    let Some(task) = store.task_by_id(id)? else { return Ok(None) };
    let notices = store.notices(&NoticeFilter { state: None, task: Some(id.clone()) }, 20)?;
    let records = store.artifacts(Artifacts::OfTask(id), 20)?;
    Ok(Some(json!({
        "task": task,
        "claims": store.claims_of(id, ROWS_MAX)?,
        "evidence": store.evidence_for(id, ROWS_MAX)?,
        "notices": notices,
        "recent": records.iter().map(|record| json!({ "at": record.at, "kind": record.kind.as_str(), "id": record.id })).collect::<Vec<_>>(),
    })))
}

fn notice(store: &impl Listing, no: NoticeNo) -> Result<Option<Value>, StoreError> {
    let Some(row) = store.notice_row(no)? else { return Ok(None) };
    let receipts: Vec<Value> = store.receipts(no, ROWS_MAX)?.into_iter().map(|record| record.body).collect();
    Ok(Some(json!({ "notice": row.notice, "deliveries": row.deliveries, "receipts": receipts })))
}

fn evidence(store: &impl Listing, no: EvidenceNo) -> Result<Option<Value>, StoreError> {
    Ok(store.evidence_by_no(no)?.and_then(|evidence| serde_json::to_value(evidence).ok()))
}
