//! The Cedar schema that rules are held against: generated from the facts and the loaded tunables.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::facts::{FactKind, catalog};

/// What stands before an event type in a CloudEvents `type`.
pub const EVENT_TYPE_PREFIX: &str = "reporting-governance.";

/// Every event type that a rule can be about: what reporters send, then Candor's own.
pub const EVENT_TYPES: [&str; 16] = [
    "task.started",
    "task.checkpointed",
    "task.waiting",
    "task.blocked",
    "task.unblocked",
    "task.completed",
    "task.failed",
    "tool.started",
    "tool.finished",
    "claim.made",
    "evidence.added",
    "notice.requested",
    "task.missed",
    "task.slow",
    "task.recovered",
    "task.escalated",
];

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
    let actions = EVENT_TYPES.map(|name| format!("\"{name}\"")).join(", ");
    format!(
        "entity Reporter;\nentity Task;\naction {actions} appliesTo {{\n  principal: [Reporter], resource: [Task], context: {{\n{facts}}}\n}};\n"
    )
}
