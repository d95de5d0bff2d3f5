//! Approvals, the effect ledger, gated work and documents: rows of the path's own values, found by what is asked of them.

use std::collections::BTreeMap;

use candor_core::{
    approval::{Approval, PackageRow, Request},
    gate::{Gate, LedgerEntry, Opening},
    ids::{AgentId, ApprovalNo, OpeningNo, WorkNo},
    limits::REQUESTS_OPEN_MAX,
    time::Timestamp,
    work::{Document, DocumentKind, Work, WorkState},
};
use rusqlite::{Params, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    db::Db,
    rows::{self, int, most, nat},
};
use crate::{StoreError, log::WorkFilter};

fn text(of: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(of).map_err(|error| StoreError::Unfit { what: "a row".to_owned(), why: error.to_string() })
}

fn one<T: DeserializeOwned>(db: &Db, sql: &str, params: impl Params) -> Result<Option<T>, StoreError> {
    db.one(sql, params, |row| rows::json(row, 0))
}

fn many<T: DeserializeOwned>(db: &Db, sql: &str, params: impl Params) -> Result<Vec<T>, StoreError> {
    db.many(sql, params, |row| rows::json(row, 0))
}

fn stage(state: &WorkState) -> i64 {
    match state {
        WorkState::Pending => 0,
        WorkState::Started { .. } => 1,
        WorkState::Done { .. } | WorkState::Failed { .. } => 2,
    }
}

pub(super) fn put_opening(db: &Db, opening: &Opening) -> Result<(), StoreError> {
    let ended = opening.closed_at.unwrap_or(opening.expires_at).as_micros();
    let row = (int(opening.no.0), opening.gate.as_str(), opening.closed_at.is_some(), ended, text(opening)?);
    let sql = "INSERT OR REPLACE INTO opening(no, gate, closed, ended, body) VALUES(?1, ?2, ?3, ?4, ?5)";
    db.run(sql, row).map(drop)
}

pub(super) fn put_approval(db: &Db, approval: &Approval) -> Result<(), StoreError> {
    let row = (int(approval.no.0), &approval.terms.id, text(approval)?);
    db.run("INSERT OR REPLACE INTO approval(no, id, body) VALUES(?1, ?2, ?3)", row).map(drop)
}

pub(super) fn put_package(db: &Db, package: &PackageRow) -> Result<(), StoreError> {
    let row = (int(package.no), &package.sha256, text(package)?);
    db.run("INSERT OR REPLACE INTO package(no, sha256, body) VALUES(?1, ?2, ?3)", row).map(drop)
}

pub(super) fn put_request(db: &Db, request: &Request) -> Result<(), StoreError> {
    let row = (int(request.no.0), request.answered_by.is_some(), text(request)?);
    db.run("INSERT OR REPLACE INTO request(no, answered, body) VALUES(?1, ?2, ?3)", row).map(drop)
}

pub(super) fn put_entry(db: &Db, entry: &LedgerEntry) -> Result<(), StoreError> {
    let row = (int(entry.no.0), entry.at.as_micros(), entry.gate.as_str(), text(entry)?);
    db.run("INSERT INTO effect(no, at, gate, body) VALUES(?1, ?2, ?3, ?4)", row).map(drop)
}

pub(super) fn put_work(db: &Db, work: &Work) -> Result<(), StoreError> {
    let row = (int(work.no.0), work.gate.as_str(), work.wanted.key(), stage(&work.state), text(work)?);
    db.run("INSERT OR REPLACE INTO work(no, gate, key, state, body) VALUES(?1, ?2, ?3, ?4, ?5)", row).map(drop)
}

pub(super) fn put_document(db: &Db, of: &Document) -> Result<(), StoreError> {
    let agent = of.agent.as_ref().map(AgentId::as_str);
    let row = params![of.kind.as_str(), of.key, int(of.no), agent, text(of)?];
    let sql = "INSERT OR REPLACE INTO document(kind, key, no, agent, body) VALUES(?1, ?2, ?3, ?4, ?5)";
    db.run(sql, row).map(drop)
}

pub(super) fn openings(db: &Db, gate: Gate) -> Result<Vec<Opening>, StoreError> {
    many(db, "SELECT body FROM opening WHERE gate = ?1 AND closed = 0 ORDER BY no DESC", [gate.as_str()])
}

pub(super) fn all_openings(db: &Db, limit: usize) -> Result<Vec<Opening>, StoreError> {
    many(db, "SELECT body FROM opening ORDER BY no DESC LIMIT ?1", [most(limit)])
}

pub(super) fn opening(db: &Db, no: OpeningNo) -> Result<Option<Opening>, StoreError> {
    one(db, "SELECT body FROM opening WHERE no = ?1", [int(no.0)])
}

pub(super) fn last_closed_at(db: &Db, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT max(ended) FROM opening WHERE ended <= ?1";
    let at = db.one(sql, [now.as_micros()], |row| row.get::<_, Option<i64>>(0))?.flatten();
    Ok(at.map(Timestamp::from_micros))
}

pub(super) fn approval(db: &Db, no: ApprovalNo) -> Result<Option<Approval>, StoreError> {
    one(db, "SELECT body FROM approval WHERE no = ?1", [int(no.0)])
}

pub(super) fn approval_by_id(db: &Db, id: &str) -> Result<Option<Approval>, StoreError> {
    one(db, "SELECT body FROM approval WHERE id = ?1", [id])
}

pub(super) fn approvals(db: &Db, limit: usize) -> Result<Vec<Approval>, StoreError> {
    many(db, "SELECT body FROM approval ORDER BY no DESC LIMIT ?1", [most(limit)])
}

pub(super) fn packages(db: &Db, limit: usize) -> Result<Vec<PackageRow>, StoreError> {
    many(db, "SELECT body FROM package ORDER BY no DESC LIMIT ?1", [most(limit)])
}

pub(super) fn has_package(db: &Db, sha256: &str) -> Result<bool, StoreError> {
    Ok(db.one("SELECT 1 FROM package WHERE sha256 = ?1 LIMIT 1", [sha256], |_| Ok(()))?.is_some())
}

pub(super) fn open_requests(db: &Db) -> Result<Vec<Request>, StoreError> {
    many(db, "SELECT body FROM request WHERE answered = 0 ORDER BY no LIMIT ?1", [most(REQUESTS_OPEN_MAX)])
}

pub(super) fn requests(db: &Db, limit: usize) -> Result<Vec<Request>, StoreError> {
    many(db, "SELECT body FROM request ORDER BY answered, no DESC LIMIT ?1", [most(limit)])
}

pub(super) fn ledger_after(db: &Db, after: Option<Timestamp>, limit: usize) -> Result<Vec<LedgerEntry>, StoreError> {
    let after = after.map_or(i64::MIN, Timestamp::as_micros);
    many(db, "SELECT body FROM effect WHERE at > ?1 ORDER BY at, no LIMIT ?2", [after, most(limit)])
}

pub(super) fn ledger(db: &Db, limit: usize) -> Result<Vec<LedgerEntry>, StoreError> {
    many(db, "SELECT body FROM effect ORDER BY no DESC LIMIT ?1", [most(limit)])
}

pub(super) fn ledger_counts(db: &Db, after: Option<Timestamp>) -> Result<BTreeMap<Gate, u64>, StoreError> {
    let sql = "SELECT gate, count(*) FROM effect WHERE at > ?1 GROUP BY gate";
    let after = after.map_or(i64::MIN, Timestamp::as_micros);
    let counts = db.many(sql, [after], |row| Ok((row.get::<_, String>(0)?, nat(row, 1)?)))?;
    Ok(counts.into_iter().filter_map(|(gate, count)| Some((Gate::parse(&gate)?, count))).collect())
}

pub(super) fn work(db: &Db, no: WorkNo) -> Result<Option<Work>, StoreError> {
    one(db, "SELECT body FROM work WHERE no = ?1", [int(no.0)])
}

pub(super) fn open_work(db: &Db, key: &str) -> Result<Option<Work>, StoreError> {
    one(db, "SELECT body FROM work WHERE key = ?1 AND state < 2", [key])
}

pub(super) fn waiting_work(db: &Db, gate: Gate, limit: usize) -> Result<Vec<Work>, StoreError> {
    let sql = "SELECT body FROM work WHERE gate = ?1 AND state = 0 ORDER BY no LIMIT ?2";
    many(db, sql, params![gate.as_str(), most(limit)])
}

pub(super) fn started_work(db: &Db, limit: usize) -> Result<Vec<Work>, StoreError> {
    many(db, "SELECT body FROM work WHERE state = 1 ORDER BY no LIMIT ?1", [most(limit)])
}

pub(super) fn work_count(db: &Db) -> Result<u64, StoreError> {
    Ok(db.one("SELECT count(*) FROM work WHERE state = 0", [], |row| nat(row, 0))?.unwrap_or_default())
}

pub(super) fn all_work(db: &Db, filter: WorkFilter, limit: usize) -> Result<Vec<Work>, StoreError> {
    let sql = match filter {
        WorkFilter::All => "SELECT body FROM work ORDER BY no DESC LIMIT ?1",
        WorkFilter::Open => "SELECT body FROM work WHERE state < 2 ORDER BY no DESC LIMIT ?1",
    };
    many(db, sql, [most(limit)])
}

pub(super) fn document(db: &Db, kind: DocumentKind, key: &str) -> Result<Option<Document>, StoreError> {
    one(db, "SELECT body FROM document WHERE kind = ?1 AND key = ?2", [kind.as_str(), key])
}

pub(super) fn documents_of(
    db: &Db,
    kind: DocumentKind,
    agent: &AgentId,
    limit: usize,
) -> Result<Vec<Document>, StoreError> {
    let sql = "SELECT body FROM document WHERE kind = ?1 AND agent = ?2 ORDER BY no DESC LIMIT ?3";
    many(db, sql, params![kind.as_str(), agent.as_str(), most(limit)])
}

pub(super) fn documents(db: &Db, kind: DocumentKind, limit: usize) -> Result<Vec<Document>, StoreError> {
    many(db, "SELECT body FROM document WHERE kind = ?1 ORDER BY no DESC LIMIT ?2", params![kind.as_str(), most(limit)])
}
