//! `openclaw-cli`: its classifier over recorded answers, and its command line with programs that stand in for OpenClaw.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::PathBuf,
};

use candor_core::notice::{BlockReason, Outcome};
use candor_world::senders::{
    Binding, Ended, OUTPUT_BYTES_MAX, Run,
    openclaw_cli::{TEXT_UNITS_MAX, classify},
};
use serde::Deserialize;
use tempfile::TempDir;

use super::{bind, command::write_program, holds_the_truth, message, now, open, secret_file, send, word};

/// A recorded run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    /// What the provider knew: for people.
    #[serde(default)]
    truth: String,
    to: String,
    exit: i32,
    stdout: String,
    #[serde(default)]
    stderr: String,
    expected: String,
    #[serde(default)]
    says: String,
}

fn cases(file: &str) -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/openclaw").join(file);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_recorded_answer_has_its_outcome() {
    let mut seen = BTreeMap::new();
    for file in ["matrix.yaml", "verbatim.yaml", "made-up.yaml"] {
        let cases = cases(file);
        seen.insert(file, cases.len());
        for Case { case, truth, to, exit, stdout, stderr, expected, says } in cases {
            let run = Run { ended: Ended::Exited(exit), stdout: stdout.into(), stderr: stderr.into() };
            let outcome = classify(&run, &to);
            assert_eq!(word(&outcome), expected, "{file}, {case}: {outcome:?}");
            assert!(format!("{outcome:?}").replace("\\\"", "\"").contains(&says), "{file}, {case}: {outcome:?}");
            // What the provider knew is never contradicted.
            match outcome {
                Outcome::Proved { .. } => assert!(truth.is_empty() || truth == "delivered", "{case}"),
                Outcome::Failed { .. } | Outcome::Refused { .. } | Outcome::RateLimited { .. } => {
                    assert!(truth.is_empty() || truth == "not sent", "{case}");
                }
                _ => {}
            }
        }
    }
    assert_eq!(seen, [("made-up.yaml", 56), ("matrix.yaml", 21), ("verbatim.yaml", 10)].into());
}

#[test]
fn what_is_no_text_or_has_no_end_is_unknown() {
    let good = br#"{"action":"send","dryRun":false,"messageId":"1","payload":{"chatId":"111"}}"#;
    let padded = [good.as_slice(), b" ".repeat(OUTPUT_BYTES_MAX).as_slice()].concat();
    let deep = "[".repeat(OUTPUT_BYTES_MAX).into_bytes();
    let id =
        format!(r#"{{"action":"send","dryRun":false,"messageId":"{}","payload":{{"chatId":"111"}}}}"#, "1".repeat(129));
    for (stdout, expected) in [
        (b"\xff\xfe{\"messageId\":\"1\"}".to_vec(), "unknown"),
        ([good.as_slice(), b"\xff"].concat(), "unknown"),
        (
            b"{\"action\":\"send\",\"dryRun\":false,\"messageId\":\"\xff\",\"payload\":{\"chatId\":\"111\"}}".to_vec(),
            "unknown",
        ),
        (deep, "unknown"),
        (vec![0; OUTPUT_BYTES_MAX], "unknown"),
        (id.into_bytes(), "unknown"),
        (padded, "proved stored"),
    ] {
        let run = Run { ended: Ended::Exited(0), stdout: stdout.clone(), stderr: b"\xff\xfe".to_vec() };
        assert_eq!(
            word(&classify(&run, "111")),
            expected,
            "{}",
            String::from_utf8_lossy(&stdout[..stdout.len().min(60)])
        );
        for ended in [
            Ended::Killed(9),
            Ended::TimedOut(std::time::Duration::from_secs(120)),
            Ended::Lost("gone".to_owned()),
            Ended::Exited(-1),
            Ended::Exited(137),
        ] {
            let run = Run { ended, stdout: stdout.clone(), stderr: Vec::new() };
            assert_eq!(word(&classify(&run, "111")), "unknown", "{:?}", run.ended);
        }
    }
}

/// A folder with a program in it that stands in for OpenClaw, and the file by which its channel keeps a message.
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

    /// Binds a script, in which `keep` keeps the message and `sent` says so.
    fn script(&self, lines: &str, more: &str) -> Binding {
        let said = r#"{"action":"send","dryRun":false,"messageId":"7","payload":{"ok":true,"chatId":"111"}}"#;
        let text = format!(
            "#!/bin/sh\nkeep() {{ : > '{}'; }}\nsent() {{ printf '%s' '{said}'; }}\n{lines}\n",
            self.path("kept").display()
        );
        let path = self.path("openclaw");
        write_program(&path, &text);
        bind(&format!(
            "{{name: ops, sender: openclaw-cli, program: '{}', channel: telegram, to: 111{more}}}",
            path.display()
        ))
    }
}

#[tokio::test]
async fn every_end_has_its_outcome_and_none_lies() {
    for (case, lines, more, expected) in [
        ("sends", "keep; sent", "", "proved stored"),
        ("sends, and prints much for people", "keep; sent; head -c 1000000 /dev/zero >&2", "", "proved stored"),
        ("sends, and says so twice", "keep; sent; sent", "", "unknown"),
        ("sends, and says so elsewhere", "keep; sent >&2", "", "unknown"),
        ("sends, and is killed", "keep; sent; kill -9 $$", "", "unknown"),
        ("sends, and hangs", "keep; sent; exec sleep 1000", ", timeout: 300ms", "unknown"),
        ("hangs in a child", "keep; sleep 1000 & wait", ", timeout: 300ms", "unknown"),
        ("prints without end", "keep; exec yes", ", timeout: 300ms", "unknown"),
        ("prints much before it says so", "keep; head -c 1000000 /dev/zero; sent", "", "unknown"),
        ("fails", "exit 1", "", "unknown"),
        ("does nothing", "", "", "unknown"),
        (
            "has no gateway",
            "echo 'Gateway not reachable at ws://127.0.0.1:1 (ECONNREFUSED).' >&2; exit 1",
            "",
            "failed",
        ),
        ("has no interpreter", "exec /usr/bin/env no-node-here", "", "refused sender_missing"),
    ] {
        let lab = Lab::new();
        let answer = send(&lab.script(lines, more)).await;
        assert_eq!(word(&answer.outcome), expected, "{case}: {answer:?}");
        holds_the_truth(case, &answer, lab.kept());
    }
}

#[tokio::test]
async fn its_arguments_are_a_list_and_its_environment_is_bare() {
    let lab = Lab::new();
    let shown = lab.path("shown");
    let token = secret_file(lab.folder.path(), "token", "gateway-token-0123456789");
    let show = format!(
        "env | sort > '{0}'; pwd >> '{0}'; for a; do printf '<%s>' \"$a\" >> '{0}'; done; cat >> '{0}'",
        shown.display()
    );
    let more =
        format!(", to: -1001, account: night, thread: 5, token: {{file: '{token}'}}, pass_env: [CARGO_PKG_NAME]")
            .replace(", to: -1001", "");
    let binding = lab.script(&show, &more);
    assert_eq!(word(&send(&binding).await.outcome), "unknown");
    let shown = fs::read_to_string(shown).unwrap();
    let args: Vec<String> = serde_json::from_slice(&binding.payload(&message(1))).unwrap();
    let listed: String = args.iter().map(|arg| format!("<{arg}>")).collect();
    assert!(shown.ends_with(&format!("\n/\n{listed}")), "{shown}");
    let [.., text] = args.as_slice() else { panic!("{args:?}") };
    assert_eq!(
        args[..args.len() - 1],
        [
            "message",
            "send",
            "--json",
            "--channel",
            "telegram",
            "--target",
            "111",
            "--account",
            "night",
            "--thread-id",
            "5",
            "--message"
        ]
    );
    assert!(text.starts_with("critical: nightly is silent\n\n") && text.ends_with("\n\nn-3 · task nightly"), "{text}");
    for line in [
        "CARGO_PKG_NAME=candor-world",
        "CI=1",
        "NO_COLOR=1",
        "DO_NOT_TRACK=1",
        "OPENCLAW_NO_AUTO_UPDATE=1",
        "OPENCLAW_GATEWAY_TOKEN=gateway-token-0123456789",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    let known =
        ["PATH", "HOME", "TMPDIR", "CI", "NO_COLOR", "DO_NOT_TRACK", "CARGO_PKG_NAME", "PWD", "_", "SHLVL", "OLDPWD"];
    for line in shown.lines().take_while(|line| *line != "/") {
        let name = line.split('=').next().unwrap();
        assert!(known.contains(&name) || name.starts_with("OPENCLAW_"), "{line}");
    }
}

#[tokio::test]
async fn arguments_meet_no_shell_and_hold_no_zero_byte() {
    let lab = Lab::new();
    let binding = lab.script("keep; sent", "");
    let hostile =
        |text: &str| candor_core::notice::Message { title: text.to_owned(), text: text.repeat(5_000), ..message(1) };
    for text in ["$(touch /tmp/x)`id`; rm -rf x", "a\0b", "--dry-run", "🌒\u{202e}"] {
        let message = hostile(text);
        let answer = binding.send(&mut open(), &message, &now).await;
        assert_eq!(word(&answer.outcome), "proved stored", "{text}: {answer:?}");
        let args: Vec<String> = serde_json::from_slice(&binding.payload(&message)).unwrap();
        assert_eq!(args.len(), 9);
        assert!(args.iter().all(|arg| !arg.contains('\0')) && args[8].encode_utf16().count() <= TEXT_UNITS_MAX);
    }
}

#[tokio::test]
async fn what_openclaw_was_given_is_in_no_receipt() {
    let lab = Lab::new();
    let token = secret_file(lab.folder.path(), "t", "gateway-token-0123456789");
    let echo = "echo \"bot 123456789:AAF0planted-token-of-35-characters_ $OPENCLAW_GATEWAY_TOKEN $CARGO_PKG_DESCRIPTION $CARGO_MANIFEST_DIR\" >&2; exit 1";
    let more = format!(", token: {{file: '{token}'}}, pass_env: [CARGO_MANIFEST_DIR]");
    let answer = send(&lab.script(echo, &more)).await;
    let text = format!("{answer:?}");
    assert!(text.contains("[redacted]") && answer.raw.is_some(), "{text}");
    for needle in ["planted", "gateway-token", env!("CARGO_MANIFEST_DIR")] {
        assert!(!text.contains(needle), "{needle}: {text}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_named_before_and_after() {
    let lab = Lab::new();
    let gone = lab.path("no-openclaw");
    let yaml = format!(
        "{{name: ops, sender: openclaw-cli, program: '{}', channel: telegram, to: 111, pass_env: [NO_SUCH_VARIABLE_HERE]}}",
        gone.display()
    );
    let binding = bind(&yaml);
    let warnings = binding.warnings().concat();
    assert!(warnings.contains("isn't there") && warnings.contains("`NO_SUCH_VARIABLE_HERE`"), "{warnings}");
    let answer = send(&binding).await;
    let Outcome::Refused { reason: BlockReason::SenderMissing, why } = &answer.outcome else { panic!("{answer:?}") };
    assert!(why.contains("isn't there"), "{why}");

    let lines = format!(", token: {{file: '{}'}}", lab.path("no-token").display());
    let answer = send(&lab.script("keep; sent", &lines)).await;
    assert_eq!((word(&answer.outcome).as_str(), lab.kept()), ("refused secret_unreadable", 0));
}

#[tokio::test]
async fn a_run_that_is_too_long_is_killed_with_all_that_it_started() {
    let lab = Lab::new();
    let alive = lab.path("alive");
    assert!(std::process::Command::new("mkfifo").arg(&alive).status().unwrap().success());
    let lines = format!("exec 3>'{}'; echo up >&3; sleep 1000 & sleep 1000", alive.display());
    let binding = lab.script(&lines, ", timeout: 1s");
    let gone = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        File::open(alive).unwrap().read_to_string(&mut text).unwrap();
        text
    });
    let answer = send(&binding).await;
    assert!(format!("{answer:?}").contains("no end within 1s; openclaw was killed"), "{answer:?}");
    assert_eq!(gone.await.unwrap(), "up\n");
}
