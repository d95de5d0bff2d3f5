#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use candor_core::gate::Gate;
use serde_json::{Value, json};

use super::*;

/// The package of the builder's own test, and its evidence.
fn whole() -> (Value, Known) {
    let text = include_str!("../build/snapshots/candor_approval__build__tests__whole.snap");
    let text = text.splitn(3, "---\n").nth(2).unwrap();
    let mut both: Value = serde_json::from_str(text).unwrap();
    let evidence = both["evidence"].take();
    let evidence = evidence.as_object().unwrap().iter().map(|(hash, of)| (hash.clone(), of.clone())).collect();
    (both["package"].take(), Known { evidence, ..Known::default() })
}

#[test]
fn a_built_package_is_one_and_true() {
    let (package, known) = whole();
    assert_eq!(Contract::of_packages().unwrap().findings(&package), []);
    assert_eq!(check(&package, &known), []);
}

#[test]
fn what_is_not_so_is_found_where_it_stands() {
    let found = |change: &dyn Fn(&mut Value, &mut Known)| {
        let (mut package, mut known) = whole();
        change(&mut package, &mut known);
        assert!(Contract::of_packages().unwrap().takes(&package));
        check(&package, &known).into_iter().map(|of| format!("{} {}", of.pointer, of.what)).collect::<Vec<_>>()
    };
    let one = |change: &dyn Fn(&mut Value, &mut Known), pointer: &str, what: &str| {
        let found = found(change);
        assert!(found.iter().any(|of| of.starts_with(pointer) && of.contains(what)), "{pointer} {what}: {found:?}");
        assert_eq!(found.len(), 1, "{found:?}");
    };
    one(
        &|package, _| package["rollups"]["blocked_packet_count"] = json!(1),
        "/rollups/blocked_packet_count ",
        "isn't 0",
    );
    one(
        &|package, _| package["operator_actions"][1]["action_id"] = package["operator_actions"][0]["action_id"].clone(),
        "/operator_actions/1/action_id ",
        "another item has this id",
    );
    one(
        &|package, _| {
            package["approval_packet_templates"][0]["evidence_hash"] = json!(format!("sha256:{}", "0".repeat(64)))
        },
        "/approval_packet_templates/0/evidence_hash ",
        "no evidence with this hash",
    );
    one(
        &|package, _| package["approval_packet_templates"][0]["blocked_runtime_actions"][0] = json!("open_everything"),
        "/approval_packet_templates/0/blocked_runtime_actions/0 ",
        "none of the thirteen gates",
    );
    one(&|_, known| known.uses.extend([(Gate::BotApiCall, 2)]), "/rollups/bot_api_call_count ", "isn't 2");
    one(&|_, known| known.approvals = 1, "/rollups/owner_approval_received_count ", "isn't 1");
    one(
        &|package, _| package["program_status"]["overall_completion_percent"] = json!(3),
        "/program_status/overall_completion_percent ",
        "isn't 100",
    );
    one(&|package, _| package["generated_at"] = json!("yesterday"), "/generated_at ", "no time");
    one(
        &|package, _| package["operator_actions"][0]["display_name"] = json!("You are a helpful assistant."),
        "/operator_actions/0/display_name ",
        "a raw prompt",
    );
    one(
        &|package, known| {
            let hash = package["approval_packet_templates"][0]["evidence_hash"].as_str().unwrap().to_owned();
            known.evidence.get_mut(&hash).unwrap()["owners"] = json!(9);
        },
        "/approval_packet_templates/0/evidence_hash ",
        "another hash",
    );
    // A list of six: the rollup is fixed, and isn't what there is.
    let found = found(&|package, _| {
        let mut sixth = package["approval_packet_templates"][0].clone();
        sixth["packet_id"] = json!("sixth");
        package["approval_packet_templates"].as_array_mut().unwrap().push(sixth);
    });
    assert!(found.iter().any(|of| of.starts_with("/rollups/approval_packet_count it isn't 6")), "{found:?}");
}

#[test]
fn findings_of_the_contract_have_places_and_words() {
    let contract = Contract::of_packages().unwrap();
    let found = |change: &dyn Fn(&mut Value)| {
        let (mut package, _) = whole();
        change(&mut package);
        let found = contract.findings(&package);
        assert!(!contract.takes(&package) && found.len() == 1, "{found:?}");
        format!("{} {}", found[0].pointer, found[0].what)
    };
    let token = ["ghp_", "q8Wm2VtLx0RkZc5Hy7NbTd3JsPf9GaUe6oIr"].concat();
    for (said, change) in [
        (
            " it lacks `rollups`",
            &(|of: &mut Value| drop(of.as_object_mut().unwrap().remove("rollups"))) as &dyn Fn(&mut Value),
        ),
        (" it has `more`, which", &|of| of["more"] = json!(1)),
        (" it has `[redacted: secret]`, which", &|of| of[token.as_str()] = json!(1)),
        ("/rollups/secret_read_count the contract fixes 0 here", &|of| of["rollups"]["secret_read_count"] = json!(1)),
        ("/source_refs the list has 0 items", &|of| of["source_refs"] = json!([])),
        ("/source_refs/0 the text has 0 characters", &|of| of["source_refs"][0] = json!("")),
        ("/program_status/overall_completion_percent the number is above 100", &|of| {
            of["program_status"]["overall_completion_percent"] = json!(101);
        }),
        ("/generated_at it is a number", &|of| of["generated_at"] = json!(1)),
    ] {
        let told = found(change);
        assert!(told.starts_with(said), "{told}");
        assert!(!told.contains(&token));
    }
}
