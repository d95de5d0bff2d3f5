//! Gates and approvals: no live effect happens without a [`Permit`], and only the [`GateKeeper`] makes one.
//!
//! Who is who:
//! - a [`GateKind`] names one of the thirteen gates as a type ([`kinds`]), so that the compiler tells them apart;
//! - [`signers::Owners`] are the people whose signatures open gates;
//! - a [`Grant`](candor_core::gate::Grant) is one use of one gate, taken by the commit that also opens the effect's attempt;
//! - the [`GateKeeper`] turns a grant into a permit, once, or says why not ([`GateClosed`]);
//! - every function with a live effect takes its [`Permit`] by value: one permit, one effect.
//!
//! # What the type proves, and what it doesn't
//!
//! Holding a `Permit<G>` proves that a gate keeper was handed one use of gate `G` for that target, within its time, whose terms an owner of
//! now signed. It can't be built, copied or turned into a permit of another gate outside this crate.
//!
//! It doesn't prove that the use is on record: a grant is plain data, and whoever keeps one could hand it over twice.
//! [`GateKeeper::from_record`] is therefore called with what the consuming commit returned; a gate that is closed after that commit is seen by
//! the next attempt, not by this one.
//!
//! A permit can't be forged:
//! ```compile_fail,E0451
//! use candor_approval::{Permit, kinds::ProductionWrite};
//! let forged = Permit::<ProductionWrite> { effect: None, gate: std::marker::PhantomData };
//! ```
//!
//! It can't be conjured, copied or read from a file either:
//! ```compile_fail,E0277
//! fn needs_default<T: Default>() {}
//! needs_default::<candor_approval::Permit<candor_approval::kinds::ProductionWrite>>();
//! ```
//! ```compile_fail,E0277
//! fn needs_clone<T: Clone>() {}
//! needs_clone::<candor_approval::Permit<candor_approval::kinds::ProductionWrite>>();
//! ```
//! ```compile_fail,E0277
//! fn needs_deserialize<T: serde::de::DeserializeOwned>() {}
//! needs_deserialize::<candor_approval::Permit<candor_approval::kinds::ProductionWrite>>();
//! ```
//!
//! One permit is one effect:
//! ```compile_fail,E0382
//! use candor_approval::{GateKeeper, Permit, kinds::Simulation};
//! fn effect(_permit: Permit<Simulation>) {}
//! let permit = GateKeeper::simulation();
//! effect(permit);
//! effect(permit);
//! ```
//!
//! And a permit of one gate, or of none, doesn't open another:
//! ```compile_fail,E0308
//! use candor_approval::{GateKeeper, Permit, kinds::{BotApiCall, ProductionWrite}};
//! fn write(_permit: Permit<ProductionWrite>) {}
//! fn wrong(permit: Permit<BotApiCall>) { write(permit) }
//! ```
//! ```compile_fail,E0308
//! use candor_approval::{GateKeeper, Permit, kinds::ProductionWrite};
//! fn write(_permit: Permit<ProductionWrite>) {}
//! write(GateKeeper::simulation());
//! ```
//!
//! Nobody adds a gate from outside:
//! ```compile_fail,E0277
//! struct Mine;
//! impl candor_approval::GateKind for Mine {
//!     const GATE: Option<candor_core::gate::Gate> = None;
//! }
//! ```
//!
//! The right way compiles, which shows that the examples above fail for their own reasons:
//! ```
//! use candor_approval::{GateKeeper, Permit, kinds::{ProductionWrite, Simulation}};
//! use candor_core::time::Timestamp;
//!
//! fn write(_permit: Permit<ProductionWrite>) {}
//! fn pretend(_permit: Permit<Simulation>) {}
//! fn needs_debug<T: std::fmt::Debug>() {}
//!
//! needs_debug::<Permit<ProductionWrite>>();
//! pretend(GateKeeper::simulation());
//! let mut keeper = GateKeeper::from_record(candor_approval::signers::Owners::default(), Vec::new());
//! match keeper.permit::<ProductionWrite>(None, Timestamp::default()) {
//!     Ok(permit) => write(permit),
//!     Err(closed) => assert!(closed.to_string().contains("candor gate open production_write")),
//! }
//! ```

pub mod build;
pub mod drill;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
mod keeper;
pub mod kinds;
pub mod package;
pub mod readiness;
pub mod reading;
#[cfg(feature = "schema")]
pub mod schema;
pub mod signers;
pub mod throwaway;
pub mod truth;
pub mod validate;
mod vouch;

pub use keeper::{GateClosed, GateKeeper, Permit, WhyClosed};
pub use kinds::{GateKind, LiveGate};
pub use vouch::vouched;
