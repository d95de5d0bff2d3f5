//! `candor approval request`: an agent asks that a gate be opened for its task.

use candor_core::{
    gate::Gate,
    ids::{PlanId, RuntimeName, TargetName, TaskId},
};
use clap::Args;
use serde_json::json;

use crate::{
    cli::Global,
    commands::{
        gate::gate,
        task::{AsWhom, hand_in, show_told},
    },
    exit::Outcome,
    report::{self, Envelope},
};

#[derive(Debug, Args)]
pub struct RequestArgs {
    /// The gate
    #[arg(value_parser = gate)]
    gate: Gate,
    /// The task that it is for: the agent's own
    #[arg(long)]
    task: TaskId,
    /// Only for this target, or this place of `audit.publish`
    #[arg(long, value_name = "NAME")]
    target: Option<TargetName>,
    /// Only for tasks of this runtime
    #[arg(long, value_name = "NAME")]
    runtime: Option<RuntimeName>,
    /// Only for this readback plan
    #[arg(long, value_name = "PLAN")]
    plan: Option<PlanId>,
    /// Why, in a line
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    as_whom: AsWhom,
}

/// Hands the request in.
pub fn run(global: &Global, args: RequestArgs) -> Outcome {
    let envelope = Envelope {
        task: Some(args.task),
        agent: args.as_whom.agent.clone(),
        runtime: "cli".parse().ok(),
        ..Envelope::default()
    };
    let data = json!({
        "gate": args.gate, "channel": args.target, "runtime": args.runtime, "plan": args.plan, "reason": args.reason,
    });
    let event = report::event("approval.requested", &envelope, report::data(data))?;
    let told = hand_in(global, event, &args.as_whom.credential())?;
    show_told(global, &told, None)
}
