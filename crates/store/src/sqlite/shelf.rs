//! Rows of tasks that the writer read lately: a task that reports often is found without the database.

use std::cell::RefCell;

use candor_core::ids::TaskId;
use hashlink::LruCache;

use super::rows::Stored;

/// Most tasks whose rows are kept in memory. A row is some 0.5 KiB.
pub(crate) const SHELVED_TASKS_MAX: usize = 4_096;

/// Rows as the database has them within the writer's transaction. Whoever changes a row takes it off; what undoes changes, or lets
/// another process make some, clears it.
#[derive(Debug)]
pub(super) struct Shelf(RefCell<LruCache<TaskId, Stored>>);

impl Default for Shelf {
    fn default() -> Self {
        Self(RefCell::new(LruCache::new(SHELVED_TASKS_MAX)))
    }
}

impl Shelf {
    pub(super) fn get(&self, id: &TaskId) -> Option<Stored> {
        self.0.borrow_mut().get(id).cloned()
    }

    pub(super) fn put(&self, stored: &Stored) {
        self.0.borrow_mut().insert(stored.task.id.clone(), stored.clone());
    }

    /// A task's number and the hash of its last folded beat, when its row is here.
    pub(super) fn beaten(&self, id: &TaskId) -> Option<(i64, Option<i64>)> {
        self.0.borrow_mut().peek(id).map(|stored| (stored.no, stored.last_beat))
    }

    pub(super) fn forget(&self, id: &TaskId) {
        self.0.borrow_mut().remove(id);
    }

    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}
