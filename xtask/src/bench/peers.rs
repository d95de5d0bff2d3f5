//! The peers: graphile-worker on PostgreSQL, which keeps what it accepted, Alertmanager, which doesn't, and the floor: the least that keeps it.

mod alertmanager;
mod floor;
mod graphile;

use std::{net::SocketAddr, process::Child, time::Duration};

use alertmanager::Alertmanager;
use floor::Floor;
use graphile::Graphile;

use super::{
    notices::{Pace, Run},
    process,
    sink::Sink,
};
use crate::shell::{TaskError, failed};

/// Tries of a peer's first answer, each after 50 ms.
const TRIES_MAX: u32 = 200;

/// A peer's process, ended when it is dropped.
struct Running(Child);

impl Running {
    async fn answers_at(&self, address: SocketAddr) -> Result<(), TaskError> {
        for _ in 0..TRIES_MAX {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        failed(format!("nothing answers at `{address}`"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        process::end(&mut self.0);
    }
}

/// A peer whose programs are here.
pub(crate) enum Peer {
    /// graphile-worker.
    Graphile(Graphile),
    /// Alertmanager.
    Alertmanager(Alertmanager),
    /// The floor.
    Floor(Floor),
}

impl Peer {
    /// Its name in the table.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Graphile(_) => "graphile-worker on PostgreSQL",
            Self::Alertmanager(_) => "Alertmanager (keeps nothing)",
            Self::Floor(_) => "the floor (accept, commit, send, commit)",
        }
    }

    /// How many times its rate Candor is to reach; zero where the comparison is only told.
    pub(crate) fn bar(&self) -> f64 {
        match self {
            Self::Graphile(_) => 4.0,
            Self::Alertmanager(_) | Self::Floor(_) => 0.0,
        }
    }

    /// A burst through it, into the same sink.
    pub(crate) async fn burst(&self, sink: &Sink, count: u64) -> Result<Run, TaskError> {
        match self {
            Self::Graphile(graphile) => graphile.burst(sink, count).await,
            Self::Alertmanager(alertmanager) => alertmanager.run(sink, count, Pace::Burst).await,
            Self::Floor(floor) => floor.run(sink, count, Pace::Burst).await,
        }
    }

    /// A paced run through it; none where its load only comes in bursts.
    pub(crate) async fn paced(&self, sink: &Sink, count: u64) -> Result<Option<Run>, TaskError> {
        match self {
            Self::Graphile(_) => Ok(None),
            Self::Alertmanager(alertmanager) => alertmanager.run(sink, count, Pace::Paced).await.map(Some),
            Self::Floor(floor) => floor.run(sink, count, Pace::Paced).await.map(Some),
        }
    }
}

/// The peers that can be had here; the others are named with what they need.
pub(crate) async fn present(missing: &mut Vec<String>) -> Result<Vec<Peer>, TaskError> {
    let mut peers = Vec::new();
    match Graphile::find()? {
        Ok(graphile) => peers.push(Peer::Graphile(graphile)),
        Err(why) => missing.push(format!("graphile-worker on PostgreSQL: {why}.")),
    }
    match Alertmanager::find() {
        Some(alertmanager) => peers.push(Peer::Alertmanager(alertmanager)),
        None => missing.push(
            "Alertmanager: it isn't installed (Debian: `apt-get install --no-install-recommends prometheus-alertmanager`)."
                .to_owned(),
        ),
    }
    peers.push(Peer::Floor(Floor::build()?));
    Ok(peers)
}
