//! Signing by an owner's SSH key (SSHSIG), which Candor never holds: `ssh-keygen` signs, by a key file, by `ssh-agent` or by a hardware key,
//! and asks for a passphrase, a PIN or a touch on the terminal.

use std::{
    fs::{self, DirBuilder},
    io::{ErrorKind, IsTerminal as _},
    os::unix::fs::{DirBuilderExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use candor_approval::signers::{OwnerKey, Owners};
use candor_audit::hex;

use crate::{
    exit::{Exit, Failure},
    files,
    home::random,
};

/// Largest signature that is taken, in bytes.
const SIGNATURE_BYTES_MAX: u64 = 64 * 1024;
/// What is signed, in a folder of its own.
const MESSAGE: &str = "message";
/// What `ssh-keygen` makes of it.
const SIGNATURE: &str = "message.sig";

/// The signature of a file, armored.
///
/// # Errors
/// When `ssh-keygen` isn't there, or makes none.
pub fn sign_file(key: &Path, namespace: &str, file: &Path) -> Result<String, Failure> {
    let place = Place::make()?;
    let file = std::path::absolute(file).map_err(|error| unmade(&error))?;
    symlink(file, place.0.join(MESSAGE)).map_err(|error| unmade(&error))?;
    place.sign(key, namespace)
}

/// The signature of a document by an owner, armored. Without a key's file, the one key of an owner that `ssh-agent` holds signs.
///
/// # Errors
/// When no key is named and the agent holds none or several, or as with [`sign_file`].
pub fn sign_as_owner(key: Option<&Path>, owners: &Owners, namespace: &str, document: &[u8]) -> Result<String, Failure> {
    let place = Place::make()?;
    files::write_whole(&place.0.join(MESSAGE), document).map_err(|error| unmade(&error))?;
    match key {
        Some(key) => place.sign(key, namespace),
        None => {
            // The agent's key is named by its public half.
            let public = place.0.join("owner.pub");
            let text = format!("{}\n", held_by_agent(owners)?);
            files::write_whole(&public, text.as_bytes()).map_err(|error| unmade(&error))?;
            place.sign(&public, namespace)
        }
    }
}

/// The keys that `ssh-agent` holds, as lines of `ssh-add -L`; none when there is no agent.
#[must_use]
pub fn agent_keys() -> Vec<String> {
    let listed = Command::new("ssh-add").arg("-L").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let listed = listed.ok().filter(|listed| listed.status.success()).map(|listed| listed.stdout).unwrap_or_default();
    String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect()
}

/// Whether a key is there to sign by that can be an owner's, as far as that shows without a signature.
///
/// # Errors
/// When the file isn't there or its public half is no owner's, or as with [`sign_as_owner`] without one.
pub fn can_sign(key: Option<&Path>, owners: &Owners) -> Result<(), Failure> {
    let Some(key) = key else { return held_by_agent(owners).map(drop) };
    if let Err(error) = fs::metadata(key) {
        return Err(nothing_signed(key, &error.to_string()));
    }
    let mut beside = key.as_os_str().to_owned();
    beside.push(".pub");
    let public = if key.extension().is_some_and(|end| end == "pub") { key } else { Path::new(&beside) };
    match fs::read_to_string(public) {
        Ok(line) if owners.key_of(&line).is_none() => {
            let why = format!("it is by key `{}`, which is no owner's", public.display());
            Err(Failure::new(Exit::Refused, why).hint("`candor owner list` shows whose keys count"))
        }
        _ => Ok(()),
    }
}

/// The one key of an owner that the agent holds, as it lists it.
fn held_by_agent(owners: &Owners) -> Result<String, Failure> {
    let listed = agent_keys();
    let mut held: Vec<(&OwnerKey, &String)> =
        listed.iter().filter_map(|line| Some((owners.key_of(line)?, line))).collect();
    held.dedup_by_key(|(key, _)| key.fingerprint());
    match held.as_slice() {
        [(_, line)] => Ok((*line).clone()),
        [] => Err(Failure::new(Exit::Usage, "no key to sign by: `ssh-agent` holds none of an owner")
            .hint("name one with `--ssh-key FILE`, or add one with `ssh-add -c FILE`; `candor owner list` shows whose keys count")),
        several => {
            let keys = several.iter().map(|(key, _)| format!("{} of {}", key.fingerprint(), key.name()));
            let keys = keys.collect::<Vec<_>>().join(", ");
            Err(Failure::new(Exit::Usage, format!("`ssh-agent` holds several keys of owners: {keys}"))
                .hint("say which one signs with `--ssh-key FILE`, where FILE is its `.pub` file"))
        }
    }
}

/// A folder that nobody else can look into or change, gone at its end.
struct Place(PathBuf);

impl Place {
    fn make() -> Result<Self, Failure> {
        let mut name = [0_u8; 16];
        random(&mut name)?;
        let folder = std::env::temp_dir().join(format!("candor-sign-{}", hex(&name)));
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| unmade(&error))?;
        Ok(Self(folder))
    }

    /// Signs what lies there. The file is named and not piped: with a pipe at its input `ssh-keygen` asks nobody for a passphrase.
    fn sign(&self, key: &Path, namespace: &str) -> Result<String, Failure> {
        let seen = std::io::stderr().is_terminal();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(key)
            .arg(self.0.join(MESSAGE))
            .stdin(if std::io::stdin().is_terminal() { Stdio::inherit() } else { Stdio::null() })
            .stdout(Stdio::piped())
            // Whoever must touch a hardware key has to see that.
            .stderr(if seen { Stdio::inherit() } else { Stdio::piped() })
            .spawn()
            .and_then(std::process::Child::wait_with_output);
        let made = made.map_err(|error| {
            let why = if error.kind() == ErrorKind::NotFound { "it isn't there".to_owned() } else { error.to_string() };
            Failure::new(Exit::Usage, format!("`ssh-keygen` can't be run: {why}"))
                .hint("install OpenSSH 8.2 or later; it makes the signature by your SSH key")
        })?;
        let signature = self.0.join(SIGNATURE);
        let whole = fs::metadata(&signature).is_ok_and(|meta| meta.is_file() && meta.len() <= SIGNATURE_BYTES_MAX);
        if made.status.success() && whole {
            return fs::read_to_string(&signature).map_err(|error| unmade(&error));
        }
        let said = String::from_utf8_lossy(&made.stderr);
        // Its banners are of `@`: what they announce stands below them.
        let words = said.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('@'));
        Err(nothing_signed(key, words.unwrap_or(if seen { "see above" } else { "no reason given" })))
    }
}

fn nothing_signed(key: &Path, why: &str) -> Failure {
    Failure::new(Exit::Usage, format!("`{}` signs nothing: {why}", key.display()))
        .hint("name a private key, or the public one of a key that `ssh-agent` holds")
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn unmade(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Store, format!("the signature can't be made: {error}"))
        .hint("check the space and the permissions of the folder for temporary files")
}
