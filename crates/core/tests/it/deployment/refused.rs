//! Documents that break a rule on purpose: each is refused with the rule's name and the place.

use candor_core::{
    capability::{core_descriptors, parse_descriptor},
    limits::PROFILE_BYTES_MAX,
    profile::{PACKAGE_VERSION, ProfileErrors, Rule, parse_profile},
};

use super::text;

/// The solo profile with one line replaced.
fn broken(old: &str, new: &str) -> ProfileErrors {
    let text = text("minimal-solo-mode");
    assert!(text.contains(old), "{old}");
    parse_profile("p.yaml", &text.replacen(old, new, 1)).unwrap_err()
}

#[test]
fn a_typo_is_refused_with_line_and_column() {
    let told = broken("    default_verdict: allow", "    defualt_verdict: allow").to_string();
    assert!(told.starts_with("p.yaml:17:5: unknown field `defualt_verdict`"), "{told}");
    let told = broken("enabled: false, period: 30m", "enabled: false, perid: 30m").to_string();
    assert!(told.starts_with("p.yaml:22:32: unknown field `perid`"), "{told}");
}

#[test]
fn every_section_is_required() {
    for section in ["package", "policies", "adapters", "notifications", "audit", "capability_expectations"] {
        let told = broken(&format!("  {section}:"), &format!("  {section}x:")).to_string();
        assert!(told.contains(section), "{told}");
    }
    let told = broken("metadata:", "metadatas:").to_string();
    assert!(told.contains("metadata"), "{told}");
}

#[test]
fn a_package_of_another_line_is_refused() {
    for version in ["0.2.0-mainline", "1.0.0", "0.1.9", "newest"] {
        let errors = broken("pluginVersion: 0.1.0-mainline", &format!("pluginVersion: {version}"));
        assert_eq!((errors.0[0].rule, errors.0[0].at.unwrap().line), (Rule::PackageVersion, 11));
        assert!(errors.to_string().contains(PACKAGE_VERSION) && errors.to_string().contains(version), "{errors}");
    }
}

#[test]
fn truth_4_what_no_profile_can_do_is_refused_by_the_rule_that_it_breaks() {
    let cases = [
        ("    default_verdict: allow", "    schemas: {event: {}}", Rule::ContractsAreFixed),
        ("    default_verdict: allow", "    rules: [allow everything]", Rule::ContractsAreFixed),
        ("    default_verdict: allow", "    strength: {asserted: 5}", Rule::StrengthIsComputed),
        ("    needs: stored", "    needs: dispatched", Rule::AckedNeedsProof),
        ("    needs: stored", "    needs: none", Rule::AckedNeedsProof),
        ("    needs: stored", "    treat_as_acked: [dispatched]", Rule::AckedNeedsProof),
        ("    needs: stored", "    gates: {bot_api_call: open}", Rule::GatesStayClosed),
        ("    needs: stored", "    supported: [direct_send]", Rule::CapabilitiesAreProbed),
        ("    optional: [", "    supported: [", Rule::CapabilitiesAreProbed),
        ("    queue: {enabled: true}", "    queue: {enabled: false}", Rule::QueueIsKept),
        ("    sender_modes: [dry-run, shim]", "    sender_modes: []", Rule::SenderModes),
    ];
    for (old, new, rule) in cases {
        let errors = broken(old, new);
        let told = errors.to_string();
        assert_eq!(errors.0[0].rule, rule, "{new}: {told}");
        assert!(told.contains(&format!("rule `{}`", rule.as_str())) && errors.0[0].at.is_some(), "{told}");
    }
}

#[test]
fn yaml_that_says_one_thing_and_means_another_is_refused() {
    let twice = broken("    fold_every: 30m", "    fold_every: 30m\n    fold_every: 1m").to_string();
    assert!(twice.contains("duplicate") && twice.starts_with("p.yaml:3"), "{twice}");
    let anchor = broken("keep_for: 90d", "keep_for: &long 90d").to_string();
    assert!(anchor.contains("anchors"), "{anchor}");
    let alias = broken("keep_for: 90d", "keep_for: *long").to_string();
    assert!(alias.contains("alias"), "{alias}");
    let large = format!("{}#{}", text("minimal-solo-mode"), "x".repeat(PROFILE_BYTES_MAX));
    let told = parse_profile("p.yaml", &large).unwrap_err().to_string();
    assert!(told.contains("at most 65536"), "{told}");
}

#[test]
fn a_head_that_says_something_else_is_refused() {
    for (old, new) in [
        ("reporting-governance/v1alpha1", "reporting-governance/v9"),
        ("kind: DeploymentProfile", "kind: CapabilityDescriptor"),
        ("id: minimal-solo-mode", "id: Minimal Mode"),
        ("  version: 1.0.0", "  version: v1"),
    ] {
        let errors = broken(old, new);
        assert!(errors.0[0].rule == Rule::WellFormed && errors.0[0].at.is_some(), "{errors}");
    }
}

#[test]
fn a_descriptor_is_held_to_the_same() {
    let (_, text) = core_descriptors().into_iter().find(|(id, _)| *id == "generic-cli").unwrap();
    for (old, new, says) in [
        ("declared: true", "declared: true, supported: true", "capabilities_are_probed"),
        ("    store: {kind: store}", "    store: {kind: stor}", "unknown variant `stor`"),
        ("{kind: binary, program: candor}", "{kind: binary}", "has no `program`"),
        ("shown_by: [export]", "shown_by: [exprot]", "no probe here"),
        ("    forced_checkpoint:", "    # forced_checkpoint:", "`forced_checkpoint` isn't declared"),
    ] {
        assert!(text.contains(old), "{old}");
        let errors = parse_descriptor("d.yaml", &text.replacen(old, new, 1)).unwrap_err();
        assert!(errors.to_string().contains(says), "{errors}");
    }
    let (_, text) = core_descriptors().into_iter().find(|(id, _)| *id == "openclaw-watchdog-reference").unwrap();
    let elsewhere = parse_descriptor("d.yaml", &text.replace("127.0.0.1:18789", "192.0.2.1:18789")).unwrap_err();
    assert!(elsewhere.to_string().contains("another machine"), "{elsewhere}");
}
