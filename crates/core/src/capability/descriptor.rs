//! Capability descriptors: what a runtime's adapter says of itself, and which probes would show it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Ability;
use crate::{
    decision::words,
    ids::RuntimeName,
    profile::{AdapterDefaults, ProfileError, ProfileErrors, Rule, read_document},
};

/// The `kind:` of a descriptor.
pub(crate) const KIND: &str = "CapabilityDescriptor";

/// Who a versioned document is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its id, which is its file's name: lower case words joined by `-`.
    pub id: String,
    /// Its version, `1.0.0`.
    pub version: String,
    /// The runtime that it speaks of, as tasks name it.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub runtime: RuntimeName,
    /// What it is for, in a sentence.
    pub summary: String,
}

impl Identity {
    /// `id@version`, as artifacts record it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}@{}", self.id, self.version)
    }
}

/// What a runtime's adapter says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// `reporting-governance/v1alpha1`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// `CapabilityDescriptor`.
    pub kind: String,
    /// Who it is.
    pub metadata: Identity,
    /// What it declares.
    pub spec: DescriptorSpec,
}

/// What a descriptor declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DescriptorSpec {
    /// Probes by name.
    #[serde(default)]
    pub probes: BTreeMap<String, Probe>,
    /// What is declared of each ability. Every one is named: silence is no answer.
    pub capabilities: BTreeMap<Ability, Declaration>,
    /// Values that this adapter sets where the profile sets none.
    #[serde(default)]
    pub defaults: AdapterDefaults,
}

/// What is declared of an ability. A declaration alone supports nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// Whether the adapter says that it can.
    pub declared: bool,
    /// The probes that show it, by name; all of them must.
    #[serde(default)]
    pub shown_by: Vec<String>,
    /// Why, or why not.
    #[serde(default)]
    pub note: String,
}

words! {
    /// What a probe looks at.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    ProbeKind {
        /// A program is on the path and says its version.
        Binary = "binary",
        /// A gateway on this machine answers.
        Gateway = "gateway",
        /// A file registers a hook of Candor.
        Hook = "hook",
        /// A timer can be installed here.
        Timer = "timer",
        /// A live target's secrets can be read.
        Sender = "sender",
        /// The store's folder can be written.
        Store = "store",
        /// The export folder can be written.
        ExportFolder = "export_folder",
        /// A second target takes escalations.
        Escalation = "escalation",
        /// A live target can be asked what became of a message.
        Readback = "readback",
    }
}

/// One probe, with what it needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// What it looks at.
    pub kind: ProbeKind,
    /// For `binary`: the program.
    #[serde(default)]
    pub program: Option<String>,
    /// For `gateway`: where it listens on this machine, `127.0.0.1:18789`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub address: Option<std::net::SocketAddr>,
    /// For `hook`: the file; `~/` is the user's home.
    #[serde(default)]
    pub file: Option<String>,
    /// For `hook`: the text that it must hold.
    #[serde(default)]
    pub holds: Option<String>,
}

/// Reads a descriptor strictly; `file` is what errors name.
///
/// # Errors
/// Everything that is wrong with it, each with line and column where it has one.
pub fn parse_descriptor(file: &str, text: &str) -> Result<Descriptor, ProfileErrors> {
    let descriptor: Descriptor = read_document(file, text)?;
    let mut errors =
        crate::profile::check_head(file, (&descriptor.api_version, &descriptor.kind, KIND), &descriptor.metadata);
    let mut wrong = |key: &str, message: String, hint: &str| {
        errors.push(ProfileError::new(file, Rule::WellFormed, key, message).hint(hint));
    };
    for ability in Ability::ALL {
        let Some(declaration) = descriptor.spec.capabilities.get(ability) else {
            wrong(
                "capabilities",
                format!("`{ability}` isn't declared"),
                "write `{declared: false}` where it can't be done",
            );
            continue;
        };
        for probe in &declaration.shown_by {
            if !descriptor.spec.probes.contains_key(probe) {
                wrong(
                    probe,
                    format!("`{ability}` is shown by `{probe}`, which is no probe here"),
                    "name it under `probes`",
                );
            }
        }
    }
    for (name, probe) in &descriptor.spec.probes {
        let given = [
            ("program", probe.program.is_some(), probe.kind == ProbeKind::Binary),
            ("address", probe.address.is_some(), probe.kind == ProbeKind::Gateway),
            ("file", probe.file.is_some(), probe.kind == ProbeKind::Hook),
            ("holds", probe.holds.is_some(), probe.kind == ProbeKind::Hook),
        ];
        for (field, is, must) in given {
            if is != must {
                let kind = probe.kind.as_str();
                let message = format!(
                    "the probe `{name}` of kind `{kind}` {}",
                    if must { format!("has no `{field}`") } else { format!("takes no `{field}`") }
                );
                wrong(name, message, "docs/capabilities.md has each kind's fields");
            }
        }
        if probe.address.is_some_and(|at| !at.ip().is_loopback()) {
            wrong(name, format!("the probe `{name}` looks at another machine"), "name a loopback address");
        }
    }
    ProfileErrors::check(errors, text)?;
    Ok(descriptor)
}

macro_rules! core_descriptors {
    ($($id:literal)+) => {
        /// The descriptors that come with Candor, as id and text.
        #[must_use]
        pub fn core_descriptors() -> Vec<(&'static str, &'static str)> {
            vec![$(($id, include_str!(concat!("../../../../capabilities/", $id, ".yaml"))),)+]
        }
    };
}

core_descriptors! {
    "ci-queue-only"
    "claude-code-hooks"
    "codex"
    "generic-cli"
    "hermes"
    "openclaw-watchdog-reference"
}
