//! `candor explain`: why something was decided, in plain words.

use candor_core::{
    decision::Decision,
    ids::{DecisionNo, EventNo, NoticeNo},
    pack::explain,
};
use candor_store::{Artifacts, Listing, Record};
use clap::Args;
use serde_json::json;

use crate::{
    cli::Global,
    config::Config,
    desk::{self, reader},
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
};

/// Most records of one correlation that are searched for an event's decision.
const SEARCHED_MAX: usize = 10_000;

/// Say in plain words why something was decided
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  candor explain d-7    # a decision\n  candor explain e-12   # what was decided about an event\n  candor explain n-3    # why a notice was made"
)]
pub struct ExplainArgs {
    /// A decision, an event or a notice
    what: String,
}

/// Runs the command.
pub fn run(global: &Global, args: ExplainArgs) -> Outcome {
    let store = reader(global)?;
    let record = find(&store, &args.what)?;
    if record.is_pruned() {
        let message = format!("the content of `{}` was pruned: its retention window is over", record.id);
        return Err(Failure::new(Exit::NotFound, message).hint("an archive of `audit.archive` may hold it"));
    }
    let decision: Decision = serde_json::from_value(record.body.clone())
        .map_err(|error| Failure::new(Exit::Store, format!("the record of `{}` can't be read: {error}", record.id)))?;
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let packs = Config::load(&home)?.machine.packs;
    let explanation = explain(&decision, &packs);
    if global.json {
        let changes: Vec<_> = explanation
            .changes
            .iter()
            .map(|change| json!({ "what": change.what, "requested": change.requested, "effective": change.effective, "told_less": change.told_less }))
            .collect();
        output::json(
            &json!({ "decision": decision, "changes": changes, "notes": explanation.notes, "text": explanation.to_string() }),
        )?;
        return Ok(Exit::Ok);
    }
    let task = decision.task.as_ref().map(|task| format!(" on task {task}")).unwrap_or_default();
    output::line(format!(
        "{} about {} (`{}`{task}) at {}",
        decision.no, decision.event, decision.event_type, decision.at
    ));
    output::line(explanation);
    Ok(Exit::Ok)
}

fn find(store: &impl Listing, what: &str) -> Result<Record, Failure> {
    let missing = |message: String| {
        Failure::new(Exit::NotFound, message).hint("`candor task show TASK` lists what was recorded last")
    };
    let decision = |no| store.decision(no).map_err(desk::store_failure);
    if let Ok(no) = what.parse::<DecisionNo>() {
        return decision(no)?.ok_or_else(|| missing(format!("no decision `{what}`")));
    }
    if let Ok(no) = what.parse::<NoticeNo>() {
        let row =
            store.notice_row(no).map_err(desk::store_failure)?.ok_or_else(|| missing(format!("no notice `{what}`")))?;
        let Some(no) = row.notice.decision else {
            return Err(missing(format!("notice `{what}` is an operator's test; nothing was decided")));
        };
        return decision(no)?.ok_or_else(|| missing(format!("no decision `{no}`")));
    }
    if let Ok(no) = what.parse::<EventNo>() {
        let event =
            store.event(no).map_err(desk::store_failure)?.ok_or_else(|| missing(format!("no event `{what}`")))?;
        let related = match (&event.task, &event.correlation) {
            (_, Some(correlation)) => store.artifacts(Artifacts::OfCorrelation(correlation), SEARCHED_MAX),
            (Some(task), None) => store.artifacts(Artifacts::OfTask(task), SEARCHED_MAX),
            (None, None) => Ok(Vec::new()),
        };
        let found = related.map_err(desk::store_failure)?.into_iter().find(|record| {
            record.kind.as_str() == "decision"
                && record.body.get("event").and_then(|event| event.as_str()) == Some(what)
        });
        return found.ok_or_else(|| missing(format!("event `{what}` led to no decision")));
    }
    Err(Failure::new(Exit::Usage, format!("`{what}` is neither a decision, an event nor a notice"))
        .hint("write `d-7`, `e-12` or `n-3`"))
}
