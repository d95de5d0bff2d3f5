//! The kinds of artifact, and where each lies in an export.
//!
//! The folders of the reference chain are the deployment model's; the others follow its naming. Live or in a bundle,
//! an artifact lies at `state/<folder>/<id>.json`.
//!
//! To add a kind: a variant with its meaning, its place in [`Kind::ALL`], a name in `as_str`, a folder in `folder`.
//! Names and folders are part of every header ever written: they may be added, never changed.

/// What an artifact records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What the watchdog saw of a task at one moment.
    Watch,
    /// A canonical event.
    Event,
    /// What an agent asserts.
    Claim,
    /// What supports or contradicts a claim.
    Evidence,
    /// What policy made of an event.
    Decision,
    /// One silence or failure, from its first notice to its end.
    Incident,
    /// A notice that waits for its time.
    Queue,
    /// A notice handed over to the bridge; proves the hand-over, not the delivery.
    Spool,
    /// One try of a sender, as opened and as ended.
    Attempt,
    /// What is known of a delivery.
    Receipt,
    /// What an operator did: acknowledged, resolved, requeued, silenced.
    OperatorAct,
    /// A gate opened, closed, or used.
    Gate,
    /// An approval package, an approval, a request, a drill.
    Approval,
    /// One use of one gate: an entry of the effect ledger.
    Effect,
    /// Work that a gate stands before, and what came of it.
    Work,
    /// What a channel or runtime answered when it was asked what really happened.
    Readback,
    /// Routine heartbeats of one task, folded together.
    HeartbeatFold,
    /// Something that should be on record and is lost.
    Gap,
    /// The profile in force.
    Profile,
    /// The capability descriptor in force, with what probes showed.
    Capability,
    /// A policy pack in force.
    Pack,
    /// A change of the key that signs the log.
    Key,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 22] = [
        Kind::Watch,
        Kind::Event,
        Kind::Claim,
        Kind::Evidence,
        Kind::Decision,
        Kind::Incident,
        Kind::Queue,
        Kind::Spool,
        Kind::Attempt,
        Kind::Receipt,
        Kind::OperatorAct,
        Kind::Gate,
        Kind::Approval,
        Kind::Effect,
        Kind::Work,
        Kind::Readback,
        Kind::HeartbeatFold,
        Kind::Gap,
        Kind::Profile,
        Kind::Capability,
        Kind::Pack,
        Kind::Key,
    ];

    /// The name in headers and manifests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Watch => "watch",
            Kind::Event => "event",
            Kind::Claim => "claim",
            Kind::Evidence => "evidence",
            Kind::Decision => "decision",
            Kind::Incident => "incident",
            Kind::Queue => "queue",
            Kind::Spool => "spool",
            Kind::Attempt => "attempt",
            Kind::Receipt => "receipt",
            Kind::OperatorAct => "operator_act",
            Kind::Gate => "gate",
            Kind::Approval => "approval",
            Kind::Effect => "effect",
            Kind::Work => "work",
            Kind::Readback => "readback",
            Kind::HeartbeatFold => "heartbeat_fold",
            Kind::Gap => "gap",
            Kind::Profile => "profile",
            Kind::Capability => "capability",
            Kind::Pack => "pack",
            Kind::Key => "key",
        }
    }

    /// The folder of its artifacts, from the root of an export, without a slash at the end.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Kind::Watch => "state/long-task-watchdog",
            Kind::Event => "state/long-task-watchdog-events",
            Kind::Claim => "state/reporting-claims",
            Kind::Evidence => "state/reporting-evidence",
            Kind::Decision => "state/reporting-decisions",
            Kind::Incident => "state/long-task-watchdog-incidents",
            Kind::Queue => "state/operator-notify-queue",
            Kind::Spool => "state/operator-notify-dispatch-spool",
            Kind::Attempt => "state/operator-notify-sender-attempts",
            Kind::Receipt => "state/operator-notify-bridge-receipts",
            Kind::OperatorAct => "state/operator-acts",
            Kind::Gate => "state/live-gates",
            Kind::Approval => "state/live-approvals",
            Kind::Effect => "state/effect-ledger",
            Kind::Work => "state/gated-work",
            Kind::Readback => "state/runtime-readbacks",
            Kind::HeartbeatFold => "state/long-task-watchdog-heartbeats",
            Kind::Gap => "state/audit-gaps",
            Kind::Profile => "state/deployment-profiles",
            Kind::Capability => "state/capability-descriptors",
            Kind::Pack => "state/policy-packs",
            Kind::Key => "state/audit-keys",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The longest artifact id, in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// The id of an artifact within its kind. Safe as a file name: no dot, no slash, no leading dash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactId(String);

/// An id that could not be a file name everywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no artifact id; use 1 to {MAX_ID_BYTES} of a-z, 0-9 and `-`, not `-` first")]
pub struct BadId(pub String);

impl ArtifactId {
    /// Takes `id` if it is one.
    ///
    /// # Errors
    /// When it has another character than `a-z`, `0-9` and `-`, begins with `-`, is empty or too long.
    pub fn parse(id: &str) -> Result<ArtifactId, BadId> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let is_id = !id.is_empty() && id.len() <= MAX_ID_BYTES && !id.starts_with('-') && id.bytes().all(allowed);
        if is_id { Ok(ArtifactId(id.to_owned())) } else { Err(BadId(id.chars().take(MAX_ID_BYTES).collect())) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where the artifact lies in an export, with `/` between the parts on every platform.
///
/// # Errors
/// When `id` is no [`ArtifactId`], so that no id leads out of the folder.
pub fn artifact_ref(kind: Kind, id: &str) -> Result<String, BadId> {
    let id = ArtifactId::parse(id)?;
    Ok(format!("{}/{}.json", kind.folder(), id.as_str()))
}
