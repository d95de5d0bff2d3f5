//! Candor under measurement: the release binary, as a daemon in a folder of its own.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::process;
use crate::{
    owner,
    shell::{TaskError, Trying as _, cargo, failed, root, show},
};

/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(20);

/// A running daemon.
pub(crate) struct Daemon {
    child: Child,
    folder: PathBuf,
    /// Where its API listens.
    pub(crate) address: SocketAddr,
}

/// Builds the release binary.
pub(crate) fn build() -> Result<(), TaskError> {
    if show(&mut cargo(&["build", "--release", "--package", "candor"]))? {
        return Ok(());
    }
    failed("the release build failed")
}

fn binary() -> PathBuf {
    release("candor")
}

/// A program of the release build.
pub(crate) fn release(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("release").join(name)
}

/// A fresh folder for measurements, below the build's own.
pub(crate) fn fresh(name: &str) -> Result<PathBuf, TaskError> {
    let folder = root().join("target/bench").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).trying(format!("cannot clear `{}`", folder.display()))?;
    }
    fs::create_dir_all(&folder).trying(format!("cannot make `{}`", folder.display()))?;
    Ok(folder)
}

impl Daemon {
    /// Starts one in a fresh folder, with a webhook target and its gate opened if a sink is given.
    pub(crate) fn start(name: &str, sink: Option<SocketAddr>) -> Result<Self, TaskError> {
        let folder = fresh(name)?;
        if let Some(sink) = sink {
            let config = format!("targets:\n  - name: sink\n    sender: webhook\n    url: http://{sink}/hook\n");
            fs::write(folder.join("candor.yaml"), config).trying("cannot write the configuration")?;
            owner::make(&folder)?;
        }
        let child = Command::new(binary())
            .arg("--state")
            .arg(&folder)
            .args(["up", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .trying("cannot start `candor up`")?;
        let mut daemon = Self { child, folder, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        daemon.address = daemon.listening()?;
        if sink.is_some() {
            daemon.ask(&[
                "gate",
                "open",
                "production_write",
                "--reason",
                "bench",
                "--uses",
                "1000000",
                "--expires",
                "1d",
            ])?;
        }
        Ok(daemon)
    }

    fn listening(&mut self) -> Result<SocketAddr, TaskError> {
        let until = Instant::now() + START_MAX;
        while Instant::now() < until {
            let text = fs::read_to_string(self.folder.join("daemon.json")).unwrap_or_default();
            let told: Value = serde_json::from_str(&text).unwrap_or_default();
            let listen = told.get("listen").and_then(Value::as_str).and_then(|text| text.parse().ok());
            if let Some(address) = listen.filter(|address| std::net::TcpStream::connect(address).is_ok()) {
                return Ok(address);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        failed("`candor up` doesn't answer")
    }

    /// Runs a command against it, and reads the JSON that it prints.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<Value, TaskError> {
        let output = Command::new(binary())
            .arg("--state")
            .arg(&self.folder)
            .args(arguments)
            .arg("--json")
            .env("CANDOR_SSH_KEY", owner::key(&self.folder))
            .stdin(Stdio::null())
            .output()
            .trying("cannot run `candor`")?;
        serde_json::from_slice(&output.stdout).or_else(|error| {
            failed(format!("`candor {}`: {error}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)))
        })
    }

    /// CPU time used so far, in seconds.
    pub(crate) fn cpu_secs(&self) -> f64 {
        process::cpu_secs(self.child.id())
    }

    /// Memory, in MiB.
    pub(crate) fn pss_mib(&self) -> f64 {
        process::pss_mib(self.child.id())
    }

    /// Stops it, and weighs what it leaves, in bytes: the end of the last connection brings the journal into the database.
    pub(crate) fn stop_and_weigh(mut self) -> u64 {
        process::end(&mut self.child);
        let of = |name: &str| fs::metadata(self.folder.join(name)).map_or(0, |file| file.len());
        of("candor.db") + of("candor.db-wal")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}
