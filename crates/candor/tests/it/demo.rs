//! `candor demo`: the whole chain, on real code paths.

use crate::common::Bench;

#[test]
fn the_demo_reaches_all_three_states_and_leaves_nothing_behind() {
    let bench = Bench::new();
    let before = std::fs::read_dir(bench.state()).unwrap().count();
    let temp = bench.path("tmp");
    std::fs::create_dir(&temp).unwrap();
    let mut command = bench.command(&["--json", "demo"]);
    let output = command.env("TMPDIR", &temp).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let table: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(table["seconds"].as_f64().unwrap() < 60.0);
    let notices = table["notices"].as_array().unwrap();
    assert!(notices.len() >= 3, "silent, back, and the claim: {table}");
    for notice in notices {
        let state = |target: &str| {
            let of = notice["deliveries"].as_array().unwrap().iter().find(|of| of["target"] == target).unwrap();
            of["state"]["state"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            [state("receiver"), state("rehearsal"), state("refuser")],
            ["acked", "pending_external_send", "blocked"]
        );
    }
    assert!(told.contains("noticed, and the receiver got"), "{told}");
    assert_eq!(std::fs::read_dir(&temp).unwrap().count(), 0, "the demo's folder is gone");
    assert_eq!(std::fs::read_dir(bench.state()).unwrap().count(), before + 1, "the user's own state isn't touched");
}
