//! Approval packages: the contract's types, and the digest by which owners name one.

pub mod constant;
mod contract;

use candor_audit::canonical;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::constant::Digest;
pub(crate) use self::contract::choices;
pub use self::contract::{
    CurrentTask, DrillLane, GateStatus, LaneStatus, NextTask, OperatorAction, Package, PackageAuthority, PackageTruth,
    PackageVersion, Packet, PacketStatus, PlanStatus, PriorReadiness, Priority, ProgramStatus, ReadbackPlan,
    ReadinessVersion, ReceiptGate, RedactionContract, Rollups,
};

/// The digest of a document: SHA-256 over its canonical JSON (RFC 8785).
#[must_use]
pub fn digest(of: &Value) -> Digest {
    Digest::of_bytes(&Sha256::digest(canonical::to_bytes(of)).into())
}

/// The document as JSON.
#[must_use]
pub fn to_json(document: &impl Serialize) -> Value {
    // Types without maps that have keys other than texts are always written.
    serde_json::to_value(document).unwrap_or_default()
}

/// The policy that stands in each package.
pub const DISPLAY_POLICY: &str = "Every text passes the scanner in crates/core/src/disclosure before it is displayed or kept here; \
    what it finds is replaced by its kind, and a package that holds any of it is not built.";

impl RedactionContract {
    /// The contract: nothing of this is ever displayed.
    #[must_use]
    pub fn in_force() -> Self {
        use constant::Always;
        Self {
            redaction_required: Always::DEMANDED,
            frontend_display_policy: DISPLAY_POLICY.to_owned(),
            raw_prompt_display_allowed: Always::NEVER,
            private_reasoning_display_allowed: Always::NEVER,
            secret_value_display_allowed: Always::NEVER,
            raw_telegram_payload_display_allowed: Always::NEVER,
            work_window_transcript_display_allowed: Always::NEVER,
        }
    }
}
