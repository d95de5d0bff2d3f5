//! `candor readback list` and `show`: the plans, and what was kept of their runs.

use candor_core::{
    ids::PlanId,
    work::{Document, DocumentKind},
};
use candor_store::{Listing as _, StoreError, sqlite::Reader};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    approvals::shown,
    cli::Global,
    config::Config,
    desk::{self, store_failure},
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The plan
    plan: PlanId,
}

/// How a plan stands: its digest, its last dry run, and what was kept last.
struct Row {
    plan: String,
    name: String,
    /// Whether the dry run on record was of the plan as it is now.
    rehearsed: Option<bool>,
    kept: Option<Document>,
}

/// Lists the plans.
pub fn list(global: &Global) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let config = Config::load(&home)?;
    let store = match Reader::open(&home.store()) {
        Ok(store) => Some(store),
        Err(StoreError::Absent { .. }) => None,
        Err(error) => return Err(store_failure(error)),
    };
    let document = |kind, plan: &str| match &store {
        Some(store) => store.document_by_key(kind, plan).map_err(store_failure),
        None => Ok(None),
    };
    let terms = &config.machine.settings.approvals.plans;
    let mut rows = Vec::new();
    for entry in &config.plans {
        let now = entry.id.parse::<PlanId>().ok().and_then(|plan| terms.get(&plan));
        let dry = document(DocumentKind::DryRun, &entry.id)?;
        let of = dry.and_then(|dry| dry.body.get("sha256").and_then(Value::as_str).map(str::to_owned));
        let rehearsed = of.map(|of| now.is_some_and(|now| now.sha256 == of));
        let kept = document(DocumentKind::Readback, &entry.id)?;
        rows.push(Row { plan: entry.id.clone(), name: entry.name.clone(), rehearsed, kept });
    }
    if global.json {
        let row = |row: &Row| {
            let kept = row.kept.as_ref().map(|kept| json!({ "at": kept.at, "sha256": kept.body.get("sha256") }));
            json!({ "plan": row.plan, "name": row.name, "dry_run_holds": row.rehearsed.unwrap_or(false), "kept": kept })
        };
        output::json(&shown::document(&json!({ "plans": rows.iter().map(row).collect::<Vec<_>>() })))?;
        return Ok(Exit::Ok);
    }
    let row = |row: &Row| {
        let dry = match row.rehearsed {
            Some(true) => "done",
            Some(false) => "of another plan",
            None => "never",
        };
        let kept = row.kept.as_ref();
        let rows = kept.map(|kept| rows_of(kept).len().to_string());
        vec![
            row.plan.clone(),
            dry.to_owned(),
            kept.map_or_else(|| "nothing".to_owned(), |kept| kept.at.to_string()),
            rows.unwrap_or_default(),
            shown::text(&row.name),
        ]
    };
    output::table(&["PLAN", "DRY RUN", "KEPT", "ROWS", "WHAT"], rows.iter().map(row));
    Ok(Exit::Ok)
}

fn rows_of(kept: &Document) -> Vec<Value> {
    kept.body.pointer("/reading/rows").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Shows what was kept of a plan's last run.
pub fn show(global: &Global, args: &ShowArgs) -> Outcome {
    let kept = desk::reader(global)?.document_by_key(DocumentKind::Readback, args.plan.as_str());
    let kept = kept.map_err(store_failure)?.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("nothing is kept of a run of `{}`", args.plan))
            .hint(format!("`candor readback run {}` runs it; `candor readback list` shows the plans", args.plan))
    })?;
    if global.json {
        output::json(&shown::document(&json!(kept)))?;
        return Ok(Exit::Ok);
    }
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(shown::text).unwrap_or_default();
    output::line(format!("rp-{}, read {} by {}", kept.no, kept.at, text(kept.body.get("work"))));
    output::line(format!("SHA-256 of what was read: {}", text(kept.body.get("sha256"))));
    for (no, row) in rows_of(&kept).iter().enumerate() {
        output::line(format!("row {}", no.saturating_add(1)));
        for (name, value) in row.as_object().into_iter().flatten() {
            output::line(format!("  {}: {}", shown::text(name), text(Some(value))));
        }
    }
    for unasked in kept.body.pointer("/reading/unasked").and_then(Value::as_array).into_iter().flatten() {
        output::line(format!("not {}: {}", text(unasked.get("what")), text(unasked.get("why"))));
    }
    Ok(Exit::Ok)
}
