//! `candor package install|upgrade|downgrade`: another package is gone by from now on.
//!
//! In this order: checked whole, put in its place, tried with this machine's configuration, put on record, selected. After a crash between
//! any two of them the old one is still in use, and the same command again finishes.

use std::{cmp::Ordering, path::PathBuf};

use candor_core::package::{Change, Misfit};
use candor_path::Act;
use clap::Args;
use serde_json::json;

use super::verify::VerifyArgs;
use crate::{
    cli::Global,
    commands::audit::public_key,
    config::Config,
    desk::{self, DaemonFile, Desk},
    engine::{Clock, crash},
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
    package::{self, Installed, Lock, Selection},
};

#[derive(Debug, Args)]
pub struct ExchangeArgs {
    /// The package's file, or NAME@VERSION of one that is installed already
    package: String,
    /// For a file: the builder's public key, or @FILE that holds it
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// Installs a first package.
pub fn install(global: &Global, args: &VerifyArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let lock = Lock::take(&home)?;
    let installed = from_file(&home, &lock, &args.file, &args.key, |manifest| match Selection::read(&home)? {
        Some(selected) if selected.id() != manifest.id() => {
            Err(Failure::new(Exit::Refused, format!("`{}` is in use", selected.id()))
                .hint("`candor package upgrade` or `downgrade` lets another take its place"))
        }
        _ => Ok(()),
    })?;
    take_up(global, &home, &lock, &installed, Change::Installed)
}

/// Lets a newer package take the place of the one in use.
pub fn upgrade(global: &Global, args: &ExchangeArgs) -> Outcome {
    exchange(global, args, Ordering::Greater, Change::Upgraded)
}

/// Lets an older package take the place of the one in use.
pub fn downgrade(global: &Global, args: &ExchangeArgs) -> Outcome {
    exchange(global, args, Ordering::Less, Change::Downgraded)
}

fn exchange(global: &Global, args: &ExchangeArgs, way: Ordering, change: Change) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let lock = Lock::take(&home)?;
    let Some(selected) = Selection::read(&home)? else {
        return Err(Failure::new(Exit::Refused, "no package is in use")
            .hint("`candor package install FILE --key KEY` installs a first one"));
    };
    // Also when it doesn't fit this program any more: its manifest says what may take its place.
    let current = package::find(&home, &selected.id())?;
    let allowed = |manifest: &candor_core::package::Manifest| -> Result<(), Failure> {
        if manifest.id() == selected.id() {
            return Ok(());
        }
        match manifest.replaces(&current.manifest).map_err(refused)? {
            found if found == way => Ok(()),
            found => {
                let (what, other) = match found {
                    Ordering::Greater => ("newer", "upgrade"),
                    _ => ("older", "downgrade"),
                };
                Err(Failure::new(Exit::Refused, format!("`{}` is {what} than `{}`", manifest.id(), selected.id()))
                    .hint(format!("`candor package {other}` is the command for that")))
            }
        }
    };
    let path = PathBuf::from(&args.package);
    let installed = match &args.key {
        Some(key) => from_file(&home, &lock, &path, key, allowed)?,
        None if path.is_file() => {
            return Err(Failure::new(Exit::Usage, format!("`{}` is a file, and no key is named", path.display()))
                .hint("give the builder's public key with `--key KEY`"));
        }
        None => {
            let installed = package::find(&home, &args.package)?;
            installed.check()?;
            installed.manifest.fits(&package::host()).map_err(refused)?;
            allowed(&installed.manifest)?;
            installed
        }
    };
    take_up(global, &home, &lock, &installed, change)
}

/// Checks a package's file, and puts it in its place.
fn from_file(
    home: &Home,
    lock: &Lock,
    path: &std::path::Path,
    key: &str,
    allowed: impl Fn(&candor_core::package::Manifest) -> Result<(), Failure>,
) -> Result<Installed, Failure> {
    let key = public_key(key)?;
    let opened = package::open(path, &key)?;
    opened.manifest.fits(&package::host()).map_err(refused)?;
    allowed(&opened.manifest)?;
    package::place(home, lock, &opened, &key.to_string(), Clock::from_env().now())
}

fn refused(misfit: Misfit) -> Failure {
    Failure::new(Exit::Refused, misfit.why).hint(misfit.hint)
}

/// Lets a package be gone by from now on.
fn take_up(global: &Global, home: &Home, lock: &Lock, installed: &Installed, change: Change) -> Outcome {
    let selected = Selection::read(home)?;
    if selected.as_ref().is_some_and(|of| of.id() == installed.id() && of.manifest_sha256 == installed.digest) {
        return told(global, home, installed, "was in use already");
    }
    let before = selected.as_ref().map(Selection::id);
    // What this machine binds must hold over it, or the next start would find a configuration that can't be used.
    let config = Config::load_over(home, Some(installed.clone())).map_err(|failure| {
        Failure::new(
            failure.exit,
            format!("this machine's configuration doesn't hold over `{}`: {}", installed.id(), failure.message),
        )
        .hint("mend the configuration first; the package lies there, and is not in use")
    })?;
    let act = Act::Package {
        change,
        package: installed.id(),
        manifest_sha256: installed.digest.clone(),
        key: installed.receipt.key.clone(),
        before,
    };
    record(global, home, config, act)?;
    crash::point("package.recorded");
    let before = selected.filter(|of| of.name == installed.manifest.name).map(|of| of.version);
    package::select(home, lock, installed, before)?;
    told(global, home, installed, "is in use")
}

/// Puts the act on record before it holds: by the configuration in use where that can be gone by, else by the one that follows.
pub(super) fn record(global: &Global, home: &Home, after: Config, act: Act) -> Result<(), Failure> {
    let config = Config::load(home).unwrap_or(after);
    desk::block_on(async {
        let desk = Desk::open_by(global, config).await?;
        desk.act(act).await?;
        desk.close().await
    })
}

fn told(global: &Global, home: &Home, installed: &Installed, what: &str) -> Outcome {
    let before = Selection::read(home)?.and_then(|of| of.before);
    if global.json {
        let package = json!({
            "package": installed.id(), "manifest_sha256": installed.digest, "key": installed.receipt.key, "before": before,
        });
        output::json(&package)?;
        return Ok(Exit::Ok);
    }
    output::line(format!("{} {what}", installed.id()));
    if let Some(before) = before {
        output::line(format!("the one before is kept: candor package downgrade {}@{before}", installed.manifest.name));
    }
    hint_reload(home);
    Ok(Exit::Ok)
}

/// A daemon that runs goes by the new one only when it is asked to.
pub(super) fn hint_reload(home: &Home) {
    if DaemonFile::read(home).is_some_and(|daemon| desk::is_reachable(&daemon)) {
        output::line("the running daemon goes by it after: candor config reload");
    }
}
