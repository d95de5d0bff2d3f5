//! Another configuration for a daemon that runs.

use serde_json::{Value, json};

use crate::common::{Home, Moods, Sink, wait, write};

fn config(home: &Home, text: &str) {
    write(&home.state().join("candor.yaml"), text);
}

fn differs(home: &Home) -> Value {
    home.json(&["status"])["configuration"]["differs"].clone()
}

#[test]
fn a_daemon_goes_by_what_it_is_told_to_read_again() {
    let sink = Sink::start(Moods::default());
    let home = Home::owned("");
    let told = home.ends(14, &["config", "reload"]);
    assert!(told.contains("no daemon runs"), "{told}");
    let _daemon = home.up();
    assert_eq!(differs(&home), false);
    config(&home, &sink.config());
    assert_eq!(differs(&home), true);
    assert!(home.ends(0, &["status"]).contains("candor config reload"));
    home.ends(0, &["config", "reload"]);
    assert_eq!(differs(&home), false);
    home.ends(0, &["gate", "open", "production_write", "--reason", "test", "--expires", "1h"]);
    home.ends(0, &["notify", "look"]);
    wait("the new target has it", || !sink.seen.lock().unwrap().is_empty());
    wait("it is acked", || home.run(&["notice", "show", "n-1"]).status.success());
}

#[test]
fn a_wrong_one_changes_nothing_and_says_why() {
    let sink = Sink::start(Moods::default());
    let home = Home::owned(&sink.config());
    home.ends(0, &["gate", "open", "production_write", "--reason", "test", "--expires", "1h"]);
    let daemon = home.up();
    config(&home, "targets:\n- {name: a, sender: carrier-pigeon}\n");
    assert!(home.ends(8, &["config", "reload"]).contains("carrier-pigeon"), "told before the daemon is asked");
    daemon.signal("-HUP");
    let refused = || {
        let text = std::fs::read_to_string(home.state().join("daemon.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["configuration"]["refused"].clone()
    };
    wait("the daemon says what is wrong", || refused()["why"].as_str().unwrap_or_default().contains("carrier-pigeon"));
    // Fine as a file, and of no use to the daemon: an agent's token that can't be read.
    config(&home, "agents:\n  tokens:\n  - {agent: a, token: {file: /nowhere/token}}\n");
    let told = home.ends(8, &["config", "reload"]);
    assert!(told.contains("/nowhere/token") && told.contains("still holds"), "{told}");
    home.ends(0, &["notify", "look"]);
    wait("the old target has it", || !sink.seen.lock().unwrap().is_empty());
}

#[test]
fn a_role_of_its_own_reads_it_again_too() {
    let sink = Sink::start(Moods::default());
    let home = Home::owned("");
    // What is approved is there to be approved: the target was, and leaves.
    config(&home, &sink.config());
    home.ends(0, &["gate", "open", "production_write", "--reason", "test", "--expires", "1h"]);
    config(&home, "");
    let mut role = home.command(&["run", "--loop"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    wait("it runs", || !home.json(&["status"])["owners"].as_array().unwrap().is_empty());
    config(&home, &sink.config());
    let kill = std::process::Command::new("kill").args(["-HUP", &role.id().to_string()]).status();
    assert!(kill.unwrap().success());
    home.ends(0, &["notify", "look"]);
    wait("the new target has it", || !sink.seen.lock().unwrap().is_empty());
    assert_eq!(home.json(&["status"])["targets"][0]["name"], json!("sink"));
    role.kill().unwrap();
    role.wait().unwrap();
}
