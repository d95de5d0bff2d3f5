//! `candor approval validate`: is it a package, and is what it says so?

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use candor_approval::validate::{self as check, Contract, Finding};
use candor_core::{limits::VALIDATE_BYTES_MAX, time::Timestamp};
use candor_store::sqlite::Reader;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    approvals::{shown, truth},
    cli::Global,
    desk::{reader, store_failure},
    exit::{Exit, Failure, Outcome},
    output,
};

#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Give the contract's verdict alone: the one of any JSON Schema 2020-12 validator
    #[arg(long)]
    schema_only: bool,
}

/// Checks the files; with `--json` a line each.
pub fn run(global: &Global, args: &ValidateArgs) -> Outcome {
    let contract = Contract::of_packages().map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    let mut exit = Exit::Ok;
    for file in &args.files {
        let bytes = read(file)?;
        let (mut is_json, mut found) = (true, Vec::new());
        match check::read(&bytes) {
            Err(error) => {
                is_json = false;
                found.push(Finding::new("", error.to_string()));
            }
            Ok(document) => {
                found.extend(contract.findings(&document));
                // Of what is no package there is nothing more to say.
                if found.is_empty() && !args.schema_only {
                    found.extend(deep(
                        &reader(global).map_err(|failure| {
                            failure.hint("what it says is held against this node's record; `--schema-only` needs none")
                        })?,
                        &document,
                    )?);
                }
            }
        }
        if !found.is_empty() {
            exit = Exit::NotIntact;
        }
        tell(global, args, file, is_json, &found)?;
    }
    Ok(exit)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unread =
        |error: std::io::Error| Failure::new(Exit::Usage, format!("`{}` can't be read: {error}", path.display()));
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|file| file.take(VALIDATE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(unread)?;
    if bytes.len() as u64 > VALIDATE_BYTES_MAX {
        return Err(Failure::new(
            Exit::Usage,
            format!("`{}` has more than {VALIDATE_BYTES_MAX} bytes", path.display()),
        ));
    }
    Ok(bytes)
}

fn deep(store: &Reader, document: &Value) -> Result<Vec<Finding>, Failure> {
    let built: Option<Timestamp> = document.get("generated_at").and_then(Value::as_str).and_then(|at| at.parse().ok());
    let known = truth::known(store, built.unwrap_or_default()).map_err(store_failure)?;
    Ok(check::check(document, &known))
}

fn tell(global: &Global, args: &ValidateArgs, file: &Path, is_json: bool, found: &[Finding]) -> Result<(), Failure> {
    let name = shown::text(&file.display().to_string());
    if global.json {
        return output::json(&json!({
            "file": name, "json": is_json, "valid": found.is_empty(), "schema_only": args.schema_only, "findings": found,
        }));
    }
    if found.is_empty() {
        let checked =
            if args.schema_only { "the contract takes it" } else { "the contract takes it, and what it says is so" };
        output::line(format!("{name}: {checked}"));
    } else {
        output::line(format!("{name}: {}", output::counted(found.len() as u64, "finding")));
        let place = |of: &Finding| if of.pointer.is_empty() { "(the document)".to_owned() } else { of.pointer.clone() };
        output::table(&["WHERE", "WHAT"], found.iter().map(|of| [place(of), of.what.clone()]));
    }
    Ok(())
}
