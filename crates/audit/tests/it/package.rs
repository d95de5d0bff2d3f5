//! Packages, changed in every way: nothing passes.

use candor_audit::{
    archive::header,
    package::{Bounds, ENVELOPE, Files, Listed, MANIFEST, Package, PackageError, digest, listing, read, seal, write},
    sign::key::NodeKey,
};
use serde_json::{Value, json};

const BOUNDS: Bounds = Bounds { manifest_bytes_max: 4096, files_max: 4, file_bytes_max: 64, bytes_max: 100 };

fn key() -> NodeKey {
    NodeKey::from_seed("builder", &[7; 32]).unwrap()
}

fn files(of: &[(&str, &str)]) -> Files {
    of.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// As small as a manifest can be that the rest of Candor reads.
fn manifest(files: &Files) -> Vec<u8> {
    let list =
        listing(files).into_iter().map(|file| json!({ "path": file.path, "sha256": file.sha256, "bytes": file.bytes }));
    let manifest = json!({
        "package_manifest_version": "1.0.0", "name": "p", "version": "1.0.0", "summary": "s",
        "compatibility": { "candor": { "from": "0.1.0", "below": "0.2.0" }, "documents": "d", "bundles": "b" },
        "exchange": { "upgrade_from": "1.0.0", "downgrade_to": "1.0.0" },
        "adapters": [{ "surface": "watchdog", "roles": ["run watchdog"], "reference": "r", "does": "d" }],
        "files": list.collect::<Vec<_>>(),
    });
    manifest.to_string().into_bytes()
}

fn list(manifest: &[u8]) -> Result<Vec<Listed>, String> {
    let manifest: Value = serde_json::from_slice(manifest).map_err(|error| error.to_string())?;
    let file = |file: &Value| Listed {
        path: file["path"].as_str().unwrap_or_default().to_owned(),
        sha256: file["sha256"].as_str().unwrap_or_default().to_owned(),
        bytes: file["bytes"].as_u64().unwrap_or_default(),
    };
    Ok(manifest["files"].as_array().into_iter().flatten().map(file).collect())
}

fn package(manifest: &[u8], files: &Files) -> Vec<u8> {
    write(manifest, &seal(manifest, &json!({ "package": "p" }), &key()), files, Vec::new()).unwrap()
}

fn small() -> (Vec<u8>, Files) {
    let files = files(&[("docs/a.md", "one"), ("profiles/b.yaml", "two")]);
    (package(&manifest(&files), &files), files)
}

fn opened(bytes: &[u8]) -> Result<Package, PackageError> {
    read(bytes, &key().public(), &BOUNDS, list)
}

/// Files in an archive whose manifest names all of them, whatever they are called.
fn raw(members: &[(&str, &[u8])]) -> Result<Package, PackageError> {
    let named: Files = members.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
    let manifest = manifest(&named);
    let envelope = seal(&manifest, &json!({}), &key());
    let mut bytes = Vec::new();
    for (name, content) in [(MANIFEST, manifest.as_slice()), (ENVELOPE, &envelope)].iter().chain(members) {
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
    opened(&bytes)
}

#[test]
fn the_same_files_give_the_same_bytes_and_come_back() {
    let (bytes, files) = small();
    assert_eq!(bytes, small().0);
    let package = opened(&bytes).unwrap();
    assert_eq!((package.files, digest(&package.manifest)), (files.clone(), digest(&manifest(&files))));
}

#[test]
fn each_flipped_byte_is_found() {
    let (whole, _) = small();
    for at in 0..whole.len() {
        for flip in [1, 0x20, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            assert!(opened(&bytes).is_err(), "byte {at} of {} with {flip:#x}", whole.len());
        }
    }
}

#[test]
fn each_cut_each_block_dropped_doubled_or_swapped_and_what_is_added_is_found() {
    let (whole, _) = small();
    for at in 0..whole.len() {
        assert!(opened(&whole[..at]).is_err(), "cut at {at}");
    }
    assert!(opened(&[whole.as_slice(), &[0]].concat()).is_err());
    let blocks: Vec<&[u8]> = whole.chunks(512).collect();
    for at in 0..blocks.len() {
        let mut dropped = blocks.clone();
        dropped.remove(at);
        assert!(opened(&dropped.concat()).is_err(), "block {at} dropped");
        let mut doubled = blocks.clone();
        doubled.insert(at, blocks[at]);
        assert!(opened(&doubled.concat()).is_err(), "block {at} doubled");
        for other in at + 1..blocks.len() {
            let mut swapped = blocks.clone();
            swapped.swap(at, other);
            assert!(swapped[at] == blocks[at] || opened(&swapped.concat()).is_err(), "blocks {at} and {other}");
        }
    }
}

#[test]
fn another_key_and_an_envelope_of_something_else_are_refused() {
    let (bytes, files) = small();
    let other = NodeKey::from_seed("builder", &[8; 32]).unwrap();
    assert!(matches!(read(&*bytes, &other.public(), &BOUNDS, list), Err(PackageError::Signature(_))));
    let manifest = manifest(&files);
    let elsewhere = seal(b"another manifest", &json!({}), &key());
    let moved = write(&manifest, &elsewhere, &files, Vec::new()).unwrap();
    assert!(matches!(opened(&moved), Err(PackageError::Manifest)));
    let unsigned = write(&manifest, b"{}", &files, Vec::new()).unwrap();
    assert!(matches!(opened(&unsigned), Err(PackageError::Signature(_))));
}

#[test]
fn files_that_the_manifest_names_otherwise_are_refused() {
    let signed = files(&[("a", "1"), ("b", "2")]);
    let under = |of: &[(&str, &str)]| opened(&package(&manifest(&signed), &files(of))).unwrap_err().to_string();
    assert!(under(&[("a", "1")]).contains("`b` is named in the manifest, and isn't there"));
    assert!(under(&[("a", "1"), ("b", "2"), ("c", "3")]).contains("`c` is in the archive"));
    assert!(under(&[("a", "1"), ("b", "9")]).contains("`b` was changed"));
    let twice = {
        let file = json!({ "path": "a", "sha256": digest(b"1"), "bytes": 1 });
        json!({ "files": [file, file] }).to_string()
    };
    assert!(matches!(opened(&package(twice.as_bytes(), &files(&[("a", "1")]))), Err(PackageError::Unordered(_))));
}

#[test]
fn a_path_that_leads_out_or_is_two_files_somewhere_is_refused() {
    for bad in [
        "../a",
        "a/../b",
        "/etc/passwd",
        "a//b",
        "a/",
        "./a",
        ".hidden",
        "a/.b",
        "C:a",
        "a\\b",
        "a b",
        "é",
        "a\nb",
        "a/..",
        "..",
        "a.",
        "package-manifest.json",
    ] {
        let refused = raw(&[(bad, b"x")]).unwrap_err();
        let shape = matches!(refused, PackageError::Path(_) | PackageError::Archive(_));
        assert!(shape, "{bad:?}: {refused}");
    }
    assert!(matches!(raw(&[("A", b"x"), ("a", b"y")]), Err(PackageError::Clash(..))));
    assert!(matches!(raw(&[("a", b"x"), ("a/b", b"y")]), Err(PackageError::Clash(..))));
    assert!(matches!(raw(&[("b", b"x"), ("a", b"y")]), Err(PackageError::Unordered(_))));
    assert!(matches!(raw(&[("a", b"x"), ("a", b"x")]), Err(PackageError::Unordered(_))));
    assert!(raw(&[("a/b.c", b"x"), ("a/d", b"y")]).is_ok());
}

#[test]
fn links_devices_and_folders_are_refused() {
    let (whole, _) = small();
    // The type stands at byte 156 of each header; the third header is the first file's.
    let third = whole.windows(9).position(|at| at == b"docs/a.md" && at.len() == 9).unwrap();
    let third = (third..whole.len()).find(|at| at % 512 == 0 && whole[*at..].starts_with(b"docs/a.md")).unwrap();
    for kind in [b'1', b'2', b'3', b'4', b'5', b'6', b'7', b'x', b'g', b'L', 0] {
        let mut bytes = whole.clone();
        bytes[third + 156] = kind;
        let mut block = tar_header(&bytes[third..third + 512]);
        block.set_cksum();
        bytes[third..third + 512].copy_from_slice(block.as_bytes());
        assert!(matches!(opened(&bytes), Err(PackageError::Archive(_))), "{kind}");
    }
}

fn tar_header(block: &[u8]) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes().copy_from_slice(block);
    header
}

#[test]
fn too_many_too_large_and_a_bomb_are_refused_before_they_are_read() {
    let many: Vec<String> = (0..5).map(|no| format!("f{no}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), b"x".as_slice())).collect();
    assert!(matches!(raw(&many), Err(PackageError::TooMany(4))));
    assert!(matches!(raw(&[("a", &[b'x'; 65])]), Err(PackageError::Archive(_))));
    assert!(matches!(raw(&[("a", &[b'x'; 60]), ("b", &[b'x'; 60])]), Err(PackageError::TooMuch(100))));
    // A header that promises eight gibibytes costs nothing: the size is looked at first.
    let (whole, _) = small();
    let at = (0..whole.len()).find(|at| at % 512 == 0 && whole[*at..].starts_with(b"docs/a.md")).unwrap();
    let mut bomb = whole[..at].to_vec();
    bomb.extend_from_slice(header("docs/a.md", 8 << 30).unwrap().as_bytes());
    assert!(matches!(opened(&bomb), Err(PackageError::Archive(_))));
}

/// Writes the corpus of the fuzz target, whose key and bounds these are: `CANDOR_WRITE_CORPUS=1`.
#[test]
fn the_corpus_has_a_package_of_the_right_key() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/package");
    let (whole, files) = small();
    let at = |name: &[u8]| (0..whole.len()).find(|at| at % 512 == 0 && whole[*at..].starts_with(name)).unwrap();
    let changed = |at: usize, to: &[u8]| {
        let mut bytes = whole.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    };
    let first = at(b"docs/a.md");
    let corpus = [
        ("whole", whole.clone()),
        ("empty", Vec::new()),
        ("cut-in-file", whole[..first + 600].to_vec()),
        ("cut-at-block", whole[..first].to_vec()),
        ("path-outside", changed(first, b"../a/a.md")),
        ("link", changed(first + 156, b"2")),
        ("huge-member", changed(first + 124, b"77777777777")),
        ("binary-size", changed(first + 124, &[0x80, 0, 0, 0, 0xff])),
        ("trailing", [whole.as_slice(), b"more"].concat()),
        ("unsigned", write(&manifest(&files), b"{}", &files, Vec::new()).unwrap()),
        ("zeros", vec![0; 2048]),
    ];
    for (name, bytes) in corpus {
        let path = folder.join(name);
        if std::env::var_os("CANDOR_WRITE_CORPUS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == bytes, "{name} is of another version; write it again");
        assert_eq!(opened(&bytes).is_ok(), name == "whole", "{name}");
    }
}
