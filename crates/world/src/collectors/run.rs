//! Running a program within bounds: its own process group, a deadline, output hashed and bounded.

use std::{
    io::{self, PipeReader, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use sha2::{Digest, Sha256};

use super::paths::hex;

/// How often it is asked whether the program has ended while nothing is printed.
const TICK: Duration = Duration::from_millis(20);
/// How long output may still come from what the program left behind, after it ended and its group was killed.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Environment variables that every program sees.
const ENV: [&str; 3] = ["PATH", "HOME", "LANG"];

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// How it ended.
    pub(super) ended: Ended,
    /// How long it took.
    pub(super) took: Duration,
    /// How much it printed, in bytes.
    pub(super) printed: u64,
    /// SHA-256 in hex of all that it printed, of the streams that were read.
    pub(super) output_sha256: String,
    /// The end of what it printed, as text.
    pub(super) tail: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With an exit code.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// It was stopped at its timeout, with all of its process group.
    TimedOut,
    /// It never began, for the reason given.
    NotStarted(String),
}

impl Run {
    /// Whether the program ran at all.
    pub(super) fn started(&self) -> bool {
        !matches!(self.ended, Ended::NotStarted(_))
    }
}

/// Which streams are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Streams {
    /// Both, in the order of printing.
    Both,
    /// Standard output; the other is thrown away.
    Output,
}

/// Runs a program to its end or its timeout, and keeps at least the last `tail_max` bytes of what it prints, at most twice that.
/// Of the environment it sees `PATH`, `HOME` and `LANG`, those named by `env`, and what `command` sets.
///
/// Everything that it starts in its process group is gone when this returns. A program that leaves the group (`setsid`) escapes;
/// that is one reason why recipes are the operator's.
pub(super) fn run<'a>(
    command: Command,
    env: impl IntoIterator<Item = &'a str>,
    streams: Streams,
    timeout: Duration,
    tail_max: usize,
) -> Run {
    let began = Instant::now();
    let mut output = Output::new(tail_max);
    let ended = match start(command, env, streams) {
        Ok((child, pipe)) => attend(child, pipe, began + timeout, &mut output),
        Err(error) => Ended::NotStarted(error.to_string()),
    };
    Run {
        ended,
        took: began.elapsed(),
        printed: output.printed,
        output_sha256: hex(&output.hasher.finalize()),
        tail: String::from_utf8_lossy(&output.tail).into_owned(),
    }
}

fn start<'a>(
    mut command: Command,
    env: impl IntoIterator<Item = &'a str>,
    streams: Streams,
) -> io::Result<(Child, PipeReader)> {
    let (reader, writer) = io::pipe()?;
    rustix::io::ioctl_fionbio(&reader, true)?;
    let set: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    let names = ENV.into_iter().chain(env);
    command.env_clear().envs(names.filter_map(|name| Some((name, std::env::var_os(name)?)))).envs(set);
    match streams {
        Streams::Both => command.stdout(writer.try_clone()?).stderr(writer),
        Streams::Output => command.stdout(writer).stderr(Stdio::null()),
    };
    let child = command.stdin(Stdio::null()).process_group(0).spawn()?;
    // `command` holds the pipe's writing end, and the output ends only when that is gone, too.
    drop(command);
    Ok((child, reader))
}

/// Reads the output until the program has ended or the deadline has come, then ends its group.
fn attend(mut child: Child, mut pipe: PipeReader, deadline: Instant, output: &mut Output) -> Ended {
    let mut open = true;
    let stopped = loop {
        if has_ended(&child) {
            break None;
        }
        if Instant::now() >= deadline {
            break Some(Ended::TimedOut);
        }
        if open {
            open = output.take(&mut pipe, TICK);
        } else {
            std::thread::sleep(TICK);
        }
    };
    end_group(&child);
    let status = child.wait();
    let last = Instant::now() + LAST_WORDS;
    while open && Instant::now() < last {
        open = output.take(&mut pipe, TICK);
    }
    match (stopped, status) {
        (Some(stopped), _) => stopped,
        (None, Ok(status)) => of(status),
        (None, Err(error)) => Ended::NotStarted(format!("can't be waited for: {error}")),
    }
}

/// Whether the program has ended, leaving it to be waited for: until then its process id, which is its group's, names no other.
fn has_ended(child: &Child) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    pid(child).is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

/// Kills what is left of the group. It fails when none is left, which is as good.
fn end_group(child: &Child) {
    if let Some(group) = pid(child) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn of(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited(code),
        (None, signal) => Ended::Signalled(signal.unwrap_or_default()),
    }
}

struct Output {
    printed: u64,
    hasher: Sha256,
    tail: Vec<u8>,
    tail_max: usize,
}

impl Output {
    fn new(tail_max: usize) -> Self {
        Self { printed: 0, hasher: Sha256::new(), tail: Vec::new(), tail_max }
    }

    /// Waits up to `wait` for output, and takes what is there. False once there will be no more.
    fn take(&mut self, pipe: &mut PipeReader, wait: Duration) -> bool {
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut ready = [PollFd::new(pipe, PollFlags::IN)];
        if !matches!(poll(&mut ready, Some(&timeout)), Ok(1..)) {
            return true;
        }
        let mut buffer = [0; 64 * 1024];
        match pipe.read(&mut buffer) {
            Ok(0) => false,
            Ok(read) => {
                self.keep(buffer.get(..read).unwrap_or_default());
                true
            }
            Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.printed = self.printed.saturating_add(bytes.len() as u64);
        self.hasher.update(bytes);
        self.tail.extend_from_slice(bytes);
        // Cut seldom, so that each byte is moved a bounded number of times.
        if self.tail.len() > self.tail_max.saturating_mul(2) {
            let over = self.tail.len() - self.tail_max;
            self.tail.drain(..over);
        }
    }
}
