//! The git collector: whether a commit is there, when it was made, and whether the work tree was changed since.
//!
//! It checks claims named `committed`, and no other. That a commit exists says nothing of whether what it holds works or is complete, so
//! for any other claim it counts as recorded only: a commit id is a digest of what it names.
//!
//! The finding's `subject_at` is the commit's date, and `changed_at` the newest change of a tracked file that differs from the index, so
//! a commit goes stale when work goes on after it.

mod program;

use std::path::Path;

use candor_core::{claim::ClaimKind, evidence::Subject, time::Timestamp};
use thiserror::Error;

use super::{
    Collector, CollectorConfig, Look, Saw, Seen,
    paths::{self, Found, Refusal},
};
use crate::signals::file::modified_at;
use program::{Git as Program, GitError};

/// Longest name of a commit, in bytes.
pub const COMMIT_BYTES_MAX: usize = 256;
/// Most modified files whose change time is looked up.
const MODIFIED_MAX: usize = 10_000;

/// Looks at commits.
pub struct Git;

impl Collector for Git {
    fn kind(&self) -> &'static str {
        "git"
    }

    fn checks(&self, _: &Subject, claim: &ClaimKind, _: &CollectorConfig) -> bool {
        claim.as_str() == "committed"
    }

    fn look(&self, subject: &Subject, look: Look<'_>) -> Seen {
        let Subject::Git { repo, commit } = subject else {
            return Seen::new(Saw::Nothing, "not a commit");
        };
        look_at(repo, commit, look.config).unwrap_or_else(|trouble| Seen::new(Saw::Nothing, trouble.to_string()))
    }
}

/// Why a commit can't be looked at.
#[derive(Debug, Error)]
enum Trouble {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("that isn't the name of a commit; write a commit id, a branch or a tag")]
    NotAName,
    #[error("`{0}` has its repository or work tree outside the folders that the operator allows")]
    LeadsOutside(String),
    #[error("git answered in a way that isn't understood")]
    Answer,
}

/// What a repository is, as git tells it.
struct Repository {
    folder: Found,
    git_dir: String,
    object_format: String,
    is_shallow: bool,
    work_tree: Option<String>,
}

fn look_at(repo: &str, commit: &str, config: &CollectorConfig) -> Result<Seen, Trouble> {
    if !is_name(commit) {
        return Err(Trouble::NotAName);
    }
    let git = Program::new(config);
    let repository = open(&git, repo, config)?;
    let folder = &repository.folder;
    let Some(id) = git.find(
        &folder.path,
        &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{commit}^{{commit}}")],
    )?
    else {
        return Ok(missing(repo, commit, &repository));
    };
    let id = id.trim();
    let body = git.ask(&folder.path, &["cat-file", "commit", id])?;
    let changed = changed_at(&git, &repository);
    let tree = match &changed {
        Ok(Some(at)) => format!("; tracked files were changed since, last at {at}"),
        Ok(None) if repository.work_tree.is_none() => String::new(),
        Ok(None) => "; the work tree has no change of tracked files".to_owned(),
        Err(trouble) => format!("; whether the work tree was changed can't be told: {trouble}"),
    };
    let mut seen = Seen::new(Saw::Good, format!("commit {id} is in `{repo}`{tree}"));
    seen.subject_at = Some(committed_at(&body).ok_or(Trouble::Answer)?);
    seen.changed_at = changed.ok().flatten();
    Ok(seen)
}

fn missing(repo: &str, commit: &str, repository: &Repository) -> Seen {
    if repository.is_shallow {
        Seen::new(Saw::Unclear, format!("`{commit}` is not in `{repo}`, which is a shallow clone and may lack it"))
    } else {
        Seen::new(Saw::Bad, format!("there is no commit `{commit}` in `{repo}`"))
    }
}

/// Ids, branches and tags, with `~2` or `^` after them. Git's other ways to name a commit search its history or reflog.
fn is_name(commit: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._/+@~^-".contains(&b);
    commit.len() <= COMMIT_BYTES_MAX
        && commit.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '@')
        && commit.bytes().all(fits)
        && !commit.contains("..")
}

/// Asks git what is at `repo`, and refuses what leads outside the roots: a `.git` file names its repository freely, and a
/// repository its work tree.
fn open(git: &Program, repo: &str, config: &CollectorConfig) -> Result<Repository, Trouble> {
    let folder = paths::resolve(repo, &config.roots)?;
    if !folder.path.is_dir() {
        return Err(Refusal::WrongKind(repo.to_owned(), "folder").into());
    }
    let answer = git.ask(
        &folder.path,
        &[
            "rev-parse",
            "--path-format=absolute",
            "--git-dir",
            "--git-common-dir",
            "--show-object-format",
            "--is-shallow-repository",
            "--is-inside-work-tree",
        ],
    )?;
    let answer: Vec<&str> = answer.lines().collect();
    let [git_dir, common_dir, object_format, is_shallow, in_work_tree] = answer[..] else {
        return Err(Trouble::Answer);
    };
    let work_tree = match in_work_tree {
        "true" => Some(
            git.ask(&folder.path, &["rev-parse", "--path-format=absolute", "--show-toplevel"])?
                .trim_end_matches('\n')
                .to_owned(),
        ),
        _ => None,
    };
    for led_to in [git_dir, common_dir].into_iter().chain(work_tree.as_deref()) {
        paths::resolve(led_to, &config.roots).map_err(|_| Trouble::LeadsOutside(repo.to_owned()))?;
    }
    Ok(Repository {
        git_dir: git_dir.to_owned(),
        object_format: object_format.to_owned(),
        is_shallow: is_shallow == "true",
        work_tree,
        folder,
    })
}

/// The newest change of a tracked file that differs from the index. A file that was deleted counts as changed when its folder was.
fn changed_at(git: &Program, repository: &Repository) -> Result<Option<Timestamp>, Trouble> {
    let Some(work_tree) = &repository.work_tree else {
        return Ok(None);
    };
    let work_tree = Path::new(work_tree);
    let listed = git.modified(work_tree, Path::new(&repository.git_dir), &repository.object_format)?;
    let changed = listed.split('\0').filter(|name| !name.is_empty()).take(MODIFIED_MAX).filter_map(|name| {
        let path = work_tree.join(name);
        let seen = path.symlink_metadata().or_else(|_| path.parent().unwrap_or(work_tree).symlink_metadata()).ok()?;
        modified_at(&seen)
    });
    Ok(changed.max())
}

/// The date of `committer Name <mail> 1700000000 +0100` in a raw commit (gitformat-signature(5), git-commit-tree(1)).
fn committed_at(body: &str) -> Option<Timestamp> {
    let committer =
        body.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix("committer "))?;
    let seconds: i64 = committer.rsplit(' ').nth(1)?.parse().ok()?;
    Some(Timestamp::from_micros(seconds.checked_mul(1_000_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_commits_are_plain() {
        for good in ["HEAD", "@", "a1b2c3d", "main~2", "feature/x-1", "v1.0^"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "--all", "a..b", ":/text", "HEAD@{1}", "x y", "HEAD^{/re}", &"a".repeat(300)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_commit_says_its_date() {
        let body = "tree 1\nauthor A B <a@b> 5 +0000\ncommitter A B <a@b> 1700000000 +0100\n\ncommitter x 9 y\n";
        assert_eq!(committed_at(body), Some(Timestamp::from_micros(1_700_000_000_000_000)));
        assert_eq!(committed_at("tree 1\n\ncommitter A <a@b> 1 +0000\n"), None);
    }
}
