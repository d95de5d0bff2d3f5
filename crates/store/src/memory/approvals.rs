//! Approvals, the effect ledger, gated work and documents, as maps.

use std::collections::BTreeMap;

use candor_core::{
    approval::{Approval, PackageRow, Request},
    gate::{Gate, LedgerEntry, Opening},
    ids::AgentId,
    limits::REQUESTS_OPEN_MAX,
    time::Timestamp,
    work::{Document, DocumentKind, Work, WorkState},
};

use super::state::State;
use crate::log::WorkFilter;

impl State {
    pub(super) fn openings(&self, gate: Gate) -> Vec<Opening> {
        let newest = self.openings.values().rev();
        newest.filter(|opening| opening.gate == gate && opening.closed_at.is_none()).cloned().collect()
    }

    pub(super) fn last_closed_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.openings.values().filter_map(|opening| opening.ended_at(now)).filter(|at| *at <= now).max()
    }

    pub(super) fn approval_by_id(&self, id: &str) -> Option<Approval> {
        self.approvals.values().find(|approval| approval.terms.id == id).cloned()
    }

    pub(super) fn packages(&self, limit: usize) -> Vec<PackageRow> {
        self.packages.values().rev().take(limit).cloned().collect()
    }

    pub(super) fn open_requests(&self) -> Vec<Request> {
        let open = self.requests.values().filter(|request| request.answered_by.is_none());
        open.take(REQUESTS_OPEN_MAX).cloned().collect()
    }

    pub(super) fn ledger_after(&self, after: Option<Timestamp>, limit: usize) -> Vec<LedgerEntry> {
        let later = self.ledger.values().filter(|entry| after.is_none_or(|after| entry.at > after));
        let mut later: Vec<_> = later.cloned().collect();
        later.sort_by_key(|entry| (entry.at, entry.no));
        later.truncate(limit);
        later
    }

    pub(super) fn ledger_counts(&self, after: Option<Timestamp>) -> BTreeMap<Gate, u64> {
        let mut counts = BTreeMap::new();
        for entry in self.ledger.values().filter(|entry| after.is_none_or(|after| entry.at > after)) {
            *counts.entry(entry.gate).or_default() += 1;
        }
        counts
    }

    pub(super) fn open_work(&self, key: &str) -> Option<Work> {
        self.work.values().find(|work| !work.state.is_over() && work.wanted.key() == key).cloned()
    }

    pub(super) fn waiting_work(&self, gate: Gate, limit: usize) -> Vec<Work> {
        let waiting = self.work.values().filter(|work| work.gate == gate && work.state == WorkState::Pending);
        waiting.take(limit).cloned().collect()
    }

    pub(super) fn started_work(&self, limit: usize) -> Vec<Work> {
        let started = self.work.values().filter(|work| matches!(work.state, WorkState::Started { .. }));
        started.take(limit).cloned().collect()
    }

    pub(super) fn work_count(&self) -> u64 {
        self.work.values().filter(|work| work.state == WorkState::Pending).count() as u64
    }

    pub(super) fn all_work(&self, filter: WorkFilter, limit: usize) -> Vec<Work> {
        let newest = self.work.values().rev().filter(|work| filter == WorkFilter::All || !work.state.is_over());
        newest.take(limit).cloned().collect()
    }

    fn newest(&self, kind: DocumentKind) -> Vec<&Document> {
        let mut documents: Vec<_> = self.documents.values().filter(|of| of.kind == kind).collect();
        documents.sort_by_key(|of| std::cmp::Reverse(of.no));
        documents
    }

    pub(super) fn documents_of(&self, kind: DocumentKind, agent: &AgentId, limit: usize) -> Vec<Document> {
        let newest = self.newest(kind).into_iter().filter(|of| of.agent.as_ref() == Some(agent));
        newest.take(limit).cloned().collect()
    }

    pub(super) fn documents(&self, kind: DocumentKind, limit: usize) -> Vec<Document> {
        self.newest(kind).into_iter().take(limit).cloned().collect()
    }
}
