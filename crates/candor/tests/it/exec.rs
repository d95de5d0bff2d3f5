//! `candor exec`: the command's own life is never Candor's to change.

use crate::common::Home;

#[test]
fn the_exit_code_is_passed_through() {
    let home = Home::new("");
    for code in [0, 1, 7, 42] {
        let script = format!("exit {code}");
        home.ends(code, &["exec", "--task", "t", "--", "sh", "-c", &script]);
    }
    home.ends(143, &["exec", "--task", "t", "--", "sh", "-c", "kill -TERM $$"]);
    home.ends(127, &["exec", "--task", "t", "--", "/nowhere/at-all"]);
    let plain = home.folder.path().join("plain");
    std::fs::write(&plain, "no program").unwrap();
    home.ends(126, &["exec", "--task", "t", "--", plain.to_str().unwrap()]);
}

#[test]
fn output_is_passed_on_byte_for_byte_and_apart() {
    let home = Home::new("");
    let output = home.run(&[
        "exec",
        "--task",
        "t",
        "--",
        "sh",
        "-c",
        "printf 'a\\000b\\n'; printf 'c\\377' >&2; head -c 100000 /dev/zero",
    ]);
    assert_eq!(&output.stdout[..4], b"a\0b\n");
    assert_eq!(output.stdout.len(), 4 + 100_000);
    assert!(output.stderr.windows(2).any(|two| two == b"c\xff"), "standard error is passed on as it is");
}

#[test]
fn a_failed_command_is_a_failed_task_with_evidence_against_it() {
    let home = Home::new("");
    home.ends(3, &["exec", "--task", "t", "--supports", "tests_passed", "--", "sh", "-c", "exit 3"]);
    let shown = home.json(&["task", "show", "t"]);
    assert_eq!(shown["task"]["state"], "failed");
    let evidence = &shown["evidence"][0];
    assert_eq!(evidence["finding"]["bearing"], "contradicts");
    assert_eq!(evidence["strength"], "observed", "Candor's own adapter saw it end");
}

#[test]
fn a_successful_command_completes_on_what_was_observed() {
    let home = Home::new("");
    home.ends(0, &["exec", "--task", "t", "--", "true"]);
    let shown = home.json(&["task", "show", "t"]);
    assert_eq!((&shown["task"]["state"], &shown["task"]["unproved"]), (&"completed".into(), &false.into()));
}

#[test]
fn a_store_that_cannot_be_used_keeps_no_command_from_running() {
    let home = Home::new("");
    std::fs::write(home.state().join("candor.db"), "this is no database, and long enough to be looked at").unwrap();
    let told = home.ends(5, &["exec", "--task", "t", "--", "sh", "-c", "echo ran; exit 5"]);
    assert!(told.contains("ran") && told.contains("not recorded"), "{told}");
}
