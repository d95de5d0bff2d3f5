//! Running a program once, within limits of time and output.

use std::{
    ffi::OsString, io, os::unix::fs::PermissionsExt, os::unix::process::ExitStatusExt, path::Path, process::Stdio,
    time::Duration,
};

use candor_approval::{LiveGate, Permit};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Child,
    time::timeout,
};

/// Most bytes kept of each output. What follows is read and dropped, so that the program doesn't hang on a full pipe.
pub const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// How long an output is waited for after the program itself ended: something that it left in the background may hold it open.
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// A program to run. No shell is involved.
pub(crate) struct Program<'a> {
    /// Its path.
    pub(crate) path: &'a Path,
    /// Its arguments, one each.
    pub(crate) args: &'a [String],
    /// Its whole environment.
    pub(crate) env: Vec<(String, OsString)>,
    /// What it finds on its standard input.
    pub(crate) input: Vec<u8>,
    /// Longest run.
    pub(crate) timeout: Duration,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// How it ended.
    pub ended: Ended,
    /// Its standard output, up to [`OUTPUT_BYTES_MAX`].
    pub stdout: Vec<u8>,
    /// Its standard error, up to [`OUTPUT_BYTES_MAX`].
    pub stderr: Vec<u8>,
}

impl Run {
    /// Its exit code, if it came to one.
    pub(super) fn status(&self) -> Option<i64> {
        match self.ended {
            Ended::Exited(code) => Some(i64::from(code)),
            Ended::NotStarted { .. } | Ended::Killed(_) | Ended::TimedOut(_) | Ended::Lost(_) => None,
        }
    }

    /// What it printed, with its words for people after its answer.
    pub(super) fn outputs(mut self) -> Vec<u8> {
        if !self.stdout.is_empty() && !self.stderr.is_empty() {
            self.stdout.push(b' ');
        }
        self.stdout.extend(self.stderr);
        self.stdout
    }

    /// The reason, with the first line that the program wrote for people.
    pub(crate) fn with_words(&self, why: &str) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        match text.lines().map(str::trim).find(|line| !line.is_empty()) {
            Some(line) => format!("{why}: {line}"),
            None => why.to_owned(),
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It never ran.
    NotStarted {
        /// Whether that is because of the program (it isn't there or can't be run) rather than the machine's state.
        missing: bool,
        /// In plain words.
        why: String,
    },
    /// It ended by itself with this code.
    Exited(i32),
    /// It was ended by this signal, from outside.
    Killed(i32),
    /// It ran longer than this, and was killed with all that it had started.
    TimedOut(Duration),
    /// Its end couldn't be seen.
    Lost(String),
}

impl Ended {
    /// In words.
    pub(crate) fn says(&self) -> String {
        match self {
            Self::NotStarted { why, .. } => why.clone(),
            Self::Exited(code) => format!("exit code {code}"),
            Self::Killed(signal) => format!("the program was ended by signal {signal}"),
            Self::TimedOut(after) => {
                format!("no end within {}; the program was killed", candor_core::time::format_duration(*after))
            }
            Self::Lost(why) => format!("the program's end wasn't seen: {why}"),
        }
    }
}

/// Kills a program with all that it started, unless it ended: also when the sending itself is given up, as at shutdown.
struct Group(Option<Pid>);

impl Group {
    fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // The only error is that it is gone already.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Those of this process's variables that are set, with their values.
pub(crate) fn inherited<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<(String, OsString)> {
    names.into_iter().filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?))).collect()
}

/// Runs the program once: in the root folder, in a process group of its own.
pub(super) async fn run<G: LiveGate>(permit: Permit<G>, program: Program<'_>) -> Run {
    run_keeping(permit, program, OUTPUT_BYTES_MAX).await
}

/// The same, keeping so many bytes of each output.
pub(crate) async fn run_keeping<G: LiveGate>(_permit: Permit<G>, program: Program<'_>, bytes_max: usize) -> Run {
    let mut command = tokio::process::Command::new(program.path);
    command.args(program.args).env_clear().envs(program.env).current_dir("/").process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return nothing(not_started(program.path, &error)),
    };
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let ended = timeout(program.timeout, talk(&mut child, program.input, (&mut stdout, &mut stderr), bytes_max)).await;
    let ended = match ended {
        Ok(Ok(status)) => {
            group.ended();
            match (status.code(), status.signal()) {
                (Some(code), _) => Ended::Exited(code),
                (None, Some(signal)) => Ended::Killed(signal),
                (None, None) => Ended::Lost("neither an exit code nor a signal".to_owned()),
            }
        }
        Ok(Err(error)) => Ended::Lost(error.to_string()),
        Err(_) => Ended::TimedOut(program.timeout),
    };
    Run { ended, stdout, stderr }
}

fn nothing(ended: Ended) -> Run {
    Run { ended, stdout: Vec::new(), stderr: Vec::new() }
}

/// Feeds the program, and reads it until it has ended and its outputs are closed or [`DRAIN_MAX`] is over.
async fn talk(
    child: &mut Child,
    input: Vec<u8>,
    (stdout, stderr): (&mut Vec<u8>, &mut Vec<u8>),
    bytes_max: usize,
) -> io::Result<std::process::ExitStatus> {
    let (pipe_in, pipe_out, pipe_err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut pipe) = pipe_in {
            // A program may well not read it, and end first.
            let _ = pipe.write_all(&input).await;
        }
    };
    let outputs = async {
        tokio::join!(feed, keep(pipe_out, stdout, bytes_max), keep(pipe_err, stderr, bytes_max));
    };
    tokio::pin!(outputs);
    tokio::select! {
        status = child.wait() => {
            let status = status?;
            let _ = timeout(DRAIN_MAX, outputs).await;
            Ok(status)
        }
        () = &mut outputs => child.wait().await,
    }
}

async fn keep(pipe: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>, bytes_max: usize) {
    let Some(mut pipe) = pipe else { return };
    let mut chunk = [0_u8; 4096];
    while let Ok(read) = pipe.read(&mut chunk).await {
        if read == 0 {
            return;
        }
        let room = bytes_max.saturating_sub(into.len());
        into.extend(chunk.iter().take(read.min(room)));
    }
}

fn not_started(program: &Path, error: &io::Error) -> Ended {
    let shown = program.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            let why = missing(program).unwrap_or_else(|| {
                format!("program `{shown}` can't be run: the interpreter in its first line isn't there")
            });
            Ended::NotStarted { missing: true, why }
        }
        io::ErrorKind::PermissionDenied => {
            let why = missing(program).unwrap_or_else(|| format!("program `{shown}` may not be run by this user"));
            Ended::NotStarted { missing: true, why }
        }
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => Ended::NotStarted {
            missing: true,
            why: format!("program `{shown}` is no program; a script's first line must be `#!/bin/sh` or the like"),
        },
        _ => Ended::NotStarted { missing: false, why: format!("program `{shown}` can't be started now: {error}") },
    }
}

/// What keeps the program from being run, as far as its file shows.
pub(crate) fn missing(program: &Path) -> Option<String> {
    let shown = program.display();
    match std::fs::metadata(program) {
        Ok(file) if !file.is_file() => Some(format!("`{shown}` is not a program but a folder or a device")),
        Ok(file) if file.permissions().mode() & 0o111 == 0 => {
            Some(format!("program `{shown}` is not executable; run `chmod +x {shown}`"))
        }
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(format!("program `{shown}` isn't there")),
        Err(error) => Some(format!("program `{shown}` can't be looked at: {error}")),
    }
}
