//! `command` with real programs. A program "keeps" the notice by writing a file, as a real one would by calling its channel.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use candor_core::notice::{BlockReason, Message, Outcome};
use candor_world::senders::Binding;
use tempfile::TempDir;

use super::{KEY, bind, holds_the_truth, message, now, open, send, word};

/// A folder with a program in it, and the file by which the program keeps what it was given.
struct Lab {
    folder: TempDir,
}

impl Lab {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn kept(&self) -> usize {
        usize::from(self.path("kept").exists())
    }

    /// Binds a script, in which `keep` keeps the notice.
    fn script(&self, lines: &str, more: &str) -> Binding {
        let text = format!("#!/bin/sh\nkeep() {{ cat > '{}'; }}\n{lines}\n", self.path("kept").display());
        let path = self.path("notify");
        write_program(&path, &text);
        bind(&format!("{{name: ops, sender: command, program: '{}'{more}}}", path.display()))
    }
}

/// Written by another process: a file that this one holds open for writing, if only until another thread's child has started, can't be
/// run.
pub(crate) fn write_program(path: &Path, text: &str) {
    let mut child = std::process::Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn every_end_has_its_outcome_and_none_lies() {
    let says = |level: &str| format!(r#"printf '{{"notice":"%s","level":"{level}","id":"x1"}}' "$CANDOR_NOTICE""#);
    let stored = says("stored");
    let cases = [
        ("answers stored, may prove it", format!("keep; {stored}"), ", may_prove: stored", "proved stored"),
        (
            "answers read_back, may prove it",
            format!("keep; {}", says("read_back")),
            ", may_prove: read_back",
            "proved read_back",
        ),
        (
            "answers read_back, may prove stored",
            format!("keep; {}", says("read_back")),
            ", may_prove: stored",
            "proved stored",
        ),
        ("answers stored, may not", format!("keep; {stored}"), "", "relayed"),
        ("answers relayed", format!("keep; {}", says("relayed")), ", may_prove: stored", "relayed"),
        (
            "answers for another",
            "keep; printf '{\"notice\":\"n-9\",\"level\":\"stored\"}'".to_owned(),
            ", may_prove: stored",
            "unknown",
        ),
        ("says ok", "keep; echo ok".to_owned(), ", may_prove: stored", "unknown"),
        ("says nothing", "keep".to_owned(), ", may_prove: stored", "unknown"),
        ("does nothing", "exit 0".to_owned(), ", may_prove: stored", "unknown"),
        ("answers on stderr", format!("keep; {{ {stored}; }} >&2"), ", may_prove: stored", "unknown"),
        ("answers twice", format!("keep; {stored}; {stored}"), ", may_prove: stored", "unknown"),
        ("tries later", "exit 75".to_owned(), "", "failed"),
        ("refuses", "echo 'no such pager' >&2; exit 77".to_owned(), "", "refused recipient_refused"),
        ("fails after it kept the notice", "keep; exit 1".to_owned(), "", "unknown"),
        ("fails", "exit 1".to_owned(), "", "unknown"),
        ("its command isn't there", "no-such-command-here".to_owned(), "", "unknown"),
        ("answers and then fails", format!("keep; {stored}; exit 1"), ", may_prove: stored", "unknown"),
        ("is killed", "keep; kill -9 $$".to_owned(), "", "unknown"),
        ("hangs", "keep; exec sleep 1000".to_owned(), ", timeout: 300ms", "unknown"),
        ("hangs in a child", "keep; sleep 1000 & wait".to_owned(), ", timeout: 300ms", "unknown"),
        (
            "hangs with an answer",
            format!("keep; {stored}; exec sleep 1000"),
            ", may_prove: stored, timeout: 300ms",
            "unknown",
        ),
        ("prints without end", "keep; exec yes".to_owned(), ", may_prove: stored, timeout: 300ms", "unknown"),
        ("prints much", "keep; head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2".to_owned(), "", "unknown"),
        (
            "closes its input and answers",
            format!("exec 0<&-; : > '$KEPT'; {stored}"),
            ", may_prove: stored",
            "proved stored",
        ),
        (
            "leaves a child that holds its output",
            format!("keep; sleep 1000 & {stored}"),
            ", may_prove: stored",
            "proved stored",
        ),
    ];
    for (case, lines, more, expected) in cases {
        let lab = Lab::new();
        let lines = lines.replace("$KEPT", lab.path("kept").to_str().unwrap());
        let answer = send(&lab.script(&lines, more)).await;
        assert_eq!(word(&answer.outcome), expected, "{case}: {answer:?}");
        holds_the_truth(case, &answer, lab.kept());
    }
}

#[tokio::test]
async fn it_gets_the_message_on_its_input_and_a_bare_environment() {
    let lab = Lab::new();
    let binding = lab.script(&format!("keep; env | sort > '{}'; pwd >> '{0}'", lab.path("env").display()), "");
    send(&binding).await;
    let kept = fs::read(lab.path("kept")).unwrap();
    assert_eq!(kept, binding.payload(&message(1)));
    assert_eq!(serde_json::from_slice::<Message>(&kept).unwrap(), message(1));
    let env = fs::read_to_string(lab.path("env")).unwrap();
    assert!(env.contains(&format!("CANDOR_NOTICE={KEY}\n")) && env.ends_with("\n/\n"), "{env}");
    for line in env.lines() {
        let name = line.split('=').next().unwrap();
        // The last three are what `sh` and `env` set by themselves.
        assert!(["CANDOR_NOTICE", "PATH", "HOME", "PWD", "_", "SHLVL", "OLDPWD", "/"].contains(&name), "{line}");
    }
}

#[tokio::test]
async fn arguments_meet_no_shell() {
    let lab = Lab::new();
    let binding = lab.script("printf '%s|' \"$@\" >&2; exit 77", ", args: ['$HOME', 'a b', '; rm -rf x']");
    let answer = send(&binding).await;
    let Outcome::Refused { why, .. } = answer.outcome else { panic!("{answer:?}") };
    assert!(why.ends_with("$HOME|a b|; rm -rf x|"), "{why}");
}

#[tokio::test]
async fn a_program_that_vanished_or_cannot_run_is_named_with_what_to_do() {
    let lab = Lab::new();
    let gone = lab.script("keep", "");
    fs::remove_file(lab.path("notify")).unwrap();
    let no_interpreter = lab.path("no-interpreter");
    write_program(&no_interpreter, "#!/nowhere/sh\n");
    let not_a_program = lab.path("not-a-program");
    write_program(&not_a_program, "just text\n");
    let not_executable = lab.path("not-executable");
    write_program(&not_executable, "#!/bin/sh\n");
    fs::set_permissions(&not_executable, fs::Permissions::from_mode(0o644)).unwrap();
    let of = |path: &Path| bind(&format!("{{name: ops, sender: command, program: '{}'}}", path.display()));
    for (binding, says) in [
        (gone, "isn't there"),
        (of(&no_interpreter), "the interpreter in its first line isn't there"),
        (of(&not_a_program), "first line must be"),
        (of(&not_executable), "chmod +x"),
        (of(lab.folder.path()), "a folder or a device"),
    ] {
        let answer = send(&binding).await;
        let Outcome::Refused { reason: BlockReason::SenderMissing, why } = &answer.outcome else {
            panic!("{answer:?}")
        };
        assert!(why.contains(says), "{why}");
        holds_the_truth(says, &answer, lab.kept());
    }
}

/// A named pipe that the program and all its children hold open: reading it to its end is waiting until the last of them is gone.
fn pipe(lab: &Lab) -> PathBuf {
    let path = lab.path("alive");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

const LONG_RUN: &str = "echo up >&3; sleep 1000 & sleep 1000";

#[tokio::test]
async fn a_run_that_is_too_long_is_killed_with_all_that_it_started() {
    let lab = Lab::new();
    let alive = pipe(&lab);
    let binding = lab.script(&format!("exec 3>'{}'; {LONG_RUN}", alive.display()), ", timeout: 1s");
    let gone = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        File::open(alive).unwrap().read_to_string(&mut text).unwrap();
        text
    });
    assert_eq!(word(&send(&binding).await.outcome), "unknown");
    assert_eq!(gone.await.unwrap(), "up\n");
}

#[tokio::test]
async fn a_sending_that_is_given_up_leaves_no_program_behind() {
    let lab = Lab::new();
    let alive = pipe(&lab);
    let binding = lab.script(&format!("exec 3>'{}'; {LONG_RUN}", alive.display()), "");
    let (up, is_up) = tokio::sync::oneshot::channel();
    let gone = tokio::task::spawn_blocking(move || {
        let mut pipe = File::open(alive).unwrap();
        pipe.read_exact(&mut [0; 3]).unwrap();
        up.send(()).unwrap();
        pipe.read_to_end(&mut Vec::new()).unwrap()
    });
    let (mut keeper, message) = (open(), message(1));
    tokio::select! {
        answer = binding.send(&mut keeper, &message, &now) => panic!("{answer:?}"),
        started = is_up => started.unwrap(),
    }
    assert_eq!(gone.await.unwrap(), 0);
}
