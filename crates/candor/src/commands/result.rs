//! `candor result`: how tasks ended, with their claims and how they stand.

use candor_core::{
    ids::TaskId,
    outcome::{ClaimStanding, TaskResult},
    work::{Document, DocumentKind, Wanted},
};
use candor_store::Listing as _;
use clap::{Args, Subcommand};

use super::kept;
use crate::{
    approvals::shown,
    cli::Global,
    desk,
    exit::{Exit, Failure, Outcome},
    gated, output,
};

#[derive(Debug, Subcommand)]
pub enum ResultCommand {
    /// Keep how a task stands now, with its claims
    #[command(
        after_help = "Example:\n  candor result capture nightly\n\nExit code: 3 when it waits for the gate runtime_result_capture_write; it is done by itself, once, when that opens."
    )]
    Capture(TaskArgs),
    /// List what is kept: the newest result of each task
    #[command(after_help = "Example:\n  candor result list --json")]
    List,
    /// Show a task's kept result, claim by claim
    #[command(after_help = "Example:\n  candor result show nightly")]
    Show(TaskArgs),
}

#[derive(Debug, Args)]
pub struct TaskArgs {
    /// The task
    task: TaskId,
}

/// Runs the command.
pub fn run(global: &Global, command: ResultCommand) -> Outcome {
    match command {
        ResultCommand::Capture(TaskArgs { task }) => {
            gated::tell(global, &gated::want(global, Wanted::CaptureResult { task }, &|| {})?)
        }
        ResultCommand::List => {
            let header = ["TASK", "AGENT", "STATE", "SUPPORTED", "CONTRADICTED", "UNPROVEN", "AT"];
            kept::list(global, DocumentKind::Result, "results", &header, row)
        }
        ResultCommand::Show(args) => show(global, &args.task),
    }
}

fn row(of: &Document) -> Vec<String> {
    let Some(result) = kept::content::<TaskResult>(of) else { return vec![of.key.clone()] };
    let count = |standing| result.claims.iter().filter(|claim| claim.standing == standing).count().to_string();
    vec![
        of.key.clone(),
        result.agent.as_ref().map(ToString::to_string).unwrap_or_default(),
        state(&result),
        count(ClaimStanding::Supported),
        count(ClaimStanding::Contradicted),
        count(ClaimStanding::Unproven),
        of.at.to_string(),
    ]
}

fn state(result: &TaskResult) -> String {
    let state = result.state.as_str();
    if result.unproved { format!("{state} (unproved)") } else { state.to_owned() }
}

fn show(global: &Global, task: &TaskId) -> Outcome {
    let store = desk::reader(global)?;
    let found = store.document_by_key(DocumentKind::Result, task.as_str()).map_err(desk::store_failure)?;
    let document = found.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("no result of task `{task}` is kept"))
            .hint(format!("`candor result capture {task}` keeps it"))
    })?;
    if global.json {
        output::json(&kept::one(&document))?;
        return Ok(Exit::Ok);
    }
    let Some(result) = kept::content::<TaskResult>(&document) else {
        return Err(Failure::new(Exit::Internal, format!("the result of `{task}` doesn't read")));
    };
    let agent = result.agent.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
    output::line(shown::text(&format!("{task} of {agent}: {}, kept at {}", state(&result), document.at)));
    let row = |claim: &candor_core::outcome::ClaimOutcome| {
        let strength = claim.strength.map(|strength| strength.as_str().to_owned()).unwrap_or_default();
        vec![claim.claim.to_string(), claim.kind.to_string(), kept::word(&claim.standing), strength]
    };
    output::table(&["CLAIM", "WHAT", "STANDS", "BEST SUPPORT"], result.claims.iter().map(row));
    for rule in &result.rules {
        output::line(shown::text(&format!("spoke: {rule}")));
    }
    Ok(Exit::Ok)
}
