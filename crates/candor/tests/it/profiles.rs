//! Profiles and capabilities as a person uses them.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::common::Home;

fn line<'a>(explained: &'a Value, key: &str) -> &'a Value {
    explained["values"].as_array().unwrap().iter().find(|line| line["key"] == key).unwrap()
}

#[test]
fn the_profile_that_is_selected_holds() {
    let (plain, strict) = (Home::new(""), Home::new("profile: strict-manager-mode\n"));
    let (before, now) = (plain.json(&["config", "show"]), strict.json(&["config", "show"]));
    assert_eq!(
        (&before["settings"]["profile"], &now["settings"]["profile"]),
        (&json!("dry-run"), &json!("strict-manager-mode@1.0.0"))
    );
    assert_eq!(before["thresholds"]["completion_min_strength"], 3);
    assert_eq!(now["thresholds"]["completion_min_strength"], 4);
    assert_eq!(before["settings"]["escalate_after"].as_array().unwrap().len(), 2);
    assert_eq!(now["settings"]["escalate_after"].as_array().unwrap().len(), 3);
    assert_ne!(before["settings"]["evidence_lives_for"], now["settings"]["evidence_lives_for"]);
    let solo = Home::new("profile: minimal-solo-mode\n").json(&["config", "show"]);
    assert_eq!(solo["packs"].as_array().unwrap().len(), 4);
    assert_ne!(solo["settings"]["cadence"], before["settings"]["cadence"]);
}

/// A weak completion is held back under the strict profile, and shown as less under the solo one.
#[test]
fn each_profile_enforces_its_posture() {
    for (profile, verdict) in [("strict-manager-mode", "block_completion"), ("minimal-solo-mode", "downgrade_status")] {
        let home = Home::new(&format!("profile: {profile}\n"));
        home.ends(0, &["task", "start", "t", "--agent", "a"]);
        let told = home.ends(6, &["task", "complete", "t", "--agent", "a", "--summary", "done"]);
        assert!(told.contains(verdict), "{profile}: {told}");
    }
}

#[test]
fn explain_says_who_set_each_value_and_what_limits_it() {
    let home = Home::new("profile: strict-manager-mode\nadapter: ci-queue-only\nwatch: {period: 2m}\n");
    let explained = home.json(&["profile", "explain"]);
    assert_eq!(explained["profile"], "strict-manager-mode@1.0.0");
    assert_eq!(explained["adapter"], "ci-queue-only@1.0.0");
    for (key, value, layer) in [
        ("adapters.watchdog.period", "2m", "local"),
        ("adapters.watchdog.grace", "1m", "profile"),
        ("policies.thresholds.delivery_min_proof", "1", "package"),
    ] {
        let line = line(&explained, key);
        assert_eq!((&line["value"], &line["layer"]), (&json!(value), &json!(layer)), "{key}");
        assert!(!line["bound"].as_str().unwrap().is_empty(), "{key}");
    }
    let safe = Home::new("adapter: ci-queue-only\n").json(&["profile", "explain"]);
    assert_eq!(line(&safe, "adapters.watchdog.period")["layer"], "adapter");
    let people = home.ends(0, &["profile", "explain"]);
    assert!(
        people.contains("SET BY") && people.contains("MISSING HERE") && people.contains("pending_external_send"),
        "{people}"
    );
}

#[test]
fn truth_4_a_binding_that_weakens_the_profile_is_refused_with_its_place() {
    let home =
        Home::new("profile: strict-manager-mode\nwatch: {period: 1h}\npacks: {tune: {completion_min_strength: 3}}\n");
    let told = home.ends(8, &["config", "check"]);
    assert!(told.contains("candor.yaml:2:9") && told.contains("candor.yaml:3:16"), "{told}");
    assert!(told.contains("relax_only_where_declared") && told.contains("weaker than 5m"), "{told}");
    // Where the pack declares a range, a binding moves inside it.
    let home = Home::new("profile: strict-manager-mode\npacks: {tune: {completion_block_below: 1}}\n");
    home.ends(0, &["config", "check"]);
    let home = Home::new("profile: strict-manager-mode\npacks: {tune: {completion_block_below: 6}}\n");
    assert!(home.ends(8, &["config", "check"]).contains("within_bounds"));
}

#[test]
fn a_target_uses_only_what_the_profile_lets_out() {
    let target = "targets: [{name: ops, sender: webhook, url: 'http://127.0.0.1:9/x'}]\n";
    let told = Home::new(&format!("profile: minimal-solo-mode\n{target}")).ends(8, &["config", "check"]);
    assert!(told.contains("`webhook`") && told.contains("sender_modes"), "{told}");
    Home::new(&format!("profile: strict-manager-mode\n{target}")).ends(0, &["config", "check"]);
    Home::new(target).ends(0, &["config", "check"]);
}

#[test]
fn a_profile_that_does_not_exist_is_refused_with_those_that_do() {
    let told = Home::new("profile: strict\n").ends(8, &["config", "check"]);
    assert!(told.contains("no profile `strict`") && told.contains("strict-manager-mode"), "{told}");
    Home::new("").ends(11, &["profile", "show", "strict"]);
    Home::new("").ends(11, &["profile", "explain", "strict"]);
}

#[test]
fn a_profile_of_ones_own_is_checked_and_selected() {
    let home = Home::new("profile: night-mode\n");
    let folder = home.state().join("profiles");
    fs::create_dir(&folder).unwrap();
    let core = home.ends(0, &["profile", "show", "minimal-solo-mode"]);
    let own = core.replace("id: minimal-solo-mode", "id: night-mode");
    let file = folder.join("night-mode.yaml");
    let path = file.to_str().unwrap();
    for (old, new, says) in [
        ("fold_every", "fold_evry", ":33:5: unknown field `fold_evry`"),
        ("completion_block_below: 0", "completion_block_below: 9", ":15:7: the profile layer sets"),
        ("pluginVersion: 0.1.0", "pluginVersion: 0.9.0", "package_version"),
        ("needs: stored", "needs: dispatched", "acked_needs_proof"),
        ("id: night-mode", "id: day-mode", "is not the file's name"),
    ] {
        assert!(own.contains(old), "{old}");
        fs::write(&file, own.replacen(old, new, 1)).unwrap();
        let told = home.ends(8, &["profile", "validate", path]);
        assert!(told.contains(says), "{told}");
        assert!(home.ends(8, &["config", "check"]).contains(says));
    }
    fs::write(&file, &own).unwrap();
    home.ends(0, &["profile", "validate", path]);
    home.ends(0, &["profile", "validate", "strict-manager-mode"]);
    assert_eq!(home.json(&["config", "show"])["settings"]["profile"], "night-mode@1.0.0");
    let listed = home.json(&["profile", "list"]);
    let selected: Vec<_> = listed["profiles"].as_array().unwrap().iter().filter(|of| of["selected"] == true).collect();
    assert_eq!((selected.len(), &selected[0]["id"]), (1, &json!("night-mode")));
    let same = home.json(&["profile", "diff", "night-mode", "minimal-solo-mode"]);
    assert_eq!(same["differences"], json!([]));
    let differs = home.json(&["profile", "diff", "standard-team-mode", "strict-manager-mode"]);
    let keys: Vec<_> =
        differs["differences"].as_array().unwrap().iter().map(|of| of["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"adapters.watchdog.period") && !keys.contains(&"notifications.needs"), "{keys:?}");
}

fn counts(shown: &Value, ability: &str) -> Value {
    let abilities = shown["abilities"].as_array().unwrap();
    abilities.iter().find(|one| one["standing"]["ability"] == ability).unwrap()["standing"]["counts"].clone()
}

#[test]
fn truth_3_a_capability_counts_once_a_probe_showed_it() {
    let home = Home::new("adapter: ci-queue-only\n");
    assert_eq!(counts(&home.json(&["capability", "show"]), "queue_notice"), "unprobed");
    let record = home.json(&["capability", "probe"]);
    assert_eq!(record["reports"]["store"]["shown"], true);
    for field in ["at", "method", "output"] {
        assert!(record["reports"]["store"][field].is_string(), "{record}");
    }
    let shown = home.json(&["capability", "show"]);
    assert_eq!(counts(&shown, "queue_notice"), "supported");
    assert_eq!(counts(&shown, "direct_send"), "undeclared");
    home.ends(0, &["capability", "diff"]);
    // What was shown long ago, or of another version, no longer counts.
    let path = home.state().join("probes/ci-queue-only.json");
    let kept = fs::read_to_string(&path).unwrap();
    let year = &record["reports"]["store"]["at"].as_str().unwrap()[..4];
    for stale in [kept.replace(&format!("\"{year}-"), "\"2001-"), kept.replace("@1.0.0", "@0.9.0"), "{".to_owned()] {
        fs::write(&path, stale).unwrap();
        assert_eq!(counts(&home.json(&["capability", "show"]), "queue_notice"), "unprobed");
    }
    home.ends(11, &["capability", "show", "nothing"]);
    // What Candor's own commands do is shown by the command itself.
    let own = Home::new("").json(&["capability", "show", "generic-cli"]);
    assert_eq!(
        (counts(&own, "inline_completion_block"), counts(&own, "pre_send_hook")),
        (json!("supported"), json!("unprobed"))
    );
}

#[test]
fn truth_3_a_runtime_does_inline_only_what_probes_showed() {
    let home = Home::new("adapter: claude-code-hooks\n");
    let (bin, user) = (home.folder.path().join("bin"), home.folder.path().join("user"));
    fs::create_dir_all(user.join(".claude")).unwrap();
    fs::create_dir(&bin).unwrap();
    let run = |code: i32, args: &[&str]| {
        let output = home.command(args).env("PATH", &bin).env("HOME", &user).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?} {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    };
    let able = || home.json(&["config", "show"])["settings"]["capabilities"]["claude-code"].clone();
    let missing = run(13, &["capability", "diff"]);
    assert!(missing.contains("no program `claude`") && missing.contains("downgrade_status"), "{missing}");
    assert_eq!(able(), json!([]));
    fs::write(bin.join("claude"), "#!/bin/sh\necho 2.1.0\n").unwrap();
    fs::set_permissions(bin.join("claude"), fs::Permissions::from_mode(0o755)).unwrap();
    run(13, &["capability", "probe"]);
    assert_eq!(able(), json!([]), "the hook isn't registered");
    fs::write(user.join(".claude/settings.json"), "{\"hooks\": \"candor hook\"}").unwrap();
    run(13, &["capability", "probe"]);
    assert_eq!(able(), json!(["inline_completion_block", "inline_dispatch_block"]));
}

#[test]
fn truth_12_status_and_doctor_list_what_is_missing_with_its_fallback() {
    let home = Home::new("profile: strict-manager-mode\n");
    home.ends(0, &["notify", "look"]);
    let status = home.ends(0, &["status"]);
    assert!(
        status.contains("WARNING: no direct_send") && status.contains("`pending_external_send` receipt"),
        "{status}"
    );
    assert!(status.contains("note: no inline_completion_block") && status.contains("`downgrade_status`"), "{status}");
    assert!(home.ends(13, &["doctor"]).contains("direct_send is counted on here"));
    assert_eq!(home.json(&["status"])["adapter"], "openclaw-watchdog-reference@1.1.0");
}

#[test]
fn a_secret_that_is_not_there_shows_no_way_to_send() {
    let home = Home::new("");
    let token = home.folder.path().join("token");
    let config =
        format!("targets: [{{name: phone, sender: telegram, chat: 1, token: {{file: {}}}}}]\n", token.display());
    fs::write(home.state().join("candor.yaml"), config).unwrap();
    let deployment = || home.json(&["config", "show"])["settings"]["deployment"].clone();
    let sender = || home.json(&["capability", "probe"])["reports"]["sender"].clone();
    assert_eq!(deployment(), json!([]));
    assert_eq!(sender()["shown"], false);
    fs::write(&token, "123456:planted-secret\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(deployment().as_array().unwrap().contains(&json!("direct_send")));
    let shown = sender();
    assert_eq!(shown["shown"], true);
    assert!(!shown.to_string().contains("planted-secret"));
}
