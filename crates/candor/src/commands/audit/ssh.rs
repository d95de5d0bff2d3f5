//! A second signature beside a bundle, by an SSH key (SSHSIG, `PROTOCOL.sshsig` of OpenSSH): `ssh-keygen` makes it, and checks it anywhere.

use std::{
    fs::File,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::fresh::{Fresh, unwritten};
use crate::exit::{Exit, Failure};

/// What the signature is for: one over something else says nothing of a bundle.
pub(super) const NAMESPACE: &str = "candor-audit";

/// The signature's file, to be kept when the bundle is.
pub(super) fn sign(key: &Path, bundle: &Path, out: &Path, force: bool) -> Result<Fresh, Failure> {
    let mut name = out.as_os_str().to_owned();
    name.push(".sig");
    // A signature beside nothing is left of a run that was ended.
    let mut signature = Fresh::create(&PathBuf::from(name), force || !out.exists())?;
    let whole = File::open(bundle).map_err(unwritten)?;
    // It reads the bundle from its input, and asks for a passphrase on the terminal.
    let made = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(key)
        .stdin(whole)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output();
    let made = made.map_err(|error| {
        let why = if error.kind() == ErrorKind::NotFound { "it isn't there".to_owned() } else { error.to_string() };
        Failure::new(Exit::Usage, format!("`ssh-keygen` can't be run: {why}"))
            .hint("install OpenSSH 8.0 or later, or leave out `--ssh-sign`")
    })?;
    if !made.status.success() || made.stdout.is_empty() {
        let said = String::from_utf8_lossy(&made.stderr);
        let said = said.lines().next().unwrap_or("no reason given").to_owned();
        return Err(Failure::new(Exit::Usage, format!("`{}` signs nothing: {said}", key.display()))
            .hint("name a private key, or the public one of a key that `ssh-agent` holds"));
    }
    signature.file.write_all(&made.stdout).map_err(unwritten)?;
    Ok(signature)
}
