//! What `candor profile explain` says, word for word.

use std::time::Duration;

use candor_core::profile::Overlay;

use super::{profile, under};

fn told(id: &str, local: &Overlay) -> String {
    let lines = under(&profile(id), local).unwrap().lines();
    lines
        .iter()
        .map(|line| format!("{} = {} | {} | {}\n", line.key, line.value, line.layer.as_str(), line.bound))
        .collect()
}

#[test]
fn every_value_is_told_with_its_layer_and_bound() {
    let local = Overlay { period: Some(Duration::from_secs(120)), ..Overlay::default() };
    insta::assert_snapshot!("strict-manager-mode", told("strict-manager-mode", &local));
    insta::assert_snapshot!("minimal-solo-mode", told("minimal-solo-mode", &Overlay::default()));
}
