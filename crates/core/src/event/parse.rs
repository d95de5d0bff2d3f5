//! From JSON to [`Event`]: every attribute and every field is known, or the event is refused.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Event, EventType, Report, TYPE_PREFIX, types::EVENT_TYPES};
use crate::{
    limits::{
        EVENT_FUTURE_MAX, ID_BYTES_MAX, LINE_BYTES_MAX, PERIOD_MAX, PERIOD_MIN, SIGNALS_MAX, SUPPORTS_MAX,
        TEXT_BYTES_MAX,
    },
    time::{Timestamp, format_duration},
};

/// Why an event was refused. `at` is a JSON pointer into the event.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("at `{at}`: {what}")]
pub struct EventError {
    /// Where in the event.
    pub at: String,
    /// What is wrong, and what to do.
    pub what: String,
}

fn refuse(at: impl Into<String>, what: impl Into<String>) -> EventError {
    EventError { at: at.into(), what: what.into() }
}

/// Attributes of CloudEvents 1.0 and the extensions that Candor reads or lets pass.
const ATTRIBUTES: [&str; 15] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "taskid",
    "correlationid",
    "agentid",
    "runtime",
    "traceparent",
    "tracestate",
];

pub(super) fn parse(raw: Value, now: Timestamp) -> Result<Event, EventError> {
    let Value::Object(fields) = &raw else {
        return Err(refuse("", "an event must be a JSON object"));
    };
    if let Some(unknown) = fields.keys().find(|key| !ATTRIBUTES.contains(&key.as_str())) {
        return Err(refuse(
            format!("/{}", shorten(unknown)),
            format!("unknown attribute `{}`{}", shorten(unknown), did_you_mean(unknown, ATTRIBUTES.into_iter())),
        ));
    }
    match required(fields, "specversion")? {
        "1.0" => {}
        other => return Err(refuse("/specversion", format!("`{}` is not supported; use `1.0`", shorten(other)))),
    }
    if let Some(kind) = optional(fields, "datacontenttype")?
        && !kind.starts_with("application/json")
    {
        return Err(refuse(
            "/datacontenttype",
            format!("`{}` is not supported; use `application/json`", shorten(kind)),
        ));
    }
    let event_type = event_type(required(fields, "type")?)?;
    let id = bounded(required(fields, "id")?, "/id", ID_BYTES_MAX)?;
    let source = bounded(required(fields, "source")?, "/source", LINE_BYTES_MAX)?;
    let time = match optional(fields, "time")? {
        None => None,
        Some(text) => Some(text.parse::<Timestamp>().map_err(|e| refuse("/time", e.to_string()))?),
    };
    if let Some(time) = time
        && time > now.after(EVENT_FUTURE_MAX)
    {
        return Err(refuse(
            "/time",
            format!(
                "`{time}` lies more than {} ahead of this machine's clock; check both clocks",
                format_duration(EVENT_FUTURE_MAX)
            ),
        ));
    }
    let subject = name(fields, "subject")?;
    let task = match (subject, name(fields, "taskid")?) {
        (Some(subject), Some(task)) if subject != task => {
            return Err(refuse("/taskid", format!("`{task}` differs from the subject `{subject}`; give one task")));
        }
        (subject, task) => subject.or(task),
    };
    if task.is_none() && event_type.needs_task() {
        return Err(refuse("/subject", format!("`{}` must name its task as `subject`", event_type.as_str())));
    }
    let report = report(event_type, fields.get("data").cloned().unwrap_or_else(|| Value::Object(Map::new())))?;
    check(&report)?;
    Ok(Event {
        id,
        source,
        time,
        task,
        correlation: name(fields, "correlationid")?,
        agent: name(fields, "agentid")?,
        runtime: name(fields, "runtime")?,
        report,
        raw,
    })
}

fn event_type(full: &str) -> Result<EventType, EventError> {
    let word = full.strip_prefix(TYPE_PREFIX).unwrap_or(full);
    match EventType::parse(word) {
        Some(found) if full.starts_with(TYPE_PREFIX) => Ok(found),
        Some(_) => Err(refuse("/type", format!("`{}` lacks its prefix; write `{TYPE_PREFIX}{word}`", shorten(full)))),
        None => Err(refuse(
            "/type",
            format!(
                "unknown event type `{}`{}",
                shorten(full),
                did_you_mean(word, EVENT_TYPES.iter().filter(|t| !t.is_reserved()).map(|t| t.as_str()))
            ),
        )),
    }
}

fn report(event_type: EventType, data: Value) -> Result<Report, EventError> {
    Ok(match event_type {
        EventType::TaskStarted => Report::TaskStarted(read(data)?),
        EventType::TaskCheckpointed => Report::TaskCheckpointed(read(data)?),
        EventType::TaskWaiting => Report::TaskWaiting(read(data)?),
        EventType::TaskBlocked => Report::TaskBlocked(read(data)?),
        EventType::TaskUnblocked => Report::TaskUnblocked(read(data)?),
        EventType::TaskCompleted => Report::TaskCompleted(read(data)?),
        EventType::TaskFailed => Report::TaskFailed(read(data)?),
        EventType::ToolStarted => Report::ToolStarted(read(data)?),
        EventType::ToolFinished => Report::ToolFinished(read(data)?),
        EventType::ClaimMade => Report::ClaimMade(read(data)?),
        EventType::EvidenceAdded => Report::EvidenceAdded(read(data)?),
        EventType::ApprovalRequested => Report::ApprovalRequested(read(data)?),
        EventType::NoticeRequested => Report::NoticeRequested(read(data)?),
        EventType::TaskMissed => Report::TaskMissed(read(data)?),
        EventType::TaskSlow => Report::TaskSlow(read(data)?),
        EventType::TaskEscalated => Report::TaskEscalated(read(data)?),
        EventType::TaskRecovered => Report::TaskRecovered(read(data)?),
    })
}

fn read<T: DeserializeOwned>(data: Value) -> Result<T, EventError> {
    serde_json::from_value(data).map_err(|e| refuse("/data", plain(&e.to_string())))
}

/// Serde's messages name fields well; the names of this program's own types, which mean nothing to a reader, are replaced.
fn plain(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or(message);
    match message.split_once("expected ") {
        Some((before, what)) if ["struct ", "internally tagged enum "].iter().any(|own| what.starts_with(own)) => {
            format!("{before}expected an object")
        }
        _ => message.to_owned(),
    }
}

fn check(report: &Report) -> Result<(), EventError> {
    match report {
        Report::TaskStarted(started) => {
            line(started.name.as_deref(), "name")?;
            for (field, of) in [("period", started.period), ("grace", started.grace), ("expected", started.expected)] {
                let lowest = if field == "grace" { std::time::Duration::ZERO } else { PERIOD_MIN };
                if of.is_some_and(|of| of < lowest || of > PERIOD_MAX) {
                    return Err(refuse(
                        format!("/data/{field}"),
                        format!("must lie between {} and {}", format_duration(lowest), format_duration(PERIOD_MAX)),
                    ));
                }
            }
            if started.signals.len() > SIGNALS_MAX {
                return Err(refuse("/data/signals", format!("at most {SIGNALS_MAX} signals")));
            }
        }
        Report::TaskCheckpointed(checkpoint) => {
            text(checkpoint.note.as_deref(), "note")?;
            if checkpoint.percent.is_some_and(|percent| percent > 100) {
                return Err(refuse("/data/percent", "must lie between 0 and 100"));
            }
        }
        Report::TaskWaiting(waiting) => line(Some(&waiting.on), "on")?,
        Report::TaskBlocked(blocked) => {
            text(Some(&blocked.reason), "reason")?;
            text(blocked.needs.as_deref(), "needs")?;
        }
        Report::TaskUnblocked(unblocked) => text(unblocked.note.as_deref(), "note")?,
        Report::TaskCompleted(completed) => text(completed.summary.as_deref(), "summary")?,
        Report::TaskFailed(failed) => text(Some(&failed.reason), "reason")?,
        Report::ToolStarted(tool) => {
            line(Some(&tool.call), "call")?;
            line(Some(&tool.tool), "tool")?;
        }
        Report::ToolFinished(tool) => line(Some(&tool.call), "call")?,
        Report::ClaimMade(claim) => text(claim.statement.as_deref(), "statement")?,
        Report::EvidenceAdded(evidence) => {
            if evidence.supports.is_empty() || evidence.supports.len() > SUPPORTS_MAX {
                return Err(refuse("/data/supports", format!("name 1 to {SUPPORTS_MAX} claim kinds")));
            }
        }
        Report::ApprovalRequested(request) => line(Some(&request.reason), "reason")?,
        Report::NoticeRequested(notice) => {
            line(Some(&notice.title), "title")?;
            text(notice.text.as_deref(), "text")?;
        }
        Report::TaskMissed(_) | Report::TaskSlow(_) | Report::TaskEscalated(_) | Report::TaskRecovered(_) => {}
    }
    Ok(())
}

fn line(of: Option<&str>, field: &str) -> Result<(), EventError> {
    match of {
        Some(of) if of.is_empty() || of.len() > LINE_BYTES_MAX || of.contains(['\n', '\r', '\0']) => {
            Err(refuse(format!("/data/{field}"), format!("must be one line of 1 to {LINE_BYTES_MAX} bytes")))
        }
        _ => Ok(()),
    }
}

fn text(of: Option<&str>, field: &str) -> Result<(), EventError> {
    match of {
        Some(of) if of.len() > TEXT_BYTES_MAX => {
            Err(refuse(format!("/data/{field}"), format!("must be at most {TEXT_BYTES_MAX} bytes")))
        }
        _ => Ok(()),
    }
}

fn required<'a>(fields: &'a Map<String, Value>, key: &str) -> Result<&'a str, EventError> {
    optional(fields, key)?.ok_or_else(|| refuse(format!("/{key}"), format!("`{key}` is missing")))
}

fn optional<'a>(fields: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, EventError> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(refuse(format!("/{key}"), format!("`{key}` must be a string"))),
    }
}

fn name<T: std::str::FromStr<Err = crate::ids::IdError>>(
    fields: &Map<String, Value>,
    key: &str,
) -> Result<Option<T>, EventError> {
    optional(fields, key)?
        .map(|text| text.parse().map_err(|e: crate::ids::IdError| refuse(format!("/{key}"), e.to_string())))
        .transpose()
}

fn bounded(text: &str, at: &str, bytes_max: usize) -> Result<String, EventError> {
    if text.is_empty() || text.len() > bytes_max || text.chars().any(char::is_control) {
        return Err(refuse(at, format!("must be 1 to {bytes_max} bytes without control characters")));
    }
    Ok(text.to_owned())
}

fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

/// `; did you mean ...?` for the nearest known word, when one is near.
fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .map(|(_, candidate)| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

/// Levenshtein distance, over words that are at most 64 characters long.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            let here = (diagonal + usize::from(!from.eq_ignore_ascii_case(to))).min(above + 1).min(left + 1);
            diagonal = above;
            left = here;
            *cell = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(fields: Value) -> String {
        let mut event = json!({"specversion": "1.0", "id": "1", "source": "/t", "type": "reporting-governance.task.started", "subject": "t1"});
        if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
            event.extend(fields);
        }
        match parse(event, Timestamp::from_micros(0)) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn refusals_say_where_and_what_next() {
        insta::assert_snapshot!(
            [
                at(json!({})),
                at(json!({"type": "reporting-governance.task.stared"})),
                at(json!({"type": "task.started"})),
                at(json!({"taksid": "t1"})),
                at(json!({"subject": "a b"})),
                at(json!({"subject": null})),
                at(json!({"taskid": "t2"})),
                at(json!({"specversion": "0.3"})),
                at(json!({"id": ""})),
                at(json!({"time": "yesterday"})),
                at(json!({"time": "1971-01-01T00:00:00Z"})),
                at(json!({"data": {"perido": "5m"}})),
                at(json!({"data": {"period": "5 parsecs"}})),
                at(json!({"data": {"period": "1ms"}})),
                at(json!({"data": 5})),
            ]
            .join("\n"),
            @r"
        accepted
        at `/type`: unknown event type `reporting-governance.task.stared`; did you mean `task.started`?
        at `/type`: `task.started` lacks its prefix; write `reporting-governance.task.started`
        at `/taksid`: unknown attribute `taksid`; did you mean `taskid`?
        at `/subject`: `a b` is not a task id: use 1 to 128 letters, digits or `._:/@+-`, starting with a letter or digit
        at `/subject`: `task.started` must name its task as `subject`
        at `/taskid`: `t2` differs from the subject `t1`; give one task
        at `/specversion`: `0.3` is not supported; use `1.0`
        at `/id`: must be 1 to 128 bytes without control characters
        at `/time`: `yesterday` is not a time; write it as `2026-01-31T12:00:00Z`
        at `/time`: `1971-01-01T00:00:00.000000Z` lies more than 1d ahead of this machine's clock; check both clocks
        at `/data`: unknown field `perido`, expected one of `name`, `period`, `grace`, `expected`, `parent`, `signals`
        at `/data`: `5 parsecs` is not a duration; write a number and a unit, as in `90s`, `5m`, `2h` or `1d`
        at `/data/period`: must lie between 1s and 366d
        at `/data`: invalid type: integer `5`, expected an object
        "
        );
    }
}
