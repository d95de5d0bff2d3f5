//! Level 1: what is on record is sealed and has the shape of its kind; descriptors, profiles and packs read.

use std::collections::BTreeMap;

use candor_audit::{header::Header, kind::Kind, merkle, seal};
use candor_core::{
    claim::Claim,
    decision::Decision,
    event::Event,
    evidence::{Evidence, Origin},
    gate::Opening,
    notice::{Notice, Receipt},
    pack::lint,
    task::Incident,
    time::Timestamp,
};
use candor_store::{Listing as _, LogEntry, sqlite::Reader};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Level, Saw, Verified, scratch::Scratch};
use crate::{
    config::{self, Config, Deployment, Shelf},
    engine::Clock,
    home::Home,
};

/// How many of the newest records of the deployment are looked at.
const RECORDS_MAX: u64 = 10_000;

/// The classes of artifacts that the deployment model validates, each as kinds of record.
const CLASSES: [(&str, &[Kind]); 6] = [
    ("event artifacts", &[Kind::Event]),
    ("evidence artifacts", &[Kind::Evidence, Kind::Claim]),
    ("decision outputs", &[Kind::Decision, Kind::Incident]),
    ("queue items and spool artifacts", &[Kind::Queue, Kind::Spool]),
    ("receipts", &[Kind::Receipt]),
    ("profile snapshots and capability descriptors on record", &[Kind::Profile, Kind::Capability]),
];

pub(super) fn verify(home: &Home, scratch: Option<&Scratch>) -> Vec<Verified> {
    let mut all = Vec::new();
    let mut add = |check: &str, saw: Saw| all.push(Verified::of(Level::Artifacts, check, saw));
    // What the deployment has on record; and, so that no class is left out, what a run made just now.
    let mut found: BTreeMap<&str, Result<u64, String>> = CLASSES.iter().map(|(class, _)| (*class, Ok(0))).collect();
    let mut sealed: Result<u64, String> = Ok(0);
    let homes = [Some(home.clone()), scratch.map(Scratch::home)];
    for place in homes.into_iter().flatten().filter(|place| place.store().exists()) {
        look(&place, &mut found, &mut sealed);
    }
    add("records are sealed, in order", sealed.map(|count| format!("{count} records")));
    for (class, _) in CLASSES {
        let saw = found.remove(class).unwrap_or(Ok(0));
        // Evidence is a class that a run need not have.
        let none = saw == Ok(0) && class != "evidence artifacts";
        add(
            class,
            if none {
                Err("there is none, not even of a run made just now".to_owned())
            } else {
                saw.map(|count| format!("{count} of its shape"))
            },
        );
    }
    add("capability descriptors", documents(home, Shelf::Capabilities));
    add("deployment profiles", documents(home, Shelf::Profiles));
    add("policy packs", packs(home));
    all
}

/// How many of the newest records are sealed, in order; or what is wrong with the first that isn't.
pub(super) fn records(home: &Home) -> Result<u64, String> {
    let mut sealed = Ok(0);
    look(home, &mut BTreeMap::new(), &mut sealed);
    sealed
}

fn look(place: &Home, found: &mut BTreeMap<&str, Result<u64, String>>, sealed: &mut Result<u64, String>) {
    let entries = || -> Result<(u64, u64, Vec<LogEntry>), candor_store::StoreError> {
        let reader = Reader::open(&place.store())?;
        let length = reader.head()?.length;
        let from = length.saturating_sub(RECORDS_MAX);
        Ok((from, length, reader.log(from, usize::try_from(RECORDS_MAX).unwrap_or(usize::MAX))?))
    };
    let (from, length, entries) = match entries() {
        Ok(read) => read,
        Err(error) => {
            *sealed = Err(error.to_string());
            return;
        }
    };
    let upto = from + entries.len() as u64;
    if upto < length {
        *sealed = Err(format!("record {upto} of {length} is missing: the log lost its end"));
    }
    let now = Clock::from_env().now();
    for (entry, index) in entries.iter().zip(from..) {
        let header = match whole(entry, index) {
            Ok(header) => header,
            Err(why) => {
                *sealed = Err(why);
                continue;
            }
        };
        *sealed = std::mem::replace(sealed, Ok(0)).map(|count| count + 1);
        let Some((class, _)) = CLASSES.iter().find(|(_, kinds)| kinds.contains(&header.kind)) else { continue };
        let Some(saw) = found.get_mut(class) else { continue };
        if entry.is_pruned() {
            continue;
        }
        match shape(header.kind, &entry.body, now) {
            Ok(()) => *saw = std::mem::replace(saw, Ok(0)).map(|count| count + 1),
            Err(why) => *saw = Err(format!("record {index}, of kind {}: {why}", header.kind.as_str())),
        }
    }
}

fn whole(entry: &LogEntry, index: u64) -> Result<Header, String> {
    let leaf = merkle::log_leaf(&entry.header_line);
    // Of what was pruned the header is left, and its place in the log.
    let header = match entry.is_pruned() {
        true => seal::check_header(&entry.header_line, &leaf),
        false => seal::check(&entry.header_line, &leaf, &entry.nonce, &entry.body),
    };
    let header = header.map_err(|error| format!("record {index} was changed: {error}"))?;
    if header.index == index {
        Ok(header)
    } else {
        Err(format!("record {index} says that it is record {}", header.index))
    }
}

/// Whether a record has the shape of its kind: the types that wrote it read it.
fn shape(kind: Kind, body: &[u8], now: Timestamp) -> Result<(), String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let part = |at: &str| value.pointer(at).cloned().ok_or_else(|| format!("it has no `{at}`"));
    match kind {
        Kind::Event => reported(&value, now),
        Kind::Evidence => reads::<Evidence>(value.clone()),
        Kind::Claim => reads::<Claim>(value.clone()),
        Kind::Decision => reads::<Decision>(value.clone()),
        Kind::Incident => reads::<Incident>(value.clone()),
        Kind::Queue => reads::<Notice>(part("/notice")?),
        Kind::Spool => {
            ["/notice", "/target", "/lease", "/attempt", "/key"].iter().try_for_each(|at| part(at).map(drop))
        }
        Kind::Receipt => reads::<Receipt>(value.clone()),
        Kind::Profile => ["/profile", "/settings"].iter().try_for_each(|at| part(at).map(drop)),
        Kind::Capability => ["/descriptor", "/standing"].iter().try_for_each(|at| part(at).map(drop)),
        Kind::Gate => reads::<Opening>(value.clone()),
        _ => Ok(()),
    }
}

/// What came from outside reads as it did when it came; what Candor concluded has what every event has.
fn reported(body: &Value, now: Timestamp) -> Result<(), String> {
    let event = body.get("event").ok_or("it has no `event`")?;
    if body.get("origin").is_none_or(|origin| *origin != serde_json::json!(Origin::Candor)) {
        return Event::parse(event.clone(), now).map(drop).map_err(|error| error.to_string());
    }
    let missing =
        ["specversion", "type", "id", "source", "subject"].into_iter().find(|field| event.get(*field).is_none());
    missing.map_or(Ok(()), |field| Err(format!("it has no `{field}`")))
}

fn reads<T: DeserializeOwned>(value: Value) -> Result<(), String> {
    serde_json::from_value::<T>(value).map(drop).map_err(|error| error.to_string())
}

fn documents(home: &Home, shelf: Shelf) -> Saw {
    let documents = shelf.list(home).map_err(|failure| failure.message)?;
    let now = Clock::from_env().now();
    for document in &documents {
        match shelf {
            Shelf::Profiles => Deployment::with(document, home, now).map(drop),
            Shelf::Capabilities => config::descriptor(document).map(drop),
        }
        .map_err(|failure| failure.message)?;
    }
    Ok(documents.iter().map(|document| document.id.as_str()).collect::<Vec<_>>().join(", "))
}

/// Each pack loads, and what its golden cases say comes true.
fn packs(home: &Home) -> Saw {
    let config = Config::load(home).map_err(|failure| failure.message)?;
    let wrong: Vec<String> = config
        .deployment
        .sources
        .iter()
        .flat_map(|source| lint(source).into_iter().map(|error| error.to_string()))
        .collect();
    if wrong.is_empty() { Ok(config.machine.packs.names().join(", ")) } else { Err(wrong.join("; ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What reads as its kind, and the same with one thing wrong.
    #[test]
    fn a_record_without_the_shape_of_its_kind_is_found() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let event = json!({
            "specversion": "1.0", "id": "1", "source": "/x", "subject": "t", "type": "reporting-governance.task.started",
        });
        let good: Vec<(Kind, Value, &str)> = vec![
            (Kind::Event, json!({ "no": "e-1", "origin": "agent", "event": event }), "/event/type"),
            (Kind::Event, json!({ "no": "e-1", "origin": "candor", "event": event }), "/event/subject"),
            (Kind::Spool, json!({ "notice": "n-1", "target": "t", "lease": {}, "attempt": 1, "key": "k" }), "/lease"),
            (Kind::Profile, json!({ "profile": "x", "settings": {} }), "/settings"),
            (Kind::Capability, json!({ "descriptor": "x", "standing": [] }), "/standing"),
        ];
        for (kind, body, at) in good {
            let bytes = body.to_string();
            assert_eq!(shape(kind, bytes.as_bytes(), now), Ok(()), "{}", kind.as_str());
            let mut wrong = body;
            let (above, name) = at.rsplit_once('/').unwrap_or_default();
            wrong.pointer_mut(above).and_then(Value::as_object_mut).map(|object| object.remove(name));
            assert!(shape(kind, wrong.to_string().as_bytes(), now).is_err(), "{} without {at}", kind.as_str());
        }
        for kind in [Kind::Evidence, Kind::Claim, Kind::Decision, Kind::Incident, Kind::Receipt, Kind::Queue] {
            assert!(shape(kind, b"{}", now).is_err(), "{}", kind.as_str());
        }
    }
}
