//! Random values that ingest takes, with keys and strings chosen to hurt.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;

const MAX_INTEGER: i64 = 1 << 53;

pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]{0,12}",
        // Escapes, pointer escapes, and both sides of the place where UTF-8 and UTF-16 order differ.
        "[\"\\\\/~\u{0}-\u{1f}\u{7f}\u{e000}\u{ffff}\u{10000}\u{10ffff}0-9ab]{0,6}",
        any::<String>(),
    ]
}

pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::from),
        (-20_i64..20).prop_map(Value::from),
        any::<f64>().prop_filter("a fraction in range", |x| x.fract() != 0.0 && x.is_finite()).prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

pub(crate) fn json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..14).prop_map(Value::from),
            btree_map(text(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A value and some of its own pointers, leaves and containers alike.
pub(crate) fn json_with_pointers() -> impl Strategy<Value = (Value, Vec<String>)> {
    json().prop_flat_map(|value| {
        let mut all = Vec::new();
        pointers(&value, String::new(), &mut all);
        let at_most = all.len().min(4);
        (Just(value), proptest::sample::subsequence(all, 0..=at_most))
    })
}

fn pointers(value: &Value, here: String, all: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| pointers(item, format!("{here}/{index}"), all));
        }
        Value::Object(object) => object.iter().for_each(|(key, item)| {
            pointers(item, format!("{here}/{}", key.replace('~', "~0").replace('/', "~1")), all);
        }),
        _ => {}
    }
    all.push(here);
}
