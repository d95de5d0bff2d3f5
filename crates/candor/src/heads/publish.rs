//! Sending a head to its places.

use candor_approval::{GateKeeper, signers::Owners};
use candor_core::{
    evidence::Origin,
    gate::{Gate, Grant, Scope},
    ids::TargetName,
    time::Timestamp,
};
use candor_path::{Act, Input, Reply};
use candor_world::places::Document;

use super::{Kept, Shelf, file_name};
use crate::{
    config::{Bound, PublishPlace},
    desk::Desk,
    engine::{Clock, Submitter},
    exit::Failure,
    home::Home,
};

/// Who hands a notice in.
pub enum Teller<'a> {
    /// A command.
    Desk(&'a Desk),
    /// The daemon itself.
    Engine(&'a Submitter),
}

impl Teller<'_> {
    /// Takes one use of each gate toward a place.
    async fn take(&self, gates: Vec<Gate>, place: &TargetName, what: String) -> Result<Vec<Grant>, String> {
        let act = Act::TakeUse { gates, scope: Scope::channel(place), what };
        match self {
            Self::Desk(desk) => {
                let told = desk.act(act).await.map_err(|failure| failure.message)?;
                let grants = told.get("grants").cloned().unwrap_or_default();
                serde_json::from_value(grants).map_err(|error| error.to_string())
            }
            Self::Engine(engine) => {
                let input = Input::Operator { act, origin: Origin::Operator };
                match engine.submit_one(input).await.map_err(|error| error.to_string())? {
                    Reply::Grants(grants) => Ok(grants),
                    other => Err(format!("the store answered with {other:?}")),
                }
            }
        }
    }

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
    owners: Owners,
    shelf: Shelf,
    clock: Clock,
}

impl Publisher {
    /// A publisher of a state folder, where these owners' signatures open gates.
    #[must_use]
    pub fn new(home: &Home, owners: Owners, clock: Clock) -> Self {
        Self { owners, shelf: Shelf::of(home), clock }
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
        let what = format!("send the log's head of {} records to `{}`", kept.head.size, to.name());
        let mut keeper = match to.gates() {
            gates if gates.is_empty() => GateKeeper::from_record(Owners::default(), Vec::new()),
            gates => GateKeeper::from_record(self.owners.clone(), teller.take(gates, to.name(), what).await?),
        };
        let document = match to.kind() {
            "webhook" => as_event(kept, self.clock.now()),
            _ => Document { name: file_name(&kept.head), content: kept.note.as_bytes().to_vec() },
        };
        let now = || self.clock.now();
        to.put(&mut keeper, &document, &now).await.map_err(|error| error.to_string())
    }
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
