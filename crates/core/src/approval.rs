//! Approvals: what an owner signs, and what the store keeps of it.
//!
//! An approval names one packet of one package by the package's digest, the gates of the packet that it opens, for what, how often
//! and how long. It is signed with the owner's SSH key (`PROTOCOL.sshsig` of OpenSSH) over its canonical JSON (RFC 8785), and kept as the
//! very text that was signed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    gate::{Gate, Scope},
    ids::{AgentId, ApprovalNo, RequestNo, TaskId},
    time::Timestamp,
};

/// What the signature is for: one over something else opens no gate.
pub const SIGNATURE_NAMESPACE: &str = "candor-approval";
/// The format of [`Terms`].
pub const TERMS_VERSION: &str = "candor_approval_v1";
/// The format of [`Revocation`].
pub const REVOCATION_VERSION: &str = "candor_revocation_v1";

/// What an owner says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What it names may happen.
    Approve,
    /// It may not, and who asked for it is told so.
    Reject,
}

/// What an owner signs about a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// [`TERMS_VERSION`].
    pub schema_version: String,
    /// Chosen anew for each: the same approval counts once.
    pub id: String,
    /// The node that it is for.
    pub node: String,
    /// The package, by its digest: `sha256:` and 64 hexadecimal digits.
    pub package_sha256: String,
    /// The packet.
    pub packet_id: String,
    /// What is said of it.
    pub verdict: Verdict,
    /// The gates of the packet that it opens.
    pub gates: BTreeSet<Gate>,
    /// For which effects.
    pub scope: Scope,
    /// How many effects it allows through each of the gates.
    pub max_uses: u64,
    /// From when on.
    pub not_before: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// What the packet asks the owner to fill in: `reason`, and what else it names.
    pub fields: BTreeMap<String, String>,
    /// The agent's request that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestNo>,
}

impl Terms {
    /// Why it is approved.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.fields.get("reason").map_or("", String::as_str)
    }
}

/// What an owner signs to take an approval back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// [`REVOCATION_VERSION`].
    pub schema_version: String,
    /// Chosen anew for each.
    pub id: String,
    /// The node that it is for.
    pub node: String,
    /// The approval.
    pub approval: ApprovalNo,
    /// Why.
    pub reason: String,
}

/// A document with the signatures over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The text that was signed, byte for byte.
    pub document: String,
    /// SSH signatures over it, armored.
    pub signatures: Vec<String>,
}

/// How an approval stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum Standing {
    /// Another owner must sign it before it opens anything.
    WaitsForOwner,
    /// It opened its gates.
    Given,
    /// It said no.
    Rejected,
    /// An owner took it back.
    Revoked {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

/// An approval on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Its number.
    pub no: ApprovalNo,
    /// What was signed, read.
    pub terms: Terms,
    /// What was signed.
    pub signed: Signed,
    /// Who signed, by principal, in the order of the signatures.
    pub signed_by: Vec<String>,
    /// When it came in.
    pub at: Timestamp,
    /// How it stands.
    pub standing: Standing,
}

/// A packet, as far as it bounds approvals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// Its id.
    pub packet_id: String,
    /// `ready_for_owner_review`, `approval_required` or `blocked_by_policy`; the last can't be approved.
    pub status: String,
    /// What an approval must fill in.
    pub required_approval_fields: Vec<String>,
    /// The gates that an approval of it may open.
    pub blocked_runtime_actions: BTreeSet<Gate>,
    /// What to look at before signing.
    pub operator_guidance: String,
}

/// The status of a packet that can't be approved.
pub const BLOCKED: &str = "blocked_by_policy";

/// An approval package on record, as far as it bounds approvals. The package itself is an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageRow {
    /// Its number: that of its artifact, `pk-N`.
    pub no: u64,
    /// Its digest: `sha256:` and 64 hexadecimal digits over its canonical JSON.
    pub sha256: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// Its packets.
    pub packets: Vec<Packet>,
    /// What owners rejected of it: at most [`REJECTIONS_MAX`](crate::limits::REJECTIONS_MAX).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejected>,
}

/// A part of a packet that an owner rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// The packet.
    pub packet_id: String,
    /// These of its gates.
    pub gates: BTreeSet<Gate>,
    /// For which effects.
    pub scope: Scope,
    /// What the owner signed.
    pub by: ApprovalNo,
}

/// An agent asks that a gate be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Its number.
    pub no: RequestNo,
    /// Who asks: the agent that the credential belongs to.
    pub agent: AgentId,
    /// The task that it is for.
    pub task: TaskId,
    /// The gate.
    pub gate: Gate,
    /// For which effects.
    pub scope: Scope,
    /// Why, in the agent's words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// The approval that answered it.
    pub answered_by: Option<ApprovalNo>,
}
