//! `candor verify`: the deployment, at the model's four levels.

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{
    cli::Global,
    exit::{Exit, Outcome},
    home::Home,
    output,
    verify::{Level, Verified, verify},
};

/// Verify this deployment by running what is deployed, without touching its live targets
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  candor verify\n  candor verify --level 2 --json\n\nRuns real processes in folders of their own, with a receiver on loopback in the place of the targets. Takes some\nseconds, since something must go silent first. Exit code: 0 when every check passed, 13 when one didn't."
)]
pub struct VerifyArgs {
    /// Which level (repeatable)
    #[arg(long, value_enum, default_value = "all")]
    level: Vec<Which>,
}

/// A level on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Artifacts and schemas
    #[value(name = "1")]
    One,
    /// Each runtime surface: watchdog, dispatcher, bridge, sender
    #[value(name = "2")]
    Two,
    /// Each profile's posture
    #[value(name = "3")]
    Three,
    /// The compositions, end to end
    #[value(name = "4")]
    Four,
    /// All of them
    All,
}

impl Which {
    fn levels(self) -> Vec<Level> {
        match self {
            Self::One => vec![Level::Artifacts],
            Self::Two => vec![Level::Surfaces],
            Self::Three => vec![Level::Profiles],
            Self::Four => vec![Level::Compositions],
            Self::All => Level::ALL.to_vec(),
        }
    }
}

/// Runs the command.
pub fn run(global: &Global, args: VerifyArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let levels: Vec<Level> = args.level.into_iter().flat_map(Which::levels).collect();
    let say = |what: &str| {
        if !global.json {
            output::note(what);
        }
    };
    let all = verify(&home, &levels, say)?;
    let failed = all.iter().filter(|one| !one.passed).count();
    let passed = all.len() - failed;
    if global.json {
        output::json(&json!({ "passed": passed, "failed": failed, "checks": all }))?;
    } else {
        let row = |one: &Verified| {
            let word = if one.passed { "passed" } else { "FAILED" };
            vec![u8::from(one.level).to_string(), word.to_owned(), one.check.clone(), one.saw.clone()]
        };
        output::table(&["LEVEL", "", "CHECK", "SAW"], all.iter().map(row));
        output::line(format!("{passed} passed, {failed} failed"));
    }
    Ok(if failed == 0 { Exit::Ok } else { Exit::Unhealthy })
}
