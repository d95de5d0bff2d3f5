//! A deployment on this machine: what was selected, checked, installed and shown, one artifact per stage, in `deploy/<number>/` of the state
//! folder. `deploy/active.json` says which of them runs; a journal beside it survives a crash in the middle of a change.

mod check;
mod folder;
mod stage;

pub use check::{Check, Validation, Weight, validate};
pub use folder::{Active, Deployments, Journal};
pub use stage::{Activation, Stage, leave};

use std::path::PathBuf;

use candor_world::schedulers::{MANUAL, SCHEDULERS, Scheduler, Unit, Way};

use crate::{
    exit::{Exit, Failure},
    home::Home,
};

/// What was chosen to run Candor: a scheduler, or nobody.
#[derive(Clone, Copy)]
pub enum Runner {
    /// A scheduler of this machine.
    Installed(&'static Scheduler, Way),
    /// The operator, by hand.
    Manual,
}

impl Runner {
    /// The runner of that name; without one, the first of the user's schedulers that answers, or nobody.
    ///
    /// # Errors
    /// When the one that is named doesn't answer here.
    pub fn choose(name: Option<&str>, way: Option<Way>) -> Result<Self, Failure> {
        let path = search_path();
        let Some(name) = name else {
            let answers = |scheduler: &&Scheduler| !scheduler.needs_root && scheduler.answers(&path).is_ok();
            let first = SCHEDULERS.iter().find(answers);
            return Ok(first.map_or(Self::Manual, |one| Self::Installed(one, way.unwrap_or(one.usual))));
        };
        if name == MANUAL {
            return Ok(Self::Manual);
        }
        let scheduler = Scheduler::find(name).ok_or_else(|| {
            let known: Vec<&str> = SCHEDULERS.iter().map(|one| one.name).chain([MANUAL]).collect();
            Failure::new(Exit::Usage, format!("no scheduler `{name}`")).hint(format!("there are {}", known.join(", ")))
        })?;
        scheduler.answers(&path).map_err(|why| {
            Failure::new(Exit::Unreachable, format!("{} doesn't answer here: {why}", scheduler.what))
                .hint("choose another with `--scheduler`, or `--scheduler manual` and run `candor run` yourself")
        })?;
        Ok(Self::Installed(scheduler, way.unwrap_or(scheduler.usual)))
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Installed(scheduler, _) => scheduler.name,
            Self::Manual => MANUAL,
        }
    }

    /// Whether only root can install there.
    #[must_use]
    pub fn needs_root(self) -> bool {
        matches!(self, Self::Installed(scheduler, _) if scheduler.needs_root)
    }

    /// How it runs Candor; nothing where nobody does.
    #[must_use]
    pub fn way(self) -> Option<Way> {
        match self {
            Self::Installed(_, way) => Some(way),
            Self::Manual => None,
        }
    }
}

/// Folders in which programs are looked for.
#[must_use]
pub fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()
}

/// What is to run for a state folder.
///
/// # Errors
/// When a path can't stand in a unit's file, or the user has no home.
pub fn unit(home: &Home, way: Way) -> Result<Unit, Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let own = std::env::current_exe()
        .map_err(|error| Failure::new(Exit::Internal, format!("this program can't be found: {error}")))?;
    let program = [
        own.display().to_string(),
        "--state".to_owned(),
        home.state.display().to_string(),
        "--config".to_owned(),
        home.config.display().to_string(),
    ];
    if let Some(bad) = program.iter().find(|word| word.chars().any(char::is_control)) {
        return Err(Failure::new(Exit::Config, format!("`{}` has a control character", bad.escape_debug()))
            .hint("name a state folder without one"));
    }
    let user_home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from).ok_or_else(|| {
        Failure::new(Exit::Config, "`HOME` isn't set, and a scheduler's files lie there")
            .hint("set it, or use `--scheduler manual`")
    })?;
    let uid = std::fs::metadata(&home.state).map(|meta| meta.uid());
    let uid = uid.map_err(|error| Failure::new(Exit::Store, format!("`{}`: {error}", home.state.display())))?;
    let mut path: Vec<String> = Vec::new();
    for folder in search_path().iter().map(|folder| folder.display().to_string()) {
        if !path.contains(&folder) && !folder.chars().any(char::is_control) {
            path.push(folder);
        }
    }
    let (name, folder) = (home.deployment_name()?, home.state.join("deploy"));
    Ok(Unit { name, way, program: program.to_vec(), path: path.join(":"), home: user_home, folder, uid })
}
