//! `candor package`: the plugin package as a file, and the packages that are installed here.

mod build;
mod install;
mod key;
mod list;
mod remove;
mod verify;

use candor_audit::package::digest;
use candor_core::package::{Content, Manifest};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::{cli::Global, exit::Outcome, output};

/// Build, check and install the plugin package.
#[derive(Debug, Subcommand)]
pub enum PackageCommand {
    /// Make a key that signs packages, or print the public key of one that is there
    #[command(
        after_help = "Example:\n  candor package key ~/.secrets/package.key --name acme > package.pub\n\nThe file is made readable by its owner alone, and never written over. What is printed is for everybody."
    )]
    Key(key::KeyArgs),
    /// Make a signed package of a source tree, or of what this program has within; the same input gives the same bytes
    #[command(
        after_help = "Examples:\n  candor package build --key ~/.secrets/package.key --out governance.tar\n  candor package build --from . --key ~/.secrets/package.key --out governance.tar\n\nExit code: 8 when something is in it that no package may hold."
    )]
    Build(build::BuildArgs),
    /// Check a package: whole, signed by that key, with nothing in it that belongs to one machine
    #[command(
        after_help = "Example:\n  candor package verify governance.tar --key @package.pub\n\nExit code: 0 when it is sound, 1 when it isn't intact, 2 when it can't be read, 7 when it doesn't fit this candor, 8 when something is in it that no package may hold."
    )]
    Verify(verify::VerifyArgs),
    /// Install a package and use it, where none is in use yet
    #[command(
        after_help = "Example:\n  candor package install governance.tar --key @package.pub\n\nA running daemon goes by it after `candor config reload`."
    )]
    Install(verify::VerifyArgs),
    /// Show what is installed, and what is in use
    #[command(after_help = "Example:\n  candor package list\n\nExit code: 1 when one of them isn't intact any more.")]
    List,
    /// Let a newer package take the place of the one in use, which is kept
    #[command(
        after_help = "Examples:\n  candor package upgrade governance-2.tar --key @package.pub\n  candor package upgrade reporting-governance@0.2.0-mainline     # one that is installed already"
    )]
    Upgrade(install::ExchangeArgs),
    /// Let an older package take the place of the one in use, which is kept
    #[command(
        after_help = "Examples:\n  candor package downgrade reporting-governance@0.1.0-mainline   # back to the one before\n  candor package downgrade governance-1.tar --key @package.pub"
    )]
    Downgrade(install::ExchangeArgs),
    /// Take an installed package away; the one in use only when that is said
    #[command(after_help = "Example:\n  candor package remove reporting-governance@0.1.0-mainline")]
    Remove(remove::RemoveArgs),
}

/// Runs the command.
pub fn run(global: &Global, command: PackageCommand) -> Outcome {
    match command {
        PackageCommand::Key(args) => key::run(global, &args),
        PackageCommand::Build(args) => build::run(global, &args),
        PackageCommand::Verify(args) => verify::run(global, &args),
        PackageCommand::Install(args) => install::install(global, &args),
        PackageCommand::List => list::run(global),
        PackageCommand::Upgrade(args) => install::upgrade(global, &args),
        PackageCommand::Downgrade(args) => install::downgrade(global, &args),
        PackageCommand::Remove(args) => remove::run(global, &args),
    }
}

/// What a package is, as JSON.
fn described(manifest: &Manifest, content: &Content, manifest_bytes: &[u8], key: &str) -> Value {
    json!({
        "name": manifest.name,
        "version": manifest.version,
        "manifest_sha256": digest(manifest_bytes),
        "signed_by": key,
        "files": manifest.files.len(),
        "bytes": manifest.files.iter().map(|file| file.bytes).sum::<u64>(),
        "compatibility": manifest.compatibility,
        "exchange": manifest.exchange,
        "content": {
            "packs": content.packs, "profiles": content.profiles, "capabilities": content.capabilities,
            "schemas": content.schemas, "pages": content.pages,
        },
    })
}

/// The same for people.
fn show(manifest: &Manifest, content: &Content, manifest_bytes: &[u8], key: &str) {
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    let fits = &manifest.compatibility.candor;
    let rows = [
        ("signed by", key.to_owned()),
        ("manifest", format!("sha256 {}", digest(manifest_bytes))),
        ("files", format!("{} of {bytes} bytes", manifest.files.len())),
        ("fits", format!("candor from {} and below {}", fits.from, fits.below)),
        (
            "exchange",
            format!(
                "takes the place of {} or newer, makes room for {} or newer",
                manifest.exchange.upgrade_from, manifest.exchange.downgrade_to
            ),
        ),
        ("packs", content.packs.join(", ")),
        ("profiles", content.profiles.join(", ")),
        ("descriptors", content.capabilities.join(", ")),
        ("schemas", content.schemas.join(", ")),
        ("binds", "nothing: no target, credential, schedule, root or program is in it".to_owned()),
    ];
    output::line(manifest.id());
    for (name, value) in rows {
        output::line(format!("  {name:<11} {value}"));
    }
}
