//! `candor completions`: shell completions on standard output.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{
    cli::Cli,
    exit::{Exit, Outcome},
    output,
};

/// Print shell completions
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  candor completions bash > ~/.local/share/bash-completion/completions/candor")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub fn run(args: CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "candor", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Ok)
}
