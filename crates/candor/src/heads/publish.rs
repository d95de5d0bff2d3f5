//! Sending a head to its places.

use candor_approval::GateKeeper;
use candor_core::{evidence::Origin, ids::TargetName, time::Timestamp};
use candor_path::{Act, Input};
use candor_store::{Listing as _, sqlite::Reader};
use candor_world::places::Document;

use super::{Kept, Shelf, file_name};
use crate::{
    config::{Bound, PublishPlace},
    desk::{Desk, store_failure},
    engine::{Clock, Submitter},
    exit::Failure,
    home::Home,
};

/// Openings that are looked at when a permit is asked for.
const OPENINGS_MAX: usize = 1_000;

/// Who hands a notice in.
pub enum Teller<'a> {
    /// A command.
    Desk(&'a Desk),
    /// The daemon itself.
    Engine(&'a Submitter),
}

impl Teller<'_> {
    async fn tell(&self, target: &TargetName, head: &str) -> Result<(), String> {
        let act = Act::TellHead { target: target.clone(), head: head.to_owned() };
        match self {
            Self::Desk(desk) => desk.act(act).await.map(drop).map_err(|failure| failure.message),
            Self::Engine(engine) => {
                // The operator's own configuration asks for it.
                let input = Input::Operator { act, origin: Origin::Operator };
                engine.submit_one(input).await.map(drop).map_err(|error| error.to_string())
            }
        }
    }
}

/// Sends heads, and keeps what became of it.
pub struct Publisher {
    home: Home,
    shelf: Shelf,
    clock: Clock,
}

impl Publisher {
    /// A publisher of a state folder.
    #[must_use]
    pub fn new(home: &Home, clock: Clock) -> Self {
        Self { home: home.clone(), shelf: Shelf::of(home), clock }
    }

    /// Sends a head to the places that want it, or to all of them; what became of each.
    ///
    /// # Errors
    /// When what became of it can't be kept.
    pub async fn publish<'p>(
        &self,
        places: impl IntoIterator<Item = &'p PublishPlace>,
        kept: &Kept,
        teller: &Teller<'_>,
        all: bool,
    ) -> Result<Vec<(TargetName, Result<(), String>)>, Failure> {
        let mut outcomes = Vec::new();
        for place in places {
            let now = self.clock.now();
            let known = self.shelf.states().remove(place.name.as_str()).unwrap_or_default();
            if !all && !known.wants(&kept.head, place.every, now) {
                continue;
            }
            let outcome = self.send(place, kept, teller).await;
            // Read again: the daemon and a command may both send.
            let mut states = self.shelf.states();
            states.entry(place.name.to_string()).or_default().note(&kept.head, outcome.clone(), self.clock.now());
            self.shelf.write_states(&states)?;
            outcomes.push((place.name.clone(), outcome));
        }
        Ok(outcomes)
    }

    async fn send(&self, place: &PublishPlace, kept: &Kept, teller: &Teller<'_>) -> Result<(), String> {
        let to = match &place.to {
            Bound::Target(target) => return teller.tell(target, &kept.note).await,
            Bound::Place(to) => to,
        };
        let keeper = keeper(&self.home).map_err(|failure| failure.message)?;
        let document = match to.kind() {
            "webhook" => as_event(kept, self.clock.now()),
            _ => Document { name: file_name(&kept.head), content: kept.note.as_bytes().to_vec() },
        };
        let now = || self.clock.now();
        to.put(&keeper, &document, &now).await.map_err(|error| error.to_string())
    }
}

/// A gate keeper over what is on record now.
///
/// # Errors
/// When the store can't be read.
pub fn keeper(home: &Home) -> Result<GateKeeper, Failure> {
    let reader = Reader::open(&home.store()).map_err(store_failure)?;
    Ok(GateKeeper::from_record(reader.all_openings(OPENINGS_MAX).map_err(store_failure)?))
}

/// The body that a webhook gets, in the shape of its notices; the id is the head's file name.
fn as_event(kept: &Kept, now: Timestamp) -> Document {
    let head = &kept.head;
    let body = serde_json::json!({
        "type": "reporting-governance.log.head",
        "timestamp": now,
        "data": { "origin": head.origin, "size": head.size, "note": kept.note },
    });
    Document { name: file_name(head), content: body.to_string().into_bytes() }
}
