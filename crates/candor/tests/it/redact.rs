//! Redacted copies of finished bundles, packed bundles, and the second signature: by the real binary, against real tools.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    audit::{export, key, stranger},
    common::Home,
};

/// Made up, and in two halves so that no scanner of source code takes this file for a leak.
const TOKEN: (&str, &str) = ("ghp_", "q8Wm2VtLx0RkZc5Hy7NbTd3JsPf9GaUe6oIr");

fn token() -> String {
    format!("{}{}", TOKEN.0, TOKEN.1)
}

/// What `coreutils` and friends make of a text.
fn piped(program: &str, args: &[&str], text: &str) -> String {
    let mut child = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

/// A task in whose reports a token stands in many forms.
fn leaky() -> Home {
    let home = Home::new("");
    let (token, base64) = (token(), piped("base64", &["-w0"], &format!("token is {}", token())));
    home.ends(0, &["task", "start", "nightly", "--agent", "a"]);
    home.ends(0, &["notify", &format!("used {token}"), "--task", "nightly", "--agent", "a"]);
    home.ends(0, &["notify", "encoded", "--text", &base64, "--task", "nightly", "--agent", "a"]);
    home.ends(0, &["notify", "glued", "--text", &format!("x{token}x"), "--task", "nightly", "--agent", "a"]);
    home.ends(6, &["task", "complete", "nightly", "--agent", "a", "--summary", "pin 4821, see /etc/candor"]);
    home
}

fn path(home: &Home, name: &str) -> String {
    home.folder.path().join(name).to_str().unwrap().to_owned()
}

fn has(file: &str, text: &str) -> bool {
    std::fs::read(file).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

/// The artifacts' commitments as the log has them, and the manifest.
fn opened(bundle: &str) -> (String, Value) {
    let member = |name: &str| Command::new("tar").args(["-xOf", bundle, name]).output().unwrap().stdout;
    let records = String::from_utf8(member("records.jsonl")).unwrap();
    (records, serde_json::from_slice(&member("manifest.json")).unwrap())
}

#[test]
fn a_copy_has_neither_what_was_named_nor_any_secret_and_still_proves_the_rest() {
    let home = leaky();
    let (whole, key) = (export(&home, "whole.tar", &["--task", "nightly"]), key(&home));
    assert!(has(&whole, &token()) && has(&whole, "pin 4821"));
    let (out, texts) = (path(&home, "copy.tar"), path(&home, "texts.txt"));
    std::fs::write(&texts, "/etc/candor\n").unwrap();
    let redact = ["audit", "redact", &whole, "--key", &key, "--out", &out, "--pointer", "/event/data/summary"];
    let told = home.json(&[&redact[..], &["--texts", &texts]].concat());
    assert_eq!(told["secrets"], json!(["github-token"]), "{told}");
    let base64 = piped("base64", &["-w0"], &format!("token is {}", token()));
    let hex = piped("od", &["-An", "-v", "-tx1"], &token()).replace([' ', '\n'], "");
    for form in
        [token(), base64[12..].to_owned(), hex, "pin 4821".to_owned(), "etc/candor".to_owned(), TOKEN.1.to_owned()]
    {
        assert!(!has(&out, &form), "{form}");
    }
    let (code, told) = stranger(&out, &["--key", &key]);
    assert_eq!(code, 0, "{told}");
    assert!(told["verdict"]["redacted"].as_u64().unwrap() >= 6, "{told}");
    let ((before, original), (after, manifest)) = (opened(&whole), opened(&out));
    assert_eq!(before, after, "the same headers, with the same commitments");
    assert_eq!(
        (&manifest["derived"]["by"], &manifest["derived"]["of"]),
        (&json!(key), &told["verdict"]["derived"]["of"])
    );
    let listed = Command::new("tar").args(["-xOf", &whole, "manifest.json"]).output().unwrap().stdout;
    let sum = piped("sha256sum", &[], std::str::from_utf8(&listed).unwrap());
    assert!(sum.starts_with(manifest["derived"]["of"].as_str().unwrap()), "{sum}");
    assert_eq!(original["selection"], manifest["selection"]);
    // A copy of the copy, with more gone: the same commitments still, and the decision can't be replayed any more.
    let twice = path(&home, "twice.tar");
    home.ends(0, &["audit", "redact", &out, "--key", &key, "--out", &twice, "--pointer", "/facts/task/period_s"]);
    assert_eq!(opened(&twice).0, before);
    assert_eq!(stranger(&twice, &["--key", &key]).0, 0);
    home.ends(2, &["audit", "replay", &twice, "--key", &key]);
    home.ends(0, &["audit", "replay", &whole, "--key", &key]);
    let inside = ["audit", "redact", &out, "--key", &key, "--out", &twice, "--force", "--pointer"];
    home.ends(2, &[&inside[..], &["/event/data/summary/$redacted"]].concat());
    home.ends(0, &[&inside[..], &["/event/data/summary"]].concat());
    assert_eq!(stranger(&twice, &["--key", &key]).0, 0, "what is gone already may be named again");
    // The same by exporting at once.
    let at_once = export(&home, "at-once.tar", &["--task", "nightly", "--scan"]);
    assert!(!has(&at_once, TOKEN.1) && has(&at_once, "pin 4821"));
    assert_eq!(stranger(&at_once, &["--key", &key]).0, 0);
}

#[test]
fn what_cannot_be_taken_out_keeps_the_copy_from_being_made() {
    let home = Home::new("");
    let task = format!("t-{}", TOKEN.0.to_owned() + TOKEN.1);
    home.ends(0, &["task", "start", &task, "--agent", "a"]);
    let (whole, key, out) = (export(&home, "whole.tar", &["--task", &task]), key(&home), path(&home, "copy.tar"));
    let told = home.ends(7, &["audit", "redact", &whole, "--key", &key, "--out", &out]);
    assert!(told.contains("still in the bundle") && !told.contains(TOKEN.1), "{told}");
    assert!(!Path::new(&out).exists() && !Path::new(&format!("{out}.part")).exists());
    let exported = path(&home, "scanned.tar");
    home.ends(7, &["audit", "export", "--task", &task, "--scan", "--out", &exported]);
    assert!(!Path::new(&exported).exists());
    // Who says that it is none, takes it on themselves.
    home.ends(0, &["audit", "redact", &whole, "--key", &key, "--out", &out, "--no-scan"]);
    let told = home.ends(2, &["audit", "redact", &whole, "--key", &key, "--out", &out, "--no-scan"]);
    assert!(told.contains("--force"), "{told}");
    let nowhere = path(&home, "nowhere.tar");
    let told =
        home.ends(2, &["audit", "redact", &whole, "--key", &key, "--out", &nowhere, "--no-scan", "--pointer", "/x/y"]);
    assert!(told.contains("nothing stands at `/x/y`"), "{told}");
    home.ends(
        1,
        &[
            "audit",
            "redact",
            &whole,
            "--key",
            &crate::audit::key(&leaky()),
            "--sign-with",
            &path(&home, "state/audit.key"),
            "--out",
            &nowhere,
        ],
    );
    assert!(!Path::new(&nowhere).exists());
}

#[test]
fn somebody_else_can_make_the_copy_and_signs_it_by_a_key_of_their_own() {
    let (home, other) = (leaky(), Home::new(""));
    let (whole, node, copier) = (export(&home, "whole.tar", &["--task", "nightly"]), key(&home), key(&other));
    let out = path(&other, "copy.tar");
    let told = other.ends(2, &["audit", "redact", &whole, "--key", &node, "--out", &out]);
    assert!(told.contains("--sign-with"), "{told}");
    let own = path(&other, "state/audit.key");
    let told = other.ends(0, &["audit", "redact", &whole, "--key", &node, "--out", &out, "--sign-with", &own]);
    assert!(told.contains(&format!("--copied-by {copier}")), "{told}");
    let (code, told) = stranger(&out, &["--key", &node, "--copied-by", &copier]);
    assert_eq!((code, &told["verdict"]["derived"]["by"]), (0, &json!(copier)), "{told}");
    assert!(told["verdict"]["not_proved"].to_string().contains(&copier), "{told}");
    // Neither key stands for the other, and the node's alone takes no copy by somebody else.
    for keys in [vec!["--key", &node], vec!["--key", &copier], vec!["--key", &copier, "--copied-by", &node]] {
        let (code, told) = stranger(&out, &keys);
        assert_eq!((code, &told["finding"]["class"]), (1, &json!("signature")), "{keys:?} {told}");
    }
    assert_eq!(stranger(&whole, &["--key", &node, "--copied-by", &copier]).0, 0, "an original needs no copier");
}

#[test]
fn a_packed_bundle_is_read_as_a_plain_one_and_every_change_of_it_is_found() {
    let home = leaky();
    let key = key(&home);
    let (plain, packed) =
        (export(&home, "b.tar", &["--task", "nightly"]), export(&home, "b.tar.zst", &["--task", "nightly"]));
    assert!(std::fs::metadata(&packed).unwrap().len() * 2 < std::fs::metadata(&plain).unwrap().len());
    assert_eq!(stranger(&packed, &["--key", &key]).0, 0);
    assert_eq!(
        stranger(&packed, &["--key", &key]).1["verdict"]["artifacts"],
        stranger(&plain, &["--key", &key]).1["verdict"]["artifacts"]
    );
    home.ends(0, &["audit", "replay", &packed, "--key", &key]);
    let out = path(&home, "copy.tar.zst");
    home.ends(0, &["audit", "redact", &packed, "--key", &key, "--out", &out]);
    assert_eq!(stranger(&out, &["--key", &key]).0, 0);
    let bytes = std::fs::read(&packed).unwrap();
    let changed = path(&home, "changed.tar.zst");
    let found = |bytes: &[u8]| {
        std::fs::write(&changed, bytes).unwrap();
        let (code, told) = stranger(&changed, &["--key", &key]);
        assert_eq!((code, &told["intact"]), (1, &json!(false)), "{told}");
    };
    let unpacked = zstd::decode_all(bytes.as_slice()).unwrap();
    // The checksum's last byte included; one byte of a skippable size every so often, since each is a process.
    for at in (0..bytes.len()).step_by(bytes.len() / 12).chain([bytes.len() - 1]) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x20;
        // A few bits of the packing say nothing of what is packed: then what is packed is intact.
        if zstd::decode_all(flipped.as_slice()).ok().as_deref() != Some(unpacked.as_slice()) {
            found(&flipped);
        }
    }
    found(&bytes[..bytes.len() - 1]);
    found(&[bytes.as_slice(), b"\0"].concat());
    found(&[bytes.as_slice(), bytes.as_slice()].concat());
    // Python's and zstd's own tools see the same archive.
    if let Ok(output) = Command::new("zstd").args(["-dc", &packed]).output() {
        let again = path(&home, "again.tar");
        std::fs::write(&again, output.stdout).unwrap();
        assert_eq!(stranger(&again, &["--key", &key]).0, 0);
    }
}

/// Whoever trusts an SSH key needs no Candor to see whose file it is.
#[test]
fn ssh_keygen_accepts_the_second_signature_and_refuses_a_changed_bundle() {
    if Command::new("ssh-keygen").arg("-?").output().is_err() {
        return;
    }
    let home = leaky();
    let (secret, allowed) = (path(&home, "id"), path(&home, "allowed_signers"));
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &secret]).status().unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(format!("{secret}.pub")).unwrap();
    std::fs::write(&allowed, format!("ops@example.org namespaces=\"candor-audit\" {public}")).unwrap();
    let accepts = |bundle: &str, signature: &str| {
        let args = ["-Y", "verify", "-f", &allowed, "-I", "ops@example.org", "-n", "candor-audit", "-s", signature];
        let file = std::fs::File::open(bundle).unwrap();
        Command::new("ssh-keygen")
            .args(args)
            .stdin(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    let bundle = export(&home, "b.tar", &["--task", "nightly", "--ssh-sign", &secret]);
    let signature = format!("{bundle}.sig");
    assert!(accepts(&bundle, &signature));
    let copy = path(&home, "copy.tar.zst");
    home.ends(0, &["audit", "redact", &bundle, "--key", &key(&home), "--out", &copy, "--ssh-sign", &secret]);
    assert!(accepts(&copy, &format!("{copy}.sig")) && !accepts(&copy, &signature));
    let mut bytes = std::fs::read(&bundle).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    assert!(!accepts(&bundle, &signature));
    // A key that signs nothing leaves nothing behind.
    let out = path(&home, "unsigned.tar");
    let told =
        home.ends(2, &["audit", "export", "--task", "nightly", "--out", &out, "--ssh-sign", &path(&home, "none")]);
    assert!(told.contains("signs nothing"), "{told}");
    for end in ["", ".part", ".sig", ".sig.part"] {
        assert!(!Path::new(&format!("{out}{end}")).exists(), "{end}");
    }
}

/// Who audits is on record where the log is written; a stranger's look leaves nothing anywhere.
#[test]
fn a_read_is_on_record_where_the_log_is_written() {
    let home = leaky();
    let (bundle, key) = (export(&home, "b.tar", &["--task", "nightly"]), key(&home));
    let acts = || {
        let window = export(&home, "w.tar", &["--since", "2020-01-01T00:00:00Z", "--force"]);
        let unpacked = path(&home, "unpacked");
        let _ = std::fs::remove_dir_all(&unpacked);
        std::fs::create_dir(&unpacked).unwrap();
        assert!(Command::new("tar").args(["-xf", &window, "-C", &unpacked]).status().unwrap().success());
        let files = std::fs::read_dir(format!("{unpacked}/state/operator-acts")).unwrap();
        let all =
            files.map(|file| serde_json::from_slice::<Value>(&std::fs::read(file.unwrap().path()).unwrap()).unwrap());
        all.filter(|act| act["act"] == "read").collect::<Vec<_>>()
    };
    assert_eq!(acts(), Vec::<Value>::new());
    assert_eq!(stranger(&bundle, &["--key", &key]).0, 0);
    let elsewhere = Home::new("");
    elsewhere.ends(0, &["audit", "replay", &bundle, "--key", &key]);
    assert_eq!(std::fs::read_dir(elsewhere.state()).unwrap().count(), 0, "a look makes no state folder");
    assert_eq!(acts(), Vec::<Value>::new());
    home.ends(0, &["audit", "verify", &bundle, "--key", &key]);
    home.ends(0, &["audit", "replay", &bundle, "--key", &key]);
    let daemon = home.up();
    home.ends(0, &["audit", "show", &bundle, "--key", &key]);
    drop(daemon);
    let read = acts();
    assert_eq!(read.len(), 3, "{read:?}");
    let sum = piped("sha256sum", &[&bundle], "");
    let mut how: Vec<&str> = read.iter().filter_map(|act| act["how"].as_str()).collect();
    how.sort_unstable();
    assert_eq!(how, ["replay", "show", "verify"]);
    assert!(read.iter().all(|act| sum.starts_with(act["bundle"].as_str().unwrap())), "{read:?} {sum}");
}

/// Killed before a file gets its name: there is none, what was told to be on record is, and a rerun finishes.
#[cfg(feature = "crash-points")]
#[test]
fn a_run_that_is_killed_leaves_no_bundle_and_a_rerun_finishes() {
    let home = leaky();
    let (key, whole, out) = (key(&home), path(&home, "b.tar"), path(&home, "copy.tar.zst"));
    let secret = path(&home, "id");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &secret]).status();
    assert!(made.unwrap().success());
    let runs: [&[&str]; 2] = [
        &["audit", "export", "--task", "nightly", "--out", &whole, "--ssh-sign", &secret],
        &["audit", "redact", &whole, "--key", &key, "--out", &out, "--ssh-sign", &secret],
    ];
    for (run, file) in runs.into_iter().zip([&whole, &out]) {
        let killed = home.command(run).env("CANDOR_CRASH_AT", "export.before_keep").output().unwrap();
        assert_eq!(killed.status.code(), None, "{killed:?}");
        assert!(!Path::new(file).exists() && !Path::new(&format!("{file}.sig")).exists());
        // As after a kill between the two names.
        std::fs::write(format!("{file}.sig"), "of a run that was ended").unwrap();
        home.ends(0, run);
        assert_eq!(stranger(file, &["--key", &key]).0, 0);
        assert!(std::fs::read_to_string(format!("{file}.sig")).unwrap().starts_with("-----BEGIN SSH SIGNATURE-----"));
        for end in [".part", ".sig.part"] {
            assert!(!Path::new(&format!("{file}{end}")).exists(), "{end}");
        }
        assert!(home.ends(2, run).contains("--force"));
    }
}
