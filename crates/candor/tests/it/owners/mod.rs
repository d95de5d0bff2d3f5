//! Owners: what `ssh-keygen` signs is verified, and what it must not sign for is refused with its reason.

mod command;
mod drills;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use candor_approval::signers::{NAMESPACE, Owners, SignatureError, SignersFault};
use candor_core::{limits::SSH_SIGNATURE_BYTES_MAX, time::Timestamp};

const MESSAGE: &str = "{\"gates\":[\"bot_api_call\"],\"schema_version\":\"candor_approval_v1\"}";

/// A key that `ssh-keygen` made.
pub(crate) fn keygen(folder: &Path, name: &str, args: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let mut made = Command::new("ssh-keygen");
    made.args(["-q", "-N", "", "-C", "a comment", "-f"]).arg(&path).args(args);
    assert!(made.status().unwrap().success(), "{args:?}");
    path
}

/// Its public half, `type key`.
pub(crate) fn public(key: &Path) -> String {
    let text = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// What `ssh-keygen -Y sign` makes of a message.
pub(crate) fn sign(key: &Path, namespace: &str, message: &str) -> String {
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", namespace, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// What `ssh-keygen` itself says of it, at a time.
fn theirs(file: &Path, who: &str, pem: &str, message: &str, at: &str) -> bool {
    let signature = file.with_extension("sig");
    std::fs::write(&signature, pem).unwrap();
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", NAMESPACE, "-I", who, "-O", &format!("verify-time={at}"), "-f"])
        .arg(file)
        .arg("-s")
        .arg(&signature)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // What it refuses at once it doesn't read.
    let _ = child.stdin.take().unwrap().write_all(message.as_bytes());
    child.wait().unwrap().success()
}

#[test]
fn what_ssh_keygen_signs_is_verified_whatever_the_key() {
    let folder = tempfile::tempdir().unwrap();
    for (name, args) in [
        ("ed25519", &["-t", "ed25519"][..]),
        ("ecdsa", &["-t", "ecdsa", "-b", "256"]),
        ("rsa", &["-t", "rsa", "-b", "3072"]),
        ("rsa-4096", &["-t", "rsa", "-b", "4096"]),
        ("rsa-2048", &["-t", "rsa", "-b", "2048"]),
    ] {
        let key = keygen(folder.path(), name, args);
        let owners = Owners::parse(&format!("{name}@example.org {} a comment\n", public(&key))).unwrap();
        let pem = sign(&key, NAMESPACE, MESSAGE);
        let now = at("2026-06-01T00:00:00Z");
        let signer = owners.verify(NAMESPACE, MESSAGE.as_bytes(), &pem, now).unwrap();
        assert_eq!(signer.principal, format!("{name}@example.org"));
        let listed = Command::new("ssh-keygen").args(["-l", "-f"]).arg(&key).output().unwrap().stdout;
        assert!(String::from_utf8(listed).unwrap().contains(&signer.key), "{}", signer.key);
        assert!(matches!(
            owners.verify(NAMESPACE, b"other", &pem, now),
            Err(SignatureError::Damaged { principal }) if principal == signer.principal
        ));
        assert!(matches!(
            owners.verify(NAMESPACE, MESSAGE.as_bytes(), &sign(&key, "candor-audit", MESSAGE), now),
            Err(SignatureError::Namespace { found, .. }) if found == "candor-audit"
        ));
        let long = format!("{pem}{}", " ".repeat(SSH_SIGNATURE_BYTES_MAX));
        assert_eq!(owners.verify(NAMESPACE, MESSAGE.as_bytes(), &long, now), Err(SignatureError::TooLarge));
    }
}

#[test]
fn what_ssh_keygen_refuses_is_refused_here_too() {
    let folder = tempfile::tempdir().unwrap();
    let (key, stranger) =
        (keygen(folder.path(), "ann", &["-t", "ed25519"]), keygen(folder.path(), "eve", &["-t", "ed25519"]));
    let (pem, by_eve) = (sign(&key, NAMESPACE, MESSAGE), sign(&stranger, NAMESPACE, MESSAGE));
    let damaged = {
        let middle = pem.len() / 2;
        let other = if pem.as_bytes()[middle] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &pem[..middle], &pem[middle + 1..])
    };
    let (after, before) = ("valid-after=\"20260601Z\"", "valid-before=\"20260601Z\"");
    let both = "valid-after=\"20260101Z\",valid-before=\"20270101Z\"";
    for (options, moment, theirs_at, pem, message, good) in [
        ("", "2026-06-01T00:00:00Z", "20260601000000Z", &pem, MESSAGE, true),
        ("", "2026-06-01T00:00:00Z", "20260601000000Z", &by_eve, MESSAGE, false),
        ("", "2026-06-01T00:00:00Z", "20260601000000Z", &pem, "other", false),
        ("", "2026-06-01T00:00:00Z", "20260601000000Z", &damaged, MESSAGE, false),
        (after, "2026-05-31T23:59:59Z", "20260531235959Z", &pem, MESSAGE, false),
        (after, "2026-06-01T00:00:00Z", "20260601000000Z", &pem, MESSAGE, true),
        (before, "2026-06-01T00:00:00Z", "20260601000000Z", &pem, MESSAGE, true),
        (before, "2026-06-01T00:00:01Z", "20260601000001Z", &pem, MESSAGE, false),
        (both, "2026-06-01T00:00:00Z", "20260601000000Z", &pem, MESSAGE, true),
        ("namespaces=\"git\"", "2026-06-01T00:00:00Z", "20260601000000Z", &pem, MESSAGE, false),
        ("namespaces=\"git,candor-*\"", "2026-06-01T00:00:00Z", "20260601000000Z", &pem, MESSAGE, true),
        ("namespaces=\"*,!candor-approval\"", "2026-06-01T00:00:00Z", "20260601000000Z", &pem, MESSAGE, false),
    ] {
        let text = format!("# owners\nann@example.org {options} {}\n", public(&key));
        let file = folder.path().join("allowed_signers");
        std::fs::write(&file, &text).unwrap();
        let ours = Owners::parse(&text).unwrap().verify(NAMESPACE, message.as_bytes(), pem, at(moment));
        assert_eq!(ours.is_ok(), good, "{options} {moment}: {ours:?}");
        assert_eq!(theirs(&file, "ann@example.org", pem, message, theirs_at), good, "ssh-keygen: {options} {moment}");
    }
}

#[test]
fn a_certificate_authority_makes_no_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, key) =
        (keygen(folder.path(), "ca", &["-t", "ed25519"]), keygen(folder.path(), "ann", &["-t", "ed25519"]));
    let certified = Command::new("ssh-keygen")
        .arg("-qs")
        .arg(&authority)
        .args(["-I", "ann", "-n", "ann@example.org"])
        .arg(key.with_extension("pub"))
        .status()
        .unwrap();
    assert!(certified.success());
    let text = format!("ann@example.org cert-authority {}\n", public(&authority));
    assert_eq!(Owners::parse(&text).unwrap_err().why, SignersFault::Authority);
    // Nor does a signature by a certificate pass for one by the key in it.
    let certificate = folder.path().join("ann-cert.pub");
    let pem = sign(&certificate, NAMESPACE, MESSAGE);
    let owners = Owners::parse(&format!("ann@example.org {}\n", public(&key))).unwrap();
    assert!(owners.verify(NAMESPACE, MESSAGE.as_bytes(), &pem, at("2026-06-01T00:00:00Z")).is_err());
}
