//! Scores, learning and trust: written of one agent or of all, and listed as they were kept last.

use std::collections::BTreeSet;

use candor_core::{
    honesty::Share,
    ids::AgentId,
    work::{Document, DocumentKind, Wanted},
};
use candor_store::Listing as _;
use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    approvals::shown,
    cli::Global,
    desk,
    exit::{Exit, Failure, Outcome},
    gated, output,
};

/// Most documents that are looked at.
pub const DOCUMENTS_MAX: usize = 10_000;

#[derive(Debug, Args)]
pub struct WriteArgs {
    /// Only of this agent; of all with kept results where none is named
    #[arg(long)]
    agent: Option<AgentId>,
}

/// The documents of a kind.
///
/// # Errors
/// When the store can't be read.
pub fn documents(global: &Global, kind: DocumentKind) -> Result<Vec<Document>, Failure> {
    desk::reader(global)?.documents(kind, DOCUMENTS_MAX).map_err(desk::store_failure)
}

/// Has one written of an agent, or of each agent with kept results.
pub fn write(global: &Global, args: WriteArgs, wanted: impl Fn(AgentId) -> Wanted) -> Outcome {
    if let Some(agent) = args.agent {
        return gated::tell(global, &gated::want(global, wanted(agent), &|| {})?);
    }
    let results = documents(global, DocumentKind::Result)?;
    let agents: BTreeSet<AgentId> = results.into_iter().filter_map(|result| result.agent).collect();
    if agents.is_empty() {
        return Err(Failure::new(Exit::NotFound, "no task of an agent has a kept result")
            .hint("`candor result capture TASK` keeps one"));
    }
    let all = agents
        .into_iter()
        .map(|agent| gated::want(global, wanted(agent), &|| {}))
        .collect::<Result<Vec<_>, Failure>>()?;
    gated::tell_all(global, &all)
}

/// Lists the documents of a kind, as they may be displayed.
pub fn list(
    global: &Global,
    kind: DocumentKind,
    name: &str,
    header: &[&str],
    row: impl Fn(&Document) -> Vec<String>,
) -> Outcome {
    let mut all = documents(global, kind)?;
    all.sort_by(|a, b| a.key.cmp(&b.key));
    if global.json {
        let all: Vec<Value> = all.iter().map(one).collect();
        output::json(&json!({ name: all }))?;
        return Ok(Exit::Ok);
    }
    if all.is_empty() {
        output::line(format!("nothing is kept; `candor {} --help` says how", name.trim_end_matches('s')));
        return Ok(Exit::Ok);
    }
    output::table(header, all.iter().map(|of| row(of).iter().map(|cell| shown::text(cell)).collect::<Vec<_>>()));
    Ok(Exit::Ok)
}

/// A document as it may be displayed, for programs.
pub fn one(of: &Document) -> Value {
    json!({ "key": of.key, "agent": of.agent, "at": of.at, "kept": shown::document(&of.body) })
}

/// The content of a document; none where it doesn't read any more.
pub fn content<T: DeserializeOwned>(of: &Document) -> Option<T> {
    serde_json::from_value(of.body.clone()).ok()
}

/// A share for people.
pub fn share(of: Option<Share>) -> String {
    of.map_or_else(|| "too few".to_owned(), |share| format!("{}-{} %", share.from, share.to))
}

/// A word as it is written in JSON.
pub fn word(of: &impl serde::Serialize) -> String {
    serde_json::to_value(of).ok().and_then(|of| of.as_str().map(str::to_owned)).unwrap_or_default()
}
