//! What is so in this deployment, read from the store and the configuration: what packages and the stage before are built from.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use candor_approval::{
    drill::{Drill, LANES, LaneStanding},
    truth::{RecordedReadiness, TargetTruth, Truth},
};
use candor_core::{
    approval::{Approval, Standing},
    capability::Capability,
    gate::{GATES, Gate},
    ids::ApprovalNo,
    notice::{Outcome, Receipt, StateName},
    task::TaskState,
    time::Timestamp,
    work::{DocumentKind, WorkState},
};
use candor_store::{Listing, NoticeFilter, StoreError, TaskFilter, WorkFilter};

use crate::{config::Config, readbacks};

/// Most rows of each list that are looked at, newest first.
const ROWS_MAX: usize = 10_000;
/// Entries of the ledger that a refusal names.
const NAMED_MAX: usize = 20;
/// Most receipts of one notice that are looked at.
const RECEIPTS_MAX: usize = 50;
/// What the 24-hour counts look back on.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is so now. Effects are counted since the last gate closed, or since `since` where that is given.
///
/// # Errors
/// When the store can't be read.
pub fn of(
    store: &impl Listing,
    config: &Config,
    now: Timestamp,
    since: Option<Timestamp>,
) -> Result<Truth, StoreError> {
    let settings = &config.machine.settings;
    let since = match since {
        Some(since) => Some(since),
        None => store.last_closed_at(now)?,
    };
    let openings = store.all_openings(ROWS_MAX)?;
    let approvals = store.approvals(ROWS_MAX)?;
    let unused: BTreeSet<ApprovalNo> = {
        let used = |no: ApprovalNo| openings.iter().any(|opening| opening.approval == no && opening.used > 0);
        let recent = |approval: &&Approval| now.since(approval.at) <= DAY && approval.standing == Standing::Given;
        approvals.iter().filter(recent).map(|approval| approval.no).filter(|no| !used(*no)).collect()
    };
    let deliveries = store.delivery_counts()?;
    let unknown = |reason: &Option<String>| reason.as_deref() == Some("outcome_unknown");
    let tasks = store.tasks(&TaskFilter::default(), ROWS_MAX)?;
    Ok(Truth {
        now,
        node: settings.node.clone(),
        since,
        open: openings.into_iter().filter(|of| of.used < of.max_uses && of.ended_at(now).is_none()).collect(),
        ledger: store.ledger_after(since, NAMED_MAX)?,
        uses: store.ledger_counts(since)?,
        approvals: received(&approvals, since, now).map(|approval| approval.no).collect(),
        approved_without_execution_24h: count(unused.len()),
        execution_failed_24h: failed(store, now)?,
        pending: pending(store)?,
        kept: kept(store)?,
        outcome_unknown: deliveries.iter().filter(|of| unknown(&of.reason)).map(|of| of.count).sum(),
        unproved: count(tasks.iter().filter(|task| task.unproved).count()),
        incidents: count(store.incidents(true, ROWS_MAX)?.len()),
        failed: store.task_counts()?.get(&TaskState::Failed).copied().unwrap_or(0),
        lanes: lanes(store, now)?,
        owners: config.owners.names().into_iter().map(str::to_owned).collect(),
        two_owners: settings.approvals.two_owners.clone(),
        targets: targets(config),
        failure_receipts: settings.approvals.failure_receipts.clone(),
        writing_recipes: settings.approvals.writing_recipes.iter().cloned().collect(),
        askable: readbacks::askable(config),
        readiness: readiness(store)?,
    })
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

/// Approvals after a time that opened something, or wait for another owner and still can be signed.
pub fn received(approvals: &[Approval], since: Option<Timestamp>, until: Timestamp) -> impl Iterator<Item = &Approval> {
    approvals.iter().filter(move |approval| {
        let stands = match approval.standing {
            Standing::Given => true,
            Standing::WaitsForOwner => approval.terms.expires_at > until,
            Standing::Rejected | Standing::Revoked { .. } => false,
        };
        stands && approval.at <= until && since.is_none_or(|since| approval.at > since)
    })
}

/// Effects of the last 24 hours that passed their gates and failed: work that wasn't done, and attempts that had no effect or an unknown one.
fn failed(store: &impl Listing, now: Timestamp) -> Result<u64, StoreError> {
    let entries = store.ledger_after(Some(now.before(DAY)), ROWS_MAX)?;
    let of: BTreeSet<&str> = entries.iter().map(|entry| entry.of.as_str()).collect();
    let mut failed = 0_u64;
    for work in store.all_work(WorkFilter::All, ROWS_MAX)? {
        let is_failed = matches!(work.state, WorkState::Failed { .. });
        failed += u64::from(is_failed && of.contains(work.no.to_string().as_str()));
    }
    let recent = |at: Timestamp| now.since(at) <= DAY;
    for row in store.notices(&NoticeFilter::default(), ROWS_MAX)? {
        if !row.deliveries.iter().any(|delivery| recent(delivery.since) && delivery.state.name() != StateName::Acked) {
            continue;
        }
        for receipt in store.receipts(row.notice.no, RECEIPTS_MAX)? {
            let Ok(receipt) = serde_json::from_value::<Receipt>(receipt.body) else { continue };
            let wrong = receipt.answer.is_some_and(|answer| {
                matches!(answer.outcome, Outcome::Failed { .. } | Outcome::Refused { .. } | Outcome::Unknown { .. })
            });
            failed += u64::from(wrong && of.contains(format!("a-{}", receipt.fence.0).as_str()));
        }
    }
    Ok(failed)
}

fn pending(store: &impl Listing) -> Result<BTreeMap<Gate, u64>, StoreError> {
    let mut pending = BTreeMap::new();
    for work in store.all_work(WorkFilter::Open, ROWS_MAX)? {
        *pending.entry(work.gate).or_default() += 1;
    }
    Ok(pending)
}

fn kept(store: &impl Listing) -> Result<BTreeMap<DocumentKind, u64>, StoreError> {
    let kinds = DocumentKind::ALL.iter();
    kinds.map(|kind| Ok((*kind, count(store.documents(*kind, ROWS_MAX)?.len())))).collect()
}

fn lanes(store: &impl Listing, now: Timestamp) -> Result<BTreeMap<String, LaneStanding>, StoreError> {
    let mut lanes = BTreeMap::new();
    for lane in &LANES {
        let last = store.document_by_key(DocumentKind::Drill, lane.id)?;
        let drill = last.and_then(|of| Some((of.at, serde_json::from_value::<Drill>(of.body).ok()?)));
        let standing = LaneStanding::of(lane, drill.as_ref().map(|(at, drill)| (*at, drill)), now);
        lanes.insert(lane.id.to_owned(), standing);
    }
    Ok(lanes)
}

fn targets(config: &Config) -> Vec<TargetTruth> {
    let settings = &config.machine.settings;
    let proves = settings.deployment.supports(Capability::DeliveryProof);
    let of = |target: &candor_core::settings::Target| TargetTruth {
        name: target.name.clone(),
        sender: target.sender.split('@').next().unwrap_or_default().to_owned(),
        gates: target.gates().collect(),
        available: target.available,
        secrets_present: config.bindings.get(&target.name).is_some_and(|of| of.check_secrets().is_ok()),
        proves,
    };
    // A place that documents go to is behind the same gates as a target.
    let place = |place: &candor_world::places::Place| TargetTruth {
        name: place.name().clone(),
        sender: place.kind().to_owned(),
        gates: place.gates().into_iter().collect(),
        available: true,
        secrets_present: place.secrets().iter().all(|secret| secret.check().is_ok()),
        proves: false,
    };
    settings.targets.iter().map(of).chain(config.audit.gated_places().into_iter().map(place)).collect()
}

fn readiness(store: &impl Listing) -> Result<Option<RecordedReadiness>, StoreError> {
    let newest = store.documents(DocumentKind::Readiness, 1)?.pop();
    let id = |no: u64| format!("{}-{no}", DocumentKind::Readiness.prefix());
    Ok(newest.map(|of| RecordedReadiness { id: id(of.no), at: of.at, body: of.body }))
}

/// What is on record about the time at which a package was built: what its counts are held against.
///
/// # Errors
/// When the store can't be read.
pub fn known(store: &impl Listing, built: Timestamp) -> Result<candor_approval::validate::Known, StoreError> {
    let since = store.last_closed_at(built)?;
    let mut uses: BTreeMap<Gate, u64> = GATES.iter().map(|gate| (*gate, 0)).collect();
    for entry in store.ledger_after(since, ROWS_MAX)?.iter().filter(|entry| entry.at <= built) {
        *uses.entry(entry.gate).or_default() += 1;
    }
    let approvals = store.approvals(ROWS_MAX)?;
    let mut evidence = BTreeMap::new();
    for package in super::recorded(store)? {
        let found = package.get("evidence").and_then(serde_json::Value::as_object);
        evidence.extend(found.into_iter().flatten().map(|(hash, of)| (hash.clone(), of.clone())));
    }
    Ok(candor_approval::validate::Known {
        since,
        uses,
        approvals: count(received(&approvals, since, built).count()),
        evidence,
    })
}
