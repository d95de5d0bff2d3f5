//! Connections: accepted within bounds, served one request after the other, and ended in order.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time,
};

use crate::{
    app::App,
    limits::{
        BODY_READ_MAX, CONNECTION_LIFE_MAX, CONNECTIONS_MAX, FINISH_MAX, HEADER_BYTES_MAX, HEADER_READ_MAX,
        HEADERS_MAX, READ_BUFFER_BYTES_MAX,
    },
};

/// Pause after an accept that failed for want of file descriptors or memory: trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one server grants its clients. The defaults are the constants of [`limits`](crate::limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most connections at the same time.
    pub connections: usize,
    /// Longest time for a header section.
    pub header_read: Duration,
    /// Longest time for a body.
    pub body_read: Duration,
    /// Longest life of a connection.
    pub connection_life: Duration,
    /// Longest time for requests in flight at the end.
    pub finish: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            header_read: HEADER_READ_MAX,
            body_read: BODY_READ_MAX,
            connection_life: CONNECTION_LIFE_MAX,
            finish: FINISH_MAX,
        }
    }
}

/// Serves until `shutdown` is done. Then nothing new is accepted, requests in flight finish within [`Bounds::finish`], and what is
/// still open after that is cut.
///
/// # Errors
/// When the listener's address isn't a loopback one, or can't be read: this speaks plain HTTP and is for this machine alone.
pub async fn serve(listener: TcpListener, app: App, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        let why = format!("`{address}` is not a loopback address; listen on `127.0.0.1` or `[::1]`");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let bounds = app.inner.bounds;
    let router = app.router();
    let slots = Arc::new(Semaphore::new(bounds.connections));
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (slot, stream) = accepted => match stream {
                Ok((stream, _)) => {
                    let serving = serve_one(stream, router.clone(), bounds, stopping.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection couldn't be accepted");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drop(stop);
    let finished = time::timeout(bounds.finish, async { while connections.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        tracing::warn!(cut = connections.len(), "requests were cut: they didn't finish in time");
    }
    Ok(())
}

/// Serves one connection until it ends, grows too old, or the server stops.
async fn serve_one(stream: TcpStream, router: Router, bounds: Bounds, mut stopping: watch::Receiver<()>) {
    // Answers are small and written whole: waiting to fill a packet would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection stays with delayed packets");
    }
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.header_read)
            .max_header_size(HEADER_BYTES_MAX)
            .max_buf_size(READ_BUFFER_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        // The sender never sends: it is dropped when the server stops.
        _ = stopping.changed() => None,
        () = time::sleep(bounds.connection_life) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            time::timeout(bounds.finish, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended out of order");
    }
}
