//! What owners sign: the terms of an approval, and what takes one back.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use candor_approval::signers::Owners;
use candor_audit::{canonical, hex};
use candor_core::{
    approval::{
        Approval, PackageRow, Packet, REVOCATION_VERSION, Revocation, SIGNATURE_NAMESPACE, Signed, TERMS_VERSION,
        Terms, Verdict,
    },
    gate::{Gate, Scope},
    ids::{ApprovalNo, RequestNo},
    time::Timestamp,
};
use candor_path::Act;
use clap::Args;
use serde::Serialize;

use crate::{
    cli::Global,
    config::Config,
    desk::{self, Desk},
    exit::{Exit, Failure},
    home::{Home, random},
    ssh,
};

/// What an approval is for, as a command line says it.
#[derive(Clone, Debug, Args)]
pub struct TermsArgs {
    /// Why: it is signed, and stays on record
    #[arg(long)]
    pub reason: String,
    /// Only for this target, or this place of `audit.publish`
    #[arg(long, value_name = "NAME")]
    pub target: Option<candor_core::ids::TargetName>,
    /// Only for tasks of this runtime
    #[arg(long, value_name = "NAME")]
    pub runtime: Option<candor_core::ids::RuntimeName>,
    /// Only for this readback plan
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<candor_core::ids::PlanId>,
    /// How many effects it allows through each gate
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub uses: u64,
    /// For how long, from its beginning on
    #[arg(long, value_name = "DURATION", value_parser = lasts)]
    pub expires: Duration,
    /// It begins only after this time
    #[arg(long, value_name = "DURATION", value_parser = lasts)]
    pub starts_in: Option<Duration>,
    /// What else the packet asks for, as NAME=TEXT
    #[arg(long = "field", value_name = "NAME=TEXT", value_parser = field)]
    pub fields: Vec<(String, String)>,
    /// The agent's request that it answers, such as q-3
    #[arg(long, value_name = "REQUEST")]
    pub request: Option<RequestNo>,
    /// The key that signs: a private key's file, or the public one of a key that `ssh-agent` holds
    #[arg(long, value_name = "FILE", env = "CANDOR_SSH_KEY")]
    pub ssh_key: Option<std::path::PathBuf>,
}

/// Reads a duration of the command line.
///
/// # Errors
/// In words.
pub fn lasts(text: &str) -> Result<Duration, String> {
    candor_core::time::parse_duration(text).map_err(|error| error.to_string())
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is no field; write NAME=TEXT"))?;
    Ok((name.to_owned(), value.to_owned()))
}

impl TermsArgs {
    /// For which effects.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope { runtime: self.runtime.clone(), channel: self.target.clone(), plan: self.plan.clone() }
    }

    /// What is filled in.
    fn filled(&self) -> BTreeMap<String, String> {
        let reason = ("reason".to_owned(), self.reason.clone());
        self.fields.iter().cloned().chain([reason]).collect()
    }

    /// The terms that an owner signs of a packet.
    ///
    /// # Errors
    /// When the system gives no randomness, or the packet asks for a field that isn't filled in.
    pub fn terms(
        &self,
        node: &str,
        package: &PackageRow,
        packet: &Packet,
        gates: BTreeSet<Gate>,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Terms, Failure> {
        let fields = self.filled();
        if let Some(missing) = packet.required_approval_fields.iter().find(|name| !fields.contains_key(*name)) {
            return Err(Failure::new(Exit::Usage, format!("packet `{}` asks for `{missing}`", packet.packet_id))
                .hint(format!("add `--field {missing}=\"...\"`; `candor approval show` says what the packet opens")));
        }
        let not_before = now.after(self.starts_in.unwrap_or_default());
        Ok(Terms {
            schema_version: TERMS_VERSION.to_owned(),
            id: fresh_id()?,
            node: node.to_owned(),
            package_sha256: package.sha256.clone(),
            packet_id: packet.packet_id.clone(),
            verdict,
            gates,
            scope: self.scope(),
            max_uses: self.uses,
            not_before,
            expires_at: not_before.after(self.expires),
            fields,
            request: self.request,
        })
    }
}

fn fresh_id() -> Result<String, Failure> {
    let mut id = [0_u8; 16];
    random(&mut id)?;
    Ok(hex(&id))
}

/// The text that is signed: canonical JSON.
///
/// # Errors
/// Never for documents of ours.
pub fn document(of: &impl Serialize) -> Result<String, Failure> {
    let value = serde_json::to_value(of).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    String::from_utf8(canonical::to_bytes(&value)).map_err(|error| Failure::new(Exit::Internal, error.to_string()))
}

/// Signs a text as an owner.
///
/// # Errors
/// When nobody may sign here, or the key signs nothing.
pub fn sign(key: Option<&Path>, owners: &Owners, document: String) -> Result<Signed, Failure> {
    if owners.is_empty() {
        return Err(Failure::new(Exit::Refused, "nobody may sign approvals here yet").hint(
            "`candor owner add --principal you@example.org --key ~/.ssh/id_ed25519.pub` names you; docs/approvals.md",
        ));
    }
    let signature = ssh::sign_as_owner(key, owners, SIGNATURE_NAMESPACE, document.as_bytes())?;
    Ok(Signed { document, signatures: vec![signature] })
}

/// Hands in an approval that was signed.
///
/// # Errors
/// Why it isn't taken.
pub fn hand_in(global: &Global, act: Act) -> Result<Approval, Failure> {
    let told = desk::block_on(async {
        let desk = Desk::open(global).await?;
        let told = desk.act(act).await;
        desk.close().await?;
        told
    })?;
    let approval = told.get("approval").cloned().unwrap_or_default();
    serde_json::from_value(approval)
        .map_err(|error| Failure::new(Exit::Internal, format!("no approval was answered: {error}")))
}

/// Signs and hands in that an approval is taken back.
///
/// # Errors
/// As [`sign`] and [`hand_in`].
pub fn revoke(global: &Global, no: ApprovalNo, reason: &str, key: Option<&Path>) -> Result<Approval, Failure> {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let config = Config::load(&home)?;
    let revocation = Revocation {
        schema_version: REVOCATION_VERSION.to_owned(),
        id: fresh_id()?,
        node: home.node()?,
        approval: no,
        reason: reason.to_owned(),
    };
    let signed = sign(key, &config.owners, document(&revocation)?)?;
    hand_in(global, Act::Revoke { signed })
}
