//! What holds, value by value: who set it and what limits it.

use serde::Serialize;

use super::{
    Layer, Resolved, Set,
    resolve::{joined, modes, times},
};
use crate::time::format_duration;

/// One value of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The field.
    pub key: String,
    /// Its value, as it is written.
    pub value: String,
    /// Who set it.
    pub layer: Layer,
    /// What limits it.
    pub bound: String,
}

impl Resolved {
    /// Every value, in the order of a profile's sections.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = vec![line("policies.packs", &self.packs, joined(&self.packs.value))];
        for (name, set) in &self.thresholds {
            lines.push(line(&format!("policies.thresholds.{name}"), set, set.value.to_string()));
        }
        let time = |key: &str, set: &Set<std::time::Duration>| line(key, set, format_duration(set.value));
        let verdict = &self.default_verdict;
        lines.push(line("policies.default_verdict", verdict, verdict.value.as_str().to_owned()));
        lines.push(time("policies.evidence_lives_for", &self.evidence_lives_for));
        lines.extend(self.two_owners());
        for (surface, set) in &self.surfaces {
            let word = if set.value { "on" } else { "off" };
            lines.push(line(&format!("adapters.{}", surface.as_str()), set, word.to_owned()));
        }
        lines.push(time("adapters.watchdog.period", &self.period));
        lines.push(time("adapters.watchdog.grace", &self.grace));
        lines.push(line("notifications.sender_modes", &self.sender_modes, modes(&self.sender_modes.value)));
        lines.push(line("notifications.needs", &self.needs, self.needs.value.as_str().to_owned()));
        lines.push(line("notifications.escalate_after", &self.escalate_after, times(&self.escalate_after.value)));
        lines.push(time("audit.fold_every", &self.fold_every));
        lines.push(line("audit.keep_for", &self.keep_for, self.keep_for.value.words()));
        let classes: Vec<&str> = self.export.value.iter().map(|class| class.as_str()).collect();
        lines.push(line("audit.export", &self.export, classes.join(", ")));
        lines
    }

    /// A line per gate, as each may have been asked for by another layer.
    fn two_owners(&self) -> Vec<Line> {
        let line = |key: &str, value: &str, layer| Line {
            key: format!("policies.two_owners{key}"),
            value: value.to_owned(),
            layer,
            bound: "each layer adds gates, and takes none away".to_owned(),
        };
        if self.two_owners.is_empty() {
            return vec![line("", "none", Layer::Package)];
        }
        self.two_owners.iter().map(|(gate, layer)| line(&format!(".{}", gate.as_str()), "yes", *layer)).collect()
    }
}

fn line<T>(key: &str, set: &Set<T>, value: String) -> Line {
    Line { key: key.to_owned(), value, layer: set.layer, bound: set.bound.clone() }
}
