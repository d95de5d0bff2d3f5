//! Files, and the fence of the roots.

use std::{fs, os::unix::fs::symlink, process::Command};

use candor_core::{
    claim::ClaimKind::{self, Completion, FileWritten},
    evidence::{Bearing, Finding, Method, Subject},
};
use candor_world::collectors::{CollectorConfig, collect};

use super::{Fence, now};

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn look(fence: &Fence, path: &str, claims: &[ClaimKind]) -> Finding {
    fence.collect(&Subject::File { path: path.to_owned() }, claims)
}

fn outcome(found: &Finding) -> (Method, Bearing) {
    (found.method, found.bearing)
}

#[test]
fn a_file_that_is_there_supports_that_it_was_written() {
    let fence = Fence::new();
    let path = fence.write("out/report.txt", "abc");
    super::age(&path, 60);
    for given in ["out/report.txt", path.to_str().unwrap(), "out/../out/report.txt"] {
        let found = look(&fence, given, &[FileWritten]);
        assert_eq!(outcome(&found), (Method::Checked, Bearing::Supports), "{}", found.summary);
        assert_eq!(found.sha256.as_deref(), Some(ABC));
        assert!(found.subject_at.unwrap() < found.looked_at);
    }
}

#[test]
fn a_digest_proves_no_other_claim() {
    let fence = Fence::new();
    fence.write("a", "abc");
    for claims in [&[Completion][..], &[FileWritten, Completion], &[]] {
        assert_eq!(outcome(&look(&fence, "a", claims)), (Method::Digested, Bearing::Supports), "{claims:?}");
    }
}

#[test]
fn a_missing_file_contradicts_and_another_claim_beside_it_does_not_hide_that() {
    let fence = Fence::new();
    for (claims, wanted) in [
        (&[FileWritten][..], (Method::Checked, Bearing::Contradicts)),
        (&[Completion, FileWritten], (Method::Checked, Bearing::Contradicts)),
        (&[Completion], (Method::Told, Bearing::Inconclusive)),
    ] {
        assert_eq!(outcome(&look(&fence, "not/here", claims)), wanted, "{claims:?}");
    }
}

#[test]
fn an_empty_file_is_left_open() {
    let fence = Fence::new();
    fence.write("backup.tar", "");
    let found = look(&fence, "backup.tar", &[FileWritten]);
    assert_eq!(outcome(&found), (Method::Digested, Bearing::Inconclusive));
    assert!(found.summary.contains("empty"), "{}", found.summary);
}

#[test]
fn without_roots_nothing_is_looked_at() {
    let fence = Fence::new();
    let path = fence.write("a", "abc").to_str().unwrap().to_owned();
    let found = collect(&Subject::File { path }, &[FileWritten], &CollectorConfig::default(), now);
    assert_eq!(outcome(&found), (Method::Told, Bearing::Inconclusive));
    assert!(found.summary.contains("`evidence.collectors.roots`"), "{}", found.summary);
}

#[test]
fn nothing_outside_the_roots_is_looked_at_and_the_answer_does_not_tell_what_is_there() {
    let fence = Fence::new();
    fs::write(fence.outside.join("secret"), "abc").unwrap();
    symlink(fence.outside.join("secret"), fence.root.join("link")).unwrap();
    symlink(fence.outside.join("nothing"), fence.root.join("dangling")).unwrap();
    symlink(&fence.outside, fence.root.join("folder")).unwrap();
    let mut words = Vec::new();
    for given in [
        "link",
        "dangling",
        "folder/secret",
        "folder/nothing",
        "../outside/secret",
        "../outside/nothing",
        "../root/../outside/nothing",
        "none/../../outside/secret",
        "/etc/passwd",
        "/etc/nothing-of-that-name",
    ] {
        let found = look(&fence, given, &[FileWritten]);
        assert_eq!(outcome(&found), (Method::Told, Bearing::Inconclusive), "{given}: {}", found.summary);
        assert_eq!(found.sha256, None);
        words.push(found.summary.replace(&format!("`{given}`"), "`X`"));
    }
    words.dedup();
    assert_eq!(words, ["`X` lies outside the folders that the operator allows, by itself or through a symlink"]);
}

#[test]
fn a_symlink_that_stays_inside_is_followed() {
    let fence = Fence::new();
    let path = fence.write("runs/7/out", "abc");
    symlink(path.parent().unwrap(), fence.root.join("latest")).unwrap();
    assert_eq!(look(&fence, "latest/out", &[FileWritten]).bearing, Bearing::Supports);
}

#[test]
fn a_root_that_is_the_file_is_its_own_fence() {
    let mut fence = Fence::new();
    let path = fence.write("only", "abc");
    fence.write("other", "abc");
    fence.config.roots = vec![path.clone()];
    assert_eq!(look(&fence, path.to_str().unwrap(), &[FileWritten]).bearing, Bearing::Supports);
    assert_eq!(look(&fence, "../other", &[FileWritten]).bearing, Bearing::Inconclusive);
}

#[test]
fn what_is_no_regular_file_is_refused_and_a_pipe_is_not_waited_for() {
    let fence = Fence::new();
    assert!(Command::new("mkfifo").arg(fence.root.join("pipe")).status().unwrap().success());
    for given in ["pipe", "."] {
        let found = look(&fence, given, &[FileWritten]);
        assert_eq!(outcome(&found), (Method::Told, Bearing::Inconclusive));
        assert!(found.summary.contains("is not a regular file"), "{}", found.summary);
    }
}

#[test]
fn a_file_larger_than_the_limit_is_not_read() {
    let mut fence = Fence::new();
    fence.config.limits.hashed_bytes = 3;
    fence.write("fits", "abc");
    fence.write("large", "abcd");
    assert_eq!(look(&fence, "fits", &[FileWritten]).sha256.as_deref(), Some(ABC));
    let found = look(&fence, "large", &[FileWritten]);
    assert_eq!(outcome(&found), (Method::Told, Bearing::Inconclusive));
    assert!(found.summary.contains("larger than the 3 bytes"), "{}", found.summary);
}

#[test]
fn a_path_that_is_none_is_refused() {
    let fence = Fence::new();
    for given in [String::new(), "a\0b".to_owned(), "a/".repeat(4096)] {
        assert_eq!(outcome(&look(&fence, &given, &[FileWritten])), (Method::Told, Bearing::Inconclusive));
    }
}
