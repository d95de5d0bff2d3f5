//! `cargo xtask independent`: bundles and a package of the real binary, held against implementations that share no code with it.

use std::{fs, path::Path, process::Command};

use crate::{
    shell::{TaskError, Trying as _, answers, failed, root, show, show_and_keep},
    steps::Found,
    test,
};

/// Makes bundles and has others check them.
pub(crate) fn run() -> Result<bool, TaskError> {
    Ok(checks()?.failed == 0)
}

/// The same as a step of a longer run.
pub(crate) fn checks() -> Result<Found, TaskError> {
    if !answers("python3", &["-m", "venv", "--help"]) {
        return failed("`python3` with `venv` is not there: other implementations of the formats are Python packages");
    }
    test::build()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let folder = target.join("independent");
    let _ = fs::remove_dir_all(folder.join("state"));
    fs::create_dir_all(&folder).trying(format!("cannot make `{}`", folder.display()))?;
    let key = bundles(&target.join("debug/candor"), &folder)?;
    let mut command = Command::new(python(&folder)?);
    command.current_dir(root().join("integrations")).arg("independent.py").arg(key);
    command.args(["task.tar", "redacted.tar", "window.tar", "copy.tar"].map(|name| folder.join(name)));
    let bundles = counted(&mut command)?;
    let mut command = Command::new(python(&folder)?);
    command.current_dir(root().join("integrations")).arg("independent_package.py");
    command.arg(package(&target.join("debug/candor"), &folder)?).arg(folder.join("package.tar"));
    let package = counted(&mut command)?;
    let approval = counted(&mut approval(&target.join("debug/candor"), &folder)?)?;
    let all = [bundles, package, approval];
    let (passed, failed) = (all.iter().map(|of| of.passed).sum(), all.iter().map(|of| of.failed).sum());
    Ok(Found { passed, failed, closing: Vec::new() })
}

/// A package of approvals, built in a state folder of its own, and what holds the verdict on it against jsonschema's.
fn approval(candor: &Path, folder: &Path) -> Result<Command, TaskError> {
    let state = folder.join("state");
    for arguments in [["readback", "readiness"], ["approval", "build"]] {
        let output = Command::new(candor).arg("--state").arg(&state).args(arguments).output();
        let output = output.trying(format!("cannot run `{}`", candor.display()))?;
        if !output.status.success() {
            return failed(format!("`candor {}`: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)));
        }
    }
    let mut command = Command::new(python(folder)?);
    command.current_dir(root().join("integrations")).arg("independent_approval.py").arg(candor).arg(state);
    command.arg(root().join("crates/approval/testdata/contract.schema.json"));
    for stage in ["ai_agent_runtime_readback_approval_package_v1", "ai_agent_owner_approved_result_capture_readback_v1"]
    {
        command.arg(root().join(format!("schemas/{stage}.schema.json")));
    }
    Ok(command)
}

/// Runs what prints a line per check.
fn counted(command: &mut Command) -> Result<Found, TaskError> {
    let (succeeded, lines) = show_and_keep(command, |line| line.starts_with("ok ") || line.starts_with("FAILED"))?;
    let bad = lines.iter().filter(|line| line.starts_with("FAILED")).count() as u64;
    Ok(Found { passed: lines.len() as u64 - bad, failed: bad.max(u64::from(!succeeded)), closing: Vec::new() })
}

/// The plugin package as `package.tar`. Gives its builder's public key.
fn package(candor: &Path, folder: &Path) -> Result<String, TaskError> {
    let run = |arguments: &[&str]| -> Result<String, TaskError> {
        let output = Command::new(candor).current_dir(folder).args(["package"]).args(arguments).output();
        let output = output.trying(format!("cannot run `{}`", candor.display()))?;
        if !output.status.success() {
            return failed(format!("`candor package`: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let key = run(&["key", "package.key"])?;
    run(&["build", "--key", "package.key", "--out", "package.tar", "--force"])?;
    Ok(key)
}

/// A little life on record, three bundles of it, and a redacted copy of one. Gives the node's public key.
fn bundles(candor: &Path, folder: &Path) -> Result<String, TaskError> {
    let run = |arguments: &[&str]| -> Result<String, TaskError> {
        let output = Command::new(candor).current_dir(folder).args(["--state", "state"]).args(arguments).output();
        let output = output.trying(format!("cannot run `{}`", candor.display()))?;
        // A report can be taken and not stand: exit code 6 is policy's.
        if !matches!(output.status.code(), Some(0 | 6)) {
            return failed(format!("`candor {}`: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    run(&["task", "start", "nightly", "--agent", "builder"])?;
    run(&["notify", "käse \u{1F9C0} \"quoted\"", "--task", "nightly", "--agent", "builder"])?;
    run(&["task", "start", "other", "--agent", "reviewer"])?;
    run(&["task", "complete", "nightly", "--agent", "builder", "--summary", "done, all 1e21 tests pass"])?;
    run(&["task", "fail", "other", "--agent", "reviewer", "--reason", "out of budget"])?;
    let export = |out: &str, more: &[&str]| run(&[&["audit", "export", "--force", "--out", out], more].concat());
    export("task.tar", &["--task", "nightly"])?;
    export(
        "redacted.tar",
        &["--task", "nightly", "--selected", "--redact", "/event/data/summary", "--redact", "/notice/title"],
    )?;
    export("window.tar", &["--since", "2020-01-01T00:00:00Z"])?;
    let key = run(&["audit", "key"])?;
    let copy = ["audit", "redact", "task.tar", "--key", &key, "--out", "copy.tar", "--force"];
    run(&[&copy[..], &["--pointer", "/event/data/summary", "--pointer", "/rules"]].concat())?;
    Ok(key)
}

/// A Python with the packages of `integrations/requirements.txt`.
fn python(folder: &Path) -> Result<std::path::PathBuf, TaskError> {
    let (venv, wanted) = (folder.join("venv"), root().join("integrations/requirements.txt"));
    let python = venv.join("bin/python");
    let (there, text) = (venv.join("requirements.txt"), fs::read_to_string(&wanted).trying("no requirements.txt")?);
    if fs::read_to_string(&there).is_ok_and(|had| had == text) {
        return Ok(python);
    }
    let made = show(Command::new("python3").args(["-m", "venv"]).arg(&venv))?
        && show(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(&wanted),
        )?;
    if !made {
        return failed("the Python packages of integrations/requirements.txt can't be installed");
    }
    fs::write(&there, text).trying(format!("cannot write `{}`", there.display()))?;
    Ok(python)
}
