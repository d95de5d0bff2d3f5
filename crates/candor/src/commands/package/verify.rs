//! `candor package verify`: a package, held against the key of its builder.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{described, show};
use crate::{
    cli::Global,
    commands::audit::public_key,
    exit::{Exit, Failure, Outcome},
    output, package,
};

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The package
    pub file: PathBuf,
    /// The builder's public key, or @FILE that holds it; get it from the builder, not from whoever sent the package
    #[arg(long, value_name = "KEY")]
    pub key: String,
}

/// Checks the package, and says what is in it.
pub fn run(global: &Global, args: &VerifyArgs) -> Outcome {
    let key = public_key(&args.key)?;
    let opened = package::open(&args.file, &key)?;
    opened
        .manifest
        .fits(&package::host())
        .map_err(|misfit| Failure::new(Exit::Refused, misfit.why).hint(misfit.hint))?;
    let bytes = &opened.package.manifest;
    if global.json {
        let package = described(&opened.manifest, &opened.content, bytes, &key.to_string());
        return output::json(&json!({ "sound": true, "package": package })).map(|()| Exit::Ok);
    }
    show(&opened.manifest, &opened.content, bytes, key.name());
    Ok(Exit::Ok)
}
