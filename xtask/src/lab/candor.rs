//! Candor's own daemon in a lab: the debug binary in a state folder of the lab's.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{folder, target, write};
use crate::{
    owner,
    shell::{TaskError, Trying as _, failed},
};

/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(30);

/// A running daemon.
pub(super) struct Candor {
    child: Child,
    state: PathBuf,
}

impl Candor {
    /// Starts one with this configuration and these variables.
    pub(super) fn start(state: &Path, config: &str, env: &[(&'static str, String)]) -> Result<Self, TaskError> {
        folder(state)?;
        write(&state.join("candor.yaml"), config)?;
        owner::make(state)?;
        let child = command(state)
            .args(["up", "--listen", "127.0.0.1:0"])
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .spawn()
            .trying("cannot start `candor up`")?;
        let candor = Self { child, state: state.to_owned() };
        let started = Instant::now();
        while started.elapsed() < START_MAX {
            let told = fs::read_to_string(state.join("daemon.json")).unwrap_or_default();
            let told: Value = serde_json::from_str(&told).unwrap_or_default();
            if told.get("listen").and_then(Value::as_str).is_some_and(|address| TcpStream::connect(address).is_ok()) {
                return Ok(candor);
            }
            thread::sleep(Duration::from_millis(20));
        }
        failed("`candor up` doesn't answer")
    }

    /// Runs a command against it, and reads the JSON that it prints.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<Value, TaskError> {
        let output = command(&self.state).args(arguments).arg("--json").output().trying("cannot run `candor`")?;
        serde_json::from_slice(&output.stdout).or_else(|error| {
            failed(format!("`candor {}`: {error}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)))
        })
    }
}

fn command(state: &Path) -> Command {
    let mut command = Command::new(target().join("debug/candor"));
    command.arg("--state").arg(state).stdin(Stdio::null());
    command.env_remove("CANDOR_CONFIG").env_remove("CANDOR_URL").env_remove("CANDOR_AGENT");
    command.env("CANDOR_SSH_KEY", owner::key(state));
    command
}

impl Drop for Candor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
