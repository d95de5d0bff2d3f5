//! Paths and what answers them.

pub(crate) mod acts;
mod body;
mod events;
mod views;

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::app::{self, App};

/// Every path.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/events", post(events::take))
        .route("/v1/acts", post(acts::take))
        .route("/v1/status", get(views::status))
        .route("/v1/tasks", get(views::tasks))
        // Task ids may hold slashes.
        .route("/v1/tasks/{*id}", get(views::task))
        .route("/v1/notices", get(views::notices))
        .route("/v1/notices/{no}", get(views::notice))
        .route("/v1/decisions/{no}", get(views::decision))
        .route("/v1/events/{no}", get(views::event))
        .route("/v1/evidence", get(views::evidence_of))
        .route("/v1/evidence/{no}", get(views::evidence))
        .route("/v1/gates", get(views::gates))
        .route("/healthz", get(app::healthz))
        .route("/", get(root))
}

/// What somebody sees who opens the address in a browser.
async fn root() -> Response {
    let mut response = include_str!("root.txt").into_response();
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
