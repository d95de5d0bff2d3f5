//! What the world outside knows, whatever Candor has on record: what receivers have, who lived when, what a channel asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use candor_core::{
    ids::{NoticeNo, TargetName, TaskId},
    notice::Message,
    time::Timestamp,
};

/// One copy of a message that reached a receiver.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    pub(crate) target: TargetName,
    pub(crate) key: String,
    pub(crate) notices: Vec<NoticeNo>,
    pub(crate) marked: bool,
    /// Whether the receiver kept it: one that knows keys drops a copy of one that it has.
    pub(crate) kept: bool,
}

/// Time that nobody sets, in microseconds since the run began.
pub(crate) type True = i64;

/// The outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
    /// True time since the run began.
    pub(crate) elapsed: True,
    /// How far the wall clock was set away from it.
    pub(crate) wall_offset: i64,
    pub(crate) copies: Vec<Copy>,
    /// What each channel asked for and is on record: nothing before that.
    pub(crate) not_before: BTreeMap<TargetName, True>,
    /// When each task last showed life that Candor accepted or read.
    pub(crate) alive: BTreeMap<TaskId, True>,
    /// Whether each task's process works, as a probe would find.
    pub(crate) works: BTreeMap<TaskId, bool>,
    /// CPU time that each task's process has used: it only grows.
    pub(crate) used: BTreeMap<TaskId, u64>,
    /// When each task's process last used any.
    pub(crate) worked: BTreeMap<TaskId, True>,
    /// Until when each task's calls in flight or waiting excuse it.
    pub(crate) excused: BTreeMap<TaskId, True>,
    /// Events that were committed, answered or not: handing one in again is no new sign of life.
    pub(crate) committed: BTreeSet<String>,
    /// Events that were answered as accepted, and whether they ask for a notice by themselves.
    pub(crate) accepted: BTreeMap<String, bool>,
}

/// The wall clock at the start of every run.
pub(crate) const START: i64 = 1_800_000_000_000_000;

impl Outside {
    /// The wall clock.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_micros(START + self.elapsed + self.wall_offset)
    }

    pub(crate) fn pass(&mut self, by: Duration) {
        self.elapsed += i64::try_from(by.as_micros()).unwrap();
        for (task, _) in self.works.iter().filter(|(_, works)| **works) {
            *self.used.entry(task.clone()).or_default() += u64::try_from(by.as_millis()).unwrap();
            self.worked.insert(task.clone(), self.elapsed);
        }
    }

    /// Takes a message in at its receiver.
    pub(crate) fn take(&mut self, message: &Message, key: String, marked: bool, knows_keys: bool, covers: bool) {
        let known = self.copies.iter().any(|copy| copy.target == message.target && copy.key == key);
        let mut notices = vec![message.notice];
        if covers {
            notices.extend(&message.covers);
        }
        self.copies.push(Copy { target: message.target.clone(), key, notices, marked, kept: !(knows_keys && known) });
    }

    /// Whether a receiver has a notice, in a copy that it kept.
    pub(crate) fn has(&self, notice: NoticeNo, target: &TargetName) -> bool {
        self.copies.iter().any(|copy| copy.kept && &copy.target == target && copy.notices.contains(&notice))
    }

    /// Whether any copy of a notice ever reached a receiver.
    pub(crate) fn saw(&self, notice: NoticeNo, target: &TargetName) -> bool {
        self.copies.iter().any(|copy| &copy.target == target && copy.notices.contains(&notice))
    }

    pub(crate) fn lived(&mut self, task: &TaskId) {
        self.alive.insert(task.clone(), self.elapsed);
    }
}
