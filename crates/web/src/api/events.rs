//! `POST /v1/events`: reports.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use candor_core::{event::Event, time::Timestamp};
use candor_path::{Accepted, Input, Reply};
use serde_json::Value;

use super::body;
use crate::{
    answer::{self, AcceptedBody, ItemBody},
    app::App,
    cloud_events::{self, Mode},
    credentials::Caller,
    desk::DeskError,
    problem::Problem,
};

/// What became of one event.
type Outcome = Result<Box<Accepted>, Problem>;

pub(super) async fn take(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let admitted = app
        .inner
        .tokens()
        .reporter(&parts.headers)
        .and_then(|caller| Mode::of(&parts.headers).map(|mode| (caller, mode)));
    let (caller, mode) = match admitted {
        Ok(admitted) => admitted,
        Err(problem) => {
            body::discard(&app, body).await;
            return problem.into_response();
        }
    };
    let answered = match mode {
        Mode::Batched => take_batch(&app, &caller, body).await,
        Mode::Structured | Mode::Binary => take_one(&app, &caller, mode, &parts.headers, body).await,
    };
    answered.unwrap_or_else(Problem::into_response)
}

async fn take_one(
    app: &App,
    caller: &Caller,
    mode: Mode,
    headers: &HeaderMap,
    body: axum::body::Body,
) -> Result<Response, Problem> {
    let bytes = body::read(app, body, mode.bytes_max(), "an event").await?;
    let raw = match mode {
        Mode::Binary => cloud_events::parse_binary_mode(headers, &bytes)?,
        Mode::Structured | Mode::Batched => cloud_events::parse_structured(&bytes)?,
    };
    let input = report(raw, caller, app.inner.desk.now())?;
    let answer = app.inner.desk.submit(vec![input]).await.into_iter().next();
    let accepted = outcome(answer)?;
    Ok(answer::json(StatusCode::OK, &AcceptedBody::of(&accepted)))
}

async fn take_batch(app: &App, caller: &Caller, body: axum::body::Body) -> Result<Response, Problem> {
    let Ok(_place) = app.inner.batches.try_acquire() else {
        body::discard(app, body).await;
        return Err(Problem::busy());
    };
    let bytes = body::read(app, body, Mode::Batched.bytes_max(), "a batch").await?;
    let raws = cloud_events::parse_batch(&bytes)?;
    drop(bytes);
    let now = app.inner.desk.now();
    let mut inputs = Vec::with_capacity(raws.len());
    let mut refused: Vec<Option<Problem>> = Vec::with_capacity(raws.len());
    for raw in raws {
        match raw.and_then(|raw| report(raw, caller, now)) {
            Ok(input) => {
                inputs.push(input);
                refused.push(None);
            }
            Err(problem) => refused.push(Some(problem)),
        }
    }
    let mut answers = if inputs.is_empty() { Vec::new() } else { app.inner.desk.submit(inputs).await }.into_iter();
    let outcomes: Vec<Outcome> = refused
        .into_iter()
        .enumerate()
        .map(|(index, refused)| {
            refused.map_or_else(|| outcome(answers.next()), Err).map_err(|problem| problem.index(index))
        })
        .collect();
    answer_batch(outcomes)
}

/// 200 when everything was accepted, 207 when something wasn't. Where nothing was accepted because the desk takes nothing at all,
/// its own status is the answer, so that a client that knows no 207 tries the whole batch again.
fn answer_batch(outcomes: Vec<Outcome>) -> Result<Response, Problem> {
    let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    if accepted == 0
        && let Some(Err(problem)) = outcomes.iter().find(|outcome| matches!(outcome, Err(problem) if problem.desk_wide))
    {
        let mut problem = problem.clone();
        problem.index = None;
        return Err(problem);
    }
    let status = if accepted == outcomes.len() { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    let items: Vec<ItemBody<'_>> = outcomes.iter().map(ItemBody::of).collect();
    Ok(answer::json(status, &items))
}

/// An event as an input, under the caller's credential.
fn report(raw: Value, caller: &Caller, now: Timestamp) -> Result<Input, Problem> {
    let mut event = Event::parse(raw, now)?;
    if let Caller::Agent(own) = caller {
        match &event.agent {
            Some(named) if named != own => {
                let message = format!("this token is `{own}`'s, and the event names `{named}`");
                return Err(Problem::new(StatusCode::FORBIDDEN, "not_this_agent", message).at("/agentid"));
            }
            Some(_) => {}
            None => {
                if let Value::Object(fields) = &mut event.raw {
                    fields.insert("agentid".to_owned(), Value::from(own.as_str()));
                }
                event.agent = Some(own.clone());
            }
        }
    }
    Ok(Input::Report { event: Box::new(event), origin: caller.origin() })
}

fn outcome(answer: Option<Result<Reply, DeskError>>) -> Outcome {
    match answer {
        Some(Ok(Reply::Accepted(accepted))) => Ok(accepted),
        Some(Err(error)) => Err(error.into()),
        Some(Ok(other)) => Err(DeskError::Internal(format!("a report was answered by {other:?}")).into()),
        None => Err(DeskError::Internal("a report was not answered".to_owned()).into()),
    }
}
