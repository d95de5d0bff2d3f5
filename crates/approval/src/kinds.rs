//! The thirteen gates as types, and the one kind that needs no opening.

use candor_core::gate::Gate;

mod sealed {
    pub trait Sealed {}
}

/// A gate as a type. Sealed: the list in this module is the whole list.
pub trait GateKind: sealed::Sealed + Send + Sync + 'static {
    /// The gate; none for [`Simulation`], which has no live effect.
    const GATE: Option<Gate>;
}

/// A gate that guards a live effect: all of them but [`Simulation`].
pub trait LiveGate: GateKind {}

/// What pretends: a dry run or a scripted stand-in. Nothing leaves, so no opening is needed.
#[derive(Debug)]
pub enum Simulation {}

impl sealed::Sealed for Simulation {}
impl GateKind for Simulation {
    const GATE: Option<Gate> = None;
}

macro_rules! live {
    ($($name:ident)+) => {$(
        #[doc = concat!("See [`Gate::", stringify!($name), "`].")]
        #[derive(Debug)]
        pub enum $name {}

        impl sealed::Sealed for $name {}
        impl GateKind for $name {
            const GATE: Option<Gate> = Some(Gate::$name);
        }
        impl LiveGate for $name {}
    )+

        /// Every live kind's gate, in the contract's order.
        #[cfg(test)]
        pub(crate) const LIVE: &[Option<Gate>] = &[$($name::GATE,)+];
    };
}

live! {
    CanonicalRuntimeReadback
    RuntimeResultCaptureWrite
    RuntimeScoreWrite
    RuntimeLearningWrite
    PlaybookTrustWrite
    ReviewerQueueWrite
    GatewayQueueWrite
    TelegramFailureReceiptSend
    BotApiCall
    RollbackWorkItemWrite
    ProductionWrite
    SecretRead
    DestructiveOperation
}

#[cfg(test)]
mod tests {
    use candor_core::gate::GATES;

    use super::LIVE;

    #[test]
    fn every_gate_of_the_contract_is_a_type() {
        assert_eq!(LIVE.iter().copied().flatten().collect::<Vec<_>>(), GATES);
    }
}
