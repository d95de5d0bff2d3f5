//! Generated facts, records and tuning.

use std::{collections::BTreeMap, sync::LazyLock};

use candor_core::{
    claim::CLAIM_KINDS,
    decision::Verdict,
    event::EVENT_TYPES,
    evidence::{Bearing, Freshness, STRENGTHS, Strength},
    facts::{FactKind, FactValue, Facts, catalog},
    pack::PackSet,
};
use proptest::{collection::vec, prelude::*, sample::select};

pub(crate) static CORE: LazyLock<PackSet> = LazyLock::new(|| PackSet::core().unwrap());

pub(crate) fn event_type() -> impl Strategy<Value = &'static str> {
    select(EVENT_TYPES).prop_map(|event_type| event_type.as_str())
}

pub(crate) fn verdict() -> impl Strategy<Value = Verdict> {
    select(Verdict::ALL)
}

/// Any facts, also ones that no run of Candor brings about together. Numbers lie around what rules compare them with.
pub(crate) fn facts() -> impl Strategy<Value = Facts> {
    let values = catalog().map(|fact| match fact.kind {
        FactKind::Bool => any::<bool>().prop_map(FactValue::Bool).boxed(),
        FactKind::Long => prop_oneof![8 => 0..=6_i64, 1 => select(&[59, 60, 3599, 3600, i64::MAX, -1][..])]
            .prop_map(FactValue::Long)
            .boxed(),
        FactKind::Text if fact.words.is_empty() => prop_oneof![
            Just(""),
            Just("named_by_a_user"),
            select(&CLAIM_KINDS[..]),
            Just("completion"),
            Just("operator_notified")
        ]
        .prop_map(|kind| FactValue::Text(kind.to_owned()))
        .boxed(),
        FactKind::Text => select(fact.words).prop_map(|word| FactValue::Text(word.to_owned())).boxed(),
    });
    values.collect::<Vec<_>>().prop_map(|values| {
        let mut facts = Facts::default();
        for (fact, value) in catalog().zip(values) {
            facts.set(&format!("{}.{}", fact.group, fact.name), &value).unwrap();
        }
        facts
    })
}

pub(crate) fn record() -> impl Strategy<Value = (Bearing, Strength, Freshness)> {
    (
        select(&[Bearing::Supports, Bearing::Contradicts, Bearing::Inconclusive][..]),
        select(&STRENGTHS[..]),
        select(&[Freshness::Fresh, Freshness::Stale, Freshness::Expired, Freshness::Predates][..]),
    )
}

pub(crate) fn records() -> impl Strategy<Value = Vec<(Bearing, Strength, Freshness)>> {
    vec(record(), 0..5)
}

/// Tuning within the bounds that the core packs allow.
pub(crate) fn tuning() -> impl Strategy<Value = BTreeMap<String, i64>> {
    let tunables: Vec<_> = CORE.packs().iter().flat_map(|pack| pack.tunables.clone()).collect();
    let values: Vec<_> = tunables.iter().map(|tunable| prop_oneof![Just(tunable.default), tunable.bounds()]).collect();
    values.prop_map(move |values| tunables.iter().map(|tunable| tunable.name.clone()).zip(values).collect())
}
