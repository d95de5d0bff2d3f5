//! Every parser of bytes from outside, with what must hold whatever the bytes are.
//!
//! A target takes any bytes and fails by panicking: by an assertion here, or by one in the code it tries. The same functions run
//! in two ways: `tests/it` replays the files under `corpus/<target>/` with every test run, and `cargo xtask fuzz` looks for new
//! ones at random. To add a parser: a function in one of the modules, a line in [`TARGETS`], a few nasty files in its corpus.

mod answers;
mod approvals;
mod bundles;
mod documents;
mod owners;
mod packages;
mod policy;
mod reports;

/// One thing that is fuzzed.
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Tries these bytes.
    pub run: fn(&[u8]),
    /// Further files that it should survive, from the project's folder.
    pub also: &'static [&'static str],
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, also: &[] }
}

/// All targets.
pub const TARGETS: [Target; 29] = [
    Target { name: "json", run: documents::json, also: &["crates/audit/tests/corpus", "crates/audit/tests/vectors"] },
    target("event", documents::event),
    Target { name: "header", run: documents::header, also: &["crates/audit/tests/golden"] },
    Target { name: "bundle", run: bundles::bundle, also: &["crates/audit/tests/golden/bundles"] },
    target("note", bundles::note),
    target("opening", bundles::opening),
    target("package", packages::package),
    Target { name: "package_manifest", run: packages::manifest, also: &["examples"] },
    target("binary_mode", documents::binary_mode),
    target("timestamp", documents::timestamp),
    target("duration", documents::duration),
    target("pack_manifest", policy::manifest),
    target("pack_rules", policy::rules),
    target("pack_cases", policy::cases),
    Target { name: "profile", run: policy::profile, also: &["profiles"] },
    Target { name: "descriptor", run: policy::descriptor, also: &["capabilities"] },
    target("target_config", policy::target_config),
    Target {
        name: "test_report",
        run: reports::test_report,
        also: &["crates/world/tests/corpus/junit", "crates/world/tests/corpus/libtest"],
    },
    target("redact", reports::redact),
    target("webhook_answer", answers::webhook),
    target("telegram_answer", answers::telegram),
    target("command_answer", answers::command),
    target("openclaw_answer", answers::openclaw),
    target("retry_after", answers::retry_after),
    target("allowed_signers", owners::allowed_signers),
    target("ssh_signature", owners::signature),
    target("approval_document", approvals::document),
    Target { name: "catalogue", run: approvals::catalogue, also: &["approvals"] },
    target("shown", approvals::shown),
];

/// Tries bytes on the target of this name, for the random driver.
///
/// # Panics
/// Where the target fails, or there is none of this name.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    assert!(target.is_some(), "no target `{name}`");
    if let Some(target) = target {
        (target.run)(bytes);
    }
}
