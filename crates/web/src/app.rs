//! What answers, and which path leads where.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::{
    api,
    credentials::{Tokens, TokensError},
    desk::Desk,
    guard,
    limits::BATCHES_IN_FLIGHT_MAX,
    problem::Problem,
    serve::Bounds,
};

/// What `/healthz` says beside `ok`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct About {
    /// What this process does, such as `up`.
    pub role: String,
    /// The version of the program.
    pub version: String,
}

/// Everything that a request needs. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) desk: Arc<dyn Desk>,
    tokens: RwLock<Arc<Tokens>>,
    pub(crate) about: About,
    pub(crate) bounds: Bounds,
    pub(crate) batches: Semaphore,
}

impl Inner {
    /// The credentials that hold now.
    pub(crate) fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(&self.tokens.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl App {
    /// An app in front of a desk.
    ///
    /// # Errors
    /// [`TokensError::Shared`] when one token stands for two.
    pub fn new(desk: Arc<dyn Desk>, tokens: Tokens, about: About, bounds: Bounds) -> Result<Self, TokensError> {
        tokens.check()?;
        let batches = Semaphore::new(BATCHES_IN_FLIGHT_MAX);
        let tokens = RwLock::new(Arc::new(tokens));
        Ok(Self { inner: Arc::new(Inner { desk, tokens, about, bounds, batches }) })
    }

    /// Other credentials from now on: who is left out is unknown with the next request.
    ///
    /// # Errors
    /// [`TokensError::Shared`] when one token stands for two; the old ones stay.
    pub fn adopt_tokens(&self, tokens: Tokens) -> Result<(), TokensError> {
        tokens.check()?;
        *self.inner.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
        Ok(())
    }

    /// The app as an axum router, guarded. [`serve`](crate::serve()) is the usual way to run it.
    pub fn router(&self) -> Router {
        api::routes()
            .fallback(async || {
                Problem::new(StatusCode::NOT_FOUND, "no_such_path", "nothing answers here")
                    .help("`GET /` says what does")
            })
            .method_not_allowed_fallback(async || {
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path takes another method")
                    .help("the `Allow` header names it")
            })
            .layer(middleware::from_fn(guarded))
            .with_state(self.clone())
    }
}

async fn guarded(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match guard::check(&parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    }
}

pub(crate) async fn healthz(State(app): State<App>) -> Response {
    #[derive(Serialize)]
    struct Health<'a> {
        ok: bool,
        role: &'a str,
        version: &'a str,
    }
    let About { role, version } = &app.inner.about;
    crate::answer::json(StatusCode::OK, &Health { ok: true, role, version })
}
