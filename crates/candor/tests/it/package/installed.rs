//! Packages in their place: installed, exchanged, removed, and what a crash in the middle leaves.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use candor_audit::package::{ENVELOPE, MANIFEST, digest, seal};
use serde_json::{Value, json};

use super::Workshop;
use crate::common::{Home, wait};

fn in_use(home: &Home) -> String {
    let listed = home.json(&["package", "list"]);
    let used = listed["packages"].as_array().unwrap().iter().find(|row| row["in_use"] == true);
    used.unwrap()["package"].as_str().unwrap().to_owned()
}

/// A package whose strict profile is another one than that of the program.
fn stricter(shop: &Workshop, version: &str) -> String {
    let tree = shop.tree_of(version, |_| ());
    let profile = tree.join("profiles/strict-manager-mode.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    fs::write(&profile, text.replace("version: 1.0.0", "version: 1.1.0").replace("period: 5m", "period: 3m")).unwrap();
    shop.package(&tree)
}

/// Acts on record about packages, oldest first.
fn acts(home: &Home) -> Vec<Value> {
    let out = home.folder.path().join("acts.tar");
    let folder = home.folder.path().join("acts");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let out = out.to_str().unwrap();
    home.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--out", out, "--force"]);
    assert!(Command::new("tar").args(["-xf", out, "-C"]).arg(&folder).status().unwrap().success());
    let mut files: Vec<_> = fs::read_dir(folder.join("state/operator-acts"))
        .map(|files| files.map(|file| file.unwrap().path()).collect())
        .unwrap_or_default();
    let number = |path: &Path| -> u64 { path.file_stem().unwrap().to_str().unwrap()[2..].parse().unwrap() };
    files.sort_by_key(|path| number(path));
    let acts = files.iter().map(|path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap());
    acts.filter(|act| act["act"] == "package").collect()
}

fn bundle_version(home: &Home, of: &[&str]) -> String {
    let out = home.folder.path().join("version.tar");
    let out = out.to_str().unwrap();
    home.ends(0, &[&["audit", "export", "--out", out, "--force"], of].concat());
    let manifest = Command::new("tar").args(["-xOf", out, "manifest.json"]).output().unwrap().stdout;
    serde_json::from_slice::<Value>(&manifest).unwrap()["plugin_package_version"].as_str().unwrap().to_owned()
}

#[test]
fn an_installed_package_supplies_profiles_descriptors_and_packs() {
    let shop = Workshop::new();
    let home = Home::new("profile: strict-manager-mode\n");
    let before = home.json(&["config", "show"]);
    assert_eq!(in_use(&home), "reporting-governance@0.1.0-mainline");
    let file = {
        let tree = shop.tree_of("0.1.1", |_| ());
        let edit = |path: &str, old: &str, new: &str| {
            let text = fs::read_to_string(tree.join(path)).unwrap();
            assert!(text.contains(old), "{old}");
            fs::write(tree.join(path), text.replace(old, new)).unwrap();
        };
        edit("profiles/strict-manager-mode.yaml", "period: 5m", "period: 3m");
        edit("profiles/strict-manager-mode.yaml", "pluginVersion: 0.1.0-mainline", "pluginVersion: 0.1.1");
        edit("policy-packs/delivery-truth/pack.yaml", "version: 1.0.0", "version: 1.2.3");
        edit("capabilities/hermes.yaml", "version: 1.1.0", "version: 1.4.0");
        shop.package(&tree)
    };
    home.ends(0, &["package", "install", &file, "--key", &shop.public]);
    assert_eq!(in_use(&home), "reporting-governance@0.1.1");
    let after = home.json(&["config", "show"]);
    assert_eq!(before["settings"]["cadence"]["period"], "300s");
    assert_eq!(after["settings"]["cadence"]["period"], "180s", "{after}");
    assert!(after["packs"].to_string().contains("delivery-truth@1.2.3"), "{after}");
    assert!(home.ends(0, &["capability", "show", "hermes"]).contains("hermes@1.4.0"));
    assert!(home.ends(0, &["profile", "list"]).contains("packages/reporting-governance/0.1.1/profiles"));
    home.ends(0, &["profile", "validate", "strict-manager-mode"]);
    home.ends(0, &["pack", "test", "delivery-truth"]);
    // On record, with the key; and what is decided from now on says which package it goes by.
    let acts = acts(&home);
    assert_eq!(acts.len(), 1);
    assert_eq!((&acts[0]["change"], &acts[0]["package"]), (&json!("installed"), &json!("reporting-governance@0.1.1")));
    assert_eq!((&acts[0]["key"], &acts[0]["before"]), (&json!(shop.public), &Value::Null));
    home.ends(0, &["task", "start", "t", "--agent", "a"]);
    for of in [["--since", "2020-01-01T00:00:00Z"], ["--task", "t"]] {
        assert_eq!(bundle_version(&home, &of), "0.1.1");
    }
    // Installed for nobody but the owner.
    let modes =
        Command::new("find").arg(home.state().join("packages")).args(["-perm", "/077"]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(modes).unwrap(), "");
    // Again is nothing new.
    assert!(home.ends(0, &["package", "install", &file, "--key", &shop.public]).contains("in use already"));
}

#[test]
fn upgrade_downgrade_and_the_way_back_obey_the_bounds() {
    let shop = Workshop::new();
    let home = Home::new("");
    let run = |code: i32, args: &[&str]| home.ends(code, &[&["package"], args].concat());
    let key = shop.public.as_str();
    let (one, two) = (shop.version("0.1.1"), shop.version("0.1.2"));
    let far = shop.package(&shop.tree_of("0.1.9", |manifest| manifest["exchange"]["upgrade_from"] = json!("0.1.5")));
    let firm = shop.package(&shop.tree_of("0.1.3", |manifest| manifest["exchange"]["downgrade_to"] = json!("0.1.2")));
    let other = shop.package(&shop.tree_of("0.1.4", |manifest| manifest["name"] = json!("acme-governance")));
    let later = shop.tree_of("0.1.5", |manifest| {
        manifest["compatibility"]["candor"] = json!({ "from": "0.2.0", "below": "0.3.0" })
    });
    assert!(run(7, &["upgrade", &one, "--key", key]).contains("no package is in use"));
    run(0, &["install", &one, "--key", key]);
    assert!(run(7, &["install", &two, "--key", key]).contains("upgrade"));
    assert!(run(7, &["downgrade", &two, "--key", key]).contains("is newer"));
    assert!(run(0, &["upgrade", &two, "--key", key]).contains("downgrade reporting-governance@0.1.1"));
    assert_eq!(in_use(&home), "reporting-governance@0.1.2");
    assert!(run(7, &["upgrade", &one, "--key", key]).contains("is older"));
    assert!(run(7, &["upgrade", &far, "--key", key]).contains("takes the place of 0.1.5 or newer"));
    assert!(run(7, &["upgrade", &other, "--key", key]).contains("another package"));
    assert!(!home.state().join("packages/acme-governance").exists(), "refused before it was installed");
    run(0, &["upgrade", &firm, "--key", key]);
    assert!(run(7, &["downgrade", "reporting-governance@0.1.1"]).contains("makes room for 0.1.2 or newer"));
    run(0, &["downgrade", "reporting-governance@0.1.2"]);
    run(0, &["downgrade", "reporting-governance@0.1.1"]);
    run(0, &["upgrade", "reporting-governance@0.1.3"]);
    assert_eq!(in_use(&home), "reporting-governance@0.1.3");
    // What doesn't fit this program is neither built nor installed.
    let told = shop.build(7, "later.tar", &["--from", later.to_str().unwrap()]);
    assert!(told.contains("fits candor from 0.2.0"), "{told}");
    run(2, &["upgrade", &two]);
    run(11, &["upgrade", "reporting-governance@0.1.7"]);
    run(2, &["upgrade", "nonsense"]);
    let changes: Vec<String> = acts(&home).iter().map(|act| act["change"].as_str().unwrap().to_owned()).collect();
    assert_eq!(changes, ["installed", "upgraded", "upgraded", "downgraded", "downgraded", "upgraded"]);
}

#[test]
fn the_one_in_use_is_removed_only_when_that_is_said() {
    let shop = Workshop::new();
    let home = Home::owned("");
    let (one, two) = (shop.version("0.1.1"), shop.version("0.1.2"));
    home.ends(0, &["package", "install", &one, "--key", &shop.public]);
    home.ends(0, &["package", "upgrade", &two, "--key", &shop.public]);
    assert!(home.ends(7, &["package", "remove", "reporting-governance@0.1.2"]).contains("--in-use"));
    // With its gate closed its files wait, and go once when it opens: one at a time, as often as approved.
    assert!(home.ends(3, &["package", "remove", "reporting-governance@0.1.1"]).contains("destructive_operation"));
    assert!(home.state().join("packages/reporting-governance/0.1.1").is_dir());
    open_removal(&home, "2");
    home.ends(0, &["package", "remove", "reporting-governance@0.1.1"]);
    home.ends(11, &["package", "remove", "reporting-governance@0.1.1"]);
    home.ends(11, &["package", "downgrade", "reporting-governance@0.1.1"]);
    home.ends(2, &["package", "remove", "../../etc@0.1.1"]);
    home.ends(0, &["package", "remove", "reporting-governance@0.1.2", "--in-use"]);
    assert_eq!(in_use(&home), "reporting-governance@0.1.0-mainline");
    let acts = acts(&home);
    let changes: Vec<_> = acts.iter().map(|act| act["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["installed", "upgraded", "removed", "left_use", "removed"]);
    let left: Vec<_> =
        fs::read_dir(home.state().join("packages")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, [".lock"], "{left:?}");
}

/// Another build of a version that is installed, or the same one by another key, doesn't slip into its place.
#[test]
fn a_version_is_one_build() {
    let shop = Workshop::new();
    let home = Home::new("");
    let one = shop.version("0.1.1");
    home.ends(0, &["package", "install", &one, "--key", &shop.public]);
    let other = stricter(&shop, "0.1.1");
    assert!(home.ends(7, &["package", "install", &other, "--key", &shop.public]).contains("another build"));
    assert_eq!(in_use(&home), "reporting-governance@0.1.1");
}

#[test]
fn what_is_changed_after_the_installation_is_found_and_can_be_mended() {
    let shop = Workshop::new();
    let home = Home::owned("profile: strict-manager-mode\n");
    let file = shop.version("0.1.1");
    let folder = home.state().join("packages/reporting-governance/0.1.1");
    for changed in
        ["profiles/strict-manager-mode.yaml", "policy-packs/delivery-truth/rules.cedar", "package-manifest.json"]
    {
        home.ends(0, &["package", "install", &file, "--key", &shop.public]);
        let path = folder.join(changed);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}\n")).unwrap();
        let told = home.ends(8, &["config", "check"]);
        assert!(told.contains(changed) && told.contains("was changed after"), "{told}");
        assert!(home.ends(1, &["package", "list"]).contains("NOT INTACT"), "{changed}");
        // The way out works although nothing else does.
        home.ends(3, &["package", "remove", "reporting-governance@0.1.1", "--in-use"]);
        home.ends(0, &["config", "check"]);
        open_removal(&home, "1");
        home.ends(0, &["package", "remove", "reporting-governance@0.1.1"]);
    }
    home.ends(0, &["package", "install", &file, "--key", &shop.public]);
    fs::remove_dir_all(&folder).unwrap();
    assert!(home.ends(8, &["config", "check"]).contains("--in-use"));
    home.ends(0, &["package", "remove", "reporting-governance@0.1.1", "--in-use"]);
    home.ends(0, &["config", "check"]);
}

/// A page decides nothing, so nothing stops for it; whoever asks is told.
#[test]
fn a_changed_page_is_found_by_whoever_looks() {
    let shop = Workshop::new();
    let home = Home::new("profile: dry-run\n");
    home.ends(0, &["package", "install", &shop.version("0.1.1"), "--key", &shop.public]);
    fs::set_permissions(home.state(), fs::Permissions::from_mode(0o700)).unwrap();
    home.ends(0, &["doctor"]);
    let checks = home.json(&["deploy", "validate"])["checks"].clone();
    let package = checks.as_array().unwrap().iter().find(|check| check["what"] == "package").unwrap().clone();
    assert_eq!(package["weight"], "fine", "{package}");
    assert!(package["saw"].as_str().unwrap().starts_with("reporting-governance@0.1.1 is whole"), "{package}");
    fs::write(home.state().join("packages/reporting-governance/0.1.1/docs/audit.md"), "anything goes").unwrap();
    home.ends(0, &["config", "check"]);
    assert!(home.ends(13, &["doctor"]).contains("`docs/audit.md` was changed"));
    assert!(home.ends(13, &["deploy", "validate"]).contains("`docs/audit.md` was changed"));
    assert!(home.ends(1, &["package", "list"]).contains("NOT INTACT"));
    home.ends(0, &["notify", "look", "--agent", "a"]);
    assert!(home.ends(0, &["status"]).contains("package reporting-governance@0.1.1"));
}

/// Another program took the place of the one that the package was made for: that is said, and there is a way on and a way out.
#[test]
fn a_package_that_the_program_has_outgrown_is_named_and_can_be_exchanged() {
    let shop = Workshop::new();
    let outgrown = || -> Home {
        let home = Home::new("");
        home.ends(0, &["package", "install", &shop.version("0.1.1"), "--key", &shop.public]);
        // As an older program would have installed it.
        let folder = home.state().join("packages/reporting-governance/0.1.1");
        let text = fs::read_to_string(folder.join(MANIFEST)).unwrap();
        let older = text.replacen("\"below\": \"0.2.0\"", "\"below\": \"0.0.9\"", 1).replacen(
            "\"from\": \"0.1.0\"",
            "\"from\": \"0.0.1\"",
            1,
        );
        assert_ne!(older, text);
        fs::write(folder.join(MANIFEST), &older).unwrap();
        fs::write(folder.join(ENVELOPE), seal(older.as_bytes(), &json!({}), &shop.key())).unwrap();
        for file in [folder.join("installed.json"), home.state().join("packages/selected.json")] {
            let mut told: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            told["manifest_sha256"] = json!(digest(older.as_bytes()));
            fs::write(file, told.to_string()).unwrap();
        }
        home
    };
    let home = outgrown();
    let told = home.ends(8, &["config", "check"]);
    assert!(
        told.contains("fits candor from 0.0.1 and below 0.0.9") && told.contains("candor package upgrade"),
        "{told}"
    );
    assert!(home.ends(0, &["package", "list"]).contains("below 0.0.9"));
    home.ends(0, &["package", "upgrade", &shop.version("0.1.2"), "--key", &shop.public]);
    home.ends(0, &["config", "check"]);
    assert_eq!(in_use(&home), "reporting-governance@0.1.2");
    home.ends(7, &["package", "downgrade", "reporting-governance@0.1.1"]);
    assert_eq!(in_use(&home), "reporting-governance@0.1.2");
    let home = outgrown();
    home.ends(3, &["package", "remove", "reporting-governance@0.1.1", "--in-use"]);
    home.ends(0, &["config", "check"]);
}

/// An owner lets so many removals happen.
fn open_removal(home: &Home, uses: &str) {
    let fields = ["--field", "rollback_plan=install it again", "--field", "reviewed_by=me"];
    let open = ["gate", "open", "destructive_operation", "--reason", "test", "--expires", "1h", "--uses", uses];
    home.ends(0, &[&open[..], &fields].concat());
}

/// The configuration must hold over the new package, or nothing changes.
#[test]
fn a_package_over_which_this_machine_cannot_go_is_not_taken_up() {
    let shop = Workshop::new();
    let home = Home::new("packs: {tune: {completion_min_strength: 3}}\n");
    let tree = shop.tree_of("0.1.1", |_| ());
    let pack = tree.join("policy-packs/completion-integrity/pack.yaml");
    let text = fs::read_to_string(&pack).unwrap();
    fs::write(&pack, text.replacen("default: 3\n    min: 2", "default: 4\n    min: 4", 1)).unwrap();
    // Its golden cases speak of the old default.
    fs::remove_dir_all(tree.join("policy-packs/completion-integrity/cases")).unwrap();
    let file = shop.package(&tree);
    let told = home.ends(8, &["package", "install", &file, "--key", &shop.public]);
    assert!(told.contains("doesn't hold over") && told.contains("completion_min_strength"), "{told}");
    assert_eq!(in_use(&home), "reporting-governance@0.1.0-mainline");
    assert!(!home.state().join("candor.db").exists(), "nothing was put on record");
    fs::write(home.state().join("candor.yaml"), "").unwrap();
    home.ends(0, &["package", "install", &file, "--key", &shop.public]);
    assert_eq!(in_use(&home), "reporting-governance@0.1.1");
}

/// `kill -9` at every point of an installation and an upgrade: the old state holds until the new one does, and a rerun finishes.
#[test]
fn a_crash_in_the_middle_keeps_the_old_state_and_a_rerun_finishes() {
    let shop = Workshop::new();
    let (one, two) = (shop.version("0.1.1"), stricter(&shop, "0.1.2"));
    let at = |home: &Home, point: &str, args: &[&str]| {
        let status = home.command(args).env("CANDOR_CRASH_AT", point).status().unwrap();
        assert_eq!(status.code(), None, "{point} is passed, and ends it");
    };
    for (point, holds) in
        [("package.staged", false), ("package.placed", false), ("package.recorded", false), ("package.selected", true)]
    {
        let home = Home::owned("profile: strict-manager-mode\n");
        let first = ["package", "install", &one, "--key", &shop.public];
        at(&home, point, &first);
        let expected = if holds { "reporting-governance@0.1.1" } else { "reporting-governance@0.1.0-mainline" };
        assert_eq!(in_use(&home), expected, "{point}");
        home.ends(0, &["config", "check"]);
        home.ends(0, &first);
        let next = ["package", "upgrade", &two, "--key", &shop.public];
        at(&home, point, &next);
        assert_eq!(
            in_use(&home),
            if holds { "reporting-governance@0.1.2" } else { "reporting-governance@0.1.1" },
            "{point}"
        );
        home.ends(0, &["config", "check"]);
        home.ends(0, &next);
        assert_eq!(in_use(&home), "reporting-governance@0.1.2", "{point}");
        home.ends(0, &["package", "list"]);
        // Each selection was on record before it held.
        let told: Vec<(String, String)> = acts(&home)
            .iter()
            .map(|act| (act["change"].as_str().unwrap().to_owned(), act["package"].as_str().unwrap().to_owned()))
            .collect();
        for act in [("installed", "reporting-governance@0.1.1"), ("upgraded", "reporting-governance@0.1.2")] {
            assert!(
                told.iter().any(|(change, package)| (change.as_str(), package.as_str()) == act),
                "{point}: {told:?}"
            );
        }
        open_removal(&home, "1");
        at(&home, "package.leaving", &["package", "remove", "reporting-governance@0.1.1"]);
        home.ends(11, &["package", "remove", "reporting-governance@0.1.1"]);
        assert!(!home.state().join("packages/.leaving").exists() && !home.state().join("packages/.staging").exists());
    }
}

#[test]
fn a_daemon_goes_by_another_package_when_it_is_asked_to() {
    let shop = Workshop::new();
    let home = Home::new("profile: strict-manager-mode\n");
    let daemon = home.up();
    let digest = || -> Value {
        let told: Value = serde_json::from_slice(&fs::read(home.state().join("daemon.json")).unwrap()).unwrap();
        told["configuration"]["digest"].clone()
    };
    // Nothing but the version differs, and that is enough.
    let file = shop.version("0.1.1");
    let told = home.ends(0, &["package", "install", &file, "--key", &shop.public]);
    assert!(told.contains("candor config reload"), "{told}");
    let before = digest();
    home.ends(0, &["config", "reload"]);
    wait("the daemon goes by it", || digest() != before);
    home.ends(0, &["task", "start", "t", "--agent", "a"]);
    for of in [["--since", "2020-01-01T00:00:00Z"], ["--task", "t"]] {
        assert_eq!(bundle_version(&home, &of), "0.1.1");
    }
    drop(daemon);
    assert_eq!(acts(&home).len(), 1);
}

/// Two at once: one has the right to change, the other is told so and harms nothing.
#[test]
fn two_installations_at_once_end_well() {
    let shop = Workshop::new();
    let home = Home::new("");
    let file = shop.version("0.1.1");
    let args = ["package", "install", &file, "--key", &shop.public];
    let mut both: Vec<_> = (0..4).map(|_| home.command(&args).spawn().unwrap()).collect();
    let codes: Vec<i32> = both.iter_mut().map(|child| child.wait().unwrap().code().unwrap()).collect();
    assert!(codes.contains(&0) && codes.iter().all(|code| matches!(code, 0 | 10)), "{codes:?}");
    home.ends(0, &["package", "list"]);
    assert_eq!(in_use(&home), "reporting-governance@0.1.1");
}

#[test]
fn keys_are_private_never_shown_and_never_written_over() {
    let shop = Workshop::new();
    let path = shop.path("package.key");
    let secret = fs::read_to_string(&path).unwrap();
    let again = shop.home.ends(0, &["package", "key", &path]);
    assert_eq!(again.trim(), shop.public);
    assert_eq!(fs::read_to_string(&path).unwrap(), secret);
    // PRIVATE+KEY+name+id+seed; a seed in base64 may hold the sign that parts them.
    let seed = secret.trim().splitn(5, '+').last().unwrap();
    Command::new("chmod").args(["644", &path]).status().unwrap();
    let told = shop.build(8, "x.tar", &[]);
    assert!(told.contains("chmod 600") && !told.contains(seed), "{told}");
    Command::new("chmod").args(["600", &path]).status().unwrap();
    fs::write(&path, &secret[..secret.len() - 5]).unwrap();
    let told = shop.build(8, "x.tar", &[]);
    assert!(told.contains("no signing key") && !told.contains(&seed[..20]), "{told}");
    shop.home.ends(9, &["package", "key", "/nonexistent/key"]);
    shop.home.ends(2, &["package", "key", &shop.path("other.key"), "--name", "a b"]);
}

/// A rollback brings the package back that the earlier deployment went by.
#[test]
fn a_rollback_brings_back_the_package_too() {
    let shop = Workshop::new();
    let home = Home::new("profile: dry-run\n");
    fs::set_permissions(home.state(), fs::Permissions::from_mode(0o700)).unwrap();
    let activate = ["deploy", "activate", "--scheduler", "manual"];
    home.ends(0, &["package", "install", &shop.version("0.1.1"), "--key", &shop.public]);
    home.ends(0, &activate);
    home.ends(0, &["package", "upgrade", &shop.version("0.1.2"), "--key", &shop.public]);
    home.ends(0, &activate);
    assert!(home.ends(0, &["deploy", "status"]).contains("package reporting-governance@0.1.2"));
    home.ends(0, &["deploy", "rollback", "--scheduler", "manual"]);
    assert!(home.ends(0, &["deploy", "status"]).contains("package reporting-governance@0.1.1"));
    assert!(home.ends(0, &["status"]).contains("package reporting-governance@0.1.1"));
}
