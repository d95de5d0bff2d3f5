//! Prints the JSON Schemas of the deployment documents as one JSON object, by name: for `cargo xtask schemas`.
#![expect(clippy::print_stdout, reason = "what it prints is its purpose")]

use candor_core::{capability::Descriptor, profile::Profile};

fn main() {
    let schemas = serde_json::json!({
        "capability-descriptor": schemars::schema_for!(Descriptor),
        "deployment-profile": schemars::schema_for!(Profile),
    });
    println!("{schemas}");
}
