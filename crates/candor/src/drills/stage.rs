//! A copy of this deployment in memory: its machine with its settings, an empty store, and a key of its own that may approve there.

use std::collections::{BTreeMap, BTreeSet};

use candor_approval::{
    signers::Owners,
    throwaway::{self, Throwaway},
};
use candor_audit::canonical;
use candor_core::{
    approval::{REVOCATION_VERSION, Revocation, Signed, TERMS_VERSION, Terms, Verdict},
    evidence::Origin,
    gate::{Gate, Grant, Scope},
    ids::{ApprovalNo, OwnerNo},
    settings::Settings,
    time::Timestamp,
};
use candor_path::{Act, Input, Machine, Plan, Refusal, Reply, StepError};
use candor_store::{Store as _, Txn as _, memory::Memory};
use serde::Serialize;

use crate::home::random;

/// The packet of the package that is recorded there.
const PACKET: &str = "rehearsal";

/// A copy in memory.
pub(super) struct Stage {
    machine: Machine,
    store: Memory,
    key: Throwaway,
    /// The time there.
    pub(super) now: Timestamp,
    /// Who may approve there: the owners, and the stage's own key.
    pub(super) owners: Owners,
    /// Who holds leases there.
    pub(super) owner: OwnerNo,
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Stage {
    /// This deployment's machine, with settings that may be changed first.
    pub(super) fn of(machine: &Machine, now: Timestamp, change: impl FnOnce(&mut Settings)) -> Result<Self, String> {
        let mut seed = [0_u8; 32];
        random(&mut seed).map_err(|failure| failure.message)?;
        let key = Throwaway::of(&seed);
        let mut machine = machine.clone();
        change(&mut machine.settings);
        let approvals = &mut machine.settings.approvals;
        if !approvals.allowed_signers.is_empty() && !approvals.allowed_signers.ends_with('\n') {
            approvals.allowed_signers.push('\n');
        }
        approvals.allowed_signers.push_str(&key.line().map_err(words)?);
        // One signer there is enough: it is the closing that is rehearsed.
        approvals.two_owners.clear();
        let owners = Owners::parse(&approvals.allowed_signers).map_err(words)?;
        let mut stage = Self { machine, store: Memory::unsealed(), key, now, owners, owner: OwnerNo(0) };
        let started = Input::OwnerStarted { role: "drill".to_owned(), alone: true, away_since: None };
        match stage.step(started)?.reply {
            Reply::Owner(owner) => stage.owner = owner,
            other => return Err(format!("no owner was registered: {other:?}")),
        }
        Ok(stage)
    }

    /// One step, committed there.
    pub(super) fn step(&mut self, input: Input) -> Result<Plan, String> {
        let mut txn = self.store.begin().map_err(words)?;
        let plan = self.machine.step(&txn, self.now, input).map_err(words)?;
        txn.apply(&plan, self.now).map_err(words)?;
        txn.commit().map_err(words)?;
        Ok(plan)
    }

    /// An operator's act.
    pub(super) fn act(&mut self, act: Act) -> Result<Plan, String> {
        self.step(Input::Operator { act, origin: Origin::Operator })
    }

    /// Opens a gate by an approval that the stage's own key signs.
    pub(super) fn approve(&mut self, gate: Gate, uses: u64, expires_at: Timestamp) -> Result<ApprovalNo, String> {
        let (package, evidence) = throwaway::package(PACKET, self.now)?;
        let package = match self.act(Act::RecordPackage { package, evidence })?.reply {
            Reply::Package(row) => row,
            other => return Err(format!("no package was recorded: {other:?}")),
        };
        let terms = Terms {
            schema_version: TERMS_VERSION.to_owned(),
            id: format!("rehearsal-{}-{uses}", self.now.as_micros()),
            node: self.machine.settings.node.clone(),
            package_sha256: package.sha256,
            packet_id: PACKET.to_owned(),
            verdict: Verdict::Approve,
            gates: BTreeSet::from([gate]),
            scope: Scope::default(),
            max_uses: uses,
            not_before: self.now,
            expires_at,
            fields: BTreeMap::from([("reason".to_owned(), "rehearsal".to_owned())]),
            request: None,
        };
        let signed = self.sign(&terms)?;
        match self.act(Act::Approve { signed })?.reply {
            Reply::Approval(approval) => Ok(approval.no),
            other => Err(format!("no approval was taken in: {other:?}")),
        }
    }

    /// Takes an approval back.
    pub(super) fn revoke(&mut self, approval: ApprovalNo) -> Result<(), String> {
        let revocation = Revocation {
            schema_version: REVOCATION_VERSION.to_owned(),
            id: format!("rehearsal-{}", self.now.as_micros()),
            node: self.machine.settings.node.clone(),
            approval,
            reason: "rehearsal".to_owned(),
        };
        let signed = self.sign(&revocation)?;
        self.act(Act::Revoke { signed }).map(drop)
    }

    /// Takes one use of a gate; none where the gate is closed, which is another thing than a step that fails.
    pub(super) fn take(&mut self, gate: Gate) -> Result<Option<Vec<Grant>>, String> {
        let act = Act::TakeUse { gates: vec![gate], scope: Scope::default(), what: "rehearsal".to_owned() };
        let mut txn = self.store.begin().map_err(words)?;
        let input = Input::Operator { act, origin: Origin::Operator };
        let plan = match self.machine.step(&txn, self.now, input) {
            Err(StepError::Refused(Refusal::GateClosed(_))) => return Ok(None),
            other => other.map_err(words)?,
        };
        txn.apply(&plan, self.now).map_err(words)?;
        txn.commit().map_err(words)?;
        match plan.reply {
            Reply::Grants(grants) => Ok(Some(grants)),
            other => Err(format!("no use was taken: {other:?}")),
        }
    }

    fn sign(&self, of: &impl Serialize) -> Result<Signed, String> {
        let document = canonical::to_bytes(&serde_json::to_value(of).map_err(words)?);
        let signature = self.key.sign(&document).map_err(words)?;
        Ok(Signed { document: String::from_utf8(document).map_err(words)?, signatures: vec![signature] })
    }
}
