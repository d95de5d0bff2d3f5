//! Exit codes, the one list of them. `docs/exit-codes.md` says the same for users.

use std::process::ExitCode;

/// How a command ended. The number is part of the contract; scripts rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done as asked.
    Ok = 0,
    /// What was checked isn't intact.
    NotIntact = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The notice's final delivery isn't proved.
    Pending = 3,
    /// The notice is blocked.
    Blocked = 4,
    /// The notice's outcome is unknown.
    Unknown = 5,
    /// Policy didn't let the report stand as claimed.
    Policy = 6,
    /// The report or act was refused: unknown task, not its owner, wrong field.
    Refused = 7,
    /// The configuration or a pack is wrong.
    Config = 8,
    /// The store can't be used: damaged, full, read-only, made by a newer Candor.
    Store = 9,
    /// The store is held by another process that can't be asked.
    Held = 10,
    /// What was asked for doesn't exist.
    NotFound = 11,
    /// Evidence contradicts, or says nothing either way.
    Evidence = 12,
    /// An audit found something wrong.
    Unhealthy = 13,
    /// The running daemon can't be reached or doesn't answer.
    Unreachable = 14,
    /// Something that Candor didn't expect; a defect.
    Internal = 70,
    /// `candor exec`: Candor itself failed before the command could be run.
    ExecFailed = 125,
    /// `candor exec`: the command was found and can't be run.
    ExecNotExecutable = 126,
    /// `candor exec`: the command wasn't found.
    ExecNotFound = 127,
}

/// Every exit code, for the check of the docs.
#[cfg(test)]
pub const EXITS: &[Exit] = &[
    Exit::Ok,
    Exit::NotIntact,
    Exit::Usage,
    Exit::Pending,
    Exit::Blocked,
    Exit::Unknown,
    Exit::Policy,
    Exit::Refused,
    Exit::Config,
    Exit::Store,
    Exit::Held,
    Exit::NotFound,
    Exit::Evidence,
    Exit::Unhealthy,
    Exit::Unreachable,
    Exit::Internal,
    Exit::ExecFailed,
    Exit::ExecNotExecutable,
    Exit::ExecNotFound,
];

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed: a kind, one line, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What is wrong, in one line or a few.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// What a command comes to.
pub type Outcome = Result<Exit, Failure>;

impl Failure {
    /// A failure without a hint.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_list_every_exit_code() {
        let page = include_str!("../../../docs/exit-codes.md");
        let listed: Vec<u8> =
            page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()?.parse().ok()).collect();
        let known: Vec<u8> = EXITS.iter().map(|exit| *exit as u8).collect();
        assert_eq!(listed, known);
    }
}
