//! A real OpenClaw gateway with a state of its own, a channel `telegram` that calls the lab's Bot API, and a hook that drops the messages of
//! one chat.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{folder, install, write};
use crate::shell::{TaskError, Trying as _, failed, show};

/// The gateway's port: the lab has a network of its own, so nobody else has it.
const PORT: u16 = 18_789;
/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(180);
/// The gateway's token, which guards nothing but this lab.
pub(super) const TOKEN: &str = "lab-token-0123456789abcdef0123456789abcdef";
/// A bot's token as one looks, for a Bot API that asks for none.
const BOT_TOKEN: &str = "42:LABLABLABLABLABLABLABLABLABLABLABLA";

/// The hook: OpenClaw then says that it sent, with exit code 0.
const HOOK: &str = r#"import { definePluginEntry } from "openclaw/plugin-sdk/plugin-entry";
export default definePluginEntry({
  id: "candor-lab",
  name: "Candor lab",
  description: "Drops the messages of one chat.",
  register(api) {
    api.on("message_sending", (event) => (event.to === "telegram:@CHAT@" ? { cancel: true } : undefined));
  },
});
"#;

/// OpenClaw's state and its environment.
pub(super) struct OpenClaw {
    folder: PathBuf,
}

impl OpenClaw {
    /// Makes a fresh state, in which the hook drops what goes to `dropped`.
    pub(super) fn fresh(at: &Path, api: SocketAddr, dropped: u64) -> Result<Self, TaskError> {
        let claw = Self { folder: at.to_owned() };
        for name in ["home", "state", "workspace", "hook", "tmp"] {
            folder(&at.join(name))?;
        }
        let config = json!({
            "update": {"checkOnStart": false},
            "telemetry": {"enabled": false},
            "gateway": {
                "mode": "local", "port": PORT, "bind": "loopback",
                "auth": {"mode": "token", "token": "${OPENCLAW_GATEWAY_TOKEN}"},
            },
            "channels": {"telegram": {
                "enabled": true, "botToken": BOT_TOKEN, "apiRoot": format!("http://{api}"),
                "dmPolicy": "open", "allowFrom": ["*"],
            }},
            "agents": {"defaults": {"workspace": at.join("workspace"), "skipBootstrap": true}},
        });
        write(&at.join("state/openclaw.json"), &config.to_string())?;
        let package = json!({
            "name": "candor-lab", "version": "0.1.0", "type": "module", "openclaw": {"extensions": ["./index.js"]},
        });
        let manifest = json!({
            "id": "candor-lab", "name": "Candor lab", "description": "Drops the messages of one chat.",
            "activation": {"onStartup": true},
            "configSchema": {"type": "object", "additionalProperties": false, "properties": {}},
        });
        write(&at.join("hook/package.json"), &package.to_string())?;
        write(&at.join("hook/openclaw.plugin.json"), &manifest.to_string())?;
        write(&at.join("hook/index.js"), &HOOK.replace("@CHAT@", &dropped.to_string()))?;
        let mut install = claw.command();
        install.args(["plugins", "install", "--link"]).arg(at.join("hook")).args(["--force", "--accept-capabilities"]);
        if !show(&mut install)? {
            return failed("OpenClaw doesn't take the lab's hook");
        }
        Ok(claw)
    }

    /// The variables that tell OpenClaw's command where everything is; its token is not among them.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let below = |name: &str| self.folder.join(name).display().to_string();
        vec![
            ("PATH", install::path()),
            ("HOME", below("home")),
            ("TMPDIR", below("tmp")),
            ("OPENCLAW_STATE_DIR", below("state")),
        ]
    }

    fn command(&self) -> Command {
        let mut command = Command::new(install::program());
        command.env_clear().envs(self.environment()).env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
        for name in ["NO_COLOR", "CI", "DO_NOT_TRACK", "OPENCLAW_NO_AUTO_UPDATE"] {
            command.env(name, "1");
        }
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Starts the gateway, and waits until it says that it is ready.
    pub(super) fn start(&self) -> Result<Gateway, TaskError> {
        let log = self.folder.join("gateway.log");
        let out = File::create(&log).trying(format!("cannot write `{}`", log.display()))?;
        let err = out.try_clone().trying("cannot share the log")?;
        let child = self
            .command()
            .args(["gateway", "run"])
            .process_group(0)
            .stdout(out)
            .stderr(err)
            .spawn()
            .trying("cannot start OpenClaw's gateway")?;
        let mut gateway = Gateway { child };
        let started = Instant::now();
        while started.elapsed() < START_MAX {
            if ready().unwrap_or(false) {
                println!("the gateway is ready after {:.0} s", started.elapsed().as_secs_f64());
                return Ok(gateway);
            }
            if !matches!(gateway.child.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(Duration::from_millis(500));
        }
        let told = fs::read_to_string(&log).unwrap_or_default();
        let last: Vec<&str> = told.lines().rev().take(5).collect();
        failed(format!("the gateway isn't ready within {} s: {}", START_MAX.as_secs(), last.join(" / ")))
    }
}

fn ready() -> Option<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", PORT)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: 127.0.0.1:{PORT}\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.contains("\"ready\":true"))
}

/// A running gateway; it is taken down with all that it started.
pub(super) struct Gateway {
    child: Child,
}

impl Gateway {
    /// Kills it in the middle of whatever it does.
    pub(super) fn kill(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}
