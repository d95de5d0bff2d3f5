//! What a client is told when it gets a 2xx.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use candor_core::{
    approval::{Approval, PackageRow},
    decision::{CapabilityGap, Decision, Verdict},
    evidence::Evidence,
    gate::{Grant, Opening},
    ids::{ClaimNo, DecisionNo, EventNo, EvidenceNo, NoticeNo, RequestNo},
    task::Incident,
    work::{Document, Work},
};
use candor_path::{Accepted, Reply};
use serde::{Serialize, Serializer};

use crate::problem::Problem;

/// Writes a value as the body of an answer.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(256);
    // Our own answers have string keys and finite numbers, so this can't fail; an empty body would show if it did.
    if let Err(error) = serde_json::to_writer(&mut bytes, value) {
        tracing::error!(%error, "an answer couldn't be written as JSON");
        bytes.clear();
    }
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A report that was accepted.
#[derive(Serialize)]
pub(crate) struct AcceptedBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folded: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<ClaimNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<NoticeNo>,
}

/// What policy made of it; for a duplicate only the number, as it was told before.
#[derive(Serialize)]
struct DecisionBody<'a> {
    no: DecisionNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<&'a CapabilityGap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Vec<RuleBody<'a>>>,
}

#[derive(Serialize)]
struct RuleBody<'a> {
    rule: &'a str,
    verdict: Verdict,
    message: &'a str,
}

impl<'a> AcceptedBody<'a> {
    pub(crate) fn of(accepted: &'a Accepted) -> Self {
        Self {
            status: None,
            accepted: true,
            event: accepted.event,
            duplicate: accepted.event.map(|_| accepted.duplicate),
            folded: accepted.event.is_none().then_some(true),
            decision: match (&accepted.decision, accepted.decision_no) {
                (Some(decision), _) => Some(DecisionBody::of(decision)),
                (None, Some(no)) => Some(DecisionBody { no, requested: None, effective: None, gap: None, rules: None }),
                (None, None) => None,
            },
            claim: accepted.claim,
            evidence: accepted.evidence,
            request: accepted.request,
            notice: accepted.notice,
        }
    }
}

impl<'a> DecisionBody<'a> {
    fn of(decision: &'a Decision) -> Self {
        let rules = decision
            .rules
            .iter()
            .map(|hit| RuleBody { rule: &hit.rule, verdict: hit.verdict, message: &hit.message })
            .collect();
        Self {
            no: decision.no,
            requested: Some(decision.requested),
            effective: Some(decision.effective),
            gap: decision.gap.as_ref(),
            rules: Some(rules),
        }
    }
}

/// One event of a batch, with the HTTP status that it would have had alone.
pub(crate) enum ItemBody<'a> {
    Accepted(AcceptedBody<'a>),
    Refused(&'a Problem),
}

#[derive(Serialize)]
struct RefusedBody<'a> {
    status: u16,
    accepted: bool,
    error: &'a Problem,
}

impl<'a> ItemBody<'a> {
    pub(crate) fn of(outcome: &'a Result<Box<Accepted>, Problem>) -> Self {
        match outcome {
            Ok(accepted) => {
                let status = Some(StatusCode::OK.as_u16());
                Self::Accepted(AcceptedBody { status, ..AcceptedBody::of(accepted) })
            }
            Err(problem) => Self::Refused(problem),
        }
    }
}

impl Serialize for ItemBody<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Accepted(body) => body.serialize(to),
            Self::Refused(error) => RefusedBody { status: error.status.as_u16(), accepted: false, error }.serialize(to),
        }
    }
}

/// What became of an operator's act.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActBody<'a> {
    /// Deliveries moved; how many.
    Moved(u64),
    /// The notice that was created.
    Notice(NoticeNo),
    /// The incident as it now is.
    Incident(&'a Incident),
    /// The gate's opening as it now is.
    Opening(&'a Opening),
    /// The evidence record as it now is.
    Evidence(&'a Evidence),
    /// The approval as it now is.
    Approval(&'a Approval),
    /// The approval package that is on record.
    Package(&'a PackageRow),
    /// The work as it now is.
    Work(&'a Work),
    /// The document that is on record.
    Document(&'a Document),
    /// The uses of gates that were taken.
    Grants(&'a [Grant]),
    /// It is done, or under way.
    Done(bool),
}

impl<'a> ActBody<'a> {
    pub(crate) fn of(reply: &'a Reply) -> Self {
        match reply {
            Reply::Moved(count) => Self::Moved(*count),
            Reply::Notice(no) => Self::Notice(*no),
            Reply::Incident(incident) => Self::Incident(incident),
            Reply::Opening(opening) => Self::Opening(opening),
            Reply::Evidence(evidence) => Self::Evidence(evidence),
            Reply::Approval(approval) => Self::Approval(approval),
            Reply::Package(package) => Self::Package(package),
            Reply::Work(work) => Self::Work(work),
            Reply::Document(document) => Self::Document(document),
            Reply::Grants(grants) => Self::Grants(grants),
            Reply::Accepted(_) | Reply::Owner(_) | Reply::Done => Self::Done(true),
        }
    }
}
