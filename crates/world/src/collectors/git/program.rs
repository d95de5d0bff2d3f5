//! The `git` program, run so that nothing of the repository's own choosing runs with it.
//!
//! A repository is the agent's: its configuration can name programs. Two fences, each enough for what passes it:
//! - questions about commits are asked by commands that would start a program only to fetch missing objects, which is off;
//! - asking which files are modified may run content filters that the repository's configuration names, so it is asked with a git
//!   directory of our own making, and the repository's configuration is never read.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use thiserror::Error;

use crate::collectors::{
    CollectorConfig,
    run::{Ended, Run, Streams, run},
};

/// Most that one git command may print, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Configuration that overrides the repository's. `safe.directory`: a repository of another user (the agent's) is what is expected here.
const CONFIG: [&str; 5] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "protocol.allow=never",
    "safe.directory=*",
];

/// Environment that the repository's configuration can't override. `protocol.allow` could be, for one protocol; the list of
/// allowed protocols can't, and one named `none` isn't spoken by anyone.
const ENV: [(&str, &str); 8] = [
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("LC_ALL", "C"),
];

/// Why git gave no answer.
#[derive(Debug, Error)]
pub(super) enum GitError {
    #[error("git can't be run ({0}); install git, or put it on the PATH of Candor")]
    NotRun(String),
    #[error("git took longer than {0:?} and was stopped")]
    TimedOut(Duration),
    #[error("git can't read the repository here (exit code {0})")]
    Refused(i32),
    #[error("git was ended by signal {0}")]
    Signalled(i32),
    #[error("git's answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    #[error("a folder for git can't be made: {0}")]
    Folder(#[from] io::Error),
}

/// Asks git.
pub(super) struct Git {
    timeout: Duration,
    /// The folders that hold the allowed roots: git looks for a repository upwards from where it starts, and stops below these.
    ceilings: OsString,
}

impl Git {
    pub(super) fn new(config: &CollectorConfig) -> Self {
        let above = config.roots.iter().filter_map(|root| Some(root.canonicalize().ok()?.parent()?.to_owned()));
        // A path with a `:` in it can't be listed. What git then finds above the roots is refused by where it lies.
        let listable = above.filter(|path: &PathBuf| !path.as_os_str().as_encoded_bytes().contains(&b':'));
        Self { timeout: config.limits.git_timeout, ceilings: std::env::join_paths(listable).unwrap_or_default() }
    }

    /// What git prints, when it ends well.
    pub(super) fn ask(&self, folder: &Path, question: &[&str]) -> Result<String, GitError> {
        match self.run(folder, question, [])? {
            Ok(answer) => Ok(answer),
            Err(code) => Err(GitError::Refused(code)),
        }
    }

    /// What git prints, or none when it ends with 1, by which `--quiet` says that there is no such thing.
    pub(super) fn find(&self, folder: &Path, question: &[&str]) -> Result<Option<String>, GitError> {
        match self.run(folder, question, [])? {
            Ok(answer) => Ok(Some(answer)),
            Err(1) => Ok(None),
            Err(code) => Err(GitError::Refused(code)),
        }
    }

    /// The tracked files that differ from the index of the repository at `git_dir`, by name, each ended by a zero byte.
    ///
    /// It sees the index and the work tree, and a configuration of our own that names no filter. Submodules are passed over: looking into one
    /// would read its configuration.
    pub(super) fn modified(&self, work_tree: &Path, git_dir: &Path, object_format: &str) -> Result<String, GitError> {
        let own = tempfile::Builder::new().prefix("candor-git-").tempdir()?;
        fs::create_dir(own.path().join("refs"))?;
        fs::create_dir(own.path().join("objects"))?;
        fs::write(own.path().join("HEAD"), "ref: refs/heads/none\n")?;
        fs::write(
            own.path().join("config"),
            format!("[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = {object_format}\n"),
        )?;
        let env = [
            ("GIT_DIR", own.path().as_os_str().to_owned()),
            ("GIT_WORK_TREE", work_tree.as_os_str().to_owned()),
            ("GIT_INDEX_FILE", git_dir.join("index").into_os_string()),
        ];
        let question = ["diff-files", "--name-only", "-z", "--ignore-submodules=all", "--no-ext-diff", "--no-textconv"];
        match self.run(work_tree, &question, env)? {
            Ok(answer) => Ok(answer),
            Err(code) => Err(GitError::Refused(code)),
        }
    }

    fn run(
        &self,
        folder: &Path,
        question: &[&str],
        env: impl IntoIterator<Item = (&'static str, OsString)>,
    ) -> Result<Result<String, i32>, GitError> {
        let mut command = Command::new("git");
        command.arg("--no-pager").args(CONFIG.iter().flat_map(|set| ["-c", set])).args(question);
        command.current_dir(folder).envs(ENV).env("GIT_CEILING_DIRECTORIES", &self.ceilings).envs(env);
        answer(run(command, [], Streams::Output, self.timeout, ANSWER_BYTES_MAX), self.timeout)
    }
}

fn answer(run: Run, timeout: Duration) -> Result<Result<String, i32>, GitError> {
    match run.ended {
        Ended::Exited(0) if run.printed > ANSWER_BYTES_MAX as u64 => Err(GitError::TooLong),
        Ended::Exited(0) => Ok(Ok(run.tail)),
        Ended::Exited(code) => Ok(Err(code)),
        Ended::Signalled(signal) => Err(GitError::Signalled(signal)),
        Ended::TimedOut => Err(GitError::TimedOut(timeout)),
        Ended::NotStarted(why) => Err(GitError::NotRun(why)),
    }
}
