//! A state folder for one verification: this deployment's configuration with other targets, and gone when it is done.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use candor_core::{gate::Gate, profile::SenderMode};
use candor_store::sqlite::Reader;
use serde_json::{Map, Value, json};

use super::{reference_profile, seen::Seen};
use crate::{
    approvals::rehearsal::Rehearsal,
    cli::Global,
    config::{self, Config},
    exit::{Exit, Failure},
    home::Home,
    receiver::Receiver,
};

/// The task that goes silent.
pub(super) const TASK: &str = "verified";
/// The period and the grace with which it is watched, and how long it takes until it counts as silent.
const CADENCE: (&str, &str) = ("1s", "0s");
pub(super) const SILENT_AFTER: Duration = Duration::from_millis(1_200);
/// The ways of the receiver, each a target of that name.
pub(super) const WAYS: [&str; 3] = ["taken", "gone", "lost"];

/// This deployment's own layer.
pub(super) struct Binding {
    home: Home,
    /// The configuration's fields.
    fields: Map<String, Value>,
    /// Whether its profile lets a webhook out.
    pub(super) lets_out: bool,
}

impl Binding {
    /// Reads it.
    pub(super) fn of(home: &Home) -> Result<Self, Failure> {
        let (_, text) = config::file(home)?;
        let text = text.filter(|text| !text.trim().is_empty());
        let fields = match text.map(|text| serde_saphyr::from_str::<Value>(&text)) {
            Some(Ok(Value::Object(fields))) => fields,
            Some(Ok(Value::Null)) | None => Map::new(),
            Some(_) => {
                return Err(Failure::new(Exit::Config, format!("`{}` isn't a list of fields", home.config.display()))
                    .hint("`candor config check` says what is wrong"));
            }
        };
        let lets_out = Config::load(home).is_ok_and(|config| config.deployment.resolved.lets_out(SenderMode::Webhook));
        Ok(Self { home: home.clone(), fields, lets_out })
    }

    /// The same layer for a scratch folder: its own targets, no agents, no port, and a cadence that doesn't take long.
    fn adapted(&self, profile: Option<&str>, targets: Value) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        fields.remove("agents");
        fields.remove("audit");
        // Nobody here signs for what a verification does: it has an owner of its own.
        fields.remove("approvals");
        fields.insert("listen".to_owned(), json!("127.0.0.1:0"));
        fields.insert("targets".to_owned(), targets);
        fields.insert("watch".to_owned(), json!({ "period": CADENCE.0, "grace": CADENCE.1 }));
        if let Some(profile) = profile {
            // Another profile: this machine's values were chosen for the selected one.
            fields.retain(|name, _| ["listen", "targets", "watch", "adapter"].contains(&name.as_str()));
            fields.insert("profile".to_owned(), json!(profile));
        }
        if let Some(Value::Array(folders)) = fields.get_mut("packs").and_then(|packs| packs.get_mut("folders")) {
            for folder in folders {
                let path = folder.as_str().map(|folder| self.home.state.join(folder));
                path.into_iter().for_each(|path| *folder = json!(path));
            }
        }
        fields
    }
}

/// Removes what verifications left that were killed.
pub(super) fn sweep() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid =
            name.to_str().and_then(|name| name.strip_prefix("candor-verify-")).and_then(|rest| rest.split('-').next());
        let Some(pid) = pid.and_then(|pid| pid.parse().ok()).and_then(rustix::process::Pid::from_raw) else { continue };
        if rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The folder.
pub(super) struct Scratch {
    pub(super) name: String,
    folder: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Scratch {
    /// Makes the folder. `profile` is the deployment's own where none is named.
    pub(super) fn make(name: &str, binding: &Binding, profile: Option<&str>, targets: Value) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Store, format!("no folder to verify in: {error}"))
                .hint("name one that can be written with `TMPDIR=DIR`")
        };
        let folder = std::env::temp_dir().join(format!("candor-verify-{}-{name}", std::process::id()));
        let scratch = Self { name: name.to_owned(), folder };
        let _ = fs::remove_dir_all(&scratch.folder);
        Home { state: scratch.state(), config: scratch.config() }.create()?;
        for own in ["profiles", "capabilities", "probes", "packages"] {
            copy(&binding.home.state.join(own), &scratch.state().join(own)).map_err(|error| failed(&error))?;
        }
        let text = Value::Object(binding.adapted(profile, targets)).to_string();
        fs::write(scratch.config(), text).map_err(|error| failed(&error))?;
        Ok(scratch)
    }

    /// With the receiver's three ways as targets, their gate open, and a task that goes silent. Where the deployment's profile lets no
    /// webhook out, by the package's defaults.
    pub(super) fn with_receiver(name: &str, binding: &Binding, receiver: &Receiver) -> Result<Self, Failure> {
        let target = |way: &str| json!({ "name": way, "sender": "webhook", "url": receiver.url(name, way), "retry": { "first": "1h", "longest": "1h" } });
        let profile = (!binding.lets_out).then(reference_profile);
        let scratch = Self::make(name, binding, profile.as_deref(), json!(WAYS.map(target)))?;
        let home = scratch.home();
        let global = Global {
            state: Some(home.state.clone()),
            config: Some(home.config.clone()),
            url: None,
            json: false,
            verbose: 0,
        };
        Rehearsal::prepare(&home)?.open(
            &global,
            Gate::ProductionWrite,
            "verification on loopback",
            Duration::from_secs(600),
        )?;
        scratch.silent();
        Ok(scratch)
    }

    /// A task begins, and nothing is heard of it any more.
    pub(super) fn silent(&self) {
        let _ = self.done(&["task", "start", TASK, "--period", CADENCE.0, "--grace", CADENCE.1]);
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn config(&self) -> PathBuf {
        self.folder.join("candor.yaml")
    }

    pub(super) fn home(&self) -> Home {
        Home { state: self.state(), config: self.config() }
    }

    /// Runs a command of this very program; its exit code and what it printed.
    pub(super) fn run(&self, words: &[&str]) -> Result<(i32, String), String> {
        let own = std::env::current_exe().map_err(|error| format!("this program can't be found: {error}"))?;
        let mut command = Command::new(own);
        command.arg("--state").arg(self.state()).arg("--config").arg(self.config()).arg("--json").args(words);
        for name in ["CANDOR_STATE", "CANDOR_CONFIG", "CANDOR_AGENT", "CANDOR_URL", "CANDOR_TASK"] {
            command.env_remove(name);
        }
        let out = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        let said = if out.stdout.is_empty() { &out.stderr } else { &out.stdout };
        let said = String::from_utf8_lossy(said).trim().to_owned();
        match out.status.code() {
            Some(code) => Ok((code, said)),
            None => Err(format!("`candor {}` ended by {}", words.join(" "), out.status)),
        }
    }

    /// Runs a command that must end with 0.
    pub(super) fn done(&self, words: &[&str]) -> Result<String, String> {
        match self.run(words)? {
            (0, said) => Ok(said),
            (code, said) => Err(format!("`candor {}` ended with exit code {code}: {said}", words.join(" "))),
        }
    }

    /// All that is on record there.
    pub(super) fn seen(&self) -> Result<Seen, String> {
        let reader = Reader::open(&self.home().store()).map_err(|error| error.to_string())?;
        Seen::of(&reader)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
