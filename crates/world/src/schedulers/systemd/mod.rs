//! systemd, the user's own or the system's: a service for the daemon, or a service and a timer for passes.
//!
//! Links are made here and not by `systemctl enable`, so that the plan shows all that changes and it can be taken away as it came.

use std::path::{Path, PathBuf};

use super::{PASS_EVERY, Piece, Scheduler, Unit, Way};

/// `systemctl is-system-running` ends with 1 where some unit failed, which is no obstacle.
pub(super) const USER: Scheduler = Scheduler {
    name: "systemd-user",
    what: "the user's systemd",
    usual: Way::Daemon,
    needs_root: false,
    question: ("systemctl", &["--user", "show-environment"], &[]),
    pieces: |unit| pieces(unit, Manager::User),
};

/// See [`USER`].
pub(super) const SYSTEM: Scheduler = Scheduler {
    name: "systemd-system",
    what: "the system's systemd",
    usual: Way::Daemon,
    needs_root: true,
    question: ("systemctl", &["show-environment"], &[]),
    pieces: |unit| pieces(unit, Manager::System),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manager {
    User,
    System,
}

impl Manager {
    fn folder(self, home: &Path) -> PathBuf {
        match self {
            Self::User => home.join(".config/systemd/user"),
            Self::System => PathBuf::from("/etc/systemd/system"),
        }
    }

    fn call(self, words: &[&str]) -> Vec<String> {
        let which: &[&str] = if self == Self::User { &["--user"] } else { &[] };
        ["systemctl"].iter().chain(which).chain(words).map(|word| (*word).to_owned()).collect()
    }
}

fn pieces(unit: &Unit, manager: Manager) -> Vec<Piece> {
    let folder = manager.folder(&unit.home);
    let (service, timer) = (format!("{}.service", unit.name), format!("{}.timer", unit.name));
    let file = |name: &str, text: String| Piece::File { path: folder.join(name), text };
    let mut pieces = vec![Piece::Command { run: None, undo: Some(manager.call(&["daemon-reload"])) }];
    pieces.push(file(&service, service_text(unit, manager)));
    let (wanted, by) = match (unit.way, manager) {
        (Way::Passes, _) => {
            pieces.push(file(&timer, timer_text(unit)));
            (&timer, "timers.target")
        }
        (Way::Daemon, Manager::User) => (&service, "default.target"),
        (Way::Daemon, Manager::System) => (&service, "multi-user.target"),
    };
    pieces.push(Piece::Link { path: folder.join(format!("{by}.wants")).join(wanted), to: folder.join(wanted) });
    pieces.push(Piece::Command { run: Some(manager.call(&["daemon-reload"])), undo: None });
    pieces.push(Piece::Command {
        run: Some(manager.call(&["restart", wanted])),
        undo: Some(manager.call(&["stop", wanted])),
    });
    pieces
}

fn service_text(unit: &Unit, manager: Manager) -> String {
    let command: Vec<String> = unit.command().iter().map(|word| quoted(word)).collect();
    let kind = match unit.way {
        Way::Daemon => "Type=exec\nRestart=always\nRestartSec=2s\nExecReload=kill -HUP $MAINPID\n",
        Way::Passes => "Type=oneshot\n",
    };
    let user = if manager == Manager::System { format!("User={}\n", unit.uid) } else { String::new() };
    let target = if manager == Manager::User { "default.target" } else { "multi-user.target" };
    let install = if unit.way == Way::Daemon { format!("\n[Install]\nWantedBy={target}\n") } else { String::new() };
    format!(
        "# Made by `candor deploy activate`, taken away by `candor deploy deactivate`.\n[Unit]\n\
         Description=Candor, reporting governance for agents\n\n[Service]\n{kind}{user}UMask=0077\n\
         Environment={}\nExecStart={}\n{install}",
        quoted(&format!("PATH={}", unit.path)),
        command.join(" ")
    )
    .replace("", "")
}

fn timer_text(unit: &Unit) -> String {
    format!(
        "# Made by `candor deploy activate`, taken away by `candor deploy deactivate`.\n[Unit]\n\
         Description=Passes of Candor\n\n[Timer]\nOnActiveSec=0\nOnUnitActiveSec={}\nAccuracySec=1s\nUnit={}.service\n\n\
         [Install]\nWantedBy=timers.target\n",
        PASS_EVERY.as_secs(),
        unit.name
    )
}

/// A word as systemd.service(5) reads it: in double quotes, with `%` and `$` doubled.
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::{super::tests::unit, *};

    #[test]
    fn words_are_quoted_as_systemd_reads_them() {
        assert_eq!(quoted(r#"50% $HOME "x" \"#), r#""50%% $$HOME \"x\" \\""#);
    }

    /// The real one reads them, where it is installed.
    #[test]
    fn systemd_itself_accepts_the_units() -> Result<(), Box<dyn std::error::Error>> {
        if std::process::Command::new("systemd-analyze").arg("--version").output().is_err() {
            return Ok(());
        }
        for way in [Way::Daemon, Way::Passes] {
            let folder = tempfile::tempdir()?;
            let mut of = unit(way);
            of.program = vec!["/bin/true".to_owned(), "--state".to_owned(), "/a b/50% $x \"y\"".to_owned()];
            let mut files = Vec::new();
            for piece in pieces(&of, Manager::System) {
                let Piece::File { path, text } = piece else { continue };
                let path = folder.path().join(path.file_name().unwrap_or_default());
                std::fs::write(&path, text)?;
                files.push(path);
            }
            let verify =
                std::process::Command::new("systemd-analyze").arg("verify").arg("--man=no").args(&files).output()?;
            let said = String::from_utf8_lossy(&verify.stderr).into_owned();
            let ours: Vec<&str> = said.lines().filter(|line| line.contains("candor")).collect();
            assert!(ours.is_empty(), "{ours:?}");
        }
        Ok(())
    }
}
