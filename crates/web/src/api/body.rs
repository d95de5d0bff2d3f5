//! Bodies: read within a size and a time.

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use tokio::time;

use crate::{app::App, limits::DISCARD_BYTES_MAX, problem::Problem};

/// Reads a body of at most `bytes_max` bytes. `what` names it in the refusal.
pub(super) async fn read(app: &App, body: Body, bytes_max: usize, what: &str) -> Result<Bytes, Problem> {
    match time::timeout(app.inner.bounds.body_read, collect(body, bytes_max)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(Problem::too_large(bytes_max, what)),
        Ok(Err(_)) => Err(Problem::broken_body()),
        Err(_) => Err(Problem::too_slow()),
    }
}

/// Drops the rest of a body that nobody wants. A connection that is closed on unread bytes is reset, and the client would never
/// see why it was refused.
pub(super) async fn discard(app: &App, body: Body) {
    // What went wrong on the way changes nothing: the refusal is sent if it can be.
    let _ = time::timeout(app.inner.bounds.body_read, collect(body, 0)).await;
}

/// The whole body; none when it has more than `bytes_max`. What is beyond is read and dropped, up to a limit.
async fn collect(mut body: Body, bytes_max: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut whole = Vec::new();
    let mut first = Bytes::new();
    let mut total = 0_usize;
    if body.size_hint().lower() > DISCARD_BYTES_MAX as u64 {
        return Ok(None);
    }
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        total = total.saturating_add(data.len());
        if total > DISCARD_BYTES_MAX {
            return Ok(None);
        }
        if total > bytes_max {
            (whole, first) = (Vec::new(), Bytes::new());
        } else if total == data.len() {
            // Most bodies come in one piece, which then needs no copy.
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    if total > bytes_max {
        return Ok(None);
    }
    Ok(Some(if whole.is_empty() { first } else { Bytes::from(whole) }))
}
