//! What is on record after a step, and the checks of it. They are pure, so that a test can change what was seen and see the check fail.

use std::collections::BTreeMap;

use candor_audit::{header::Header, kind::Kind};
use candor_core::notice::{Delivery, Receipt};
use candor_store::{Listing, NoticeFilter};
use serde_json::Value;

use super::{Saw, scratch::TASK};

/// Most records and notices looked at: far more than a verification makes.
const LOOKED_AT_MAX: usize = 10_000;

/// One record.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    pub(super) index: u64,
    pub(super) kind: Kind,
    pub(super) body: Value,
}

/// What is on record.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Every record, in order.
    pub(super) records: Vec<Seal>,
    /// The deliveries of the notice that tells of the silence, by target, each with its state's word.
    pub(super) deliveries: BTreeMap<String, String>,
}

impl Seen {
    pub(super) fn of(store: &impl Listing) -> Result<Self, String> {
        let failed = |error: candor_store::StoreError| error.to_string();
        let mut records = Vec::new();
        for entry in store.log(0, LOOKED_AT_MAX).map_err(failed)? {
            let header = Header::parse(&entry.header_line).map_err(|error| error.to_string())?;
            let body = serde_json::from_slice(&entry.body).map_err(|error| error.to_string())?;
            records.push(Seal { index: header.index, kind: header.kind, body });
        }
        let rows = store.notices(&NoticeFilter::default(), LOOKED_AT_MAX).map_err(failed)?;
        let told = rows.into_iter().find(|row| row.notice.task.as_ref().is_some_and(|task| task.as_str() == TASK));
        let word = |of: &Delivery| (of.target.to_string(), of.state.name().as_str().to_owned());
        let deliveries = told.iter().flat_map(|row| row.deliveries.iter().map(word)).collect();
        Ok(Self { records, deliveries })
    }

    fn find(&self, kind: Kind, wanted: impl Fn(&Value) -> bool) -> Option<&Seal> {
        self.records.iter().find(|record| record.kind == kind && wanted(&record.body))
    }

    fn missed(&self) -> Result<&Seal, String> {
        let missed = self.find(Kind::Event, |body| {
            text(body, "/event/type") == "reporting-governance.task.missed" && text(body, "/event/subject") == TASK
        });
        missed.ok_or_else(|| "no canonical event tells of the silence".to_owned())
    }

    fn queued(&self) -> Result<&Seal, String> {
        let queued = self.find(Kind::Queue, |body| text(body, "/notice/task") == TASK);
        queued.ok_or_else(|| "no queue item was made".to_owned())
    }

    fn notice(&self) -> Result<&str, String> {
        Ok(text(&self.queued()?.body, "/notice/no"))
    }

    fn all_are(&self, state: &str) -> Result<(), String> {
        if self.deliveries.is_empty() {
            return Err("the notice has no delivery".to_owned());
        }
        match self.deliveries.iter().find(|(_, is)| *is != state) {
            Some((target, is)) => Err(format!("the delivery to {target} is `{is}`, not `{state}`")),
            None => Ok(()),
        }
    }

    fn spool(&self, target: &str) -> Option<&Seal> {
        let notice = self.notice().ok()?;
        self.find(Kind::Spool, |body| text(body, "/notice") == notice && text(body, "/target") == target)
    }

    /// The last receipt of a target.
    fn receipt(&self, target: &str) -> Result<(u64, Receipt), String> {
        let notice = self.notice()?.to_owned();
        let mine = |record: &&Seal| {
            record.kind == Kind::Receipt
                && text(&record.body, "/notice") == notice
                && text(&record.body, "/target") == target
        };
        let last = self.records.iter().rev().find(mine).ok_or_else(|| format!("no receipt for {target}"))?;
        let receipt = serde_json::from_value(last.body.clone());
        receipt
            .map(|receipt| (last.index, receipt))
            .map_err(|error| format!("the receipt for {target} doesn't read: {error}"))
    }

    /// Watchdog: a canonical event, and a queue item that says why; nothing handed over, nothing claimed.
    pub(super) fn watchdog(&self) -> Saw {
        let (event, queued) = (self.missed()?, self.queued()?);
        let decision = text(&queued.body, "/notice/decision");
        let decided = self
            .find(Kind::Decision, |body| text(body, "/no") == decision && text(body, "/event_type") == "task.missed");
        let decided =
            decided.ok_or_else(|| format!("the queue item names the decision `{decision}`, and there is none"))?;
        if !(event.index < decided.index && decided.index < queued.index) {
            return Err("event, decision and queue item are not in that order".to_owned());
        }
        self.all_are("queued")?;
        let later =
            self.records.iter().find(|record| matches!(record.kind, Kind::Spool | Kind::Receipt | Kind::Attempt));
        if let Some(later) = later {
            return Err(format!("the watchdog alone made record {}, of kind {}", later.index, later.kind.as_str()));
        }
        Ok(format!("{}, {decision}, {}", text(&event.body, "/no"), self.notice()?))
    }

    /// Dispatcher: a spool artifact per target, the queue says so, and no delivery is claimed by it.
    pub(super) fn dispatcher(&self) -> Saw {
        self.all_are("dispatched")?;
        for target in self.deliveries.keys() {
            let spool = self.spool(target).ok_or_else(|| format!("no spool artifact for {target}"))?;
            if spool.body.pointer("/lease/fence").is_none() {
                return Err(format!("the spool artifact for {target} has no lease"));
            }
        }
        match self.records.iter().find(|record| record.kind == Kind::Receipt) {
            Some(receipt) => Err(format!("a hand-over made a receipt: record {}", receipt.index)),
            None => Ok(format!("{} spool artifacts, each with a lease", self.deliveries.len())),
        }
    }

    /// Bridge: each receipt says what the queue says, and `acked` only with proof, of a request that really came.
    pub(super) fn bridge(&self, came: &BTreeMap<String, u64>) -> Saw {
        if self.deliveries.is_empty() {
            return Err("the notice has no delivery".to_owned());
        }
        for (target, state) in &self.deliveries {
            let (index, receipt) = self.receipt(target)?;
            if receipt.state.as_str() != state {
                return Err(format!(
                    "the receipt for {target} says `{}`, the queue says `{state}`",
                    receipt.state.as_str()
                ));
            }
            let proved = receipt.proof.is_some() && !receipt.simulated;
            if receipt.state.as_str() == "acked" && !proved {
                return Err(format!("record {index} says `acked` without proof"));
            }
            let asked = came.get(target).copied().unwrap_or(0);
            if proved && asked == 0 {
                return Err(format!("record {index} has proof from {target}, where nothing came"));
            }
            if asked > 0 && receipt.answer.is_none() {
                return Err(format!("something came to {target}, and record {index} has no answer"));
            }
        }
        Ok(format!("{} receipts, each as the queue says, with proof where `acked`", self.deliveries.len()))
    }

    /// Sender: what was taken is `acked`, what was refused `blocked`, and what got no answer is neither.
    pub(super) fn sender(&self, way: &str) -> Saw {
        let wanted = outcome(way);
        let (index, receipt) = self.receipt(way)?;
        let reason = receipt.reason.clone().map(|reason| format!(" ({reason})")).unwrap_or_default();
        if receipt.state.as_str() == wanted {
            return Ok(format!("record {index}: {wanted}{reason}"));
        }
        Err(format!("record {index} says `{}`{reason}, not `{wanted}`", receipt.state.as_str()))
    }

    /// The whole way of a notice to one target, in order, under one correlation id.
    pub(super) fn composition(&self, way: &str) -> Saw {
        let (event, queued) = (self.missed()?, self.queued()?);
        let spool = self.spool(way).ok_or_else(|| format!("no spool artifact for {way}"))?;
        let (receipt, _) = self.receipt(way)?;
        if !(event.index < queued.index && queued.index < spool.index && spool.index < receipt) {
            return Err(format!(
                "event {}, queue item {}, spool artifact {} and receipt {receipt} are not in that order",
                event.index, queued.index, spool.index
            ));
        }
        let said = self.sender(way)?;
        let state = self.deliveries.get(way).map(String::as_str).unwrap_or_default();
        if state != outcome(way) {
            return Err(format!("the queue says `{state}`, not `{}`", outcome(way)));
        }
        Ok(format!("records {} → {} → {} → {said}", event.index, queued.index, spool.index))
    }
}

/// What a way of the receiver leads to.
pub(super) fn outcome(way: &str) -> &'static str {
    match way {
        "taken" => "acked",
        "gone" => "blocked",
        _ => "pending_external_send",
    }
}

pub(super) fn text<'a>(of: &'a Value, at: &str) -> &'a str {
    of.pointer(at).and_then(Value::as_str).unwrap_or_default()
}
