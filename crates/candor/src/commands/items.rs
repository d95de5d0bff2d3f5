//! Items that wait for a person: tasks before a reviewer, and what is to be taken back.

use candor_core::{
    ids::TaskId,
    work::{Document, DocumentKind},
};
use candor_path::Act;
use clap::Args;
use serde_json::Value;

use super::{gate, kept};
use crate::{cli::Global, exit::Outcome};

#[derive(Debug, Args)]
pub struct AddArgs {
    /// The task
    pub task: TaskId,
    /// Why, in a line
    #[arg(long)]
    pub why: String,
}

#[derive(Debug, Args)]
pub struct DoneArgs {
    /// What it is about, as `list` names it
    #[arg(value_name = "ABOUT")]
    key: String,
    /// What you found or did, in a line
    #[arg(long)]
    note: String,
}

/// Lists the items of a queue, done and open.
pub fn list(global: &Global, kind: DocumentKind, name: &str) -> Outcome {
    kept::list(global, kind, name, &["ABOUT", "STATE", "SINCE", "WHY", "NOTE"], row)
}

fn row(of: &Document) -> Vec<String> {
    let field = |name: &str| of.body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    vec![of.key.clone(), field("state"), of.at.to_string(), field("why"), field("note")]
}

/// Closes an item.
pub fn done(global: &Global, kind: DocumentKind, args: DoneArgs) -> Outcome {
    let said = format!("`{}` is done", args.key);
    gate::act_on(global, Act::CloseItem { kind, key: args.key, note: args.note }, &said)
}
