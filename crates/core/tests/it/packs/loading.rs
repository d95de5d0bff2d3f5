//! What is wrong with a pack is said with its place and a next step, and nothing is loaded then.

use std::collections::BTreeMap;

use candor_core::pack::{PackSet, PackSource, core_sources, lint};

const MANIFEST: &str = "id: p\nversion: 1.0.0\ntitle: T\nsummary: S\n";
const NOTES: &str = "@verdict(\"allow\") @severity(\"info\") @message(\"m\") @change(\"c\")\n";

fn load(manifest: &str, rules: &str) -> Result<PackSet, String> {
    let source = PackSource::new("p", [("pack.yaml", manifest), ("rules.cedar", rules)]);
    PackSet::load(&[source], &BTreeMap::new()).map_err(|errors| errors.to_string())
}

/// The errors of a pack with one rule of this condition; the condition starts at line 3, column 8.
fn condition(condition: &str) -> String {
    let rule = format!(
        "@id(\"r\") {NOTES}permit (principal, action == Action::\"task.completed\", resource)\nwhen {{ {condition} }};"
    );
    load(MANIFEST, &rule).expect_err(condition)
}

#[test]
fn a_condition_reads_known_facts_by_their_types_and_words_only() {
    let expected = [
        (
            "context.claim.strenght < 3",
            "p/rules.cedar:3:8: in the rule `p/r`, attribute `claim.strenght` in context for Action::\"task.completed\" not found; did you mean `strength`?",
        ),
        (
            "context.claims.strength < 3",
            "p/rules.cedar:3:8: in the rule `p/r`, attribute `claims` in context for Action::\"task.completed\" not found; did you mean `claim`?",
        ),
        (
            "context.claim.stale < 3",
            "p/rules.cedar:3:8: in the rule `p/r`, unexpected type: expected Long but saw Bool",
        ),
        (
            "context.claim.strength == \"verified\"",
            "p/rules.cedar:3:8: the types Long and String are not compatible; for policy `p/r`, both operands to a `==` expression must have compatible types",
        ),
        (
            "context.task.state == \"runing\"",
            "p/rules.cedar:3:30: `task.state` is never `runing`; did you mean `running`?",
        ),
        (
            "[\"running\", \"bloked\"].contains(context.task.state)",
            "p/rules.cedar:3:20: `task.state` is never `bloked`; did you mean `blocked`?",
        ),
        (
            "context.task.state like \"run*\"",
            "p/rules.cedar:3:21: `task.state` has words of its own; compare it by `==` or `[...].contains(...)` with `running`, `waiting`, `blocked`, `completed`, `failed`, `unknown`",
        ),
        (
            "context has claim",
            "p/rules.cedar:3:8: a condition can't use `context` as a whole; read single facts, as in `context.claim.strength`",
        ),
        ("principal == Reporter::\"x\"", "a condition can't use `principal` as a whole"),
        (
            "context.claim.stale && false",
            "p/rules.cedar:1:1: in the rule `p/r`, policy is impossible: the policy expression evaluates to false for all valid requests",
        ),
        ("context.claim.stale &&", "p/rules.cedar:3:31: unexpected token `}`"),
        (
            "context.threshold.made_up > 1",
            "p/rules.cedar:3:8: in the rule `p/r`, attribute `threshold.made_up` in context for Action::\"task.completed\" not found",
        ),
    ];
    let wrong: Vec<String> = expected
        .iter()
        .map(|(text, told)| (text, told, condition(text)))
        .filter(|(_, told, errors)| !errors.contains(*told))
        .map(|(text, told, errors)| format!("{text}\n  expected {told}\n  got      {errors}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every pair is what was told and what it must contain.
fn assert_told(expected: &[(String, &str)]) {
    let missing = expected.iter().filter(|(errors, told)| !errors.contains(told));
    let wrong: Vec<String> = missing.map(|(errors, told)| format!("expected {told}\n  got      {errors}")).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn annotations_and_scopes_are_held_to_their_words() {
    let rule =
        |annotations: &str, head: &str| load(MANIFEST, &format!("{annotations}\n{head};")).expect_err(annotations);
    let head = "permit (principal, action == Action::\"task.completed\", resource)";
    let id = format!("@id(\"r\") {NOTES}");
    let expected = [
        (rule(NOTES, head), "p/rules.cedar:1:1: the rule has no `@id`; write `@id(\"...\")` before `permit`"),
        (
            rule(&id.replace("\"allow\"", "\"alow\""), head),
            "p/rules.cedar:1:19: `alow` is not a verdict; did you mean `allow`?",
        ),
        (
            rule(&id.replace("\"info\"", "\"loud\""), head),
            "p/rules.cedar:1:38: `loud` is not a severity; the words are `info`, `warning`, `critical`",
        ),
        (
            rule(&format!("{id}@obligations(\"notify\")"), head),
            "p/rules.cedar:2:15: `notify` is not an obligation; the words are `notify_operator`, `escalate`, `label_placeholder`, `attach_capability_gap`",
        ),
        (
            rule(&format!("{id}@obligation(\"escalate\")"), head),
            "p/rules.cedar:2:1: `@obligation` is not an annotation of a rule; did you mean `obligations`?",
        ),
        (
            rule(&id.replace("\"allow\"", "\"force_review_notice\""), head),
            "p/rules.cedar:1:20: a review that nobody is told of can't happen; add `notify_operator` to `@obligations`",
        ),
        (
            rule(&id.replace("\"r\"", "\"Not A Name\""), head),
            "p/rules.cedar:1:1: the rule's id is not a name; use lower case words joined by `_`",
        ),
        (
            rule(&id, &head.replace("permit", "forbid")),
            "p/rules.cedar:3:1: a rule is a `permit`, not a `forbid`; write `permit`: it means that the rule applies",
        ),
        (
            rule(&id, &head.replace("task.completed", "task.complete")),
            "p/rules.cedar:3:38: `Action::\"task.complete\"` is not an event type; did you mean `task.completed`?",
        ),
        (
            rule(&id, "permit (principal, action, resource)"),
            "p/rules.cedar:3:20: the rule doesn't say which events it is about; write `action == Action::\"task.completed\"` or `action in [...]`",
        ),
        (
            rule(&id, &head.replace("principal", "principal == Reporter::\"x\"")),
            "p/rules.cedar:3:9: a rule can't tell principals apart; write `principal` alone and use `event.origin`",
        ),
        (
            rule(&id, &head.replace("resource", "resource == ?resource")),
            "p/rules.cedar:1:1: a rule can't be a template; write `principal` and `resource` alone, without `?`",
        ),
        (
            rule(&id, &format!("{head};\n{id}{head}")),
            "p/rules.cedar:4:1: the rule `p/r` stands here a second time; the first is at line 1; give one of them another `@id`",
        ),
    ];
    assert_told(&expected);
}

#[test]
fn manifests_are_held_to_their_shape() {
    let rule = format!("@id(\"r\") {NOTES}permit (principal, action == Action::\"task.completed\", resource);");
    let told = |manifest: &str| load(manifest, &rule).expect_err(manifest);
    let tunable =
        "tunables:\n  - {name: n, default: 9, min: 1, max: 5, direction: range, stricter: lower, unit: s, does: d}\n";
    let expected = [
        (told(&format!("{MANIFEST}titel: x\n")), "p/pack.yaml:5:1: unknown field `titel`"),
        (told(&MANIFEST.replace("title: T\n", "")), "missing field `title`"),
        (
            told(&MANIFEST.replace("id: p", "id: q")),
            "p/pack.yaml:1:1: the id `q` is not the folder's name `p`; make them the same",
        ),
        (told(&MANIFEST.replace("1.0.0", "1.0")), "p/pack.yaml:2:1: `1.0` is not a version; write it as `1.0.0`"),
        (told(&format!("{MANIFEST}{tunable}")), "`n` has the default 9 outside 1 to 5; put it between `min` and `max`"),
        (
            told(&format!("{MANIFEST}{}", tunable.replace('9', "3"))),
            "p/pack.yaml: no rule reads the tunable `n`, so tuning it does nothing",
        ),
        (told(&format!("{MANIFEST}{}", tunable.replace("range", "weaken"))), "p/pack.yaml:6:"),
        (told(&format!("{MANIFEST}title: [")), "p/pack.yaml:5:"),
    ];
    assert_told(&expected);
}

#[test]
fn sets_are_held_to_their_limits_and_names() {
    let rule = format!("@id(\"r\") {NOTES}permit (principal, action == Action::\"task.completed\", resource);");
    let load_all =
        |sources: &[PackSource]| PackSet::load(sources, &BTreeMap::new()).map_err(|errors| errors.to_string());
    let named = |name: &str, extra: &str| {
        let manifest = MANIFEST.replace("id: p", &format!("id: {name}"));
        PackSource::new(name, [("pack.yaml", manifest.as_str()), ("rules.cedar", rule.as_str()), ("README.md", extra)])
    };
    assert!(load_all(&[named("p", "a"), named("p", "a")]).is_ok(), "the same pack twice is one pack");
    let told = load_all(&[named("p", "a"), named("p", "b")]).unwrap_err();
    assert_eq!(told, "p: two packs that differ have this name; remove one of them, or give it a name of its own");
    let many: Vec<PackSource> = (0..65).map(|n| named(&format!("p{n}"), "")).collect();
    assert!(load_all(&many[..64]).is_ok());
    assert_eq!(load_all(&many).unwrap_err(), "65 packs are more than 64; load fewer");
    let told = load_all(&[named("p", &"x".repeat(256 * 1024 + 1))]).unwrap_err();
    assert_eq!(told, "p/README.md: the file has 262145 bytes; at most 262144 are read; split the pack");
    let mut odd = named("p", "");
    odd.files.insert("rules.ceder".to_owned(), String::new());
    let told = load_all(&[odd]).unwrap_err();
    assert_eq!(
        told,
        "p/rules.ceder: a pack has no such file; it holds `pack.yaml`, `rules.cedar`, `README.md` and `cases/*.yaml`"
    );
    let many_rules: String = (0..1025).map(|n| rule.replace("\"r\"", &format!("\"r{n}\"")) + "\n").collect();
    assert_eq!(load(MANIFEST, &many_rules).unwrap_err(), "1025 rules are more than 1024; load fewer packs");
    let missing = PackSource::new("p", [("pack.yaml", MANIFEST)]);
    assert_eq!(
        load_all(&[missing]).unwrap_err(),
        "p/rules.cedar: the file is missing; docs/adding-a-pack.md shows what a pack holds"
    );
}

#[test]
fn two_packs_can_not_share_a_tunable() {
    let mut other = core_sources().into_iter().find(|source| source.folder == "completion-integrity").unwrap();
    other.folder = "other".to_owned();
    let manifest = other.files["pack.yaml"].replace("id: completion-integrity", "id: other");
    other.files.insert("pack.yaml".to_owned(), manifest);
    let mut sources = core_sources();
    sources.push(other);
    let told = PackSet::load(&sources, &BTreeMap::new()).unwrap_err().to_string();
    let expected =
        "other/pack.yaml: `completion_min_strength` is a tunable of another pack as well, or twice of this one";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn lint_names_failing_cases_and_rules_that_no_case_shows() {
    let rule = |id: &str| {
        format!("@id(\"{id}\") {NOTES}permit (principal, action == Action::\"task.completed\", resource);\n")
    };
    let rules = rule("shown") + &rule("hidden").replace("resource)", "resource) when { context.claim.stale }");
    let case = |given: &str, rules: &str| {
        format!("- name: c\n  event: task.completed\n  given: {given}\n  expect: {{verdict: allow, rules: {rules}}}\n")
    };
    let linted = |cases: &str| {
        let files = [("pack.yaml", MANIFEST), ("rules.cedar", rules.as_str()), ("cases/c.yaml", cases)];
        lint(&PackSource::new("p", files)).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let readme = "p/README.md: the file is missing; say what the pack is for";
    let hidden = "p/rules.cedar:3:1: no case shows the rule `p/hidden`; add a case in which it applies";
    assert_eq!(linted(&case("{}", "[shown]")), [hidden, readme]);
    let failing = "p/cases/c.yaml: the case `c` fails: rules: expected p/hidden, got p/shown";
    assert_eq!(linted(&case("{}", "[hidden]")), [failing, hidden, readme]);
    assert_eq!(linted(&case("{claim.stale: true}", "[hidden, shown]")), [readme]);
    assert_eq!(
        linted(&case("{claim.stael: true}", "[]")),
        ["p/cases/c.yaml: the case `c`: `claim.stael` is not a fact; docs/adding-a-pack.md lists them"]
    );
    assert!(
        linted("- nam: c\n")[0].starts_with("p/cases/c.yaml:1:3: unknown field `nam`"),
        "{:?}",
        linted("- nam: c\n")
    );
}
