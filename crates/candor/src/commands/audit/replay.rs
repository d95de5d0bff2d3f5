//! `candor audit replay`: every decision of a bundle, made again by what the bundle says was in force, and held against the record byte for byte.

use candor_audit::{
    bundle::verify::{Seen, SeenArtifact},
    canonical,
    json::{self as strict, first_difference},
    kind::Kind,
    seal::MAX_BODY_BYTES,
};
use candor_core::{decision::Decision, facts::Facts};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    basis::Bases,
    reads,
    verify::{self, VerifyArgs},
};
use crate::{
    cli::Global,
    exit::{Exit, Outcome},
    output,
};

/// Most decisions of one sort that are named one by one; the others are counted.
const NAMED_MAX: usize = 1_000;
/// Longest value that is shown of a difference, in characters.
const VALUE_CHARS_MAX: usize = 200;

/// Replays the bundle.
pub fn run(global: &Global, args: &VerifyArgs) -> Outcome {
    let mut replay = Replay::default();
    let Some(checked) = verify::read(global, args, &mut |seen| replay.take(seen))? else {
        return Ok(Exit::NotIntact);
    };
    reads::record(global, args, &checked.verdict, "replay");
    if global.json {
        output::json(&json!({ "intact": true, "verdict": checked.verdict, "replay": replay.told() }))?;
    } else {
        replay.show();
    }
    Ok(replay.exit())
}

/// A decision that doesn't come out as recorded.
#[derive(Debug, Serialize)]
struct Difference {
    /// Where its record lies.
    r#ref: String,
    /// JSON pointer of the first value that differs.
    pointer: String,
    /// What is on record there.
    recorded: Option<String>,
    /// What comes out.
    replayed: Option<String>,
}

/// A decision that couldn't be made again, or wasn't made by what was last on record.
#[derive(Debug, Serialize)]
struct Noted {
    /// Where its record lies.
    r#ref: String,
    /// Why.
    why: String,
}

/// What came out so far.
#[derive(Debug, Default)]
pub(super) struct Replay {
    bases: Bases,
    decisions: u64,
    equal: u64,
    differing: u64,
    /// The first of them that differ.
    differences: Vec<Difference>,
    not_replayed: u64,
    /// The first of them that couldn't be made again.
    unreplayed: Vec<Noted>,
    /// Equal, by what had been in force before.
    by_earlier: Vec<Noted>,
}

/// What came of one decision.
enum Came {
    Equal,
    /// Equal by what was in force before the last change.
    ByEarlier(String),
    Differs(Difference),
    Not(String),
}

impl Replay {
    /// Takes the log's next record.
    pub(super) fn take(&mut self, seen: &Seen<'_>) {
        match (seen.header.kind, &seen.artifact) {
            (Kind::Profile | Kind::Capability | Kind::Pack, artifact) => {
                self.bases.take(seen.header, artifact.as_ref())
            }
            (Kind::Decision, Some(artifact)) => {
                self.decisions += 1;
                let came = self.again(artifact);
                self.book(artifact.entry.r#ref.clone(), came);
            }
            _ => {}
        }
    }

    fn again(&self, artifact: &SeenArtifact<'_>) -> Came {
        if let Some(first) = artifact.entry.redacted.first() {
            let more = artifact.entry.redacted.len() - 1;
            let and = if more > 0 { format!(" and {more} more") } else { String::new() };
            return Came::Not(format!("`{first}`{and} was taken out of it"));
        }
        let Ok(recorded) = strict::parse(artifact.body, MAX_BODY_BYTES) else {
            return Came::Not("it can't be read".to_owned());
        };
        let decision: Decision = match serde_json::from_value(recorded.clone()) {
            Ok(decision) => decision,
            Err(error) => return Came::Not(format!("this program doesn't know its form: {error}")),
        };
        let facts = match Facts::from_value(&decision.facts) {
            Ok(facts) => facts,
            Err(error) => return Came::Not(format!("this program doesn't know its facts: {error}")),
        };
        let place = artifact.entry.r#ref.as_str();
        let last = match self.bases.last() {
            Ok(basis) => basis.decide_again(&decision, &facts).map(|again| compare(place, &recorded, &again)),
            Err(why) => Err(why),
        };
        if matches!(last, Ok(None)) {
            return Came::Equal;
        }
        // A process that goes by what it read before is told of nothing: its decisions are made by what had been in force.
        let earlier = self.bases.earlier().find(|basis| {
            basis.decide_again(&decision, &facts).is_ok_and(|again| compare(place, &recorded, &again).is_none())
        });
        match (earlier, last) {
            (Some(basis), _) => Came::ByEarlier(format!("made by `{}`, which had been in force before", basis.name())),
            (None, Ok(Some(difference))) => Came::Differs(difference),
            (None, Ok(None)) => Came::Equal,
            (None, Err(why)) => Came::Not(why),
        }
    }

    fn book(&mut self, r#ref: String, came: Came) {
        match came {
            Came::Equal => self.equal += 1,
            Came::ByEarlier(why) => {
                self.equal += 1;
                keep(&mut self.by_earlier, Noted { r#ref, why });
            }
            Came::Differs(difference) => {
                self.differing += 1;
                keep(&mut self.differences, difference);
            }
            Came::Not(why) => {
                self.not_replayed += 1;
                keep(&mut self.unreplayed, Noted { r#ref, why });
            }
        }
    }

    /// 1 where one differs; 2 where none does and one couldn't be made again.
    fn exit(&self) -> Exit {
        if self.differing > 0 {
            Exit::NotIntact
        } else if self.not_replayed > 0 {
            Exit::Usage
        } else {
            Exit::Ok
        }
    }

    /// Whether every decision came out as recorded.
    pub(super) fn is_equal(&self) -> bool {
        self.equal == self.decisions
    }

    /// What it came to, in words.
    pub(super) fn words(&self) -> String {
        match (self.decisions, self.equal) {
            (0, _) => "there is no decision in it to replay".to_owned(),
            (1, 1) => "its one decision comes out as recorded, byte for byte".to_owned(),
            (all, equal) if all == equal => format!("all {all} decisions come out as recorded, byte for byte"),
            (all, equal) => format!("{equal} of {all} decisions come out as recorded, byte for byte"),
        }
    }

    /// The same for scripts.
    pub(super) fn told(&self) -> Value {
        json!({
            "decisions": self.decisions, "equal": self.equal, "differing": self.differing, "not_replayed": self.not_replayed,
            "first_difference": self.differences.first(), "differences": self.differences, "unreplayed": self.unreplayed,
            "by_earlier": self.by_earlier,
        })
    }

    fn show(&self) {
        output::line(self.words());
        if let Some(first) = self.differences.first() {
            output::line(format!("the first that differs is `{}`, at `{}`", first.r#ref, first.pointer));
        }
        let differs = self.differences.iter().map(|one| {
            let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            let why = format!("at {}: recorded {}, replayed {}", one.pointer, side(&one.recorded), side(&one.replayed));
            [one.r#ref.clone(), "differs".to_owned(), why]
        });
        let row = |of: &'static str| move |one: &Noted| [one.r#ref.clone(), of.to_owned(), one.why.clone()];
        let rows: Vec<[String; 3]> = differs
            .chain(self.unreplayed.iter().map(row("not replayed")))
            .chain(self.by_earlier.iter().map(row("equal")))
            .collect();
        if !rows.is_empty() {
            output::table(&["decision", "replay", "why"], rows);
        }
        let named = self.differences.len() + self.unreplayed.len();
        let all = self.differing + self.not_replayed;
        if all > named as u64 {
            output::line(format!("and {} more", all - named as u64));
        }
    }
}

fn keep<T>(list: &mut Vec<T>, one: T) {
    if list.len() < NAMED_MAX {
        list.push(one);
    }
}

/// What differs first between the record and what came out, if their canonical bytes differ.
fn compare(place: &str, recorded: &Value, again: &Value) -> Option<Difference> {
    if canonical::to_bytes(recorded) == canonical::to_bytes(again) {
        return None;
    }
    let pointer = first_difference(recorded, again).unwrap_or_default();
    let shown =
        |side: &Value| side.pointer(&pointer).map(|value| value.to_string().chars().take(VALUE_CHARS_MAX).collect());
    Some(Difference { r#ref: place.to_owned(), recorded: shown(recorded), replayed: shown(again), pointer })
}
