//! Signals: caught before the command exists, and passed on to it while it runs.

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};
use tokio::{
    signal::unix::{Signal as Stream, SignalKind, signal},
    sync::mpsc,
};

use super::child::at_terminal;

/// The signals that are passed on, wherever they come from.
const ALWAYS: [Signal; 4] = [Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2];
/// Those that a terminal sends to the command by itself: a second one of each would count double, so they are passed on only
/// without a terminal.
const FROM_TERMINALS: [Signal; 5] = [Signal::INT, Signal::QUIT, Signal::TSTP, Signal::CONT, Signal::WINCH];
/// Those of them that end a program by default; with a terminal they are swallowed here, and the command answers to them.
const ENDING: [Signal; 2] = [Signal::INT, Signal::QUIT];

/// Caught signals.
pub(super) struct Signals {
    caught: mpsc::UnboundedReceiver<Signal>,
    /// Kept, so that the channel never closes.
    _catch: mpsc::UnboundedSender<Signal>,
    at_terminal: bool,
}

impl Signals {
    /// Catches signals from now on: one that comes before the command is started is passed on to it afterwards.
    pub(super) fn catch() -> Self {
        let (catch, caught) = mpsc::unbounded_channel();
        let at_terminal = at_terminal();
        let from_terminals = FROM_TERMINALS.into_iter().filter(|of| !at_terminal || ENDING.contains(of));
        let ignored = ignored();
        for of in ALWAYS.into_iter().chain(from_terminals) {
            // What whoever started us ignores (`nohup`, a job in the background) stays ignored, by the command as well.
            let is_ignored = ignored & 1_u64.checked_shl(of.as_raw().cast_unsigned() - 1).unwrap_or(0) != 0;
            if is_ignored {
                continue;
            }
            // One that can't be caught keeps its default.
            if let Ok(stream) = signal(SignalKind::from_raw(of.as_raw())) {
                tokio::spawn(forward(of, stream, catch.clone()));
            }
        }
        Self { caught, _catch: catch, at_terminal }
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Signal {
        match self.caught.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }

    /// The next signal that asks for an end.
    pub(super) async fn next_ending(&mut self) {
        loop {
            let signal = self.next().await;
            if ENDING.contains(&signal) || signal == Signal::TERM || signal == Signal::HUP {
                return;
            }
        }
    }

    /// Passes a signal on to a command that runs: to its whole group, where it leads one.
    pub(super) fn pass(&self, signal: Signal, pid: u32) {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
        if self.at_terminal {
            if !ENDING.contains(&signal) {
                let _ = kill_process(pid, signal);
            }
            return;
        }
        let _ = kill_process_group(pid, signal);
        if signal == Signal::TSTP {
            // Stop as well, as whoever asked expects; go on with the command when continued.
            let _ = kill_process(getpid(), Signal::STOP);
        }
    }
}

async fn forward(of: Signal, mut stream: Stream, to: mpsc::UnboundedSender<Signal>) {
    while stream.recv().await.is_some() {
        if to.send(of).is_err() {
            break;
        }
    }
}

/// The signals that this process was started to ignore, one bit each from signal 1 on; none where the system doesn't say.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
