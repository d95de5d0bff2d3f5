//! One piece of what runs Candor: how it is put there, whether it still is, and how it is taken away as it came.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::block;

/// Largest file or table of another program that is read, in bytes.
const TEXT_BYTES_MAX: u64 = 1024 * 1024;

/// What is to be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "piece", rename_all = "snake_case")]
pub enum Piece {
    /// A file of Candor's own.
    File {
        /// Where.
        path: PathBuf,
        /// What stands in it.
        text: String,
    },
    /// A symbolic link.
    Link {
        /// Where.
        path: PathBuf,
        /// Where it leads.
        to: PathBuf,
    },
    /// A marked block in the user's cron table.
    Crontab {
        /// The block's name.
        name: String,
        /// Its lines.
        body: String,
    },
    /// A command to run when all before it is there, and one when it is taken away.
    Command {
        /// Run when it is put there.
        run: Option<Vec<String>>,
        /// Run when it is taken away.
        undo: Option<Vec<String>>,
    },
}

/// A piece, and what was there before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The piece.
    pub piece: Piece,
    /// Folders that weren't there, the outermost first.
    pub made: Vec<PathBuf>,
    /// Whether what it is put into was there: the cron table.
    pub had: bool,
}

/// How a piece stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// As it was put there.
    InPlace,
    /// Not there.
    Missing,
    /// There, and another than was put there.
    Changed,
    /// A command leaves nothing to look at.
    NothingToSee,
}

/// Why a piece couldn't be put there or taken away.
#[derive(Debug, Error)]
pub enum PieceError {
    /// The system says no.
    #[error("`{what}`: {source}")]
    Io {
        /// The path or program.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// Something that isn't Candor's is in the way.
    #[error("`{0}` is there already and isn't this deployment's; move it away first")]
    InTheWay(PathBuf),
    /// The marks of the block are not one pair in order.
    #[error(
        "the marks of block `{0}` in the cron table are not one pair; put them in order with `crontab -e`, or take its lines out"
    )]
    Marks(String),
    /// The cron table holds bytes that are no text.
    #[error("the cron table isn't UTF-8, and would not be given back as it is; nothing was touched")]
    NotText,
    /// What was written isn't what is there now.
    #[error("the cron table was changed by another program at the same time; run the same command again")]
    Overwritten,
    /// A program ended with a failure.
    #[error("`{command}` ended with {status}: {said}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: String,
        /// The first line that it complained with.
        said: String,
    },
}

fn io_error(what: impl std::fmt::Display) -> impl FnOnce(io::Error) -> PieceError {
    let what = what.to_string();
    move |source| PieceError::Io { what, source }
}

impl Piece {
    /// The place that it takes, for the plan.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::File { path, .. } | Self::Link { path, .. } => path.display().to_string(),
            Self::Crontab { name, .. } => format!("crontab, block `{name}`"),
            Self::Command { run: Some(words), .. } => words.join(" "),
            Self::Command { undo, .. } => format!("at deactivation: {}", undo.as_deref().unwrap_or_default().join(" ")),
        }
    }

    /// Whether both take the same place: one is put in the other's stead, and that isn't taken away first.
    #[must_use]
    pub fn same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Command { .. }, Self::Command { .. }) => self == other,
            _ => self.place() == other.place(),
        }
    }

    /// What is there before it: to be kept before anything is changed.
    ///
    /// # Errors
    /// When it can't be looked at.
    pub fn before(&self) -> Result<Placed, PieceError> {
        let mut made = Vec::new();
        if let Self::File { path, .. } | Self::Link { path, .. } = self {
            let mut above = path.parent();
            while let Some(folder) = above.filter(|folder| !folder.exists()) {
                made.insert(0, folder.to_owned());
                above = folder.parent();
            }
        }
        let had = matches!(self, Self::Crontab { .. }) && table()?.is_some();
        Ok(Placed { piece: self.clone(), made, had })
    }

    /// How it stands.
    ///
    /// # Errors
    /// When it can't be looked at.
    pub fn found(&self) -> Result<Found, PieceError> {
        Ok(match self {
            Self::File { path, text } => match read(path)? {
                None => Found::Missing,
                Some(there) if there == *text => Found::InPlace,
                Some(_) => Found::Changed,
            },
            Self::Link { path, to } => match fs::read_link(path) {
                Ok(there) if there == *to => Found::InPlace,
                Ok(_) => Found::Changed,
                Err(_) if fs::symlink_metadata(path).is_ok() => Found::Changed,
                Err(_) => Found::Missing,
            },
            Self::Crontab { name, body } => match inside(&table()?.unwrap_or_default(), name)? {
                None => Found::Missing,
                Some(there) if there.trim_end() == body.trim_end() => Found::InPlace,
                Some(_) => Found::Changed,
            },
            Self::Command { .. } => Found::NothingToSee,
        })
    }

    /// Puts it there; once more changes nothing. `ours` says whether what is in the way may be written over.
    ///
    /// # Errors
    /// When something else is in the way, or the system or a program says no.
    pub fn put(&self, ours: bool) -> Result<(), PieceError> {
        let found = self.found()?;
        if found == Found::InPlace {
            return Ok(());
        }
        match self {
            Self::File { path, .. } | Self::Link { path, .. } if found == Found::Changed && !ours => {
                Err(PieceError::InTheWay(path.clone()))
            }
            Self::File { path, text } => write_whole(path, text),
            Self::Link { path, to } => {
                parent(path)?;
                let beside = beside(path);
                let _ = fs::remove_file(&beside);
                symlink(to, &beside).and_then(|()| fs::rename(&beside, path)).map_err(io_error(path.display()))
            }
            Self::Crontab { name, body } => {
                let _alone = alone()?;
                let before = table()?.unwrap_or_default();
                inside(&before, name)?;
                write_table(&block::insert(&before, name, body))
            }
            Self::Command { run, .. } => run.as_deref().map_or(Ok(()), call),
        }
    }
}

impl Placed {
    /// Takes it away, and what was made for it; once more changes nothing. A file that somebody changed since is kept aside under
    /// `aside`; where, is the answer.
    ///
    /// # Errors
    /// When the system or a program says no.
    pub fn take_away(&self, aside: &Path) -> Result<Option<PathBuf>, PieceError> {
        let mut kept = None;
        match &self.piece {
            Piece::File { path, .. } | Piece::Link { path, .. } => {
                if self.piece.found()? == Found::Changed {
                    let name = path.file_name().unwrap_or_default();
                    let to = aside.join(name);
                    fs::create_dir_all(aside).map_err(io_error(aside.display()))?;
                    fs::copy(path, &to).map_err(io_error(path.display()))?;
                    kept = Some(to);
                }
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(io_error(path.display())(error));
                    }
                    _ => {}
                }
                // Only what is empty goes: others may have come to use it.
                self.made.iter().rev().for_each(|folder| drop(fs::remove_dir(folder)));
            }
            Piece::Crontab { name, body } => {
                let _alone = alone()?;
                let before = table()?;
                // Lines that somebody wrote between the marks are theirs.
                let there = before.as_deref().map(|text| inside(text, name)).transpose()?.flatten();
                if let Some(there) = there.filter(|there| there.trim_end() != body.trim_end()) {
                    let to = aside.join("crontab-block");
                    fs::create_dir_all(aside).and_then(|()| fs::write(&to, there)).map_err(io_error(to.display()))?;
                    kept = Some(to);
                }
                match before.and_then(|text| block::remove(&text, name)) {
                    Some(rest) if rest.is_empty() && !self.had => call(&["crontab".to_owned(), "-r".to_owned()])?,
                    Some(rest) => write_table(&rest)?,
                    None => {}
                }
            }
            Piece::Command { undo, .. } => undo.as_deref().map_or(Ok(()), call)?,
        }
        Ok(kept)
    }
}

fn parent(path: &Path) -> Result<(), PieceError> {
    path.parent().map_or(Ok(()), |folder| fs::create_dir_all(folder).map_err(io_error(folder.display())))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".candor-new");
    PathBuf::from(name)
}

/// Writes a file whole or not at all.
fn write_whole(path: &Path, text: &str) -> Result<(), PieceError> {
    parent(path)?;
    let beside = beside(path);
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&beside, path)).map_err(io_error(path.display()))
}

fn read(path: &Path) -> Result<Option<String>, PieceError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(path.display())(error)),
        // A link, a folder, or a file too large to be Candor's: another than was put there.
        Ok(meta) if !meta.is_file() || meta.len() > TEXT_BYTES_MAX => return Ok(Some(String::new())),
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(io_error(path.display()))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// What stands between the marks of a block, if they are one pair.
fn inside(text: &str, name: &str) -> Result<Option<String>, PieceError> {
    match block::is_there(text, name) {
        Ok(true) => Ok(block::body(text, name)),
        Ok(false) => Ok(None),
        Err(()) => Err(PieceError::Marks(name.to_owned())),
    }
}

/// Keeps other deployments of this user from changing the table at the same time. What is held is a file in the folder for temporary ones.
fn alone() -> Result<fs::File, PieceError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = std::env::temp_dir().join(format!("candor-crontab-{}.lock", rustix::process::geteuid().as_raw()));
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default())
        .open(&path)
        .map_err(io_error(path.display()))?;
    file.lock().map_err(io_error(path.display()))?;
    Ok(file)
}

/// The user's cron table, if there is one.
fn table() -> Result<Option<String>, PieceError> {
    let out = Command::new("crontab").arg("-l").stdin(Stdio::null()).env("LC_ALL", "C").output();
    let out = out.map_err(io_error("crontab -l"))?;
    match out.status.code() {
        Some(0) => String::from_utf8(out.stdout).map(Some).map_err(|_| PieceError::NotText),
        // "no crontab for …"
        Some(1) if out.stdout.is_empty() => Ok(None),
        _ => Err(failed(&["crontab".to_owned(), "-l".to_owned()], &out)),
    }
}

fn write_table(text: &str) -> Result<(), PieceError> {
    let words = ["crontab".to_owned(), "-".to_owned()];
    let child =
        Command::new("crontab").arg("-").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(io_error("crontab -"))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes()).map_err(io_error("crontab -"))?;
    }
    let out = child.wait_with_output().map_err(io_error("crontab -"))?;
    if !out.status.success() {
        return Err(failed(&words, &out));
    }
    if table()?.unwrap_or_default() == text { Ok(()) } else { Err(PieceError::Overwritten) }
}

fn call(words: &[String]) -> Result<(), PieceError> {
    let Some((program, args)) = words.split_first() else { return Ok(()) };
    let out = Command::new(program).args(args).stdin(Stdio::null()).output().map_err(io_error(program))?;
    if out.status.success() { Ok(()) } else { Err(failed(words, &out)) }
}

fn failed(words: &[String], out: &std::process::Output) -> PieceError {
    let said = String::from_utf8_lossy(&out.stderr);
    let said: String = said.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    PieceError::Failed { command: words.join(" "), status: out.status.to_string(), said }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    fn listing(folder: &Path) -> Vec<String> {
        let mut all = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            all.push(path.display().to_string());
            if path.is_dir() && !path.is_symlink() {
                all.extend(listing(&path));
            }
        }
        all.sort();
        all
    }

    #[test]
    fn files_links_and_folders_go_as_they_came() -> Tested {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("home");
        fs::create_dir(&root)?;
        let before = listing(&root);
        let file = Piece::File { path: root.join("a/b/candor.service"), text: "one\n".to_owned() };
        let link = Piece::Link { path: root.join("a/wants/candor.service"), to: root.join("a/b/candor.service") };
        let placed = [file.before()?, link.before()?];
        for piece in [&file, &link] {
            assert_eq!(piece.found()?, Found::Missing);
            piece.put(false)?;
            piece.put(false)?;
            assert_eq!(piece.found()?, Found::InPlace);
        }
        for one in placed.iter().rev() {
            assert_eq!(one.take_away(&folder.path().join("aside"))?, None);
            assert_eq!(one.take_away(&folder.path().join("aside"))?, None);
        }
        assert_eq!(listing(&root), before);
        Ok(())
    }

    #[test]
    fn what_is_not_ours_is_left_alone() -> Tested {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("candor.service");
        fs::write(&path, "somebody else's\n")?;
        let file = Piece::File { path: path.clone(), text: "one\n".to_owned() };
        assert!(matches!(file.put(false), Err(PieceError::InTheWay(at)) if at == path));
        assert_eq!(fs::read_to_string(&path)?, "somebody else's\n");
        file.put(true)?;
        assert_eq!(fs::read_to_string(&path)?, "one\n");
        Ok(())
    }

    #[test]
    fn what_somebody_changed_since_is_kept_aside() -> Tested {
        let folder = tempfile::tempdir()?;
        let (path, aside) = (folder.path().join("candor.service"), folder.path().join("aside"));
        let file = Piece::File { path: path.clone(), text: "one\n".to_owned() };
        let placed = file.before()?;
        file.put(false)?;
        fs::write(&path, "edited\n")?;
        assert_eq!(file.found()?, Found::Changed);
        let kept = placed.take_away(&aside)?.ok_or("nothing was kept")?;
        assert_eq!(fs::read_to_string(kept)?, "edited\n");
        assert!(!path.exists());
        Ok(())
    }

    #[test]
    fn a_command_that_fails_says_so() {
        let piece = |words: &[&str]| Piece::Command {
            run: Some(words.iter().map(|word| (*word).to_owned()).collect()),
            undo: None,
        };
        assert!(piece(&["true"]).put(false).is_ok());
        let error = piece(&["sh", "-c", "echo why >&2; exit 3"]).put(false).map_err(|error| error.to_string());
        assert!(error.is_err_and(|said| said.contains("why") && said.contains('3')));
        assert!(piece(&["no-such-program-here"]).put(false).is_err());
    }
}
