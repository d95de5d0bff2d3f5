//! The schemas are those of the types, and what the binary really writes is as they say.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use boon::{Compiler, Draft, Schemas};
use candor_audit::kind::Kind;
use serde_json::Value;

use crate::common::{Home, Moods, Sink, wait};

/// Set by `cargo xtask schemas`: write them rather than compare.
const WRITE: &str = "CANDOR_WRITE_SCHEMAS";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The schemas that the types make, by name.
fn made() -> BTreeMap<&'static str, Value> {
    let bundle = candor_core::schema::written::<candor_audit::bundle::manifest::Manifest>();
    let all = candor_core::schema::all().into_iter().chain(candor_approval::schema::all());
    let all = all.chain([("bundle-manifest", bundle)]);
    all.map(|(name, schema)| (name, schema.to_value())).collect()
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let write = std::env::var_os(WRITE).is_some();
    let mut drifted = Vec::new();
    for (name, schema) in made() {
        let path = root().join("schemas").join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let kept = fs::read_to_string(&path).unwrap_or_default();
        // The order of fields depends on a feature that any crate of the build may turn on.
        if serde_json::from_str::<Value>(&kept).ok().as_ref() != Some(&schema) {
            drifted.push(name);
            if write {
                fs::write(&path, text).unwrap();
            }
        }
    }
    assert!(write || drifted.is_empty(), "{drifted:?} differ from the types; run `cargo xtask schemas`");
    let files: Vec<String> = fs::read_dir(root().join("schemas"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let stray: Vec<&String> =
        files.iter().filter(|file| !made().contains_key(file.trim_end_matches(".json"))).collect();
    assert!(stray.is_empty(), "{stray:?} are made by no type");
}

/// Holds documents against one of the schemas that are checked in.
struct Held {
    schemas: Schemas,
    compiled: BTreeMap<String, boon::SchemaIndex>,
}

impl Held {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        let mut compiled = BTreeMap::new();
        for name in made().keys() {
            let text = fs::read_to_string(root().join(format!("schemas/{name}.json"))).unwrap();
            let place = format!("file:///schemas/{name}.json");
            compiler.add_resource(&place, serde_json::from_str(&text).unwrap()).unwrap();
            compiled.insert((*name).to_owned(), compiler.compile(&place, &mut schemas).unwrap());
        }
        Self { schemas, compiled }
    }

    /// What is wrong with a document, if anything.
    fn wrong(&self, name: &str, document: &Value) -> Option<String> {
        self.schemas.validate(document, self.compiled[name]).err().map(|error| format!("{name}: {error:#}"))
    }
}

/// Whether a schema says what the strict reader says: it takes the document, and not with a field more.
fn takes_this_and_no_more(held: &Held, name: &str, document: &Value, file: &str) {
    assert_eq!(held.wrong(name, document), None, "{file}");
    let mut more = document.clone();
    more["surprise"] = Value::from(1);
    assert!(held.wrong(name, &more).is_some(), "{name} takes anything");
}

/// Every document and example that comes with Candor is as its schema says, and so is a package that is built of them.
#[test]
fn what_comes_with_candor_is_as_the_schemas_say() {
    let held = Held::new();
    let yaml = |text: &[u8]| -> Value { serde_saphyr::from_str(std::str::from_utf8(text).unwrap()).unwrap() };
    let mut seen = 0;
    for (path, bytes) in candor_core::package::core_files() {
        let (name, document) = match path.rsplit_once('/').unwrap_or(("", &path)) {
            ("profiles", _) | ("examples", "my-team-mode.yaml") => ("deployment-profile", yaml(&bytes)),
            ("capabilities", _) => ("capability-descriptor", yaml(&bytes)),
            (_, "pack.yaml") => ("policy-pack", yaml(&bytes)),
            ("examples", "event.json") => ("event-record", serde_json::from_slice(&bytes).unwrap()),
            ("examples", file) if file.ends_with(".json") => {
                (file.trim_end_matches(".json"), serde_json::from_slice(&bytes).unwrap())
            }
            _ => continue,
        };
        takes_this_and_no_more(&held, name, &document, &path);
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
    let home = Home::new("");
    let path = |name: &str| home.folder.path().join(name).to_str().unwrap().to_owned();
    home.ends(0, &["package", "key", &path("key")]);
    home.ends(0, &["package", "build", "--key", &path("key"), "--out", &path("p.tar")]);
    let manifest = Command::new("tar").args(["-xOf", &path("p.tar"), "package-manifest.json"]).output().unwrap().stdout;
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    takes_this_and_no_more(&held, "package-manifest", &manifest, "the manifest of a built package");
    assert!(manifest["files"].as_array().unwrap().len() > 50);
}

/// What the schema of events refuses, and what it takes: as the reader does.
#[test]
fn the_schema_of_events_says_what_the_reader_says() {
    let held = Held::new();
    let event = |kind: &str, more: Value| {
        let mut event = serde_json::json!({
            "specversion": "1.0", "id": "1", "source": "/x", "type": format!("reporting-governance.{kind}"), "subject": "t",
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    for (kind, more, taken) in [
        ("task.started", serde_json::json!({}), true),
        ("task.started", serde_json::json!({"data": {"period": "5m"}}), true),
        ("task.started", serde_json::json!({"data": {"perido": "5m"}}), false),
        ("task.checkpointed", serde_json::json!({"data": {"percent": 10}}), true),
        ("task.blocked", serde_json::json!({}), false),
        ("task.blocked", serde_json::json!({"data": {"reason": "no room"}}), true),
        ("claim.made", serde_json::json!({"data": {"claim": "tests_passed"}}), true),
        ("claim.made", serde_json::json!({"data": {"claim": "Not A Kind"}}), false),
        (
            "evidence.added",
            serde_json::json!({"data": {"supports": [], "evidence": {"kind": "file", "path": "a"}}}),
            true,
        ),
        ("evidence.added", serde_json::json!({"data": {"supports": [], "evidence": {"kind": "rumour"}}}), false),
        (
            "evidence.added",
            serde_json::json!({"data": {"supports": [], "strength": "attested", "evidence": {"kind": "file", "path": "a"}}}),
            false,
        ),
        ("notice.requested", serde_json::json!({"data": {"title": "look"}}), true),
        ("task.renamed", serde_json::json!({}), false),
        ("task.started", serde_json::json!({"subject": "../x"}), false),
        ("task.started", serde_json::json!({"time": "yesterday"}), false),
        ("task.started", serde_json::json!({"strength": "attested"}), false),
        ("task.started", serde_json::json!({"specversion": "0.3"}), false),
    ] {
        let event = event(kind, more);
        assert_eq!(held.wrong("event", &event).is_none(), taken, "{event}");
        let read = candor_core::event::Event::parse(event.clone(), candor_core::time::Timestamp::from_micros(1));
        // What an empty list of claims supports is no question of form.
        let formed = read.as_ref().err().is_none_or(|error| error.at == "/data/supports");
        assert_eq!(formed, taken, "{event}: {read:?}");
    }
}

/// The schema for artifacts of a kind; none for kinds that no contract of the model names.
fn schema_of(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Event => "event-record",
        Kind::Evidence => "evidence",
        Kind::Decision => "decision",
        Kind::Queue => "notice",
        Kind::Receipt => "receipt",
        _ => return None,
    })
}

/// A state folder in which every type of event, outcome and receipt that can be had quickly was had.
fn lived() -> Home {
    let sink = Sink::start(Moods::default());
    let home = Home::owned(&sink.config());
    for args in [
        ["task", "start", "t", "--agent", "a", "--period", "1s", "--grace", "1s"].as_slice(),
        &["task", "checkpoint", "t", "--agent", "a", "--note", "on it", "--percent", "10"],
        &["task", "wait", "t", "--agent", "a", "--on", "a person"],
        &["task", "block", "t", "--agent", "a", "--reason", "no room"],
        &["task", "unblock", "t", "--agent", "a"],
        &["claim", "t", "tests_passed", "--agent", "a"],
        &["evidence", "add", "t", "--agent", "a", "--supports", "tests_passed", "--note", "I saw it"],
        &["task", "complete", "t", "--agent", "a", "--summary", "done"],
        &["notify", "look at this", "--agent", "a", "--task", "t"],
        &["notice", "test"],
    ] {
        let code = home.run(args).status.code();
        assert!(matches!(code, Some(0 | 3 | 6)), "{args:?} ended with {code:?}");
    }
    home.ends(0, &["exec", "--task", "u", "--", "sh", "-c", "exit 0"]);
    home.ends(0, &["run"]);
    home.ends(0, &["gate", "open", "production_write", "--reason", "test", "--expires", "1h"]);
    // Silence is concluded, folded and told; the gate is open, so what is told arrives.
    wait("a task was missed", || {
        home.ends(0, &["run"]);
        let notices = home.json(&["notice", "list"]).to_string();
        notices.contains("acked") && notices.contains("silent")
    });
    home
}

#[test]
fn what_the_binary_writes_is_as_the_schemas_say() {
    let home = lived();
    let out = home.folder.path().join("b.tar");
    home.ends(0, &["audit", "export", "--since", "2020-01-01T00:00:00Z", "--out", out.to_str().unwrap()]);
    let folder = home.folder.path().join("unpacked");
    fs::create_dir(&folder).unwrap();
    assert!(Command::new("tar").arg("-xf").arg(&out).arg("-C").arg(&folder).status().unwrap().success());
    let read = |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let held = Held::new();
    let manifest = read(folder.join("manifest.json"));
    assert_eq!(held.wrong("bundle-manifest", &manifest), None);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in manifest["artifacts"].as_array().unwrap() {
        let kind = Kind::parse(entry["kind"].as_str().unwrap()).unwrap();
        let Some(name) = schema_of(kind) else { continue };
        let artifact = read(folder.join(entry["ref"].as_str().unwrap()));
        assert_eq!(held.wrong(name, &artifact), None, "{artifact}");
        if name == "event-record" {
            assert_eq!(held.wrong("event", &artifact["event"]), None, "{artifact}");
        }
        *seen.entry(name).or_default() += 1;
        // A field that nobody knows, or one that is missing, is found.
        let mut more = artifact.clone();
        more["surprise"] = Value::from(1);
        assert!(held.wrong(name, &more).is_some(), "{name} takes anything");
        let first = artifact.as_object().unwrap().iter().find(|(_, value)| !value.is_null()).unwrap().0.clone();
        let mut less = artifact;
        less.as_object_mut().unwrap().remove(&first);
        assert!(held.wrong(name, &less).is_some(), "{name} does without `{first}`");
    }
    for name in ["event-record", "evidence", "decision", "notice", "receipt"] {
        assert!(seen.get(name).is_some_and(|count| *count > 1), "{seen:?}");
    }
}
