//! The contract, the schema that ships, and the verdict of the binary: the same for every document.

use std::{collections::BTreeMap, fs, path::PathBuf};

use candor_approval::{
    build,
    drill::{LANES, LaneStanding},
    package::to_json,
    readiness,
    truth::{RecordedReadiness, TargetTruth, Truth},
    validate,
};
use candor_core::{
    catalogue::{CATALOGUE_FILE, CORE_CATALOGUE, parse_catalogue},
    gate::Gate,
};
use serde_json::{Map, Value, json};

use super::mutants::mutant;
use crate::common::Home;

/// How many documents are made.
const MUTANTS: u64 = 3_000;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn schema(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

fn contract() -> Value {
    schema("crates/approval/testdata/contract.schema.json")
}

fn shipped() -> Value {
    schema("schemas/ai_agent_runtime_readback_approval_package_v1.schema.json")
}

/// A package as the builder makes it.
pub(super) fn package() -> Value {
    let now = "2026-11-29T02:00:00Z".parse().unwrap();
    let target = TargetTruth {
        name: "phone".parse().unwrap(),
        sender: "telegram".to_owned(),
        gates: [Gate::BotApiCall, Gate::SecretRead].into(),
        available: true,
        secrets_present: true,
        proves: true,
    };
    let mut truth = Truth {
        now,
        node: "node-1".to_owned(),
        owners: ["ann@example.org".to_owned()].into(),
        lanes: LANES.iter().map(|lane| (lane.id.to_owned(), LaneStanding::Good { at: now })).collect(),
        targets: vec![target],
        ..Truth::default()
    };
    let body = to_json(&readiness::build(&truth));
    truth.readiness = Some(RecordedReadiness { id: "rd-1".to_owned(), at: now, body });
    let catalogue = parse_catalogue(CATALOGUE_FILE, CORE_CATALOGUE).unwrap();
    to_json(&build::build(&catalogue, &truth).unwrap().package)
}

/// A schema with each reference replaced by what it names, and without what says nothing about documents.
fn plain(schema: &Value, root: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    if let Some(at) = fields.get("$ref").and_then(Value::as_str) {
        return plain(root.pointer(at.trim_start_matches('#')).unwrap(), root);
    }
    let mut all = Map::new();
    for (name, value) in fields {
        let value = match name.as_str() {
            "$defs" | "$schema" | "$id" | "title" | "description" | "format" => continue,
            "additionalProperties" if *value == json!(true) => continue,
            "properties" => {
                value.as_object().unwrap().iter().map(|(name, of)| (name.clone(), plain(of, root))).collect()
            }
            "items" => plain(value, root),
            "required" => {
                let mut names: Vec<&str> =
                    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
                names.sort_unstable();
                json!(names)
            }
            // An enumeration with a description per word.
            "oneOf" => {
                let words: Vec<Value> = value.as_array().unwrap().iter().map(|one| one["const"].clone()).collect();
                all.insert("enum".to_owned(), json!(words));
                continue;
            }
            // A type beside the words that it takes says nothing more.
            "type" if fields.contains_key("enum") || fields.contains_key("oneOf") || fields.contains_key("const") => {
                continue;
            }
            _ => value.clone(),
        };
        all.insert(name.clone(), value);
    }
    Value::Object(all)
}

#[test]
fn the_schema_that_ships_is_the_contract() {
    let (ours, theirs) = (shipped(), contract());
    assert_eq!(plain(&ours, &ours), plain(&theirs, &theirs));
}

#[test]
fn a_change_of_either_schema_is_seen() {
    let theirs = contract();
    let mut changed = theirs.clone();
    changed["$defs"]["rollups"]["properties"]["secret_read_count"]["const"] = json!(1);
    assert_ne!(plain(&changed, &changed), plain(&theirs, &theirs));
}

/// The binary, by the schema that ships and by its own validator; the oracle, by the contract and by another validator.
#[test]
fn the_verdict_is_the_contracts_for_every_mutant() {
    let oracle = jsonschema::draft202012::new(&contract()).unwrap();
    let (home, package) = (Home::new(""), package());
    assert!(oracle.is_valid(&package));
    let mut files = Vec::new();
    for seed in 0..MUTANTS {
        let file = home.folder.path().join(format!("{seed}.json"));
        fs::write(&file, mutant(&package, seed)).unwrap();
        files.push(file.to_str().unwrap().to_owned());
    }
    let mut told: BTreeMap<String, Value> = BTreeMap::new();
    let run = |files: &[String]| {
        let args: Vec<&str> = ["approval", "validate", "--schema-only", "--json"]
            .into_iter()
            .chain(files.iter().map(String::as_str))
            .collect();
        home.run(&args)
    };
    for part in files.chunks(500) {
        let output = run(part);
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            told.insert(line["file"].as_str().unwrap().to_owned(), line);
        }
    }
    let (mut valid, mut differing) = (0, Vec::new());
    for file in &files {
        let text = fs::read(file).unwrap();
        // What a reader with limits can't take is read by ours; the Python oracle of `cargo xtask independent` reads for itself.
        let document = serde_json::from_slice(&text).or_else(|_| validate::read(&text)).unwrap();
        let theirs = oracle.is_valid(&document);
        valid += u64::from(theirs);
        let ours = &told[file];
        if ours["valid"] != json!(theirs) || (ours["findings"] == json!([])) != theirs {
            differing.push(format!("{file}: ours {ours}, theirs {theirs}"));
        }
    }
    assert!(differing.is_empty(), "{} differ: {:#?}", differing.len(), &differing[..differing.len().min(5)]);
    assert!(valid > MUTANTS / 20 && valid < MUTANTS / 2, "{valid} of {MUTANTS} are valid: that tests little");
}

#[test]
fn the_types_read_what_the_contract_takes_and_no_more() {
    let oracle = jsonschema::draft202012::new(&contract()).unwrap();
    for seed in 0..600 {
        let document = validate::read(mutant(&package(), seed).as_bytes()).unwrap();
        if let Ok(read) = serde_json::from_value::<candor_approval::package::Package>(document.clone()) {
            // The types know minimal lengths only where an empty text or list is another type.
            let again = to_json(&read);
            assert_eq!(oracle.is_valid(&again), oracle.is_valid(&document), "{seed}");
        }
    }
}

#[test]
fn files_that_are_none_are_told() {
    let home = Home::new("");
    let file = |name: &str, text: &str| {
        let path = home.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = file("good.json", &package().to_string());
    assert!(home.ends(0, &["approval", "validate", "--schema-only", &good]).contains("the contract takes it"));
    let told = home.ends(1, &["approval", "validate", "--schema-only", &file("no.json", "{")]);
    assert!(told.contains("no JSON"), "{told}");
    let told = home.ends(1, &["approval", "validate", "--schema-only", &file("empty.json", "{}")]);
    assert!(told.contains("it lacks") && told.contains("rollups"), "{told}");
    home.ends(2, &["approval", "validate", "--schema-only", "/nowhere"]);
    // Its claims are held against a record, and there is none.
    let told = home.ends(11, &["approval", "validate", &good]);
    assert!(told.contains("--schema-only"), "{told}");
}
