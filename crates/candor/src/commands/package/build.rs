//! `candor package build`: a signed package, reproducibly.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{described, key, show};
use crate::{
    cli::Global,
    exit::{Exit, Failure, Outcome},
    files, output, package,
};

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// A source tree with a package-manifest.json; what this program has within when none is named
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The builder's signing key: see `candor package key`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Write over an existing file
    #[arg(long)]
    force: bool,
}

/// Builds the package.
pub fn run(global: &Global, args: &BuildArgs) -> Outcome {
    if args.out.exists() && !args.force {
        return Err(Failure::new(Exit::Usage, format!("`{}` is there already", args.out.display()))
            .hint("name another with `--out FILE`, or write over it with `--force`"));
    }
    let key = key::read(&args.key)?;
    let (manifest, files) = match &args.from {
        Some(root) => package::from_tree(root)?,
        None => package::core()?,
    };
    let built = package::build(manifest, &files, &key)?;
    files::write_whole(&args.out, &built.archive).map_err(|error| {
        Failure::new(Exit::Store, format!("`{}` can't be written: {error}", args.out.display()))
            .hint("name another place with `--out FILE`")
    })?;
    let public = key.public().to_string();
    if global.json {
        let package = described(&built.manifest, &built.content, &built.manifest_bytes, &public);
        return output::json(&json!({ "file": args.out, "package": package })).map(|()| Exit::Ok);
    }
    show(&built.manifest, &built.content, &built.manifest_bytes, key.public().name());
    output::line(format!("check it with: candor package verify {} --key {public}", args.out.display()));
    Ok(Exit::Ok)
}
