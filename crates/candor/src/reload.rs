//! Reading the configuration again while a daemon runs.

use std::convert::Infallible;

use candor_core::time::Timestamp;
use candor_web::App;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    commands::up::tokens,
    config::{Config, Upkeep},
    desk::{Adopted, DaemonFile, RefusedConfig},
    engine::Submitter,
    exit::{Exit, Failure},
    home::Home,
    output,
};

const HOLDS: &str = "the configuration was read again and holds from now on";
const HOLDS_NOT: &str = "the configuration was read again and can't be used; the old one still holds";

/// What a daemon needs to go by another configuration.
pub struct Reloader {
    pub home: Home,
    pub submitter: Submitter,
    pub app: App,
    /// What it wrote about itself.
    pub daemon: DaemonFile,
    /// What heads and prunings go by.
    pub upkeep: watch::Sender<Upkeep>,
}

/// The same for a role that runs without an API: with every SIGHUP it goes by what the configuration says then.
pub async fn on_hangup(home: &Home, submitter: &Submitter) -> Infallible {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return std::future::pending().await };
    loop {
        hangup.recv().await;
        let adopted = match Config::load(home) {
            Ok(config) => submitter.adopt(config.into_rules()).await.map_err(|error| error.to_string()),
            Err(failure) => Err(failure.message),
        };
        match adopted {
            Ok(()) => output::note(HOLDS),
            Err(why) => output::note(format!("{HOLDS_NOT}: {why}")),
        }
    }
}

impl Reloader {
    /// Reads the configuration again with every SIGHUP. One that is wrong changes nothing; what came of it stands in the daemon's file.
    pub async fn on_hangup(mut self) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            // Without a handler the signal ends the process by itself.
            return std::future::pending().await;
        };
        while hangup.recv().await.is_some() {
            let now = self.submitter.now();
            match Config::load(&self.home) {
                Ok(config) => {
                    let digest = config.digest.clone();
                    match self.adopt(config).await {
                        Ok(()) => self.adopted(digest, now),
                        Err(failure) => self.refused(Some(digest), now, failure),
                    }
                }
                Err(failure) => self.refused(None, now, failure),
            }
            if let Err(failure) = self.daemon.write(&self.home) {
                output::note(failure.message);
            }
        }
    }

    async fn adopt(&self, config: Config) -> Result<(), Failure> {
        let tokens = tokens(&self.home, &config)?;
        let wrong = |error: &dyn std::fmt::Display| Failure::new(Exit::Config, error.to_string());
        self.app.adopt_tokens(tokens).map_err(|error| wrong(&error))?;
        let upkeep = config.upkeep();
        self.submitter.adopt(config.into_rules()).await.map_err(|error| wrong(&error))?;
        self.upkeep.send_replace(upkeep);
        Ok(())
    }

    fn adopted(&mut self, digest: String, at: Timestamp) {
        output::note(HOLDS);
        self.daemon.configuration = Adopted { digest, at, refused: None };
    }

    fn refused(&mut self, digest: Option<String>, at: Timestamp, failure: Failure) {
        output::note(format!("{HOLDS_NOT}: {}", failure.message));
        self.daemon.configuration.refused = Some(RefusedConfig { digest, at, why: failure.message });
    }
}
