//! `candor claim`: an agent asserts something about its work, and hears at once what policy makes of it.

use candor_core::{claim::ClaimKind, ids::NoticeNo};
use clap::Args;
use serde_json::json;

use super::task::{Who, hand_in, show_told};
use crate::{
    cli::Global,
    exit::Outcome,
    report::{self, Envelope},
};

/// Claim something about a task's work
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  candor claim nightly tests_passed --statement \"all 214 tests pass\"\n\nKinds: completion, tests_passed, build_succeeded, deployed, operator_notified, file_written,\nfixed, reviewed, or a name of your own in lower_case."
)]
pub struct ClaimArgs {
    #[command(flatten)]
    who: Who,
    /// What is claimed
    kind: ClaimKind,
    /// In the agent's words
    #[arg(long)]
    statement: Option<String>,
    /// The notice that an `operator_notified` claim speaks about
    #[arg(long)]
    notice: Option<NoticeNo>,
}

/// Runs the command.
pub fn run(global: &Global, args: ClaimArgs) -> Outcome {
    let envelope = Envelope {
        task: Some(args.who.task.clone()),
        agent: args.who.as_whom.agent.clone(),
        runtime: "cli".parse().ok(),
        ..Envelope::default()
    };
    let data = json!({ "claim": args.kind, "statement": args.statement, "notice": args.notice });
    let event = report::event("claim.made", &envelope, report::data(data))?;
    let told = hand_in(global, event, &args.who.as_whom.credential())?;
    show_told(global, &told, Some(&args.who.task))
}
