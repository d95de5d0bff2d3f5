//! `candor approval approve|reject|countersign|revoke`: what an owner signs.

use std::{collections::BTreeSet, path::PathBuf};

use candor_core::{
    approval::{Approval, Standing, Verdict},
    gate::Gate,
    ids::ApprovalNo,
};
use candor_path::Act;
use candor_store::Listing as _;
use clap::Args;

use crate::{
    approvals::{self, shown, standing},
    cli::Global,
    commands::gate::gate,
    config::Config,
    desk,
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
    signing::{self, TermsArgs},
};

#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The packet, as `candor approval show` names it
    packet: String,
    /// Only these of the packet's gates; all of them where none is named
    #[arg(long = "gate", value_name = "GATE", value_parser = gate)]
    gates: Vec<Gate>,
    /// The package's digest, where it must be this one and no newer
    #[arg(long, value_name = "SHA256")]
    package: Option<String>,
    #[command(flatten)]
    terms: TermsArgs,
}

#[derive(Debug, Args)]
pub struct CountersignArgs {
    /// The approval that waits
    approval: ApprovalNo,
    /// The key that signs
    #[arg(long, value_name = "FILE", env = "CANDOR_SSH_KEY")]
    ssh_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The approval
    approval: ApprovalNo,
    /// Why: it is signed, and stays on record
    #[arg(long)]
    reason: String,
    /// The key that signs
    #[arg(long, value_name = "FILE", env = "CANDOR_SSH_KEY")]
    ssh_key: Option<PathBuf>,
}

/// Signs that a packet may happen.
pub fn approve(global: &Global, args: &ApproveArgs) -> Outcome {
    say(global, args, Verdict::Approve)
}

/// Signs that it may not.
pub fn reject(global: &Global, args: &ApproveArgs) -> Outcome {
    say(global, args, Verdict::Reject)
}

fn say(global: &Global, args: &ApproveArgs, verdict: Verdict) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let config = Config::load(&home)?;
    // What can't be signed makes nothing, neither.
    let key = args.terms.ssh_key.as_deref();
    signing::ready(key, &config.owners)?;
    args.terms.known(&config, &home)?;
    let mut package = approvals::newest(global, &config, &|_| true)?;
    if let Some(named) = &args.package {
        // What is named is signed: whether it is the newest is for the record to say.
        package.sha256.clone_from(named);
    }
    let found = package.packets.iter().find(|packet| packet.packet_id == args.packet);
    let packet = found.ok_or_else(|| {
        let known: Vec<&str> = package.packets.iter().map(|packet| packet.packet_id.as_str()).collect();
        Failure::new(Exit::NotFound, format!("the package has no packet `{}`", args.packet))
            .hint(format!("it has {}", known.join(", ")))
    })?;
    let gates: BTreeSet<Gate> = match args.gates.as_slice() {
        [] => packet.blocked_runtime_actions.clone(),
        named => named.iter().copied().collect(),
    };
    let now = Clock::from_env().now();
    let terms = args.terms.terms(&home.node()?, &package, packet, gates, verdict, now)?;
    let signed = signing::sign_terms(global, key, &config.owners, signing::document(&terms)?, &[])?;
    told(global, &signing::hand_in(global, Act::Approve { signed })?)
}

/// Adds another owner's signature.
pub fn countersign(global: &Global, args: &CountersignArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let config = Config::load(&home)?;
    let store = desk::reader(global)?;
    let no = args.approval;
    let found = store.approval_by_no(no).map_err(desk::store_failure)?;
    let approval = found.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("no approval `{no}`")).hint("`candor approval list` shows them")
    })?;
    if approval.standing != Standing::WaitsForOwner {
        let openings = store.all_openings(standing::OPENINGS_MAX).map_err(desk::store_failure)?;
        let stands = standing::of_approval(&approval, &openings, Clock::from_env().now());
        return Err(Failure::new(
            Exit::Refused,
            format!("{no} doesn't wait for another owner: it stands as `{stands}`"),
        )
        .hint(format!("candor approval show {no}")));
    }
    let (document, by) = (approval.signed.document, approval.signed_by);
    let signed = signing::sign_terms(global, args.ssh_key.as_deref(), &config.owners, document, &by)?;
    told(global, &signing::hand_in(global, Act::Approve { signed })?)
}

/// Takes an approval back.
pub fn revoke(global: &Global, args: &RevokeArgs) -> Outcome {
    told(global, &signing::revoke(global, args.approval, &args.reason, args.ssh_key.as_deref())?)
}

/// Whether what it opens is open, or from when on.
pub fn begins(approval: &Approval) -> String {
    let from = approval.terms.not_before;
    if from > approval.at { format!("open from {from} on") } else { "open".to_owned() }
}

/// Tells how an approval stands now: exit code 3 where it waits for another owner.
pub fn told(global: &Global, approval: &Approval) -> Outcome {
    if global.json {
        output::json(&shown::of(approval)?)?;
    }
    let (terms, no) = (&approval.terms, approval.no);
    let (exit, line) = match &approval.standing {
        Standing::WaitsForOwner => {
            (Exit::Pending, format!("{no} waits for another owner: `candor approval countersign {no}`"))
        }
        Standing::Given => {
            let gates: Vec<&str> = terms.gates.iter().map(|gate| gate.as_str()).collect();
            let line = format!(
                "{no}: {} {} for {} until {}, {} each, signed by {}",
                gates.join(", "),
                begins(approval),
                terms.scope,
                terms.expires_at,
                output::counted(terms.max_uses, "use"),
                approval.signed_by.join(", ")
            );
            (Exit::Ok, line)
        }
        Standing::Rejected => (Exit::Ok, format!("{no}: packet {} is rejected", terms.packet_id)),
        Standing::Revoked { by, .. } => (Exit::Ok, format!("{no} is revoked by {by}")),
    };
    if !global.json {
        output::line(shown::text(&line));
    }
    Ok(exit)
}
