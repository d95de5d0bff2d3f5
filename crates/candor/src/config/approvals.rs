//! The `approvals:` section: who may approve, whose agents are whose, and what follows by itself where gates are open.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use candor_approval::signers::Owners;
use candor_core::{
    gate::Gate,
    ids::{AgentId, TargetName},
    limits::ALLOWED_SIGNERS_BYTES_MAX,
    profile::{Layer, Line},
    settings::{FollowUp, Settings, Target},
};
use serde::Deserialize;

use crate::exit::{Exit, Failure};

/// The file's name where none is configured: it lies beside the configuration.
const ALLOWED_SIGNERS: &str = "allowed_signers";
/// The sender of failure receipts.
const TELEGRAM: &str = "telegram@";
/// Who else than its owner can write a file or folder.
const OTHERS_WRITE: u32 = 0o022;
/// In such a folder nobody takes away another's file.
const STICKY: u32 = 0o1000;

/// The section.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalsSection {
    /// Who may approve, as an OpenSSH `allowed_signers` file; the one beside this file when absent.
    allowed_signers: Option<PathBuf>,
    /// What is known of owners, by the name that `allowed_signers` has for them.
    pub owners: BTreeMap<String, OwnerSection>,
    /// The gates that two different owners must open, beside the profile's.
    pub two_owners: BTreeSet<Gate>,
    /// The Telegram target that tells the operator of notices that failed elsewhere.
    failure_receipts: Option<TargetName>,
    /// What is done by itself after a task ended.
    follow_up: BTreeSet<FollowUp>,
}

/// What is known of an owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OwnerSection {
    /// Their agents: what one of these asked for, they can't approve.
    pub agents: BTreeSet<AgentId>,
}

/// Who may approve, read and checked.
#[derive(Clone, Debug, Default)]
pub struct ApprovalsPlan {
    /// Where the owners' keys are written down.
    pub path: PathBuf,
    /// Whether anything is written there.
    pub there: bool,
    /// What is written there.
    pub text: String,
    /// Whom it names.
    pub owners: Owners,
    /// Whose agents are whose, by the owner's name.
    pub agents: BTreeMap<String, Vec<AgentId>>,
    failure_receipts: Option<TargetName>,
    follow_up: Vec<FollowUp>,
}

impl ApprovalsSection {
    /// Where the owners' keys are written down.
    #[must_use]
    pub fn path(&self, config: &Path) -> PathBuf {
        let folder = config.parent().unwrap_or(Path::new(""));
        folder.join(self.allowed_signers.as_deref().unwrap_or(Path::new(ALLOWED_SIGNERS)))
    }

    /// Every value, as `candor profile explain` shows it.
    #[must_use]
    pub fn lines(&self, config: &Path) -> Vec<Line> {
        let line = |key: &str, value: String, local: bool, bound: &str| Line {
            key: format!("approvals.{key}"),
            value: if value.is_empty() { "none".to_owned() } else { value },
            layer: if local { Layer::Local } else { Layer::Package },
            bound: bound.to_owned(),
        };
        let owner = |(name, owner): (&String, &OwnerSection)| {
            let agents: Vec<&str> = owner.agents.iter().map(AgentId::as_str).collect();
            format!("{name}: {}", agents.join(", "))
        };
        let owners: Vec<String> = self.owners.iter().map(owner).collect();
        let receipts = self.failure_receipts.as_ref().map(ToString::to_string).unwrap_or_default();
        let follow_up: Vec<&str> = self.follow_up.iter().map(|one| one.as_str()).collect();
        let path = self.path(config).display().to_string();
        vec![
            line("allowed_signers", path, self.allowed_signers.is_some(), "only this machine says who may approve"),
            line("owners", owners.join("; "), !owners.is_empty(), "an owner can't approve what their agent asked for"),
            line("failure_receipts", receipts, self.failure_receipts.is_some(), "a target of sender telegram"),
            line("follow_up", follow_up.join(", "), !follow_up.is_empty(), "as far as its gates are open"),
        ]
    }
}

impl ApprovalsPlan {
    /// Reads who may approve, and holds the section against that and against the targets.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn bind(section: &ApprovalsSection, config: &Path, targets: &[Target]) -> Result<Self, Failure> {
        let path = section.path(config);
        let text = read_signers(&path)?;
        if text.is_none() && section.allowed_signers.is_some() {
            return Err(Failure::new(
                Exit::Config,
                format!("`{}` isn't there, which `approvals.allowed_signers` names", path.display()),
            )
            .hint("`candor owner add` makes it; without that line, nobody may approve until it is there"));
        }
        let there = text.is_some();
        let text = text.unwrap_or_default();
        let owners = parse_signers(&path, &text)?;
        let mut agents: BTreeMap<String, Vec<AgentId>> = BTreeMap::new();
        for (name, owner) in &section.owners {
            let called = owners.called(name).ok_or_else(|| {
                let known = owners.names().join(", ");
                let known = if known.is_empty() { "nobody".to_owned() } else { known };
                Failure::new(
                    Exit::Config,
                    format!("`approvals.owners` names `{name}`, whom `{}` doesn't", path.display()),
                )
                .hint(format!("it names {known}; write the name as there, or add a key with `candor owner add`"))
            })?;
            agents.entry(called.to_owned()).or_default().extend(owner.agents.iter().cloned());
        }
        if let Some(name) = &section.failure_receipts
            && !targets.iter().any(|target| &target.name == name && target.sender.starts_with(TELEGRAM))
        {
            return Err(Failure::new(
                Exit::Config,
                format!("`approvals.failure_receipts` names `{name}`, which is no target of sender `telegram`"),
            )
            .hint("name one of `targets`, or add one with `candor sender add telegram`"));
        }
        let follow_up = section.follow_up.iter().copied().collect();
        let failure_receipts = section.failure_receipts.clone();
        Ok(Self { path, there, text, owners, agents, failure_receipts, follow_up })
    }

    /// Puts what the path reads of it where it reads it.
    pub fn put_in(&self, settings: &mut Settings) {
        let into = &mut settings.approvals;
        into.allowed_signers.clone_from(&self.text);
        into.owner_agents.clone_from(&self.agents);
        into.failure_receipts.clone_from(&self.failure_receipts);
        into.follow_up = self.follow_up.iter().copied().collect();
    }
}

/// Whom a text of `allowed_signers` names.
///
/// # Errors
/// The first line that isn't clear.
pub fn parse_signers(path: &Path, text: &str) -> Result<Owners, Failure> {
    Owners::parse(text).map_err(|error| {
        Failure::new(Exit::Config, format!("`{}`: {error}", path.display()))
            .hint("nobody may approve until the file is clear; docs/approvals.md says what each line may have")
    })
}

/// The text of an `allowed_signers` file; none where there is no such file.
///
/// # Errors
/// When it can't be read, is too large, or when others than this user and root can change it.
pub fn read_signers(path: &Path) -> Result<Option<String>, Failure> {
    let wrong = |why: &str, hint: String| Failure::new(Exit::Config, format!("`{}` {why}", path.display())).hint(hint);
    let unreadable =
        |error: std::io::Error| wrong(&format!("can't be read: {error}"), "mend its permissions".to_owned());
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        // Opening a pipe would wait for its writer.
        Ok(meta) if !meta.is_file() => return Err(wrong("is not a regular file", "name a file".to_owned())),
        Ok(_) => {}
    }
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    let shown = path.display();
    if meta.mode() & OTHERS_WRITE != 0 {
        return Err(wrong(
            "can be changed by others, who could make themselves owners",
            format!("chmod go-w '{shown}'"),
        ));
    }
    if !trusted(meta.uid()) {
        let why = "belongs to another user, who could make themselves an owner";
        return Err(wrong(why, format!("sudo chown root '{shown}', after reading what it says")));
    }
    // Who can write the folder can put another file in its place.
    let real = fs::canonicalize(path).map_err(unreadable)?;
    let folder = real.parent().map(fs::metadata).transpose().map_err(unreadable)?;
    if let Some(folder) = folder
        && ((folder.mode() & OTHERS_WRITE != 0 && folder.mode() & STICKY == 0) || !trusted(folder.uid()))
    {
        return Err(wrong(
            "lies in a folder where others could put another file in its place",
            format!(
                "chmod go-w '{}', or keep the file in a folder of root's",
                real.parent().unwrap_or(&real).display()
            ),
        ));
    }
    let mut text = String::new();
    let most = u64::try_from(ALLOWED_SIGNERS_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_string(&mut text).map_err(unreadable)?;
    Ok(Some(text))
}

/// Whether a file of this user is this process's own or root's.
fn trusted(uid: u32) -> bool {
    [0, rustix::process::geteuid().as_raw()].contains(&uid)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_that_others_can_change_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(ALLOWED_SIGNERS);
        assert_eq!(read_signers(&path).unwrap(), None);
        fs::write(&path, "# nobody\n").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (file, inside, good) in [
            (0o644, 0o755, true),
            (0o600, 0o700, true),
            (0o664, 0o755, false),
            (0o646, 0o755, false),
            (0o644, 0o775, false),
            (0o644, 0o777, false),
            (0o644, 0o1777, true),
        ] {
            mode(&path, file);
            mode(folder.path(), inside);
            let read = read_signers(&path);
            assert_eq!(read.is_ok(), good, "{file:o} in {inside:o}: {read:?}");
            assert!(read.err().is_none_or(|failure| failure.exit == Exit::Config && failure.hint.is_some()));
        }
        mode(folder.path(), 0o700);
        fs::write(&path, "#".repeat(ALLOWED_SIGNERS_BYTES_MAX + 2)).unwrap();
        let read = read_signers(&path).unwrap().unwrap();
        assert!(parse_signers(&path, &read).unwrap_err().message.contains("more than"));
        assert!(read_signers(folder.path()).unwrap_err().message.contains("not a regular file"));
    }
}
