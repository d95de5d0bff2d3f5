//! Read-backs and recipes that write, through the binary: nothing is asked or run with the gate closed, and an open one lets it be done once.

mod notice;
mod plans;
mod receiver;
mod recipe;

use serde_json::Value;

use crate::common::{Home, wait};

/// Opens a gate for so many uses.
pub(crate) fn open(home: &Home, gate: &str, uses: &str) {
    home.ends(0, &["gate", "open", gate, "--reason", "night", "--uses", uses, "--expires", "1h"]);
}

/// How a notice stands at its first target.
pub(crate) fn state(home: &Home, notice: &str) -> String {
    let shown = home.json(&["notice", "show", notice]);
    let state = &shown["deliveries"][0]["state"];
    let word = |field: &str| state[field].as_str().unwrap_or_default().to_owned();
    format!("{} {}", word("state"), word("reason")).trim().to_owned()
}

/// The work that waits or goes on.
pub(crate) fn waiting(home: &Home) -> Vec<Value> {
    home.json(&["gate", "list"])["waiting"].as_array().unwrap().clone()
}

pub(crate) fn nothing_waits(home: &Home) {
    wait("nothing waits", || waiting(home).is_empty());
}

/// How often a gate was used.
pub(crate) fn uses(home: &Home, gate: &str) -> u64 {
    home.json(&["gate", "show", gate])["uses"].as_u64().unwrap()
}

/// Everything that a stranger could be shown of this home: its log as a bundle, and what the lists say.
pub(crate) fn all_that_is_shown(home: &Home) -> String {
    let out = home.folder.path().join("all.tar");
    let out = out.to_str().unwrap();
    home.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--out", out]);
    let key = home.json(&["audit", "key"])["key"].as_str().unwrap().to_owned();
    assert_eq!(home.json(&["audit", "verify", out, "--key", &key])["intact"], serde_json::json!(true));
    home.ends(0, &["audit", "replay", out, "--key", &key]);
    let mut shown = String::from_utf8_lossy(&std::fs::read(out).unwrap()).into_owned();
    for args in [&["gate", "history"][..], &["gate", "list", "--all"], &["notice", "list"], &["status"]] {
        shown.push_str(&home.ends(0, args));
        shown.push_str(&home.json(args).to_string());
    }
    std::fs::remove_file(out).unwrap();
    shown
}
