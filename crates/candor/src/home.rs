//! Where things lie: the state folder, the configuration, and the secrets that Candor itself makes.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::exit::{Exit, Failure};

/// The state folder and what lies in it.
#[derive(Clone, Debug)]
pub struct Home {
    /// The folder.
    pub state: PathBuf,
    /// The configuration file; it need not exist.
    pub config: PathBuf,
}

/// Which of Candor's own tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// May act as the operator.
    Operator,
    /// May report what it saw as an adapter.
    Adapter,
}

impl Home {
    /// The home that the flags and the environment name: `--state` or `CANDOR_STATE`, else the user's state folder.
    ///
    /// # Errors
    /// When no folder is named and the user has no home.
    pub fn find(state: Option<PathBuf>, config: Option<PathBuf>) -> Result<Self, Failure> {
        let state = match state {
            Some(state) => state,
            None => default_state().ok_or_else(|| {
                Failure::new(Exit::Config, "no state folder: neither `HOME` nor `XDG_STATE_HOME` is set")
                    .hint("name one with `--state DIR` or `CANDOR_STATE=DIR`")
            })?,
        };
        let state = std::path::absolute(&state).unwrap_or(state);
        let config = config.unwrap_or_else(|| state.join("candor.yaml"));
        Ok(Self { state, config })
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.state.join("candor.db")
    }

    /// Where a running daemon says how it is reached.
    #[must_use]
    pub fn daemon(&self) -> PathBuf {
        self.state.join("daemon.json")
    }

    fn token_path(&self, kind: TokenKind) -> PathBuf {
        self.state.join(match kind {
            TokenKind::Operator => "operator.token",
            TokenKind::Adapter => "adapter.token",
        })
    }

    /// Makes the state folder, readable by its owner alone.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn create(&self) -> Result<(), Failure> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.state).map_err(|error| {
            Failure::new(Exit::Store, format!("state folder `{}` can't be made: {error}", self.state.display()))
                .hint("name another with `--state DIR`, or make it writable")
        })
    }

    /// One of Candor's own tokens; made at first use.
    ///
    /// # Errors
    /// When it can be neither read nor made.
    pub fn token(&self, kind: TokenKind) -> Result<String, Failure> {
        let path = self.token_path(kind);
        match fs::read_to_string(&path) {
            Ok(token) if token.trim().len() >= 32 => return Ok(token.trim().to_owned()),
            Ok(_) => {
                return Err(Failure::new(
                    Exit::Config,
                    format!("token file `{}` is too short to be one", path.display()),
                )
                .hint("remove it; a new one is made"));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
        let token = random_hex(32)?;
        let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match made {
            Ok(mut file) => writeln!(file, "{token}").map(|()| token).map_err(|error| unreadable(&path, &error)),
            // Another process was faster: its token is the one that holds.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => self.token(kind),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    /// This node's id: made once, part of every idempotency key.
    ///
    /// # Errors
    /// When it can be neither read nor made.
    pub fn node(&self) -> Result<String, Failure> {
        let path = self.state.join("node");
        match fs::read_to_string(&path) {
            Ok(node) if !node.trim().is_empty() => return Ok(node.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
        self.create()?;
        let node = random_hex(4)?;
        fs::write(&path, format!("{node}\n")).map_err(|error| unreadable(&path, &error))?;
        Ok(node)
    }

    /// The name of this deployment among those of the user: `candor`, or with the node's id where the state folder isn't the usual one.
    ///
    /// # Errors
    /// When the node's id can be neither read nor made.
    pub fn deployment_name(&self) -> Result<String, Failure> {
        let usual = default_state().is_some_and(|usual| usual == self.state);
        if usual { Ok("candor".to_owned()) } else { Ok(format!("candor-{}", self.node()?)) }
    }
}

fn default_state() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("XDG_STATE_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".local/state")))
        .map(|dir| dir.join("candor"))
}

pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Store, format!("`{}` can't be read or made: {error}", path.display()))
        .hint("check the owner, the permissions and the space of the state folder")
}

fn random_hex(bytes: usize) -> Result<String, Failure> {
    let mut buffer = vec![0_u8; bytes];
    random(&mut buffer)?;
    Ok(candor_audit::hex(&buffer))
}

/// Fills a buffer with the system's random bytes.
///
/// # Errors
/// When the system gives none.
pub fn random(buffer: &mut [u8]) -> Result<(), Failure> {
    getrandom::fill(buffer)
        .map_err(|error| Failure::new(Exit::Internal, format!("the system gives no random bytes: {error}")))
}
