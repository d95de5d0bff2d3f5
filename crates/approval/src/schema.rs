//! JSON Schemas of the approval chain's documents, made from the types: `cargo xtask schemas` writes them to `schemas/`.

use candor_core::schema::written;
use schemars::{Schema, schema_for};

use crate::{package::Package, readiness::Readiness};

/// Every schema of this crate, by the name of its file.
#[must_use]
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("ai_agent_owner_approved_result_capture_readback_v1.schema", written::<Readiness>()),
        ("ai_agent_runtime_readback_approval_package_v1.schema", schema_for!(Package)),
    ]
}
