//! What a client is told when it gets no 2xx: one shape everywhere.
//!
//! `{"error":{"code","message","at"?,"index"?,"help"?}}`: `code` is for machines and stable, `at` a JSON pointer or a header's
//! name, `index` the place in a batch.

use std::{borrow::Cow, time::Duration};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use candor_audit::json::{JsonError, Refusal as JsonRefusal};
use candor_core::event::EventError;
use candor_path::Refusal;
use serde::Serialize;

use crate::{answer, desk::DeskError};

/// Why a request, or one event of a batch, didn't succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The HTTP status.
    #[serde(skip)]
    pub status: StatusCode,
    /// Stable, for machines.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: Cow<'static, str>,
    /// Where: a JSON pointer into the event or act, or a header's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Cow<'static, str>>,
    /// Which event of a batch, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<&'static str>,
    /// When it is worth trying again.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// Whether it is about the desk and not about this input: then nothing else would be accepted either.
    #[serde(skip)]
    pub(crate) desk_wide: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a Problem,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            at: None,
            index: None,
            help: None,
            retry_after: None,
            desk_wide: false,
        }
    }

    pub(crate) fn at(mut self, at: impl Into<Cow<'static, str>>) -> Self {
        self.at = Some(at.into());
        self
    }

    pub(crate) fn index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    pub(crate) fn help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }

    fn retry(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    fn desk_wide(mut self) -> Self {
        self.desk_wide = true;
        self
    }

    pub(crate) fn too_large(bytes_max: usize, what: &str) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("{what} may have at most {bytes_max} bytes"))
            .help("send less, or the digest of what is large")
    }

    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body took too long to arrive")
    }

    pub(crate) fn broken_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "broken_body", "the body ended before its announced end")
    }

    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "full", "too many batches are being taken in; send it again later")
            .retry(Duration::from_secs(1))
            .desk_wide()
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        match error.refusal {
            JsonRefusal::TooLarge { max_bytes, .. } => Self::too_large(max_bytes, "this document"),
            _ => Self::new(StatusCode::BAD_REQUEST, "bad_json", error.to_string()),
        }
    }
}

impl From<EventError> for Problem {
    fn from(error: EventError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_event", error.what).at(error.at)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal_status(&refusal), refusal.code(), refusal.to_string())
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        match error {
            DeskError::Refused(refusal) => refusal.into(),
            DeskError::Full { retry_after } => {
                Self::new(unavailable, "full", error.to_string()).retry(retry_after).desk_wide()
            }
            DeskError::StoreFull => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "store_full", error.to_string()).desk_wide()
            }
            DeskError::ReadOnly => Self::new(unavailable, "read_only", error.to_string()).desk_wide(),
            DeskError::Stopping => Self::new(unavailable, "stopping", error.to_string()).desk_wide(),
            DeskError::NotFound => Self::new(StatusCode::NOT_FOUND, "not_found", error.to_string()),
            DeskError::Internal(why) => {
                tracing::error!(why, "a request failed inside candor");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "candor failed; its log says why").desk_wide()
            }
        }
    }
}

/// The HTTP status of a refusal: 404 for what isn't there, 403 for what the caller may not do, 409 where the state of things
/// stands against it, 422 for what makes no sense in any state.
#[must_use]
pub fn refusal_status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownTask(_)
        | Refusal::UnknownNotice(_)
        | Refusal::UnknownDelivery { .. }
        | Refusal::UnknownTarget(_)
        | Refusal::UnknownEvidence(_)
        | Refusal::NoItem { .. }
        | Refusal::NoWork(_) => StatusCode::NOT_FOUND,
        Refusal::NotOwner { .. }
        | Refusal::Reserved(_)
        | Refusal::OperatorOnly
        | Refusal::GateClosed(_)
        | Refusal::Approval(_) => StatusCode::FORBIDDEN,
        Refusal::Ended(_)
        | Refusal::TooMany { .. }
        | Refusal::AlreadyAcked(_)
        | Refusal::BeingSent(_)
        | Refusal::NoIncident(_)
        | Refusal::GateNotOpen(_)
        | Refusal::Package(_)
        | Refusal::WorkFull { .. }
        | Refusal::RequestsFull { .. }
        | Refusal::Unwanted(_) => StatusCode::CONFLICT,
        Refusal::UnknownParent(_)
        | Refusal::ReceiptSupports(_)
        | Refusal::NotCollectable(_)
        | Refusal::LongList { .. }
        | Refusal::NotSigned { .. }
        | Refusal::NotPrunable(_)
        | Refusal::Text { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = answer::json(self.status, &Body { error: &self });
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"candor\""));
        }
        if let Some(after) = self.retry_after {
            // A whole number of seconds, rounded up: an earlier try would be in vain.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}
