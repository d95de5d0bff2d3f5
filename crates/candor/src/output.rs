//! What people and scripts see: tables and plain lines for people, `--json` for scripts, errors and the log on standard error.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::exit::{Exit, Failure};

/// Prints one line to standard output. A reader that went away (`| head`) is no failure.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints one line to standard error, for what isn't the answer: progress, hints.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints a value as JSON on one line.
///
/// # Errors
/// When it can't be written as JSON: a defect.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    line(text);
    Ok(())
}

/// Prints rows under a header. Columns fold to the terminal's width; without a terminal nothing is folded.
pub fn table<R: IntoIterator<Item = String>>(header: &[&str], rows: impl IntoIterator<Item = R>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied());
    table.set_content_arrangement(if std::io::stdout().is_terminal() {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    });
    for row in rows {
        table.add_row(row);
    }
    for row in table.lines() {
        line(row.trim_end());
    }
}

/// A number of things in words: `1 use`, `2 uses`.
#[must_use]
pub fn counted(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Prints why a command failed.
pub fn complain(failure: &Failure) {
    note(failure);
}

/// Starts the log on standard error: warnings, or more with `-v`, or as `CANDOR_LOG` says.
pub fn start_log(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("CANDOR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Colours are not built in, and asking for them on a terminal is told there with each command.
        .with_ansi(false)
        .try_init();
}

/// Prints a JSON document for people: a line per value, with its path; long texts and lists stay whole.
pub fn document(value: &serde_json::Value) {
    let mut lines = Vec::new();
    flatten("", value, &mut lines);
    for (path, text) in lines {
        line(format!("{path}: {text}"));
    }
}

fn flatten(path: &str, value: &serde_json::Value, lines: &mut Vec<(String, String)>) {
    use serde_json::Value;
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Null => {}
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&below(name), value, lines)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| flatten(&below(&at.to_string()), value, lines));
        }
        Value::String(text) => lines.push((path.to_owned(), text.clone())),
        other => lines.push((path.to_owned(), other.to_string())),
    }
}
