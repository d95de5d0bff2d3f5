//! A bundle of a task or a correlation id, without reading the log that it isn't about: its records are found along their chain, what was in force by its
//! kind, and what isn't shown is stood for by roots that the store keeps. That all of it adds up to the log's root is seen here before anything is signed.

use std::collections::{BTreeMap, BTreeSet};

use candor_audit::{
    bundle::write::Draft,
    kind::Kind,
    merkle::{Frontier, Log, log_leaf},
    sign::checkpoint::Checkpoint,
};
use candor_store::{Artifacts, Listing as _, Record, sqlite::Reader};
use serde_json::Value;

use super::{
    export::{CONTEXT, Choice, Found, Plan, package},
    source::{self, Entry},
};
use crate::{desk::store_failure, exit::Failure};

/// The places of what a bundle is about, where they are found without reading the log; those of a window aren't.
pub(super) fn chosen(reader: &Reader, choice: &Choice, size: u64) -> Result<Option<BTreeSet<u64>>, Failure> {
    let which = match choice {
        Choice::Task(task) => Artifacts::OfTask(task),
        Choice::Correlation(correlation) => Artifacts::OfCorrelation(correlation),
        Choice::Window(..) => return Ok(None),
    };
    let records = reader.artifacts(which, usize::MAX).map_err(store_failure)?;
    // The log may have grown since its head was read.
    Ok(Some(records.iter().map(|record| record.index).filter(|index| *index < size).collect()))
}

/// What was in force for them: the last of each kind before the first of them and each that came later, and every change of keys.
pub(super) fn found(reader: &Reader, chosen: &BTreeSet<u64>, size: u64) -> Result<Found, Failure> {
    let first = chosen.first().copied();
    let (mut context, mut names, mut from) = (BTreeSet::new(), BTreeMap::new(), None);
    for kind in CONTEXT.into_iter().chain([Kind::Key]) {
        let records = reader.of_kind(kind, usize::MAX).map_err(store_failure)?;
        let mut records = records.into_iter().filter(|record| record.index < size).peekable();
        if let Some(name) = records.peek().and_then(name) {
            names.insert(kind, name);
        }
        from = from.or_else(|| package(kind, &records.peek()?.body));
        for record in records {
            context.insert(record.index);
            if kind != Kind::Key && first.is_none_or(|first| record.index < first) {
                break;
            }
        }
    }
    Ok(Found::of(first, &context - chosen, names, from))
}

fn name(record: &Record) -> Option<String> {
    let named = record.body.get("profile").or_else(|| record.body.get("descriptor"));
    named.and_then(Value::as_str).map(str::to_owned)
}

/// The bundle but for its artifacts, and which those are.
pub(super) fn draft(
    plan: &mut Plan<'_>,
    reader: &Reader,
    head: &Checkpoint,
    chosen: &BTreeSet<u64>,
) -> Result<(Draft, Vec<u64>), Failure> {
    let (context, range) = (plan.context, plan.range);
    let mut walk =
        Walk { plan, reader, draft: Draft::default(), tree: Frontier::new(), shipped: Vec::new(), begun: false };
    let shown: BTreeSet<u64> = chosen.union(context).copied().collect();
    let run_from = chosen.first().copied().filter(|_| range).unwrap_or(head.size);
    for index in shown.range(..run_from) {
        walk.hide_until(*index)?;
        walk.show(*index, *index + 1)?;
    }
    walk.hide_until(run_from)?;
    walk.show(run_from, head.size)?;
    if walk.tree.root() != head.root {
        return Err(source::damaged("its records don't add up to the root that it keeps".to_owned()));
    }
    Ok((walk.draft, walk.shipped))
}

struct Walk<'w, 'p> {
    plan: &'w mut Plan<'p>,
    reader: &'w Reader,
    draft: Draft,
    tree: Frontier<Log>,
    shipped: Vec<u64>,
    begun: bool,
}

impl Walk<'_, '_> {
    /// Shows the records of a span, each as the plan has it.
    fn show(&mut self, from: u64, to: u64) -> Result<(), Failure> {
        source::span(self.reader, from, to, |entry: Entry| {
            if self.plan.splits.contains(&entry.header.index) {
                self.draft.split();
            }
            self.tree.push(log_leaf(&entry.stored.header_line));
            self.plan.add(&mut self.draft, &mut self.shipped, &mut self.begun, entry)
        })
    }

    /// Stands for the records before `to` by as few roots as there are, none of which goes across a head that a reader may hold.
    fn hide_until(&mut self, to: u64) -> Result<(), Failure> {
        while self.tree.size() < to {
            let at = self.tree.size();
            if self.plan.splits.contains(&at) {
                self.draft.split();
            }
            let end = self.plan.splits.range(at + 1..).next().map_or(to, |split| to.min(*split));
            let level = at.trailing_zeros().min((end - at).ilog2());
            let root = self.reader.subtree(level, at >> level).map_err(store_failure)?;
            let root = root.ok_or_else(|| source::damaged(format!("record {at} of {to} is missing")))?;
            self.draft.hide_subtree(at, level, root);
            self.tree.push_subtree(level, root);
        }
        Ok(())
    }
}
