//! `candor audit checkpoint compare`: this log against heads of it that were published earlier.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use candor_audit::{
    at,
    merkle::{Hash, log_leaf},
    proof::{consistency, is_consistent},
    sign::{checkpoint::Checkpoint, key::PublicKey},
};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{checkpoint::files, source, verify};
use crate::{
    cli::Global,
    desk,
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    heads::read_note,
    home::Home,
    keys, output,
};

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Files with a signed head each, or folders of such files (`*.txt`)
    #[arg(required = true, value_name = "FILE|FOLDER")]
    heads: Vec<PathBuf>,
    /// A further public key of this node, or @FILE: for heads signed by a key that isn't on record here (repeatable)
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
}

/// How a head stands to this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    /// The log goes on from it.
    Consistent,
    /// The log has fewer records than it had then.
    Truncated,
    /// The log's first records are others than they were then.
    Forked,
    /// It is of another log.
    Foreign,
    /// No key of this node signed it.
    NotSigned,
    /// It can't be read as a head.
    Unreadable,
}

impl Standing {
    fn words(self) -> &'static str {
        match self {
            Self::Consistent => "consistent: the log goes on from it",
            Self::Truncated => "TRUNCATED: the log has fewer records now",
            Self::Forked => "FORKED: the log's first records are others now",
            Self::Foreign => "foreign: it is of another log",
            Self::NotSigned => "NOT SIGNED by a key of this node",
            Self::Unreadable => "unreadable: it is no head",
        }
    }
}

/// A head, and how it stands.
#[derive(Debug, Serialize)]
struct Row {
    file: PathBuf,
    standing: Standing,
    size: Option<u64>,
    at: Option<String>,
    /// The RFC 9162 consistency proof from that head to the log's, in base64: what shows it to somebody who has both heads alone.
    proof: Option<Vec<String>>,
}

/// Compares, and says how each head stands.
pub(super) fn run(global: &Global, home: &Home, args: &CompareArgs) -> Outcome {
    let files = files(&args.heads)?;
    if files.is_empty() {
        return Err(Failure::new(Exit::Usage, "there is no head to compare with")
            .hint("name a file that holds one, or a folder of `*.txt`"));
    }
    let reader = desk::reader(global)?;
    let current = home.audit_key()?.public();
    let rotations = keys::rotations(&reader).map_err(desk::store_failure)?;
    let mut known: Vec<PublicKey> = keys::terms(&rotations, &current).into_iter().map(|term| term.key).collect();
    known.push(current.clone());
    for text in &args.key {
        known.push(verify::key(text)?);
    }
    // The log as its records are, not as the store says that it is.
    let mut leaves = Vec::new();
    let head = source::head(&reader, current.name(), Clock::from_env().now(), |entry| {
        leaves.push(log_leaf(&entry.stored.header_line));
    })?;
    let rows: Vec<Row> = files.into_iter().map(|file| compare(file, &head, &leaves, &known)).collect();
    let broken = rows.iter().any(|row| row.standing != Standing::Consistent);
    if global.json {
        let log = json!({ "origin": head.origin, "size": head.size, "root": STANDARD.encode(head.root) });
        output::json(&json!({ "consistent": !broken, "log": log, "heads": rows }))?;
    } else {
        let cell = |row: &Row| {
            let size = row.size.map(|size| size.to_string()).unwrap_or_default();
            vec![
                row.file.display().to_string(),
                size,
                row.at.clone().unwrap_or_default(),
                row.standing.words().to_owned(),
            ]
        };
        output::table(&["FILE", "RECORDS", "SIGNED AT", ""], rows.iter().map(cell));
        output::line(format!("this log has {} records", head.size));
    }
    Ok(if broken { Exit::NotIntact } else { Exit::Ok })
}

fn compare(file: PathBuf, log: &Checkpoint, leaves: &[Hash], known: &[PublicKey]) -> Row {
    let row = |standing, of: Option<&Checkpoint>, proof| Row {
        file: file.clone(),
        standing,
        size: of.map(|head| head.size),
        at: of.map(|head| at::text(head.at_us)),
        proof,
    };
    let Some(note) = read_note(&file) else { return row(Standing::Unreadable, None, None) };
    let Ok(said) = Checkpoint::said(&note) else { return row(Standing::Unreadable, None, None) };
    if said.origin != log.origin {
        return row(Standing::Foreign, Some(&said), None);
    }
    let Some(head) = known.iter().find_map(|key| Checkpoint::open(&note, key).ok()) else {
        return row(Standing::NotSigned, Some(&said), None);
    };
    if head.size > log.size {
        return row(Standing::Truncated, Some(&head), None);
    }
    let proof = consistency(leaves, head.size);
    if !is_consistent(head.size, &head.root, log.size, &log.root, &proof) {
        return row(Standing::Forked, Some(&head), None);
    }
    let proof = proof.iter().map(|hash| STANDARD.encode(hash)).collect();
    row(Standing::Consistent, Some(&head), Some(proof))
}
