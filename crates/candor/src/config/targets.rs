//! Adding a target to a configuration that a person wrote: every other line stays as it is.

use std::path::Path;

use serde_json::{Value, json};

use crate::exit::{Exit, Failure};

/// The text with one more target, whose fields are written in this order.
///
/// # Errors
/// When a target of that name is there, or the list is written in a way that isn't understood here; the hint says what to write.
pub fn with_target(text: &str, path: &Path, fields: &[(&str, Value)]) -> Result<String, Failure> {
    let refused = |message: String| Failure::new(Exit::Config, message);
    let was = read(text)
        .ok_or_else(|| refused(format!("`{}` doesn't read; `candor config check` says why", path.display())))?;
    let name = fields.iter().find(|(field, _)| *field == "name").map(|(_, name)| name.clone()).unwrap_or_default();
    let targets = was.get("targets").and_then(Value::as_array).cloned().unwrap_or_default();
    if targets.iter().any(|target| target.get("name") == Some(&name)) {
        return Err(refused(format!("`{}` has a target {name} already", path.display()))
            .hint("choose another name with `--name`, or take that one out"));
    }
    let lines = entry(fields);
    // Whatever the lines look like: what they say must be what was there, and this one target more.
    let edited = put(text, &lines).filter(|edited| read(edited) == Some(expected(was, fields)));
    edited.ok_or_else(|| {
        refused(format!("`{}` is written in a way that isn't changed here", path.display()))
            .hint(format!("write it yourself:\ntargets:\n  {}", lines.join("\n  ")))
    })
}

/// The entry's lines, not indented.
fn entry(fields: &[(&str, Value)]) -> Vec<String> {
    // A value of JSON is one of YAML.
    fields
        .iter()
        .enumerate()
        .map(|(at, (name, value))| format!("{} {name}: {value}", if at == 0 { "-" } else { " " }))
        .collect()
}

fn read(text: &str) -> Option<Value> {
    if text.lines().all(says_nothing) {
        return Some(json!({}));
    }
    serde_saphyr::from_str(text).ok().map(|value: Value| if value.is_null() { json!({}) } else { value })
}

fn expected(mut was: Value, fields: &[(&str, Value)]) -> Value {
    let one: Value = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    if let Some(file) = was.as_object_mut() {
        let targets = file.entry("targets").or_insert(Value::Null);
        match targets.as_array_mut() {
            Some(list) => list.push(one),
            None => *targets = json!([one]),
        }
    }
    was
}

fn says_nothing(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The lines with the entry behind the last target; at the end where there is none.
fn put(text: &str, entry: &[String]) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let indented = |by: usize| entry.iter().map(move |line| format!("{}{line}", " ".repeat(by)));
    match lines.iter().position(|line| line.starts_with("targets:")) {
        None => {
            if lines.last().is_some_and(|last| !last.trim().is_empty()) {
                lines.push(String::new());
            }
            lines.push("targets:".to_owned());
            lines.extend(indented(2));
        }
        Some(key) => {
            let line = lines.get_mut(key)?;
            *line = line.replacen(" []", "", 1);
            let of_list = |line: &String| says_nothing(line) || line.starts_with([' ', '-']);
            let below: Vec<usize> =
                (key.saturating_add(1)..lines.len()).take_while(|at| lines.get(*at).is_some_and(of_list)).collect();
            let last = below.into_iter().rev().find(|at| lines.get(*at).is_some_and(|line| !says_nothing(line)));
            let first = lines.iter().skip(key.saturating_add(1)).find(|line| !says_nothing(line));
            let by = match (last, first) {
                (Some(_), Some(first)) => first.len().saturating_sub(first.trim_start().len()),
                _ => 2,
            };
            let at = last.unwrap_or(key).saturating_add(1);
            lines.splice(at..at, indented(by).collect::<Vec<_>>());
        }
    }
    Some(lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, Failure> {
        let fields = [("name", json!("phone")), ("sender", json!("telegram")), ("token", json!({"file": "/t"}))];
        with_target(text, Path::new("candor.yaml"), &fields)
    }

    const ENTRY: &str = "  - name: \"phone\"\n    sender: \"telegram\"\n    token: {\"file\":\"/t\"}\n";

    #[test]
    fn a_target_is_put_behind_the_others_and_every_line_stays() {
        let flat = ENTRY.replace("\n  ", "\n").replace("  - ", "- ");
        for (text, edited) in [
            (String::new(), format!("targets:\n{ENTRY}")),
            ("# mine\n".to_owned(), format!("# mine\n\ntargets:\n{ENTRY}")),
            ("listen: a # b\n".to_owned(), format!("listen: a # b\n\ntargets:\n{ENTRY}")),
            ("targets: []  # none yet\nlisten: a\n".to_owned(), format!("targets:  # none yet\n{ENTRY}listen: a\n")),
            ("targets:\n\nlisten: a\n".to_owned(), format!("targets:\n{ENTRY}\nlisten: a\n")),
            (
                "targets:\n  # the first\n  - name: ops # x\n    url: y\n\n# then\nlisten: a\n".to_owned(),
                format!("targets:\n  # the first\n  - name: ops # x\n    url: y\n{ENTRY}\n# then\nlisten: a\n"),
            ),
            (
                "targets:\n- {name: ops}\nlisten: a\n".to_owned(),
                format!("targets:\n- {{name: ops}}\n{flat}listen: a\n"),
            ),
        ] {
            assert_eq!(with(&text).unwrap(), edited, "{text}");
        }
    }

    #[test]
    fn what_is_there_or_not_understood_is_left_alone() {
        assert!(with("targets:\n  - name: phone\n").unwrap_err().message.contains("has a target"));
        for text in ["targets: [{name: ops}]\n", "{listen: a}\n", "targets: *a\n", "targets: 7\n"] {
            let failure = with(text).unwrap_err();
            assert_eq!(failure.exit, Exit::Config, "{text}");
        }
        assert!(with("targets: [{name: ops}]\n").unwrap_err().hint.unwrap().contains("- name: \"phone\""));
    }
}
