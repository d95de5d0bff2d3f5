//! Source files that the compiler never sees: nobody declared them, so their tests never run.

use super::tree::{Finding, Tree};

/// Every file below `src/` and `tests/it/` is a module of the file above it.
pub(super) fn forgotten(tree: &Tree) -> Vec<Finding> {
    tree.ending(".rs")
        .filter(|(name, _)| name.contains("/src/") || name.contains("/tests/it/"))
        .filter(|(name, _)| !name.contains("/src/bin/"))
        .filter_map(|(name, _)| {
            let (module, parents) = declared_in(name)?;
            let declared = parents.iter().filter_map(|parent| tree.text(parent)).any(|text| declares(text, &module));
            (!declared).then(|| Finding::file(name, format!("nobody declares `mod {module};`, so it isn't compiled")))
        })
        .collect()
}

/// A file's module name, and the files that could declare it; none for the root of a crate.
fn declared_in(name: &str) -> Option<(String, Vec<String>)> {
    let (folder, file) = name.rsplit_once('/')?;
    let stem = file.strip_suffix(".rs")?;
    let (module, above) = if stem == "mod" {
        let (above, module) = folder.rsplit_once('/')?;
        (module, above)
    } else if matches!(stem, "lib" | "main" | "build") {
        return None;
    } else {
        (stem, folder)
    };
    let parents = ["mod.rs", "lib.rs", "main.rs"].map(|parent| format!("{above}/{parent}"));
    Some((module.to_owned(), parents.into_iter().chain([format!("{above}.rs")]).collect()))
}

fn declares(text: &str, module: &str) -> bool {
    let (declaration, inline) = (format!("mod {module};"), format!("mod {module} {{"));
    text.lines().any(|line| {
        let line = line.trim_start();
        !line.starts_with("//") && (line.contains(&declaration) || line.contains(&inline))
    })
}

/// `tests/it/main.rs` is a crate's only integration test binary: each further one links everything once more.
pub(super) fn one_test_binary(tree: &Tree) -> Vec<Finding> {
    tree.ending(".rs")
        .filter(|(name, _)| {
            name.rsplit_once("/tests/")
                .is_some_and(|(_, rest)| !rest.contains('/') || rest.ends_with("/main.rs") && rest != "it/main.rs")
        })
        .map(|(name, _)| Finding::file(name, "make it a module of tests/it/main.rs"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Tree, forgotten, one_test_binary};

    #[test]
    fn a_file_that_nobody_declares_is_found() {
        let tree = Tree::of(&[
            ("c/src/lib.rs", "mod a;\n// mod lost;\npub mod d;\n"),
            ("c/src/a.rs", "mod b;"),
            ("c/src/a/b.rs", ""),
            ("c/src/d/mod.rs", ""),
            ("c/src/lost.rs", ""),
            ("c/tests/it/main.rs", "mod e;"),
            ("c/tests/it/e.rs", ""),
            ("c/tests/it/gone.rs", ""),
        ]);
        let names: Vec<_> = forgotten(&tree).into_iter().map(|f| f.file).collect();
        assert_eq!(names, ["c/src/lost.rs", "c/tests/it/gone.rs"]);
    }

    #[test]
    fn a_second_test_binary_is_found() {
        let tree = Tree::of(&[
            ("c/tests/it/main.rs", ""),
            ("c/tests/it/a.rs", ""),
            ("c/tests/b.rs", ""),
            ("c/tests/d/main.rs", ""),
        ]);
        let names: Vec<_> = one_test_binary(&tree).into_iter().map(|f| f.file).collect();
        assert_eq!(names, ["c/tests/b.rs", "c/tests/d/main.rs"]);
    }
}
