//! `candor gate open`: the short way to an approval. It signs one packet of the newest approval package for the gates that are named.

use std::collections::BTreeSet;

use candor_core::{
    approval::{Approval, BLOCKED, PackageRow, Packet, Standing, Verdict},
    gate::Gate,
};
use candor_path::Act;
use clap::Args;

use super::gate;
use crate::{
    approvals::{self, shown},
    cli::Global,
    commands::approval::begins,
    config::Config,
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
    signing::{self, TermsArgs},
};

#[derive(Debug, Args)]
pub struct OpenArgs {
    /// The gates; those of one packet
    #[arg(value_parser = gate, required = true)]
    gates: Vec<Gate>,
    #[command(flatten)]
    terms: TermsArgs,
}

/// Signs the approval and hands it in.
pub fn run(global: &Global, args: &OpenArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    let config = Config::load(&home)?;
    // What can't be signed makes nothing, neither.
    let key = args.terms.ssh_key.as_deref();
    signing::ready(key, &config.owners)?;
    args.terms.known(&config, &home)?;
    signing::plain("reason", &args.terms.reason)?;
    let named: BTreeSet<Gate> = args.gates.iter().copied().collect();
    let gates = with_secrets(&config, &args.terms, named.clone());
    let can = |package: &PackageRow| packet(package, &gates).is_ok();
    let package = approvals::newest(global, &config, &can)?;
    let packet = packet(&package, &gates)?;
    let now = Clock::from_env().now();
    let terms = args.terms.terms(&home.node()?, &package, packet, gates.clone(), Verdict::Approve, now)?;
    let signed = signing::sign_terms(global, key, &config.owners, signing::document(&terms)?, &[])?;
    let approval = signing::hand_in(global, Act::Approve { signed })?;
    if global.json {
        output::json(&shown::of(&approval)?)?;
    } else {
        told(&approval, &named);
    }
    Ok(if approval.standing == Standing::WaitsForOwner { Exit::Pending } else { Exit::Ok })
}

fn told(approval: &Approval, named: &BTreeSet<Gate>) {
    if approval.standing == Standing::WaitsForOwner {
        output::line(format!("{} waits for another owner: `candor approval countersign {}`", approval.no, approval.no));
        return;
    }
    let uses = output::counted(approval.terms.max_uses, "use");
    for gate in &approval.terms.gates {
        let also = if named.contains(gate) { "" } else { " (what it sends needs a secret)" };
        output::line(format!(
            "gate `{}` is {} until {}, for {uses}, under {}{also}",
            gate.as_str(),
            begins(approval),
            approval.terms.expires_at,
            approval.no
        ));
    }
}

/// An effect that needs a secret passes the gate of secrets too: whoever opens its own gate means that one as well.
fn with_secrets(config: &Config, terms: &TermsArgs, mut gates: BTreeSet<Gate>) -> BTreeSet<Gate> {
    let meant = |name: &candor_core::ids::TargetName| terms.target.as_ref().is_none_or(|only| only == name);
    let by_target = config.machine.settings.targets.iter().any(|target| {
        meant(&target.name)
            && target.reads_secrets
            && (target.gate.is_some_and(|gate| gates.contains(&gate))
                || gates.contains(&Gate::CanonicalRuntimeReadback))
    });
    let by_place = gates.contains(&Gate::ProductionWrite)
        && config.audit.gated_places().iter().any(|place| meant(place.name()) && !place.secrets().is_empty());
    let by_plan = gates.contains(&Gate::CanonicalRuntimeReadback)
        && terms.target.is_none()
        && config
            .machine
            .settings
            .approvals
            .plans
            .iter()
            .any(|(plan, of)| of.reads_secrets && terms.plan.as_ref().is_none_or(|only| only == plan));
    if by_target || by_place || by_plan {
        gates.insert(Gate::SecretRead);
    }
    gates
}

/// The packet that opens all of these gates: one that can be approved before one that can't.
///
/// # Errors
/// When none does, or it is blocked.
pub fn packet<'p>(package: &'p PackageRow, gates: &BTreeSet<Gate>) -> Result<&'p Packet, Failure> {
    let mut fitting: Vec<&Packet> =
        package.packets.iter().filter(|packet| gates.is_subset(&packet.blocked_runtime_actions)).collect();
    // The one that opens least first: whoever signs sees less beside what they want.
    fitting.sort_by_key(|packet| (packet.status == BLOCKED, packet.required_approval_fields.len()));
    let Some(packet) = fitting.first() else {
        let names: Vec<&str> = gates.iter().map(|gate| gate.as_str()).collect();
        return Err(Failure::new(Exit::Usage, format!("no packet opens {} together", names.join(", ")))
            .hint("open them one by one; `candor approval show` lists what each packet opens"));
    };
    if packet.status == BLOCKED {
        let why = format!("packet `{}` can't be approved: {}", packet.packet_id, packet.operator_guidance);
        return Err(Failure::new(Exit::Refused, why).hint("mend what it names, then `candor approval build`"));
    }
    Ok(packet)
}
