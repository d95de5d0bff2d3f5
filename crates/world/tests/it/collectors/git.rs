//! Commits, in real repositories, some of them hostile.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use candor_core::{
    claim::ClaimKind::{self, Completion, TestsPassed},
    evidence::{Bearing, Finding, Freshness, Method, Subject},
};

use super::{Fence, freshness};

/// The date of every commit made here.
const COMMITTED: &str = "2026-01-02T03:04:05Z";

fn committed() -> ClaimKind {
    ClaimKind::Other("committed".to_owned())
}

fn try_git(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_COMMITTER_DATE", COMMITTED)
        .output()
        .unwrap()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = try_git(folder, arguments);
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository `repo` with one commit of one file, whose id is returned.
fn repository(folder: &Path) -> String {
    fs::create_dir_all(folder).unwrap();
    git(folder, &["init", "-q"]);
    fs::write(folder.join("code.rs"), "one\n").unwrap();
    git(folder, &["add", "."]);
    git(folder, &["commit", "-q", "-m", "one"]);
    git(folder, &["rev-parse", "HEAD"])
}

fn subject(commit: &str) -> Subject {
    Subject::Git { repo: "repo".to_owned(), commit: commit.to_owned() }
}

fn look(fence: &Fence, commit: &str, claims: &[ClaimKind]) -> Finding {
    fence.collect(&subject(commit), claims)
}

#[test]
fn a_commit_that_is_there_supports() {
    let fence = Fence::new();
    let id = repository(&fence.root.join("repo"));
    for name in [id.as_str(), &id[..8], "HEAD", "main"] {
        let found = look(&fence, name, &[committed()]);
        assert_eq!((found.method, found.bearing), (Method::Checked, Bearing::Supports), "{}", found.summary);
        assert_eq!(found.subject_at, Some(COMMITTED.parse().unwrap()));
        assert_eq!(found.changed_at, None, "{}", found.summary);
        assert!(found.summary.contains(&id), "{}", found.summary);
    }
}

#[test]
fn a_commit_proves_neither_tests_nor_completion() {
    let fence = Fence::new();
    repository(&fence.root.join("repo"));
    for claim in [TestsPassed, Completion] {
        let found = look(&fence, "HEAD", &[committed(), claim]);
        assert_eq!((found.method, found.bearing), (Method::Digested, Bearing::Supports), "{}", found.summary);
    }
}

#[test]
fn a_commit_that_is_not_there_contradicts() {
    let fence = Fence::new();
    repository(&fence.root.join("repo"));
    for name in ["1111111111111111111111111111111111111111", "feature/none", "abcdef1"] {
        let found = look(&fence, name, &[committed()]);
        assert_eq!((found.method, found.bearing), (Method::Checked, Bearing::Contradicts), "{}", found.summary);
    }
    // A tree is no commit.
    let tree = git(&fence.root.join("repo"), &["rev-parse", "HEAD^{tree}"]);
    assert_eq!(look(&fence, &tree, &[committed()]).bearing, Bearing::Contradicts);
}

#[test]
fn a_shallow_clone_may_lack_a_commit_that_exists() {
    let fence = Fence::new();
    let full = fence.outside.join("full");
    let first = repository(&full);
    git(&full, &["commit", "-q", "--allow-empty", "-m", "two"]);
    let url = format!("file://{}", full.display());
    git(&fence.root, &["clone", "-q", "--depth", "1", &url, "repo"]);
    assert_eq!(look(&fence, "HEAD", &[committed()]).bearing, Bearing::Supports);
    assert_eq!(look(&fence, &first, &[committed()]).bearing, Bearing::Inconclusive);
}

#[test]
fn work_that_goes_on_makes_the_commit_stale() {
    let fence = Fence::new();
    let repo = fence.root.join("repo");
    repository(&repo);
    let fresh = look(&fence, "HEAD", &[committed()]);
    let made_at = fresh.subject_at.unwrap();
    assert_eq!(fresh.changed_at, None);
    fs::write(repo.join("code.rs"), "two, longer\n").unwrap();
    fs::write(repo.join("untracked"), "").unwrap();
    let found = look(&fence, "HEAD", &[committed()]);
    assert_eq!(found.bearing, Bearing::Supports);
    assert!(found.changed_at.unwrap() > made_at, "{}", found.summary);
    assert_eq!(freshness(subject("HEAD"), found), Freshness::Stale);
}

#[test]
fn a_deleted_file_is_a_change() {
    let fence = Fence::new();
    let repo = fence.root.join("repo");
    repository(&repo);
    fs::remove_file(repo.join("code.rs")).unwrap();
    assert!(look(&fence, "HEAD", &[committed()]).changed_at.is_some());
}

#[test]
fn a_bare_repository_has_no_work_tree() {
    let fence = Fence::new();
    let full = fence.outside.join("full");
    repository(&full);
    git(&fence.root, &["clone", "-q", "--bare", full.to_str().unwrap(), "repo"]);
    let found = look(&fence, "HEAD", &[committed()]);
    assert_eq!((found.bearing, found.changed_at), (Bearing::Supports, None), "{}", found.summary);
}

#[test]
fn sha256_repositories_are_read() {
    let fence = Fence::new();
    let repo = fence.root.join("repo");
    fs::create_dir(&repo).unwrap();
    git(&repo, &["init", "-q", "--object-format=sha256"]);
    let id = repository(&repo);
    fs::write(repo.join("code.rs"), "two, longer\n").unwrap();
    let found = look(&fence, &id, &[committed()]);
    assert_eq!(found.bearing, Bearing::Supports, "{}", found.summary);
    assert!(found.changed_at.is_some(), "{}", found.summary);
}

#[test]
fn nothing_that_a_repository_names_is_run() {
    let fence = Fence::new();
    let repo = fence.root.join("repo");
    let script = fence.write("script", "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    repository(&repo);
    for key in [
        "core.fsmonitor",
        "filter.x.clean",
        "core.sshCommand",
        "core.pager",
        "gpg.program",
        "diff.external",
        "core.alternateRefsCommand",
    ] {
        git(&repo, &["config", key, script]);
    }
    git(&repo, &["config", "log.showSignature", "true"]);
    git(&repo, &["config", "core.hooksPath", fence.root.to_str().unwrap()]);
    // A partial clone fetches what it lacks, here through a program.
    git(&repo, &["config", "remote.origin.url", &format!("ext::{script}")]);
    git(&repo, &["config", "remote.origin.promisor", "true"]);
    git(&repo, &["config", "protocol.ext.allow", "always"]);
    git(&repo, &["config", "extensions.partialClone", "origin"]);
    fs::write(repo.join(".git/info/attributes"), "* filter=x diff=x\n").unwrap();
    fs::write(repo.join("code.rs"), "two\n").unwrap();
    let ran = fence.root.join("ran");

    for commit in ["HEAD", "1111111111111111111111111111111111111111"] {
        let found = look(&fence, commit, &[committed()]);
        assert_ne!(found.bearing, Bearing::Inconclusive, "{}", found.summary);
        assert!(!ran.exists(), "a program of the repository's choosing ran: {}", found.summary);
    }
    // The trap is real: plain git does run it, for either question.
    try_git(&repo, &["status"]);
    assert!(ran.exists());
    fs::remove_file(&ran).unwrap();
    try_git(&repo, &["rev-parse", "1111111111111111111111111111111111111111^{commit}"]);
    assert!(ran.exists());
}

#[test]
fn a_repository_that_leads_outside_is_refused() {
    let fence = Fence::new();
    let hidden = fence.outside.join("hidden");
    repository(&hidden);
    fence.write("repo/.git", format!("gitdir: {}/.git\n", hidden.display()));
    let found = look(&fence, "HEAD", &[committed()]);
    assert_eq!((found.method, found.bearing), (Method::Told, Bearing::Inconclusive));
    assert!(found.summary.contains("outside"), "{}", found.summary);
}

#[test]
fn a_repository_above_the_root_is_not_found() {
    let mut fence = Fence::new();
    repository(&fence.root);
    fs::create_dir(fence.root.join("repo")).unwrap();
    fence.config.roots = vec![fence.root.join("repo")];
    let found = fence.collect(&Subject::Git { repo: ".".to_owned(), commit: "HEAD".to_owned() }, &[committed()]);
    assert_eq!((found.method, found.bearing), (Method::Told, Bearing::Inconclusive), "{}", found.summary);
}

#[test]
fn what_is_no_name_or_no_repository_is_refused() {
    let fence = Fence::new();
    fs::create_dir(fence.root.join("repo")).unwrap();
    for name in ["HEAD", "--all", "HEAD@{1}", ":/one"] {
        let found = look(&fence, name, &[committed()]);
        assert_eq!((found.method, found.bearing), (Method::Told, Bearing::Inconclusive), "{}", found.summary);
    }
}
