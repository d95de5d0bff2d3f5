//! What may be taken out of the log, and what never is. Pure: a store asks here, record by record.
//!
//! A pruning takes contents and nonces, never headers: the log still adds up, and whoever asks for such a record sees that it was there.

use std::collections::BTreeMap;

use candor_audit::kind::Kind;
use candor_core::{
    gate::Grant,
    notice::{DeliveryState, PendingReason},
    profile::{ArtifactClass, KeepFor},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Most stretches of the log that one pruning names.
pub const PRUNE_STRETCHES_MAX: usize = 256;
/// Most records that one pruning takes the contents of.
pub const PRUNE_RECORDS_MAX: u64 = 50_000;

/// The kinds of records that lose their contents when their time is over. All others are kept for ever: documents in force, changes of keys,
/// what operators did, gates, and gaps.
pub const PRUNABLE: [Kind; 11] = [
    Kind::Watch,
    Kind::Event,
    Kind::Claim,
    Kind::Evidence,
    Kind::Decision,
    Kind::Incident,
    Kind::Queue,
    Kind::Spool,
    Kind::Attempt,
    Kind::Receipt,
    Kind::HeartbeatFold,
];

/// The deployment model's class of a kind, where it has one.
fn class(kind: Kind) -> Option<ArtifactClass> {
    Some(match kind {
        Kind::Event => ArtifactClass::Events,
        Kind::Evidence => ArtifactClass::Evidence,
        Kind::Decision => ArtifactClass::Decisions,
        Kind::Queue => ArtifactClass::Queue,
        Kind::Spool => ArtifactClass::Spool,
        Kind::Receipt => ArtifactClass::Receipts,
        Kind::Attempt => ArtifactClass::Attempts,
        _ => return None,
    })
}

/// Up to when each kind's contents are past their time. A kind that isn't named is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cutoffs(pub BTreeMap<String, Timestamp>);

impl Cutoffs {
    /// What these windows come to at `now`.
    #[must_use]
    pub fn of(keep: &KeepFor, now: Timestamp) -> Self {
        let windows = PRUNABLE.into_iter().filter_map(|kind| Some((kind, keep.window(class(kind))?)));
        Self(windows.map(|(kind, window)| (kind.as_str().to_owned(), now.before(window))).collect())
    }

    /// Whether a record of this kind and time is past its time.
    #[must_use]
    pub fn is_past(&self, kind: Kind, at: Timestamp) -> bool {
        PRUNABLE.contains(&kind) && self.0.get(kind.as_str()).is_some_and(|cutoff| at < *cutoff)
    }

    /// From when on nothing is past its time.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.0.values().max().copied()
    }
}

/// Whether a delivery needs nothing of its records any more. A blocked one may be tried again, so it isn't settled.
#[must_use]
pub fn is_settled(state: &DeliveryState) -> bool {
    match state {
        DeliveryState::Acked { .. } => true,
        DeliveryState::Pending { reason, next_at: None } => {
            matches!(reason, PendingReason::DryRun | PendingReason::ResolvedByOperator | PendingReason::AcceptedByRelay)
        }
        _ => false,
    }
}

/// A pruning that is on record: what it may take, and how far it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruning {
    /// Its number: that of its record.
    pub no: u64,
    /// What was past its time when it was decided.
    pub cutoffs: Cutoffs,
    /// The stretches of the log that it may touch, `[from, to)`, in order.
    pub stretches: Vec<(u64, u64)>,
    /// Where it goes on.
    pub next: u64,
    /// How many contents it has taken.
    pub taken: u64,
    /// Whether it is finished.
    pub done: bool,
    /// The use of the gate that was taken for it. None for one of before approvals, which goes no further.
    #[serde(default)]
    pub grants: Vec<Grant>,
}

impl Pruning {
    /// The first place at `from` or later that it may touch.
    #[must_use]
    pub fn touches_from(&self, from: u64) -> Option<u64> {
        let stretch = self.stretches.iter().find(|(_, to)| *to > from)?;
        Some(stretch.0.max(from))
    }
}

/// Whether stretches are in order, apart, and within the log.
pub(crate) fn are_stretches(stretches: &[(u64, u64)], length: u64) -> bool {
    let mut before = 0;
    !stretches.is_empty()
        && stretches.len() <= PRUNE_STRETCHES_MAX
        && stretches.iter().all(|(from, to)| {
            let fits = *from >= before && from < to && *to <= length;
            before = *to;
            fits
        })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_is_past_its_own_window_goes() {
        let keep: KeepFor = serde_json::from_str(r#"{"receipts":"10d","other":"1d"}"#).unwrap();
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let days = |count: u64| now.before(Duration::from_secs(count * 24 * 3600));
        let cutoffs = Cutoffs::of(&keep, now);
        assert!(cutoffs.is_past(Kind::Event, days(2)) && !cutoffs.is_past(Kind::Event, days(1)));
        assert!(!cutoffs.is_past(Kind::Receipt, days(2)) && cutoffs.is_past(Kind::Receipt, days(11)));
        for kept in [Kind::Profile, Kind::Capability, Kind::Pack, Kind::Key, Kind::OperatorAct, Kind::Gate, Kind::Gap] {
            assert!(!cutoffs.is_past(kept, days(9_999)), "{kept:?}");
        }
        assert_eq!(Cutoffs::of(&KeepFor::default(), now), Cutoffs::default());
    }

    #[test]
    fn stretches_are_in_order_and_inside() {
        assert!(are_stretches(&[(0, 2), (2, 3), (5, 9)], 9));
        for bad in [&[(0, 0)][..], &[(3, 2)], &[(0, 10)], &[(4, 5), (0, 1)], &[(0, 3), (2, 4)], &[]] {
            assert!(!are_stretches(bad, 9), "{bad:?}");
        }
    }

    #[test]
    fn what_may_still_be_tried_or_settled_is_not_settled() {
        let pending = |reason| DeliveryState::Pending { reason, next_at: None };
        assert!(is_settled(&pending(PendingReason::DryRun)) && is_settled(&pending(PendingReason::ResolvedByOperator)));
        for reason in [PendingReason::OutcomeUnknown, PendingReason::GateClosed, PendingReason::NoSender] {
            assert!(!is_settled(&pending(reason)), "{reason:?}");
        }
        assert!(!is_settled(&DeliveryState::Queued { due_at: Timestamp::default() }));
    }
}
