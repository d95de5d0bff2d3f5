//! How validations and plans are shown.

use candor_world::schedulers::{Piece, Placed};
use serde_json::{Value, json};

use crate::{
    deploy::{Check, Journal, Runner, Validation, Weight},
    output,
};

pub(super) fn json(checked: &Validation) -> Value {
    json!({ "holds": checked.holds(), "checks": checked.checks, "degradations": checked.gaps })
}

pub(super) fn people(checked: &Validation) {
    let word = |weight| match weight {
        Weight::Refused => "REFUSED",
        Weight::Degraded => "degraded",
        Weight::Fine => "fine",
    };
    let mut checks: Vec<&Check> = checked.checks.iter().collect();
    checks.sort_by_key(|check| check.weight);
    let row =
        |check: &&Check| vec![word(check.weight).to_owned(), check.what.clone(), check.saw.clone(), check.next.clone()];
    output::table(&["", "CHECK", "SAW", "INSTEAD, OR WHAT TO DO"], checks.iter().map(row));
    let count = |weight| checked.checks.iter().filter(|check| check.weight == weight).count();
    let (refused, degraded) = (count(Weight::Refused), count(Weight::Degraded));
    output::line(match (refused, degraded) {
        (0, 0) => "it may be activated".to_owned(),
        (0, _) => format!("it may be activated, with {degraded} said to be less"),
        _ => format!("it may not be activated: {refused} refused"),
    });
}

pub(super) fn pieces(runner: Runner, plan: &Journal) {
    if plan.placed.is_empty() {
        output::line(format!("{}: nothing is installed", runner.name()));
    } else {
        output::line(format!("{} gets, in this order:", runner.name()));
    }
    let says = |placed: &Placed| match &placed.piece {
        Piece::File { path, text } => format!("the file {}\n{}", path.display(), indented(text)),
        Piece::Link { path, to } => format!("the link {}\n    to {}", path.display(), to.display()),
        Piece::Crontab { name, body } => format!("the block `{name}` in the cron table\n{}", indented(body)),
        Piece::Command { run: Some(words), .. } => format!("the command {}", words.join(" ")),
        Piece::Command { undo, .. } => format!("at deactivation: {}", undo.clone().unwrap_or_default().join(" ")),
    };
    for placed in &plan.placed {
        output::line(format!("- {}", says(placed)));
    }
    for placed in &plan.stale {
        output::line(format!("- taken away: {}", placed.piece.place()));
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
