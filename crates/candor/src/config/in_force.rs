//! What is decided by, as it goes on record: every decision of a bundle can be held against it.

use candor_audit::{canonical, hex};
use candor_core::settings::Settings;
use candor_path::InForce;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::deployment::Deployment;

/// The values that hold, without secrets: settings have none.
pub fn of(deployment: &Deployment, settings: &Settings) -> InForce {
    let thresholds = value(&deployment.resolved.tuned());
    let profile = json!({
        "profile": deployment.name(),
        "package": deployment.package_id(),
        "settings": value(settings),
        "thresholds": thresholds,
    });
    let capability = json!({
        "descriptor": deployment.descriptor.metadata.name(),
        "standing": value(&deployment.standing),
    });
    let packs: Vec<Value> = deployment
        .sources
        .iter()
        .map(|source| {
            // Golden cases decide nothing.
            let files = source.files.iter().filter(|(name, _)| !name.starts_with("cases/"));
            let files: Map<String, Value> = files.map(|(name, text)| (name.clone(), text.as_str().into())).collect();
            json!({ "pack": source.folder, "files": files })
        })
        .collect();
    let packs = json!({ "packs": packs });
    let digest = digest([&profile, &capability, &packs]);
    InForce { digest, profile, capability, packs }
}

/// The same by other settings.
pub fn change(of: &mut InForce, settings: &Settings) {
    if let Some(held) = of.profile.get_mut("settings") {
        *held = value(settings);
    }
    of.digest = digest([&of.profile, &of.capability, &of.packs]);
}

fn digest(parts: [&Value; 3]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(canonical::to_bytes(part));
        hash.update([0]);
    }
    hex(&hash.finalize())
}

/// Settings and standings are plain data; null would show if they weren't.
fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}
