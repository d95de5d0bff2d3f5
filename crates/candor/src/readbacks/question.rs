//! What a channel is asked about a notice, from what is on record.

use candor_core::{
    ids::{NoticeNo, TargetName},
    notice::{Delivery, DeliveryState, Notice, PendingReason, Receipt, StateName},
    read_back::Question,
};
use candor_path::receipt;
use candor_store::{Listing, NoticeFilter, StoreError};

/// Most receipts of one notice that are looked at.
const RECEIPTS_MAX: usize = 1_000;
/// Most notices that are looked through for those in doubt, newest first.
const NOTICES_MAX: usize = 10_000;

/// A notice whose outcome toward a target isn't known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InDoubt {
    /// The notice.
    pub notice: NoticeNo,
    /// The target.
    pub target: TargetName,
}

/// The notices whose outcome is unknown, oldest first, one entry for each target.
///
/// # Errors
/// When the store can't be read.
pub fn in_doubt(store: &impl Listing) -> Result<Vec<InDoubt>, StoreError> {
    let unknown =
        |state: &DeliveryState| matches!(state, DeliveryState::Pending { reason: PendingReason::OutcomeUnknown, .. });
    let filter = NoticeFilter { state: Some(StateName::PendingExternalSend), task: None };
    let mut found: Vec<InDoubt> = store
        .notices(&filter, NOTICES_MAX)?
        .into_iter()
        .flat_map(|row| row.deliveries)
        .filter(|delivery| unknown(&delivery.state))
        .map(|delivery| InDoubt { notice: delivery.notice, target: delivery.target })
        .collect();
    found.sort_by(|a, b| (a.notice, &a.target).cmp(&(b.notice, &b.target)));
    Ok(found)
}

/// What the target is asked about the notice; none where there is no such delivery.
///
/// # Errors
/// When the store can't be read.
pub fn about(
    store: &impl Listing,
    notice: NoticeNo,
    target: &TargetName,
    node: &str,
) -> Result<Option<Question>, StoreError> {
    let Some((_, doubted)) = delivery(store, notice, target)? else { return Ok(None) };
    let receipts = store.receipts(notice, RECEIPTS_MAX)?;
    let receipts: Vec<Receipt> =
        receipts.into_iter().filter_map(|record| serde_json::from_value(record.body).ok()).collect();
    let sent_as = receipt::sent_as(&doubted, &receipts);
    let Some((lead, of_lead)) = delivery(store, sent_as, target)? else { return Ok(None) };
    let members = members(store, sent_as, target)?;
    let of = receipt::Covered { lead: &lead, delivery: &of_lead, members: &members };
    Ok(Some(receipt::question(of, &receipts, node)))
}

fn delivery(
    store: &impl Listing,
    notice: NoticeNo,
    target: &TargetName,
) -> Result<Option<(Notice, Delivery)>, StoreError> {
    let Some(row) = store.notice_row(notice)? else { return Ok(None) };
    let delivery = row.deliveries.into_iter().find(|delivery| &delivery.target == target);
    Ok(delivery.map(|delivery| (row.notice, delivery)))
}

/// The further notices that this one's digest covered, as far as they are in doubt with it.
fn members(store: &impl Listing, lead: NoticeNo, target: &TargetName) -> Result<Vec<(Notice, Delivery)>, StoreError> {
    let filter = NoticeFilter { state: Some(StateName::PendingExternalSend), task: None };
    let rows = store.notices(&filter, NOTICES_MAX)?;
    let mut members: Vec<(Notice, Delivery)> = rows
        .into_iter()
        .filter_map(|row| {
            let covered = |of: &Delivery| &of.target == target && of.digest_of == Some(lead);
            let delivery = row.deliveries.into_iter().find(covered)?;
            Some((row.notice, delivery))
        })
        .collect();
    members.sort_by_key(|(notice, _)| notice.no);
    Ok(members)
}
