//! What a profile may do, and what no profile can.

use std::{collections::BTreeSet, time::Duration};

use candor_core::{
    capability::{core_descriptors, parse_descriptor},
    decision::Verdict,
    notice::ProofLevel,
    pack::{Direction, Stricter},
    profile::{Layer, Overlay, Packs, Rule, SenderMode, Surface, core_profiles, parse_profile, resolve},
};

use super::{packs, profile, text, under};

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

fn rules(profile: &Overlay, local: &Overlay) -> Vec<(Rule, String)> {
    let core = packs();
    let laid = resolve(Packs { core: &core, local: &[] }, &Overlay::default(), profile, local);
    laid.err().map_or_else(Vec::new, |errors| errors.0.into_iter().map(|error| (error.rule, error.key)).collect())
}

#[test]
fn the_core_profiles_read_resolve_and_name_a_descriptor() {
    for (id, text) in core_profiles() {
        let profile = parse_profile(id, text).unwrap();
        assert_eq!(profile.metadata.id, id);
        under(&profile, &Overlay::default()).unwrap();
        let descriptor = &profile.spec.adapters.descriptor;
        let (_, text) = core_descriptors().into_iter().find(|(id, _)| id == descriptor).unwrap();
        assert_eq!(parse_descriptor(descriptor, text).unwrap().metadata.runtime, profile.metadata.runtime);
        assert_eq!(profile.spec.adapters.surfaces().len(), Surface::ALL.len(), "{id} is silent about a surface");
    }
}

/// The stance that the deployment model gives each profile.
#[test]
fn each_profile_takes_its_stance() {
    let [strict, team, solo] = ["strict-manager-mode", "standard-team-mode", "minimal-solo-mode"]
        .map(|id| under(&profile(id), &Overlay::default()).unwrap());
    assert_eq!(strict.packs.value.len(), 8);
    assert_eq!(team.packs.value.len(), 8);
    assert!(solo.packs.value.len() < 8);
    assert!(strict.thresholds["completion_min_strength"].value > team.thresholds["completion_min_strength"].value);
    assert!(strict.escalate_after.value[0] < team.escalate_after.value[0]);
    assert!(team.escalate_after.value[0] < solo.escalate_after.value[0]);
    for (resolved, live, pretends) in [(&strict, true, false), (&team, true, true), (&solo, false, true)] {
        assert_eq!(resolved.lets_out(SenderMode::Telegram), live);
        assert_eq!(resolved.lets_out(SenderMode::Shim), pretends);
        assert!(resolved.lets_out(SenderMode::DryRun), "a dry run is always allowed");
    }
    for resolved in [&strict, &team, &solo] {
        assert_eq!(resolved.needs.value, ProofLevel::Stored);
    }
}

#[test]
fn truth_4_a_profile_tunes_and_never_weakens_past_the_bound() {
    for tunable in packs().iter().flat_map(|pack| &pack.tunables) {
        let step = if tunable.stricter == Stricter::Higher { -1 } else { 1 };
        let (weakest, strictest) = match tunable.stricter {
            Stricter::Higher => (*tunable.bounds().start(), *tunable.bounds().end()),
            Stricter::Lower => (*tunable.bounds().end(), *tunable.bounds().start()),
        };
        let set = |value| Overlay { thresholds: [(tunable.name.clone(), value)].into(), ..Overlay::default() };
        let nothing = Overlay::default();
        for (profile, local) in [(set(weakest + step), nothing.clone()), (nothing.clone(), set(weakest + step))] {
            let broken = rules(&profile, &local);
            assert_eq!(broken, [(Rule::WithinBounds, format!("thresholds.{}", tunable.name))]);
        }
        assert_eq!(rules(&set(weakest), &set(strictest)), [], "strengthening is always allowed");
        // A binding takes back what the profile made stricter only where the pack declares a range.
        let taken_back = rules(&set(strictest), &set(weakest));
        match tunable.direction {
            Direction::Range => assert_eq!(taken_back, []),
            Direction::StrengthenOnly if weakest == strictest => assert_eq!(taken_back, []),
            Direction::StrengthenOnly => assert_eq!(taken_back[0].0, Rule::RelaxOnlyWhereDeclared),
        }
    }
}

#[test]
fn truth_4_what_a_profile_set_a_binding_only_makes_stricter() {
    let strict = Overlay::from(&profile("strict-manager-mode"));
    let relaxed = [
        ("period", Overlay { period: Some(minutes(6)), ..Overlay::default() }),
        ("grace", Overlay { grace: Some(minutes(2)), ..Overlay::default() }),
        ("evidence_lives_for", Overlay { evidence_lives_for: Some(minutes(13 * 60)), ..Overlay::default() }),
        ("escalate_after", Overlay { escalate_after: Some(vec![minutes(10)]), ..Overlay::default() }),
        ("packs", Overlay { packs: Some(BTreeSet::from(["delivery-truth".to_owned()])), ..Overlay::default() }),
    ];
    for (key, local) in relaxed {
        assert_eq!(rules(&strict, &local)[0], (Rule::RelaxOnlyWhereDeclared, key.to_owned()));
        // Where no profile set it, it is the binding's to choose.
        assert_eq!(rules(&Overlay::default(), &local), [], "{key}");
    }
    let stricter = Overlay {
        period: Some(minutes(1)),
        needs: Some(ProofLevel::ReadBack),
        default_verdict: Some(Verdict::RequestEvidence),
        escalate_after: Some(vec![minutes(5), minutes(30), minutes(60), minutes(60)]),
        ..Overlay::default()
    };
    assert_eq!(rules(&strict, &stricter), []);
}

/// `acked` stays what it is: no layer asks for less proof than `stored`, nor takes back what another asked for.
#[test]
fn truth_4_no_layer_lowers_the_proof_or_the_default_verdict() {
    let proof = |level| Overlay { needs: Some(level), ..Overlay::default() };
    let verdict = |verdict| Overlay { default_verdict: Some(verdict), ..Overlay::default() };
    assert_eq!(rules(&proof(ProofLevel::ReadBack), &proof(ProofLevel::Stored))[0].0, Rule::RelaxOnlyWhereDeclared);
    let broken = rules(&verdict(Verdict::ForceReviewNotice), &verdict(Verdict::Allow));
    assert_eq!(broken[0].0, Rule::RelaxOnlyWhereDeclared);
}

#[test]
fn each_value_says_who_set_it() {
    let strict = profile("strict-manager-mode");
    let adapter = Overlay { period: Some(minutes(15)), grace: Some(minutes(3)), ..Overlay::default() };
    let local = Overlay { period: Some(minutes(2)), ..Overlay::default() };
    let core = packs();
    let resolved = resolve(
        Packs { core: &core, local: &[] },
        &adapter,
        &Overlay { grace: None, ..Overlay::from(&strict) },
        &local,
    )
    .unwrap();
    assert_eq!((resolved.period.value, resolved.period.layer), (minutes(2), Layer::Local));
    assert_eq!((resolved.grace.value, resolved.grace.layer), (minutes(3), Layer::Adapter));
    assert_eq!(resolved.needs.layer, Layer::Profile);
    assert_eq!(resolved.thresholds["delivery_min_proof"].layer, Layer::Package);
}

#[test]
fn a_typo_in_a_pack_or_threshold_is_named() {
    let typo = text("minimal-solo-mode").replace("completion_block_below", "completion_block_belov");
    let errors = under(&parse_profile("p.yaml", &typo).unwrap(), &Overlay::default()).unwrap_err().placed(&typo);
    let told = errors.to_string();
    assert!(told.contains("known_names") && told.contains("did you mean `completion_block_below`?"), "{told}");
    assert_eq!(errors.0[0].at.unwrap().line, 15);
}
