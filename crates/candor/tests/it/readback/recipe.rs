//! Recipes that write.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{nothing_waits, open, uses, waiting};
use crate::common::{Home, wait, write};

const GATE: &str = "production_write";

/// A home whose recipe `deploy` leaves a line each time that it runs.
fn home() -> Home {
    let home = Home::owned("");
    let work = home.folder.path().join("work");
    fs::create_dir(&work).unwrap();
    let program = work.join("deploy.sh");
    write(&program, "#!/bin/sh\necho ran >> ran.log\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let config = format!(
        "evidence:\n  collectors:\n    roots: ['{work}']\n    recipes:\n      deploy: {{run: ['{program}'], cwd: '{work}', speaks_to: [completion], writes: true}}\n",
        work = work.display(),
        program = program.display(),
    );
    write(&home.state().join("candor.yaml"), &config);
    home
}

fn ran(home: &Home) -> usize {
    fs::read_to_string(home.folder.path().join("work/ran.log")).unwrap_or_default().lines().count()
}

fn evidence(home: &Home) -> String {
    home.ends(0, &["task", "start", "t", "--agent", "a"]);
    let args = ["evidence", "add", "t", "--agent", "a", "--supports", "completion", "--recipe", "deploy"];
    let told = home.json(&args);
    let wanted = told["wanted"]["evidence"].as_str().or(told["no"].as_str());
    wanted.unwrap().to_owned()
}

fn strength(home: &Home, evidence: &str) -> String {
    let all = home.json(&["evidence", "list", "t"]);
    let found = all["evidence"].as_array().unwrap().iter().find(|of| of["no"] == evidence).cloned().unwrap();
    found["strength"].as_str().unwrap().to_owned()
}

#[test]
fn a_recipe_that_writes_waits_for_its_gate_and_runs_once() {
    let home = home();
    let _daemon = home.up();
    let evidence = evidence(&home);
    wait("it waits", || waiting(&home).len() == 1);
    let work = waiting(&home).remove(0);
    assert_eq!((work["gate"].as_str(), work["wanted"]["recipe"].as_str()), (Some(GATE), Some("deploy")));
    let said = home.ends(3, &["evidence", "verify", &evidence]);
    assert!(said.contains("w-1 waits for the gate `production_write`: run the recipe `deploy`"), "{said}");
    assert_eq!((ran(&home), uses(&home, GATE), waiting(&home).len()), (0, 0, 1));
    let before = strength(&home, &evidence);
    open(&home, GATE, "1");
    nothing_waits(&home);
    wait("it ran", || ran(&home) == 1);
    assert_eq!(uses(&home, GATE), 1);
    assert_ne!(strength(&home, &evidence), before, "what it found counts");
    // Asked for again it waits again: its use is gone.
    home.ends(3, &["evidence", "verify", &evidence]);
    assert_eq!((ran(&home), waiting(&home).len()), (1, 1));
    // With its gate open the one who asks is told what came of it.
    open(&home, GATE, "2");
    nothing_waits(&home);
    home.ends(0, &["evidence", "verify", &evidence]);
    assert_eq!((ran(&home), uses(&home, GATE)), (3, 3));
}

/// `kill -9` after the use is taken: the recipe isn't run again by itself.
#[test]
fn a_crash_before_the_run_runs_it_no_second_time() {
    for (point, most) in [("work.before_deed", 0), ("work.after_deed", 1)] {
        let home = home();
        let mut daemon = home.up_with(&[("CANDOR_CRASH_AT", point)]);
        home.ends(0, &["task", "start", "t", "--agent", "a"]);
        home.ends(3, &["evidence", "add", "t", "--agent", "a", "--supports", "completion", "--recipe", "deploy"]);
        // It may be killed before it answers.
        home.run(&["gate", "open", GATE, "--reason", "night", "--uses", "1", "--expires", "1h"]);
        wait("it is killed", || daemon.child.try_wait().unwrap().is_some());
        let _daemon = home.up();
        nothing_waits(&home);
        assert_eq!((ran(&home), uses(&home, GATE)), (most, 1), "{point}");
    }
}

/// What an owner reads before they sign names the recipes that write.
#[test]
fn the_package_names_the_recipes_that_write() {
    let home = home();
    home.ends(0, &["approval", "drill", "--all"]);
    home.ends(0, &["readback", "readiness"]);
    home.run(&["approval", "build"]);
    let shown = home.ends(0, &["approval", "show"]);
    assert!(shown.contains("deploy"), "{shown}");
}
