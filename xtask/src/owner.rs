//! An owner for a state folder that a task made: whose key signs the approvals there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::shell::{TaskError, Trying as _, failed};

/// The key's file in a state folder.
pub(crate) fn key(state: &Path) -> PathBuf {
    state.join("owner-key")
}

/// Makes a key there, and says beside the configuration that it is an owner's. Before the daemon starts.
pub(crate) fn make(state: &Path) -> Result<(), TaskError> {
    let key = key(state);
    let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-f"]).arg(&key).status();
    if !made.trying("cannot run `ssh-keygen`")?.success() {
        return failed("`ssh-keygen` made no key");
    }
    let public = fs::read_to_string(key.with_extension("pub")).trying("cannot read the key")?;
    fs::write(state.join("allowed_signers"), format!("owner@example.org {public}")).trying("cannot name the owner")
}
