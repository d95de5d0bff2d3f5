//! A second signature beside a bundle, by an SSH key (SSHSIG, `PROTOCOL.sshsig` of OpenSSH): `ssh-keygen` makes it, and checks it anywhere.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use super::fresh::{Fresh, unwritten};
use crate::{exit::Failure, ssh};

/// What the signature is for: one over something else says nothing of a bundle.
pub(super) const NAMESPACE: &str = "candor-audit";

/// The signature's file, to be kept when the bundle is.
pub(super) fn sign(key: &Path, bundle: &Path, out: &Path, force: bool) -> Result<Fresh, Failure> {
    let mut name = out.as_os_str().to_owned();
    name.push(".sig");
    // A signature beside nothing is left of a run that was ended.
    let mut signature = Fresh::create(&PathBuf::from(name), force || !out.exists())?;
    let made = ssh::sign_file(key, NAMESPACE, bundle)?;
    signature.file.write_all(made.as_bytes()).map_err(unwritten)?;
    Ok(signature)
}
