use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use candor_fuzz::TARGETS;

/// Fewest files of a corpus that is worth the name.
const FILES_MIN: usize = 6;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

#[test]
fn every_file_of_every_corpus_is_survived() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut failed = Vec::new();
    for target in &TARGETS {
        let own = files(&here.join("corpus").join(target.name));
        assert!(own.len() >= FILES_MIN, "{}: {} files are too few for a corpus", target.name, own.len());
        let also = target.also.iter().flat_map(|folder| files(&here.join("..").join(folder)));
        for file in own.into_iter().chain(also) {
            let bytes = fs::read(&file).unwrap();
            // A stack that overflows ends the process, so the last name printed is the culprit's.
            eprintln!("{} on {}", target.name, file.display());
            if catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))).is_err() {
                failed.push(format!("{} on {}", target.name, file.display()));
            }
        }
    }
    assert!(failed.is_empty(), "failed: {failed:#?}");
}

#[test]
fn every_corpus_has_a_target_and_every_target_a_driver() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    for entry in fs::read_dir(here.join("corpus")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name.as_str()), "corpus/{name} belongs to no target");
    }
    let manifest = fs::read_to_string(here.join("libfuzzer/Cargo.toml")).unwrap();
    for name in names {
        assert!(
            here.join(format!("libfuzzer/fuzz_targets/{name}.rs")).is_file(),
            "libfuzzer/ has no driver for {name}"
        );
        assert!(manifest.contains(&format!("name = \"{name}\"")), "libfuzzer/Cargo.toml doesn't name {name}");
    }
}
