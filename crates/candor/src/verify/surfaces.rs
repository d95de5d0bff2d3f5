//! Level 2: watchdog, dispatcher, bridge and sender, each run as a process of its own, one after the other.

use std::collections::BTreeMap;

use super::{
    Level, Saw, Verified,
    scratch::{Binding, Scratch, WAYS},
    seen::Seen,
};
use crate::{exit::Failure, receiver::Receiver};

pub(super) struct Surfaces<'a> {
    scratch: Scratch,
    receiver: &'a Receiver,
}

impl<'a> Surfaces<'a> {
    pub(super) fn prepare(binding: &Binding, receiver: &'a Receiver) -> Result<Self, Failure> {
        let scratch = Scratch::with_receiver("surfaces", binding, receiver)?;
        // So that evidence is on record too.
        let _ = scratch.run(&["exec", "--task", "observed", "--", "true"]);
        Ok(Self { scratch, receiver })
    }

    pub(super) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    pub(super) fn verify(&self) -> Vec<Verified> {
        let after = |role: &str, check: &dyn Fn(&Seen) -> Saw| -> Saw {
            self.scratch.done(&["run", role])?;
            check(&self.scratch.seen()?)
        };
        let came = |receiver: &Receiver| -> BTreeMap<String, u64> {
            WAYS.iter().map(|way| ((*way).to_owned(), receiver.count(&self.scratch.name, way))).collect()
        };
        let mut all = vec![
            ("watchdog creates canonical event and queue item".to_owned(), after("watchdog", &Seen::watchdog)),
            ("dispatcher creates spool and updates queue".to_owned(), after("dispatcher", &Seen::dispatcher)),
            ("bridge writes truthful receipt".to_owned(), after("bridge", &|seen| seen.bridge(&came(self.receiver)))),
        ];
        for (way, word) in WAYS.into_iter().zip(["sent", "blocked", "pending"]) {
            let saw = self.scratch.seen().and_then(|seen| seen.sender(way));
            all.push((format!("sender binding preserves {word}"), saw));
        }
        all.into_iter().map(|(check, saw)| Verified::of(Level::Surfaces, check, saw)).collect()
    }
}

#[cfg(test)]
mod tests {
    use candor_audit::kind::Kind;
    use serde_json::{Value, json};

    use super::{super::seen::Seal, *};

    fn seen(deliveries: &[(&str, &str)], records: &[(Kind, Value)]) -> Seen {
        let words = |(target, state): &(&str, &str)| ((*target).to_owned(), (*state).to_owned());
        let seal = |(index, (kind, body)): (usize, &(Kind, Value))| Seal {
            index: index as u64,
            kind: *kind,
            body: body.clone(),
        };
        Seen {
            records: records.iter().enumerate().map(seal).collect(),
            deliveries: deliveries.iter().map(words).collect(),
        }
    }

    fn watched() -> Vec<(Kind, Value)> {
        let event =
            json!({ "no": "e-2", "event": { "type": "reporting-governance.task.missed", "subject": "verified" } });
        vec![
            (Kind::Event, event),
            (Kind::Decision, json!({ "no": "d-1", "event_type": "task.missed" })),
            (Kind::Queue, json!({ "notice": { "no": "n-1", "task": "verified", "decision": "d-1" } })),
        ]
    }

    fn spooled() -> Vec<(Kind, Value)> {
        let spool = json!({ "notice": "n-1", "target": "taken", "lease": { "fence": 1 } });
        [watched(), vec![(Kind::Spool, spool)]].concat()
    }

    fn received(state: &str, changed: impl Fn(&mut Value)) -> Vec<(Kind, Value)> {
        let mut receipt = json!({
            "no": "r-1", "notice": "n-1", "target": "taken", "attempt": 1, "fence": 1, "key": "k", "at": "2026-01-01T00:00:00Z",
            "state": state, "reason": null, "sender": "webhook@0.1.0", "simulated": false, "maybe_repeat": false, "note": null,
            "opened_at": "2026-01-01T00:00:00Z", "opening": null, "gate": null, "payload_sha256": null, "covered_by": null,
            "proof": { "level": "stored", "provider_id": null },
            "answer": { "called_at": "2026-01-01T00:00:00Z", "answered_at": "2026-01-01T00:00:00Z", "status": 200, "raw": null,
                        "simulated": false, "outcome": { "outcome": "proved", "proof": { "level": "stored", "provider_id": null } } },
        });
        changed(&mut receipt);
        [spooled(), vec![(Kind::Receipt, receipt)]].concat()
    }

    /// What a broken watchdog would leave.
    #[test]
    fn a_broken_watchdog_is_found() {
        let queued = [("taken", "queued")];
        assert!(seen(&queued, &watched()).watchdog().is_ok());
        let without = |kind: Kind| watched().into_iter().filter(|(of, _)| *of != kind).collect::<Vec<_>>();
        for kind in [Kind::Event, Kind::Decision, Kind::Queue] {
            assert!(seen(&queued, &without(kind)).watchdog().is_err(), "{}", kind.as_str());
        }
        let reversed: Vec<_> = watched().into_iter().rev().collect();
        assert!(seen(&queued, &reversed).watchdog().is_err_and(|why| why.contains("order")));
        assert!(seen(&[("taken", "acked")], &watched()).watchdog().is_err(), "nothing was sent yet");
        assert!(seen(&[], &watched()).watchdog().is_err());
        assert!(seen(&queued, &spooled()).watchdog().is_err_and(|why| why.contains("alone")));
    }

    #[test]
    fn a_broken_dispatcher_is_found() {
        let handed = [("taken", "dispatched")];
        assert!(seen(&handed, &spooled()).dispatcher().is_ok());
        assert!(seen(&handed, &watched()).dispatcher().is_err_and(|why| why.contains("no spool artifact")));
        assert!(seen(&[("taken", "queued")], &spooled()).dispatcher().is_err_and(|why| why.contains("`queued`")));
        let mut leaseless = spooled();
        leaseless.pop();
        leaseless.push((Kind::Spool, json!({ "notice": "n-1", "target": "taken" })));
        assert!(seen(&handed, &leaseless).dispatcher().is_err_and(|why| why.contains("no lease")));
        assert!(
            seen(&handed, &received("acked", |_| {})).dispatcher().is_err_and(|why| why.contains("made a receipt"))
        );
    }

    #[test]
    fn a_receipt_that_is_not_true_is_found() {
        let (acked, came) = ([("taken", "acked")], BTreeMap::from([("taken".to_owned(), 1)]));
        let honest = received("acked", |_| {});
        let fine = seen(&acked, &honest).bridge(&came);
        assert!(fine.is_ok(), "{fine:?}");
        assert!(seen(&acked, &spooled()).bridge(&came).is_err_and(|why| why.contains("no receipt")));
        let nothing_came = seen(&acked, &honest).bridge(&BTreeMap::new());
        assert!(nothing_came.is_err_and(|why| why.contains("nothing came")));
        let lies = [
            ("without proof", "proof", Value::Null),
            ("without proof", "simulated", json!(true)),
            ("the queue says", "state", json!("blocked")),
        ];
        for (says, field, lie) in lies {
            let saw = seen(&acked, &received("acked", |receipt| receipt[field] = lie.clone())).bridge(&came);
            assert!(saw.as_ref().is_err_and(|why| why.contains(says)), "{says}: {saw:?}");
        }
    }

    #[test]
    fn a_sender_that_bends_an_answer_is_found() {
        assert!(seen(&[("taken", "acked")], &received("acked", |_| {})).sender("taken").is_ok());
        for state in ["blocked", "pending_external_send"] {
            let saw =
                seen(&[("taken", state)], &received(state, |receipt| receipt["proof"] = Value::Null)).sender("taken");
            assert!(saw.is_err(), "{state}");
        }
        // The same of an end-to-end composition, and a way that was gone in another order.
        let honest = received("acked", |_| {});
        assert!(seen(&[("taken", "acked")], &honest).composition("taken").is_ok());
        assert!(seen(&[("taken", "blocked")], &honest).composition("taken").is_err());
        let mut swapped = honest;
        swapped.swap(2, 3);
        assert!(seen(&[("taken", "acked")], &swapped).composition("taken").is_err_and(|why| why.contains("order")));
    }
}
