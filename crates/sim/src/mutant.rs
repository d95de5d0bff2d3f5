//! Seeded bugs. Each lives in the simulator alone, as another order of the hands or a changed plan.

/// A bug that others have shipped, or that ours would be without its guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// The receipt is written before the provider is called.
    MarkBeforeSend,
    /// The provider is called before the attempt is committed.
    SendBeforeLease,
    /// The decision is committed apart from its notice.
    TwoCommits,
    /// Every attempt has a key of its own.
    KeyPerAttempt,
    /// All notices to a target share a key.
    KeyPerTarget,
    /// An answer is booked on whatever attempt is open.
    NoFence,
    /// An answer is booked on another notice than it belongs to.
    SwappedAnswers,
    /// After a crash, an attempt with an unknown outcome is forgotten and sent again.
    BlindResend,
    /// A repeat isn't marked as one.
    UnmarkedRepeat,
    /// A stand-in's answer counts like the destination's.
    AckSimulated,
    /// What a relay took counts as delivered.
    AckRelayed,
    /// What may have arrived is called blocked.
    BlockUnknown,
    /// The channel's Retry-After is shortened.
    ShortenRetryAfter,
    /// A rate limit parks its notice, not the target.
    ParkNoticeOnly,
    /// A digest leaves its members out of the message.
    ForgetMembers,
    /// Nobody takes back what a dead process held.
    ForgetOrphans,
    /// A live process's attempt is taken for dead.
    RescueTheLiving,
    /// A notice that was delivered is queued again.
    ReviveAcked,
    /// A try isn't counted.
    UncountedTries,
    /// A closed gate stops nothing.
    GateIgnored,
    /// A use of a gate leaves no entry in the ledger.
    NoLedger,
    /// A use of a gate isn't counted.
    UncountedUses,
    /// The provider is called twice under one use.
    SendTwice,
    /// What a gate held is never released.
    NeverReleased,
    /// An accepted event isn't remembered, so it counts again.
    ForgetSeen,
    /// A receipt changes the delivery and leaves no record.
    NoReceiptRecord,
    /// A decision takes effect and isn't recorded.
    DropDecisionRecord,
    /// A routine checkpoint isn't kept.
    LoseBeat,
    /// Routine checkpoints are never folded.
    NeverFold,
    /// A probe that shows life doesn't move the deadline.
    DeafProbe,
    /// A task that was looked at isn't looked at again.
    LookOnce,
    /// An incident isn't kept, so each look opens another.
    ForgetIncident,
    /// Taking an incident on doesn't stop escalation.
    EscalateAcknowledged,
    /// A jump of the clock moves no deadline.
    NoShift,
    /// Every process moves deadlines by the jump that it sees.
    ShiftTwice,
}

/// Every mutant, with the invariant that must find it.
pub const MUTANTS: &[(Mutant, &str)] = &[
    (Mutant::MarkBeforeSend, "invariant_acked_means_the_receiver_has_it"),
    (Mutant::SendBeforeLease, "invariant_a_send_follows_its_commit"),
    (Mutant::TwoCommits, "invariant_what_was_accepted_has_its_notice"),
    (Mutant::KeyPerAttempt, "invariant_one_key_per_notice_and_target"),
    (Mutant::KeyPerTarget, "invariant_one_key_per_notice_and_target"),
    (Mutant::NoFence, "invariant_an_answer_is_booked_on_its_own_attempt"),
    (Mutant::SwappedAnswers, "invariant_acked_means_the_receiver_has_it"),
    (Mutant::BlindResend, "invariant_repeats_are_marked"),
    (Mutant::UnmarkedRepeat, "invariant_repeats_are_marked"),
    (Mutant::AckSimulated, "invariant_a_simulation_is_never_acked"),
    (Mutant::AckRelayed, "invariant_acked_means_the_receiver_has_it"),
    (Mutant::BlockUnknown, "invariant_what_may_have_arrived_is_never_blocked"),
    (Mutant::ShortenRetryAfter, "invariant_retry_after_is_a_floor"),
    (Mutant::ParkNoticeOnly, "invariant_retry_after_is_a_floor"),
    (Mutant::ForgetMembers, "invariant_acked_means_the_receiver_has_it"),
    (Mutant::ForgetOrphans, "invariant_every_notice_has_a_next_step"),
    (Mutant::RescueTheLiving, "invariant_only_the_dead_are_rescued"),
    (Mutant::ReviveAcked, "invariant_final_stays_final"),
    (Mutant::UncountedTries, "invariant_attempts_run_out"),
    (Mutant::GateIgnored, "invariant_nothing_passes_a_closed_gate"),
    (Mutant::NoLedger, "invariant_nothing_passes_a_closed_gate"),
    (Mutant::UncountedUses, "invariant_no_more_uses_than_approved"),
    (Mutant::SendTwice, "invariant_one_use_one_effect"),
    (Mutant::NeverReleased, "invariant_every_notice_has_a_next_step"),
    (Mutant::ForgetSeen, "invariant_one_event_counts_once"),
    (Mutant::NoReceiptRecord, "invariant_every_change_has_its_record"),
    (Mutant::DropDecisionRecord, "invariant_every_change_has_its_record"),
    (Mutant::LoseBeat, "invariant_nobody_who_reported_is_called_silent"),
    (Mutant::NeverFold, "invariant_checkpoints_are_folded"),
    (Mutant::DeafProbe, "invariant_nobody_who_reported_is_called_silent"),
    (Mutant::LookOnce, "invariant_a_silent_task_is_told"),
    (Mutant::ForgetIncident, "invariant_one_silence_one_notice_per_level"),
    (Mutant::EscalateAcknowledged, "invariant_what_is_taken_on_is_not_escalated"),
    (Mutant::NoShift, "invariant_nobody_who_reported_is_called_silent"),
    (Mutant::ShiftTwice, "invariant_nobody_who_reported_is_called_silent"),
];
