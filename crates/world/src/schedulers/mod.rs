//! What runs Candor on this machine: the user's or the system's systemd, cron, or launchd.
//!
//! A scheduler says as data which pieces it needs ([`Piece`]); [`Placed`] puts them there, looks whether they still are, and takes them away
//! again. One folder per scheduler and one line in [`SCHEDULERS`]; `docs/adding-a-scheduler.md` tells how to add one.

mod block;
mod cron;
mod launchd;
mod piece;
mod systemd;

use std::{path::PathBuf, time::Duration};

pub use piece::{Found, Piece, PieceError, Placed};
use serde::{Deserialize, Serialize};

use crate::probes::ask;

/// How often a one-pass run is started.
pub const PASS_EVERY: Duration = Duration::from_secs(60);

/// How Candor is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// `candor up`, always, and started again when it ends.
    Daemon,
    /// `candor run` every [`PASS_EVERY`].
    Passes,
}

/// What is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The name of this deployment: `candor`, or with the node's id where the state folder isn't the usual one.
    pub name: String,
    /// How it is run.
    pub way: Way,
    /// The program and its arguments, without the command that `way` adds.
    pub program: Vec<String>,
    /// The value of `PATH` for it.
    pub path: String,
    /// The user's home.
    pub home: PathBuf,
    /// A folder of this deployment's own, for scripts.
    pub folder: PathBuf,
    /// Whose processes they are: the owner of the state folder.
    pub uid: u32,
}

impl Unit {
    /// The whole command.
    #[must_use]
    pub fn command(&self) -> Vec<String> {
        let way: &[&str] = match self.way {
            Way::Daemon => &["up"],
            Way::Passes => &["run", "--json"],
        };
        self.program.iter().cloned().chain(way.iter().map(|word| (*word).to_owned())).collect()
    }
}

/// A kind of scheduler.
pub struct Scheduler {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in words.
    pub what: &'static str,
    /// How Candor is run under it unless the operator says otherwise.
    pub usual: Way,
    /// Whether only root can install there; such a one is never chosen by itself.
    pub needs_root: bool,
    /// The program that talks to it, and a question that changes nothing. Exit codes beside 0 that are answers too.
    question: (&'static str, &'static [&'static str], &'static [i32]),
    /// The pieces for a unit, in the order in which they are put there.
    pub pieces: fn(&Unit) -> Vec<Piece>,
}

/// The schedulers, in the order in which they are tried: one line each.
pub const SCHEDULERS: &[Scheduler] = &[systemd::USER, launchd::AGENT, cron::TABLE, systemd::SYSTEM];

/// Where nothing is installed, and the operator runs it.
pub const MANUAL: &str = "manual";

impl Scheduler {
    /// The scheduler of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        SCHEDULERS.iter().find(|scheduler| scheduler.name == name)
    }

    /// The question that shows whether it is here.
    #[must_use]
    pub fn asks(&self) -> String {
        let (name, words, _) = self.question;
        format!("{name} {}", words.join(" "))
    }

    /// Whether it answers here, and how, or why not.
    ///
    /// # Errors
    /// Why it doesn't, in words.
    pub fn answers(&self, path: &[PathBuf]) -> Result<String, String> {
        let (name, question, fine) = self.question;
        let program = ask::find(name, path).ok_or_else(|| format!("no `{name}`"))?;
        match ask::ask(&program, question) {
            Ok((status, _)) if status.code().is_some_and(|code| code == 0 || fine.contains(&code)) => {
                Ok(format!("`{name}` answers"))
            }
            Ok((status, _)) => Err(format!("`{name}` ended with {status}")),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn unit(way: Way) -> Unit {
        let program = ["/opt/can dor/candor", "--state", "/home/me/50% $HOME/\"x\" & <y>"].map(str::to_owned);
        Unit {
            name: "candor".to_owned(),
            way,
            program: program.to_vec(),
            path: "/usr/bin:/bin".to_owned(),
            home: PathBuf::from("/home/me"),
            folder: PathBuf::from("/home/me/state/deploy"),
            uid: 1000,
        }
    }

    #[test]
    fn each_scheduler_has_a_name_of_its_own_and_pieces_for_both_ways() {
        let mut names: Vec<_> = SCHEDULERS.iter().map(|scheduler| scheduler.name).chain([MANUAL]).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for scheduler in SCHEDULERS {
            for way in [Way::Daemon, Way::Passes] {
                let pieces = (scheduler.pieces)(&unit(way));
                assert!(!pieces.is_empty(), "{}", scheduler.name);
                let all = format!("{pieces:?}");
                assert!(all.contains(if way == Way::Daemon { "up" } else { "run" }), "{}", scheduler.name);
            }
        }
    }
}
