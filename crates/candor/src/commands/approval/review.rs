//! `candor approval review`: the operator's own steps before anything is signed, each on record.

use candor_core::work::DocumentKind;
use candor_path::Act;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{approvals, cli::Global, commands::gate, config::Config, exit::Outcome, home::Home};

#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// What you did
    #[arg(value_enum)]
    action: Action,
    /// What you saw, in a line
    #[arg(long)]
    note: String,
}

/// The five operator actions of the approval contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Action {
    /// Looked at the package
    ReviewApprovalPackage,
    /// Held a canonical readback plan against what it should read
    ValidateCanonicalPlan,
    /// Looked at the outcome of a rollback drill
    ReviewRollbackDrill,
    /// Looked at a failure-receipt gate
    ReviewFailureReceiptGate,
    /// Decided what to sign
    RejectOrPromote,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::ReviewApprovalPackage => "review_approval_package",
            Self::ValidateCanonicalPlan => "validate_canonical_plan",
            Self::ReviewRollbackDrill => "review_rollback_drill",
            Self::ReviewFailureReceiptGate => "review_failure_receipt_gate",
            Self::RejectOrPromote => "reject_or_promote",
        }
    }
}

/// Puts the step on record, with the package that it was about.
pub fn run(global: &Global, args: &ReviewArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let package = approvals::newest(global, &Config::load(&home)?, &|_| true)?;
    let key = args.action.name().to_owned();
    let body = json!({ "action_type": key, "package_sha256": package.sha256, "note": args.note });
    let done = format!("{key} of {} is on record", package.sha256);
    gate::act_on(global, Act::Keep { kind: DocumentKind::Review, key, body }, &done)
}
