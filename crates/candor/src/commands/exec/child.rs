//! The governed process: its output passed on byte for byte and hashed, signals passed on, its end.

use std::{
    ffi::OsString,
    io::IsTerminal as _,
    os::unix::process::ExitStatusExt as _,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    process::{Child as Process, Command},
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::reports::Reports;
use crate::exit::{Exit, Failure};

/// How long output that the command's own children still write is passed on after it has ended.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// How the command ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    /// The exit code to pass on: 128 and the signal's number where a signal ended it.
    pub(super) code: i32,
    /// The signal that ended it.
    pub(super) signal: Option<i32>,
    /// SHA-256 in hex of its standard output.
    pub(super) stdout_sha256: String,
}

/// A running command.
pub(super) struct Child {
    process: Process,
    written: Arc<AtomicU64>,
    stdout: Option<JoinHandle<Sha256>>,
    stderr: Option<JoinHandle<Sha256>>,
}

impl Child {
    pub(super) fn spawn(command: &[OsString]) -> Result<Self, Failure> {
        let [program, args @ ..] = command else {
            return Err(Failure::new(Exit::Usage, "no command to run"));
        };
        let spawned = Command::new(program).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut process = spawned.map_err(|error| {
            let name = program.to_string_lossy();
            match error.kind() {
                std::io::ErrorKind::NotFound => Failure::new(Exit::ExecNotFound, format!("`{name}` wasn't found")),
                std::io::ErrorKind::PermissionDenied => {
                    Failure::new(Exit::ExecNotExecutable, format!("`{name}` can't be run: {error}"))
                }
                _ => Failure::new(Exit::ExecFailed, format!("`{name}` can't be started: {error}")),
            }
        })?;
        let written = Arc::new(AtomicU64::new(0));
        let stdout =
            process.stdout.take().map(|from| tokio::spawn(pass_on(from, tokio::io::stdout(), Arc::clone(&written))));
        let stderr =
            process.stderr.take().map(|from| tokio::spawn(pass_on(from, tokio::io::stderr(), Arc::clone(&written))));
        Ok(Self { process, written, stdout, stderr })
    }

    /// Its process id, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits for the end. Meanwhile passes signals on, and reports growing output as life.
    pub(super) async fn run(&mut self, every: Duration, reports: &mut Reports) -> Ended {
        let forwarder = self.id().map(|pid| tokio::spawn(forward(pid)));
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = 0;
        let status = loop {
            tokio::select! {
                status = self.process.wait() => break status,
                _ = tick.tick() => {
                    let written = self.written.load(Ordering::Relaxed);
                    if written != told {
                        told = written;
                        reports.alive().await;
                    }
                }
            }
        };
        if let Some(forwarder) = forwarder {
            forwarder.abort();
        }
        let stdout_sha256 = hex(drain(self.stdout.take()).await);
        drain(self.stderr.take()).await;
        let (code, signal) = match status {
            Ok(status) => (status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)), status.signal()),
            Err(_) => (i32::from(Exit::ExecFailed as u8), None),
        };
        Ended { code, signal, stdout_sha256 }
    }
}

/// What a stream's digest is when it ended in order, or what was passed on until the wait ended.
async fn drain(stream: Option<JoinHandle<Sha256>>) -> Sha256 {
    match stream {
        Some(stream) => match tokio::time::timeout(DRAIN_MAX, stream).await {
            Ok(Ok(hash)) => hash,
            _ => Sha256::new(),
        },
        None => Sha256::new(),
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Passes a stream on unchanged. A reader of ours that went away doesn't stop the command: the rest is read and dropped.
async fn pass_on(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, written: Arc<AtomicU64>) -> Sha256 {
    let (mut hash, mut buffer, mut open) = (Sha256::new(), vec![0_u8; 16 * 1024], true);
    while let Ok(count) = from.read(&mut buffer).await {
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
        written.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        if open {
            open = to.write_all(bytes).await.is_ok() && to.flush().await.is_ok();
        }
    }
    hash
}

/// Passes signals on. From a terminal, the command gets Ctrl-C and Ctrl-\ itself; sending them again would count double.
async fn forward(pid: u32) {
    let from_terminal = std::io::stdin().is_terminal();
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    let streams = (
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::quit()),
        signal(SignalKind::user_defined1()),
        signal(SignalKind::user_defined2()),
    );
    let (Ok(mut term), Ok(mut hup), Ok(mut int), Ok(mut quit), Ok(mut usr1), Ok(mut usr2)) = streams else { return };
    loop {
        let which = tokio::select! {
            _ = term.recv() => Signal::TERM,
            _ = hup.recv() => Signal::HUP,
            _ = usr1.recv() => Signal::USR1,
            _ = usr2.recv() => Signal::USR2,
            _ = int.recv() => { if from_terminal { continue } Signal::INT }
            _ = quit.recv() => { if from_terminal { continue } Signal::QUIT }
        };
        let _ = kill_process(pid, which);
    }
}
