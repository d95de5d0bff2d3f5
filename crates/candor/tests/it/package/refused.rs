//! What no package may be, and what no package may hold.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use candor_audit::{
    archive::{ArchiveWriter, header},
    package::{ENVELOPE, Files, MANIFEST, listing, seal, write},
};
use serde_json::{Value, json};

use super::Workshop;
use crate::common::Home;

fn replace(path: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(old), "{old} in {}", path.display());
    fs::write(path, text.replacen(old, new, 1)).unwrap();
}

#[test]
fn a_byte_changed_anywhere_another_key_and_no_package_are_refused() {
    let shop = Workshop::new();
    let file = shop.version("0.1.1");
    shop.verify(0, &file);
    let whole = fs::read(&file).unwrap();
    // Every byte is tried on the format itself; here one of each part, through the command.
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, bytes).unwrap();
        let told = shop.verify(1, &file);
        assert!(told.contains("isn't intact"), "{at}: {told}");
    }
    fs::write(&file, &whole[..whole.len() - 700]).unwrap();
    shop.verify(1, &file);
    fs::write(&file, b"").unwrap();
    shop.verify(1, &file);
    fs::write(&file, &whole).unwrap();
    let other = Workshop::new();
    let told = shop.home.ends(1, &["package", "verify", &file, "--key", &other.public]);
    assert!(told.contains("the signature doesn't hold") && told.contains("acme"), "{told}");
    shop.home.ends(2, &["package", "verify", &file, "--key", "no key"]);
    shop.home.ends(2, &["package", "verify", &shop.path("nothing.tar"), "--key", &shop.public]);
    shop.home.ends(2, &["package", "verify", &shop.path(""), "--key", &shop.public]);
    for (name, content) in [("zip", b"PK\x03\x04".as_slice()), ("gz", b"\x1f\x8b\x08"), ("text", b"hello")] {
        fs::write(&file, [content, &[0; 2048]].concat()).unwrap();
        assert!(shop.verify(1, &file).contains("isn't intact"), "{name}");
    }
}

/// Signed by the right key, and hostile all the same: what a builder's stolen key, or a careless builder, could make.
#[test]
fn a_signed_archive_that_would_escape_or_isnt_what_it_says_is_refused() {
    let shop = Workshop::new();
    let key = shop.key();
    let files = candor_core::package::core_files();
    let manifest = |files: &Files| -> Vec<u8> {
        let mut manifest: Value = serde_json::from_str(candor_core::package::CORE_MANIFEST).unwrap();
        let listed = listing(files).into_iter();
        manifest["files"] =
            listed.map(|file| json!({ "path": file.path, "sha256": file.sha256, "bytes": file.bytes })).collect();
        manifest.to_string().into_bytes()
    };
    let file = shop.path("bad.tar");
    let packed = |manifest: &[u8], files: &Files| {
        let bytes = write(manifest, &seal(manifest, &json!({}), &key), files, Vec::new()).unwrap();
        fs::write(&file, bytes).unwrap();
    };
    packed(&manifest(&files), &files);
    shop.verify(0, &file);
    // A file that the manifest doesn't name, one that is missing, and one that is another.
    let mut more = files.clone();
    more.insert("docs/zz.md".to_owned(), b"more".to_vec());
    packed(&manifest(&files), &more);
    assert!(shop.verify(1, &file).contains("`docs/zz.md` is in the archive"));
    packed(&manifest(&more), &files);
    assert!(shop.verify(1, &file).contains("isn't there"));
    let mut other = more.clone();
    other.insert("docs/zz.md".to_owned(), b"less".to_vec());
    packed(&manifest(&more), &other);
    assert!(shop.verify(1, &file).contains("`docs/zz.md` was changed"));
    // A program of the package's own: a builder that packs only its folders leaves it out, another one's is refused.
    for program in ["src/adapters/send.mjs", "bin/send", "send.sh"] {
        let mut more = files.clone();
        more.insert(program.to_owned(), b"#!/bin/sh\n".to_vec());
        packed(&manifest(&more), &more);
        let told = shop.verify(8, &file);
        assert!(told.contains(program) && told.contains("nothing that runs"), "{told}");
    }
    // Manifests that say too much, twice, or of another time.
    let text = String::from_utf8(manifest(&files)).unwrap();
    for (old, new, told) in [
        ("\"name\"", "\"target\":\"ops\",\"name\"", "unknown field `target`"),
        ("\"name\"", "\"name\":\"a\",\"name\"", "duplicate field `name`"),
        (
            "\"package_manifest_version\":\"1.0.0\"",
            "\"package_manifest_version\":\"2.0.0\"",
            "this program reads 1.0.0",
        ),
        ("\"name\":\"reporting-governance\"", "\"name\":\"../evil\"", "is not a package's name"),
        ("\"version\":\"0.1.0-mainline\"", "\"version\":\"0.1.0-../x\"", "is not a version"),
    ] {
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text, "{old}");
        packed(changed.as_bytes(), &files);
        let refused = shop.verify(1, &file);
        assert!(refused.contains(told), "{told}: {refused}");
    }
    // Twice the same name, and names that lead elsewhere.
    let bytes = manifest(&files);
    let mut archive = ArchiveWriter::new(Vec::new());
    archive.add(MANIFEST, &bytes).unwrap();
    archive.add(ENVELOPE, &seal(&bytes, &json!({}), &key)).unwrap();
    for _ in 0..2 {
        archive.add("LICENSE", &files["LICENSE"]).unwrap();
    }
    fs::write(&file, archive.finish().unwrap()).unwrap();
    assert!(shop.verify(1, &file).contains("`LICENSE` stands twice"));
    // GNU tar's own archives of links, folders and devices.
    let tree = shop.tree("hostile");
    symlink("/etc/passwd", tree.join("docs/link.md")).unwrap();
    assert!(Command::new("tar").args(["-cf", &file, "-C"]).arg(&tree).arg(".").status().unwrap().success());
    shop.verify(1, &file);
    for name in ["../../escape.md", "/tmp/escape.md"] {
        let mut evil = files.clone();
        evil.insert(name.to_owned(), b"out".to_vec());
        let bytes = manifest(&evil);
        let mut archive = tar::Builder::new(Vec::new());
        let envelope = seal(&bytes, &json!({}), &key);
        let own = [(MANIFEST, bytes.as_slice()), (ENVELOPE, envelope.as_slice()), (name, b"out".as_slice())];
        for (name, content) in own {
            let mut header = header("x", content.len() as u64).unwrap();
            header.as_mut_bytes()[..100].fill(0);
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            archive.append(&header, content).unwrap();
        }
        fs::write(&file, archive.into_inner().unwrap()).unwrap();
        let target = shop.path("victim");
        let victim = Home { folder: tempfile::tempdir_in(shop.home.folder.path()).unwrap() };
        victim.ends(1, &["package", "install", &file, "--key", &shop.public]);
        assert!(!Path::new(&target).exists() && !Path::new("/tmp/escape.md").exists());
        assert!(!victim.folder.path().join("escape.md").exists());
    }
}

/// Whatever belongs to one machine is found, wherever it is planted.
#[test]
fn a_target_credential_schedule_root_or_runtime_is_refused_in_every_place() {
    let shop = Workshop::new();
    let plant = |what: &str, told: &str, change: &dyn Fn(&Path)| {
        let tree = shop.tree("planted");
        change(&tree);
        let refused = shop.build(8, "planted.tar", &["--from", tree.to_str().unwrap()]);
        assert!(refused.contains(told), "{what}: {refused}");
        assert!(!Path::new(&shop.path("planted.tar")).exists(), "{what}");
        fs::remove_dir_all(tree).unwrap();
    };
    let profile = "profiles/standard-team-mode.yaml";
    let in_profile = |new: &'static str| move |tree: &Path| replace(&tree.join(profile), "  notifications:\n", new);
    plant("a target", "`targets`", &in_profile("  notifications:\n    targets: [{name: ops, sender: webhook}]\n"));
    plant("a chat", "`chat`", &in_profile("  notifications:\n    chat: 123456789\n"));
    plant("a token", "`token`", &in_profile("  notifications:\n    token: {file: /x}\n"));
    plant("a schedule", "`cron`", &in_profile("  cron: '*/5 * * * *'\n  notifications:\n"));
    plant("a root", "`storage_root`", &in_profile("  storage_root: /var/lib/x\n  notifications:\n"));
    plant("a program", "`program`", &in_profile("  notifications:\n    program: /usr/bin/send\n"));
    plant("a gate", "`gates`", &in_profile("  gates: [bot_api_call]\n  notifications:\n"));
    let descriptor = "capabilities/hermes.yaml";
    plant("a target in a descriptor", "`target`", &|tree| {
        replace(&tree.join(descriptor), "spec:\n", "spec:\n  target: ops\n")
    });
    plant("a program by its path", "by its path", &|tree| {
        replace(
            &tree.join("capabilities/openclaw-watchdog-reference.yaml"),
            "program: openclaw",
            "program: /opt/openclaw",
        );
    });
    plant("another machine", "another machine", &|tree| {
        replace(&tree.join("capabilities/openclaw-watchdog-reference.yaml"), "127.0.0.1", "10.0.0.1");
    });
    plant("a root in a probe", "a place of one machine", &|tree| {
        replace(&tree.join("capabilities/claude-code-hooks.yaml"), "~/.claude", "/srv");
    });
    plant("a target in a pack", "`targets`", &|tree| {
        replace(&tree.join("policy-packs/delivery-truth/pack.yaml"), "title:", "targets: [ops]\ntitle:");
    });
    // A credential in any text, also in a comment.
    for file in [
        profile,
        descriptor,
        "docs/audit.md",
        "policy-packs/delivery-truth/rules.cedar",
        "schemas/event.json",
        "LICENSE",
    ] {
        plant("a credential", "looks like a bot's token", &|tree| {
            let path = tree.join(file);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, format!("{text}\n# 123456789:AAExample_token-with-35-characters_\n")).unwrap();
        });
    }
    plant("a key in the manifest", "looks like", &|tree| {
        replace(&tree.join(MANIFEST), "Looks at tasks", "ghp_0123456789abcdefghij0123456789abcdef Looks at tasks");
    });
    // What runs, what configures, and what hides.
    for file in
        ["examples/candor.yaml", "examples/send.sh", "docs/.env", "docs/send", "profiles/x.yaml.sh", "schemas/a/b.json"]
    {
        let told = if file == "examples/candor.yaml" { "unknown field" } else { file };
        plant(file, told, &|tree| {
            let path = tree.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "targets: []\n").unwrap();
        });
    }
    plant("a configuration as a record", "is no kind of record", &|tree| {
        fs::write(tree.join("examples/config.json"), r#"{"targets": []}"#).unwrap();
    });
    plant("a link", "can't be read", &|tree| symlink("/etc/passwd", tree.join("docs/link.md")).unwrap());
    plant("a contract that is missing", "the contract is missing", &|tree| {
        fs::remove_file(tree.join("schemas/receipt.json")).unwrap()
    });
    plant("a pack without sense", "policy-packs/", &|tree| {
        replace(&tree.join("policy-packs/delivery-truth/rules.cedar"), "permit", "forbid");
    });
    plant("a profile over a bound", "within_bounds", &|tree| {
        replace(
            &tree.join(profile),
            "    default_verdict",
            "    thresholds: {claim_min_strength: 99}\n    default_verdict",
        )
    });
}
