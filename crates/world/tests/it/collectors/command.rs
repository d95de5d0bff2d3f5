//! Recipes, run as real processes.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use candor_core::{
    claim::ClaimKind::{self, BuildSucceeded, Deployed, TestsPassed},
    evidence::{Bearing, Finding, Method, Subject, TestCounts},
};
use candor_world::{collectors::Recipe, signals::process};
use sha2::{Digest, Sha256};

use super::Fence;

/// Longest that a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

fn recipe(script: &str) -> Recipe {
    Recipe {
        run: ["sh", "-c", script].map(str::to_owned).to_vec(),
        cwd: ".".into(),
        timeout: PATIENCE,
        env: BTreeSet::new(),
        speaks_to: BTreeSet::from([TestsPassed, BuildSucceeded]),
        writes: false,
    }
}

fn named(name: &str) -> Subject {
    Subject::Command { recipe: Some(name.to_owned()), command: None, exit_code: None, output_sha256: None }
}

fn run(fence: &mut Fence, script: &str) -> Finding {
    run_for(fence, recipe(script), &[TestsPassed])
}

fn run_for(fence: &mut Fence, recipe: Recipe, claims: &[ClaimKind]) -> Finding {
    fence.config.recipes.insert("check".to_owned(), recipe);
    fence.collect(&named("check"), claims)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_exit_code_decides() {
    let fence = &mut Fence::new();
    let found = run(fence, "printf abc; printf def >&2; exit 0");
    assert_eq!((found.method, found.bearing, found.exit_code), (Method::Checked, Bearing::Supports, Some(0)));
    assert_eq!(found.sha256, Some(hex(&Sha256::digest("abcdef"))));
    let found = run(fence, "exit 3");
    assert_eq!((found.method, found.bearing, found.exit_code), (Method::Checked, Bearing::Contradicts, Some(3)));
    assert!(found.summary.contains("exit code 3"), "{}", found.summary);
}

#[test]
fn what_an_agent_says_was_run_is_never_run() {
    let fence = &mut Fence::new();
    let mark = fence.root.join("ran");
    let touch = Some(format!("touch {}", mark.display()));
    fence.config.recipes.insert("check".to_owned(), recipe("true"));
    for (name, bearing) in
        [(None, Bearing::Inconclusive), (Some("nope"), Bearing::Inconclusive), (Some("check"), Bearing::Supports)]
    {
        let subject = Subject::Command {
            recipe: name.map(str::to_owned),
            command: touch.clone(),
            exit_code: Some(0),
            output_sha256: Some("0".repeat(64)),
        };
        let found = fence.collect(&subject, &[TestsPassed]);
        assert_eq!(found.bearing, bearing, "{}", found.summary);
        assert!(!mark.exists(), "the agent's command ran for {name:?}");
    }
}

#[test]
fn an_unknown_recipe_is_refused_in_words() {
    let found = Fence::new().collect(&named("deploy; rm -rf /"), &[Deployed]);
    assert_eq!((found.method, found.bearing, found.exit_code), (Method::Told, Bearing::Inconclusive, None));
    assert_eq!(
        found.summary,
        "there is no recipe `deploy; rm -rf /`; the operator lists recipes under `collectors.recipes`"
    );
}

#[test]
fn a_recipe_runs_only_for_what_it_speaks_to_and_never_verifies_more() {
    let fence = &mut Fence::new();
    let found = run_for(fence, recipe("touch ran"), &[Deployed]);
    assert_eq!((found.method, found.bearing), (Method::Told, Bearing::Inconclusive));
    assert!(!fence.root.join("ran").exists());
    let found = run_for(fence, recipe("touch ran"), &[Deployed, TestsPassed]);
    assert_eq!((found.method, found.bearing), (Method::Digested, Bearing::Supports));
    assert!(fence.root.join("ran").exists());
}

#[test]
fn a_folder_outside_the_roots_is_not_run_in() {
    let fence = &mut Fence::new();
    let outside = Recipe { cwd: "../outside".into(), ..recipe("touch ran") };
    let found = run_for(fence, outside, &[TestsPassed]);
    assert_eq!((found.method, found.bearing), (Method::Told, Bearing::Inconclusive));
    assert!(!fence.outside.join("ran").exists());
}

#[test]
fn a_program_that_is_not_there_is_no_failure() {
    let fence = &mut Fence::new();
    let gone = Recipe { run: vec!["no-such-program-of-ours".to_owned()], ..recipe("") };
    let found = run_for(fence, gone, &[TestsPassed]);
    assert_eq!((found.method, found.bearing, found.sha256), (Method::Told, Bearing::Inconclusive, None));
    assert_eq!(run(fence, "no-such-program-of-ours").bearing, Bearing::Inconclusive);
}

#[test]
fn a_crash_contradicts_and_a_kill_from_outside_does_not() {
    let fence = &mut Fence::new();
    assert_eq!(run(fence, "kill -ABRT $$").bearing, Bearing::Contradicts);
    assert_eq!(run(fence, "kill -KILL $$").bearing, Bearing::Inconclusive);
}

#[test]
fn a_run_of_no_tests_is_no_proof() {
    let fence = &mut Fence::new();
    let none = "echo 'running 0 tests'; echo 'test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.00s'";
    let found = run(fence, none);
    assert_eq!((found.method, found.bearing), (Method::Digested, Bearing::Inconclusive), "{}", found.summary);
    assert_eq!(found.tests, Some(TestCounts::default()));
    // pytest ends a run of nothing with 5, which is no failed test either.
    assert_eq!(run(fence, "echo '=== no tests ran in 0.01s ==='; exit 5").bearing, Bearing::Inconclusive);
}

#[test]
fn a_summary_in_the_output_is_counted() {
    let fence = &mut Fence::new();
    let found = run(fence, "echo '14 doctests, 87 tests, 0 failures'");
    assert_eq!(found.bearing, Bearing::Supports);
    assert_eq!(found.tests, Some(TestCounts { passed: 101, failed: 0, skipped: 0 }));
    // `|| true` at the end of a recipe.
    assert_eq!(run(fence, "echo '=== 1 failed, 2 passed in 0.10s ==='").bearing, Bearing::Inconclusive);
}

#[test]
fn a_run_is_stopped_at_its_timeout_with_all_that_it_started() {
    let fence = &mut Fence::new();
    let endless = Recipe {
        timeout: Duration::from_millis(300),
        ..recipe("sleep 1000 & echo $! > pid.tmp; mv pid.tmp pid; wait")
    };
    let found = run_for(fence, endless, &[TestsPassed]);
    assert_eq!((found.method, found.bearing, found.exit_code), (Method::Digested, Bearing::Inconclusive, None));
    assert!(found.summary.contains("timeout of 300ms"), "{}", found.summary);
    gone(&fence.root.join("pid"));
}

#[test]
fn what_a_run_leaves_behind_is_ended_and_not_waited_for() {
    let fence = &mut Fence::new();
    let began = Instant::now();
    let found = run(fence, "sleep 1000 & echo $! > pid; echo done");
    assert_eq!(found.bearing, Bearing::Supports);
    assert!(began.elapsed() < PATIENCE, "the run waited for what it left behind");
    gone(&fence.root.join("pid"));
}

fn gone(pid: &Path) {
    let pid = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    let began = Instant::now();
    while process::identify(pid).is_some() {
        assert!(began.elapsed() < PATIENCE, "process {pid} outlives the run");
        std::thread::yield_now();
    }
}

#[test]
fn the_environment_is_what_the_operator_lists() {
    let fence = &mut Fence::new();
    run(fence, "env > seen");
    let seen = fs::read_to_string(fence.root.join("seen")).unwrap();
    assert!(seen.contains("PATH=") && !seen.contains("CARGO_MANIFEST_DIR="), "{seen}");
    let open = Recipe { env: BTreeSet::from(["CARGO_MANIFEST_DIR".to_owned()]), ..recipe("env > seen") };
    run_for(fence, open, &[TestsPassed]);
    let seen = fs::read_to_string(fence.root.join("seen")).unwrap();
    assert!(seen.contains("CARGO_MANIFEST_DIR="), "{seen}");
}

#[test]
fn much_output_is_hashed_whole_and_only_its_end_is_read() {
    let fence = &mut Fence::new();
    fence.config.limits.output_bytes = 4096;
    let found = run(fence, "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo '3 passed in 0.10s'");
    let mut all = vec![b'x'; 3_000_000];
    all.extend(b"\n3 passed in 0.10s\n");
    assert_eq!(found.sha256, Some(hex(&Sha256::digest(&all))));
    assert_eq!(found.tests, Some(TestCounts { passed: 3, failed: 0, skipped: 0 }));
}

#[test]
fn output_that_closes_early_does_not_end_the_run() {
    let fence = &mut Fence::new();
    let found = run(fence, "exec >&- 2>&-; head -c 1 /dev/zero > seen; exit 4");
    assert_eq!(found.exit_code, Some(4));
}
