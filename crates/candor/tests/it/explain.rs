//! `candor explain`: why, in plain words, by decision, event or notice.

use crate::common::Bench;

#[test]
fn a_decision_its_event_and_its_notice_are_explained_alike() {
    let bench = Bench::new();
    bench.done(&["task", "start", "t", "--agent", "a"]);
    let claim =
        bench.run(&["--json", "claim", "t", "tests_passed", "--agent", "a", "--statement", "done, all tests pass"]);
    assert_eq!(claim.code(), 6);
    let told = claim.json();
    let (event, decision) = (told["event"].as_str().unwrap(), told["decision"]["no"].as_str().unwrap());
    let by_decision = bench.done(&["explain", decision]).stdout();
    assert!(by_decision.starts_with(&format!("{decision} about {event} (`claim.made` on task t)")), "{by_decision}");
    for words in ["Rules that applied, strongest first:", "It read: ", "Each of these alone would change it:"] {
        assert!(by_decision.contains(words), "{words}: {by_decision}");
    }
    assert_eq!(bench.done(&["explain", event]).stdout(), by_decision);
    let notice = told["notice"].as_str().unwrap();
    assert_eq!(bench.done(&["explain", notice]).stdout(), by_decision);
    let json = bench.json(&["explain", decision]);
    assert_eq!(json["decision"]["no"], decision);
    assert!(!json["changes"].as_array().unwrap().is_empty());
}

#[test]
fn what_is_not_there_and_what_is_nothing_are_told_apart() {
    let bench = Bench::new();
    bench.done(&["task", "start", "t"]);
    let missing = bench.run(&["explain", "d-999"]);
    assert_eq!(missing.code(), 11);
    assert!(missing.stderr().contains("no decision `d-999`\nhint: "), "{}", missing.stderr());
    assert_eq!(bench.run(&["explain", "e-999"]).code(), 11);
    assert_eq!(bench.run(&["explain", "n-999"]).code(), 11);
    let nonsense = bench.run(&["explain", "tuesday"]);
    assert_eq!(nonsense.code(), 2);
    assert!(nonsense.stderr().contains("write `d-7`, `e-12` or `n-3`"), "{}", nonsense.stderr());
}
