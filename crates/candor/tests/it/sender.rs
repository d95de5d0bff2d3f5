//! `candor sender add telegram`: from a bot's token to a notice that arrived, and nothing left behind where it doesn't come to that.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    bot_api::{BotApi, TOKEN},
    common::{Home, write},
    owners::keygen,
};

const CONFIG: &str = "# mine\nprofile: standard-team-mode   # the whole team\nwatch:\n  period: 5m # often\n";

/// A home with an owner, their key, and a bot's token in a file.
fn with_owner(config: &str) -> (Home, PathBuf, PathBuf) {
    let home = Home::new(config);
    let key = keygen(home.folder.path(), "ann", &["-t", "ed25519"]);
    let public = key.with_extension("pub");
    home.ends(0, &["owner", "add", "--principal", "ann@example.org", "--key", public.to_str().unwrap()]);
    let token = home.folder.path().join("token");
    write(&token, &format!("{TOKEN}\n"));
    (home, key, token)
}

fn add<'a>(api: &str, key: &'a str, more: &[&'a str], base: &'a mut String) -> Vec<&'a str> {
    base.push_str(api);
    [&["sender", "add", "telegram", "--ssh-key", key, "--api-base", base.as_str()], more].concat()
}

fn config(home: &Home) -> String {
    std::fs::read_to_string(home.state().join("candor.yaml")).unwrap()
}

fn token_file(home: &Home) -> PathBuf {
    home.state().join("secrets/telegram-phone.token")
}

/// Nothing of an attempt that failed is left: no target, no token, and nothing that is open.
fn nothing_left(home: &Home, before: &str) {
    let gates = home.run(&["gate", "list", "--json"]);
    if gates.status.success() {
        let gates: serde_json::Value = serde_json::from_slice(&gates.stdout).unwrap();
        assert_eq!(gates["openings"], serde_json::json!([]));
    }
    assert_eq!(config(home), before);
    assert!(!token_file(home).exists(), "the token is left");
}

/// The whole of `home`'s state folder and what a command printed, without the token.
fn shows_no_token(home: &Home, printed: &str) {
    let secret = TOKEN.split_once(':').unwrap().1;
    assert!(!printed.contains(secret), "{printed}");
    let kept = token_file(home);
    for entry in std::fs::read_dir(home.state()).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{:?}", entry.path());
    }
    assert_eq!(std::fs::metadata(kept).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_newcomer_gets_from_a_token_to_a_notice_in_their_chat() {
    let began = Instant::now();
    let api = BotApi::start();
    let (home, key, _) = with_owner(CONFIG);
    let _daemon = home.up();
    let mut base = String::new();
    let args = add(&format!("http://{}", api.address), key.to_str().unwrap(), &["--wait", "20s"], &mut base);
    let mut child =
        home.command(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{TOKEN}").unwrap();
    let (mut told, mut lines) = (String::new(), BufReader::new(child.stderr.take().unwrap()).lines());
    let code = loop {
        let line = lines.next().unwrap_or_else(|| panic!("it ended: {told}")).unwrap();
        told.push_str(&format!("{line}\n"));
        if let Some((before, code)) = line.split_once("this code: ") {
            assert!(before.contains("https://t.me/night_bot"), "{line}");
            break code.to_owned();
        }
    };
    // Strangers write to the bot as well: before, with another code, and with one that holds this one.
    let message = |id: i64, chat: i64, text: &str| json!({"update_id": id, "message": {"message_id": id, "chat": {"id": chat, "type": "private"}, "text": text}});
    api.written.lock().unwrap().extend([
        message(7, 4, "hello"),
        message(8, 4, "000000 000001"),
        message(9, 4, &format!("1{code}")),
        message(10, 0, &format!("candor {code}")),
    ]);
    lines.map_while(Result::ok).for_each(|line| told.push_str(&format!("{line}\n")));
    let output = child.wait_with_output().unwrap();
    let printed = format!("{told}{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(0), "{printed}");
    assert!(printed.contains("n-1 is acked"), "{printed}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    // The configuration has the target, and every line that was there.
    let edited = config(&home);
    assert!(edited.starts_with(CONFIG), "{edited}");
    assert!(edited.contains("  - name: \"phone\"\n    sender: \"telegram\"\n    chat: 0\n"), "{edited}");
    assert!(!edited.contains("from_level"), "what kept notices away until the chat was known is gone: {edited}");
    shows_no_token(&home, &printed);
    assert_eq!(home.json(&["notice", "show", "n-1"])["deliveries"][0]["state"]["state"], "acked");
    // The gates are open for this target alone, under the owner's approval.
    let entries = home.json(&["gate", "list"]).to_string();
    assert!(entries.contains("\"phone\"") && entries.contains("ann@example.org"), "{entries}");
    // And the daemon goes by it: the next notice arrives as well.
    home.ends(0, &["notice", "test", "--target", "phone", "--wait", "20s"]);
}

#[test]
fn a_script_names_chat_and_file_and_needs_no_daemon() {
    let api = BotApi::start();
    let (home, key, token) = with_owner(CONFIG);
    let mut base = String::new();
    let more = ["--chat", "0", "--token-file", token.to_str().unwrap(), "--json"];
    let args = add(&format!("http://{}", api.address), key.to_str().unwrap(), &more, &mut base);
    let output = home.run(&args);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&told["acked"], &told["chat"], &told["bot"]), (&json!(true), &json!(0), &json!("night_bot")));
    assert_eq!(*api.called.lock().unwrap(), ["getMe", "sendMessage"], "no more was called than it takes");
    shows_no_token(&home, &printed);
    // A second one of that name is refused before anything is touched.
    home.ends(8, &args);
}

#[test]
fn without_an_approval_no_byte_reaches_the_bot_api_and_nothing_is_left() {
    let api = BotApi::start();
    let at = format!("http://{}", api.address);
    let home = Home::new(CONFIG);
    let token = home.folder.path().join("token");
    write(&token, TOKEN);
    let token = token.to_str().unwrap().to_owned();
    let mut base = String::new();
    let args = add(&at, "/nowhere/key", &["--chat", "0", "--token-file", &token], &mut base);
    // Nobody may approve.
    assert!(home.ends(7, &args).contains("candor owner add"));
    nothing_left(&home, CONFIG);
    // Somebody may, and this key isn't theirs.
    let (home, key, token) = with_owner(CONFIG);
    let before = config(&home);
    let stranger = keygen(home.folder.path(), "eve", &["-t", "ed25519"]);
    let token = token.to_str().unwrap();
    for key in [stranger.to_str().unwrap(), "/nowhere/key"] {
        let mut base = String::new();
        let output = home.run(&add(&at, key, &["--chat", "0", "--token-file", token], &mut base));
        assert_ne!(output.status.code(), Some(0));
        nothing_left(&home, &before);
    }
    assert!(api.called.lock().unwrap().is_empty(), "something was called");
    // A token that has no form of one, and one that no bot has.
    let wrong = home.folder.path().join("wrong");
    write(&wrong, "hunter22-hunter22");
    let key = key.to_str().unwrap();
    let mut base = String::new();
    let said = home.ends(2, &add(&at, key, &["--chat", "0", "--token-file", wrong.to_str().unwrap()], &mut base));
    assert!(!said.contains("hunter22"), "{said}");
    write(&wrong, "987654321:AAF0another-token-of-35-characters_");
    let mut base = String::new();
    let said = home.ends(7, &add(&at, key, &["--chat", "0", "--token-file", wrong.to_str().unwrap()], &mut base));
    assert!(said.contains("knows no bot with this token") && !said.contains("another-token"), "{said}");
    nothing_left(&home, &before);
}

#[test]
fn a_code_that_nobody_sends_and_a_chat_that_refuses_are_said() {
    let api = BotApi::start();
    let at = format!("http://{}", api.address);
    let (home, key, token) = with_owner(CONFIG);
    let before = config(&home);
    let (key, token) = (key.to_str().unwrap(), token.to_str().unwrap());
    let mut base = String::new();
    let said = home.ends(14, &add(&at, key, &["--token-file", token, "--wait", "2500ms"], &mut base));
    assert!(said.contains("no message with the code came to @night_bot"), "{said}");
    // A server that doesn't wait is asked once in a second, each time under a use.
    let looks = api.called.lock().unwrap().iter().filter(|call| call.contains("getUpdates")).count();
    assert!((1..=4).contains(&looks), "{looks}");
    nothing_left(&home, &before);
    // A chat that blocks the bot: the target is there, and the test says what stands against it.
    let mut base = String::new();
    let said = home.ends(4, &add(&at, key, &["--chat", "4", "--token-file", token], &mut base));
    assert!(said.contains("n-1 didn't arrive"), "{said}");
    assert!(config(&home).contains("chat: 4") && token_file(&home).exists());
}

#[test]
fn how_runtimes_are_asked_is_checked_shown_and_doctored() {
    let home = Home::new(
        "runtimes:\n  hermes:\n    reader: command\n    plans: {runtime-tasks: [/nowhere/hermes-tasks, --json]}\n  \
         openclaw: {reader: openclaw, program: /bin/sh}\n",
    );
    home.ends(0, &["config", "check"]);
    let shown = home.ends(0, &["config", "show"]);
    assert!(shown.contains("runtime hermes: can be asked for runtime-tasks\n"), "{shown}");
    assert!(
        shown.contains("runtime openclaw: can be asked for gateway-queue, runtime-tasks, captured-results"),
        "{shown}"
    );
    let told = String::from_utf8(home.run(&["doctor"]).stdout).unwrap();
    assert!(told.contains("runtime hermes: program `/nowhere/hermes-tasks` isn't there"), "{told}");
    for (wrong, says) in [
        (
            "{reader: command, plans: {runtime-tasks: [hermes-tasks]}}",
            "runtime `hermes`: `runtime-tasks` begins with an absolute path",
        ),
        ("{reader: openclaw, program: /bin/sh, token: hunter22-hunter22}", "a secret is never written here"),
    ] {
        write(&home.state().join("candor.yaml"), &format!("runtimes:\n  hermes: {wrong}\n"));
        let said = home.ends(8, &["config", "check"]);
        assert!(said.contains(says) && !said.contains("hunter22"), "{said}");
    }
}
