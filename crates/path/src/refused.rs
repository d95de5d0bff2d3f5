//! Why an approval isn't taken, or what is asked of a package isn't.

use candor_core::{
    gate::Gate,
    ids::{ApprovalNo, RequestNo, TargetName},
};
use thiserror::Error;

/// Why what an owner signed isn't taken. Nothing was opened or closed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ApprovalRefusal {
    /// The document isn't what is signed.
    #[error("its document doesn't read: {0}")]
    Document(String),
    /// It is for another node.
    #[error("it is for node `{0}`, and this is another")]
    OtherNode(String),
    /// Nobody may sign.
    #[error("nobody may sign approvals here; name an owner with `candor owner add`")]
    NoOwners,
    /// The list of owners doesn't read.
    #[error("allowed_signers doesn't read: {0}")]
    Signers(String),
    /// A signature isn't an owner's.
    #[error("{0}")]
    Signature(String),
    /// It was taken before.
    #[error("it was taken before, as `{0}`: an approval counts once; sign a new one")]
    Replayed(ApprovalNo),
    /// The same owner signed twice.
    #[error("`{0}` signed it already; another owner must")]
    SameOwner(String),
    /// The package isn't on record.
    #[error("no package `{0}` is on record here; `candor approval list` shows those that are")]
    WrongDigest(String),
    /// A newer package is on record.
    #[error("package `{0}` isn't the newest; look at that one with `candor approval show`, and approve it")]
    Superseded(String),
    /// An owner rejected it.
    #[error(
        "packet `{packet}` was rejected as {by}, for this or more; `candor approval build` makes a package that can be looked at anew"
    )]
    Rejected {
        /// The packet.
        packet: String,
        /// The rejection.
        by: ApprovalNo,
    },
    /// The package is old.
    #[error("package `{package}` is older than {max}; build another with `candor approval build`")]
    Old {
        /// Its digest.
        package: String,
        /// The limit, in words.
        max: String,
    },
    /// The package has no such packet.
    #[error("the package has no packet `{0}`; `candor approval show` lists them")]
    NoPacket(String),
    /// The packet is blocked.
    #[error("packet `{packet}` is blocked by policy: {why}")]
    Blocked {
        /// Which.
        packet: String,
        /// Why.
        why: String,
    },
    /// A gate isn't the packet's.
    #[error("packet `{packet}` doesn't open `{}`", gate.as_str())]
    NotOfPacket {
        /// The packet.
        packet: String,
        /// The gate.
        gate: Gate,
    },
    /// No gate is named.
    #[error("it names no gate")]
    NoGate,
    /// A field is missing.
    #[error("its field `{0}` is empty or missing; the packet requires it")]
    Field(String),
    /// A field holds what must not be shown.
    #[error("its field `{field}` holds what looks like {what}; say it in other words")]
    Discloses {
        /// Which.
        field: String,
        /// What.
        what: String,
    },
    /// Its time is over.
    #[error("it expired at {0}")]
    Expired(String),
    /// Its times make no sense.
    #[error("{0}")]
    Times(String),
    /// It allows none, or too many.
    #[error("it allows {uses} uses; from 1 to {max} can be allowed")]
    Uses {
        /// How many.
        uses: u64,
        /// The limit.
        max: u64,
    },
    /// No such target or place.
    #[error("no target or place `{0}`; `candor status` lists the targets")]
    UnknownChannel(TargetName),
    /// No such request, or it is answered.
    #[error("no request `{0}` waits for what this opens; `candor approval list` shows those that do")]
    NoRequest(RequestNo),
    /// The owner's own agent asked for it.
    #[error("`{owner}` can't approve what their own agent `{agent}` requested ({request}); another owner must")]
    OwnAgent {
        /// The owner.
        owner: String,
        /// Their agent.
        agent: String,
        /// The request.
        request: RequestNo,
    },
    /// No such approval.
    #[error("no approval `{0}`; `candor gate history` shows them")]
    NoApproval(ApprovalNo),
    /// It was revoked.
    #[error("`{0}` is over already: it was revoked or rejected")]
    Over(ApprovalNo),
}

impl ApprovalRefusal {
    /// A stable code for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Document(_) => "approval_document",
            Self::OtherNode(_) => "approval_other_node",
            Self::NoOwners => "approval_no_owners",
            Self::Signers(_) => "approval_signers",
            Self::Signature(_) => "approval_signature",
            Self::Replayed(_) => "approval_replayed",
            Self::SameOwner(_) => "approval_same_owner",
            Self::WrongDigest(_) => "approval_wrong_digest",
            Self::Superseded(_) => "approval_superseded",
            Self::Rejected { .. } => "approval_rejected",
            Self::Old { .. } => "approval_package_old",
            Self::NoPacket(_) => "approval_no_packet",
            Self::Blocked { .. } => "approval_blocked",
            Self::NotOfPacket { .. } => "approval_not_of_packet",
            Self::NoGate => "approval_no_gate",
            Self::Field(_) => "approval_field",
            Self::Discloses { .. } => "approval_discloses",
            Self::Expired(_) => "approval_expired",
            Self::Times(_) => "approval_times",
            Self::Uses { .. } => "approval_uses",
            Self::UnknownChannel(_) => "approval_unknown_channel",
            Self::NoRequest(_) => "approval_no_request",
            Self::OwnAgent { .. } => "approval_own_agent",
            Self::NoApproval(_) => "approval_unknown",
            Self::Over(_) => "approval_over",
        }
    }
}
