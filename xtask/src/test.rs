//! `cargo xtask test`: all tests, on any machine that can build Candor.

use crate::{
    shell::{TaskError, answers, cargo, failed, show, show_and_keep},
    steps::{Found, Steps},
};

/// The tests kill the process at named points, which only this build has.
pub(crate) const CRASH_POINTS: &str = "candor/crash-points";

/// What to run.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Only tests whose name contains this.
    filter: Option<String>,
    /// Only this package (repeatable).
    #[arg(short, long)]
    package: Vec<String>,
}

impl Args {
    /// All tests of one package.
    pub(crate) fn package(name: &str) -> Self {
        Self { filter: None, package: vec![name.to_owned()] }
    }
}

/// Runs the tests.
pub(crate) fn run(args: &Args) -> Result<bool, TaskError> {
    let mut steps = Steps::default();
    add(&mut steps, args)?;
    Ok(steps.close())
}

/// Adds the steps of the tests to a run.
pub(crate) fn add(steps: &mut Steps, args: &Args) -> Result<(), TaskError> {
    check_tools()?;
    steps.run("tests", || unit_and_integration(args));
    if args.filter.is_none() {
        steps.run("doc tests", || doc_tests(args));
    }
    Ok(())
}

/// What the tests need beside cargo. Nothing here can be installed without asking the machine's owner, so it is named.
fn check_tools() -> Result<(), TaskError> {
    let needed: [(&str, &[&str], &str); 5] = [
        ("cc", &["--version"], "SQLite is compiled from source; install a C compiler (`gcc` or `clang`)"),
        ("git", &["--version"], "evidence from repositories is tested on real ones; install `git`"),
        ("ssh", &["-V"], "owners sign with real SSH keys; install OpenSSH's client (`openssh-client`)"),
        ("curl", &["--version"], "the HTTP API is asked as people ask it; install `curl`"),
        ("python3", &["--version"], "bundles and stores are looked into by another's code; install `python3`"),
    ];
    for (program, arguments, why) in needed {
        if !answers(program, arguments) {
            return failed(format!("`{program}` is not there: {why}"));
        }
    }
    Ok(())
}

fn unit_and_integration(args: &Args) -> Result<Found, TaskError> {
    let mut command = if answers("cargo", &["nextest", "--version"]) {
        let mut command = cargo(&["nextest", "run", "--no-fail-fast", "--no-tests=pass"]);
        if std::env::var_os("CI").is_some() {
            command.args(["--profile", "ci"]);
        }
        command
    } else {
        println!("cargo-nextest is not installed; plain `cargo test` runs the same tests, only slower");
        cargo(&["test", "--no-fail-fast", "--lib", "--bins", "--tests"])
    };
    command.args(selection(args));
    if let Some(filter) = &args.filter {
        command.arg(filter);
    }
    let (succeeded, closing) = show_and_keep(&mut command, is_closing)?;
    Ok(counted(succeeded, closing))
}

fn doc_tests(args: &Args) -> Result<Found, TaskError> {
    let mut command = cargo(&["test", "--doc", "--no-fail-fast"]);
    command.args(selection(args));
    let (succeeded, closing) = show_and_keep(&mut command, is_closing)?;
    Ok(counted(succeeded, closing))
}

/// Builds the binary in the same build as the tests', so that nothing is compiled twice.
pub(crate) fn build() -> Result<(), TaskError> {
    let arguments = ["build", "--workspace", "--bins", "--tests", "--features", CRASH_POINTS];
    if show(&mut cargo(&arguments))? { Ok(()) } else { failed("the build failed") }
}

fn selection(args: &Args) -> Vec<String> {
    if args.package.is_empty() {
        return ["--workspace", "--features", CRASH_POINTS].map(str::to_owned).to_vec();
    }
    let mut selected: Vec<String> =
        args.package.iter().flat_map(|package| ["--package".to_owned(), package.clone()]).collect();
    if args.package.iter().any(|package| package == "candor") {
        selected.extend(["--features", CRASH_POINTS].map(str::to_owned));
    }
    selected
}

/// The line with which a runner ends: nextest's `Summary [`, libtest's `test result:`.
fn is_closing(line: &str) -> bool {
    line.trim_start().starts_with("Summary [") || line.starts_with("test result:")
}

fn counted(succeeded: bool, closing: Vec<String>) -> Found {
    let mut found = Found::default();
    for line in &closing {
        let (passed, failed) = counts(line);
        found.passed += passed;
        found.failed += failed;
    }
    // A build that fails, or a runner that dies, has counted nothing and is a failure all the same.
    if !succeeded && found.failed == 0 {
        found.failed = 1;
    }
    // libtest closes once per binary; the one line that matters is its sum.
    found.closing = match closing.as_slice() {
        [one] => vec![one.clone()],
        many => vec![format!("{} test binaries: {} passed, {} failed", many.len(), found.passed, found.failed)],
    };
    found
}

/// Passed and failed tests of a closing line.
fn counts(line: &str) -> (u64, u64) {
    let (mut passed, mut failed, mut number) = (0, 0, 0);
    for word in line.split_whitespace() {
        match word.trim_matches(|c: char| !c.is_ascii_alphanumeric()) {
            "passed" => passed += number,
            "failed" | "timed" => failed += number,
            other => {
                number = other.parse().unwrap_or(0);
                continue;
            }
        }
        number = 0;
    }
    (passed, failed)
}

#[cfg(test)]
mod tests {
    use super::{counted, counts};

    #[test]
    fn both_runners_are_counted() {
        assert_eq!(
            counts("     Summary [   4.2s] 90 tests run: 87 passed (1 slow), 2 failed, 1 timed out, 3 skipped"),
            (87, 3)
        );
        assert_eq!(counts("     Summary [   0.1s] 5 tests run: 5 passed, 0 skipped"), (5, 0));
        assert_eq!(counts("     Summary [   0.1s] 3 tests run: 1 passed, 1 exec failed, 1 failed"), (1, 1));
        assert_eq!(counts("test result: FAILED. 4 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out"), (4, 1));
    }

    #[test]
    fn a_build_that_fails_counts_as_a_failure() {
        assert_eq!(counted(false, Vec::new()).failed, 1);
    }

    #[test]
    fn several_binaries_are_summed() {
        let lines = ["test result: ok. 4 passed; 0 failed;", "test result: ok. 5 passed; 0 failed;"];
        let found = counted(true, lines.map(str::to_owned).to_vec());
        assert_eq!(found.closing, ["2 test binaries: 9 passed, 0 failed"]);
    }
}
