//! Test reports, and the source that changes after them.

use std::{fs, time::Duration};

use candor_core::{
    claim::ClaimKind::{self, Completion, Deployed, Fixed, TestsPassed},
    evidence::{Bearing, Finding, Freshness, Method, Subject, TestCounts},
};
use candor_world::collectors::test_report::SKEW_MAX;

use super::{Fence, age, freshness, now};

const PASSES: &str = "<testsuite tests='2'><testcase name='a'/><testcase name='b'/></testsuite>";
const FAILS: &str = "<testsuite><testcase name='a'/><testcase name='b'><failure/></testcase></testsuite>";

fn subject() -> Subject {
    Subject::TestReport { path: "repo/junit.xml".to_owned() }
}

/// A repository with a source file, and a report written ten seconds after it.
fn reported(report: impl AsRef<[u8]>) -> Fence {
    let fence = Fence::new();
    fs::create_dir_all(fence.root.join("repo/.git")).unwrap();
    age(&fence.write("repo/src/lib.rs", "code"), 20);
    age(&fence.write("repo/junit.xml", report), 10);
    fence
}

fn look(fence: &Fence, claims: &[ClaimKind]) -> Finding {
    fence.collect(&subject(), claims)
}

fn verdict(report: impl AsRef<[u8]>) -> (Method, Bearing, String) {
    let found = look(&reported(report), &[TestsPassed]);
    (found.method, found.bearing, found.summary)
}

fn is_left_open(report: impl AsRef<[u8]>, because: &str) {
    let (method, bearing, summary) = verdict(report);
    assert_eq!((method, bearing), (Method::Digested, Bearing::Inconclusive), "{summary}");
    assert!(summary.contains(because), "{summary}");
}

#[test]
fn passing_tests_support() {
    let fence = reported(PASSES);
    let found = look(&fence, &[TestsPassed, Completion, Fixed]);
    assert_eq!((found.method, found.bearing), (Method::Checked, Bearing::Supports), "{}", found.summary);
    assert_eq!(found.tests, Some(TestCounts { passed: 2, failed: 0, skipped: 0 }));
    assert!(found.sha256.is_some());
    assert!(found.changed_at.unwrap() < found.subject_at.unwrap());
    assert_eq!(freshness(subject(), found), Freshness::Fresh);
}

#[test]
fn tests_prove_no_deployment() {
    assert_eq!(look(&reported(PASSES), &[Deployed]).method, Method::Digested);
    assert_eq!(look(&reported(PASSES), &[TestsPassed, Deployed]).method, Method::Digested);
    assert_eq!(look(&reported(FAILS), &[Deployed]).bearing, Bearing::Inconclusive);
}

#[test]
fn a_failed_test_contradicts_at_once_and_is_named() {
    let (method, bearing, summary) = verdict(FAILS);
    assert_eq!((method, bearing), (Method::Checked, Bearing::Contradicts));
    assert_eq!(summary, "`repo/junit.xml`: 1 passed, 1 failed, 0 skipped, first `b`");
    assert_eq!(look(&reported(FAILS), &[Deployed, TestsPassed]).bearing, Bearing::Contradicts);
}

#[test]
fn a_file_edited_after_the_run_makes_the_report_stale() {
    let fence = reported(PASSES);
    age(&fence.write("repo/src/deep/new.rs", "more"), 5);
    let found = look(&fence, &[TestsPassed]);
    assert_eq!(found.bearing, Bearing::Supports);
    assert!(found.changed_at.unwrap() > found.subject_at.unwrap());
    assert_eq!(freshness(subject(), found), Freshness::Stale);
}

#[test]
fn a_report_speaks_of_the_start_of_its_run() {
    let started = now().before(Duration::from_secs(15));
    let fence = reported(format!("<testsuite timestamp='{started}'><testcase name='a'/></testsuite>"));
    let found = look(&fence, &[TestsPassed]);
    assert_eq!(found.subject_at, Some(started));
    assert_eq!(freshness(subject(), found), Freshness::Fresh);
    // Edited while the tests ran.
    age(&fence.root.join("repo/src/lib.rs"), 12);
    assert_eq!(freshness(subject(), look(&fence, &[TestsPassed])), Freshness::Stale);
}

#[test]
fn what_is_no_source_does_not_make_it_stale() {
    let mut fence = reported(PASSES);
    fence.config.not_source.insert("generated".to_owned());
    for name in [
        "repo/target/debug/x.rs",
        "repo/node_modules/a/index.js",
        "repo/.cache/x",
        "repo/.env",
        "repo/junit-2.xml",
        "repo/generated/x.rs",
        "elsewhere/x.rs",
    ] {
        fence.write(name, "new");
    }
    std::os::unix::fs::symlink(fence.root.join("elsewhere"), fence.root.join("repo/link")).unwrap();
    assert_eq!(freshness(subject(), look(&fence, &[TestsPassed])), Freshness::Fresh);
    fence.write("repo/pom.xml", "new");
    assert_eq!(
        freshness(subject(), look(&fence, &[TestsPassed])),
        Freshness::Fresh,
        "beside the report, with its extension"
    );
    fence.write("repo/Cargo.toml", "new");
    assert_eq!(freshness(subject(), look(&fence, &[TestsPassed])), Freshness::Stale);
}

#[test]
fn the_search_for_changes_is_bounded_and_says_so() {
    let mut fence = reported(PASSES);
    fence.config.limits.files_walked = 2;
    let found = look(&fence, &[TestsPassed]);
    assert!(found.summary.ends_with("; only 2 files were searched for later changes"), "{}", found.summary);
}

#[test]
fn no_tests_prove_nothing() {
    is_left_open("<testsuites/>", "no test ran");
    is_left_open("<testsuite><testcase name='a'><skipped/></testcase></testsuite>", "no test ran");
    is_left_open(
        "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.00s\n",
        "no test ran",
    );
}

#[test]
fn a_report_that_breaks_off_is_left_open() {
    is_left_open("<testsuite><testcase name='a'/>\n<testcase na", "breaks off at line 2, column 1");
    is_left_open("running 2 tests\ntest a ... ok\n", "breaks off at line 1, column 1");
    is_left_open("", "runner that Candor knows");
}

#[test]
fn an_unknown_runner_is_never_an_accusation() {
    for report in [
        "<html><body>1 failed</body></html>",
        "<TestRun outcome='Failed'/>",
        "FAILED: 3 of 4",
        "{\"failed\": 3}",
        "\u{0}\u{1}",
    ] {
        is_left_open(report, "isn't a report of a runner that Candor knows");
    }
}

#[test]
fn counts_that_do_not_fit_are_left_open() {
    is_left_open("<testsuite tests='10'><testcase name='a'/></testsuite>", "says that it has 10 tests");
}

#[test]
fn times_that_can_not_be_are_left_open() {
    let later = now().after(SKEW_MAX + Duration::from_secs(60));
    is_left_open(
        format!("<testsuite timestamp='{later}'><testcase name='a'/></testsuite>"),
        "started after the file was written",
    );
    let fence = reported(PASSES);
    let ahead = std::time::SystemTime::now() + SKEW_MAX + Duration::from_secs(60);
    fs::File::options().append(true).open(fence.root.join("repo/junit.xml")).unwrap().set_modified(ahead).unwrap();
    let found = look(&fence, &[TestsPassed]);
    assert_eq!(found.bearing, Bearing::Inconclusive);
    assert!(found.summary.contains("lies in the future"), "{}", found.summary);
}

#[test]
fn a_report_that_is_not_there_or_too_large_is_not_looked_at() {
    let mut fence = Fence::new();
    let found = look(&fence, &[TestsPassed]);
    assert_eq!((found.method, found.bearing), (Method::Told, Bearing::Inconclusive));
    assert!(found.summary.contains("is not there"), "{}", found.summary);
    fence.write("repo/junit.xml", PASSES);
    fence.config.limits.report_bytes = 10;
    let found = look(&fence, &[TestsPassed]);
    assert_eq!((found.method, found.bearing), (Method::Told, Bearing::Inconclusive));
    assert!(found.summary.contains("larger than the 10 bytes"), "{}", found.summary);
}
