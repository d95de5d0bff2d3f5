//! `cargo xtask fuzz` and `fuzz-replay`: the parsers of outside bytes, at random and over the committed corpus.

use std::{fs, path::Path};

use crate::{
    shell::{TaskError, Trying, answers, cargo, failed, root, show},
    test,
};

/// What to fuzz, and for how long.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One target; all of them in turn without it.
    target: Option<String>,
    /// Seconds per target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Replays the corpus with the stable toolchain. The same test runs with `cargo xtask test`.
pub(crate) fn replay() -> Result<bool, TaskError> {
    test::run(&test::Args::package("candor-fuzz"))
}

/// Looks for new failures at random, which needs cargo-fuzz and a C++ compiler. A failure is written to
/// `fuzz/libfuzzer/artifacts/`; once mended, its input belongs into the target's corpus.
pub(crate) fn run(args: &Args) -> Result<bool, TaskError> {
    if !answers("cargo", &["fuzz", "--version"]) {
        return failed("`cargo fuzz` is not there; install it with `cargo install cargo-fuzz`");
    }
    let mut well = true;
    for target in targets(args)? {
        println!("\n==> {target}");
        let corpus = root().join("fuzz/corpus").join(&target);
        let found = root().join("target/xtask/fuzz").join(&target);
        fs::create_dir_all(&found).trying(format!("cannot make `{}`", found.display()))?;
        let seconds = format!("-max_total_time={}", args.seconds);
        // What it finds goes to the first folder, so that the committed corpus grows only by hand.
        let mut command = cargo(&["fuzz", "run", "--fuzz-dir", "fuzz/libfuzzer", &target]);
        // The sanitizers' flags are unstable; the pinned toolchain has them all the same.
        command.env("RUSTC_BOOTSTRAP", "1");
        command.arg(found).arg(corpus).args(["--", &seconds, "-timeout=10", "-rss_limit_mb=2048", "-max_len=70000"]);
        well &= show(&mut command)?;
    }
    Ok(well)
}

/// Folders of the corpus are the targets; the replay test sees to that.
fn targets(args: &Args) -> Result<Vec<String>, TaskError> {
    let folder = root().join("fuzz/corpus");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).trying("cannot read `fuzz/corpus`")? {
        let entry = entry.trying("cannot read `fuzz/corpus`")?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    match &args.target {
        None => Ok(names),
        Some(one) if Path::new(&folder).join(one).is_dir() => Ok(vec![one.clone()]),
        Some(one) => failed(format!("no target `{one}`; there are {}", names.join(", "))),
    }
}
