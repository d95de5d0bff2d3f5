//! What counts as supported.

use std::collections::BTreeMap;

use candor_core::{
    capability::{
        Ability, Counts, Descriptor, ProbeRecord, ProbeReport, core_descriptors, parse_descriptor, standing, supported,
    },
    limits::PROBE_COUNTS_FOR,
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn descriptors() -> Vec<Descriptor> {
    core_descriptors().into_iter().map(|(id, text)| parse_descriptor(id, text).unwrap()).collect()
}

/// A record in which every probe came to this, at that time.
fn record(descriptor: &Descriptor, shown: bool, at: Timestamp) -> ProbeRecord {
    let reports = descriptor.spec.probes.iter().map(|(name, probe)| {
        let report = ProbeReport { kind: probe.kind, shown, at, method: "looked".into(), output: "so".into() };
        (name.clone(), report)
    });
    ProbeRecord { descriptor: descriptor.metadata.name(), reports: reports.collect() }
}

#[test]
fn the_core_descriptors_answer_every_question() {
    for (id, text) in core_descriptors() {
        let descriptor = parse_descriptor(id, text).unwrap();
        assert_eq!(descriptor.metadata.id, id);
        assert_eq!(descriptor.spec.capabilities.len(), Ability::ALL.len());
        for (ability, declaration) in &descriptor.spec.capabilities {
            assert_eq!(declaration.declared, !declaration.shown_by.is_empty(), "{id}: {ability}");
        }
    }
}

#[test]
fn truth_3_declared_but_unprobed_counts_as_unsupported() {
    for descriptor in descriptors() {
        assert!(supported(&standing(&descriptor, None, NOW)).is_empty());
        let empty = ProbeRecord { descriptor: descriptor.metadata.name(), reports: BTreeMap::new() };
        assert!(supported(&standing(&descriptor, Some(&empty), NOW)).is_empty());
        let shown = supported(&standing(&descriptor, Some(&record(&descriptor, true, NOW)), NOW));
        for (ability, declaration) in &descriptor.spec.capabilities {
            assert_eq!(shown.contains(ability), declaration.declared, "{}: {ability}", descriptor.metadata.id);
        }
    }
}

#[test]
fn truth_3_a_declaration_that_names_no_probe_supports_nothing() {
    let mut descriptor = descriptors().remove(0);
    let declaration = descriptor.spec.capabilities.get_mut(&Ability::DirectSend).unwrap();
    (declaration.declared, declaration.shown_by) = (true, Vec::new());
    let all = record(&descriptor, true, NOW);
    let stands = standing(&descriptor, Some(&all), NOW);
    let one = stands.iter().find(|one| one.ability == Ability::DirectSend).unwrap();
    assert_eq!(one.counts, Counts::Unprobed);
}

#[test]
fn truth_3_a_failed_probe_an_old_one_and_another_versions_support_nothing() {
    for descriptor in descriptors() {
        let failed = record(&descriptor, false, NOW);
        assert!(standing(&descriptor, Some(&failed), NOW).iter().all(|one| one.counts != Counts::Supported));
        let old = record(&descriptor, true, NOW.before(PROBE_COUNTS_FOR).shifted(-1));
        assert!(supported(&standing(&descriptor, Some(&old), NOW)).is_empty());
        let other = ProbeRecord { descriptor: "other@1.0.0".into(), ..record(&descriptor, true, NOW) };
        assert!(supported(&standing(&descriptor, Some(&other), NOW)).is_empty());
        // One probe of several that fails is enough.
        let mut mixed = record(&descriptor, true, NOW);
        let Some((ability, declaration)) = descriptor.spec.capabilities.iter().find(|(_, of)| of.shown_by.len() > 1)
        else {
            continue;
        };
        mixed.reports.get_mut(&declaration.shown_by[1]).unwrap().shown = false;
        let stands = standing(&descriptor, Some(&mixed), NOW);
        assert_eq!(stands.iter().find(|one| one.ability == *ability).unwrap().counts, Counts::Refuted);
    }
}

/// The model's table of safe fallbacks.
#[test]
fn truth_12_every_ability_has_a_fallback() {
    for (ability, says) in [
        (Ability::DirectSend, "`pending_external_send` receipt"),
        (Ability::DeliveryProof, "`pending_external_send` receipt"),
        (Ability::PreSendHook, "`downgrade_status` and a forced review notice"),
        (Ability::InlineCompletionBlock, "`downgrade_status` and a forced review notice"),
        (Ability::ScheduledWatchdog, "explicit note of the gap"),
        (Ability::EscalationChannel, "`blocked` or `force_checkpoint` audit trail"),
    ] {
        assert!(ability.fallback().instead.contains(says), "{ability}");
    }
    assert!(Ability::ALL.iter().all(|ability| !ability.fallback().instead.is_empty()));
}
