//! Seeded bugs. Each lives in the simulator alone, as another order of the hands or a changed plan.

/// A bug that others have shipped, or that ours would be without its guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// The receipt is written before the provider is called.
    MarkBeforeSend,
    /// The provider is called before the attempt is committed.
    SendBeforeLease,
    /// The decision is committed apart from its notice.
    TwoCommits,
    /// Every attempt has a key of its own.
    KeyPerAttempt,
    /// An answer is booked on whatever attempt is open.
    NoFence,
    /// After a crash, an attempt with an unknown outcome is forgotten and sent again.
    BlindResend,
    /// A stand-in's answer counts like the destination's.
    AckSimulated,
    /// The channel's Retry-After is shortened.
    ShortenRetryAfter,
    /// Nobody takes back what a dead process held.
    ForgetOrphans,
    /// A repeat isn't marked as one.
    UnmarkedRepeat,
}

/// Every mutant, with the invariant that must find it.
pub(crate) const MUTANTS: [(Mutant, &str); 10] = [
    (Mutant::MarkBeforeSend, "invariant_acked_means_the_receiver_saw_it"),
    (Mutant::SendBeforeLease, "invariant_a_send_follows_its_commit"),
    (Mutant::TwoCommits, "invariant_what_was_accepted_has_its_notice"),
    (Mutant::KeyPerAttempt, "invariant_one_key_per_notice"),
    (Mutant::NoFence, "invariant_an_answer_is_booked_on_its_own_attempt"),
    (Mutant::BlindResend, "invariant_repeats_are_marked"),
    (Mutant::AckSimulated, "invariant_a_simulation_is_never_acked"),
    (Mutant::ShortenRetryAfter, "invariant_retry_after_is_a_floor"),
    (Mutant::ForgetOrphans, "invariant_every_notice_has_a_next_step"),
    (Mutant::UnmarkedRepeat, "invariant_repeats_are_marked"),
];
