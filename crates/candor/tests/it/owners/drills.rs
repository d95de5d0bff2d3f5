//! `candor approval drill`: each lane is good where it should be, and something is broken for each step.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::keygen;
use crate::{
    audit::{export, key, stranger},
    common::{Home, Moods, Sink, write},
    package::Workshop,
};

/// A home with an owner, and this configuration.
fn with_owner(config: &str) -> Home {
    let home = Home::new(config);
    let key = keygen(home.folder.path(), "ann", &["-t", "ed25519"]).with_extension("pub");
    home.ends(0, &["owner", "add", "--principal", "ann@example.org", "--key", key.to_str().unwrap()]);
    home
}

/// What a drill found: each step with whether it is done, and the words of the last one.
fn drill(home: &Home, lane: &str) -> (Vec<bool>, String) {
    let told = home.json(&["approval", "drill", lane]);
    let steps = told["drills"][0]["steps"].as_array().unwrap();
    let last = steps.iter().rfind(|step| step["found"] != "it was not rehearsed").unwrap();
    (steps.iter().map(|step| step["done"] == true).collect(), last["found"].as_str().unwrap().to_owned())
}

fn good(home: &Home, lane: &str) -> String {
    let (steps, found) = drill(home, lane);
    assert_eq!(steps, [true, true, true], "{lane}: {found}");
    home.ends(0, &["approval", "drill", lane]);
    found
}

fn missing(home: &Home, lane: &str, at: usize, words: &str) {
    let (steps, found) = drill(home, lane);
    let first = steps.iter().position(|done| !done);
    assert_eq!((first, steps.iter().skip(at).any(|done| *done)), (Some(at), false), "{lane}: {found}");
    assert!(found.contains(words), "{found}");
    let told = home.ends(13, &["approval", "drill", lane]);
    assert!(told.contains("MISSING") && told.contains("blocked") || told.contains("no packet"), "{told}");
}

#[test]
fn a_lane_stands_by_its_last_drill_which_is_on_record() {
    let home = with_owner("");
    let stands = |lane: &str| {
        let told = home.json(&["approval", "drill", "--list"]);
        let lanes = told["lanes"].as_array().unwrap().clone();
        let one = lanes.iter().find(|one| one["lane"] == lane).unwrap().clone();
        (one["good"] == true, one["standing"].as_str().unwrap().to_owned())
    };
    assert!(stands("close-gates").1.contains("never drilled"));
    home.ends(11, &["approval", "drill", "close-gate"]);
    home.ends(2, &["approval", "drill"]);
    let found = good(&home, "close-gates");
    assert!(found.contains("after its only use") && found.contains("at its end"), "{found}");
    assert!(stands("close-gates").0);
    // A later drill that fails takes it back.
    write(&home.state().join("allowed_signers"), "");
    missing(&home, "close-gates", 0, "names nobody");
    let (is_good, words) = stands("close-gates");
    assert!(!is_good && words.contains("owners-read, revocation-closes, end-closes"), "{words}");
    // Nothing was opened, and nothing is in the effect ledger.
    assert_eq!(home.json(&["gate", "history"]).to_string().matches("rehearsal").count(), 0);
    let bundle = export(&home, "all.tar", &["--since", "2020-01-01T00:00:00Z"]);
    assert_eq!(stranger(&bundle, &["--key", &key(&home)]).0, 0);
    let listed = std::process::Command::new("tar").args(["-tf", &bundle]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(listed).unwrap().matches("/dr-").count(), 4);
}

#[test]
fn a_key_that_does_not_count_closes_no_gates() {
    let home = with_owner("");
    let text = fs::read_to_string(home.state().join("allowed_signers")).unwrap();
    write(
        &home.state().join("allowed_signers"),
        &text.replace("namespaces=", "valid-before=\"20200101Z\",namespaces="),
    );
    missing(&home, "close-gates", 0, "no key of");
}

#[test]
fn the_operator_is_told_another_way_or_the_drill_says_that_nobody_is() {
    let sink = Sink::start(Moods::default());
    let home = with_owner("");
    let told = home.ends(0, &["approval", "drill", "channel-fallback"]);
    assert!(told.contains("no channel is live yet"), "{told}");
    let yaml = home.state().join("candor.yaml");
    write(&yaml, &sink.config());
    let told = home.ends(0, &["approval", "drill", "channel-fallback"]);
    assert!(told.contains("`sink` is the only target"), "{told}");
    write(&yaml, &format!("{}- {{name: here, sender: dry-run}}\n", sink.config()));
    good(&home, "channel-fallback");
    let told = home.ends(0, &["approval", "drill", "channel-fallback"]);
    assert!(told.contains("reaches nobody by itself"), "{told}");
    // A live one, whose secret is there and then isn't.
    let secret = home.folder.path().join("secret");
    write(&secret, &format!("whsec_{}", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="));
    let mode = |mode| fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(0o600);
    let second = format!(
        "{}- name: second\n  sender: webhook\n  url: 'http://{}/other'\n  secrets: [{{file: {}}}]\n",
        sink.config(),
        sink.address,
        secret.display()
    );
    write(&yaml, &second);
    let found = good(&home, "channel-fallback");
    assert!(found.contains("as far as the sender of `second`, which was not called"), "{found}");
    fs::remove_file(&secret).unwrap();
    missing(&home, "channel-fallback", 1, "`second`");
    assert_eq!(sink.requests(), 0, "a drill sends nothing");
}

#[test]
fn the_package_before_is_there_intact_and_reads() {
    let shop = Workshop::new();
    let home = with_owner("");
    assert!(good(&home, "package-rollback").contains("what comes with the program"));
    home.ends(0, &["package", "install", &shop.version("0.1.1"), "--key", &shop.public]);
    home.ends(0, &["package", "upgrade", &shop.version("0.1.2"), "--key", &shop.public]);
    assert!(good(&home, "package-rollback").contains("reporting-governance@0.1.1"));
    let before = home.state().join("packages/reporting-governance/0.1.1");
    let file = before.join("policy-packs/delivery-truth/rules.cedar");
    let text = fs::read_to_string(&file).unwrap();
    write(&file, &format!("{text} "));
    missing(&home, "package-rollback", 1, "isn't intact");
    write(&file, &text);
    good(&home, "package-rollback");
    fs::rename(&before, home.state().join("packages/reporting-governance/.away")).unwrap();
    missing(&home, "package-rollback", 0, "can't be gone back to");
}

#[test]
fn the_deployment_before_is_there_as_it_is_on_record() {
    let home = with_owner("profile: standard-team-mode\n");
    assert!(good(&home, "deployment-rollback").contains("no piece"));
    let private: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(home.state(), private).unwrap();
    let activate = || home.ends(0, &["deploy", "activate", "--scheduler", "manual", "--degrade"]);
    activate();
    good(&home, "deployment-rollback");
    let yaml = home.state().join("candor.yaml");
    write(&yaml, &format!("{}watch: {{period: 3m}}\n", fs::read_to_string(&yaml).unwrap()));
    activate();
    good(&home, "deployment-rollback");
    let told = home.ends(0, &["approval", "drill", "deployment-rollback"]);
    assert!(told.contains("stages of deployment 1 are as they are on record"), "{told}");
    let stage = home.state().join("deploy/1/3-profile.json");
    let text = fs::read_to_string(&stage).unwrap();
    write(&stage, &text.replacen("600", "601", 1));
    missing(&home, "deployment-rollback", 1, "its digest is on record");
    write(&stage, &text);
    let binding = home.state().join("deploy/1/binding/candor.yaml");
    let text = fs::read_to_string(&binding).unwrap();
    write(&binding, "profil: x\n");
    missing(&home, "deployment-rollback", 1, "profil");
    write(&binding, &text);
    let journal = home.state().join("deploy/journal.json");
    write(&journal, &json!({ "no": 3, "placed": [], "stale": [] }).to_string());
    missing(&home, "deployment-rollback", 0, "begun and not finished");
    fs::remove_file(journal).unwrap();
    good(&home, "deployment-rollback");
}

/// Nothing that a drill looks at is changed by it, but for the log and what it says of itself.
#[test]
fn a_drill_writes_nothing_but_its_record() {
    let home = with_owner("");
    home.ends(0, &["approval", "drill", "--all"]);
    let files = |folder: &Path| -> Value {
        let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let seen = all.filter(|entry| !entry.file_name().to_string_lossy().starts_with("candor.db"));
        seen.map(|entry| json!([entry.file_name().to_string_lossy(), entry.metadata().unwrap().len()])).collect()
    };
    let before = files(&home.state());
    home.ends(0, &["approval", "drill", "--all"]);
    assert_eq!(before, files(&home.state()));
}
