//! Words as small numbers. They are in every database: new ones are added at the end, none is changed.

use candor_audit::kind::Kind;
use candor_core::{
    decision::Severity,
    notice::{BlockReason, PendingReason, ProofLevel},
    task::TaskState,
};

/// A delivery's state with what tells `sending` from the rest of `pending_external_send`.
pub(super) mod delivery {
    pub(crate) const PREPARED: i64 = 0;
    pub(crate) const QUEUED: i64 = 1;
    pub(crate) const DISPATCHED: i64 = 2;
    pub(crate) const SENDING: i64 = 3;
    pub(crate) const PENDING: i64 = 4;
    pub(crate) const ACKED: i64 = 5;
    pub(crate) const BLOCKED: i64 = 6;
}

/// A word that is stored as a number.
pub(super) trait Coded: Copy + PartialEq + 'static {
    /// Every one, in order of its number, which begins at 1.
    const CODES: &'static [Self];

    /// Its number.
    fn code(self) -> i64 {
        let place = Self::CODES.iter().position(|one| *one == self);
        place.and_then(|place| i64::try_from(place).ok()).map_or(0, |place| place + 1)
    }

    /// The one of that number.
    fn of_code(code: i64) -> Option<Self> {
        let place = usize::try_from(code).ok()?.checked_sub(1)?;
        Self::CODES.get(place).copied()
    }
}

impl Coded for TaskState {
    const CODES: &'static [Self] = &[Self::Running, Self::Waiting, Self::Blocked, Self::Completed, Self::Failed];
}

impl Coded for PendingReason {
    const CODES: &'static [Self] = &[
        Self::DryRun,
        Self::NoSender,
        Self::GateClosed,
        Self::AcceptedByRelay,
        Self::OutcomeUnknown,
        Self::RetryScheduled,
        Self::AttemptOpen,
        Self::ResolvedByOperator,
    ];
}

impl Coded for BlockReason {
    const CODES: &'static [Self] = &[
        Self::BadCredential,
        Self::RecipientRefused,
        Self::NoSuchDestination,
        Self::MessageRefused,
        Self::SenderMissing,
        Self::SecretUnreadable,
        Self::BadConfiguration,
        Self::AttemptsExhausted,
    ];
}

impl Coded for ProofLevel {
    const CODES: &'static [Self] = &[Self::Stored, Self::ReadBack, Self::Human];
}

impl Coded for Severity {
    const CODES: &'static [Self] = &[Self::Info, Self::Warning, Self::Critical];
}

impl Coded for Kind {
    const CODES: &'static [Self] = &[
        Self::Watch,
        Self::Event,
        Self::Claim,
        Self::Evidence,
        Self::Decision,
        Self::Incident,
        Self::Queue,
        Self::Spool,
        Self::Attempt,
        Self::Receipt,
        Self::OperatorAct,
        Self::Gate,
        Self::HeartbeatFold,
        Self::Gap,
        Self::Profile,
        Self::Capability,
        Self::Pack,
        Self::Key,
        Self::Approval,
        Self::Effect,
        Self::Work,
        Self::Readback,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word without a number would be stored as 0 and not be read back.
    #[test]
    fn every_word_has_a_number() {
        assert_eq!(TaskState::CODES.len(), TaskState::ALL.len());
        assert_eq!(PendingReason::CODES.len(), PendingReason::ALL.len());
        assert_eq!(BlockReason::CODES.len(), BlockReason::ALL.len());
        assert_eq!(ProofLevel::CODES.len(), ProofLevel::ALL.len());
        assert_eq!(Severity::CODES.len(), Severity::ALL.len());
        assert_eq!(Kind::CODES.len(), Kind::ALL.len());
    }

    #[test]
    fn numbers_begin_at_one_and_come_back() {
        for state in TaskState::ALL {
            assert_eq!(TaskState::of_code(state.code()), Some(*state));
        }
        assert_eq!((TaskState::Running.code(), TaskState::of_code(0), TaskState::of_code(6)), (1, None, None));
    }
}
