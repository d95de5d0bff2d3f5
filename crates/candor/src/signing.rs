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
    ids::{ApprovalNo, PlanId, RequestNo, RuntimeName},
    limits::LINE_BYTES_MAX,
    time::Timestamp,
};
use candor_path::Act;
use candor_store::{Listing as _, StoreError, TaskFilter, sqlite::Reader};
use clap::Args;
use serde::Serialize;

use crate::{
    approvals::{shown, standing},
    cli::Global,
    config::Config,
    desk::{self, Desk},
    exit::{Exit, Failure},
    home::{Home, random},
    output, ssh,
};

/// Tasks whose runtimes are known, newest first.
const TASKS_MAX: usize = 10_000;

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

    /// What is filled in, each once, and nothing that the packet doesn't ask for.
    fn filled(&self, packet: &Packet) -> Result<BTreeMap<String, String>, Failure> {
        let mut filled = BTreeMap::from([("reason".to_owned(), self.reason.clone())]);
        let asked = &packet.required_approval_fields;
        for (name, text) in &self.fields {
            if !asked.contains(name) && name != "reason" {
                let (id, name) = (&packet.packet_id, shown::text(name));
                return Err(Failure::new(Exit::Usage, format!("packet `{id}` doesn't ask for a field `{name}`"))
                    .hint(format!("it asks for {}", asked.join(", "))));
            }
            if filled.insert(name.clone(), text.clone()).is_some() {
                let hint = "give each field once; `--reason` is the field `reason`";
                return Err(Failure::new(Exit::Usage, format!("the field `{name}` is given twice")).hint(hint));
            }
        }
        for (name, text) in &filled {
            plain(&format!("field `{name}`"), text)?;
        }
        Ok(filled)
    }

    /// Whether its scope names what is here: an approval for a misspelt plan or runtime would open nothing.
    ///
    /// # Errors
    /// When it doesn't, with what is known; or the store can't be read.
    pub fn known(&self, config: &Config, home: &Home) -> Result<(), Failure> {
        let unknown = |what: &str, name: &str, known: Vec<&str>| {
            let known =
                if known.is_empty() { "none is known".to_owned() } else { format!("known: {}", known.join(", ")) };
            Failure::new(Exit::NotFound, format!("no {what} `{name}` is known here")).hint(known)
        };
        let plans = &config.machine.settings.approvals.plans;
        if let Some(plan) = self.plan.as_ref().filter(|plan| !plans.contains_key(*plan)) {
            return Err(unknown("readback plan", plan.as_str(), plans.keys().map(PlanId::as_str).collect()));
        }
        let Some(runtime) = &self.runtime else { return Ok(()) };
        let mut known: BTreeSet<RuntimeName> = config.runtimes.keys().cloned().collect();
        known.extend(config.machine.settings.capabilities.keys().cloned());
        match Reader::open(&home.store()) {
            Ok(store) => {
                let tasks = store.tasks(&TaskFilter::default(), TASKS_MAX).map_err(desk::store_failure)?;
                known.extend(tasks.into_iter().map(|task| task.runtime));
            }
            Err(StoreError::Absent { .. }) => {}
            Err(error) => return Err(desk::store_failure(error)),
        }
        if known.contains(runtime) {
            return Ok(());
        }
        Err(unknown("runtime", runtime.as_str(), known.iter().map(RuntimeName::as_str).collect()))
    }

    /// The terms that an owner signs of a packet.
    ///
    /// # Errors
    /// When the system gives no randomness, or what is filled in isn't what the packet asks for.
    pub fn terms(
        &self,
        node: &str,
        package: &PackageRow,
        packet: &Packet,
        gates: BTreeSet<Gate>,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Terms, Failure> {
        let fields = self.filled(packet)?;
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

/// Whether a text is one line that can be signed. What it must not hold beside that, the record looks for.
///
/// # Errors
/// When it isn't, with why.
pub fn plain(what: &str, text: &str) -> Result<(), Failure> {
    let bytes = text.len();
    let wrong = if text.trim().is_empty() {
        format!("its {what} is empty")
    } else if text.contains(['\n', '\r']) {
        format!("its {what} has more than one line")
    } else if text.chars().any(char::is_control) {
        format!("its {what} holds control characters")
    } else if bytes > LINE_BYTES_MAX {
        format!("its {what} has {bytes} bytes")
    } else {
        return Ok(());
    };
    Err(Failure::new(Exit::Refused, wrong)
        .hint(format!("write one line of plain text, of at most {LINE_BYTES_MAX} bytes")))
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

/// Whether something can sign for an owner, before anything is made that needs it.
///
/// # Errors
/// When nobody may sign here, or no key of an owner is there.
pub fn ready(key: Option<&Path>, owners: &Owners) -> Result<(), Failure> {
    if owners.is_empty() {
        return Err(Failure::new(Exit::Refused, "nobody may sign approvals here yet").hint(
            "`candor owner add --principal you@example.org --key ~/.ssh/id_ed25519.pub` names you; docs/approvals.md",
        ));
    }
    ssh::can_sign(key, owners)
}

/// Tells what is signed, and who signed it already, and signs it as an owner.
///
/// # Errors
/// As [`sign`], or when the document is no approval's.
pub fn sign_terms(
    global: &Global,
    key: Option<&Path>,
    owners: &Owners,
    document: String,
    by: &[String],
) -> Result<Signed, Failure> {
    ready(key, owners)?;
    // What is told is read from the very text that is signed.
    let terms: Terms = serde_json::from_str(&document)
        .map_err(|error| Failure::new(Exit::Refused, format!("what would be signed doesn't read: {error}")))?;
    if !global.json {
        output::note("this is signed:");
        for (name, text) in standing::terms(&terms) {
            output::note(format!("  {name:<12} {text}"));
        }
        if !by.is_empty() {
            output::note(format!("  {:<12} {}", "signed by", shown::text(&by.join(", "))));
        }
    }
    sign(key, owners, document)
}

/// Signs a text as an owner.
///
/// # Errors
/// When nobody may sign here, or the key signs nothing.
pub fn sign(key: Option<&Path>, owners: &Owners, document: String) -> Result<Signed, Failure> {
    ready(key, owners)?;
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
    plain("reason", reason)?;
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
