//! `candor audit key`: the node's public key, its change, and the keys before it.

use candor_audit::{
    at,
    sign::{key::NodeKey, rotation::Rotation},
};
use candor_path::Act;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    cli::Global,
    desk::{self, Desk},
    engine::{Clock, crash_point},
    exit::{Exit, Failure, Outcome},
    home::Home,
    keys::{self, Term},
    output,
};

#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    command: Option<KeyCommand>,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Sign with a new key from now on; the change goes on record, signed by both, so that who has the old one can go on to the new one
    #[command(
        after_help = "Example:\n  candor audit key rotate && candor audit key > node.pub\n\nIf it is interrupted, the old key still works, and running it again finishes it."
    )]
    Rotate,
    /// List the keys that signed this log, each with its time
    #[command(after_help = "Example:\n  candor audit key list --json")]
    List,
}

/// Prints the public key, and makes the pair where there is none yet; or changes it; or lists the keys.
pub fn run(global: &Global, args: &KeyArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    match args.command {
        None => show(global, &home.audit_key()?),
        Some(KeyCommand::Rotate) => rotate(global, &home),
        Some(KeyCommand::List) => list(global, &home),
    }
}

fn show(global: &Global, key: &NodeKey) -> Outcome {
    let key = key.public();
    if global.json {
        output::json(&json!({ "key": key.to_string(), "name": key.name(), "fingerprint": key.fingerprint() }))?;
    } else {
        output::line(key);
    }
    Ok(Exit::Ok)
}

fn rotate(global: &Global, home: &Home) -> Outcome {
    let old = home.audit_key()?;
    let new = home.make_next_audit_key(old.public().name())?;
    crash_point("rotate.after_key");
    if !on_record(global, &old, &new)? {
        let origin = old.public().name().to_owned();
        let rotation = Rotation::sign(&origin, &old, &new, Clock::from_env().now().as_micros());
        desk::block_on(async {
            let desk = Desk::open(global).await?;
            desk.act(Act::RotateKey { rotation }).await?;
            desk.close().await
        })?;
    }
    crash_point("rotate.after_record");
    home.take_next_audit_key()?;
    let (old, new) = (old.public().to_string(), new.public().to_string());
    if global.json {
        output::json(&json!({ "key": new, "old": old }))?;
    } else {
        output::line(new);
        output::note(format!(
            "signs from now on; bundles hold the change, so readers who have {old} can check them. Give readers the new key all the same, by another way than a bundle"
        ));
    }
    Ok(Exit::Ok)
}

/// Whether an interrupted change got as far as the log.
fn on_record(global: &Global, old: &NodeKey, new: &NodeKey) -> Result<bool, Failure> {
    let reader = match desk::reader(global) {
        Ok(reader) => reader,
        Err(failure) if failure.exit == Exit::NotFound => return Ok(false),
        Err(failure) => return Err(failure),
    };
    let (old, new) = (old.public(), new.public());
    let recorded = keys::rotations(&reader).map_err(desk::store_failure)?;
    Ok(recorded.iter().any(|rotation| rotation.old == old && rotation.new == new))
}

fn list(global: &Global, home: &Home) -> Outcome {
    let current = home.audit_key()?.public();
    let rotations = match desk::reader(global) {
        Ok(reader) => keys::rotations(&reader).map_err(desk::store_failure)?,
        Err(failure) if failure.exit == Exit::NotFound => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let terms = keys::terms(&rotations, &current);
    let words = |at: Option<i64>, none: &str| at.map_or_else(|| none.to_owned(), at::text);
    if global.json {
        let row = |term: &Term| {
            json!({
                "key": term.key.to_string(), "fingerprint": term.key.fingerprint(),
                "from": term.from_us.map(at::text), "until": term.until_us.map(at::text), "signs": term.key == current,
            })
        };
        output::json(&json!({ "keys": terms.iter().map(row).collect::<Vec<_>>() }))?;
        return Ok(Exit::Ok);
    }
    let row = |term: &Term| {
        let signs = if term.key == current { "signs now" } else { "" };
        let (from, until) = (words(term.from_us, "the beginning"), words(term.until_us, ""));
        vec![term.key.to_string(), from, until, signs.to_owned()]
    };
    output::table(&["KEY", "FROM", "UNTIL", ""], terms.iter().map(row));
    if home.next_audit_key()?.is_some() {
        output::note("a change of the key was begun and isn't finished: candor audit key rotate");
    }
    Ok(Exit::Ok)
}
