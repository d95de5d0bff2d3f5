//! `cargo xtask ci`: what CI checks, in the order in which it is cheapest to be told.

use crate::{
    independent, lab,
    shell::{TaskError, answers, cargo, show},
    steps::{Found, Steps},
    test, tidy,
};

/// What to leave out.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave the tests out, where `cargo xtask test` has just run.
    #[arg(long)]
    without_tests: bool,
}

/// Runs all checks.
pub(crate) fn run(args: &Args) -> Result<bool, TaskError> {
    install_components()?;
    let mut steps = Steps::default();
    steps.run("format", || checked(&["fmt", "--all", "--check"]));
    // Beyond the workspace's lints: how long a function may be (clippy.toml says it).
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings", "-W", "clippy::too_many_lines"];
    steps.run("clippy", || checked(&clippy));
    steps.run("tidy", || Ok(Found::check(tidy::run()?)));
    if !args.without_tests {
        test::add(&mut steps, &test::Args::default())?;
    }
    // A feature that is off by default.
    steps.run("object stores", || {
        checked(&["test", "-p", "candor-world", "--features", "object-store", "--lib", "places"])
    });
    steps.run("independent verifiers", independent::checks);
    steps.run("openclaw lab", lab::checks);
    steps.run("documentation", || {
        let mut command = cargo(&["doc", "--workspace", "--no-deps"]);
        command.env("RUSTDOCFLAGS", "-D warnings");
        Ok(Found::check(show(&mut command)?))
    });
    Ok(steps.close())
}

fn checked(arguments: &[&str]) -> Result<Found, TaskError> {
    Ok(Found::check(show(&mut cargo(arguments))?))
}

/// A minimal toolchain comes without these two; rustup adds them to the pinned one.
fn install_components() -> Result<(), TaskError> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !answers("cargo", &[subcommand, "--version"]) {
            println!("installing `{component}`");
            show(std::process::Command::new("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}
