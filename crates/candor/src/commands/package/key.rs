//! `candor package key`: the key of whoever builds packages.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use candor_audit::sign::key::{KeyError, NodeKey};
use clap::Args;
use serde_json::json;

use crate::{
    cli::Global,
    exit::{Exit, Failure, Outcome},
    home, output,
};

/// Largest key file, in bytes.
const KEY_BYTES_MAX: u64 = 4 * 1024;

#[derive(Debug, Args)]
pub struct KeyArgs {
    /// The file of the signing key; made where there is none
    file: PathBuf,
    /// The key's name, which signatures and errors show
    #[arg(long, default_value = "package-builder")]
    name: String,
}

/// Prints the public key, and makes the pair where there is none yet.
pub fn run(global: &Global, args: &KeyArgs) -> Outcome {
    let key = match fs::symlink_metadata(&args.file) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(args)?,
        _ => read(&args.file)?,
    };
    let key = key.public();
    if global.json {
        output::json(&json!({ "key": key.to_string(), "name": key.name(), "fingerprint": key.fingerprint() }))?;
    } else {
        output::line(key);
    }
    Ok(Exit::Ok)
}

fn make(args: &KeyArgs) -> Result<NodeKey, Failure> {
    let mut seed = [0; 32];
    home::random(&mut seed)?;
    let key = NodeKey::from_seed(&args.name, &seed)
        .map_err(|error: KeyError| Failure::new(Exit::Usage, error.to_string()))?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.file);
    made.and_then(|mut file| writeln!(file, "{}", key.secret()).and_then(|()| file.sync_all())).map_err(|error| {
        Failure::new(Exit::Store, format!("`{}` can't be made: {error}", args.file.display()))
            .hint("name a file in a folder that is yours")
    })?;
    Ok(key)
}

/// The signing key in a file.
///
/// # Errors
/// When it can't be read, others can read it, or it is none. Its text is never repeated.
pub fn read(path: &Path) -> Result<NodeKey, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::new(Exit::Config, format!("`{}`: {why}", path.display()));
    let meta = fs::metadata(path).map_err(|error| wrong(&error).hint("make one with `candor package key FILE`"))?;
    if !meta.is_file() || meta.len() > KEY_BYTES_MAX {
        return Err(wrong(&"it is no key file"));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(wrong(&"other users may read it").hint(format!("chmod 600 {}", path.display())));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    NodeKey::from_secret(text.trim()).map_err(|error| wrong(&error))
}
