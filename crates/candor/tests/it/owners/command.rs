//! `candor owner`, and what the configuration says of owners: by the real binary, with real keys.

use std::{
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{keygen, public};
use crate::common::{Home, write};

/// A home whose user has no keys of their own, with owner `ann@example.org`.
fn with_ann() -> (Home, PathBuf) {
    let home = Home::new("# mine\nprofile: dry-run\n");
    let key = keygen(home.folder.path(), "ann", &["-t", "ed25519"]);
    let public = key.with_extension("pub");
    home.ends(
        0,
        &["owner", "add", "--principal", "ann@example.org", "--key", public.to_str().unwrap(), "--agents", "nightly,b"],
    );
    (home, key)
}

fn signers(home: &Home) -> PathBuf {
    home.state().join("allowed_signers")
}

fn config(home: &Home) -> String {
    std::fs::read_to_string(home.state().join("candor.yaml")).unwrap()
}

fn warnings(told: &Value, at: &str) -> String {
    told.pointer(at).map(ToString::to_string).unwrap_or_default()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_owner_is_added_listed_and_removed_and_comments_stay() {
    let (home, key) = with_ann();
    assert_eq!(
        std::fs::read_to_string(signers(&home)).unwrap(),
        format!("ann@example.org namespaces=\"candor-approval\" {} a comment\n", public(&key))
    );
    assert_eq!(std::fs::metadata(signers(&home)).unwrap().permissions().mode() & 0o777, 0o644);
    assert!(config(&home).starts_with("# mine\nprofile: dry-run\n"), "{}", config(&home));
    let told = home.json(&["owner", "list"]);
    assert_eq!(told.pointer("/owners/0/name"), Some(&json!("ann@example.org")));
    assert_eq!(told.pointer("/owners/0/agents"), Some(&json!(["b", "nightly"])));
    assert_eq!(told.pointer("/owners/0/keys/0/counts"), Some(&json!(true)));
    // The same again changes nothing; a second key and another agent are added.
    let pub_file = key.with_extension("pub");
    let again = ["owner", "add", "--principal", "ann@example.org", "--key", text(&pub_file)];
    assert_eq!(home.json(&again)["changed"], json!(false));
    let second = keygen(home.folder.path(), "ann2", &["-t", "rsa", "-b", "2048"]);
    let second = second.with_extension("pub");
    home.ends(0, &["owner", "add", "--principal", "ann@example.org", "--key", text(&second), "--agents", "c"]);
    let told = home.json(&["owner", "list"]);
    assert_eq!(told.pointer("/owners/0/keys").unwrap().as_array().unwrap().len(), 2);
    assert_eq!(told.pointer("/owners/0/agents"), Some(&json!(["b", "c", "nightly"])));
    // What holds, and who set it.
    let told = home.json(&["profile", "explain"]);
    let value = |key: &str| told["values"].as_array().unwrap().iter().find(|line| line["key"] == key).unwrap().clone();
    assert_eq!(value("approvals.owners")["value"], "ann@example.org: b, c, nightly");
    assert_eq!(value("approvals.owners")["layer"], "local");
    assert_eq!(value("approvals.allowed_signers")["layer"], "package");
    let settings = home.json(&["config", "show"])["settings"].clone();
    assert_eq!(settings["approvals"]["owner_agents"], json!({ "ann@example.org": ["b", "c", "nightly"] }));
    assert!(settings["approvals"]["allowed_signers"].as_str().unwrap().contains("ssh-rsa"));
    // One key less, and then no owner.
    let fingerprint = home.json(&["owner", "list"]).pointer("/owners/0/keys/0/fingerprint").unwrap().clone();
    home.ends(11, &["owner", "remove", "ann@example.org", "--key", "SHA256:none"]);
    home.ends(0, &["owner", "remove", "ann@example.org", "--key", fingerprint.as_str().unwrap()]);
    assert_eq!(home.json(&["owner", "list"]).pointer("/owners/0/keys").unwrap().as_array().unwrap().len(), 1);
    let told = home.ends(0, &["owner", "remove", "ann@example.org"]);
    assert!(told.contains("nobody is left"), "{told}");
    assert_eq!(
        (std::fs::read_to_string(signers(&home)).unwrap(), config(&home).trim_end()),
        (String::new(), "# mine\nprofile: dry-run")
    );
    assert!(home.ends(0, &["owner", "list"]).contains("nobody may approve"));
    home.ends(11, &["owner", "remove", "ann@example.org"]);
}

#[test]
fn what_can_be_no_owner_is_refused_and_changes_nothing() {
    let (home, key) = with_ann();
    let before = (std::fs::read_to_string(signers(&home)).unwrap(), config(&home));
    let (pub_file, other) =
        (key.with_extension("pub"), keygen(home.folder.path(), "p384", &["-t", "ecdsa", "-b", "384"]));
    let other = other.with_extension("pub");
    let add = |code, who: &str, key: &Path| {
        home.ends(code, &["owner", "add", "--principal", who, "--key", text(key), "--agents", "x"])
    };
    assert!(add(7, "bob@example.org", &pub_file).contains("two owners"));
    assert!(add(7, "bob@example.org", &other).contains("ecdsa-sha2-nistp384"));
    assert!(add(2, "*@example.org", &pub_file).contains("not a name"));
    assert!(add(2, "bob@example.org", &key).contains("private key"));
    assert!(add(2, "bob@example.org", &home.folder.path().join("none.pub")).contains("can't be read"));
    let two = home.folder.path().join("two.pub");
    std::fs::write(&two, format!("{0}\n{0}\n", public(&key))).unwrap();
    assert!(add(2, "bob@example.org", &two).contains("not one public key"));
    assert_eq!(before, (std::fs::read_to_string(signers(&home)).unwrap(), config(&home)));
    // A configuration that can't be edited is left alone, and so are the signers.
    write(&home.state().join("candor.yaml"), "approvals: {two_owners: [secret_read]}\n");
    let fresh = keygen(home.folder.path(), "bob", &["-t", "ed25519"]).with_extension("pub");
    let told = add(8, "bob@example.org", &fresh);
    assert!(told.contains("\"bob@example.org\": {agents: [\"x\"]}"), "{told}");
    assert_eq!(before.0, std::fs::read_to_string(signers(&home)).unwrap());
}

#[test]
fn a_list_of_owners_that_others_can_change_or_that_is_not_clear_is_no_list() {
    let (home, key) = with_ann();
    let mode = |mode| std::fs::set_permissions(signers(&home), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o666);
    for args in [&["config", "check"][..], &["owner", "list"], &["up"]] {
        let told = home.ends(8, args);
        assert!(told.contains("could make themselves owners") && told.contains("chmod go-w"), "{told}");
    }
    mode(0o644);
    home.ends(0, &["config", "check"]);
    write(&signers(&home), &format!("# owners\n* cert-authority {}\n", public(&key)));
    let told = home.ends(8, &["config", "check"]);
    assert!(told.contains("line 2") && told.contains("pattern"), "{told}");
    // Whoever names an owner that isn't one has made a mistake, which would let that owner approve their own agent's wish.
    write(&signers(&home), "");
    let told = home.ends(8, &["config", "check"]);
    assert!(told.contains("ann@example.org") && told.contains("nobody"), "{told}");
    let yaml = home.state().join("candor.yaml");
    write(&yaml, "approvals: {allowed_signers: /nowhere/at/all}\n");
    assert!(home.ends(8, &["config", "check"]).contains("isn't there"));
    for (wrong, words) in [
        ("approvals: {failure_receipts: phone}\n", "no target of sender `telegram`"),
        ("approvals: {two_owners: [all]}\n", "unknown variant"),
        ("approvals: {follow_up: [everything]}\n", "unknown variant"),
        ("approvals: {owner: {}}\n", "unknown field"),
    ] {
        write(&yaml, wrong);
        let told = home.ends(8, &["config", "check"]);
        assert!(told.contains(words), "{wrong}: {told}");
    }
}

#[test]
fn gates_that_need_two_owners_add_up_over_the_layers() {
    let home = Home::new("profile: standard-team-mode\napprovals:\n  two_owners: [secret_read]\n");
    let told = home.json(&["profile", "explain"]);
    let values = told["values"].as_array().unwrap();
    let layer = |gate: &str| {
        let key = format!("policies.two_owners.{gate}");
        values.iter().find(|line| line["key"] == key.as_str()).map(|line| line["layer"].clone())
    };
    assert_eq!((layer("destructive_operation"), layer("secret_read")), (Some(json!("profile")), Some(json!("local"))));
    let settings = home.json(&["config", "show"])["settings"].clone();
    assert_eq!(settings["approvals"]["two_owners"], json!(["secret_read", "destructive_operation"]));
    let key = keygen(home.folder.path(), "ann", &["-t", "ed25519"]).with_extension("pub");
    home.ends(0, &["owner", "add", "--principal", "ann@example.org", "--key", text(&key)]);
    let told = home.json(&["owner", "list"]);
    assert!(
        warnings(&told, "/warnings").contains("two owners must open secret_read, destructive_operation, and 1 may"),
        "{told}"
    );
    let told = home.ends(13, &["doctor"]);
    assert!(told.contains("may approve: ann@example.org") && told.contains("two owners must open"), "{told}");
}

#[test]
fn what_lets_an_agent_approve_in_an_owners_name_is_told() {
    let (home, key) = with_ann();
    let user = home.folder.path().join("user");
    std::fs::create_dir_all(user.join(".ssh")).unwrap();
    let told = |args: &[&str]| {
        let output = home.command(args).env("HOME", &user).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let list = told(&["owner", "list", "--json"]);
    assert!(list.contains("could make itself an owner") && !list.contains("unencrypted"), "{list}");
    for end in ["", ".pub"] {
        let from = format!("{}{end}", text(&key));
        std::fs::copy(from, user.join(format!(".ssh/id_ann{end}"))).unwrap();
    }
    let list = told(&["owner", "list", "--json"]);
    assert!(list.contains("lies unencrypted at"), "{list}");
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    assert!(told(&["doctor"]).contains("unencrypted"));
    assert!(told(&["status"]).contains("may approve: ann@example.org"));
    // With a passphrase it is no more.
    let mut changed = Command::new("ssh-keygen");
    changed.args(["-q", "-p", "-N", "correct horse", "-f"]).arg(user.join(".ssh/id_ann")).stdout(Stdio::null());
    assert!(changed.status().unwrap().success());
    assert!(!told(&["owner", "list", "--json"]).contains("unencrypted"));
    // Older forms are told too.
    let old = keygen(home.folder.path(), "old", &["-t", "rsa", "-b", "2048", "-m", "PEM"]);
    home.ends(0, &["owner", "add", "--principal", "ann@example.org", "--key", text(&old.with_extension("pub"))]);
    for end in ["", ".pub"] {
        std::fs::copy(format!("{}{end}", text(&old)), user.join(format!(".ssh/old{end}"))).unwrap();
    }
    assert!(told(&["owner", "list", "--json"]).contains(".ssh/old"));
    let mut changed = Command::new("ssh-keygen");
    changed
        .args(["-q", "-p", "-m", "PEM", "-N", "correct horse", "-f"])
        .arg(user.join(".ssh/old"))
        .stdout(Stdio::null());
    assert!(changed.status().unwrap().success());
    assert!(!told(&["owner", "list", "--json"]).contains(".ssh/old"));
}

#[test]
fn a_key_is_made_for_an_owner_and_signs() {
    let home = Home::new("");
    let path = home.folder.path().join("made");
    let args = ["owner", "add", "--principal", "ann@example.org", "--generate", text(&path)];
    // Nobody is there to type a passphrase, and none is taken for granted.
    assert!(home.ends(2, &args).contains("no terminal"));
    assert!(!path.exists());
    home.ends(0, &[&args[..], &["--no-passphrase"]].concat());
    assert!(home.ends(2, &[&args[..], &["--no-passphrase"]].concat()).contains("there already"));
    let told = home.json(&["owner", "check", "--ssh-key", text(&path)]);
    assert_eq!(told["owner"], "ann@example.org");
    let stranger = keygen(home.folder.path(), "eve", &["-t", "ed25519"]);
    let told = home.ends(7, &["owner", "check", "--ssh-key", text(&stranger)]);
    assert!(told.contains("no owner's"), "{told}");
    let told = home.ends(2, &["owner", "check", "--ssh-key", text(&home.folder.path().join("none"))]);
    assert!(told.contains("signs nothing"), "{told}");
}

/// An agent of this test alone, with this key, for as long as it lives.
struct Agent {
    socket: PathBuf,
    child: std::process::Child,
}

impl Agent {
    fn with(folder: &Path, keys: &[&Path]) -> Self {
        let socket = folder.join("agent.sock");
        let mut command = Command::new("ssh-agent");
        let child =
            command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let agent = Self { socket, child };
        crate::common::wait("the agent answers", || agent.socket.exists());
        for key in keys {
            let mut add = Command::new("ssh-add");
            assert!(add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &agent.socket).status().unwrap().success());
        }
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_agents_key_signs_when_it_is_the_only_one_of_an_owner() {
    let (home, key) = with_ann();
    let stranger = keygen(home.folder.path(), "eve", &["-t", "ed25519"]);
    let agent = Agent::with(home.folder.path(), &[&stranger, &key]);
    let run = |args: &[&str]| {
        let output = home.command(args).env("SSH_AUTH_SOCK", &agent.socket).output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).unwrap())
    };
    // The private half may be gone: the agent alone has it.
    std::fs::remove_file(&key).unwrap();
    let (code, told) = run(&["owner", "check"]);
    assert_eq!((code, told.contains("ann@example.org may approve")), (Some(0), true), "{told}");
    let (code, told) = run(&["owner", "check", "--ssh-key", text(&key.with_extension("pub"))]);
    assert_eq!(code, Some(0), "{told}");
    let bob = keygen(home.folder.path(), "bob", &["-t", "ed25519"]);
    home.ends(0, &["owner", "add", "--principal", "bob@example.org", "--key", text(&bob.with_extension("pub"))]);
    let mut add = Command::new("ssh-add");
    assert!(add.arg("-q").arg(&bob).env("SSH_AUTH_SOCK", &agent.socket).status().unwrap().success());
    let (code, told) = run(&["owner", "check"]);
    assert_eq!((code, told.contains("several keys")), (Some(2), true), "{told}");
    home.ends(0, &["owner", "remove", "ann@example.org"]);
    home.ends(0, &["owner", "remove", "bob@example.org"]);
    let (code, told) = run(&["owner", "check"]);
    assert_eq!((code, told.contains("holds none of an owner")), (Some(2), true), "{told}");
}

/// `ssh-keygen` asks on the terminal, so there must be one: `script` makes it.
#[test]
fn a_passphrase_is_asked_for_on_the_terminal() {
    if Command::new("script").arg("--version").stdout(Stdio::null()).status().is_err() {
        return;
    }
    let home = Home::new("");
    let path = home.folder.path().join("ann");
    let mut made = Command::new("ssh-keygen");
    made.args(["-q", "-t", "ed25519", "-N", "correct horse", "-f"]).arg(&path);
    assert!(made.status().unwrap().success());
    home.ends(0, &["owner", "add", "--principal", "ann@example.org", "--key", text(&path.with_extension("pub"))]);
    let told = |answer: &str| {
        let candor = env!("CARGO_BIN_EXE_candor");
        let line = format!("'{candor}' --state '{}' owner check --ssh-key '{}'", text(&home.state()), text(&path));
        let mut child = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env_remove("DISPLAY")
            .env_remove("SSH_ASKPASS")
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // What is typed before it asks is thrown away.
        let (mut asked, mut out) = (Vec::new(), child.stdout.take().unwrap());
        let mut byte = [0_u8];
        while !asked.ends_with(b"passphrase") && out.read(&mut byte).unwrap() == 1 {
            asked.extend(byte);
        }
        let mut typed = child.stdin.take().unwrap();
        let answered = std::thread::spawn(move || out.read_to_end(&mut asked).map(|_| asked));
        crate::common::wait("it is read without an echo", || {
            let _ = typed.write_all(format!("{answer}\n").as_bytes());
            std::thread::park_timeout(std::time::Duration::from_millis(50));
            child.try_wait().unwrap().is_some()
        });
        let said = answered.join().unwrap().unwrap();
        (child.wait().unwrap().code(), String::from_utf8_lossy(&said).into_owned())
    };
    let (code, said) = told("correct horse");
    assert_eq!((code, said.contains("ann@example.org may approve")), (Some(0), true), "{said}");
    let (code, said) = told("wrong");
    assert_eq!((code, said.contains("signs nothing")), (Some(2), true), "{said}");
    // Without a terminal nobody is asked, and nothing waits.
    home.ends(2, &["owner", "check", "--ssh-key", text(&path)]);
}
