//! What operators write: packs and targets.

use std::collections::BTreeMap;

use candor_core::{
    capability::{parse_descriptor, standing, supported},
    decision::Verdict,
    pack::{self, PackSet, PackSource, core_sources, manifests},
    profile::{Overlay, Packs, parse_profile, resolve},
    time::Timestamp,
};
use candor_world::senders::{Binding, HttpPool, TargetConfig};

const FOLDER: &str = "fuzzed";
const MANIFEST: &str = "id: fuzzed\nversion: 1.0.0\ntitle: A pack\nsummary: One for the fuzzer.\n";
const RULES: &str = "@id(\"always\")\n@verdict(\"request_evidence\")\n@severity(\"info\")\n@message(\"Said.\")\n@change(\"Do.\")\n\
                     permit (principal, action == Action::\"claim.made\", resource);\n";
const CASES: &str = "- name: a claim\n  event: claim.made\n  expect: {verdict: request_evidence, rules: [always]}\n";

/// A pack with one file replaced by what came.
fn pack(manifest: &str, rules: &str, cases: &str) -> PackSource {
    PackSource::new(FOLDER, [("pack.yaml", manifest), ("rules.cedar", rules), ("cases/cases.yaml", cases)])
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// A pack that loads evaluates every event type, and evaluates it twice alike; one that doesn't, says why.
fn load(source: PackSource) {
    match PackSet::load(&[source], &BTreeMap::new()) {
        Err(errors) => assert!(!errors.0.is_empty(), "a pack was refused without a reason"),
        Ok(packs) => {
            let facts = packs.facts();
            for event in ["task.completed", "claim.made", "task.silent"] {
                let once = packs.evaluate(event, &facts, Verdict::Allow);
                assert_eq!(once, packs.evaluate(event, &facts, Verdict::Allow), "one input, two evaluations");
            }
        }
    }
}

pub(crate) fn manifest(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        load(pack(text, RULES, CASES));
    }
}

pub(crate) fn rules(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        load(pack(MANIFEST, text, CASES));
    }
}

pub(crate) fn cases(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        let _ = pack::cases::run(&pack(MANIFEST, RULES, text));
    }
}

/// A profile reads the same twice, and what it sets is laid on the package's defaults or refused with a reason.
pub(crate) fn profile(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match parse_profile("fuzzed.yaml", text) {
        Err(errors) => assert!(!errors.0.is_empty(), "a profile was refused without a reason"),
        Ok(profile) => {
            assert_eq!(Ok(&profile), parse_profile("fuzzed.yaml", text).as_ref(), "one text, two profiles");
            let Ok(core) = manifests(&core_sources()) else { return };
            let (nothing, set) = (Overlay::default(), Overlay::from(&profile));
            if let Err(errors) = resolve(Packs { core: &core, local: &[] }, &nothing, &set, &nothing) {
                assert!(!errors.0.is_empty(), "a value was refused without a reason");
            }
        }
    }
}

/// A capability descriptor reads the same twice, and without a probe nothing of it is supported.
pub(crate) fn descriptor(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match parse_descriptor("fuzzed.yaml", text) {
        Err(errors) => assert!(!errors.0.is_empty(), "a descriptor was refused without a reason"),
        Ok(descriptor) => {
            assert_eq!(Ok(&descriptor), parse_descriptor("fuzzed.yaml", text).as_ref(), "one text, two descriptors");
            let stands = standing(&descriptor, None, Timestamp::from_micros(0));
            assert!(supported(&stands).is_empty(), "something is supported that no probe showed");
        }
    }
}

/// A list of targets as in the configuration. What is well formed is bound, which reads no secret and opens no connection.
pub(crate) fn target_config(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Ok(targets) = serde_saphyr::from_str::<Vec<TargetConfig>>(text) else { return };
    let pool = HttpPool::default();
    for config in targets.iter().take(8) {
        if let Ok(binding) = Binding::from_config(config, &pool) {
            assert_eq!(binding.target(), &config.name, "a binding for another target");
        }
    }
}
