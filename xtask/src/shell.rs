//! Running other programs, and the paths of the project.

use std::{
    fs,
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use thiserror::Error;

/// Why a task couldn't do its work. A check that finds a fault is not an error but a result.
#[derive(Debug, Error)]
pub(crate) enum TaskError {
    /// A file or program could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, on what.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else, said in full.
    #[error("{0}")]
    Failed(String),
}

/// Adds to an error of the system what was tried.
pub(crate) trait Trying<T> {
    /// Names what was tried.
    fn trying(self, what: impl Into<String>) -> Result<T, TaskError>;
}

impl<T> Trying<T> for io::Result<T> {
    fn trying(self, what: impl Into<String>) -> Result<T, TaskError> {
        self.map_err(|source| TaskError::Io { what: what.into(), source })
    }
}

/// A refusal in words.
pub(crate) fn failed<T>(what: impl Into<String>) -> Result<T, TaskError> {
    Err(TaskError::Failed(what.into()))
}

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    let here =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_owned)
}

/// A file's text.
pub(crate) fn read(path: &Path) -> Result<String, TaskError> {
    fs::read_to_string(path).trying(format!("cannot read `{}`", path.display()))
}

/// Whether a program is there and answers to these arguments.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The cargo that runs this task.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    // Set for this task by the cargo that runs it; a cargo below would take them for its own, and build anew what depends on them.
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_") {
            command.env_remove(&variable);
        }
    }
    if io::stderr().is_terminal() && std::env::var_os("CI").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

/// Runs a program with its output shown, and says whether it succeeded.
pub(crate) fn show(command: &mut Command) -> Result<bool, TaskError> {
    let status = command.stdin(Stdio::null()).status().trying(format!("cannot run `{}`", described(command)))?;
    Ok(status.success())
}

/// Runs a program, shows its output as it comes, and keeps the lines that `keep` wants (without colours).
pub(crate) fn show_and_keep(command: &mut Command, keep: fn(&str) -> bool) -> Result<(bool, Vec<String>), TaskError> {
    let name = described(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .trying(format!("cannot run `{name}`"))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let kept = thread::scope(|scope| {
        let errors = scope.spawn(|| err.map(|pipe| pass_on(pipe, &mut io::stderr(), keep)).unwrap_or_default());
        let mut kept = out.map(|pipe| pass_on(pipe, &mut io::stdout(), keep)).unwrap_or_default();
        kept.extend(errors.join().unwrap_or_default());
        kept
    });
    let status = child.wait().trying(format!("cannot wait for `{name}`"))?;
    Ok((status.success(), kept))
}

fn pass_on(from: impl Read, to: &mut impl Write, keep: fn(&str) -> bool) -> Vec<String> {
    let mut kept = Vec::new();
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        // A closed terminal must not stop the program below in the middle.
        let _ = to.write_all(&line);
        let text = without_colours(&String::from_utf8_lossy(&line));
        if keep(&text) {
            kept.push(text.trim_end().to_owned());
        }
        line.clear();
    }
    kept
}

fn described(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// Leaves out terminal sequences (`ESC [ … letter`).
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
            continue;
        }
        for inside in characters.by_ref() {
            if inside.is_ascii_alphabetic() {
                break;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::without_colours;

    #[test]
    fn colours_are_left_out() {
        assert_eq!(without_colours("\u{1b}[32;1m  Summary\u{1b}[0m [1s]"), "  Summary [1s]");
    }
}
