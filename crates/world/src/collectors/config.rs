//! What the operator lets collectors look at and run. Nothing, until it is written down.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use candor_core::{claim::ClaimKind, limits::PERIOD_MAX, time::duration_text};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest argument of a recipe, in bytes.
const ARGUMENT_BYTES_MAX: usize = 4096;
/// Most arguments of a recipe, its program among them.
const ARGUMENTS_MAX: usize = 256;

/// Folders of build output, caches and installed packages, by name: a change in them is no change of the source.
pub const NOT_SOURCE: [&str; 12] = [
    "target",
    "node_modules",
    "build",
    "dist",
    "out",
    "_build",
    "deps",
    "coverage",
    "venv",
    "__pycache__",
    "reports",
    "test-results",
];

/// What collectors may do. The default allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectorConfig {
    /// Folders below which files, repositories and reports may be looked at, as absolute paths. A relative path of a subject starts at the first.
    pub roots: Vec<PathBuf>,
    /// Commands that may be run, by name.
    pub recipes: BTreeMap<String, Recipe>,
    /// Names of folders, at any depth, whose files are no source files, beside those of [`NOT_SOURCE`] and hidden ones.
    pub not_source: BTreeSet<String>,
    /// Bounds of one look.
    pub limits: Limits,
}

/// A command of the operator's that evidence can name. It runs as Candor's user, and what it runs is often the agent's own work (its
/// tests, its build script): give the process that collects no secrets and no more rights than the agent has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The program and its arguments. No shell reads them.
    pub run: Vec<String>,
    /// The folder to run in: below a root, relative to the first root when not absolute.
    pub cwd: PathBuf,
    /// When it is stopped, with all that it started.
    #[serde(with = "duration_text", default = "timeout")]
    pub timeout: Duration,
    /// Environment variables that it sees, by name, beside `PATH`, `HOME` and `LANG`.
    #[serde(default)]
    pub env: BTreeSet<String>,
    /// The claims that its success is a check of.
    pub speaks_to: BTreeSet<ClaimKind>,
    /// Whether it changes anything outside its own build output. Each run of one that does passes the gate `production_write`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes: bool,
}

fn timeout() -> Duration {
    Duration::from_secs(600)
}

/// Bounds of one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest file that is hashed, in bytes.
    pub hashed_bytes: u64,
    /// Largest test report that is read, in bytes.
    pub report_bytes: u64,
    /// How much of a run's output is kept from its end to look for a test summary, in bytes. All of it is hashed.
    pub output_bytes: usize,
    /// Most entries visited in search of the newest source file.
    pub files_walked: usize,
    /// Longest time that one `git` command may take.
    #[serde(with = "duration_text")]
    pub git_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hashed_bytes: 256 * 1024 * 1024,
            report_bytes: 16 * 1024 * 1024,
            output_bytes: 256 * 1024,
            files_walked: 50_000,
            git_timeout: Duration::from_secs(10),
        }
    }
}

/// What is wrong with a collector's configuration.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A root that isn't absolute.
    #[error("the root `{0}` is not an absolute path; write it from `/` on")]
    RelativeRoot(PathBuf),
    /// A recipe without a program.
    #[error("the recipe `{0}` has nothing to run; write its program and arguments under `run`")]
    NothingToRun(String),
    /// A recipe with too many or too long arguments, or a zero byte in one.
    #[error(
        "the recipe `{0}` has an argument that can't be passed on; at most {ARGUMENTS_MAX} of {ARGUMENT_BYTES_MAX} bytes are"
    )]
    Arguments(String),
    /// A timeout of zero, or beyond a year.
    #[error("the recipe `{0}` needs a timeout between 1s and 366d")]
    Timeout(String),
    /// A recipe that checks nothing.
    #[error(
        "the recipe `{0}` speaks to no claim; list under `speaks_to` what its success shows, such as `tests_passed`"
    )]
    SpeaksToNothing(String),
}

impl CollectorConfig {
    /// Finds the first mistake that reading the text didn't.
    ///
    /// # Errors
    /// That mistake.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if let Some(root) = self.roots.iter().find(|root| !root.is_absolute()) {
            return Err(ConfigError::RelativeRoot(root.clone()));
        }
        self.recipes.iter().try_for_each(|(name, recipe)| recipe.validate(name))
    }
}

impl Recipe {
    fn validate(&self, name: &str) -> Result<(), ConfigError> {
        let name = || name.to_owned();
        let passes = |argument: &String| argument.len() <= ARGUMENT_BYTES_MAX && !argument.contains('\0');
        if self.run.first().is_none_or(String::is_empty) {
            Err(ConfigError::NothingToRun(name()))
        } else if self.run.len() > ARGUMENTS_MAX || !self.run.iter().all(passes) {
            Err(ConfigError::Arguments(name()))
        } else if self.timeout < Duration::from_secs(1) || self.timeout > PERIOD_MAX {
            Err(ConfigError::Timeout(name()))
        } else if self.speaks_to.is_empty() {
            Err(ConfigError::SpeaksToNothing(name()))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(text: &str) -> CollectorConfig {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn a_config_reads_with_its_defaults() {
        let config = read(
            "roots: [/srv/work]\nrecipes:\n  unit:\n    run: [cargo, test]\n    cwd: app\n    timeout: 5m\n    speaks_to: [tests_passed]\n",
        );
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(config.recipes.get("unit").unwrap().timeout, Duration::from_secs(300));
        assert_eq!(config.limits, Limits::default());
        assert_eq!(read("{}"), CollectorConfig::default());
    }

    #[test]
    fn a_typo_is_an_error() {
        assert!(serde_saphyr::from_str::<CollectorConfig>("root: [/srv]").is_err());
        assert!(
            serde_saphyr::from_str::<CollectorConfig>("recipes: {a: {run: [x], cwd: ., speaks_to: [Tests]}}").is_err()
        );
    }

    #[test]
    fn mistakes_are_named() {
        let recipe =
            |run: &str, rest: &str| read(&format!("recipes: {{a: {{run: {run}, cwd: ., {rest}}}}}")).validate();
        let named = || "a".to_owned();
        assert_eq!(recipe("[]", "speaks_to: [fixed]"), Err(ConfigError::NothingToRun(named())));
        assert_eq!(recipe("[x]", "speaks_to: []"), Err(ConfigError::SpeaksToNothing(named())));
        assert_eq!(recipe("[x]", "speaks_to: [fixed], timeout: 0s"), Err(ConfigError::Timeout(named())));
        assert_eq!(
            recipe(&format!("[{}]", "x".repeat(5000)), "speaks_to: [fixed]"),
            Err(ConfigError::Arguments(named()))
        );
        assert_eq!(read("roots: [work]").validate(), Err(ConfigError::RelativeRoot("work".into())));
    }
}
