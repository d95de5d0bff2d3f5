//! `candor`: one binary, several roles.

mod approvals;
mod cli;
mod commands;
mod config;
mod deploy;
mod desk;
mod drills;
mod engine;
mod exit;
mod files;
mod gated;
mod heads;
mod home;
mod keys;
mod openings;
mod output;
mod package;
mod packs;
mod probing;
mod pruning;
mod readbacks;
mod receiver;
mod reload;
mod report;
mod signing;
mod ssh;
mod verify;
mod views;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::parse();
    output::start_log(cli.global.verbose);
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::complain(&failure);
            failure.exit.into()
        }
    }
}
