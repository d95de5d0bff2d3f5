//! Contracts and evaluation: what an event, a claim, evidence, a decision, a notice and a gate are, and what policy makes of them.
//!
//! Who is who:
//! - an **agent** (or an adapter on its behalf) reports [`event::Event`]s about a [`task::Task`];
//! - a [`claim::Claim`] is what it asserts, [`evidence::Evidence`] is what supports or contradicts that;
//! - policy packs turn [`facts::Facts`] into an [`pack::Evaluation`], recorded as a [`decision::Decision`];
//! - a [`notice::Notice`] tells the operator, one [`notice::Delivery`] per target, and a receipt says what is known of it.
//!
//! This crate is pure: no clock, no input or output, no randomness. Time and ids come from the caller.

pub mod approval;
pub mod artifact;
pub mod capability;
pub mod catalogue;
pub mod claim;
pub mod decision;
pub mod disclosure;
pub mod event;
pub mod evidence;
pub mod facts;
pub mod gate;
pub mod honesty;
pub mod ids;
pub mod limits;
pub mod notice;
pub mod outcome;
pub mod pack;
pub mod package;
pub mod profile;
pub mod read_back;
#[cfg(feature = "schema")]
pub mod schema;
pub mod settings;
pub mod stage;
pub mod task;
pub mod time;
pub mod work;
mod yaml;
