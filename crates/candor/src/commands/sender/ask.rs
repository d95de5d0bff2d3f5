//! Asking whoever sits at the terminal.

use std::{
    io::{BufRead as _, IsTerminal as _, Read as _},
    path::Path,
};

use candor_world::secrets::SECRET_BYTES_MAX;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use secrecy::SecretString;

use crate::{
    exit::{Exit, Failure},
    output,
};

/// What the token comes from, where it is standard input.
const STDIN: &str = "-";

/// Whether somebody sits there.
pub(super) fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A secret: from a file, from standard input, or typed without being shown. Never from an argument, which every process can see.
pub(super) fn secret(file: Option<&Path>, question: &str) -> Result<SecretString, Failure> {
    let unread = |error: std::io::Error| Failure::new(Exit::Usage, format!("the token can't be read: {error}"));
    let most = SECRET_BYTES_MAX as u64;
    let mut text = String::new();
    match file {
        Some(path) if path.as_os_str() != STDIN => {
            let open = std::fs::File::open(path);
            let open = open
                .map_err(|error| Failure::new(Exit::Usage, format!("`{}` can't be read: {error}", path.display())))?;
            open.take(most).read_to_string(&mut text).map_err(unread)?;
        }
        None if is_terminal() => {
            output::note(question);
            text = hidden().map_err(unread)?;
        }
        _ => drop(std::io::stdin().lock().take(most).read_line(&mut text).map_err(unread)?),
    }
    Ok(SecretString::from(text.trim().to_owned()))
}

/// A line that the terminal doesn't show while it is typed.
fn hidden() -> std::io::Result<String> {
    let stdin = std::io::stdin();
    let shown = tcgetattr(&stdin)?;
    let mut quiet = shown.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &quiet)?;
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &shown)?;
    read.map(|_| line)
}
