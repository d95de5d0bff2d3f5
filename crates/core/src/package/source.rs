//! The package that comes with Candor: what the program would be without, and what people read about it.

use std::collections::BTreeMap;

use crate::{
    capability::core_descriptors,
    catalogue::{CATALOGUE_FILE, CORE_CATALOGUE},
    pack::core_sources,
    profile::core_profiles,
};

/// Its manifest as it stands in the source tree: without files, which are counted when it is built.
pub const CORE_MANIFEST: &str = include_str!("../../../../package-manifest.json");

macro_rules! texts {
    ($(#[$doc:meta])* $name:ident $folder:literal: $($file:literal)+) => {
        $(#[$doc])*
        const $name: &[(&str, &str)] =
            &[$((concat!($folder, $file), include_str!(concat!("../../../../", $folder, $file))),)+];
    };
}

texts! {
    /// The contracts that files and records are held against.
    SCHEMAS "schemas/":
    "ai_agent_owner_approved_result_capture_readback_v1.schema.json"
    "ai_agent_runtime_readback_approval_package_v1.schema.json"
    "bundle-manifest.json"
    "capability-descriptor.json"
    "decision.json"
    "deployment-profile.json"
    "event-record.json"
    "event.json"
    "evidence.json"
    "notice.json"
    "package-manifest.json"
    "policy-pack.json"
    "receipt.json"
}

texts! {
    /// What operators and reviewers read.
    DOCS "docs/":
    "approval-package.md"
    "audit.md"
    "capabilities.md"
    "configuration.md"
    "delivery-states.md"
    "deployment.md"
    "evidence.md"
    "exit-codes.md"
    "guarantees.md"
    "limits.md"
    "packages.md"
    "profiles.md"
    "security.md"
    "verification.md"
    "watching.md"
}

texts! {
    /// A profile to start from, and one record of each kind that a reviewer meets first.
    EXAMPLES "examples/":
    "README.md"
    "decision.json"
    "event.json"
    "evidence.json"
    "my-team-mode.yaml"
    "notice.json"
    "receipt.json"
}

/// The schemas that come with Candor, as file and text.
#[must_use]
pub fn schemas() -> &'static [(&'static str, &'static str)] {
    SCHEMAS
}

/// The files of the package that comes with Candor, by path, without its manifest.
#[must_use]
pub fn core_files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut add = |path: String, text: &str| {
        files.insert(path, text.as_bytes().to_vec());
    };
    for (path, text) in SCHEMAS.iter().chain(DOCS).chain(EXAMPLES) {
        add((*path).to_owned(), text);
    }
    for (id, text) in core_profiles() {
        add(format!("profiles/{id}.yaml"), text);
    }
    for (id, text) in core_descriptors() {
        add(format!("capabilities/{id}.yaml"), text);
    }
    for source in core_sources() {
        for (file, text) in &source.files {
            add(format!("policy-packs/{}/{file}", source.folder), text);
        }
    }
    add(CATALOGUE_FILE.to_owned(), CORE_CATALOGUE);
    add("LICENSE".to_owned(), include_str!("../../../../LICENSE"));
    files
}
