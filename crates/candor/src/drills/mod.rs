//! Rehearsals of the ways back, one file per lane. Nothing is written: what would change is changed on a copy in memory.

mod channel;
mod deployment;
mod gates;
mod package;
mod stage;

use candor_approval::drill::{Drill, LANES, Lane, LaneStanding, Rehearsed};
use candor_core::{time::Timestamp, work::DocumentKind};
use candor_path::Act;
use candor_store::{Listing as _, sqlite::Reader};

use crate::{
    config::Config,
    desk::{Desk, store_failure},
    engine::Clock,
    exit::{Exit, Failure},
    home::Home,
};

/// What a rehearsal looks at.
pub struct Scene<'a> {
    /// The state folder.
    pub home: &'a Home,
    /// What this deployment goes by.
    pub config: &'a Config,
    /// What is on record.
    pub store: &'a Reader,
    /// When.
    pub now: Timestamp,
}

/// The steps so far. After the first one that is missing, those behind it can't be rehearsed.
#[derive(Default)]
struct Steps(Vec<Rehearsed>);

impl Steps {
    /// Rehearses a step, if none before it is missing; what it hands on, if it is done.
    fn go<T>(&mut self, step: &str, rehearsal: impl FnOnce() -> Result<(T, String), String>) -> Option<T> {
        if self.0.iter().any(|before| !before.done) {
            return None;
        }
        let (done, found, handed) = match rehearsal() {
            Ok((handed, found)) => (true, found, Some(handed)),
            Err(found) => (false, found, None),
        };
        self.0.push(Rehearsed { step: step.to_owned(), done, found });
        handed
    }
}

/// How a lane's steps are rehearsed.
type Rehearsal = fn(&Scene<'_>, &mut Steps);

/// The rehearsal of each lane, in the order of [`LANES`].
const REHEARSALS: [(&str, Rehearsal); 4] = [
    ("close-gates", gates::rehearse),
    ("deployment-rollback", deployment::rehearse),
    ("package-rollback", package::rehearse),
    ("channel-fallback", channel::rehearse),
];

/// Rehearses a lane.
#[must_use]
pub fn rehearse(lane: &Lane, scene: &Scene<'_>) -> Drill {
    let mut steps = Steps::default();
    if let Some((_, rehearsal)) = REHEARSALS.iter().find(|(id, _)| *id == lane.id) {
        rehearsal(scene, &mut steps);
    }
    Drill::of(lane, steps.0)
}

/// Rehearses a lane and puts what came of it on record.
///
/// # Errors
/// When the store can't be read, or it isn't taken.
pub async fn record(desk: &Desk, home: &Home, config: &Config, lane: &Lane) -> Result<Drill, Failure> {
    let store = Reader::open(&home.store()).map_err(store_failure)?;
    let drill = rehearse(lane, &Scene { home, config, store: &store, now: Clock::from_env().now() });
    let body = serde_json::to_value(&drill).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    desk.act(Act::Keep { kind: DocumentKind::Drill, key: lane.id.to_owned(), body }).await?;
    Ok(drill)
}

/// How each lane stands, by its last drill on record.
///
/// # Errors
/// When the store can't be read.
pub fn standings(store: &Reader, now: Timestamp) -> Result<Vec<(&'static Lane, LaneStanding)>, Failure> {
    let stands = |lane: &'static Lane| {
        let kept = store.document_by_key(DocumentKind::Drill, lane.id).map_err(store_failure)?;
        // One that doesn't read shows nothing.
        let last = kept.and_then(|kept| Some((kept.at, serde_json::from_value::<Drill>(kept.body).ok()?)));
        Ok((lane, LaneStanding::of(lane, last.as_ref().map(|(at, drill)| (*at, drill)), now)))
    };
    lanes().iter().map(stands).collect()
}

/// Every lane.
#[must_use]
pub fn lanes() -> &'static [Lane] {
    &LANES
}

/// A failure as what a step found.
fn found(failure: Failure) -> String {
    match failure.hint {
        Some(hint) => format!("{}; {hint}", failure.message),
        None => failure.message,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_lane_has_its_rehearsal() {
        let rehearsed: Vec<&str> = REHEARSALS.iter().map(|(id, _)| *id).collect();
        assert_eq!(rehearsed, LANES.iter().map(|lane| lane.id).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_rehearsed_behind_a_missing_step() {
        let mut steps = Steps::default();
        assert_eq!(steps.go("one", || Ok((1, "so".to_owned()))), Some(1));
        assert_eq!(steps.go::<u8>("two", || Err("not so".to_owned())), None);
        assert_eq!(steps.go::<u8>("three", || unreachable!()), None);
        let told: Vec<_> = steps.0.iter().map(|step| (step.step.as_str(), step.done)).collect();
        assert_eq!(told, [("one", true), ("two", false)]);
        assert_eq!(steps.0.last().unwrap().found, "not so");
    }
}
