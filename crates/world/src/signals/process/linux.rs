//! Processes as `/proc/PID/stat` tells them (proc_pid_stat(5)), read through the `procfs` crate.

use std::collections::BTreeMap;

use candor_core::{task::Reading, time::Timestamp};
use procfs::process::{Process, Stat, all_processes};

use super::PROCESSES_MAX;
use crate::signals::gone;

/// One look at the table of processes, taken when a process signal is first read and shared by those read after it.
///
/// The kernel's own list of children (`/proc/PID/task/TID/children`) would cost less but is a build option that many kernels
/// lack, so the tree is made from every process's parent.
#[derive(Debug, Default)]
pub struct Table(Option<BTreeMap<u32, Entry>>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    parent: u32,
    ticks: u64,
}

impl Table {
    /// Reads the CPU milliseconds of a process and its living descendants, with what their waited-for children used. A process
    /// that ended but wasn't waited for (a zombie) reads as not there.
    ///
    /// The amount can fall, when a descendant ends that nobody waits for: what tells of life is that it differs.
    pub fn read(&mut self, pid: u32, started_ticks: Option<u64>, now: Timestamp) -> Reading {
        let Some(stat) = living(pid) else {
            return gone(now);
        };
        if started_ticks.is_some_and(|ticks| ticks != stat.starttime) {
            return gone(now);
        }
        let table = self.0.get_or_insert_with(take);
        let ticks = descendants(table, pid).into_iter().fold(cpu_ticks(&stat), u64::saturating_add);
        let amount = ticks.saturating_mul(1000) / procfs::ticks_per_second().max(1);
        Reading { exists: true, amount, changed_at: None, read_at: now }
    }
}

/// When the process started, in clock ticks since boot; none when it isn't there. With it a reused process id is recognised.
#[must_use]
pub fn identify(pid: u32) -> Option<u64> {
    living(pid).map(|stat| stat.starttime)
}

fn living(pid: u32) -> Option<Stat> {
    let stat = Process::new(i32::try_from(pid).ok()?).ok()?.stat().ok()?;
    (!matches!(stat.state, 'Z' | 'X' | 'x')).then_some(stat)
}

fn take() -> BTreeMap<u32, Entry> {
    let Ok(processes) = all_processes() else {
        return BTreeMap::new();
    };
    processes
        .take(PROCESSES_MAX)
        .filter_map(|process| {
            let stat = process.ok()?.stat().ok()?;
            let entry = Entry { parent: u32::try_from(stat.ppid).ok()?, ticks: cpu_ticks(&stat) };
            Some((u32::try_from(stat.pid).ok()?, entry))
        })
        .collect()
}

/// User and system time of the process and of its children that ended and were waited for.
fn cpu_ticks(of: &Stat) -> u64 {
    let waited_for = [of.cutime, of.cstime].into_iter().filter_map(|ticks| u64::try_from(ticks).ok());
    waited_for.fold(of.utime.saturating_add(of.stime), u64::saturating_add)
}

/// The ticks of every process below `root`. A table read while processes come and go could hold a ring, so none is visited twice.
fn descendants(table: &BTreeMap<u32, Entry>, root: u32) -> Vec<u64> {
    let mut children: BTreeMap<u32, Vec<(u32, u64)>> = BTreeMap::new();
    for (pid, entry) in table.iter().filter(|(pid, _)| **pid != root) {
        children.entry(entry.parent).or_default().push((*pid, entry.ticks));
    }
    let (mut found, mut next) = (Vec::new(), vec![root]);
    while let Some(parent) = next.pop() {
        for (pid, ticks) in children.remove(&parent).unwrap_or_default() {
            found.push(ticks);
            next.push(pid);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_summed_once_even_when_it_holds_a_ring() {
        let entry = |parent, ticks| Entry { parent, ticks };
        let table = BTreeMap::from([
            (10, entry(1, 1000)),
            (11, entry(10, 1)),
            (12, entry(11, 2)),
            (13, entry(11, 4)),
            (20, entry(1, 8)),
            (30, entry(31, 16)),
            (31, entry(30, 32)),
        ]);
        assert_eq!(descendants(&table, 10).iter().sum::<u64>(), 7);
        assert_eq!(descendants(&table, 30).iter().sum::<u64>(), 32);
        assert_eq!(descendants(&table, 99), Vec::<u64>::new());
    }
}
