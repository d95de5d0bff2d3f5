//! What weakens the owners' word here: nobody, too few, keys that don't count, and ways for an agent to approve in an owner's name.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use candor_approval::signers::{NAMESPACE, OwnerKey, Owners};
use candor_core::time::Timestamp;
use rustix::fs::{Access, access};
use serde::Serialize;

use crate::{config::Config, home::Home};

/// Most public keys that are looked at in one folder.
const KEYS_LOOKED_AT_MAX: usize = 200;
/// How much of a private key's file is looked at: enough for the name of its cipher, too little for the key.
const HEAD_BYTES: u64 = 120;
/// Largest public key's file that is read, in bytes.
const PUBLIC_KEY_BYTES_MAX: u64 = 16 * 1024;
/// How a private key's file of OpenSSH begins.
const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
/// What stands first in it: a magic, and the cipher's name with its length before it.
const NOT_ENCRYPTED: &[u8] = b"openssh-key-v1\0\0\0\0\x04none";

/// Something that weakens the owners' word, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Whether gates can't be opened because of it.
    pub blocks: bool,
    /// What it is.
    pub what: String,
    /// What to do.
    pub next: String,
}

/// Everything that weakens the owners' word here.
#[must_use]
pub fn warnings(config: &Config, home: &Home, now: Timestamp) -> Vec<Warning> {
    let mut found = whose(config, now);
    if !config.approvals.owners.is_empty() {
        found.extend(writable(&config.approvals.path, home));
        found.extend(plain_keys(&config.approvals.owners, &folders(config, home)));
    }
    found
}

/// Who there is, against who is needed.
fn whose(config: &Config, now: Timestamp) -> Vec<Warning> {
    let owners = &config.approvals.owners;
    let mut found = Vec::new();
    let mut add = |blocks, what: String, next: &str| found.push(Warning { blocks, what, next: next.to_owned() });
    if owners.is_empty() {
        let next = "candor owner add --principal you@example.org --key ~/.ssh/id_ed25519.pub";
        add(false, "nobody may approve, so every gate stays closed".to_owned(), next);
        return found;
    }
    let mut counting: Vec<&str> = Vec::new();
    for key in owners.keys() {
        match key.counts(NAMESPACE, now) {
            Ok(()) => counting.push(key.name()),
            Err(why) => add(false, format!("a key of an owner doesn't count: {why}"), "mend that line, or take it out"),
        }
    }
    counting.sort_unstable();
    counting.dedup();
    let two = &config.machine.settings.approvals.two_owners;
    if !two.is_empty() && counting.len() < 2 {
        let gates: Vec<&str> = two.iter().map(|gate| gate.as_str()).collect();
        let what = format!("two owners must open {}, and {} may approve", gates.join(", "), counting.len());
        add(true, what, "candor owner add, with a second person's key");
    }
    found
}

/// Who can write the list of owners can make themselves one.
fn writable(path: &Path, home: &Home) -> Vec<Warning> {
    let folder = path.parent().unwrap_or(path);
    let by_whom = [path, folder, home.config.as_path()].into_iter().find(|one| access(*one, Access::WRITE_OK).is_ok());
    let Some(one) = by_whom else { return Vec::new() };
    let user = rustix::process::geteuid().as_raw();
    let what = format!(
        "this user ({user}) can write `{}`: an agent that runs as the same user could make itself an owner",
        one.display()
    );
    let next =
        "keep `allowed_signers` and the configuration with root, or run agents as another user: docs/approvals.md";
    vec![Warning { blocks: false, what, next: next.to_owned() }]
}

fn folders(config: &Config, home: &Home) -> Vec<PathBuf> {
    let user = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".ssh"));
    let beside = [config.approvals.path.parent(), home.config.parent(), Some(home.state.as_path())];
    let mut folders: Vec<PathBuf> = beside.into_iter().flatten().map(Path::to_owned).chain(user).collect();
    folders.sort_unstable();
    folders.dedup();
    folders
}

/// Owners' keys that lie here for whoever runs as this user.
fn plain_keys(owners: &Owners, folders: &[PathBuf]) -> Vec<Warning> {
    let mut found = Vec::new();
    for folder in folders {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let mut public: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "pub"))
            .collect();
        public.sort_unstable();
        for path in public.into_iter().take(KEYS_LOOKED_AT_MAX) {
            let private = path.with_extension("");
            if let Some(key) = owner_of(owners, &path).filter(|key| !key.hardware())
                && lies_open(&private)
            {
                let what = format!(
                    "the private key of `{}` lies unencrypted at `{}`: an agent that runs as this user could approve with it",
                    key.name(),
                    private.display()
                );
                let next = format!(
                    "ssh-keygen -p -f '{}' gives it a passphrase; docs/approvals.md has better ways",
                    private.display()
                );
                found.push(Warning { blocks: false, what, next });
            }
        }
    }
    found
}

fn owner_of<'a>(owners: &'a Owners, public: &Path) -> Option<&'a OwnerKey> {
    owners.key_of(&head(public, PUBLIC_KEY_BYTES_MAX)?)
}

/// Whether a private key can be used by whoever reads its file. A form that isn't known counts as one that can't.
fn lies_open(private: &Path) -> bool {
    let Some(text) = head(private, HEAD_BYTES) else { return false };
    let Some(body) = text.strip_prefix(OPENSSH) else {
        return text.starts_with("-----BEGIN ") && text.contains("PRIVATE KEY") && !text.contains("ENCRYPTED");
    };
    let body: String = body.chars().filter(|c| !c.is_whitespace()).take(NOT_ENCRYPTED.len().div_ceil(3) * 4).collect();
    STANDARD.decode(body).is_ok_and(|bytes| bytes.starts_with(NOT_ENCRYPTED))
}

fn head(path: &Path, bytes: u64) -> Option<String> {
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut text = Vec::new();
    File::open(path).ok()?.take(bytes.min(meta.len())).read_to_end(&mut text).ok()?;
    String::from_utf8(text).ok()
}
