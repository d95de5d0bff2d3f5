//! A transaction over the maps: each change notes how to undo it.

use std::{collections::BTreeMap, sync::Arc};

use candor_approval::{Permit, kinds::DestructiveOperation};
use candor_core::{ids::TaskId, notice::DeliveryState, task::Task, time::Timestamp};
use candor_path::{Artifact, Beat, Plan, Seen, Write};

use super::{
    Memory,
    state::{Kept, State, TaskRow, Waiting},
};
use crate::{LogEntry, Nonces as _, PruneStep, Record, StoreError, Txn, log::audit_kind};

type Undo = Box<dyn FnOnce(&mut State)>;

/// A transaction of [`Memory`].
pub struct MemoryTxn<'a> {
    pub(super) store: &'a mut Memory,
    pub(super) undo: Vec<Undo>,
    pub(super) last_at: Option<Timestamp>,
    spent: bool,
}

impl std::fmt::Debug for MemoryTxn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryTxn").field("changes", &self.undo.len()).finish_non_exhaustive()
    }
}

impl<'a> MemoryTxn<'a> {
    pub(super) fn new(store: &'a mut Memory) -> Self {
        let (numbers, beat_last, place_last) = (store.state.numbers, store.state.beat_last, store.state.place_last);
        let (tip, length) = (store.state.tip.clone(), store.state.artifacts.len());
        let back: Undo = Box::new(move |state| {
            (state.numbers, state.beat_last, state.place_last) = (numbers, beat_last, place_last);
            state.tip = tip;
            state.artifacts.truncate(length);
        });
        Self { undo: vec![back], last_at: store.last_at, store, spent: false }
    }

    pub(super) fn state(&self) -> &State {
        &self.store.state
    }

    /// Sets one entry of one map, or removes it.
    pub(super) fn put<K: Ord + Clone + 'static, V: 'static>(
        &mut self,
        map: fn(&mut State) -> &mut BTreeMap<K, V>,
        key: K,
        value: Option<V>,
    ) {
        let entries = map(&mut self.store.state);
        let old = match value {
            Some(value) => entries.insert(key.clone(), value),
            None => entries.remove(&key),
        };
        self.undo.push(Box::new(move |state| {
            match old {
                Some(old) => map(state).insert(key, old),
                None => map(state).remove(&key),
            };
        }));
    }

    fn write(&mut self, write: &Write) -> Result<(), StoreError> {
        match write {
            Write::Seen { source, id, event, decision } => {
                let seen = Seen { event: *event, decision: *decision };
                self.put(|state| &mut state.seen, (source.clone(), id.clone()), Some(seen));
            }
            Write::Task(task) => self.task(task),
            Write::Beat(beat) => self.beat(beat)?,
            Write::Folded { task, up_to, last: _ } => self.folded(task, *up_to),
            Write::Incident(incident) => {
                self.place(&incident.task);
                self.put(|state| &mut state.incidents, incident.no, Some((**incident).clone()));
            }
            Write::Claim(claim) => {
                self.place(&claim.task);
                self.put(|state| &mut state.claims, claim.no, Some((**claim).clone()));
            }
            Write::Evidence(evidence) => {
                self.place(&evidence.task);
                self.put(|state| &mut state.evidence, evidence.no, Some((**evidence).clone()));
            }
            Write::Notice(notice) => {
                notice.task.as_ref().map(|task| self.place(task));
                self.put(|state| &mut state.notices, notice.no, Some((**notice).clone()));
            }
            Write::Delivery(delivery) => {
                let key = (delivery.notice, delivery.target.clone());
                self.put(|state| &mut state.deliveries, key, Some((**delivery).clone()));
            }
            Write::Parked { target, until } => self.put(|state| &mut state.parked, target.clone(), *until),
            Write::Opening(opening) => self.put(|state| &mut state.openings, opening.no, Some((**opening).clone())),
            Write::Approval(of) => self.put(|state| &mut state.approvals, of.no, Some((**of).clone())),
            Write::Package(of) => self.put(|state| &mut state.packages, of.no, Some((**of).clone())),
            Write::Request(of) => self.put(|state| &mut state.requests, of.no, Some((**of).clone())),
            Write::Ledger(of) => self.put(|state| &mut state.ledger, of.no, Some((**of).clone())),
            Write::Work(of) => self.put(|state| &mut state.work, of.no, Some((**of).clone())),
            Write::Document(of) => {
                self.put(|state| &mut state.documents, (of.kind, of.key.clone()), Some((**of).clone()));
            }
            Write::Owner(owner) => self.put(|state| &mut state.owners, owner.no, Some(owner.clone())),
            Write::ForgetOwners(before) => {
                let old = self.state().owners.range(..before).filter(|(_, owner)| owner.ended).map(|(no, _)| *no);
                for no in old.collect::<Vec<_>>() {
                    self.put(|state| &mut state.owners, no, None);
                }
            }
            Write::OthersEnded(but) => {
                let others: Vec<_> =
                    self.state().owners.values().filter(|owner| owner.no != *but && !owner.ended).cloned().collect();
                for mut owner in others {
                    owner.ended = true;
                    self.put(|state| &mut state.owners, owner.no, Some(owner));
                }
            }
            Write::Pruning(pruning) => {
                self.put(|state| &mut state.prunings, pruning.no, Some((**pruning).clone()));
            }
            Write::InForce(digest) => self.put(|state| &mut state.in_force, (), Some(digest.clone())),
            Write::Clock(reading) => self.put(|state| &mut state.clock, (), Some(reading.clone())),
            Write::Shift { micros } => self.shift(*micros),
            Write::Reprieve { until } => self.reprieve(*until),
        }
        Ok(())
    }

    /// A task's place in the order in which tasks were first heard of.
    fn place(&mut self, task: &TaskId) -> u64 {
        if let Some(place) = self.state().places.get(task) {
            return *place;
        }
        self.store.state.place_last += 1;
        let place = self.state().place_last;
        self.put(|state| &mut state.places, task.clone(), Some(place));
        place
    }

    fn task(&mut self, task: &Task) {
        let place = self.place(&task.id);
        if let Some(parent) = &task.parent {
            self.place(parent);
        }
        let old = self.state().tasks.get(&task.id);
        let row = TaskRow {
            task: task.clone(),
            place,
            alive_at: None,
            waiting: old.map(|old| old.waiting.clone()).unwrap_or_default(),
            last_beat: old.and_then(|old| old.last_beat.clone()),
        };
        self.put(|state| &mut state.tasks, task.id.clone(), Some(row));
    }

    fn beat(&mut self, beat: &Beat) -> Result<(), StoreError> {
        let Some(mut row) = self.state().tasks.get(&beat.task).cloned() else {
            return Err(crate::beat::no_task(&beat.task));
        };
        if row.last_beat.as_deref() == Some(beat.event_id.as_str()) {
            return Ok(());
        }
        self.store.state.beat_last += 1;
        let seq = self.store.state.beat_last;
        row.waiting.push(Waiting { seq, at: beat.at, id: beat.event_id.clone() });
        row.last_beat = Some(beat.event_id.clone());
        row.alive_at = Some(beat.at);
        row.task.checkpoints = row.task.checkpoints.saturating_add(1);
        self.put(|state| &mut state.tasks, beat.task.clone(), Some(row));
        Ok(())
    }

    fn folded(&mut self, task: &TaskId, up_to: u64) {
        let Some(mut row) = self.state().tasks.get(task).cloned() else { return };
        row.waiting.retain(|beat| beat.seq > up_to);
        if row.waiting.is_empty() {
            row.task = row.merged();
            row.alive_at = None;
        }
        self.put(|state| &mut state.tasks, task.clone(), Some(row));
    }

    fn shift(&mut self, micros: i64) {
        let rows: Vec<TaskRow> = self.state().tasks.values().cloned().collect();
        for mut row in rows {
            row.task = row.merged();
            row.alive_at = None;
            if !row.task.state.is_ended() {
                row.task.seen_at = row.task.seen_at.shifted(micros);
            }
            row.task.due_at = row.task.due_at.map(|at| at.shifted(micros));
            row.task.in_flight.iter_mut().for_each(|call| call.until = call.until.shifted(micros));
            self.put(|state| &mut state.tasks, row.task.id.clone(), Some(row));
        }
        let incidents: Vec<_> =
            self.state().incidents.values().filter(|of| of.resolved_at.is_none()).cloned().collect();
        for mut incident in incidents {
            incident.escalate_at = incident.escalate_at.map(|at| at.shifted(micros));
            self.put(|state| &mut state.incidents, incident.no, Some(incident));
        }
        let deliveries: Vec<_> = self.state().deliveries.values().cloned().collect();
        for mut delivery in deliveries {
            match &mut delivery.state {
                DeliveryState::Queued { due_at: at } | DeliveryState::Pending { next_at: Some(at), .. } => {
                    *at = at.shifted(micros);
                }
                DeliveryState::Dispatched { lease } => lease.taken_by = lease.taken_by.shifted(micros),
                _ => continue,
            }
            self.put(|state| &mut state.deliveries, (delivery.notice, delivery.target.clone()), Some(delivery));
        }
        for (target, until) in self.state().parked.clone() {
            self.put(|state| &mut state.parked, target, Some(until.shifted(micros)));
        }
        let owners: Vec<_> = self.state().owners.values().filter(|owner| !owner.ended).cloned().collect();
        for mut owner in owners {
            owner.beat_at = owner.beat_at.shifted(micros);
            self.put(|state| &mut state.owners, owner.no, Some(owner));
        }
    }

    fn reprieve(&mut self, until: Timestamp) {
        let rows: Vec<TaskRow> = self.state().tasks.values().cloned().collect();
        for mut row in rows {
            if row.task.due_at.is_some_and(|at| at < until) {
                row.task.due_at = Some(until);
                self.put(|state| &mut state.tasks, row.task.id.clone(), Some(row));
            }
        }
    }

    fn record(&mut self, artifact: &Artifact, now: Timestamp) -> Result<(), StoreError> {
        artifact.task.as_ref().map(|task| self.place(task));
        let record = Record {
            index: u64::try_from(self.state().artifacts.len()).unwrap_or(u64::MAX),
            at: now,
            kind: audit_kind(artifact.kind),
            id: artifact.id.clone(),
            task: artifact.task.clone(),
            correlation: artifact.correlation.clone(),
            body: artifact.body.clone(),
        };
        let entry = if self.store.sealing { Some(self.seal(artifact, now)?) } else { None };
        self.store.state.artifacts.push(Arc::new(Kept { record, entry }));
        Ok(())
    }

    fn seal(&mut self, artifact: &Artifact, now: Timestamp) -> Result<LogEntry, StoreError> {
        let unfit = |why: String| StoreError::Unfit { what: format!("artifact `{}`", artifact.id), why };
        let nonce = self.store.nonces.fresh().map_err(unfit)?;
        let mut chain = artifact.task.as_ref().map(|task| self.state().chains.get(task).copied().unwrap_or_default());
        let sealed = self
            .store
            .state
            .tip
            .append(artifact, chain.as_mut(), &nonce, now, |_, _, _| ())
            .map_err(|error| unfit(error.to_string()))?;
        if let (Some(task), Some(chain)) = (&artifact.task, chain) {
            self.put(|state| &mut state.chains, task.clone(), Some(chain));
        }
        Ok(LogEntry { header_line: sealed.header_line, nonce, body: sealed.body })
    }

    fn try_apply(&mut self, plan: &Plan, now: Timestamp) -> Result<(), StoreError> {
        for write in &plan.writes {
            self.write(write)?;
        }
        for artifact in &plan.artifacts {
            self.record(artifact, now)?;
        }
        self.store.state.numbers = plan.numbers;
        if !plan.is_empty() {
            self.last_at = Some(now);
        }
        Ok(())
    }
}

impl Txn for MemoryTxn<'_> {
    fn apply(&mut self, plan: &Plan, now: Timestamp) -> Result<(), StoreError> {
        if self.spent {
            return Err(StoreError::Spent);
        }
        let applied = self.try_apply(plan, now);
        self.spent = applied.is_err();
        applied
    }

    fn prune(&mut self, permit: Permit<DestructiveOperation>, most: u64) -> Result<PruneStep, StoreError> {
        if self.spent {
            return Err(StoreError::Spent);
        }
        let step = self.prune_step(permit, most);
        self.spent = step.is_err();
        step
    }

    fn commit(mut self) -> Result<(), StoreError> {
        if self.spent {
            return Err(StoreError::Spent);
        }
        self.undo.clear();
        self.store.last_at = self.last_at;
        Ok(())
    }
}

impl Drop for MemoryTxn<'_> {
    fn drop(&mut self) {
        while let Some(undo) = self.undo.pop() {
            undo(&mut self.store.state);
        }
    }
}
