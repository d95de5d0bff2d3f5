//! The lifecycle of a deployment, under stand-ins for the schedulers' own programs that do what those do: start what a unit names, keep a table.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::common::{Home, wait};

/// What `systemctl --user` does of what is asked of it here.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >> "$HOME/../calls"
[ "$1" = --user ] && shift
unit="$HOME/.config/systemd/user/$2"
case "$1" in
  show-environment|daemon-reload) exit 0 ;;
  restart|stop)
    pid=$(cat "$HOME/../pid" 2>/dev/null)
    if [ -n "$pid" ]; then
      kill "$pid" 2>/dev/null
      # Gone, or a zombie that nobody has asked after yet.
      while [ -d "/proc/$pid" ] && ! grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null; do sleep 0.02; done
    fi
    rm -f "$HOME/../pid"
    [ "$1" = stop ] && exit 0
    [ -f "$unit" ] || { echo "Unit $2 not found." >&2; exit 5; }
    line=$(sed -n 's/^ExecStart=//p' "$unit")
    case "$2" in *.timer) exit 0 ;; esac
    ( exec </dev/null >/dev/null 2>&1; eval "exec $line --listen 127.0.0.1:0" ) &
    echo $! > "$HOME/../pid" ;;
  *) exit 1 ;;
esac
"#;

/// What `crontab` does.
const CRONTAB: &str = r#"#!/bin/sh
table="$HOME/../table"
case "$1" in
  -l) [ -f "$table" ] && exec cat "$table"; echo "no crontab for me" >&2; exit 1 ;;
  -r) rm "$table" ;;
  -) cat > "$table.new" && mv "$table.new" "$table" ;;
esac
"#;

struct Machine {
    home: Home,
    bin: PathBuf,
}

impl Machine {
    fn new(config: &str, programs: &[(&str, &str)]) -> Self {
        let home = Home::new(config);
        let bin = home.folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::create_dir(home.folder.path().join("user")).unwrap();
        fs::set_permissions(home.state(), fs::Permissions::from_mode(0o700)).unwrap();
        let machine = Self { home, bin };
        programs.iter().for_each(|(name, text)| machine.program(name, text));
        machine
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.bin.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn user(&self) -> PathBuf {
        self.home.folder.path().join("user")
    }

    /// A command with nothing on its path but the stand-ins and a shell.
    fn command(&self, args: &[&str]) -> Command {
        self.with_path(self.home.command(args))
    }

    /// The same on another state folder.
    fn elsewhere(&self, state: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
        command.arg("--state").arg(state).args(args).stdin(std::process::Stdio::null());
        self.with_path(command)
    }

    fn with_path(&self, mut command: Command) -> Command {
        let only: Vec<String> = ["sh", "cat", "rm", "mv", "sed", "grep", "sleep"].map(str::to_owned).to_vec();
        for name in only {
            let link = self.bin.join(&name);
            let _ = std::os::unix::fs::symlink(format!("/bin/{name}"), link);
        }
        command.env("HOME", self.user()).env("PATH", &self.bin).env_remove("XDG_STATE_HOME");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{said}");
        said
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_slice(&self.run(&[args, &["--json"]].concat()).stdout).unwrap()
    }

    /// All that the user has outside the state folder, by path: what stands in it, or where it leads.
    fn belongings(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        collect(&self.user(), &mut all);
        let table = self.home.folder.path().join("table");
        if let Ok(text) = fs::read_to_string(table) {
            all.insert("the cron table".to_owned(), text);
        }
        all
    }

    fn acts(&self) -> Vec<Value> {
        let bundle = self.home.folder.path().join("acts.tar");
        let file = bundle.to_str().unwrap();
        self.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--out", file, "--force"]);
        let mut archive = tar_entries(&bundle);
        archive.retain(|(name, _)| name.starts_with("state/operator-acts/"));
        archive.into_iter().map(|(_, text)| serde_json::from_str(&text).unwrap()).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.home.folder.path().join("pid")).unwrap_or_default();
        if !pid.trim().is_empty() {
            let _ = Command::new("kill").args(["-9", pid.trim()]).status();
        }
    }
}

fn tar_entries(path: &Path) -> Vec<(String, String)> {
    let list = Command::new("tar").arg("-tf").arg(path).output().unwrap();
    let names = String::from_utf8(list.stdout).unwrap();
    names
        .lines()
        .map(|name| {
            let out = Command::new("tar").arg("-xOf").arg(path).arg(name).output().unwrap();
            (name.to_owned(), String::from_utf8_lossy(&out.stdout).into_owned())
        })
        .collect()
}

fn collect(folder: &Path, all: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = path.display().to_string();
        if let Ok(to) = fs::read_link(&path) {
            all.insert(name, format!("-> {}", to.display()));
        } else if path.is_dir() {
            all.insert(name, "folder".to_owned());
            collect(&path, all);
        } else {
            all.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

const SOLO: &str = "profile: minimal-solo-mode\n";

#[test]
fn activation_runs_it_and_deactivation_leaves_the_machine_as_it_was() {
    let machine = Machine::new(SOLO, &[("systemctl", SYSTEMCTL)]);
    fs::create_dir_all(machine.user().join(".config")).unwrap();
    fs::write(machine.user().join(".config/other"), "not candor's\n").unwrap();
    let before = machine.belongings();
    let told = machine.ends(0, &["deploy", "activate"]);
    assert!(told.contains("run by systemd-user"), "{told}");
    let daemon: Value =
        serde_json::from_str(&fs::read_to_string(machine.home.state().join("daemon.json")).unwrap()).unwrap();
    assert_eq!(daemon["pid"].to_string(), fs::read_to_string(machine.home.folder.path().join("pid")).unwrap().trim());
    let installed = machine.belongings();
    assert_eq!(installed.len(), before.len() + 5, "{installed:#?}");
    for stage in ["1-package", "2-capability", "3-profile", "4-validation", "5-activation", "6-export"] {
        let path = machine.home.state().join(format!("deploy/1/{stage}.json"));
        assert!(fs::read_to_string(&path).is_ok_and(|text| text.starts_with('{')), "{stage}");
    }
    machine.ends(0, &["deploy", "status"]);
    // Once more changes nothing, and starts nothing.
    assert!(machine.ends(0, &["deploy", "activate"]).contains("nothing was changed"));
    assert_eq!(machine.belongings(), installed);
    assert_eq!(machine.json(&["deploy", "status"])["active"]["no"], 1);
    machine.ends(0, &["deploy", "deactivate"]);
    assert_eq!(machine.belongings(), before);
    machine.ends(11, &["deploy", "status"]);
    machine.ends(11, &["deploy", "deactivate"]);
    let acts: Vec<_> = machine.acts().into_iter().filter(|act| act["act"] == "deploy").collect();
    assert_eq!((&acts[0]["what"], &acts[1]["what"]), (&json!("activate"), &json!("deactivate")));
    assert_eq!(acts[0]["stages"].as_object().unwrap().len(), 5, "each artifact before the export, by digest");
}

#[test]
fn a_cron_table_is_given_back_byte_for_byte() {
    for table in [None, Some("MAILTO=me\n1 2 3 4 5 mine\n"), Some("no line break at the end")] {
        let machine = Machine::new(SOLO, &[("crontab", CRONTAB)]);
        let path = machine.home.folder.path().join("table");
        if let Some(table) = table {
            fs::write(&path, table).unwrap();
        }
        machine.ends(0, &["deploy", "activate"]);
        let with = fs::read_to_string(&path).unwrap();
        assert!(with.starts_with(table.unwrap_or_default()) && with.contains("* * * * * sh '"), "{with}");
        // What cron would run does a pass.
        let line = with.lines().find_map(|line| line.strip_prefix("* * * * * ")).unwrap();
        assert!(Command::new("sh").arg("-c").arg(line).status().unwrap().success());
        machine.ends(0, &["deploy", "activate"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), with);
        machine.ends(0, &["deploy", "deactivate"]);
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), table);
    }
}

#[test]
fn without_a_scheduler_it_is_said_to_be_less() {
    let machine = Machine::new(SOLO, &[]);
    let checked = machine.json(&["deploy", "validate"]);
    let check =
        checked["checks"].as_array().unwrap().iter().find(|check| check["what"] == "scheduler").unwrap().clone();
    assert_eq!(check["weight"], "degraded");
    let told = machine.ends(0, &["deploy", "activate"]);
    assert!(told.contains("run by manual"), "{told}");
    assert!(machine.ends(14, &["deploy", "activate", "--scheduler", "cron"]).contains("no `crontab`"));
    assert!(machine.ends(2, &["deploy", "plan", "--scheduler", "at"]).contains("systemd-user"));
}

/// Truth 12: what is missing is refused, or listed with its fallback wherever it matters.
#[test]
fn truth_12_degrading_is_said_aloud() {
    let machine = Machine::new("profile: strict-manager-mode\nadapter: generic-cli\n", &[("crontab", CRONTAB)]);
    let before = machine.belongings();
    let told = machine.ends(13, &["deploy", "activate"]);
    assert!(told.contains("REFUSED") && told.contains("direct_send"), "{told}");
    assert_eq!(machine.belongings(), before, "nothing is installed");
    machine.ends(13, &["deploy", "validate"]);
    let told = machine.ends(0, &["deploy", "activate", "--degrade"]);
    assert!(told.contains("less than asked for: direct_send") && told.contains("pending_external_send"), "{told}");
    let gaps = |of: &Value| of["gaps"].to_string();
    for shown in [machine.json(&["deploy", "status"]), machine.json(&["status"])] {
        assert!(gaps(&shown).contains("direct_send") && gaps(&shown).contains("pending_external_send"), "{shown}");
    }
    let act = machine.acts().into_iter().find(|act| act["act"] == "deploy").unwrap();
    assert!(gaps(&act).contains("direct_send"), "{act}");
}

#[test]
fn what_was_changed_since_is_found_and_mended() {
    let machine = Machine::new(SOLO, &[("systemctl", SYSTEMCTL)]);
    machine.ends(0, &["deploy", "activate"]);
    let unit = machine.belongings().into_keys().find(|name| name.ends_with(".service")).unwrap();
    let text = fs::read_to_string(&unit).unwrap();
    fs::write(&unit, text.replace("Restart=always", "Restart=no")).unwrap();
    assert!(machine.ends(13, &["deploy", "status"]).contains("was changed since"));
    assert!(machine.ends(13, &["doctor"]).contains("was changed since"));
    machine.ends(0, &["deploy", "activate"]);
    assert_eq!(fs::read_to_string(&unit).unwrap(), text);
    machine.ends(0, &["deploy", "status"]);
    // The daemon that should run was killed.
    let pid = fs::read_to_string(machine.home.folder.path().join("pid")).unwrap();
    assert!(Command::new("kill").args(["-9", pid.trim()]).status().unwrap().success());
    wait("it is gone", || machine.run(&["deploy", "status"]).status.code() == Some(13));
    assert!(machine.ends(13, &["doctor"]).contains("doesn't answer"));
    fs::remove_file(&unit).unwrap();
    assert!(machine.ends(13, &["deploy", "status"]).contains("is gone"));
    machine.ends(0, &["deploy", "activate"]);
    machine.ends(0, &["deploy", "deactivate"]);
}

#[test]
fn what_is_not_candors_is_left_alone() {
    let machine = Machine::new(SOLO, &[("systemctl", SYSTEMCTL)]);
    machine.ends(0, &["deploy", "plan"]);
    let plan = machine.json(&["deploy", "plan"]);
    let file =
        plan["plan"].as_array().unwrap().iter().find_map(|placed| placed["piece"]["path"].as_str()).unwrap().to_owned();
    fs::create_dir_all(Path::new(&file).parent().unwrap()).unwrap();
    fs::write(&file, "[Service]\nExecStart=/bin/somebody-elses\n").unwrap();
    let before = machine.belongings();
    assert!(machine.ends(13, &["deploy", "activate"]).contains("isn't this deployment's"));
    machine.ends(11, &["deploy", "deactivate"]);
    assert_eq!(machine.belongings(), before);
}

/// A crash anywhere leaves something that the same command finishes, and that deactivation takes away.
#[cfg(feature = "crash-points")]
#[test]
fn a_crash_anywhere_is_finished_by_the_same_command() {
    let points = [
        "deploy.after_journal",
        "deploy.after_piece:1",
        "deploy.after_piece:3",
        "deploy.after_piece:5",
        "deploy.after_record",
    ];
    for point in points {
        let machine = Machine::new(SOLO, &[("systemctl", SYSTEMCTL)]);
        let before = machine.belongings();
        let crash = |args: &[&str]| {
            let status = machine.command(args).env("CANDOR_CRASH_AT", point).status().unwrap();
            assert_eq!(status.code(), None, "{point}: {args:?} was killed");
        };
        crash(&["deploy", "activate"]);
        assert!(machine.ends(13, &["deploy", "status"]).contains("begun and not finished"));
        machine.ends(0, &["deploy", "activate"]);
        machine.ends(0, &["deploy", "status"]);
        assert_eq!(machine.json(&["deploy", "status"])["active"]["no"], 1, "{point}: the same deployment");
        if point != "deploy.after_record" {
            crash(&["deploy", "deactivate"]);
        }
        machine.ends(0, &["deploy", "deactivate"]);
        assert_eq!(machine.belongings(), before, "{point}");
        // Or given up right after the crash.
        crash(&["deploy", "activate"]);
        machine.ends(0, &["deploy", "deactivate"]);
        assert_eq!(machine.belongings(), before, "{point}");
    }
}

#[test]
fn rollback_brings_the_configuration_of_before() {
    let machine = Machine::new(SOLO, &[("crontab", CRONTAB)]);
    let config = machine.home.state().join("candor.yaml");
    machine.ends(0, &["deploy", "activate"]);
    fs::write(&config, "profile: standard-team-mode\nwatch: {period: 2m}\n").unwrap();
    assert!(machine.ends(13, &["deploy", "status"]).contains("configuration was changed"));
    machine.ends(0, &["deploy", "activate", "--degrade"]);
    let told = machine.ends(0, &["deploy", "rollback"]);
    assert!(told.contains("with the configuration of deployment 1"), "{told}");
    assert_eq!(fs::read_to_string(&config).unwrap(), SOLO);
    let replaced = machine.home.state().join("deploy/3/replaced/candor.yaml");
    assert!(fs::read_to_string(replaced).unwrap().contains("standard-team-mode"));
    machine.ends(0, &["deploy", "status"]);
    machine.ends(11, &["deploy", "rollback"]);
    machine.ends(0, &["deploy", "rollback", "--to", "2", "--degrade"]);
    assert!(fs::read_to_string(&config).unwrap().contains("period: 2m"));
    machine.ends(11, &["deploy", "rollback", "--to", "9"]);
    let acts: Vec<Value> = machine.acts().into_iter().filter(|act| act["act"] == "deploy").collect();
    let words: Vec<&str> = acts.iter().filter_map(|act| act["what"].as_str()).collect();
    assert_eq!(words, ["activate", "activate", "rollback", "rollback"]);
}

#[test]
fn what_others_can_change_is_refused() {
    let machine = Machine::new(SOLO, &[("crontab", CRONTAB)]);
    let config = machine.home.state().join("candor.yaml");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(machine.ends(13, &["deploy", "activate"]).contains("others can change"));
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(machine.home.state(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(machine.ends(13, &["deploy", "validate"]).contains("others can look into"));
    fs::set_permissions(machine.home.state(), fs::Permissions::from_mode(0o700)).unwrap();
    machine.ends(0, &["deploy", "validate"]);
    for (config, says) in [
        ("profile: nobodys\n", "no profile `nobodys`"),
        ("profile: minimal-solo-mode\npacks: {tune: {nothing: 1}}\n", "nothing"),
        (
            "profile: minimal-solo-mode\ntargets: [{name: t, sender: webhook, url: 'http://127.0.0.1:9/'}]\n",
            "sender_modes",
        ),
        ("unknown_field: 1\n", "unknown_field"),
    ] {
        fs::write(machine.home.state().join("candor.yaml"), config).unwrap();
        let told = machine.ends(13, &["deploy", "validate"]);
        assert!(told.contains("REFUSED") && told.contains(says), "{told}");
    }
}

#[test]
fn init_makes_what_a_deployment_begins_with() {
    let machine = Machine::new("", &[("crontab", CRONTAB)]);
    let told = machine.ends(0, &["init", "--profile", "minimal-solo-mode"]);
    let key = machine.ends(0, &["audit", "key"]);
    assert!(told.contains(key.trim()), "{told}");
    let mode = |name: &str| fs::metadata(machine.home.state().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("candor.yaml"), mode("audit.key")), (0o600, 0o600));
    assert!(machine.ends(0, &["init", "--profile", "minimal-solo-mode"]).contains("there already"));
    assert!(machine.ends(8, &["init", "--profile", "strict-manager-mode"]).contains("minimal-solo-mode"));
    let other = Machine::new("", &[]);
    assert!(other.ends(8, &["init", "--profile", "nobodys"]).contains("no profile"));
    assert_eq!(fs::read_dir(other.home.state()).unwrap().count(), 0, "nothing is made");
    machine.ends(0, &["deploy", "validate"]);
    machine.ends(0, &["deploy", "activate"]);
}

/// From nothing to a bundle that somebody else checks, as the README has it, with no file but those that the commands make.
#[test]
fn a_fresh_user_comes_from_init_to_a_bundle_that_a_stranger_checks() {
    let machine = Machine::new("", &[("crontab", CRONTAB)]);
    machine.ends(0, &["init", "--profile", "minimal-solo-mode"]);
    machine.ends(0, &["deploy", "validate"]);
    machine.ends(0, &["deploy", "activate"]);
    machine.ends(0, &["task", "start", "nightly", "--period", "1s", "--grace", "0s"]);
    let table = fs::read_to_string(machine.home.folder.path().join("table")).unwrap();
    let pass = table.lines().find_map(|line| line.strip_prefix("* * * * * ")).unwrap().to_owned();
    wait("the silence is noticed by what was installed", || {
        assert!(Command::new("sh").arg("-c").arg(&pass).status().unwrap().success());
        machine.json(&["notice", "list"])["notices"].as_array().is_some_and(|notices| !notices.is_empty())
    });
    let bundle = machine.home.folder.path().join("nightly.tar");
    machine.ends(0, &["audit", "export", "--task", "nightly", "--out", bundle.to_str().unwrap()]);
    let key = machine.ends(0, &["audit", "key"]);
    // Elsewhere, with the binary, the bundle and the key, and nothing else.
    let elsewhere = Machine::new("", &[]);
    let copy = elsewhere.user().join("nightly.tar");
    fs::copy(&bundle, &copy).unwrap();
    assert!(elsewhere.ends(0, &["audit", "verify", copy.to_str().unwrap(), "--key", key.trim()]).starts_with("intact"));
    // And by hand.
    let script = "tar -xf nightly.tar && sha256sum -c --quiet SHA256SUMS && python3 -c \"import json; m = json.load(open('manifest.json')); print(sorted({a['kind'] for a in m['artifacts']}))\"";
    let by_hand = Command::new("sh").arg("-c").arg(script).current_dir(elsewhere.user()).output().unwrap();
    let kinds = String::from_utf8_lossy(&by_hand.stdout).into_owned();
    for kind in ["event", "decision", "queue", "spool", "receipt", "profile", "capability"] {
        assert!(kinds.contains(&format!("'{kind}'")), "{kind}: {kinds}");
    }
}

/// A table that can't be given back byte for byte, or marks that nobody can read: nothing is touched, and it is said.
#[test]
fn a_cron_table_in_doubt_is_left_as_it_is() {
    let machine = Machine::new(SOLO, &[("crontab", CRONTAB)]);
    let path = machine.home.folder.path().join("table");
    let not_text = b"# caf\xe9\n1 2 3 4 5 /bin/x\xff\n".to_vec();
    fs::write(&path, &not_text).unwrap();
    assert!(machine.ends(13, &["deploy", "activate", "--scheduler", "cron"]).contains("isn't UTF-8"));
    assert_eq!(fs::read(&path).unwrap(), not_text);
    fs::write(&path, "0 1 * * * mine\n").unwrap();
    machine.ends(0, &["deploy", "activate"]);
    let with = fs::read_to_string(&path).unwrap();
    // Twice, and with an end that somebody lost.
    let end = with.lines().find(|line| line.starts_with("# <<<")).unwrap();
    for wrong in [format!("{with}{with}"), with.replace(end, "0 2 * * * theirs")] {
        fs::write(&path, &wrong).unwrap();
        assert!(machine.ends(13, &["deploy", "status"]).contains("not one pair"));
        assert!(machine.ends(13, &["deploy", "deactivate"]).contains("not one pair"));
        assert_eq!(fs::read_to_string(&path).unwrap(), wrong);
    }
    // A line that somebody wrote between the marks is kept aside.
    fs::write(&path, with.replace(end, &format!("0 3 * * * inside\n{end}"))).unwrap();
    assert!(machine.ends(0, &["deploy", "deactivate"]).contains("is kept in"));
    let kept = fs::read_to_string(machine.home.state().join("deploy/kept-aside/crontab-block")).unwrap();
    assert!(kept.contains("0 3 * * * inside"), "{kept}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "0 1 * * * mine\n");
}

/// Several deployments of one user change the same table at the same time, and none loses another's block.
#[test]
fn deployments_at_the_same_time_do_not_lose_each_other() {
    let machine = Machine::new(SOLO, &[("crontab", CRONTAB)]);
    let states: Vec<PathBuf> = (0..4).map(|no| machine.home.folder.path().join(format!("state-{no}"))).collect();
    let each = |words: &[&str]| {
        let running: Vec<_> = states
            .iter()
            .map(|state| {
                fs::create_dir_all(state).unwrap();
                fs::set_permissions(state, fs::Permissions::from_mode(0o700)).unwrap();
                fs::write(state.join("candor.yaml"), SOLO).unwrap();
                machine.elsewhere(state, words).stdout(std::process::Stdio::null()).spawn().unwrap()
            })
            .collect();
        running.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
        let table = fs::read_to_string(machine.home.folder.path().join("table")).unwrap_or_default();
        table.lines().filter(|line| line.starts_with("# >>> candor")).count()
    };
    assert_eq!(each(&["deploy", "activate"]), 4);
    assert_eq!(each(&["deploy", "deactivate"]), 0);
}

#[test]
fn what_would_run_nothing_or_something_else_is_refused() {
    // No configuration: every notice would be a dry run.
    let machine = Machine::new("", &[("crontab", CRONTAB)]);
    assert!(machine.ends(13, &["deploy", "activate"]).contains("candor init"));
    // A copy of a state folder is no deployment, and takes nothing of the other away.
    let machine = Machine::new(SOLO, &[("crontab", CRONTAB)]);
    machine.ends(0, &["deploy", "activate"]);
    let table = fs::read_to_string(machine.home.folder.path().join("table")).unwrap();
    let copy = machine.home.folder.path().join("copy");
    assert!(Command::new("cp").arg("-a").arg(machine.home.state()).arg(&copy).status().unwrap().success());
    for words in [["deploy", "status"], ["deploy", "deactivate"], ["deploy", "activate"]] {
        let out = machine.elsewhere(&copy, &words).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(8) && said.contains("is a copy"), "{words:?}: {said}");
    }
    assert_eq!(fs::read_to_string(machine.home.folder.path().join("table")).unwrap(), table);
}

/// A log that lost its end, and a pass that never comes.
#[test]
fn what_is_missing_without_a_trace_is_found() {
    let machine = Machine::new(SOLO, &[("crontab", CRONTAB)]);
    machine.ends(0, &["task", "start", "t"]);
    machine.ends(0, &["deploy", "activate"]);
    let none = "no pass ever came";
    let later = machine.home.state().join("deploy/active.json");
    let text = fs::read_to_string(&later).unwrap();
    let mut active: Value = serde_json::from_str(&text).unwrap();
    assert!(!machine.ends(0, &["deploy", "status"]).contains(none), "it was activated just now");
    active["at"] = json!("2026-01-01T00:00:00Z");
    fs::write(&later, active.to_string()).unwrap();
    assert!(machine.ends(13, &["deploy", "status"]).contains(none));
    machine.ends(0, &["run"]);
    machine.ends(0, &["deploy", "status"]);
    let store = rusqlite::Connection::open(machine.home.state().join("candor.db")).unwrap();
    store
        .execute_batch(
            "DROP TRIGGER segment_is_kept; DELETE FROM segment WHERE first = (SELECT max(first) FROM segment)",
        )
        .unwrap();
    drop(store);
    assert!(machine.ends(13, &["doctor"]).contains("lost its end"));
    assert!(machine.ends(13, &["verify", "--level", "1"]).contains("lost its end"));
    assert!(machine.ends(13, &["deploy", "validate"]).contains("lost its end"));
}

/// Who owns the folder decides what runs from it: root starts nothing of another user's under its own name. Only root can lay that out.
#[test]
fn another_users_folder_is_not_started_under_ones_own_name() {
    let machine = Machine::new(SOLO, &[("crontab", CRONTAB)]);
    if std::os::unix::fs::chown(machine.home.state(), Some(65_534), Some(65_534)).is_err() {
        return;
    }
    let told = machine.ends(13, &["deploy", "activate"]);
    assert!(told.contains("state folder's owner") && told.contains("belongs to user 65534"), "{told}");
    assert!(!machine.home.folder.path().join("table").exists(), "nothing is installed");
}
