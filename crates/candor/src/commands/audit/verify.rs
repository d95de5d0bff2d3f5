//! `candor audit verify`: a bundle, held against a key and heads that come from elsewhere.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use candor_audit::{
    bundle::{
        self,
        verdict::{Anchor, Class, Complete, Failure as NoVerdict, Finding, Verdict},
        verify::{Checked, Seen, Trust},
    },
    sign::{checkpoint::Checkpoint, key::PublicKey, note::MAX_NOTE_BYTES},
};
use clap::Args;
use serde_json::json;

use super::{packed::InFile, progress::Progress, reads, show::visible, threads::Threads};
use crate::{
    cli::Global,
    exit::{Exit, Failure, Outcome},
    output,
};

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The bundle
    pub(super) file: PathBuf,
    /// The node's public key, or @FILE that holds it; get it from the node's owner, not from whoever sent the bundle. Repeat it for the
    /// keys that the node had before, where `--known` heads are signed by them
    #[arg(long, value_name = "KEY", required = true)]
    pub(super) key: Vec<String>,
    /// A signed head of the same log that you got earlier (repeatable)
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// The public key of whoever made this redacted copy, or @FILE that holds it, where that wasn't the node itself
    #[arg(long, value_name = "KEY")]
    copied_by: Option<String>,
}

/// Checks the bundle and says what it shows.
pub fn run(global: &Global, args: &VerifyArgs) -> Outcome {
    let Some(checked) = read(global, args, &mut |_| ())? else { return Ok(Exit::NotIntact) };
    reads::record(global, args, &checked.verdict, "verify");
    show(global, &checked.verdict)?;
    Ok(Exit::Ok)
}

/// Checks the bundle, and shows each record to `on_record` on the way: none of it counts if there is no verdict. What is wrong is told here,
/// and nothing is given then.
pub(super) fn read(
    global: &Global,
    args: &VerifyArgs,
    on_record: &mut dyn FnMut(&Seen<'_>),
) -> Result<Option<Checked>, Failure> {
    let keys = args.key.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?;
    let known = args.known.iter().map(|path| head(path, &keys)).collect::<Result<Vec<_>, _>>()?;
    let copier = args.copied_by.as_deref().map(self::key).transpose()?;
    let mut progress = Progress::new("checking");
    let mut each = |seen: &Seen<'_>| {
        progress.tick();
        on_record(seen);
    };
    match read_by_any(&args.file, &keys, &known, copier.as_ref(), &mut each) {
        Ok(checked) => Ok(Some(checked)),
        Err(NoVerdict::Found(finding)) => {
            if global.json {
                output::json(&json!({ "intact": false, "finding": finding }))?;
            } else {
                output::line("not intact");
                output::line(visible(&finding.to_string()));
            }
            Ok(None)
        }
        Err(other @ NoVerdict::Incomparable(_)) => Err(Failure::new(Exit::Usage, other.to_string())),
        Err(NoVerdict::Unreadable(error)) => Err(Failure::new(
            Exit::Usage,
            format!("`{}` can't be read: {error}; nothing is said about it", args.file.display()),
        )),
    }
}

/// What the bundle shows by the first of the reader's keys that signed it, or leads to the one that did; what the first found where none does.
pub(super) fn read_by_any(
    file: &Path,
    keys: &[PublicKey],
    known: &[Checkpoint],
    copier: Option<&PublicKey>,
    on_record: &mut dyn FnMut(&Seen<'_>),
) -> Result<Checked, NoVerdict> {
    let mut first = None;
    for key in keys {
        // Signatures are looked at before any record is shown.
        let mut threads = Threads::start();
        match bundle::verify::read(&InFile(file), &Trust { key, known, copier }, &mut threads, on_record) {
            Err(NoVerdict::Found(finding)) if finding.class == Class::Signature => {
                first.get_or_insert(finding);
            }
            other => return other,
        }
    }
    let none = || Finding::new(Class::Signature, "the archive", "no key was given to check it by");
    Err(first.unwrap_or_else(none).into())
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

/// A head in a file, if one of `keys` signed it.
pub(super) fn head(path: &Path, keys: &[PublicKey]) -> Result<Checkpoint, Failure> {
    let note = note(path)?;
    let mut failed = String::new();
    for key in keys {
        match Checkpoint::open(&note, key) {
            Ok(head) => return Ok(head),
            Err(error) => failed = error.to_string(),
        }
    }
    Err(Failure::new(Exit::Usage, format!("`{}` is no head of this log: {failed}", path.display()))
        .hint("where an older key of the node signed it, give that key too, with another `--key`"))
}

pub(super) fn note(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_NOTE_BYTES as u64).read_to_string(&mut text))
        .map_err(|error| Failure::new(Exit::Usage, format!("`{}` can't be read: {error}", path.display())))?;
    Ok(text)
}

pub(super) fn show(global: &Global, verdict: &Verdict) -> Result<(), Failure> {
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
    let mut rows = vec![
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
    if let Some(copy) = &verdict.derived {
        rows.insert(2, ("copied by", copy.by.clone()));
    }
    for change in &verdict.key_changes {
        let words = format!("{} gave up to {} at {}; both signed that", change.from, change.to, change.at);
        rows.insert(2, ("followed", words));
    }
    output::line("intact");
    for (name, value) in rows {
        output::line(format!("  {name:<10} {}", visible(&value)));
    }
    output::line("what it doesn't prove:");
    verdict.not_proved.iter().for_each(|open| output::line(format!("  - {}", visible(open))));
    Ok(())
}
