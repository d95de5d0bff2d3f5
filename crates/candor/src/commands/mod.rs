//! One file per command. Each takes its arguments and the global ones, and comes to an exit code or a failure.

pub mod approval;
pub mod audit;
pub mod capability;
pub mod claim;
pub mod completions;
pub mod config;
pub mod demo;
pub mod deploy;
pub mod doctor;
pub mod evidence;
pub mod exec;
pub mod explain;
pub mod gate;
pub mod init;
mod items;
mod kept;
pub mod learning;
pub mod notice;
pub mod notify;
pub mod owner;
pub mod pack;
pub mod package;
pub mod profile;
pub mod readback;
pub mod result;
pub mod review;
pub mod rollback;
pub mod run;
pub mod score;
pub mod sender;
pub mod status;
pub mod task;
pub mod trust;
pub mod up;
pub mod verify;

use crate::{
    cli::{Cli, Command},
    exit::Outcome,
};

/// Runs a command.
pub fn run(cli: Cli) -> Outcome {
    let global = &cli.global;
    match cli.command {
        Command::Init(args) => init::run(global, args),
        Command::Up(args) => up::run(global, args),
        Command::Demo(args) => demo::run(global, args),
        Command::Exec(args) => exec::run(global, args),
        Command::Task(command) => task::run(global, command),
        Command::Claim(args) => claim::run(global, args),
        Command::Evidence(command) => evidence::run(global, command),
        Command::Notify(args) => notify::run(global, args),
        Command::Notice(command) => notice::run(global, command),
        Command::Gate(command) => gate::run(global, command),
        Command::Approval(command) => approval::run(global, command),
        Command::Owner(command) => owner::run(global, command),
        Command::Readback(command) => readback::run(global, command),
        Command::Result(command) => result::run(global, command),
        Command::Score(command) => score::run(global, command),
        Command::Learning(command) => learning::run(global, command),
        Command::Trust(command) => trust::run(global, command),
        Command::Review(command) => review::run(global, command),
        Command::Rollback(command) => rollback::run(global, command),
        Command::Explain(args) => explain::run(global, args),
        Command::Pack(command) => pack::run(global, command),
        Command::Package(command) => package::run(global, command),
        Command::Profile(command) => profile::run(global, command),
        Command::Capability(command) => capability::run(global, command),
        Command::Deploy(command) => deploy::run(global, command),
        Command::Verify(args) => verify::run(global, args),
        Command::Sender(command) => sender::run(global, command),
        Command::Run(args) => run::run(global, args),
        Command::Status(args) => status::run(global, args),
        Command::Doctor(args) => doctor::run(global, args),
        Command::Config(command) => config::run(global, command),
        Command::Audit(command) => audit::run(global, command),
        Command::Completions(args) => completions::run(args),
    }
}
