//! What no package may be, and what no package may hold.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use candor_audit::{
    archive::{ArchiveWriter, header},
    package::{ENVELOPE, Files, MANIFEST, listing, seal, write},
    sign::key::NodeKey,
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

/// Whoever has the builder's key, and makes by hand what the builder's command would not.
struct Forger {
    shop: Workshop,
    key: NodeKey,
    files: Files,
    file: String,
}

impl Forger {
    fn new() -> Self {
        let shop = Workshop::new();
        let (key, file) = (shop.key(), shop.path("forged.tar"));
        Self { shop, key, files: candor_core::package::core_files(), file }
    }

    /// The files of Candor's own package, and another one.
    fn with(&self, path: &str, content: &str) -> Files {
        let mut files = self.files.clone();
        files.insert(path.to_owned(), content.as_bytes().to_vec());
        files
    }

    fn manifest(files: &Files) -> Vec<u8> {
        let mut manifest: Value = serde_json::from_str(candor_core::package::CORE_MANIFEST).unwrap();
        let listed = listing(files).into_iter();
        manifest["files"] =
            listed.map(|file| json!({ "path": file.path, "sha256": file.sha256, "bytes": file.bytes })).collect();
        manifest.to_string().into_bytes()
    }

    fn envelope(&self, manifest: &[u8]) -> Vec<u8> {
        seal(manifest, &json!({}), &self.key)
    }

    /// What the command says of a package with this manifest and these files, signed.
    fn told(&self, code: i32, manifest: &[u8], files: &Files) -> String {
        let bytes = write(manifest, &self.envelope(manifest), files, Vec::new()).unwrap();
        fs::write(&self.file, bytes).unwrap();
        self.shop.verify(code, &self.file)
    }
}

#[test]
fn signed_files_that_the_manifest_names_otherwise_and_programs_are_refused() {
    let forger = Forger::new();
    let (files, more) = (&forger.files, forger.with("docs/zz.md", "more"));
    forger.told(0, &Forger::manifest(files), files);
    assert!(forger.told(1, &Forger::manifest(files), &more).contains("`docs/zz.md` is in the archive"));
    assert!(forger.told(1, &Forger::manifest(&more), files).contains("isn't there"));
    let other = forger.with("docs/zz.md", "less");
    assert!(forger.told(1, &Forger::manifest(&more), &other).contains("`docs/zz.md` was changed"));
    // A builder that packs only its folders leaves a program out, another one's package is refused.
    for program in ["src/adapters/send.mjs", "bin/send", "send.sh"] {
        let more = forger.with(program, "#!/bin/sh\n");
        let told = forger.told(8, &Forger::manifest(&more), &more);
        assert!(told.contains(program) && told.contains("nothing that runs"), "{told}");
    }
}

#[test]
fn a_signed_manifest_that_says_too_much_twice_or_of_another_time_is_refused() {
    let forger = Forger::new();
    let text = String::from_utf8(Forger::manifest(&forger.files)).unwrap();
    let version = "\"package_manifest_version\":\"1.0.0\"";
    for (old, new, told) in [
        ("\"name\"", "\"target\":\"ops\",\"name\"", "unknown field `target`"),
        ("\"name\"", "\"name\":\"a\",\"name\"", "duplicate field `name`"),
        (version, "\"package_manifest_version\":\"2.0.0\"", "this program reads 1.0.0"),
        ("\"name\":\"reporting-governance\"", "\"name\":\"../evil\"", "is not a package's name"),
        ("\"version\":\"0.1.0-mainline\"", "\"version\":\"0.1.0-../x\"", "is not a version"),
    ] {
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text, "{old}");
        let refused = forger.told(1, changed.as_bytes(), &forger.files);
        assert!(refused.contains(told), "{told}: {refused}");
    }
    for (old, new, told) in [
        ("\"below\":\"0.2.0\"", "\"below\":\"0.1.0\"", "before it begins"),
        ("\"from\":\"0.1.0\"", "\"from\":\"0.1.1\"", "and this is candor 0.1.0"),
        ("v1alpha1", "v2", "speaks `reporting-governance/v2` for its documents"),
        ("\"bundles\":\"1.0.0\"", "\"bundles\":\"2.0.0\"", "speaks `2.0.0` for its bundles"),
        ("\"run watchdog\"", "\"run everything\"", "names `candor run everything`"),
    ] {
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text, "{old}");
        let code = if new.contains("below") { 1 } else { 7 };
        let refused = forger.told(code, changed.as_bytes(), &forger.files);
        assert!(refused.contains(told), "{told}: {refused}");
    }
}

#[test]
fn a_signed_archive_that_would_escape_has_links_or_says_things_twice_is_refused() {
    let forger = Forger::new();
    let manifest = Forger::manifest(&forger.files);
    let mut archive = ArchiveWriter::new(Vec::new());
    archive.add(MANIFEST, &manifest).unwrap();
    archive.add(ENVELOPE, &forger.envelope(&manifest)).unwrap();
    for _ in 0..2 {
        archive.add("LICENSE", &forger.files["LICENSE"]).unwrap();
    }
    fs::write(&forger.file, archive.finish().unwrap()).unwrap();
    assert!(forger.shop.verify(1, &forger.file).contains("`LICENSE` stands twice"));
    // GNU tar's own archive, with folders and a link.
    let tree = forger.shop.tree("hostile");
    symlink("/etc/passwd", tree.join("docs/link.md")).unwrap();
    assert!(Command::new("tar").args(["-cf", &forger.file, "-C"]).arg(&tree).arg(".").status().unwrap().success());
    forger.shop.verify(1, &forger.file);
    let outside = forger.shop.path("escape.md");
    for name in ["../../escape.md", outside.as_str()] {
        let manifest = Forger::manifest(&forger.with(name, "out"));
        let envelope = forger.envelope(&manifest);
        let mut bytes = Vec::new();
        for (name, content) in [(MANIFEST, manifest.as_slice()), (ENVELOPE, &envelope), (name, b"out")] {
            // As a tool without our care would write it: the header takes any name.
            let mut block = header("x", content.len() as u64).unwrap();
            block.as_mut_bytes()[..100].fill(0);
            block.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            block.set_cksum();
            bytes.extend_from_slice(block.as_bytes());
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        bytes.resize(bytes.len() + 1024, 0);
        fs::write(&forger.file, bytes).unwrap();
        let victim = Home { folder: tempfile::tempdir_in(forger.shop.home.folder.path()).unwrap() };
        victim.ends(1, &["package", "install", &forger.file, "--key", &forger.shop.public]);
        assert!(!Path::new(&outside).exists() && !victim.folder.path().join("escape.md").exists());
    }
}

#[test]
fn too_many_too_large_and_a_bomb_are_refused() {
    let forger = Forger::new();
    let mut many = forger.files.clone();
    many.extend((0..1_000).map(|no| (format!("docs/{no}.md"), b"x".to_vec())));
    assert!(forger.told(1, &Forger::manifest(&many), &many).contains("files are more than 1000"));
    let large = forger.with("docs/large.md", &"x".repeat(1024 * 1024 + 1));
    assert!(forger.told(1, &Forger::manifest(&large), &large).contains("more than 1048576"));
    let mut heavy = forger.files.clone();
    heavy.extend((0..17).map(|no| (format!("docs/{no}.md"), vec![b'x'; 1024 * 1024])));
    assert!(forger.told(1, &Forger::manifest(&heavy), &heavy).contains("in all files together"));
    // The same as trees are not built.
    let tree = forger.shop.tree("large");
    let build = |told: &str| {
        let refused = forger.shop.build(8, "large.tar", &["--from", tree.to_str().unwrap()]);
        assert!(refused.contains(told), "{refused}");
    };
    fs::write(tree.join("docs/large.md"), "x".repeat(1024 * 1024 + 1)).unwrap();
    build("more than 1048576 bytes");
    fs::remove_file(tree.join("docs/large.md")).unwrap();
    (0..1_000).for_each(|no| fs::write(tree.join(format!("docs/{no}.md")), "x").unwrap());
    build("more than 1000 files");
    // A manifest that would be eight gibibytes is not read at all; nor is a pipe waited for.
    let bomb = header(MANIFEST, 8 << 30).unwrap();
    fs::write(&forger.file, bomb.as_bytes()).unwrap();
    assert!(forger.shop.verify(1, &forger.file).contains("more than 1048576"));
    let pipe = forger.shop.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    forger.shop.verify(2, &pipe);
}

const PROFILE: &str = "profiles/standard-team-mode.yaml";
const OPENCLAW: &str = "capabilities/openclaw-watchdog-reference.yaml";

/// Puts something into a tree, and sees that nothing is built of it.
fn plant(shop: &Workshop, what: &str, told: &str, change: impl Fn(&Path)) {
    let tree = shop.tree("planted");
    change(&tree);
    let refused = shop.build(8, "planted.tar", &["--from", tree.to_str().unwrap()]);
    assert!(refused.contains(told), "{what}: {refused}");
    assert!(!Path::new(&shop.path("planted.tar")).exists(), "{what}");
    fs::remove_dir_all(tree).unwrap();
}

#[test]
fn a_target_credential_schedule_root_or_program_in_a_document_is_refused() {
    let shop = Workshop::new();
    for (what, planted) in [
        ("`targets`", "    targets: [{name: ops, sender: webhook}]\n"),
        ("`chat`", "    chat: 123456789\n"),
        ("`token`", "    token: {file: /x}\n"),
        ("`cron`", "    cron: '*/5 * * * *'\n"),
        ("`storage_root`", "    storage_root: /var/lib/x\n"),
        ("`program`", "    program: /usr/bin/send\n"),
        ("`gates`", "    gates: [bot_api_call]\n"),
    ] {
        for section in ["  notifications:\n", "  audit:\n", "  adapters:\n"] {
            plant(&shop, what, what, |tree| replace(&tree.join(PROFILE), section, &format!("{section}{planted}")));
        }
    }
    for (what, told, file, old, new) in [
        ("a target in a descriptor", "`target`", OPENCLAW, "spec:\n", "spec:\n  target: ops\n"),
        (
            "a target in a pack",
            "`targets`",
            "policy-packs/delivery-truth/pack.yaml",
            "title:",
            "targets: [ops]\ntitle:",
        ),
        ("a program by its path", "by its path", OPENCLAW, "program: openclaw", "program: /opt/openclaw"),
        ("another machine", "another machine", OPENCLAW, "127.0.0.1", "10.0.0.1"),
        ("a root", "a place of one machine", "capabilities/claude-code-hooks.yaml", "~/.claude", "/srv"),
        ("a target in the manifest", "unknown field `target`", MANIFEST, "{\n", "{\n  \"target\": \"ops\",\n"),
    ] {
        plant(&shop, what, told, |tree| replace(&tree.join(file), old, new));
    }
}

#[test]
fn what_looks_like_a_secret_is_refused_in_every_kind_of_text() {
    let shop = Workshop::new();
    for file in [
        PROFILE,
        OPENCLAW,
        "docs/audit.md",
        "examples/my-team-mode.yaml",
        "policy-packs/delivery-truth/rules.cedar",
        "schemas/event.json",
        "LICENSE",
    ] {
        plant(&shop, file, "looks like a secret (`telegram-bot-token`)", |tree| {
            let text = fs::read_to_string(tree.join(file)).unwrap();
            fs::write(tree.join(file), format!("{text}\n# 123456789:AAExample_token-with-35-characters_\n")).unwrap();
        });
    }
    plant(&shop, "the manifest", "looks like a secret (`github-token`)", |tree| {
        replace(&tree.join(MANIFEST), "Looks at tasks", "ghp_0123456789abcdefghij0123456789abcdef Looks at tasks");
    });
}

#[test]
fn what_runs_configures_hides_or_does_not_hold_together_is_refused() {
    let shop = Workshop::new();
    for file in ["examples/send.sh", "docs/.env", "docs/send", "profiles/x.yaml.sh", "schemas/a/b.json"] {
        plant(&shop, file, file, |tree| {
            fs::create_dir_all(tree.join(file).parent().unwrap()).unwrap();
            fs::write(tree.join(file), "targets: []\n").unwrap();
        });
    }
    for (file, told) in [("examples/candor.yaml", "unknown field"), ("examples/config.json", "is no kind of record")] {
        plant(&shop, file, told, |tree| fs::write(tree.join(file), r#"{"targets": []}"#).unwrap());
    }
    plant(&shop, "a link", "can't be read", |tree| symlink("/etc/passwd", tree.join("docs/link.md")).unwrap());
    plant(&shop, "a linked folder", "can't be", |tree| symlink("/etc", tree.join("docs/folder")).unwrap());
    plant(&shop, "a contract that is missing", "the contract is missing", |tree| {
        fs::remove_file(tree.join("schemas/receipt.json")).unwrap();
    });
    plant(&shop, "no profiles", "has no deployment profiles", |tree| {
        fs::remove_dir_all(tree.join("profiles")).unwrap()
    });
    let rules = "policy-packs/delivery-truth/rules.cedar";
    plant(&shop, "a pack without sense", "policy-packs/", |tree| replace(&tree.join(rules), "permit", "forbid"));
    plant(&shop, "a pack that fails its cases", "the case", |tree| {
        let cases = tree.join("policy-packs/delivery-truth/cases/cases.yaml");
        replace(&cases, "verdict: allow\n", "verdict: block_completion\n");
    });
    plant(&shop, "a profile over a bound", "within_bounds", |tree| {
        let planted = "    thresholds: {claim_min_strength: 99}\n    default_verdict";
        replace(&tree.join(PROFILE), "    default_verdict", planted);
    });
    plant(&shop, "a profile that stands for none", "is the name of no profile", |tree| {
        let text = fs::read_to_string(tree.join(PROFILE)).unwrap().replace("id: standard-team-mode", "id: dry-run");
        fs::write(tree.join("profiles/dry-run.yaml"), text).unwrap();
    });
    plant(&shop, "a profile of another line", "package_version", |tree| {
        replace(&tree.join(PROFILE), "pluginVersion: 0.1.0-mainline", "pluginVersion: 0.2.0");
    });
    plant(&shop, "a descriptor that isn't there", "counts on the descriptor `nobody`", |tree| {
        replace(&tree.join(PROFILE), "descriptor: openclaw-watchdog-reference", "descriptor: nobody");
    });
}
