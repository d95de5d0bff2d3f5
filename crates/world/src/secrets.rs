//! Secrets: where they lie, never what they are. A secret is read at each use, so a rotated one is seen at once.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use candor_approval::{Permit, kinds::SecretRead};
use secrecy::SecretString;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use thiserror::Error;

use crate::probes::ask;

/// Largest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 4 * 1024;
/// Room for a line break beyond the limit; anything longer fails the length check.
const SECRET_BYTES_READ: u64 = SECRET_BYTES_MAX as u64 + 3;
/// Smallest secret, in bytes: anything shorter can't be told from ordinary text when answers are scrubbed.
pub const SECRET_BYTES_MIN: usize = 8;

/// Where systemd puts a unit's credentials (`LoadCredential=`, systemd.exec(5)).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Where a secret lies: `{file: PATH}`, `{env: NAME}`, `{credential: NAME}` or `{command: [PROGRAM, ARGUMENT…]}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// A file that only its owner (and at most its group) can read. A line break at the end isn't part of the secret.
    File(PathBuf),
    /// An environment variable of this process.
    Env(String),
    /// A systemd credential of this unit.
    Credential(String),
    /// What a program prints: a password manager's, for one. It is named by its whole path, so that no other can stand in for it.
    Command {
        /// The program.
        program: PathBuf,
        /// Its arguments.
        args: Vec<String>,
    },
}

/// Why a secret can't be read. Never holds any part of it.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file can't be read.
    #[error("secret file `{path}` can't be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The path leads to a folder, a pipe or a device.
    #[error("secret file `{path}` is not a regular file")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Others can read it, or its group can write it.
    #[error("secret file `{path}` is open to others (mode {mode:04o}); run `chmod 600 {path}`")]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The environment variable isn't set or isn't UTF-8.
    #[error("environment variable `{name}` is not set to a text")]
    NoVariable {
        /// Its name.
        name: String,
    },
    /// The process has no credentials folder.
    #[error("systemd gave this process no credentials; add `LoadCredential={name}:PATH` to its unit")]
    NoCredentials {
        /// The credential that was asked for.
        name: String,
    },
    /// A credential's name is one file name.
    #[error("`{name}` is not a credential name; write it without slashes")]
    CredentialName {
        /// What was given.
        name: String,
    },
    /// The program isn't one, or others can put something else in its place.
    #[error("secret program `{program}` {why}")]
    Program {
        /// The program.
        program: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The program didn't give a secret.
    #[error("secret program `{program}` gave nothing: {why}")]
    NotGiven {
        /// The program.
        program: PathBuf,
        /// Why, without anything that it printed.
        why: String,
    },
    /// Too short, too long, or not text.
    #[error("{what} holds no usable secret; it must be UTF-8 text of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")]
    Unusable {
        /// Which secret.
        what: String,
    },
}

/// Reads what one effect needs, all of it under one permit: with the gate closed no secret is touched. In the order in which they are named.
///
/// # Errors
/// The first that can't be read, and what to do. The others aren't kept.
pub async fn read(secrets: &[SecretRef], _permit: Permit<SecretRead>) -> Result<Vec<SecretString>, SecretError> {
    let mut all = Vec::new();
    for secret in secrets {
        all.push(match secret {
            SecretRef::Command { program, .. } => {
                // A program may take its time; nothing else waits for it.
                let (own, program) = (secret.clone(), program.clone());
                let lost = |_| SecretError::NotGiven { program, why: "it was given up".to_owned() };
                tokio::task::spawn_blocking(move || own.load()).await.map_err(lost)??
            }
            _ => secret.load()?,
        });
    }
    Ok(all)
}

impl SecretRef {
    /// Reads a credential that callers must present to Candor. It lets nothing out of this machine, so it passes no gate.
    ///
    /// # Errors
    /// [`SecretError`], which says what to do.
    pub fn read_inbound(&self) -> Result<SecretString, SecretError> {
        self.load()
    }

    fn load(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::Env(name) => {
                let text = std::env::var(name).map_err(|_| SecretError::NoVariable { name: name.clone() })?;
                self.usable(text.into_bytes())
            }
            Self::File(path) => self.usable(contents(&open(path, true)?, path)?),
            Self::Credential(name) => {
                let path = credential(name)?;
                self.usable(contents(&open(&path, false)?, &path)?)
            }
            Self::Command { program, args } => {
                guarded(program)?;
                let not_given = |why| SecretError::NotGiven { program: program.clone(), why };
                let (status, bytes) = ask::output(program, args, SECRET_BYTES_READ).map_err(not_given)?;
                if !status.success() {
                    return Err(not_given(format!("it ended with {status}")));
                }
                self.usable(bytes)
            }
        }
    }

    /// Whether it could be read, without reading it.
    ///
    /// # Errors
    /// [`SecretError`], which says what to do.
    pub fn check(&self) -> Result<(), SecretError> {
        match self {
            Self::Env(name) => match std::env::var_os(name) {
                Some(_) => Ok(()),
                None => Err(SecretError::NoVariable { name: name.clone() }),
            },
            Self::File(path) => open(path, true).map(drop),
            Self::Credential(name) => open(&credential(name)?, false).map(drop),
            Self::Command { program, .. } => guarded(program),
        }
    }

    /// Where it lies, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::File(path) => format!("secret file `{}`", path.display()),
            Self::Env(name) => format!("environment variable `{name}`"),
            Self::Credential(name) => format!("systemd credential `{name}`"),
            // Not its arguments: somebody may have written a password there.
            Self::Command { program, .. } => format!("secret program `{}`", program.display()),
        }
    }

    fn usable(&self, mut bytes: Vec<u8>) -> Result<SecretString, SecretError> {
        while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            bytes.pop();
        }
        let unusable = || SecretError::Unusable { what: self.describe() };
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()) {
            return Err(unusable());
        }
        String::from_utf8(bytes).map(SecretString::from).map_err(|_| unusable())
    }
}

/// What to write for a secret. By hand rather than derived, for a derived reader quotes what it can't use, and what someone wrote in the
/// wrong place may be the secret.
pub const SECRET_FORM: &str = "a secret is never written here, only where it lies: `{file: PATH}`, `{env: NAME}`, `{credential: NAME}` or `{command: [/PROGRAM, ARGUMENT…]}`";

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Place;

        impl<'de> Visitor<'de> for Place {
            type Value = SecretRef;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(SECRET_FORM)
            }

            fn visit_str<E: serde::de::Error>(self, _text: &str) -> Result<SecretRef, E> {
                Err(E::custom(SECRET_FORM))
            }

            fn visit_i64<E: serde::de::Error>(self, _number: i64) -> Result<SecretRef, E> {
                Err(E::custom(SECRET_FORM))
            }

            fn visit_u64<E: serde::de::Error>(self, _number: u64) -> Result<SecretRef, E> {
                Err(E::custom(SECRET_FORM))
            }

            fn visit_f64<E: serde::de::Error>(self, _number: f64) -> Result<SecretRef, E> {
                Err(E::custom(SECRET_FORM))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                let form = || A::Error::custom(SECRET_FORM);
                let kind: String = map.next_key().map_err(|_| form())?.ok_or_else(form)?;
                let secret = if kind == "command" {
                    let words: Vec<String> = map.next_value().map_err(|_| form())?;
                    let (program, args) = words.split_first().ok_or_else(form)?;
                    SecretRef::Command { program: program.into(), args: args.to_vec() }
                } else {
                    let place: String = map.next_value().map_err(|_| form())?;
                    match kind.as_str() {
                        "file" => SecretRef::File(place.into()),
                        "env" => SecretRef::Env(place),
                        "credential" => SecretRef::Credential(place),
                        _ => return Err(form()),
                    }
                };
                if map.next_key::<String>()?.is_some() { Err(form()) } else { Ok(secret) }
            }
        }

        from.deserialize_any(Place)
    }
}

fn credential(name: &str) -> Result<PathBuf, SecretError> {
    let mut parts = Path::new(name).components();
    let (Some(Component::Normal(file)), None) = (parts.next(), parts.next()) else {
        return Err(SecretError::CredentialName { name: name.to_owned() });
    };
    std::env::var_os(CREDENTIALS_DIRECTORY)
        .map(|folder| Path::new(&folder).join(file))
        .ok_or_else(|| SecretError::NoCredentials { name: name.to_owned() })
}

/// Opens a secret's file. systemd's own folder is guarded by an access list, which mode bits don't tell of, so `guard` is off for it.
fn open(path: &Path, guard: bool) -> Result<File, SecretError> {
    let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
    // Looked at before opening, for opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(SecretError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if guard && mode & 0o027 != 0 {
        return Err(SecretError::OpenToOthers { path: path.to_owned(), mode });
    }
    Ok(file)
}

/// Whether a program is one, and only its owner can change it.
fn guarded(program: &Path) -> Result<(), SecretError> {
    let wrong = |why| SecretError::Program { program: program.to_owned(), why };
    if !program.is_absolute() {
        return Err(wrong("is not a whole path; write it from the root"));
    }
    let meta =
        std::fs::metadata(program).map_err(|source| SecretError::Unreadable { path: program.to_owned(), source })?;
    match meta.permissions().mode() {
        mode if !meta.is_file() || mode & 0o111 == 0 => Err(wrong("can't be run; run `chmod u+x` on it")),
        mode if mode & 0o022 != 0 => Err(wrong("can be changed by others; run `chmod go-w` on it")),
        _ if !trusted(&meta) => {
            Err(wrong("belongs to another user, who could change it; use one of your own or of root's"))
        }
        // Who can write the folder can put another in its place.
        _ => match program.parent().map(std::fs::metadata) {
            Some(Ok(folder))
                if folder.permissions().mode() & 0o022 != 0 && folder.permissions().mode() & 0o1000 == 0 =>
            {
                Err(wrong("lies in a folder that others can write; run `chmod go-w` on that"))
            }
            Some(Ok(folder)) if !trusted(&folder) => {
                Err(wrong("lies in another user's folder, who could put another in its place"))
            }
            _ => Ok(()),
        },
    }
}

/// Whether it belongs to this user, or to root.
fn trusted(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    [0, rustix::process::geteuid().as_raw()].contains(&meta.uid())
}

fn contents(file: &File, path: &Path) -> Result<Vec<u8>, SecretError> {
    let mut bytes = Vec::new();
    file.take(SECRET_BYTES_READ)
        .read_to_end(&mut bytes)
        .map_err(|source| SecretError::Unreadable { path: path.to_owned(), source })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use candor_approval::fixtures::{at, keeper};
    use candor_core::gate::Gate;
    use secrecy::ExposeSecret;

    use super::*;

    fn permit() -> Permit<SecretRead> {
        keeper(&[Gate::SecretRead]).permit(None, at(5)).unwrap()
    }

    fn read(path: &Path) -> Result<String, String> {
        given(&SecretRef::File(path.to_owned()))
    }

    fn given(secret: &SecretRef) -> Result<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime
            .block_on(super::read(std::slice::from_ref(secret), permit()))
            .map(|secrets| secrets.iter().map(|secret| secret.expose_secret()).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_private_file_is_read_anew_each_time_and_a_shared_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "first-secret\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&path).unwrap(), "first-secret");
        fs::write(&path, "second-secret\r\n").unwrap();
        assert_eq!(read(&path).unwrap(), "second-secret");

        for (mode, fine) in
            [(0o640, true), (0o400, true), (0o644, false), (0o604, false), (0o620, false), (0o601, false)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(SecretRef::File(path.clone()).check().is_ok(), fine, "{mode:o}");
            assert_eq!(read(&path).is_ok(), fine, "{mode:o}");
        }
        assert!(read(&path).unwrap_err().contains("chmod 600"));
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let long = "x".repeat(SECRET_BYTES_MAX + 1);
        for bad in ["", "\n", "short\n", long.as_str()] {
            fs::write(&path, bad).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.contains("no usable secret") && !error.contains("short"), "{error}");
        }
        fs::write(&path, "x".repeat(SECRET_BYTES_MAX)).unwrap();
        assert!(read(&path).is_ok());
        assert!(read(folder.path()).unwrap_err().contains("not a regular file"));
        assert!(read(&folder.path().join("gone")).unwrap_err().contains("can't be read"));
    }

    #[test]
    fn only_a_place_reads_and_nothing_that_was_written_is_quoted() {
        for (text, place) in [
            (r#"{"file":"/run/token"}"#, SecretRef::File("/run/token".into())),
            (r#"{"env":"TOKEN"}"#, SecretRef::Env("TOKEN".to_owned())),
            (r#"{"credential":"token"}"#, SecretRef::Credential("token".to_owned())),
            (
                r#"{"command":["/bin/x","y"]}"#,
                SecretRef::Command { program: "/bin/x".into(), args: vec!["y".to_owned()] },
            ),
        ] {
            assert_eq!(serde_json::from_str::<SecretRef>(text).unwrap(), place);
        }
        for bad in [
            r#""hunter22""#,
            r#"{"hunter22":"x"}"#,
            r#"{"value":"hunter22"}"#,
            r#"{"file":["hunter22"]}"#,
            r#"{"file":"/a","env":"hunter22"}"#,
            r#"{"command":"hunter22"}"#,
            r#"{"command":[]}"#,
            "{}",
            "22334455",
            "-22334455",
            "22334455.5",
        ] {
            let value: serde_json::Value = serde_json::from_str(bad).unwrap();
            for error in [
                serde_json::from_value::<SecretRef>(value).unwrap_err().to_string(),
                serde_saphyr::from_str::<SecretRef>(bad).unwrap_err().to_string(),
            ] {
                assert!(!error.contains("hunter22") && !error.contains("22334455"), "{error}");
            }
        }
    }

    #[test]
    fn credentials_and_variables_are_names_only() {
        for bad in ["../shadow", "a/b", "/etc/shadow", "..", ""] {
            let error = SecretRef::Credential(bad.to_owned()).check().unwrap_err();
            assert!(matches!(error, SecretError::CredentialName { .. }), "{bad}");
        }
        let missing = SecretRef::Env("CANDOR_TEST_NO_SUCH_VARIABLE".to_owned());
        assert!(missing.check().is_err() && given(&missing).is_err());
    }

    #[test]
    fn a_program_gives_a_secret_and_nothing_that_it_says_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manager");
        let program = |body: &str, mode| {
            fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            SecretRef::Command { program: path.clone(), args: vec!["show".to_owned(), "candor".to_owned()] }
        };
        let good = program(r#"echo "secret-of-$2""#, 0o700);
        assert!(good.check().is_ok());
        assert_eq!(given(&good).unwrap(), "secret-of-candor");
        for (body, mode, says) in [
            ("echo hunter2-hunter2; echo hunter2 >&2; exit 3", 0o700, "exit status: 3"),
            ("echo short", 0o700, "no usable secret"),
            ("head -c 10000 /dev/zero", 0o700, "no usable secret"),
            ("sleep 60", 0o700, "didn't end within"),
            ("echo hunter2-hunter2", 0o722, "chmod go-w"),
            ("echo hunter2-hunter2", 0o600, "chmod u+x"),
        ] {
            let error = given(&program(body, mode)).unwrap_err();
            assert!(error.contains(says) && !error.contains("hunter2"), "{body}: {error}");
        }
        let relative = SecretRef::Command { program: "manager".into(), args: Vec::new() };
        assert!(relative.check().unwrap_err().to_string().contains("from the root"));
    }
}
