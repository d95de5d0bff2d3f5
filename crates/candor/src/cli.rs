//! The command line. One file per command in `commands/`; what they share is here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    approval, audit, capability, claim, completions, config, demo, deploy, doctor, evidence, exec, explain, gate, init,
    learning, notice, notify, owner, pack, package, profile, readback, result, review, rollback, run, score, sender,
    status, task, trust, up, verify,
};

/// Reporting governance for AI agents: claims are held against evidence, silence is noticed, the operator is told the truth.
#[derive(Debug, Parser)]
#[command(
    name = "candor",
    version,
    max_term_width = 100,
    after_help = "Start with:\n  candor up                               # in one terminal\n  candor exec --task build -- make all    # in another\n  candor status\n\nExit codes: docs/exit-codes.md"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Folder that holds the store and Candor's own tokens [default: ~/.local/state/candor]
    #[arg(id = "state_folder", long = "state", global = true, env = "CANDOR_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Configuration file [default: candor.yaml in the state folder]
    #[arg(id = "config_file", long = "config", global = true, env = "CANDOR_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Daemon to report to, where its state folder can't be read: as another user, or in a sandbox [example: http://127.0.0.1:7717]
    #[arg(long, global = true, env = "CANDOR_URL", value_name = "URL", value_parser = daemon_url)]
    pub url: Option<String>,
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub json: bool,
    /// Log more: -v for info, -vv for debug
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Keeps the address of a daemon, once it reads as one.
fn daemon_url(text: &str) -> Result<String, String> {
    let address = text.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let local =
        address.and_then(|address| address.parse::<std::net::SocketAddr>().ok()).filter(|at| at.ip().is_loopback());
    local
        .map(|at| format!("http://{at}"))
        .ok_or_else(|| format!("`{text}` is not the address of a daemon on this machine; write http://127.0.0.1:7717"))
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a state folder with a profile, a signing key and a configuration to add to
    Init(init::InitArgs),
    /// Run the daemon: watchdog, dispatcher, bridge and the HTTP API
    Up(up::UpArgs),
    /// See the whole chain on this machine in under a minute
    Demo(demo::DemoArgs),
    /// Run a command as a governed task
    Exec(exec::ExecArgs),
    /// Report on a task, and look at tasks
    #[command(subcommand, after_help = "Example:\n  candor task start nightly --period 10m --grace 2m")]
    Task(task::TaskCommand),
    /// Claim something about a task's work
    Claim(claim::ClaimArgs),
    /// Bring evidence, and look at it
    #[command(
        subcommand,
        after_help = "Example:\n  candor evidence add nightly --supports completion --file report.txt"
    )]
    Evidence(evidence::EvidenceCommand),
    /// Ask that the operator be told something
    Notify(notify::NotifyArgs),
    /// Look at notices, and settle them
    #[command(subcommand, after_help = "Example:\n  candor notice list --in blocked")]
    Notice(notice::NoticeCommand),
    /// Open and close gates for live effects
    #[command(subcommand, after_help = "Example:\n  candor gate list")]
    Gate(gate::GateCommand),
    /// Approval packages: what an owner could open, and what owners sign
    #[command(subcommand, after_help = "Example:\n  candor approval show")]
    Approval(approval::ApprovalCommand),
    /// Say who may approve: whose signature opens gates here
    #[command(subcommand, after_help = "Example:\n  candor owner list")]
    Owner(owner::OwnerCommand),
    /// See what could be read back from runtimes and channels
    #[command(subcommand, after_help = "Example:\n  candor readback readiness")]
    Readback(readback::ReadbackCommand),
    /// Keep how tasks ended, with their claims and how they stand
    #[command(subcommand, after_help = "Example:\n  candor result capture nightly")]
    Result(result::ResultCommand),
    /// Keep agents' honesty scores
    #[command(subcommand, after_help = "Example:\n  candor score list")]
    Score(score::ScoreCommand),
    /// Keep what is to be learned of agents' reports
    #[command(subcommand, after_help = "Example:\n  candor learning list")]
    Learning(learning::LearningCommand),
    /// Keep how far each pack proved right about an agent
    #[command(subcommand, after_help = "Example:\n  candor trust list")]
    Trust(trust::TrustCommand),
    /// Tasks before a reviewer
    #[command(subcommand, after_help = "Example:\n  candor review list")]
    Review(review::ReviewCommand),
    /// Tasks that a person is asked to take back
    #[command(subcommand, after_help = "Example:\n  candor rollback list")]
    Rollback(rollback::RollbackCommand),
    /// Say in plain words why something was decided
    Explain(explain::ExplainArgs),
    /// Look at policy packs, and check them
    #[command(subcommand, after_help = "Example:\n  candor pack list")]
    Pack(pack::PackCommand),
    /// Build, check and install the plugin package: contracts, packs, profiles and descriptors as one signed file
    #[command(subcommand, after_help = "Example:\n  candor package list")]
    Package(package::PackageCommand),
    /// Look at deployment profiles: what they set, and what limits it
    #[command(subcommand, after_help = "Example:\n  candor profile list")]
    Profile(profile::ProfileCommand),
    /// See what this machine can really do, and what happens where it can't
    #[command(subcommand, after_help = "Example:\n  candor capability probe")]
    Capability(capability::CapabilityCommand),
    /// Check a deployment, install what runs it, and take it away again
    #[command(subcommand, after_help = "Example:\n  candor deploy validate")]
    Deploy(deploy::DeployCommand),
    /// Verify this deployment at four levels, without touching its live targets
    Verify(verify::VerifyArgs),
    /// Set a sender up: credential, approval, and a test
    #[command(subcommand, after_help = "Example:\n  candor sender add telegram")]
    Sender(sender::SenderCommand),
    /// Run roles without the daemon: one pass, or --loop
    Run(run::RunArgs),
    /// Show what stands where
    Status(status::StatusArgs),
    /// Audit this deployment, and say what is wrong
    Doctor(doctor::DoctorArgs),
    /// Check the configuration, or print one to start from
    #[command(subcommand, after_help = "Example:\n  candor config check")]
    Config(config::ConfigCommand),
    /// Export records of the log, and check what others exported
    #[command(subcommand, after_help = "Example:\n  candor audit export --task nightly --out nightly.tar")]
    Audit(audit::AuditCommand),
    /// Print shell completions
    Completions(completions::CompletionsArgs),
}

/// Reads the command line; on a wrong one, clap says what is wrong and ends with exit code 2.
pub fn parse() -> Cli {
    Cli::parse()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Every command shows how it is used.
    #[test]
    fn every_command_has_an_example() {
        fn look(command: &clap::Command, path: &str) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("candor "), "`{path}` has no example");
            for sub in command.get_subcommands() {
                look(sub, &format!("{path} {}", sub.get_name()));
            }
        }
        look(&Cli::command(), "candor");
    }

    /// Builds every subcommand and its checks: two arguments of one name panic only when a command is used.
    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        for args in [
            vec!["candor", "notice", "list", "--in", "blocked"],
            vec!["candor", "--state", "/x", "notice", "list"],
            vec!["candor", "task", "list", "--in", "running"],
            vec!["candor", "exec", "--task", "t", "--", "sh", "-c", "true"],
        ] {
            assert!(Cli::try_parse_from(&args).is_ok(), "{args:?}");
        }
    }
}
