//! `candor audit key`: the node's public key.

use serde_json::json;

use crate::{
    cli::Global,
    exit::{Exit, Outcome},
    home::Home,
    output,
};

/// Prints the public key, and makes the pair where there is none yet.
pub fn run(global: &Global) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    let key = home.audit_key()?.public();
    if global.json {
        output::json(&json!({ "key": key.to_string(), "name": key.name(), "fingerprint": key.fingerprint() }))?;
    } else {
        output::line(key);
    }
    Ok(Exit::Ok)
}
