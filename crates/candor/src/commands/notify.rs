//! `candor notify`: ask that the operator be told something, from a script or by hand.

use candor_core::{decision::Severity, ids::TaskId};
use clap::Args;
use serde_json::json;

use super::task::{AsWhom, hand_in, show_told};
use crate::{
    cli::Global,
    exit::Outcome,
    report::{self, Envelope},
};

/// Ask that the operator be told something
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  candor notify \"Backup finished with warnings\" --severity warning --text \"3 files were skipped\""
)]
pub struct NotifyArgs {
    /// One line
    title: String,
    /// The text
    #[arg(long)]
    text: Option<String>,
    /// How much it matters
    #[arg(long, default_value = "info", value_parser = severity)]
    severity: Severity,
    /// The task that it is about
    #[arg(long)]
    task: Option<TaskId>,
    #[command(flatten)]
    as_whom: AsWhom,
}

fn severity(text: &str) -> Result<Severity, String> {
    Severity::parse(text).ok_or_else(|| format!("`{text}` is no severity; use info, warning or critical"))
}

/// Runs the command.
pub fn run(global: &Global, args: NotifyArgs) -> Outcome {
    let envelope = Envelope {
        task: args.task,
        agent: args.as_whom.agent.clone(),
        runtime: "cli".parse().ok(),
        ..Envelope::default()
    };
    let data = json!({ "title": args.title, "text": args.text, "severity": args.severity });
    let event = report::event("notice.requested", &envelope, report::data(data))?;
    let told = hand_in(global, event, &args.as_whom.credential())?;
    show_told(global, &told, None)
}
