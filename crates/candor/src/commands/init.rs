//! `candor init`: a state folder with a profile, this node's key, and a configuration to add to.

use std::fs;

use clap::Args;
use serde_json::json;

use crate::{
    cli::Global,
    config::{self, Deployment, EXAMPLE, Shelf},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    home::{Home, TokenKind},
    output,
};

/// Make a state folder with a profile, a signing key and a configuration to add to
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  candor init --profile minimal-solo-mode\n  candor init --profile strict-manager-mode --adapter hermes\n\nOnce more with the same choice changes nothing. Next: candor deploy validate"
)]
pub struct InitArgs {
    /// The deployment profile: candor profile list
    #[arg(long, value_name = "ID")]
    profile: String,
    /// The runtime's capability descriptor, where it isn't the profile's
    #[arg(long, value_name = "ID")]
    adapter: Option<String>,
}

/// Runs the command.
pub fn run(global: &Global, args: InitArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    // Both must be there before anything is made.
    let document = Shelf::Profiles.selected(&home, &args.profile)?;
    let name = match &document {
        Some(document) => Deployment::with(document, &home, Clock::from_env().now())?.name(),
        None => args.profile.clone(),
    };
    if let Some(adapter) = &args.adapter {
        config::descriptor(&Shelf::Capabilities.find(&home, adapter, Exit::Config)?)?;
    }
    home.create()?;
    let made = configuration(&home, &args)?;
    for kind in [TokenKind::Operator, TokenKind::Adapter] {
        home.token(kind)?;
    }
    let key = home.audit_key()?.public().to_string();
    if global.json {
        output::json(
            &json!({ "state": home.state, "config": home.config, "made": made, "profile": name, "key": key }),
        )?;
        return Ok(Exit::Ok);
    }
    let what = if made { "made" } else { "there already, with the same choice" };
    output::line(format!("{}: {what}; profile {name}", home.config.display()));
    output::line(format!("this node signs its record as {key}"));
    output::line("give that key to whoever will check your bundles, by another way than the bundles");
    output::line("next: add your targets to the configuration, then candor deploy validate");
    Ok(Exit::Ok)
}

/// Writes the configuration where there is none; whether it did.
fn configuration(home: &Home, args: &InitArgs) -> Result<bool, Failure> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&home.config);
    match made {
        Ok(mut file) => file
            .write_all(text(args).as_bytes())
            .and_then(|()| file.sync_all())
            .map(|()| true)
            .map_err(|error| Failure::new(Exit::Store, format!("`{}`: {error}", home.config.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let (file, _) = config::file(home)?;
            if file.profile == args.profile && (args.adapter.is_none() || file.adapter == args.adapter) {
                return Ok(false);
            }
            Err(Failure::new(
                Exit::Config,
                format!("`{}` is there already, with the profile `{}`", home.config.display(), file.profile),
            )
            .hint("change `profile:` and `adapter:` in it, then candor deploy validate"))
        }
        Err(error) => Err(Failure::new(Exit::Store, format!("`{}` can't be made: {error}", home.config.display()))),
    }
}

/// The example with the choice written in.
fn text(args: &InitArgs) -> String {
    let chosen = |line: &str| match (line.starts_with("profile: "), line.starts_with("# adapter: "), &args.adapter) {
        (true, ..) => format!("profile: {}\n", args.profile),
        (_, true, Some(adapter)) => format!("adapter: {adapter}\n"),
        _ => format!("{line}\n"),
    };
    EXAMPLE.lines().map(chosen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;

    #[test]
    fn the_choice_is_written_in() {
        let args = InitArgs { profile: "strict-manager-mode".to_owned(), adapter: Some("hermes".to_owned()) };
        let file = ConfigFile::parse(&text(&args), std::path::Path::new("candor.yaml"));
        assert!(
            file.is_ok_and(|file| file.profile == "strict-manager-mode" && file.adapter.as_deref() == Some("hermes"))
        );
    }
}
