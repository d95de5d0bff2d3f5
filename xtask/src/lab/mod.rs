//! `cargo xtask lab`: other people's real programs on this machine, so that a sender is held against what they do and not against what
//! their manuals say.
//!
//! A lab runs in a network of its own that has loopback and nothing else; only the installation before it talks to a registry.

mod bot_api;
mod candor;
mod gateway;
mod install;
mod openclaw;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    shell::{TaskError, Trying as _, root, show},
    steps::Found,
    test,
};

/// Which lab.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    lab: Lab,
}

#[derive(clap::Subcommand)]
enum Lab {
    /// The sender `openclaw-cli` through a real OpenClaw gateway, with a made-up Bot API behind it (needs npm, some 900 MB, minutes).
    Openclaw {
        /// Set by the lab itself: it is in its own network already.
        #[arg(long, hide = true)]
        inside: bool,
    },
}

/// What a lab needs of the system, and what for.
const NEEDED: [(&str, &str, &str); 3] = [
    ("npm", "--version", "it fetches OpenClaw"),
    ("unshare", "--version", "it keeps the lab off the network"),
    ("ip", "-V", "it brings the lab's loopback up"),
];

/// Runs the lab; where its needs aren't met it says so, and nothing counts as failed.
pub(crate) fn run(args: &Args) -> Result<bool, TaskError> {
    let Lab::Openclaw { inside } = args.lab;
    if inside {
        return openclaw::run();
    }
    let Some(network) = network() else { return Ok(true) };
    install::openclaw()?;
    in_its_network(network)
}

/// The lab as a step of CI: where its packages can't be had, that is said and nothing counts.
pub(crate) fn checks() -> Result<Found, TaskError> {
    let Some(network) = network() else { return Ok(Found::default()) };
    if let Err(error) = install::openclaw() {
        println!("skipped: {error}");
        return Ok(Found::default());
    }
    in_its_network(network).map(Found::check)
}

/// How to get a network of the lab's own; none, and why, where its needs aren't met.
fn network() -> Option<&'static [&'static str]> {
    for (program, asked, what_for) in NEEDED {
        if !crate::shell::answers(program, &[asked]) {
            println!("skipped: `{program}` isn't there; {what_for}");
            return None;
        }
    }
    let network = own_network();
    if network.is_none() {
        println!("skipped: this user may make no network of its own; run it as root, or allow user namespaces");
    }
    network
}

fn in_its_network(network: &[&str]) -> Result<bool, TaskError> {
    test::build()?;
    // A build may have put another in the place of the file that this process was started from.
    let this = target().join("debug/xtask");
    let mut inside = Command::new("unshare");
    inside.args(network).args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]);
    show(inside.arg(this).args(["lab", "openclaw", "--inside"]))
}

/// The arguments with which `unshare` makes a network and a list of processes that end with it, if this user may.
fn own_network() -> Option<&'static [&'static str]> {
    const AS_ROOT: &[&str] = &["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const AS_USER: &[&str] = &["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    [AS_ROOT, AS_USER].into_iter().find(|network| {
        let mut tried = Command::new("unshare");
        tried.args(*network).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
        show(&mut tried).unwrap_or(false)
    })
}

/// The build's own folder.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Where labs are.
fn lab() -> PathBuf {
    target().join("lab/openclaw")
}

/// Makes a folder, with those above it.
fn folder(path: &Path) -> Result<(), TaskError> {
    fs::create_dir_all(path).trying(format!("cannot make `{}`", path.display()))
}

/// Writes a file.
fn write(path: &Path, text: &str) -> Result<(), TaskError> {
    fs::write(path, text).trying(format!("cannot write `{}`", path.display()))
}
