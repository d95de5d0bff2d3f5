//! The writes of a plan, as SQL.

use candor_core::{
    evidence::Evidence,
    ids::{TargetName, TaskId},
    notice::{Delivery, DeliveryState, Notice},
    task::{Incident, Task, TaskState, ToolCall},
    time::Timestamp,
};
use candor_path::{Beat, OwnerRow, Write};
use rusqlite::params;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    approvals,
    beats::{Waiting, append, id_hash, remove},
    codes::{Coded as _, delivery as states},
    prune,
    rows::{int, json, micros},
    txn::SqliteTxn,
};
use crate::{StoreError, beat::no_task};

const PUT_TASK: &str = "INSERT INTO task(no, state, seen_at, due_at, checkpoints, seen_mark, name, owner, runtime, parent, because, \
    period, grace, expected, told_slow, signals, in_flight, started_at, changed_at, since, ended_at, unproved, incident, correlation, \
    note) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25) \
    ON CONFLICT(no) DO UPDATE SET state=?2, seen_at=?3, due_at=?4, checkpoints=?5, seen_mark=?6, name=?7, owner=?8, runtime=?9, \
    parent=?10, because=?11, period=?12, grace=?13, expected=?14, told_slow=?15, signals=?16, in_flight=?17, started_at=?18, \
    changed_at=?19, since=?20, ended_at=?21, unproved=?22, incident=?23, correlation=?24, note=?25";

const PUT_DELIVERY: &str = "INSERT OR REPLACE INTO delivery(notice, target, state, reason, due_at, since, attempts, tries, \
    maybe_repeat, digest_of, owner, fence, taken_by, opened_at, opening, proof, provider_id) \
    VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)";

/// A task's number, and the hash of its last folded beat.
const LAST_BEAT: &str = "SELECT t.no, t.last_beat FROM task t JOIN name n ON n.no = t.no WHERE n.id = ?1";

/// Tasks that are due before a time are given until then.
pub(super) const REPRIEVE: &str = "UPDATE task SET due_at = ?1 WHERE due_at < ?1";

/// Where an event is found that was accepted.
pub(super) fn seen_key(source: &str, id: &str) -> [u8; 16] {
    let hash = Sha256::new().chain_update(source).chain_update("\n").chain_update(id).finalize();
    hash.first_chunk().copied().unwrap_or_default()
}

fn text(of: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(of).map_err(|error| StoreError::Unfit { what: "a row".to_owned(), why: error.to_string() })
}

fn text_unless_empty<T: Serialize>(of: &[T]) -> Result<Option<String>, StoreError> {
    if of.is_empty() { Ok(None) } else { text(&of).map(Some) }
}

impl SqliteTxn<'_> {
    pub(super) fn write(&mut self, write: &Write) -> Result<(), StoreError> {
        match write {
            Write::Seen { source, id, event, decision } => {
                let row = (seen_key(source, id), int(event.0), decision.map(|no| int(no.0)));
                self.db().run("INSERT OR REPLACE INTO seen(key, event, decision) VALUES(?1, ?2, ?3)", row)?;
            }
            Write::Task(task) => self.task_row(task)?,
            Write::Beat(beat) => self.beat(beat)?,
            Write::Folded { task, up_to, last: _ } => self.folded(task, int(*up_to))?,
            Write::Incident(incident) => self.incident_row(incident)?,
            Write::Claim(claim) => {
                let row = (int(claim.no.0), self.number(&claim.task)?, text(claim)?);
                self.db().run("INSERT OR REPLACE INTO claim(no, task, body) VALUES(?1, ?2, ?3)", row)?;
            }
            Write::Evidence(evidence) => self.evidence_row(evidence)?,
            Write::Notice(notice) => self.notice_row(notice)?,
            Write::Delivery(delivery) => self.delivery_row(delivery)?,
            Write::Parked { target, until } => self.park(target, *until)?,
            Write::Opening(opening) => approvals::put_opening(self.db(), opening)?,
            Write::Approval(approval) => approvals::put_approval(self.db(), approval)?,
            Write::Package(package) => approvals::put_package(self.db(), package)?,
            Write::Request(request) => approvals::put_request(self.db(), request)?,
            Write::Ledger(entry) => approvals::put_entry(self.db(), entry)?,
            Write::Work(work) => approvals::put_work(self.db(), work)?,
            Write::Document(document) => approvals::put_document(self.db(), document)?,
            Write::Owner(owner) => self.owner_row(owner)?,
            Write::ForgetOwners(before) => {
                self.db().run("DELETE FROM owner WHERE no < ?1 AND ended = 1", [int(before.0)])?;
            }
            Write::OthersEnded(but) => {
                self.db().run("UPDATE owner SET ended = 1 WHERE no <> ?1 AND ended = 0", [int(but.0)])?;
            }
            Write::InForce(digest) => self.state.in_force = Some(digest.clone()),
            Write::Pruning(pruning) => prune::put(self.db(), pruning)?,
            Write::Clock(reading) => self.state.clock = Some(reading.clone()),
            Write::Shift { micros } => self.shift(*micros)?,
            Write::Reprieve { until } => {
                self.store.shelf.clear();
                self.db().run(REPRIEVE, [until.as_micros()])?;
            }
        }
        Ok(())
    }

    fn task_row(&self, task: &Task) -> Result<(), StoreError> {
        let no = self.number(&task.id)?;
        let parent = task.parent.as_ref().map(|parent| self.number(parent)).transpose()?;
        let waiting = self.store.reads.beats.borrow().by_task.get(&no).map_or(0, |waiting| waiting.count);
        let row = params![
            no,
            task.state.code(),
            task.seen_at.as_micros(),
            task.due_at.map(Timestamp::as_micros),
            int(task.checkpoints) - waiting,
            self.state.beat_last,
            task.name,
            task.owner.as_ref().map(|owner| owner.as_str()),
            task.runtime.as_str(),
            parent,
            task.because,
            micros(task.cadence.period),
            micros(task.cadence.grace),
            task.expected.map(micros),
            task.told_slow,
            text_unless_empty(&task.signals)?,
            text_unless_empty(&task.in_flight)?,
            task.started_at.as_micros(),
            task.changed_at.map(Timestamp::as_micros),
            task.since.as_micros(),
            task.ended_at.map(Timestamp::as_micros),
            task.unproved,
            task.incident.map(|no| int(no.0)),
            task.correlation.as_str(),
            task.note,
        ];
        self.store.shelf.forget(&task.id);
        self.db().run(PUT_TASK, row)?;
        Ok(())
    }

    fn beat(&mut self, beat: &Beat) -> Result<(), StoreError> {
        let (no, folded) = match self.store.shelf.beaten(&beat.task) {
            Some(found) => found,
            None => self
                .db()
                .one(LAST_BEAT, [beat.task.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?
                .ok_or_else(|| no_task(&beat.task))?,
        };
        let hash = id_hash(&beat.event_id);
        let before = self.store.reads.beats.borrow().by_task.get(&no).copied();
        if before.map_or(folded, |before| Some(before.hash)) == Some(hash) {
            return Ok(());
        }
        self.state.beat_last += 1;
        let (seq, at) = (self.state.beat_last, beat.at.as_micros());
        append(self.db(), seq, no, before.map(|before| before.seq), at, &beat.event_id)?;
        self.last_beat = Some(beat.at);
        self.undo.push((no, before));
        self.store.reads.beats.borrow_mut().add(no, Waiting { count: 1, last: at, seq, hash });
        Ok(())
    }

    fn folded(&mut self, task: &TaskId, up_to: i64) -> Result<(), StoreError> {
        let Some(no) = self.known(task)? else { return Ok(()) };
        self.store.shelf.forget(task);
        let Some(before) = self.store.reads.beats.borrow().by_task.get(&no).copied() else { return Ok(()) };
        let (went, left) = remove(self.db(), before, up_to)?;
        self.undo.push((no, Some(before)));
        let mut beats = self.store.reads.beats.borrow_mut();
        match left {
            Some(left) => beats.by_task.insert(no, left),
            None => beats.by_task.remove(&no),
        };
        drop(beats);
        self.db().run("UPDATE task SET checkpoints = checkpoints + ?2 WHERE no = ?1", [no, went])?;
        if left.is_none() {
            self.keep_alive(no, before)?;
            self.db().run("UPDATE task SET last_beat = ?2 WHERE no = ?1", [no, before.hash])?;
        }
        self.state.folds += 1;
        Ok(())
    }

    /// Writes into a task's row what its waiting beats show of its life.
    fn keep_alive(&self, no: i64, waiting: Waiting) -> Result<(), StoreError> {
        self.db().run(
            "UPDATE task SET seen_at = max(seen_at, ?2), seen_mark = ?3 WHERE no = ?1 AND seen_mark < ?3",
            [no, waiting.last, waiting.seq],
        )?;
        Ok(())
    }

    fn incident_row(&self, incident: &Incident) -> Result<(), StoreError> {
        self.db().run(
            "INSERT OR REPLACE INTO incident(no, task, escalate_at, resolved, body) VALUES(?1, ?2, ?3, ?4, ?5)",
            (
                int(incident.no.0),
                self.number(&incident.task)?,
                incident.escalate_at.map(Timestamp::as_micros),
                incident.resolved_at.is_some(),
                text(incident)?,
            ),
        )?;
        Ok(())
    }

    fn evidence_row(&self, evidence: &Evidence) -> Result<(), StoreError> {
        let row = (int(evidence.no.0), self.number(&evidence.task)?, text(evidence)?);
        self.db().run("INSERT OR REPLACE INTO evidence(no, task, body) VALUES(?1, ?2, ?3)", row)?;
        Ok(())
    }

    fn notice_row(&self, notice: &Notice) -> Result<(), StoreError> {
        let task = notice.task.as_ref().map(|task| self.number(task)).transpose()?;
        let text = match self.store.reads.press.borrow_mut().pack(&notice.text) {
            Some(packed) => rusqlite::types::Value::Blob(packed),
            None => rusqlite::types::Value::Text(notice.text.clone()),
        };
        self.db().run(
            "INSERT OR REPLACE INTO notice(no, task, decision, incident, level, correlation, severity, title, text, at, folded, \
             failure_of) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                int(notice.no.0),
                task,
                notice.decision.map(|no| int(no.0)),
                notice.incident.map(|no| int(no.0)),
                notice.level,
                notice.correlation.as_str(),
                notice.severity.code(),
                notice.title,
                text,
                notice.at.as_micros(),
                notice.folded,
                notice.failure_of.map(|no| int(no.0)),
            ],
        )?;
        Ok(())
    }

    fn delivery_row(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let (mut reason, mut lease, mut opened_at, mut opening, mut proof) = (0, None, None, None, None);
        let state = match &delivery.state {
            DeliveryState::Prepared => states::PREPARED,
            DeliveryState::Queued { .. } => states::QUEUED,
            DeliveryState::Dispatched { lease: held } => {
                lease = Some(held);
                states::DISPATCHED
            }
            DeliveryState::Sending { lease: held, opened_at: at, opening: under } => {
                (lease, opened_at, opening) = (Some(held), Some(at.as_micros()), under.map(|no| int(no.0)));
                states::SENDING
            }
            DeliveryState::Pending { reason: why, .. } => {
                reason = why.code();
                states::PENDING
            }
            DeliveryState::Acked { proof: shown } => {
                proof = Some(shown);
                states::ACKED
            }
            DeliveryState::Blocked { reason: why } => {
                reason = why.code();
                states::BLOCKED
            }
        };
        let due_at = delivery.state.due_at();
        let row = params![
            int(delivery.notice.0),
            delivery.target.as_str(),
            state,
            reason,
            due_at.map(Timestamp::as_micros),
            delivery.since.as_micros(),
            delivery.attempts,
            delivery.tries,
            delivery.maybe_repeat,
            delivery.digest_of.map(|no| int(no.0)),
            lease.map(|lease| int(lease.owner.0)),
            lease.map(|lease| int(lease.fence.0)),
            // A hand-over's own end stands in `due_at`.
            lease.filter(|_| due_at.is_none()).map(|lease| lease.taken_by.as_micros()),
            opened_at,
            opening,
            proof.map(|proof| proof.level.code()),
            proof.and_then(|proof| proof.provider_id.as_deref()),
        ];
        self.db().run(PUT_DELIVERY, row)?;
        Ok(())
    }

    fn park(&self, target: &TargetName, until: Option<Timestamp>) -> Result<(), StoreError> {
        match until {
            Some(until) => self.db().run(
                "INSERT OR REPLACE INTO parked(target, until) VALUES(?1, ?2)",
                (target.as_str(), until.as_micros()),
            )?,
            None => self.db().run("DELETE FROM parked WHERE target = ?1", [target.as_str()])?,
        };
        Ok(())
    }

    fn owner_row(&self, owner: &OwnerRow) -> Result<(), StoreError> {
        self.db().run(
            "INSERT OR REPLACE INTO owner(no, role, started_at, beat_at, ended) VALUES(?1, ?2, ?3, ?4, ?5)",
            (int(owner.no.0), &owner.role, owner.started_at.as_micros(), owner.beat_at.as_micros(), owner.ended),
        )?;
        Ok(())
    }

    /// Moves every instant that waits or measures silence. What is on record (when a beat came in, when something ended) stays.
    fn shift(&self, micros: i64) -> Result<(), StoreError> {
        self.store.shelf.clear();
        let waiting: Vec<(i64, Waiting)> =
            self.store.reads.beats.borrow().by_task.iter().map(|(no, waiting)| (*no, *waiting)).collect();
        for (no, waiting) in waiting {
            self.keep_alive(no, waiting)?;
        }
        let db = self.db();
        let ended = (micros, TaskState::Completed.code(), TaskState::Failed.code());
        db.run("UPDATE task SET seen_at = seen_at + ?1 WHERE state NOT IN (?2, ?3)", ended)?;
        for sql in [
            "UPDATE task SET due_at = due_at + ?1 WHERE due_at IS NOT NULL",
            "UPDATE incident SET escalate_at = escalate_at + ?1 WHERE resolved = 0",
            "UPDATE delivery SET due_at = due_at + ?1 WHERE due_at IS NOT NULL",
            "UPDATE parked SET until = until + ?1",
            "UPDATE owner SET beat_at = beat_at + ?1 WHERE ended = 0",
        ] {
            db.run(sql, [micros])?;
        }
        let calls: Vec<(i64, Vec<ToolCall>)> =
            db.many("SELECT no, in_flight FROM task WHERE in_flight IS NOT NULL", [], |row| {
                Ok((row.get(0)?, json(row, 1)?))
            })?;
        for (no, mut calls) in calls {
            calls.iter_mut().for_each(|call| call.until = call.until.shifted(micros));
            db.run("UPDATE task SET in_flight = ?2 WHERE no = ?1", (no, text(&calls)?))?;
        }
        Ok(())
    }
}
