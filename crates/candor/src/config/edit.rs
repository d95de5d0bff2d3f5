//! Changing `approvals.owners` of a configuration that a person wrote: one entry is put in or taken out, and every other line stays.

use std::{collections::BTreeSet, path::Path};

use candor_core::ids::AgentId;
use serde_json::{Map, Value, json};

use crate::exit::{Exit, Failure};

const SECTION: &str = "approvals";
const OWNERS: &str = "owners";

/// The text with this owner's agents; without agents, without the owner.
///
/// # Errors
/// When the section is written in a way that isn't understood here; the hint says what to write.
pub fn with_owner(text: &str, path: &Path, name: &str, agents: &BTreeSet<AgentId>) -> Result<String, Failure> {
    if agents.is_empty()
        && read(text).is_some_and(|was| was.pointer("/approvals/owners").and_then(|of| of.get(name)).is_none())
    {
        return Ok(text.to_owned());
    }
    let entry = (!agents.is_empty()).then(|| entry(name, agents));
    let edited = edit(text, name, entry.as_deref());
    // Whatever the lines look like: what they say must be what was there, and this one change.
    match (edited, read(text)) {
        (Some(edited), Some(was)) if read(&edited) == Some(expected(was.clone(), name, agents)) => Ok(edited),
        _ => {
            let message = format!("`{}` is written in a way that isn't changed here", path.display());
            let hint = match entry {
                Some(entry) => format!("write it yourself:\n{SECTION}:\n  {OWNERS}:\n    {entry}"),
                None => format!("take `{name}` out of `{SECTION}.{OWNERS}` yourself, and run this again"),
            };
            Err(Failure::new(Exit::Config, message).hint(hint))
        }
    }
}

fn entry(name: &str, agents: &BTreeSet<AgentId>) -> String {
    // A text of JSON is one of YAML.
    let agents: Vec<String> = agents.iter().map(|agent| json!(agent).to_string()).collect();
    format!("{}: {{agents: [{}]}}", json!(name), agents.join(", "))
}

fn read(text: &str) -> Option<Value> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Some(Value::Null);
    }
    serde_saphyr::from_str(text).ok()
}

/// What the file should say afterwards; sections without anything in them don't count.
fn expected(mut was: Value, name: &str, agents: &BTreeSet<AgentId>) -> Value {
    if was.is_null() && agents.is_empty() {
        return was;
    }
    if was.is_null() {
        was = Value::Object(Map::new());
    }
    let Some(file) = was.as_object_mut() else { return was };
    let mut section = object(file.remove(SECTION));
    let mut owners = object(section.remove(OWNERS));
    owners.remove(name);
    if !agents.is_empty() {
        owners.insert(name.to_owned(), json!({ "agents": agents }));
    }
    if !owners.is_empty() {
        section.insert(OWNERS.to_owned(), Value::Object(owners));
    }
    if !section.is_empty() {
        file.insert(SECTION.to_owned(), Value::Object(section));
    }
    if file.is_empty() { Value::Null } else { was }
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// Lines from `from` until `to`, below a key.
#[derive(Clone, Copy)]
struct Block {
    /// The key's own line.
    key: usize,
    /// The first line behind the block.
    end: usize,
    /// How far its entries are indented.
    indent: usize,
}

fn indent(line: &str) -> usize {
    line.len().saturating_sub(line.trim_start_matches(' ').len())
}

fn says_nothing(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The key of a line, and what stands behind its colon.
fn split(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start();
    if line.starts_with('"') {
        let end = line
            .char_indices()
            .skip(1)
            .find(|(at, c)| *c == '"' && !line.get(..*at).is_some_and(|before| before.ends_with('\\')))?
            .0;
        let (key, rest) = line.split_at(end.saturating_add(1));
        return Some((serde_json::from_str(key).ok()?, rest.strip_prefix(':')?));
    }
    let (key, rest) = line.split_once(':')?;
    Some((key.trim_matches('\'').to_owned(), rest))
}

/// Whether nothing is set behind a colon, or an empty map.
fn is_open(rest: &str) -> bool {
    let value = rest.split(" #").next().unwrap_or_default().trim();
    value.is_empty() || value == "{}" || value.starts_with('#')
}

/// The block below a key that is indented so far, between two lines; none when the key isn't there.
fn block(lines: &[String], from: usize, to: usize, at: usize, key: &str) -> Option<Block> {
    let within = || lines.iter().enumerate().take(to).skip(from).filter(|(_, line)| !says_nothing(line));
    let (start, _) =
        within().find(|(_, line)| indent(line) == at && split(line).is_some_and(|(found, _)| found == key))?;
    let below: Vec<(usize, usize)> = within()
        .skip_while(|(n, _)| *n <= start)
        .map(|(n, line)| (n, indent(line)))
        .take_while(|(_, by)| *by > at)
        .collect();
    let end = below.last().map_or(start, |(n, _)| *n).saturating_add(1);
    let indent = below.first().map_or(at.saturating_add(2), |(_, by)| *by);
    Some(Block { key: start, end, indent })
}

/// The lines with the entry in them, or without it; none when they aren't understood.
fn edit(text: &str, name: &str, entry: Option<&str>) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let Some(section) = block(&lines, 0, lines.len(), 0, SECTION) else {
        if let Some(entry) = entry {
            if lines.last().is_some_and(|last| !last.is_empty()) {
                lines.push(String::new());
            }
            lines.extend([format!("{SECTION}:"), format!("  {OWNERS}:"), format!("    {entry}")]);
        }
        return Some(whole(&lines));
    };
    let Some(owners) = block(&lines, section.key.saturating_add(1), section.end, section.indent, OWNERS) else {
        if let Some(entry) = entry {
            let by = " ".repeat(section.indent);
            open(&mut lines, section.key)?;
            let at = section.key.saturating_add(1);
            lines.splice(at..at, [format!("{by}{OWNERS}:"), format!("{by}  {entry}")]);
        }
        return Some(whole(&lines));
    };
    let old = block(&lines, owners.key.saturating_add(1), owners.end, owners.indent, name);
    match (entry, old) {
        (Some(entry), old) => {
            open(&mut lines, owners.key)?;
            let place = old.map_or(owners.end..owners.end, |old| old.key..old.end);
            lines.splice(place, [format!("{}{entry}", " ".repeat(owners.indent))]);
        }
        (None, Some(old)) => {
            lines.drain(old.key..old.end);
            // A key with nothing below it says nothing.
            let left = owners.end.saturating_sub(old.end.saturating_sub(old.key));
            let others = |from: usize, to: usize| lines.iter().take(to).skip(from).any(|line| !says_nothing(line));
            let (no_owner, no_section) = (
                !others(owners.key.saturating_add(1), left),
                !others(section.key.saturating_add(1), owners.key)
                    && !others(left, section.end.saturating_sub(owners.end.saturating_sub(left))),
            );
            if no_owner {
                lines.remove(owners.key);
            }
            if no_owner && no_section {
                lines.remove(section.key);
            }
        }
        (None, None) => {}
    }
    Some(whole(&lines))
}

/// Makes room below a key that may have `{}` behind it.
fn open(lines: &mut [String], at: usize) -> Option<()> {
    let line = lines.get_mut(at)?;
    let rest = split(line)?.1.to_owned();
    if !is_open(&rest) {
        return None;
    }
    *line = line.replacen(" {}", "", 1);
    Some(())
}

fn whole(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn agents(of: &[&str]) -> BTreeSet<AgentId> {
        of.iter().map(|agent| agent.parse().unwrap()).collect()
    }

    fn with(text: &str, name: &str, of: &[&str]) -> Result<String, Failure> {
        with_owner(text, Path::new("candor.yaml"), name, &agents(of))
    }

    #[test]
    fn an_owner_is_put_in_wherever_there_is_room_and_every_other_line_stays() {
        for (text, edited) in [
            ("", "approvals:\n  owners:\n    \"ann@x\": {agents: [\"a\", \"b\"]}\n"),
            ("# mine\n", "# mine\n\napprovals:\n  owners:\n    \"ann@x\": {agents: [\"a\", \"b\"]}\n"),
            (
                "profile: dry-run  # safe\napprovals: {}\n",
                "profile: dry-run  # safe\napprovals:\n  owners:\n    \"ann@x\": {agents: [\"a\", \"b\"]}\n",
            ),
            (
                "approvals:\n    # who\n    two_owners: [secret_read]\n\n# then\nlisten: 127.0.0.1:1\n",
                "approvals:\n    owners:\n      \"ann@x\": {agents: [\"a\", \"b\"]}\n    # who\n    two_owners: [secret_read]\n\n# then\nlisten: 127.0.0.1:1\n",
            ),
            (
                "approvals:\n  owners: {}   # nobody yet\n  two_owners: []\n",
                "approvals:\n  owners:   # nobody yet\n    \"ann@x\": {agents: [\"a\", \"b\"]}\n  two_owners: []\n",
            ),
            (
                "approvals:\n  owners:\n    bob@x: {agents: [c]} # his\n    # hers\n    ann@x:\n      agents: [z]\n  two_owners: []\n",
                "approvals:\n  owners:\n    bob@x: {agents: [c]} # his\n    # hers\n    \"ann@x\": {agents: [\"a\", \"b\"]}\n  two_owners: []\n",
            ),
            (
                "approvals:\n  owners:\n    'bob@x': {agents: [c]}\n",
                "approvals:\n  owners:\n    'bob@x': {agents: [c]}\n    \"ann@x\": {agents: [\"a\", \"b\"]}\n",
            ),
        ] {
            assert_eq!(with(text, "ann@x", &["a", "b"]).unwrap(), edited, "{text}");
        }
    }

    #[test]
    fn an_owner_is_taken_out_with_what_is_empty_then() {
        for (text, edited) in [
            ("profile: dry-run\n", "profile: dry-run\n"),
            ("a: 1\napprovals:\n  owners:\n    ann@x: {agents: [a]}\nlisten: b\n", "a: 1\nlisten: b\n"),
            (
                "approvals:\n  owners:\n    ann@x:\n      agents:\n        - a\n  two_owners: [secret_read]\n",
                "approvals:\n  two_owners: [secret_read]\n",
            ),
            (
                "approvals:\n  follow_up: [scores]\n  owners:\n    ann@x: {agents: [a]}\n    bob@x: {agents: [b]}\n",
                "approvals:\n  follow_up: [scores]\n  owners:\n    bob@x: {agents: [b]}\n",
            ),
        ] {
            assert_eq!(with(text, "ann@x", &[]).unwrap(), edited, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_left_alone_and_the_hint_says_what_to_write() {
        for text in [
            "approvals: {two_owners: [secret_read]}\n",
            "approvals:\n  owners: {bob@x: {agents: [c]}}\n",
            "\"approvals\": &a\n  owners: *a\n",
            "{profile: dry-run}\n",
            "approvals:\n\towners: x\n",
            "approvals:\n  owners: 7\n",
        ] {
            let failure = with(text, "ann@x", &["a"]).unwrap_err();
            assert!(failure.hint.unwrap().contains("\"ann@x\": {agents: [\"a\"]}"), "{text}");
        }
        assert!(with("approvals:\n  owners: {ann@x: {agents: [c]}}\n", "ann@x", &[]).is_err());
    }
}
