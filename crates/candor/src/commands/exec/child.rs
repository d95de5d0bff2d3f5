//! The governed process: started, its output passed on byte for byte and hashed, its end.

use std::{
    ffi::OsString,
    io::{ErrorKind, IsTerminal as _},
    os::unix::process::ExitStatusExt as _,
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    process::{Child as Process, Command},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use super::signals::Signals;
use crate::exit::{Exit, Failure};

/// How long, after the command's end, it is waited for more output: a process that it left behind may hold the pipe open for ever.
/// Time in which our own reader is slow doesn't count, so nothing that the command wrote is cut off.
const DRAIN_WAIT_MAX: Duration = Duration::from_secs(2);
/// Most bytes passed on after the command's end, in bytes. A pipe holds no more than this, so what comes later isn't the command's.
const DRAIN_BYTES_MAX: usize = 1024 * 1024;
/// How much is passed on at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// How many bytes the command wrote so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    stdout: AtomicU64,
    stderr: AtomicU64,
}

impl Tally {
    /// Bytes on standard output and on standard error.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.stdout.load(Ordering::Relaxed), self.stderr.load(Ordering::Relaxed))
    }
}

/// How the command ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    /// The exit code to pass on: 128 and the signal's number where a signal ended it.
    pub(super) code: i32,
    /// The signal that ended it.
    pub(super) signal: Option<i32>,
    /// SHA-256 in hex of its standard output; none when that didn't come to its end.
    pub(super) stdout_sha256: Option<String>,
    /// Why it couldn't be started at all.
    pub(super) not_started: Option<String>,
}

impl Ended {
    /// The command couldn't be started.
    pub(super) fn before_start(failure: &Failure) -> Self {
        let code = i32::from(failure.exit as u8);
        Self { code, signal: None, stdout_sha256: None, not_started: Some(failure.message.clone()) }
    }

    fn with(status: ExitStatus, stdout_sha256: Option<String>) -> Self {
        let signal = status.signal();
        let code = status.code().or_else(|| signal.map(|signal| 128 + signal));
        Self { code: code.unwrap_or(i32::from(Exit::ExecFailed as u8)), signal, stdout_sha256, not_started: None }
    }
}

/// A running command.
pub(super) struct Child {
    process: Process,
    tally: Arc<Tally>,
    ended: watch::Sender<bool>,
    stdout: JoinHandle<Option<Sha256>>,
    stderr: JoinHandle<Option<Sha256>>,
}

/// Whether a terminal is at hand. Then the command stays in our process group, so that the terminal's own signals (Ctrl-C, Ctrl-Z, a
/// new window size) reach it as ever. Without one it leads a group of its own, and every signal is passed on to that whole group.
pub(super) fn at_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal()
}

impl Child {
    pub(super) fn spawn(command: &[OsString]) -> Result<Self, Failure> {
        let [program, args @ ..] = command else {
            return Err(Failure::new(Exit::Usage, "no command to run"));
        };
        let mut command = Command::new(program);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !at_terminal() {
            command.process_group(0);
        }
        let name = program.to_string_lossy();
        let mut process = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::new(Exit::ExecNotFound, format!("`{name}` wasn't found")),
            ErrorKind::PermissionDenied | ErrorKind::ExecutableFileBusy | ErrorKind::IsADirectory => {
                Failure::new(Exit::ExecNotExecutable, format!("`{name}` can't be run: {error}"))
            }
            _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
                Failure::new(Exit::ExecNotExecutable, format!("`{name}` can't be run: {error}"))
            }
            _ => Failure::new(Exit::ExecFailed, format!("`{name}` can't be started: {error}")),
        })?;
        let (Some(out), Some(err)) = (process.stdout.take(), process.stderr.take()) else {
            return Err(Failure::new(Exit::ExecFailed, format!("`{name}` was started without its pipes")));
        };
        let (ended, has_ended) = watch::channel(false);
        let tally = Arc::new(Tally::default());
        let of = Arc::clone(&tally);
        let stdout = pass_on(out, tokio::io::stdout(), move |bytes| add(&of.stdout, bytes), has_ended.clone());
        let of = Arc::clone(&tally);
        let stderr = pass_on(err, tokio::io::stderr(), move |bytes| add(&of.stderr, bytes), has_ended);
        Ok(Self { process, tally, ended, stdout: tokio::spawn(stdout), stderr: tokio::spawn(stderr) })
    }

    /// Its process id, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// How much it has written.
    pub(super) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Waits for its end and passes signals on meanwhile. A signal after that ends the wait for output.
    pub(super) async fn wait(mut self, signals: &mut Signals) -> Ended {
        let status = loop {
            tokio::select! {
                status = self.process.wait() => break status,
                signal = signals.next() => {
                    if let Some(pid) = self.process.id() {
                        signals.pass(signal, pid);
                    }
                }
            }
        };
        let _ = self.ended.send(true);
        let stdout = tokio::select! {
            (stdout, _) = async { tokio::join!(self.stdout, self.stderr) } => stdout.ok().flatten(),
            () = signals.next_ending() => None,
        };
        let digest = stdout.map(|hash| candor_audit::hex(&hash.finalize()));
        match status {
            Ok(status) => Ended::with(status, digest),
            Err(error) => {
                Ended::before_start(&Failure::new(Exit::ExecFailed, format!("its end can't be seen: {error}")))
            }
        }
    }
}

fn add(to: &AtomicU64, bytes: usize) {
    to.fetch_add(u64::try_from(bytes).unwrap_or(0), Ordering::Relaxed);
}

/// Passes a stream on unchanged, and comes to its digest when it ends in order.
///
/// When our own reader closes the pipe, so do we: the command then gets its SIGPIPE, as it would without us. Any other failure to
/// write (a terminal that is gone) doesn't stop the command: the rest is read and dropped.
async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: impl Fn(usize),
    mut ended: watch::Receiver<bool>,
) -> Option<Sha256> {
    let (mut hash, mut buffer, mut writes) = (Sha256::new(), vec![0_u8; CHUNK_BYTES], true);
    let (mut wait, mut room) = (DRAIN_WAIT_MAX, DRAIN_BYTES_MAX);
    loop {
        let after_end = *ended.borrow();
        let read = if after_end {
            let began = Instant::now();
            let read = timeout(wait, from.read(&mut buffer)).await.ok()?;
            wait = wait.saturating_sub(began.elapsed());
            read
        } else {
            tokio::select! {
                read = from.read(&mut buffer) => read,
                _ = ended.changed() => continue,
            }
        };
        let bytes = buffer.get(..read.ok()?)?;
        if bytes.is_empty() {
            return Some(hash);
        }
        hash.update(bytes);
        count(bytes.len());
        if writes {
            match write(&mut to, bytes).await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return None,
                Err(_) => writes = false,
            }
        }
        if after_end {
            room = room.checked_sub(bytes.len())?;
        }
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
