//! A state folder, the binary, a daemon, and a receiver.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Home {
    pub(crate) folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new(config: &str) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(home.state()).unwrap();
        if !config.is_empty() {
            std::fs::write(home.state().join("candor.yaml"), config).unwrap();
        }
        home
    }

    /// One with an owner, whose key signs what its commands have signed.
    pub(crate) fn owned(config: &str) -> Self {
        let home = Self::new(config);
        let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-f"]).arg(home.key()).status().unwrap();
        assert!(made.success());
        let public = std::fs::read_to_string(home.key().with_extension("pub")).unwrap();
        std::fs::write(home.state().join("allowed_signers"), format!("owner@example.org {public}")).unwrap();
        home
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("owner-key")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
        command.arg("--state").arg(self.state()).args(args).stdin(Stdio::null());
        command.env_remove("CANDOR_CONFIG").env_remove("CANDOR_AGENT").env_remove("RUST_BACKTRACE");
        command.env_remove("SSH_AUTH_SOCK").env("CANDOR_SSH_KEY", self.key());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must end with this exit code; what it printed.
    pub(crate) fn ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        format!("{out}{err}")
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    pub(crate) fn up(&self) -> Daemon {
        self.up_with(&[])
    }

    pub(crate) fn up_with(&self, env: &[(&str, &str)]) -> Daemon {
        let mut command = self.command(&["up", "--listen", "127.0.0.1:0"]);
        command.envs(env.iter().copied());
        self.up_by(command)
    }

    /// Starts the daemon by a command that ends up as it.
    pub(crate) fn up_by(&self, command: Command) -> Daemon {
        self.up_by_into(command, Stdio::null(), Stdio::null())
    }

    /// The same, with its standard output and error where they are wanted.
    pub(crate) fn up_by_into(&self, mut command: Command, out: Stdio, err: Stdio) -> Daemon {
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        let mut daemon = Daemon { child, address: None };
        let file = self.state().join("daemon.json");
        wait("the daemon answers", || {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let told: Value = serde_json::from_str(&text).unwrap_or_default();
            if told["pid"] == daemon.child.id() {
                daemon.address = told["listen"].as_str().and_then(|listen| listen.parse().ok());
            }
            daemon.address.is_some_and(|at| TcpStream::connect(at).is_ok())
                || daemon.child.try_wait().unwrap().is_some()
        });
        daemon
    }
}

pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) address: Option<SocketAddr>,
}

impl Daemon {
    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts one event; the HTTP status, if an answer came.
pub(crate) fn post(at: SocketAddr, event: &Value) -> Option<(u16, Value)> {
    let body = event.to_string();
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(
        stream,
        "POST /v1/events HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\ncontent-type: application/cloudevents+json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split_whitespace().nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}

/// What a receiver does with some of its requests, each as one in so many; 0 for never.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moods {
    /// Answers late, so that many attempts are in flight.
    pub(crate) late: u64,
    /// How late.
    pub(crate) by: Duration,
    /// Takes the whole request and closes without an answer: nobody can know.
    pub(crate) silent: u64,
    /// Refuses for now, with 500, before it takes anything.
    pub(crate) failing: u64,
    /// Asks to wait a second, with 429.
    pub(crate) busy: u64,
}

/// A receiver that counts what it took by `webhook-id`.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<BTreeMap<String, u64>>>,
    requests: Arc<AtomicU64>,
}

impl Sink {
    pub(crate) fn start(moods: Moods) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sink = Self { address, seen: Arc::default(), requests: Arc::default() };
        let (seen, requests) = (Arc::clone(&sink.seen), Arc::clone(&sink.requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, requests) = (Arc::clone(&seen), Arc::clone(&requests));
                std::thread::spawn(move || while answer(&stream, &seen, &requests, moods).is_some() {});
            }
        });
        sink
    }

    /// How many requests came so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn config(&self) -> String {
        format!(
            "targets:\n- name: sink\n  sender: webhook\n  url: 'http://{}/hook'\n  \
             retry: {{attempts_max: 50, first: 50ms, longest: 1s}}\n",
            self.address
        )
    }
}

fn answer(stream: &TcpStream, seen: &Mutex<BTreeMap<String, u64>>, requests: &AtomicU64, moods: Moods) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut key, mut length) = (String::new(), 0_usize);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(id) = line.strip_prefix("webhook-id:") {
            id.trim().clone_into(&mut key);
        }
        if let Some(of) = line.strip_prefix("content-length:") {
            length = of.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request = requests.fetch_add(1, Ordering::Relaxed);
    let feels = |mood: u64, phase: u64| mood > 0 && request % mood == phase % mood;
    let mut stream = stream;
    if feels(moods.failing, 3) {
        return stream.write_all(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n").ok();
    }
    if feels(moods.busy, 5) {
        return stream.write_all(b"HTTP/1.1 429 Wait\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n").ok();
    }
    *seen.lock().unwrap().entry(key).or_default() += 1;
    if feels(moods.silent, 1) {
        return stream.shutdown(std::net::Shutdown::Both).ok().and(None);
    }
    if feels(moods.late, 0) {
        std::thread::park_timeout(moods.by);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()
}

pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
