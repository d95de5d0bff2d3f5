//! What a channel is asked about, put together from what is on record of the attempts.

use candor_core::{
    ids::{Fence, NoticeNo, TargetName},
    notice::{Delivery, Notice, Outcome, Receipt},
    read_back::Question,
};

use crate::bridge;

/// A notice in doubt, with what it takes to say what was sent of it.
#[derive(Clone, Copy, Debug)]
pub struct Covered<'a> {
    /// The notice that the message was sent for: the one in doubt, or the one whose digest covered it.
    pub lead: &'a Notice,
    /// Its delivery to the target.
    pub delivery: &'a Delivery,
    /// The further notices that the digest covered, with their deliveries.
    pub members: &'a [(Notice, Delivery)],
}

/// The notice whose message told of this delivery: its own, or the one whose digest covered it at its last attempt.
#[must_use]
pub fn sent_as(delivery: &Delivery, receipts: &[Receipt]) -> NoticeNo {
    let last = attempts(&delivery.target, receipts).last();
    last.and_then(|receipt| receipt.covered_by).unwrap_or(delivery.notice)
}

/// The question: about the message as its last attempt sent it, with the id that the channel gave it, and since when it can be there.
///
/// `receipts` are those of the notice in doubt, oldest first, toward any target. Of a delivery without receipts (they may have been pruned)
/// the notice itself says what was sent, and when at the earliest.
#[must_use]
pub fn question(of: Covered<'_>, receipts: &[Receipt], node: &str) -> Question {
    let mine = || attempts(&of.delivery.target, receipts);
    let last = mine().last();
    // What the title says goes by what was in doubt before that attempt, not after it.
    let as_sent = Delivery {
        attempts: last.map_or(of.delivery.attempts, |receipt| receipt.attempt),
        maybe_repeat: last.map_or(of.delivery.maybe_repeat, |receipt| receipt.maybe_repeat),
        ..of.delivery.clone()
    };
    let fence = last.map_or(Fence(0), |receipt| receipt.fence);
    let key = last.map_or_else(|| bridge::key_of(node, of.lead.no, &of.delivery.target), |receipt| receipt.key.clone());
    Question {
        message: bridge::message(of.lead, &as_sent, of.members, fence, key),
        provider_id: mine().filter_map(provider_id).last(),
        sent_at: mine().filter_map(|receipt| receipt.opened_at).min().unwrap_or(of.lead.at),
    }
}

/// The receipts of real attempts toward a target: a read-back or an operator's word is none.
fn attempts<'r>(target: &TargetName, receipts: &'r [Receipt]) -> impl Iterator<Item = &'r Receipt> {
    receipts.iter().filter(move |receipt| {
        &receipt.target == target && receipt.fence != Fence(0) && receipt.opened_at.is_some() && !receipt.simulated
    })
}

/// The id that the channel's answer gave the message.
fn provider_id(receipt: &Receipt) -> Option<String> {
    let answered = match receipt.answer.as_ref().map(|answer| &answer.outcome) {
        Some(Outcome::Relayed { provider_id }) => provider_id.clone(),
        Some(Outcome::Proved { proof }) => proof.provider_id.clone(),
        _ => None,
    };
    answered.or_else(|| receipt.proof.as_ref()?.provider_id.clone())
}
