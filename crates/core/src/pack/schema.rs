//! The Cedar schema that rules are held against: generated from the facts and the loaded tunables.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    event::EVENT_TYPES,
    facts::{FactKind, catalog},
};

/// Every event type that a rule can be about, as its action's name.
pub(super) fn event_types() -> impl Iterator<Item = &'static str> {
    EVENT_TYPES.iter().map(|event_type| event_type.as_str())
}

/// The schema as Cedar text. A rule has no principal and no resource to tell apart, so both are placeholders without attributes.
#[must_use]
pub fn cedar_schema(thresholds: &BTreeMap<String, i64>) -> String {
    let mut groups: BTreeMap<&str, String> = BTreeMap::new();
    for fact in catalog() {
        let kind = match fact.kind {
            FactKind::Bool => "Bool",
            FactKind::Long => "Long",
            FactKind::Text => "String",
        };
        let _ = write!(groups.entry(fact.group).or_default(), "{}: {kind}, ", fact.name);
    }
    let tunables = groups.entry("threshold").or_default();
    for name in thresholds.keys() {
        let _ = write!(tunables, "{name}: Long, ");
    }
    let mut facts = String::new();
    for (group, members) in groups {
        let _ = writeln!(facts, "  {group}: {{ {members}}},");
    }
    let actions: Vec<String> = event_types().map(|name| format!("\"{name}\"")).collect();
    let actions = actions.join(", ");
    format!(
        "entity Reporter;\nentity Task;\naction {actions} appliesTo {{\n  principal: [Reporter], resource: [Task], context: {{\n{facts}}}\n}};\n"
    )
}
