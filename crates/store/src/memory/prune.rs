//! Contents that leave the log: the plain way.

use std::{collections::BTreeSet, sync::Arc};

use candor_approval::{Permit, kinds::DestructiveOperation};
use candor_core::ids::TaskId;
use candor_path::retention::{Cutoffs, is_settled};

use super::{MemoryTxn, state::State};
use crate::{Fate, Prunable, PruneStep, StoreError, log::pruned, retention::Needs};

impl State {
    fn unsettled(&self) -> BTreeSet<String> {
        let open = self.deliveries.values().filter(|delivery| !is_settled(&delivery.state));
        let notices = open.filter_map(|delivery| self.notices.get(&delivery.notice));
        let incidents = self.incidents.values().filter(|incident| incident.resolved_at.is_none());
        notices
            .map(|notice| notice.correlation.to_string())
            .chain(incidents.map(|incident| incident.correlation.to_string()))
            .collect()
    }

    fn is_open(&self, id: &TaskId) -> bool {
        self.tasks.get(id).is_some_and(|row| !row.task.state.is_ended())
    }

    pub(super) fn find_prunable(&self, cutoffs: &Cutoffs) -> Result<Prunable, StoreError> {
        let mut found = Prunable::default();
        if cutoffs.0.is_empty() {
            return Ok(found);
        }
        let ask = |id: &TaskId| Ok(self.is_open(id));
        let mut needs = Needs::new(self.unsettled(), &ask);
        let mut young = 0;
        for entry in self.artifacts.iter().filter_map(|kept| kept.entry.as_ref()) {
            let header = entry.header().map_err(unreadable)?;
            let fate = needs.judge(cutoffs, &header, entry)?;
            if !found.take(&header, entry, fate, &mut young) {
                break;
            }
        }
        Ok(found)
    }
}

impl MemoryTxn<'_> {
    pub(super) fn prune_step(
        &mut self,
        _permit: Permit<DestructiveOperation>,
        most: u64,
    ) -> Result<PruneStep, StoreError> {
        let open = self.state().prunings.values().find(|pruning| !pruning.done).cloned();
        let Some(mut pruning) = open else { return Ok(PruneStep { taken: 0, done: true }) };
        let going = self.going(&pruning.cutoffs, |index| pruning.touches_from(index) == Some(index), pruning.next)?;
        let length = self.state().artifacts.len() as u64;
        let next = pruning.next.saturating_add(most).min(length);
        let mut taken = 0;
        for index in going.into_iter().filter(|index| *index < next) {
            let Some(place) = usize::try_from(index).ok().and_then(|at| self.store.state.artifacts.get_mut(at)) else {
                continue;
            };
            let before = Arc::clone(place);
            let kept = Arc::make_mut(place);
            kept.record.body = pruned();
            kept.entry.iter_mut().for_each(crate::LogEntry::prune);
            self.undo.push(Box::new(move |state: &mut State| {
                if let Some(place) = usize::try_from(index).ok().and_then(|at| state.artifacts.get_mut(at)) {
                    *place = before;
                }
            }));
            taken += 1;
        }
        pruning.next = next;
        pruning.taken += taken;
        pruning.done = pruning.touches_from(next).is_none_or(|from| from >= length);
        let done = pruning.done;
        self.put(|state| &mut state.prunings, pruning.no, Some(pruning));
        Ok(PruneStep { taken, done })
    }

    fn going(&self, cutoffs: &Cutoffs, touched: impl Fn(u64) -> bool, from: u64) -> Result<Vec<u64>, StoreError> {
        let state = self.state();
        let ask = |id: &TaskId| Ok(state.is_open(id));
        let mut needs = Needs::new(state.unsettled(), &ask);
        let mut going = Vec::new();
        for (index, kept) in (0..).zip(&state.artifacts) {
            let Some(entry) = kept.entry.as_ref().filter(|_| index >= from && touched(index)) else { continue };
            if needs.judge(cutoffs, &entry.header().map_err(unreadable)?, entry)? == Fate::Goes {
                going.push(index);
            }
        }
        Ok(going)
    }
}

fn unreadable(why: String) -> StoreError {
    StoreError::Unfit { what: "a header".to_owned(), why }
}
