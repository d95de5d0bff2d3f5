//! `POST /v1/acts`: what an operator does.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use candor_audit::json;
use candor_core::{
    approval::Signed,
    evidence::Origin,
    gate::{Gate, Scope},
    ids::{ApprovalNo, EvidenceNo, NoticeNo, TargetName, WorkNo},
    package::Change,
    work::{DocumentKind, Wanted},
};
use candor_path::{Act, Deployed, Input};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::body;
use crate::{
    answer::{self, ActBody},
    app::App,
    cloud_events::require_json,
    desk::DeskError,
    limits::ACT_BYTES_MAX,
    problem::Problem,
};

/// An act as it comes.
#[derive(Deserialize, Serialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
enum ActRequest {
    Retry {
        notice: NoticeNo,
        #[serde(default)]
        target: Option<TargetName>,
    },
    Resolve {
        notice: NoticeNo,
        #[serde(default)]
        target: Option<TargetName>,
        note: String,
    },
    Acknowledge {
        notice: NoticeNo,
        by: String,
    },
    Test {
        #[serde(default)]
        target: Option<TargetName>,
    },
    Verify {
        evidence: EvidenceNo,
    },
    RecordPackage {
        package: Value,
        evidence: Value,
    },
    Approve {
        signed: Signed,
    },
    Revoke {
        signed: Signed,
    },
    Keep {
        kind: DocumentKind,
        key: String,
        body: Value,
    },
    Want {
        wanted: Wanted,
    },
    Withdraw {
        work: WorkNo,
    },
    CloseItem {
        kind: DocumentKind,
        key: String,
        note: String,
    },
    TakeUse {
        gates: Vec<Gate>,
        #[serde(default)]
        scope: Scope,
        what: String,
    },
    CloseGate {
        gate: Gate,
        #[serde(default)]
        under: Option<ApprovalNo>,
    },
    Exported {
        bundle: String,
        about: String,
        records: u64,
        tree_size: u64,
    },
    Package {
        change: Change,
        package: String,
        manifest_sha256: String,
        key: String,
        #[serde(default)]
        before: Option<String>,
    },
    Deployed(Box<Deployed>),
    BundleRead {
        bundle: String,
        about: String,
        how: String,
    },
    RotateKey {
        rotation: String,
    },
    TellHead {
        target: TargetName,
        head: String,
    },
}

impl From<ActRequest> for Act {
    fn from(request: ActRequest) -> Self {
        match request {
            ActRequest::Retry { notice, target } => Self::Retry { notice, target },
            ActRequest::Resolve { notice, target, note } => Self::Resolve { notice, target, note },
            ActRequest::Acknowledge { notice, by } => Self::Acknowledge { notice, by },
            ActRequest::Test { target } => Self::Test { target },
            ActRequest::Verify { evidence } => Self::Verify { evidence },
            ActRequest::RecordPackage { package, evidence } => Self::RecordPackage { package, evidence },
            ActRequest::Approve { signed } => Self::Approve { signed },
            ActRequest::Revoke { signed } => Self::Revoke { signed },
            ActRequest::Keep { kind, key, body } => Self::Keep { kind, key, body },
            ActRequest::Want { wanted } => Self::Want { wanted },
            ActRequest::Withdraw { work } => Self::Withdraw { work },
            ActRequest::CloseItem { kind, key, note } => Self::CloseItem { kind, key, note },
            ActRequest::TakeUse { gates, scope, what } => Self::TakeUse { gates, scope, what },
            ActRequest::CloseGate { gate, under } => Self::CloseGate { gate, under },
            ActRequest::Exported { bundle, about, records, tree_size } => {
                Self::Exported { bundle, about, records, tree_size }
            }
            ActRequest::Package { change, package, manifest_sha256, key, before } => {
                Self::Package { change, package, manifest_sha256, key, before }
            }
            ActRequest::Deployed(deployed) => Self::Deployed(deployed),
            ActRequest::BundleRead { bundle, about, how } => Self::BundleRead { bundle, about, how },
            ActRequest::RotateKey { rotation } => Self::RotateKey { rotation },
            ActRequest::TellHead { target, head } => Self::TellHead { target, head },
        }
    }
}

impl ActRequest {
    fn of(act: &Act) -> Option<Self> {
        Some(match act.clone() {
            Act::Retry { notice, target } => Self::Retry { notice, target },
            Act::Resolve { notice, target, note } => Self::Resolve { notice, target, note },
            Act::Acknowledge { notice, by } => Self::Acknowledge { notice, by },
            Act::Test { target } => Self::Test { target },
            Act::Verify { evidence } => Self::Verify { evidence },
            Act::RecordPackage { package, evidence } => Self::RecordPackage { package, evidence },
            Act::Approve { signed } => Self::Approve { signed },
            Act::Revoke { signed } => Self::Revoke { signed },
            Act::Keep { kind, key, body } => Self::Keep { kind, key, body },
            Act::Want { wanted } => Self::Want { wanted },
            Act::Withdraw { work } => Self::Withdraw { work },
            Act::CloseItem { kind, key, note } => Self::CloseItem { kind, key, note },
            Act::TakeUse { gates, scope, what } => Self::TakeUse { gates, scope, what },
            Act::CloseGate { gate, under } => Self::CloseGate { gate, under },
            Act::Exported { bundle, about, records, tree_size } => Self::Exported { bundle, about, records, tree_size },
            Act::Package { change, package, manifest_sha256, key, before } => {
                Self::Package { change, package, manifest_sha256, key, before }
            }
            Act::Deployed(deployed) => Self::Deployed(deployed),
            Act::BundleRead { bundle, about, how } => Self::BundleRead { bundle, about, how },
            Act::RotateKey { rotation } => Self::RotateKey { rotation },
            Act::TellHead { target, head } => Self::TellHead { target, head },
            // A step of a pruning, which whoever does it hands in where it is done.
            Act::Prune { .. } => return None,
        })
    }
}

/// An act in the form that `POST /v1/acts` takes.
#[must_use]
pub fn act_to_json(act: &Act) -> Value {
    // Our own acts have string keys and finite numbers, so this can't fail; null would show if it did.
    ActRequest::of(act).and_then(|request| serde_json::to_value(request).ok()).unwrap_or(Value::Null)
}

/// What `POST /v1/acts` answers when an act was taken.
#[must_use]
pub fn act_reply_to_json(reply: &candor_path::Reply) -> Value {
    serde_json::to_value(ActBody::of(reply)).unwrap_or(Value::Null)
}

pub(super) async fn take(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(problem) = app.inner.tokens().operator(&parts.headers).and_then(|()| require_json(&parts.headers)) {
        body::discard(&app, body).await;
        return problem.into_response();
    }
    act(&app, body).await.unwrap_or_else(Problem::into_response)
}

async fn act(app: &App, body: axum::body::Body) -> Result<Response, Problem> {
    let bytes = body::read(app, body, ACT_BYTES_MAX, "an act").await?;
    let act = parse(&bytes)?;
    let input = Input::Operator { act, origin: Origin::Operator };
    match app.inner.desk.submit(vec![input]).await.into_iter().next() {
        Some(reply) => Ok(answer::json(StatusCode::OK, &ActBody::of(&reply?))),
        None => Err(DeskError::Internal("an act was not answered".to_owned()).into()),
    }
}

fn parse(bytes: &[u8]) -> Result<Act, Problem> {
    let raw = json::parse(bytes, ACT_BYTES_MAX)?;
    let refuse = |message: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_act", message);
    if !raw.is_object() {
        return Err(refuse("an act must be a JSON object".to_owned()));
    }
    let request: ActRequest = serde_json::from_value(raw).map_err(|error| refuse(error.to_string()))?;
    Ok(request.into())
}
