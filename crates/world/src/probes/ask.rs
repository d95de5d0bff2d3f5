//! A program that answers a question, briefly.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// Longest time that the program may take: less than a probe, so that it is stopped and doesn't outlive it.
const RUN_MAX: Duration = Duration::from_secs(4);
/// How often it is looked whether it has ended.
const POLL: Duration = Duration::from_millis(10);
/// Most output that is kept, in bytes.
const OUTPUT_BYTES_MAX: u64 = 256;

/// The program of that name in these folders.
pub(crate) fn find(name: &str, path: &[PathBuf]) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let runs =
        |at: &PathBuf| std::fs::metadata(at).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    // A name with a slash would lead out of the path.
    if name.contains('/') {
        return None;
    }
    path.iter().map(|folder| folder.join(name)).find(runs)
}

/// Runs a program without input in a group of its own; how it ended, and the first line that it printed.
pub(crate) fn ask(program: &Path, args: &[&str]) -> Result<(ExitStatus, String), String> {
    let (status, bytes) = output(program, args, OUTPUT_BYTES_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok((status, text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect()))
}

/// Runs a program without input in a group of its own; how it ended, and the first bytes that it printed, at most so many. What it complains
/// with is dropped.
pub(crate) fn output<A: AsRef<std::ffi::OsStr>>(
    program: &Path,
    args: &[A],
    bytes_max: u64,
) -> Result<(ExitStatus, Vec<u8>), String> {
    use std::os::unix::process::CommandExt as _;
    let shown = program.display();
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("`{shown}` can't be run: {error}"))?;
    let out = child.stdout.take();
    let until = Instant::now() + RUN_MAX;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < until => thread::sleep(POLL),
            Ok(None) | Err(_) => break None,
        }
    };
    // What it started and left behind would hold the pipe open.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let Some(status) = status else {
        let _ = child.wait();
        return Err(format!("`{shown}` didn't end within {} s and was stopped", RUN_MAX.as_secs()));
    };
    let mut bytes = Vec::new();
    if let Some(out) = out {
        let _ = out.take(bytes_max).read_to_end(&mut bytes);
    }
    Ok((status, bytes))
}
