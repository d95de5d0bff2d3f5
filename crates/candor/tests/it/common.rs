//! A state folder of its own, the binary in it, and daemons that end with their test.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything is waited for. Far beyond what it takes, so that a busy machine fails no test.
const WAIT_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// A state folder, and the binary in it.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        Self { folder }
    }

    /// The same with a configuration.
    pub fn with(config: &str) -> Self {
        let bench = Self::new();
        bench.configure(config);
        bench
    }

    pub fn configure(&self, config: &str) {
        std::fs::write(self.state().join("candor.yaml"), config).unwrap();
    }

    pub fn state(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command that hasn't been started yet, without what the test's own environment says to candor.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
        for name in ["CANDOR_STATE", "CANDOR_CONFIG", "CANDOR_AGENT", "CANDOR_LOG"] {
            command.env_remove(name);
        }
        command.arg("--state").arg(self.state()).args(args).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran(self.command(args).output().unwrap())
    }

    /// Runs one that must succeed.
    pub fn done(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code(), 0, "candor {args:?}\n{}{}", ran.stdout(), ran.stderr());
        ran
    }

    /// Runs one that must succeed, with its JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        self.done(&[&["--json"], args].concat()).json()
    }

    /// Starts one and lets it run.
    pub fn start(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// Starts a daemon on a free port, and waits until it answers.
    pub fn daemon(&self) -> Running {
        let daemon = self.start(&["up", "--listen", "127.0.0.1:0"]);
        daemon.until_line(|line| line.contains("is up:"));
        daemon
    }

    /// The notices, newest first.
    pub fn notices(&self) -> Vec<Value> {
        let listed = self.run(&["--json", "notice", "list"]);
        if listed.code() != 0 {
            return Vec::new();
        }
        listed.json()["notices"].as_array().unwrap().clone()
    }
}

/// What a command came to.
pub struct Ran(pub Output);

impl Ran {
    pub fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout(), self.stderr()))
    }
}

/// A process of the binary that runs. It is stopped when dropped.
pub struct Running {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        Self { child, lines }
    }

    /// Waits for a line of its standard output.
    pub fn until_line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + WAIT_MAX;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).expect("the line never came");
            if wanted(&line) {
                return line;
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub fn code(&mut self) -> i32 {
        let end = Instant::now() + WAIT_MAX;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < end, "it never ended");
            std::thread::sleep(POLL);
        }
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> i32 {
        self.signal(Signal::TERM);
        self.code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something that must come to be.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + WAIT_MAX;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(POLL);
    }
}
