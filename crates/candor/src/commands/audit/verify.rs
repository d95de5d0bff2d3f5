//! `candor audit verify`: a bundle, held against a key and heads that come from elsewhere.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use candor_audit::{
    bundle::{
        verdict::{Anchor, Complete, Failure as NoVerdict, Verdict},
        verify::{Source, Trust, verify},
    },
    sign::{checkpoint::Checkpoint, key::PublicKey, note::MAX_NOTE_BYTES},
};
use clap::Args;
use serde_json::json;

use crate::{
    cli::Global,
    exit::{Exit, Failure, Outcome},
    output,
};

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The bundle
    file: PathBuf,
    /// The node's public key, or @FILE that holds it; get it from the node's owner, not from whoever sent the bundle
    #[arg(long, value_name = "KEY")]
    key: String,
    /// A signed head of the same log that you got earlier (repeatable)
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
}

/// A bundle in a file.
struct InFile<'a>(&'a Path);

impl Source for InFile<'_> {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.0)?))
    }
}

/// Checks the bundle and says what it shows.
pub fn run(global: &Global, args: &VerifyArgs) -> Outcome {
    let key = key(&args.key)?;
    let known = args.known.iter().map(|path| head(path, &key)).collect::<Result<Vec<_>, _>>()?;
    match verify(&InFile(&args.file), &Trust { key: &key, known: &known }) {
        Ok(verdict) => {
            show(global, &verdict)?;
            Ok(Exit::Ok)
        }
        Err(NoVerdict::Found(finding)) => {
            if global.json {
                output::json(&json!({ "intact": false, "finding": finding }))?;
            } else {
                output::line("not intact");
                output::line(finding);
            }
            Ok(Exit::NotIntact)
        }
        Err(NoVerdict::Unreadable(error)) => Err(Failure::new(
            Exit::Usage,
            format!("`{}` can't be read: {error}; nothing is said about it", args.file.display()),
        )),
    }
}

/// A public key, or the one in the file that `@FILE` names.
///
/// # Errors
/// When it is none.
pub fn key(text: &str) -> Result<PublicKey, Failure> {
    let text = match text.strip_prefix('@') {
        None => text.to_owned(),
        Some(path) => note(Path::new(path))?,
    };
    text.parse().map_err(|error| Failure::new(Exit::Usage, format!("{error}")))
}

/// A head in a file, if `key` signed it.
pub(super) fn head(path: &Path, key: &PublicKey) -> Result<Checkpoint, Failure> {
    Checkpoint::open(&note(path)?, key)
        .map_err(|error| Failure::new(Exit::Usage, format!("`{}` is no head of this log: {error}", path.display())))
}

fn note(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_NOTE_BYTES as u64).read_to_string(&mut text))
        .map_err(|error| Failure::new(Exit::Usage, format!("`{}` can't be read: {error}", path.display())))?;
    Ok(text)
}

fn show(global: &Global, verdict: &Verdict) -> Result<(), Failure> {
    if global.json {
        return output::json(&json!({ "intact": true, "verdict": verdict }));
    }
    let complete = match verdict.complete {
        Complete::Range { from, to } => {
            format!("range: every header of records {from} to {} is shown", to.saturating_sub(1))
        }
        Complete::UpToLastShown { last: Some(last) } => format!("up to the last shown record, {last}"),
        Complete::UpToLastShown { last: None } => "no record is shown".to_owned(),
    };
    let anchored = match verdict.anchored {
        Anchor::SignerOnly => "by the signer's word only".to_owned(),
        Anchor::KnownHead { size } => format!("continues the head of {size} records that you brought"),
    };
    let rows = [
        ("about", verdict.about.clone()),
        ("signed by", verdict.signed_by.clone()),
        ("log", format!("{}, {} records at {}", verdict.origin, verdict.tree_size, verdict.head_at)),
        ("artifacts", format!("{} with {} headers", verdict.artifacts, verdict.headers)),
        ("complete", complete),
        ("redacted", format!("{} values", verdict.redacted)),
        ("withheld", format!("{} records", verdict.withheld)),
        ("gaps", format!("{} on record", verdict.gaps)),
        ("anchored", anchored),
    ];
    output::line("intact");
    for (name, value) in rows {
        output::line(format!("  {name:<10} {value}"));
    }
    output::line("what it doesn't prove:");
    verdict.not_proved.iter().for_each(|open| output::line(format!("  - {open}")));
    Ok(())
}
