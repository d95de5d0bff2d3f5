//! The rooms of the project: what each crate and folder must be.

use super::tree::{Finding, Tree};

/// Crates without a clock, a file, a network, randomness or async.
const PURE: [&str; 4] = ["core", "path", "audit", "approval"];

/// What a pure crate can't depend on.
const IMPURE_DEPENDENCIES: [&str; 12] = [
    "tokio",
    "reqwest",
    "rusqlite",
    "axum",
    "getrandom",
    "rustix",
    "procfs",
    "rustls",
    "tempfile",
    "http",
    "tracing",
    "candor-world",
];

/// Stages that are no folder of the path: the world sends, and every plan carries its audit.
const STAGES_ELSEWHERE: [&str; 2] = ["send", "audit"];

/// Folders that hold one adapter each.
const ADAPTERS: [&str; 4] = [
    "crates/world/src/senders/",
    "crates/world/src/collectors/",
    "crates/world/src/signals/",
    "crates/world/src/runtimes/",
];

/// `[lints] workspace = true` in every member.
pub(super) fn lints(tree: &Tree) -> Vec<Finding> {
    members(tree)
        .filter(|(_, text)| !section(text, "lints").any(|line| line.replace(' ', "") == "workspace=true"))
        .map(|(name, _)| Finding::file(name, "add `[lints]` with `workspace = true`"))
        .collect()
}

/// Members of the workspace: a crate with a workspace of its own has lints of its own.
fn members(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.ending("Cargo.toml").filter(|(_, text)| !text.lines().any(|line| line.starts_with("[workspace")))
}

/// Lines of one section of a TOML file.
fn section<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let head = format!("[{name}]");
    text.lines().skip_while(move |line| line.trim() != head).skip(1).take_while(|line| !line.starts_with('['))
}

/// The pure crates share one clippy.toml and depend on nothing that acts.
pub(super) fn purity(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    let shared = tree.text("crates/core/clippy.toml");
    for name in PURE {
        let lints = format!("crates/{name}/clippy.toml");
        if shared.is_none() || tree.text(&lints) != shared {
            found.push(Finding::file(lints, "must be the same as crates/core/clippy.toml"));
        }
        let manifest = format!("crates/{name}/Cargo.toml");
        for line in tree.text(&manifest).into_iter().flat_map(|text| section(text, "dependencies")) {
            let dependency = line.split(['=', '.']).next().unwrap_or_default().trim();
            if IMPURE_DEPENDENCIES.contains(&dependency) {
                found.push(Finding::file(
                    &manifest,
                    format!("`{dependency}` acts on the world; a pure crate can't use it"),
                ));
            }
        }
    }
    found
}

/// The path's folders, and the modules that its first page declares, are the stages.
pub(super) fn stages(tree: &Tree) -> Vec<Finding> {
    let vocabulary = "crates/core/src/stage.rs";
    let page = "crates/path/src/lib.rs";
    let words = stage_words(tree.text(vocabulary).unwrap_or_default());
    if words.is_empty() {
        return vec![Finding::file(vocabulary, "no stage found: `as_str` must give each its word")];
    }
    let expected: Vec<&String> = words.iter().filter(|word| !STAGES_ELSEWHERE.contains(&word.as_str())).collect();
    let folders = tree.folders("crates/path/src/");
    let mut found = Vec::new();
    for word in &expected {
        if !folders.contains(word) {
            found.push(Finding::file(page, format!("stage `{word}` has no folder")));
        }
        if !tree.text(page).unwrap_or_default().contains(&format!("pub mod {word};")) {
            found.push(Finding::file(page, format!("stage `{word}` is not declared with `pub mod`")));
        }
    }
    for folder in folders.iter().filter(|folder| !expected.contains(folder)) {
        found.push(Finding::file(format!("crates/path/src/{folder}"), "is not a stage"));
    }
    found
}

/// Words of the `Self::Name => "word"` arms.
fn stage_words(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \""))
        .filter_map(|(_, rest)| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

/// Each adapter's folder has a README, or its kind has a page in docs/ that names it.
pub(super) fn adapters(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for kind in ADAPTERS {
        let page = format!("docs/{}.md", kind.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
        for adapter in tree.folders(kind) {
            let spoken = adapter.replace('_', "-");
            let named = tree
                .text(&page)
                .is_some_and(|text| text.contains(&format!("`{spoken}`")) || text.contains(&format!("`{adapter}`")));
            if !named && !tree.has(&format!("{kind}{adapter}/README.md")) {
                found.push(Finding::file(
                    format!("{kind}{adapter}"),
                    format!("add a README.md, or name `{spoken}` in {page}"),
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Tree, adapters, lints, purity, stages};

    #[test]
    fn a_member_without_the_lints_is_found() {
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace]\n"),
            ("a/Cargo.toml", "[package]\n[lints]\nworkspace = true\n"),
            ("b/Cargo.toml", "[package]\n[dependencies]\nworkspace = true\n"),
        ]);
        assert_eq!(lints(&tree).into_iter().map(|f| f.file).collect::<Vec<_>>(), ["b/Cargo.toml"]);
    }

    #[test]
    fn pure_crates_share_their_lints_and_act_on_nothing() {
        let same = "disallowed-methods = []";
        let files = ["core", "path", "audit", "approval"].map(|name| format!("crates/{name}/clippy.toml"));
        let mut tree: Vec<(&str, &str)> = files.iter().map(|name| (name.as_str(), same)).collect();
        assert!(purity(&Tree::of(&tree)).is_empty());
        tree.push((
            "crates/path/Cargo.toml",
            "[dependencies]\ntokio = { workspace = true }\n[dev-dependencies]\ntempfile.workspace = true\n",
        ));
        assert_eq!(purity(&Tree::of(&tree)).len(), 1);
        tree.remove(0);
        assert!(purity(&Tree::of(&tree)).len() > 1);
    }

    #[test]
    fn the_folders_of_the_path_are_the_stages() {
        let words = ("crates/core/src/stage.rs", "Self::Watch => \"watch\",\nSelf::Send => \"send\",\n");
        let page = ("crates/path/src/lib.rs", "pub mod watch;\n");
        let watch = ("crates/path/src/watch/mod.rs", "");
        assert!(stages(&Tree::of(&[words, page, watch])).is_empty());
        assert_eq!(stages(&Tree::of(&[words, page])).len(), 1);
        assert_eq!(stages(&Tree::of(&[words, page, watch, ("crates/path/src/other/mod.rs", "")])).len(), 1);
    }

    #[test]
    fn an_adapter_is_described_in_its_folder_or_on_its_page() {
        let code = ("crates/world/src/senders/made_up/mod.rs", "");
        assert_eq!(adapters(&Tree::of(&[code])).len(), 1);
        assert!(adapters(&Tree::of(&[code, ("docs/senders.md", "- `made-up`: …")])).is_empty());
        assert!(adapters(&Tree::of(&[code, ("crates/world/src/senders/made_up/README.md", "")])).is_empty());
    }
}
