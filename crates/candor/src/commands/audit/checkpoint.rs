//! `candor audit checkpoint`: the log's signed head.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::source;
use crate::{
    cli::Global,
    desk,
    engine::Clock,
    exit::{Exit, Outcome},
    home::Home,
    output,
};

/// Prints the signed head of the log as it now is.
pub fn run(global: &Global) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let reader = desk::reader(global)?;
    let key = home.audit_key()?;
    let head = source::head(&reader, key.public().name(), Clock::from_env().now(), |_| ())?;
    let note = head.sign(&[&key]);
    if global.json {
        let root = STANDARD.encode(head.root);
        output::json(&json!({ "origin": head.origin, "size": head.size, "root": root, "note": note }))?;
    } else {
        output::line(note.trim_end());
    }
    Ok(Exit::Ok)
}
