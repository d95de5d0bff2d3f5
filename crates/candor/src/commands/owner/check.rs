//! `candor owner check`: whether a key signs, and is an owner's here.

use candor_approval::signers::NAMESPACE;
use candor_core::time::Timestamp;
use serde_json::json;

use super::CheckArgs;
use crate::{
    cli::Global,
    config::Config,
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output, ssh,
};

pub(super) fn run(global: &Global, home: &Home, args: &CheckArgs) -> Outcome {
    let now = Clock::from_env().now();
    let config = Config::load(home)?;
    let owners = &config.approvals.owners;
    let document = document(now);
    let signature = ssh::sign_as_owner(args.ssh_key.as_deref(), owners, NAMESPACE, document.as_bytes())?;
    let signer = owners.verify(NAMESPACE, document.as_bytes(), &signature, now).map_err(|why| {
        Failure::new(Exit::Refused, format!("the signature is no owner's: {why}"))
            .hint("`candor owner list` shows whose keys count")
    })?;
    if global.json {
        output::json(&json!({ "owner": signer.principal, "key": signer.key }))?;
    } else {
        output::line(format!("{} may approve by this key ({})", signer.principal, signer.key));
    }
    Ok(Exit::Ok)
}

/// Nothing that is read as an approval: those are read strictly, and have another version.
fn document(now: Timestamp) -> String {
    format!("{{\"at\":\"{now}\",\"schema_version\":\"candor_owner_check_v1\"}}")
}
