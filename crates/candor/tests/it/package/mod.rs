//! Packages through the real binary: built, checked, installed, exchanged; and what must be refused.

mod installed;
mod refused;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use candor_audit::{
    package::{MANIFEST, digest},
    sign::key::NodeKey,
};
use serde_json::{Value, json};

use crate::common::Home;

/// A builder's workshop: a key, and trees to build from.
pub(super) struct Workshop {
    pub(super) home: Home,
    pub(super) public: String,
}

impl Workshop {
    pub(super) fn new() -> Self {
        let home = Home::new("");
        let key = home.folder.path().join("package.key");
        let public = home.ends(0, &["package", "key", key.to_str().unwrap(), "--name", "acme"]).trim().to_owned();
        Self { home, public }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.home.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub(super) fn key(&self) -> NodeKey {
        NodeKey::from_secret(fs::read_to_string(self.path("package.key")).unwrap().trim()).unwrap()
    }

    /// The embedded package as a tree.
    pub(super) fn tree(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(self.path(name));
        for (path, bytes) in candor_core::package::core_files() {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::write(root.join(MANIFEST), candor_core::package::CORE_MANIFEST).unwrap();
        root
    }

    /// A tree of another version, whose strict profile asks for something of its own.
    pub(super) fn tree_of(&self, version: &str, change: impl Fn(&mut Value)) -> PathBuf {
        let root = self.tree(&format!("tree-{version}"));
        let mut manifest: Value = serde_json::from_str(candor_core::package::CORE_MANIFEST).unwrap();
        manifest["version"] = json!(version);
        change(&mut manifest);
        fs::write(root.join(MANIFEST), manifest.to_string()).unwrap();
        root
    }

    pub(super) fn build(&self, code: i32, out: &str, more: &[&str]) -> String {
        let (key, out) = (self.path("package.key"), self.path(out));
        self.home.ends(code, &[&["package", "build", "--key", &key, "--out", &out, "--force"], more].concat())
    }

    /// Builds a tree; the package's path.
    pub(super) fn package(&self, tree: &Path) -> String {
        let name = format!("{}.tar", tree.file_name().unwrap().to_str().unwrap());
        self.build(0, &name, &["--from", tree.to_str().unwrap()]);
        self.path(&name)
    }

    /// A package of another version.
    pub(super) fn version(&self, version: &str) -> String {
        self.package(&self.tree_of(version, |_| ()))
    }

    pub(super) fn verify(&self, code: i32, file: &str) -> String {
        self.home.ends(code, &["package", "verify", file, "--key", &self.public])
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_anywhere() {
    let shop = Workshop::new();
    shop.build(0, "a.tar", &[]);
    shop.build(0, "b.tar", &[]);
    let tree = shop.tree("tree");
    // Times, modes and the order in which files were made don't show.
    Command::new("touch").args(["-d", "2001-01-01"]).arg(tree.join("LICENSE")).status().unwrap();
    fs::set_permissions(tree.join("LICENSE"), fs::Permissions::from_mode(0o444)).unwrap();
    let from_tree = fs::read(shop.package(&tree)).unwrap();
    let (one, two) = (fs::read(shop.path("a.tar")).unwrap(), fs::read(shop.path("b.tar")).unwrap());
    assert_eq!(digest(&one), digest(&two));
    assert_eq!(digest(&one), digest(&from_tree), "what the program has within, and the same as a tree");
    let told = shop.verify(0, &shop.path("a.tar"));
    for part in [
        "reporting-governance@0.1.0-mainline",
        "completion-integrity@1.0.0",
        "strict-manager-mode@1.0.0",
        "hermes@1.1.0",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

/// Anybody can look into a package and check its files by hand.
#[test]
fn tar_and_sha256sum_show_the_same() {
    let shop = Workshop::new();
    shop.build(0, "a.tar", &[]);
    let folder = shop.path("unpacked");
    fs::create_dir(&folder).unwrap();
    let by_hand = "tar -xf ../a.tar && python3 -c \"import json; [print(f['sha256'] + '  ' + f['path']) for f in json.load(open('package-manifest.json'))['files']]\" | sha256sum -c --quiet";
    let checked = Command::new("sh").args(["-c", by_hand]).current_dir(&folder).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let listed = Command::new("tar").args(["-tf", &shop.path("a.tar")]).output().unwrap().stdout;
    let listed = String::from_utf8(listed).unwrap();
    for area in ["schemas/event.json", "policy-packs/", "profiles/", "capabilities/", "docs/", "examples/"] {
        assert!(listed.contains(area), "{area}");
    }
}

/// The source tree of this project builds, too, and what the program has within is all that the tree has but for its pages.
#[test]
fn the_projects_own_tree_builds_and_nothing_of_it_is_forgotten() {
    let shop = Workshop::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    shop.build(0, "tree.tar", &["--from", root.to_str().unwrap()]);
    shop.build(0, "own.tar", &[]);
    let names = |file: &str| -> Vec<String> {
        let listed = Command::new("tar").args(["-tf", &shop.path(file)]).output().unwrap().stdout;
        let listed = String::from_utf8(listed).unwrap();
        listed.lines().filter(|name| !name.starts_with("docs/")).map(str::to_owned).collect()
    };
    assert_eq!(names("tree.tar"), names("own.tar"));
}
