//! `GET`: views. The desk makes the JSON; here the question is read, and nothing of it is guessed.

use std::{fmt::Display, str::FromStr};

use axum::{
    extract::State,
    http::{StatusCode, Uri, request::Parts},
    response::{IntoResponse, Response},
};
use candor_core::{notice::StateName, task::TaskState};

use crate::{
    answer,
    app::App,
    desk::ViewRequest,
    limits::{PAGE_DEFAULT, PAGE_MAX},
    percent,
    problem::Problem,
};

/// A view whose question is the path's last part.
macro_rules! by_path {
    ($($name:ident: $prefix:literal => $view:path;)+) => {$(
        pub(super) async fn $name(State(app): State<App>, parts: Parts) -> Response {
            look(&app, &parts, |uri| {
                query(uri, &[])?;
                tail(uri, $prefix).map($view)
            })
            .await
        }
    )+};
}

by_path! {
    task: "/v1/tasks/" => ViewRequest::Task;
    notice: "/v1/notices/" => ViewRequest::Notice;
    decision: "/v1/decisions/" => ViewRequest::Decision;
    event: "/v1/events/" => ViewRequest::Event;
    evidence: "/v1/evidence/" => ViewRequest::Evidence;
}

pub(super) async fn status(State(app): State<App>, parts: Parts) -> Response {
    look(&app, &parts, |uri| query(uri, &[]).map(|_| ViewRequest::Status)).await
}

pub(super) async fn gates(State(app): State<App>, parts: Parts) -> Response {
    look(&app, &parts, |uri| query(uri, &[]).map(|_| ViewRequest::Gates)).await
}

pub(super) async fn tasks(State(app): State<App>, parts: Parts) -> Response {
    look(&app, &parts, |uri| {
        let query = query(uri, &["state", "after", "limit"])?;
        Ok(ViewRequest::Tasks {
            state: query.word("state", TaskState::parse, TaskState::ALL.iter().map(|state| state.as_str()))?,
            after: query.parsed("after")?,
            limit: query.limit()?,
        })
    })
    .await
}

pub(super) async fn notices(State(app): State<App>, parts: Parts) -> Response {
    look(&app, &parts, |uri| {
        let query = query(uri, &["state", "task", "before", "limit"])?;
        Ok(ViewRequest::Notices {
            state: query.word("state", StateName::parse, StateName::ALL.iter().map(|state| state.as_str()))?,
            task: query.parsed("task")?,
            before: query.parsed("before")?,
            limit: query.limit()?,
        })
    })
    .await
}

pub(super) async fn evidence_of(State(app): State<App>, parts: Parts) -> Response {
    look(&app, &parts, |uri| {
        let task = query(uri, &["task"])?.parsed("task")?;
        task.map(ViewRequest::EvidenceOf)
            .ok_or_else(|| bad_query("task", "name the task, as in `/v1/evidence?task=nightly`"))
    })
    .await
}

async fn look(app: &App, parts: &Parts, ask: impl FnOnce(&Uri) -> Result<ViewRequest, Problem>) -> Response {
    let asked = app.inner.tokens().reader(&parts.headers).and_then(|()| ask(&parts.uri));
    let view = match asked {
        Ok(view) => view,
        Err(problem) => return problem.into_response(),
    };
    match app.inner.desk.view(view).await {
        Ok(value) => answer::json(StatusCode::OK, &value),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// What stands behind a prefix in the path.
fn tail<T: FromStr<Err: Display>>(uri: &Uri, prefix: &str) -> Result<T, Problem> {
    let text = uri.path().strip_prefix(prefix).and_then(|text| percent::decode(text.as_bytes().to_vec()));
    let refuse = |message: String| Problem::new(StatusCode::BAD_REQUEST, "bad_path", message);
    text.ok_or_else(|| refuse("the path isn't percent-encoded UTF-8".to_owned()))?
        .parse()
        .map_err(|error: T::Err| refuse(error.to_string()))
}

/// The fields of a query, each once.
struct Query(Vec<(String, String)>);

/// Reads the query. A field that isn't known, or is given twice, is refused: a typo must not change what is shown.
fn query(uri: &Uri, known: &[&str]) -> Result<Query, Problem> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = (percent::decode(key.as_bytes().to_vec()), percent::decode(value.as_bytes().to_vec()));
        let (Some(key), Some(value)) = decoded else {
            return Err(bad_query(key, "it isn't percent-encoded UTF-8"));
        };
        if !known.contains(&key.as_str()) {
            let known = if known.is_empty() { "nothing".to_owned() } else { format!("`{}`", known.join("`, `")) };
            return Err(bad_query(&key, format!("no such field; this view takes {known}")));
        }
        if fields.iter().any(|(before, _)| *before == key) {
            return Err(bad_query(&key, "it is given twice"));
        }
        fields.push((key, value));
    }
    Ok(Query(fields))
}

fn bad_query(field: &str, message: impl Display) -> Problem {
    let field: String = field.chars().take(64).collect();
    Problem::new(StatusCode::BAD_REQUEST, "bad_query", message.to_string()).at(format!("?{field}"))
}

impl Query {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == key).map(|(_, value)| value.as_str())
    }

    fn parsed<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Option<T>, Problem> {
        self.get(key).map(|text| text.parse().map_err(|error| bad_query(key, error))).transpose()
    }

    fn word<T>(
        &self,
        key: &str,
        parse: fn(&str) -> Option<T>,
        all: impl Iterator<Item = &'static str>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let refuse = || bad_query(key, format!("it must be one of `{}`", all.collect::<Vec<_>>().join("`, `")));
        parse(text).map(Some).ok_or_else(refuse)
    }

    fn limit(&self) -> Result<usize, Problem> {
        match self.parsed("limit")? {
            None => Ok(PAGE_DEFAULT),
            Some(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
            Some(_) => Err(bad_query("limit", format!("it must lie between 1 and {PAGE_MAX}"))),
        }
    }
}
